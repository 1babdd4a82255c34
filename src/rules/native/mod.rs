//! Rule files in alertctl's own form: thresholds on metrics, which become the same rules and expressions as those of
//! Prometheus' form.
//!
//! A file is one group, named after the file: the derived metrics first, in order, then the alerts.

pub(super) mod action;
mod condition;
mod derived;
mod rule;
mod stitch;
mod threshold;
pub(super) mod unique;

use std::path::Path;

use crate::diagnostic::{Diagnostic, codes, nearest};
use crate::source::{Located, Span, TextMap};
use crate::time::Millis;
use crate::yaml::fields::{Field, Fields, Named, list};
use crate::yaml::problems::Problems;

use super::parts::{GroupParts, Part};
use super::rule::check_label_name;
use super::{Evaluate, Group};

use self::unique::Names;

const FILE_KEYS: [&str; 5] = ["alertctl", "evaluate", "defaults", "derived", "rules"];
const DEFAULTS_KEYS: [&str; 3] = ["severity", "for", "labels"];
const SEVERITIES: [&str; 3] = ["info", "warning", "critical"];
/// The word for a schedule that follows the rows of the recording.
const EACH_ROW: &str = "each_row";

/// What holds for each rule of a file that says nothing else.
#[derive(Debug)]
struct Defaults<'a> {
    severity: &'static str,
    hold: Millis,
    labels: Vec<Named<'a>>,
    /// Whether rules keep where their parts stand.
    keep_parts: bool,
}

/// Reads the group of a file, of which `fields` are the keys; `name` is the file's.
pub(super) fn group<'a>(mut fields: Fields<'a>, name: &str, keep_parts: bool, problems: &mut Problems<'_>) -> Group {
    let version = fields.take("alertctl");
    let span = version.map_or(fields.span, |field| field.key_span);
    let name = Path::new(name).file_stem().map_or_else(|| name.to_owned(), |stem| stem.to_string_lossy().into_owned());
    check_version(version, problems);
    problems.set_subject(Some((name.clone(), String::new())));
    let schedule = fields.take("evaluate");
    let parts = keep_parts.then(|| {
        let interval = schedule.map(|field| Part::of(field, problems));
        Box::new(GroupParts { span: problems.at(fields.span), interval, limit: None, query_offset: None, within: None })
    });
    let evaluate = schedule.map_or(Evaluate::EveryRow, |field| evaluate(field, problems));
    let defaults = defaults(fields.take("defaults"), keep_parts, problems);
    let mut names = Names::default();
    let derived = fields.take("derived");
    let mut rules =
        derived.map(|field| derived::read(field, &name, keep_parts, &mut names, problems)).unwrap_or_default();
    problems.set_subject(Some((name.clone(), String::new())));
    let listed = fields.take("rules").map(|field| field.sequence(problems)).unwrap_or_default();
    fields.finish("a rule file of alertctl's own form", &FILE_KEYS, hint, problems);
    rules.extend(listed.iter().filter_map(|node| rule::read(node, &name, &defaults, &mut names, problems)));
    problems.set_subject(None);
    let at = problems.at(span);
    let map = TextMap::verbatim(span.start, 0);
    let name = Located { text: name, file: at.file, span, map };
    Group { name, evaluate, query_offset: None, limit: 0, rules, at, parts }
}

fn check_version(field: Option<Field<'_>>, problems: &mut Problems<'_>) {
    let Some(field) = field else { return };
    if field.value.scalar().is_none_or(|scalar| scalar.text() != "1") {
        let message = "`alertctl` is the version of the form, and 1 is the only one there is";
        problems.error_with_help(codes::FORM_VERSION, message, field.value.span, "`alertctl: 1`");
    }
}

fn evaluate(field: Field<'_>, problems: &mut Problems<'_>) -> Evaluate {
    let text = field.value_text();
    if text == EACH_ROW || field.value.is_null() {
        return Evaluate::EveryRow;
    }
    let help = format!("`evaluate: {EACH_ROW}`, or an interval such as `evaluate: 30s`");
    if !text.is_empty() && !text.contains(|c: char| c.is_ascii_digit()) {
        let message = format!("`{text}` is no schedule");
        problems.error_with_help(codes::DURATION, message, field.value.span, help);
        return Evaluate::EveryRow;
    }
    match field.duration(problems) {
        Some(Millis::ZERO) => {
            let message = "an interval of 0 evaluates nothing";
            problems.error_with_help(codes::DURATION, message, field.value.span, help);
            Evaluate::EveryRow
        }
        Some(interval) => Evaluate::Every(interval),
        None => Evaluate::EveryRow,
    }
}

