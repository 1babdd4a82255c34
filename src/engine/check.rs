//! What the evaluator cannot do, found without a recording.

use crate::diagnostic::Severity;
use crate::promql::ast::Expr;
use crate::promql::ast::{ExprKind, Type};
use crate::promql::parse::Problem;
use crate::promql::plan::{Context, LowerOptions};
use crate::promql::program::Program;
use crate::rules::{Rule, RuleSet};
use crate::source::FileSpan;
use crate::store::{Conflicts, Store};

use super::{Engine, EngineOptions};

/// Adds to the problems of rules what can never be evaluated, of the rules in which nothing else is wrong.
///
/// Cost: the rules are built as for a run.
pub fn check(set: &mut RuleSet) {
    let errors = set.diagnostics.sorted().into_iter().filter(|found| found.severity == Severity::Error);
    let broken: Vec<FileSpan> = errors.filter_map(|found| Some(found.primary?.at)).collect();
    let sound = |rule: &Rule| {
        let (file, span) = (rule.text.file, rule.text.span);
        let touched = |at: &FileSpan| at.file == file && at.span.start <= span.end && span.start <= at.span.end;
        let mut whole = !broken.iter().any(touched);
        rule.expr.walk(&mut |expr| whole &= !matches!(expr.kind, ExprKind::Invalid));
        whole && matches!(rule.expr.ty(), Type::Scalar | Type::Vector)
    };
    let mut files = set.files.clone();
    for group in files.iter_mut().flat_map(|file| &mut file.groups) {
        group.rules.retain(sound);
    }
    if let Err(problems) = Engine::new(&files, EngineOptions::default(), &mut Store::new(Conflicts::Refuse)) {
        set.diagnostics.extend(problems);
    }
}

/// Returns why an expression of a rule can never be evaluated.
pub(crate) fn refused(expr: &Expr) -> Vec<Problem> {
    let EngineOptions { lookback, interval, delayed_names, .. } = EngineOptions::default();
    let options =
        LowerOptions { lookback, subquery_step: interval, delayed_names, context: Context::Rule, reads_written: false };
    Program::new(options).add(expr).err().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns `code line:column` of what is found in a rule file.
    fn check(text: &str, expected: &[&str]) {
        let mut rules = RuleSet::default();
        rules.add_partly("a.yml", text.as_bytes());
        super::check(&mut rules);
        let told = rules.diagnostics.sorted().into_iter().map(|found| {
            let at = rules.sources.position(found.primary.expect("a place").at);
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
            let mut rules = RuleSet::default();
            rules.add_partly("a.yml", text.as_bytes());
            let before = rules.diagnostics.sorted().len();
            super::check(&mut rules);
            assert_eq!(rules.diagnostics.sorted().len(), before, "{expr}");
        }
    }
}
