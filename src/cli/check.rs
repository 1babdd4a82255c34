//! `alertctl check`.

use crate::diagnostic::{Diagnostics, Severity};
use crate::engine::{Engine, EngineOptions};
use crate::promql::ast::{ExprKind, Type};
use crate::report::check::Checked;
use crate::report::diagnostic::Look;
use crate::rules::{self, Rule, RuleFile};
use crate::source::SourceMap;
use crate::store::{Conflicts, Store};

use super::args::{CheckArgs, CheckFormat};
use super::flags::Format;
use super::load::Disk;
use super::out::{self, Output};
use super::ui::{Terminal, tell};
use super::{Exit, Failure};

/// Loads all rules and tells everything that is wrong with them.
pub(super) fn run(args: &CheckArgs) -> Result<Exit, Failure> {
    let paths: Vec<String> = args.rules.iter().chain(&args.flagged).cloned().collect();
    let (texts, failures) = rules::find(&Disk, &paths);
    let mut sources = SourceMap::default();
    let mut diagnostics = Diagnostics::default();
    let mut files = Vec::new();
    for text in texts {
        files.push(rules::load_partly(&mut sources, &text.name, &text.bytes, &mut diagnostics));
    }
    rules::check_unique(&files, &mut diagnostics);
    let counted = files.clone();
    refused(files, &mut diagnostics);

    let checked = Checked::new(&counted, &diagnostics, &sources);
    let terminal = Terminal::look(args.color);
    let stdout = Output { format: Format::Table, path: None };
    if !checked.files.is_empty() {
        out::write(&stdout, &mut |out| match args.format {
            CheckFormat::Text => {
                let look = Look { color: terminal.stdout_color, width: terminal.width.unwrap_or(100) };
                checked.write_text(out, look, !args.quiet)
            }
            CheckFormat::Json => checked.write_json(out),
        })?;
    }
    let failed = !failures.is_empty();
    for failure in failures {
        tell(false, &Failure::from(failure).to_string());
    }
    let wanted = |severity: Severity| severity <= args.fail_on.severity();
    Ok(match failed {
        true => Exit::Failed,
        false if checked.diagnostics.iter().any(|one| wanted(one.severity)) => Exit::No,
        false => Exit::Good,
    })
}

/// Adds what the evaluator can not do, of the rules in which nothing else is wrong.
fn refused(mut files: Vec<RuleFile>, diagnostics: &mut Diagnostics) {
    let broken: Vec<_> = diagnostics
        .sorted()
        .into_iter()
        .filter(|found| found.severity == Severity::Error)
        .filter_map(|found| Some(found.primary?.at))
        .collect();
    let sound = |rule: &Rule| {
        let (file, span) = (rule.text.file, rule.text.span);
        let touched =
            |at: &crate::source::FileSpan| at.file == file && at.span.start <= span.end && span.start <= at.span.end;
        let mut whole = !broken.iter().any(touched);
        rule.expr.walk(&mut |expr| whole &= !matches!(expr.kind, ExprKind::Invalid));
        whole && matches!(rule.expr.ty(), Type::Scalar | Type::Vector)
    };
    for group in files.iter_mut().flat_map(|file| &mut file.groups) {
        group.rules.retain(sound);
    }
    if let Err(problems) = Engine::new(&files, EngineOptions::default(), &mut Store::new(Conflicts::Refuse)) {
        diagnostics.extend(problems);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns `code line:column` of what is found in a rule file.
    fn check(text: &str, expected: &[&str]) {
        let (mut sources, mut diagnostics) = (SourceMap::default(), Diagnostics::default());
        let file = rules::load_partly(&mut sources, "a.yml", text.as_bytes(), &mut diagnostics);
        refused(vec![file], &mut diagnostics);
        let told = diagnostics.sorted().into_iter().map(|found| {
            let at = sources.position(found.primary.expect("a place").at);
            format!("{} {}:{}", found.code, at.line, at.column)
        });
        assert_eq!(told.collect::<Vec<_>>(), expected, "{text}");
    }

    #[test]
    fn what_the_evaluator_refuses_is_told_with_all_else() {
        let rules = "groups:\n- name: g\n  rules:\n";
        let info = "  - {record: a, expr: 'info(up)'}\n";
        check(&format!("{rules}{info}"), &["not-supported 4:24"]);
        check(&format!("{rules}{info}  - {{alert: B}}\n"), &["not-supported 4:24", "missing-expr 5:5"]);
    }

    #[test]
    fn a_rule_with_a_mistake_is_told_once() {
        for expr in ["info(up", "rate(info(up))", "up[5m]", "'up'", "info(up)[5m]", "\"info(up)\" + nope()"] {
            let text = format!("groups:\n- name: g\n  rules:\n  - record: a\n    expr: {expr}\n");
            let (mut sources, mut diagnostics) = (SourceMap::default(), Diagnostics::default());
            let file = rules::load_partly(&mut sources, "a.yml", text.as_bytes(), &mut diagnostics);
            let before = diagnostics.sorted().len();
            refused(vec![file], &mut diagnostics);
            assert_eq!(diagnostics.sorted().len(), before, "{expr}");
        }
    }
}
