//! A recording where rules are expected, and rules where a recording is: the line to type.

use crate::input::{BadRows, InputError, ReadOptions, Recording, Text};
use crate::limits;
use crate::replay::{self, RunError};
use crate::rules::{RuleSet, RuleText};
use crate::source;

use super::Failure;
use super::load::Disk;

/// Returns whether a text holds samples, whatever else is wrong with it.
fn is_recording(text: &RuleText) -> bool {
    if is_blank(&text.bytes) {
        return false;
    }
    let options = ReadOptions { bad_rows: BadRows::Skip { share: Some(1.0) }, ..ReadOptions::default() };
    let opened = Recording::open(vec![Text::boxed(text.name.as_str(), &text.bytes)], options);
    let read = opened.map_err(RunError::Input).and_then(|mut recording| replay::span(&mut recording, &mut ()));
    match read {
        Ok(span) => span.is_some(),
        // What can only be wrong with a recording makes it one. Of a long text the beginning alone is there.
        Err(RunError::Input(error)) => matches!(
            error,
            InputError::HeaderOnly { .. }
                | InputError::TimeUnit { .. }
                | InputError::NoValueColumn { .. }
                | InputError::Compressed { .. }
        ),
        Err(_) => false,
    }
}

/// Returns whether a text says nothing, in YAML or JSON.
fn is_blank(bytes: &[u8]) -> bool {
    let said = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let mut said = said.filter(|line| !line.is_empty() && !line.starts_with(b"#") && *line != b"---");
    match (said.next(), said.next()) {
        (None, _) => true,
        (Some(line), None) => matches!(line, b"[]" | b"{}" | b"null" | b"~"),
        _ => false,
    }
}

/// Returns whether a file holds rules, whatever else is wrong with them.
fn is_rules(name: &str) -> bool {
    let Ok(bytes) = source::bytes(&Disk, name, limits::YAML_BYTES) else { return false };
    let mut rules = RuleSet::default();
    rules.add_partly(name, &bytes);
    !rules.is_empty()
}

/// Says that one of the texts that were given as rules is a recording; nothing where none is. `line` is what to type,
/// given the recording's name.
pub(super) fn not_rules(texts: &[RuleText], line: impl Fn(&str) -> String) -> Option<Failure> {
    let text = texts.iter().find(|text| is_recording(text))?;
    let message = format!("`{}` looks like a recording, not like rules", text.name);
    Some(Failure::new(message).hint(line(&text.name)))
}

/// Says the same of rules that hold nothing but errors, or no rule at all.
pub(super) fn not_loaded(rules: &RuleSet, texts: &[RuleText], line: impl Fn(&str) -> String) -> Option<Failure> {
    if rules.diagnostics.has_errors() || rules.is_empty() { not_rules(texts, line) } else { None }
}

/// Returns the command line that evaluates a recording given as rules: with the rules that were given as a recording,
/// if there are any.
pub(super) fn with_rules<'a>(command: &str, recording: &str, others: impl IntoIterator<Item = &'a String>) -> String {
    let rules = others.into_iter().find(|name| is_rules(name)).map_or("RULES", String::as_str);
    format!("alertctl {command} -r {rules} {recording}")
}

/// Says that one of the files that were given as recordings holds rules; nothing where none does.
pub(super) fn not_recordings(command: &str, names: &[String]) -> Option<Failure> {
    let rules = names.iter().find(|name| is_rules(name))?;
    let recording = names.iter().find(|name| *name != rules).map_or("RECORDING", String::as_str);
    let line = match command {
        "data" | "init" => format!("alertctl check {rules}"),
        "check" => format!("alertctl check {rules} -d {recording}"),
        "diff" => format!("alertctl diff OLD {rules} {recording}"),
        "query" => format!("alertctl eval -r {rules} {recording}"),
        _ => format!("alertctl {command} -r {rules} {recording}"),
    };
    Some(Failure::new(format!("`{rules}` looks like rules, not like a recording")).hint(line))
}

/// Returns what to type where a command line has rules among its words, but not after `-r`.
pub(super) fn unflagged(words: &[String]) -> Option<String> {
    let command = words.get(1).filter(|command| *command == "eval" || *command == "profile")?;
    let files: Vec<String> = words[2..]
        .iter()
        .filter(|word| !word.starts_with('-') && source::expand(&Disk, word).is_ok())
        .cloned()
        .collect();
    let failure = not_recordings(command, &files)?;
    Some(format!("{}: {}", failure.message, failure.hint?))
}
