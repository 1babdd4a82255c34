//! `diff --format github`: annotations on the lines of the new rules, and a notice that says what all come to.

use std::io::{self, Write};

use super::words;
use crate::diff::{Difference, RuleDifference};
use crate::report::annotation::{MOST, data, property};
use crate::report::check::Root;
use crate::report::table::grid::printable;

/// The title of annotations that are about the whole comparison.
const TITLE: &str = "alertctl diff";

/// Writes an annotation for each rule of which an episode differs, or that fails or reads what is not there; warnings first,
/// which are these and firings that are lost or new. Those of a kind that a step would not show stand in the log, and the last annotation counts them.
///
/// # Errors
/// What the writer says.
pub fn write(out: &mut dyn Write, difference: &Difference, root: &Root) -> io::Result<()> {
    let order = difference.worst_first();
    let rules = order
        .iter()
        .map(|at| &difference.rules[*at])
        .filter(|rule| !rule.differences.is_empty() || words::is_amiss(rule));
    let (warnings, notices): (Vec<_>, Vec<_>) =
        rules.partition(|rule| rule.firings() != (0, 0) || words::is_amiss(rule));
    for (kind, rules) in [("warning", &warnings), ("notice", &notices)] {
        // The headline is a notice as well.
        let most = if kind == "notice" { MOST - 1 } else { MOST };
        let shown = if rules.len() > most { most - 1 } else { rules.len() };
        for rule in &rules[..shown] {
            write!(out, "::{kind} ")?;
            if let Some(side) = &rule.after {
                write!(out, "file={},line={},", property(&root.path(&side.facts.file)), side.facts.line)?;
            }
            writeln!(out, "title={}::{}", property(words::name(rule)), data(&text(rule)))?;
        }
        for rule in &rules[shown..] {
            let line = format!("{}: {}: {}", words::place(rule), words::name(rule), text(rule).replace('\n', "; "));
            // The older form of a command is obeyed anywhere in a line.
            writeln!(out, "  {}", printable(&line).replace("##[", "## ["))?;
        }
        if rules.len() > shown {
            let more = rules.len() - shown;
            writeln!(out, "::{kind} title={TITLE}::{more} more: they stand in the log of this step")?;
        }
    }
    writeln!(out, "::notice title={TITLE}::{}", data(&words::headline(difference)))
}

fn text(rule: &RuleDifference) -> String {
    // Of a rule that is amiss nothing need differ.
    let mut what: Vec<String> = Some(words::differences(rule)).filter(|text| text != words::NONE).into_iter().collect();
    if words::is_alert(rule) {
        what.push(format!("fired {}, firing {}", words::fired(rule), words::firing(rule)));
    }
    let mut lines = vec![what.join("; ")];
    lines.extend(Some(words::change(rule)).filter(|change| !change.is_empty()));
    lines.join("\n")
}
