//! What a person would want to know of a run next to its results: one line each, for standard error.

use std::collections::HashMap;
use std::hash::Hash;
use std::io::{self, Write};

use crate::diagnostic::Severity;
use crate::format::{count, counted};
use crate::input;
use crate::outcome::{Kind, Outcome, RuleFacts};
use crate::promql::annotation::Level;
use crate::time::Timestamp;

use super::table::grid::printable;

/// The most lines of one kind.
const SHOWN: usize = 10;

/// Writes the lines; `table` says whether the results are shown as a table, which says itself why alerts are silent.
///
/// # Errors
/// What the writer says.
pub fn write(out: &mut dyn Write, outcome: &Outcome, table: bool) -> io::Result<()> {
    notes(outcome, table).iter().try_for_each(|note| writeln!(out, "{}", printable(note)))
}

/// Writes what was seen while recordings were read.
///
/// # Errors
/// What the writer says.
pub fn write_recording(out: &mut dyn Write, input: &input::Summary) -> io::Result<()> {
    recording(input).iter().try_for_each(|note| writeln!(out, "{}", printable(note)))
}

fn notes(outcome: &Outcome, table: bool) -> Vec<String> {
    let mut notes = recording(&outcome.input);
    notes.extend(missing(outcome.rules.iter().filter(|rule| !table || rule.kind == Kind::Record)));
    notes.extend(few(faults(&outcome.rules).into_iter()));
    notes.extend(annotations(&outcome.rules));
    notes.extend(outcome.notes.iter().map(|note| {
        let word = if note.severity == Severity::Warning { "warning" } else { "note" };
        format!("{word}: {}", note.message)
    }));
    notes
}

/// Writes what is wrong with some rules that were evaluated next to those of an outcome: of those that record, which
/// metrics they lack, and of all, what failed.
///
/// # Errors
/// What the writer says.
pub fn write_rules(out: &mut dyn Write, rules: &[RuleFacts]) -> io::Result<()> {
    let mut notes = missing(rules.iter().filter(|rule| rule.kind == Kind::Record));
    notes.extend(few(faults(rules).into_iter()));
    notes.extend(annotations(rules));
    notes.iter().try_for_each(|note| writeln!(out, "{}", printable(note)))
}

/// Says which metrics rules select that are not in the recording.
fn missing<'a>(rules: impl Iterator<Item = &'a RuleFacts>) -> Vec<String> {
    let missing = rules.flat_map(|rule| rule.missing.iter().map(move |metric| (rule, metric)));
    let causes =
        by_cause(missing.map(|(rule, metric)| (format!("no such metric: {}{}", metric.name, metric.hint()), rule)));
    few(causes.into_iter().map(|(cause, rules)| format!("warning: {}: {cause}", places(&rules))))
}

/// Says what was seen while the recordings were read.
fn recording(input: &input::Summary) -> Vec<String> {
    let warnings = input.inputs.iter().flat_map(|one| one.warnings.iter().map(move |text| (&one.path, text)));
    let warnings = by_cause(warnings.map(|(path, text)| (text.clone(), path)));
    let mut notes = few(warnings.into_iter().map(|(text, paths)| match paths.as_slice() {
        [path] => format!("warning: {path}: {text}"),
        [path, more @ ..] => format!("warning: {path} and {}: {text}", more_of(more.len(), "file")),
        [] => format!("warning: {text}"),
    }));
    notes.extend(input.order_remarks().into_iter().map(|remark| format!("warning: {remark}")));
    notes
}

/// Says of which rules evaluations failed: one line for each message.
fn faults(rules: &[RuleFacts]) -> Vec<String> {
    let failed = rules.iter().filter_map(|rule| Some((rule.counts.faults.first()?, rule)));
    let causes = by_cause(failed.map(|(fault, rule)| (fault.message.as_str(), (fault.first, rule))));
    let line = |(message, found): (&str, Vec<(Timestamp, &RuleFacts)>)| {
        let first = found.iter().map(|(first, _)| *first).min()?;
        let rules: Vec<&RuleFacts> = found.iter().map(|(_, rule)| *rule).collect();
        let failed = counted(rules.iter().map(|rule| rule.failed()).sum(), "evaluation");
        Some(format!("warning: {}: {failed} failed, first at {first}: {message}", places(&rules)))
    };
    causes.into_iter().filter_map(line).collect()
}

