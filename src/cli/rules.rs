//! The rules of a run: files and quick expressions, and what is said about them.

use crate::diagnostic::Diagnostics;
use crate::rules::{self, RuleSet, RuleText};
use crate::source::SourceMap;

use super::flags::RuleArgs;
use super::load::Disk;
use super::problems::{self, show};
use super::ui::{Terminal, say};
use super::{Failure, mistaken};

/// Loads all rule files and expressions and shows all their problems; none when one is an error.
///
/// `recordings` are what the command line names besides, for the line to type where one was taken for the other.
pub(super) fn load_all<'a>(
    args: &RuleArgs,
    recordings: impl Iterator<Item = &'a String>,
    quiet: bool,
    terminal: &Terminal,
) -> Result<Option<RuleSet>, Failure> {
    let common = args.quick()?;
    let mut rules = args.keys.rules();
    let texts = found(&args.rules)?;
    say_unread(&args.rules, quiet);
    rules.add_all(texts.iter().map(|text| (text.name.as_str(), text.bytes.as_slice())));
    let others: Vec<String> = recordings.cloned().collect();
    let line = |name: &str| mistaken::with_rules("eval", name, &others);
    if let Some(failure) = mistaken::not_loaded(&rules, &texts, line) {
        return Err(failure);
    }
    rules.add_expressions(&args.expr, &common);
    rules.check_unique();
    if rules.diagnostics.has_errors() {
        refuse(&rules.diagnostics, &rules.sources, terminal);
        return Ok(None);
    }
    if !quiet {
        show(&rules.diagnostics, &rules.sources, terminal);
    }
    if rules.is_empty() {
        return Err(without_rules(&args.rules));
    }
    Ok(Some(rules))
}

/// Returns the failure of a command whose rule files have no rule.
pub(super) fn without_rules(paths: &[String]) -> Failure {
    let named = paths.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", ");
    Failure::new(format!("no rules in {named}"))
        .hint("write a rule file like: groups: [{name: hosts, rules: [{alert: InstanceDown, expr: up == 0, for: 5m}]}]")
}

/// Says which folders below those that were named have rule files that are not read.
pub(super) fn say_unread(paths: &[String], quiet: bool) {
    const NAMED: usize = 3;
    for (named, below) in if quiet { Vec::new() } else { rules::unread_folders(&Disk, paths) } {
        let mut shown: Vec<&str> = below.iter().take(NAMED).map(|name| name.trim_start_matches("./")).collect();
        let more = format!("{} more", below.len().saturating_sub(NAMED));
        shown.extend((below.len() > NAMED).then_some(more.as_str()));
        let glob = match named.as_str() {
            "." => "**/*.y*ml".to_owned(),
            named => format!("{named}/**/*.y*ml"),
        };
        say(false, &format!("note: rule files in {} were not read: '{glob}'", shown.join(", ")));
    }
}

/// Reads rule files from the disk, all of them.
pub(super) fn found(paths: &[String]) -> Result<Vec<RuleText>, Failure> {
    let (texts, errors) = rules::find(&Disk, paths);
    errors.into_iter().next().map_or(Ok(texts), |error| Err(error.into()))
}

/// Shows problems of which one is an error, and says that this is the end.
pub(super) fn refuse(diagnostics: &Diagnostics, sources: &SourceMap, terminal: &Terminal) {
    show(diagnostics, sources, terminal);
    say(false, &problems::count(diagnostics, "the rules; nothing was evaluated"));
}
