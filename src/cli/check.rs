//! `alertctl check`.

use crate::diagnostic::Severity;
use crate::engine;
use crate::lint;
use crate::lint::subject::{LintOptions, Subject};
use crate::report::check::Checked;
use crate::report::diagnostic::Look;
use crate::rules::{self, RuleSet};

use super::args::{CheckArgs, CheckFormat};
use super::claims::Claims;
use super::load::Disk;
use super::rules::without_rules;
use super::ui::Terminal;
use super::{Exit, Failure};
use super::{mistaken, out};

/// Loads all rules and tells everything that is wrong with them.
pub(super) fn run(args: &CheckArgs) -> Result<Exit, Failure> {
    let paths: Vec<String> = args.rules.iter().chain(&args.flagged).cloned().collect();
    out::check_stdout()?;
    Claims::default().rules(&paths).check()?;
    let (texts, failures) = rules::find(&Disk, &paths);
    let mut rules = RuleSet { keep_parts: true, ..args.keys.rules() };
    rules.add_all_partly(texts.iter().map(|text| (text.name.as_str(), text.bytes.as_slice())));
    rules.check_unique();
    rules.check_loops();
    engine::check(&mut rules);
    let found = lint::run(&Subject::new(&rules, LintOptions::default()), &|_| true);
    rules.diagnostics.extend(found);
    let line = |name: &str| format!("alertctl data {name}");
    if let Some(failure) = mistaken::not_loaded(&rules, &texts, line) {
        return Err(failure);
    }
    let shown = rules.diagnostics.at_least(args.min_severity.severity());
    let checked = Checked::new(&rules.files, &shown, &rules.sources);
    let terminal = Terminal::look(args.color);
    if !checked.files.is_empty() {
        out::write_to(None, &mut |out| match args.format {
            CheckFormat::Text => {
                let look = Look { color: terminal.stdout_color, width: terminal.width };
                checked.write_text(out, look, !args.quiet)
            }
            CheckFormat::Json => checked.write_json(out),
        })?;
    }
    let failed = !failures.is_empty();
    for failure in failures {
        Failure::from(failure).say();
    }
    let wanted = |severity: Severity| severity <= args.fail_on.severity();
    if failed {
        Ok(Exit::Failed)
    } else if checked.diagnostics.iter().any(|one| wanted(one.severity)) {
        Ok(Exit::No)
    } else if rules.is_empty() {
        // A gate that checked nothing must not be green.
        Err(without_rules(&paths))
    } else {
        Ok(Exit::Good)
    }
}