/// Says what evaluations told beside their results, warnings before infos: one line for each text and the rules that told
/// it, but no more than one for a rule.
fn annotations(rules: &[RuleFacts]) -> Vec<String> {
    let of = |level: Level, word: &str| {
        let all = rules.iter().flat_map(|rule| rule.annotations.iter().map(move |annotation| (rule, annotation)));
        let found = all.filter(|(_, annotation)| annotation.level == level);
        let causes = by_cause(found.map(|(rule, annotation)| (annotation.text.as_str(), (rule, annotation.count))));
        let told = causes.into_iter().map(|(text, found)| {
            let rules: Vec<&RuleFacts> = found.iter().map(|(rule, _)| *rule).collect();
            let evaluations = counted(found.iter().map(|(_, count)| count).sum(), "evaluation");
            let first = rules.first().map(|rule| (rule.file.as_str(), rule.line, rule.name.as_str()));
            (first, (places(&rules), format!("{text}, at {evaluations}")))
        });
        few(by_cause(told).into_iter().filter_map(|(_, lines)| {
            let ((places, text), more) = lines.split_first()?;
            let more =
                if more.is_empty() { String::new() } else { format!(", and {}: -o json", more_of(more.len(), word)) };
            Some(format!("{word}: {places}: {text}{more}"))
        }))
    };
    let mut lines = of(Level::Warning, "warning");
    lines.extend(of(Level::Info, "note"));
    lines
}

/// Puts together what has one cause, in the order in which the causes come.
fn by_cause<C: Clone + Eq + Hash, T>(found: impl Iterator<Item = (C, T)>) -> Vec<(C, Vec<T>)> {
    let mut causes: Vec<(C, Vec<T>)> = Vec::new();
    let mut places: HashMap<C, usize> = HashMap::new();
    for (cause, one) in found {
        let next = causes.len();
        let place = *places.entry(cause.clone()).or_insert(next);
        if place == next {
            causes.push((cause, Vec::new()));
        }
        causes[place].1.push(one);
    }
    causes
}

/// Names the first of some rules, and says how many more there are.
fn places(rules: &[&RuleFacts]) -> String {
    let Some((rule, more)) = rules.split_first() else { return String::new() };
    let first = format!("{}:{}: {}", rule.file, rule.line, rule.name);
    if more.is_empty() { first } else { format!("{first} and {}", more_of(more.len(), "rule")) }
}

fn more_of(more: usize, what: &str) -> String {
    format!("{} more {what}{}", count(more as u64), if more == 1 { "" } else { "s" })
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
    fn what_was_read_and_what_failed_is_reported() {
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
        assert!(told[1].starts_with("warning: b.csv:7: is before the row above it"), "{told:?}");
        assert!(told[2].starts_with("warning: 2 samples repeat another one"), "{told:?}");
        outcome.rules[2].kind = Kind::Record;
        let told = notes(&outcome, true);
        assert!(told[3].ends_with("no such metric: batch_last_run, near: batch_last_run_seconds"), "{told:?}");
    }

    #[test]
    fn one_cause_is_one_line() {
        let mut outcome = sample::outcome();
        let of_one = notes(&outcome, false).len();
        let silent = outcome.rules[2].clone();
        outcome.rules.extend([silent.clone(), silent]);
        let told = notes(&outcome, false);
        assert_eq!(told.len(), of_one);
        let missing = "and 2 more rules: no such metric: batch_last_run, near: batch_last_run_seconds";
        assert!(told.iter().any(|line| line.ends_with(missing)), "{told:?}");
    }

    #[test]
    fn many_lines_of_a_kind_are_counted() {
        let lines = few((0..13).map(|at| at.to_string()));
        assert_eq!((lines.len(), lines[10].trim()), (11, "and 3 more such: -o json"));
    }
}
