//! What a person would want to know of a run next to its results: one line each, for standard error.

use std::io::{self, Write};

use crate::diagnostic::Severity;
use crate::format::{count, counted};
use crate::input;
use crate::outcome::{Kind, Outcome, RuleFacts};

/// The most lines of one kind.
const SHOWN: usize = 10;

/// Writes the lines; `table` says whether the results are shown as a table, which says itself why alerts are silent.
///
/// # Errors
/// What the writer says.
pub fn write(out: &mut dyn Write, outcome: &Outcome, table: bool) -> io::Result<()> {
    notes(outcome, table).iter().try_for_each(|note| writeln!(out, "{note}"))
}

fn notes(outcome: &Outcome, table: bool) -> Vec<String> {
    let mut notes = recording(&outcome.input);
    let silent = outcome.rules.iter().filter(|rule| !table || rule.kind == Kind::Record);
    let missing = silent.flat_map(|rule| rule.missing.iter().map(move |metric| (rule, metric)));
    notes.extend(few(missing.map(|(rule, metric)| {
        let near = if metric.near.is_empty() { String::new() } else { format!(", near: {}", metric.near.join(", ")) };
        format!("warning: {}: no such metric: {}{near}", place(rule), metric.name)
    })));
    notes.extend(few(outcome.rules.iter().filter_map(fault)));
    notes.extend(outcome.notes.iter().map(|note| {
        let word = if note.severity == Severity::Warning { "warning" } else { "note" };
        format!("{word}: {}", note.message)
    }));
    notes
}

/// Says what was seen while the recordings were read.
fn recording(input: &input::Summary) -> Vec<String> {
    let warnings = input.inputs.iter().flat_map(|one| one.warnings.iter().map(move |text| (&one.path, text)));
    let mut notes = few(warnings.map(|(path, text)| format!("warning: {path}: {text}")));
    if let Some((path, line)) = &input.disorder {
        notes.push(format!(
            "warning: {path}:{line}: lies before the row above it; the recording was sorted, and held in memory for that"
        ));
    }
    if input.repeats > 0 {
        let verb = if input.repeats == 1 { "repeats" } else { "repeat" };
        let repeats = counted(input.repeats, "sample");
        notes.push(format!("warning: {repeats} {verb} another one of the same series, time and value (left out)"));
    }
    notes
}

/// Says that evaluations of a rule failed.
fn fault(rule: &RuleFacts) -> Option<String> {
    let first = rule.counts.faults.first()?;
    let failed = counted(rule.failed(), "evaluation");
    Some(format!("warning: {}: {failed} failed, first at {}: {}", place(rule), first.first, first.message))
}

fn place(rule: &RuleFacts) -> String {
    format!("{}:{}: {}", rule.file, rule.line, rule.name)
}

/// Keeps the first lines of a kind and counts the rest.
fn few(lines: impl Iterator<Item = String>) -> Vec<String> {
    let mut lines: Vec<String> = lines.collect();
    if let Some(more @ 1..) = lines.len().checked_sub(SHOWN) {
        lines.truncate(SHOWN);
        lines.push(format!("         and {} more such: -o json", count(more as u64)));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::sample;

    #[test]
    fn what_was_read_and_what_failed_is_told() {
        let one = input::InputSummary {
            path: "a.csv".into(),
            warnings: vec!["the last line has no line end".to_owned()],
            ..input::InputSummary::default()
        };
        let input = input::Summary {
            inputs: vec![one],
            repeats: 2,
            disorder: Some(("b.csv".into(), 7)),
            ..input::Summary::default()
        };
        let mut outcome = sample::outcome();
        outcome.input = input;
        let told = notes(&outcome, true);
        assert_eq!(told.len(), 3, "{told:?}");
        assert_eq!(told[0], "warning: a.csv: the last line has no line end");
        assert!(told[1].starts_with("warning: b.csv:7: lies before the row above it"), "{told:?}");
        assert!(told[2].starts_with("warning: 2 samples repeat another one"), "{told:?}");
        outcome.rules[2].kind = Kind::Record;
        let told = notes(&outcome, true);
        assert!(told[3].ends_with("no such metric: batch_last_run, near: batch_last_run_seconds"), "{told:?}");
    }

    #[test]
    fn many_lines_of_a_kind_are_counted() {
        let lines = few((0..13).map(|at| at.to_string()));
        assert_eq!((lines.len(), lines[10].trim()), (11, "and 3 more such: -o json"));
    }
}
