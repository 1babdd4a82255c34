//! `alertctl check`.

mod explain;
mod fix;

use crate::diagnostic::Severity;
use crate::engine;
use crate::lint;
use crate::lint::subject::{LintOptions, Subject};
use crate::report::check::Checked;
use crate::report::diagnostic::Look;
use crate::rules::{self, RuleSet, RuleText};

use super::args::{CheckArgs, CheckFormat};
use super::claims::Claims;
use super::load::Disk;
use super::rules::without_rules;
use super::ui::{Terminal, say};
use super::{Exit, Failure};
use super::{mistaken, out};

/// Loads all rules, looks at them with every lint, fixes what is asked for, and says what is wrong with the rest.
pub(super) fn run(args: &CheckArgs) -> Result<Exit, Failure> {
    out::check_stdout()?;
    let terminal = Terminal::look(args.color);
    let look = Look { color: terminal.stdout_color, width: terminal.width };
    if let Some(code) = &args.explain {
        return explain::explain(code, look);
    }
    if args.list_lints {
        return explain::list(look);
    }
    let paths: Vec<String> = args.rules.iter().chain(&args.flagged).cloned().collect();
    Claims::default().rules(&paths).check()?;
    let (mut texts, failures) = rules::find(&Disk, &paths);
    let failed = !failures.is_empty();
    failures.into_iter().for_each(|failure| Failure::from(failure).say());
    let mut patched = false;
    if args.fix || args.diff {
        let fixed = fix::fixed(&texts, |texts| found(args, texts))?;
        for name in &fixed.left {
            say(false, &format!("warning: `{name}` is left as it is: its fixes would not load"));
        }
        patched = !fixed.is_empty();
        if args.diff {
            let patch = fixed.patch(&texts);
            out::write_to(None, &mut |out| out.write_all(patch.as_bytes()))?;
            let would = if patched { format!("would fix {}", fixed.summary()) } else { "nothing to fix".to_owned() };
            say(args.quiet, &would);
        } else {
            fixed.write()?;
            say(args.quiet || !patched, &format!("fixed {}", fixed.summary()));
        }
        texts = fixed.texts;
    }
    let rules = found(args, &texts)?;
    let checked = Checked::new(&rules.files, &rules.diagnostics, &rules.sources);
    if !checked.files.is_empty() && !args.diff {
        out::write_to(None, &mut |out| match args.format {
            CheckFormat::Text => checked.write_text(out, look, !args.quiet),
            CheckFormat::Json => checked.write_json(out),
        })?;
    }
    let wanted = |severity: Severity| severity <= args.fail_on.severity();
    if failed {
        Ok(Exit::Failed)
    } else if args.diff && patched || checked.diagnostics.iter().any(|one| wanted(one.severity)) {
        Ok(Exit::No)
    } else if rules.is_empty() {
        // A gate that checked nothing must not be green.
        Err(without_rules(&paths))
    } else {
        Ok(Exit::Good)
    }
}

/// Returns rules and what is to be shown of what was found in them.
fn found(args: &CheckArgs, texts: &[RuleText]) -> Result<RuleSet, Failure> {
    let mut rules = RuleSet { keep_parts: true, ..args.keys.rules() };
    rules.add_all_partly(texts.iter().map(|text| (text.name.as_str(), text.bytes.as_slice())));
    rules.check_unique();
    rules.check_loops();
    engine::check(&mut rules);
    let line = |name: &str| format!("alertctl data {name}");
    if let Some(failure) = mistaken::not_loaded(&rules, texts, line) {
        return Err(failure);
    }
    let linted = lint::run(&Subject::new(&rules, LintOptions::default()), &|_| true);
    rules.diagnostics.extend(linted);
    rules.diagnostics = rules.diagnostics.at_least(args.min_severity.severity());
    Ok(rules)
}