fn defaults<'a>(field: Option<Field<'a>>, keep_parts: bool, problems: &mut Problems<'_>) -> Defaults<'a> {
    let mut defaults = Defaults { severity: SEVERITIES[1], hold: Millis::ZERO, labels: Vec::new(), keep_parts };
    let Some(mut fields) = field.and_then(|field| Fields::open(field.value, "`defaults`", problems)) else {
        return defaults;
    };
    if let Some(severity) = fields.take("severity").and_then(|field| severity(field, problems)) {
        defaults.severity = severity;
    }
    if let Some(hold) = fields.take("for").and_then(|field| field.duration(problems)) {
        defaults.hold = hold;
    }
    defaults.labels = fields.take("labels").map(|field| labels(field, problems)).unwrap_or_default();
    for label in &defaults.labels {
        check_label_name(*label, problems);
    }
    fields.finish("`defaults`", &DEFAULTS_KEYS, |_| None, problems);
    defaults
}

/// Returns the labels of a mapping but those that are set by keys of their own, which is reported.
fn labels<'a>(field: Field<'a>, problems: &mut Problems<'_>) -> Vec<Named<'a>> {
    let mut labels = field.texts(problems);
    labels.retain(|label| {
        let (message, help) = match label.name {
            "alertname" => ("the label `alertname` is the rule's `id`", "remove it, and name the rule: `id: NAME`"),
            "severity" => {
                ("`severity` is a key of the rule, not a label", "move it out of `labels:`: `severity: warning`")
            }
            _ => return true,
        };
        problems.error_with_help(codes::LABEL_NAME, message, label.name_span, help);
        false
    });
    labels
}

/// Returns one of the severities that there are; another text is reported.
fn severity(field: Field<'_>, problems: &mut Problems<'_>) -> Option<&'static str> {
    let text = field.text(problems)?;
    let known = SEVERITIES.iter().find(|known| **known == text.text).copied();
    if known.is_none() {
        let message = format!("`{}` is no severity: there are {}", text.text, list(&SEVERITIES));
        let best = nearest(&text.text.to_lowercase(), SEVERITIES).first().copied();
        let help = format!("`severity: {}`", best.unwrap_or(synonym(&text.text)));
        problems.error_with_help(codes::SEVERITY, message, text.span, help);
    }
    known
}

/// Returns the severity that another tool's word comes nearest to.
fn synonym(word: &str) -> &'static str {
    match word.to_lowercase().as_str() {
        "page" | "emergency" | "fatal" | "alert" | "high" | "error" | "major" | "p1" => SEVERITIES[2],
        "none" | "low" | "notice" | "debug" | "minor" => SEVERITIES[0],
        _ => SEVERITIES[1],
    }
}

fn hint(key: &str) -> Option<String> {
    match key {
        "interval" => Some("the schedule is `evaluate: 30s`, or `evaluate: each_row`".to_owned()),
        "labels" | "severity" | "for" => Some(format!("for all rules of the file: `defaults: {{{key}: ..}}`")),
        "record" | "expr" => Some("a derived metric: `derived: [{record: NAME, expr: EXPRESSION}]`".to_owned()),
        "id" | "metric" | "above" | "below" => {
            Some("a rule stands in a list: `rules: [{id: hot, metric: temp, above: 80}]`".to_owned())
        }
        "name" => Some("the group is named after the file".to_owned()),
        _ => None,
    }
}

/// Tells of something that a mapping lacks, unless a mistake of YAML hides it.
fn missing(code: &'static str, message: &str, at: Span, cut: bool, help: &[String], problems: &mut Problems<'_>) {
    if cut {
        return;
    }
    let mut diagnostic = Diagnostic::error(code, message, problems.at(at));
    diagnostic.help.extend(help.iter().cloned());
    problems.push(diagnostic);
}

#[cfg(test)]
mod tests;
