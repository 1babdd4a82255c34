//! Values of a configuration: names, patterns and severities.

use std::fmt::Display;

use crate::diagnostic::{Diagnostic, Severity, codes, nearest};
use crate::labels::{Regexp, RegexpError};
use crate::lint::policy::{Asked, Limits, Names, Pattern, Values, Wanted};
use crate::source::{Located, Span};
use crate::time::Millis;
use crate::yaml::fields::{Field, Fields, one_of, wrong_type};
use crate::yaml::problems::Problems;
use crate::yaml::{Content, Node};

use super::paths::Globs;

/// Reads texts: a list of them, or one alone.
pub(super) fn texts<'a>(field: Field<'a>, problems: &mut Problems<'_>) -> Vec<&'a Located> {
    if let Content::Scalar(_) = field.value.content {
        return field.text(problems).into_iter().collect();
    }
    let mut found = Vec::new();
    for item in field.sequence(problems) {
        match item.scalar() {
            Some(scalar) if !scalar.is_null() => found.push(&scalar.located),
            _ => wrong_type(&format!("each entry of `{}` is a text", field.key.text()), item, item.span, problems),
        }
    }
    found
}

/// Reads names, of which there must be one at least.
pub(super) fn names(field: Field<'_>, problems: &mut Problems<'_>) -> Option<Names> {
    let before = problems.errors();
    let what: Vec<String> = texts(field, problems).iter().map(|text| text.text.clone()).collect();
    if what.is_empty() && problems.errors() == before {
        let key = field.key.text();
        let message = format!("`{key}` is empty");
        problems.error_with_help(codes::MISSING_KEY, message, field.key_span, format!("write it like `{key}: [team]`"));
    }
    (!what.is_empty()).then(|| Asked { what, at: problems.at(field.key_span) })
}

/// Reads globs.
pub(super) fn globs(field: Field<'_>, problems: &mut Problems<'_>) -> Globs {
    let mut globs = Globs::default();
    if let Some(names) = names(field, problems) {
        for text in texts(field, problems).iter().take(names.what.len()) {
            if let Err(reason) = globs.add(&text.text) {
                let message = format!("`{}` is not a glob: {reason}", text.text);
                let help = "write it like `rules/**/*.yml`: `*` stands for a part of a name, `**` for any folders";
                problems.error_with_help(codes::CONFIGURATION, message, text.span, help);
            }
        }
    }
    globs
}

/// Reads a regular expression that must match a whole text.
pub(super) fn pattern(text: &Located, problems: &mut Problems<'_>) -> Option<Pattern> {
    let pattern = text.text.as_str();
    if let Some(help) = half_anchored(pattern) {
        let message = format!("`{pattern}` is half of a pattern: it must match the whole text, as in PromQL");
        problems.error_with_help(codes::CONFIGURATION, message, text.span, format!("write `{help}`"));
        return None;
    }
    match Regexp::anchored(pattern) {
        Ok(regexp) => Some(Pattern { text: pattern.to_owned(), regexp }),
        Err(error) => {
            let at = match &error {
                RegexpError::Syntax { at, .. } => text.at(Span::new(at.start, at.end)),
                RegexpError::TooLarge { .. } => text.whole(),
            };
            let mut found = Diagnostic::error(codes::CONFIGURATION, error.to_string(), at);
            if let RegexpError::Syntax { help: Some(help), .. } = &error {
                found.help.push((*help).to_owned());
            }
            problems.push(found);
            None
        }
    }
}

/// Returns what to write for a pattern that is anchored at one end and plainly goes on at the other.
fn half_anchored(pattern: &str) -> Option<String> {
    let open_end = !pattern.ends_with(['*', '+', '?', '}', ']', ')', '$']);
    let open_start = !pattern.starts_with(['.', '(', '[', '^']);
    match (pattern.strip_prefix('^'), pattern.strip_suffix('$').filter(|rest| !rest.ends_with('\\'))) {
        (Some(rest), None) if open_end => Some(format!("{rest}.*")),
        (None, Some(rest)) if open_start => Some(format!(".*{rest}")),
        _ => None,
    }
}

/// Reads which values are meant: nothing is any, a text is a pattern, a list is all there are.
pub(super) fn values(field: Field<'_>, problems: &mut Problems<'_>) -> Option<Values> {
    match &field.value.content {
        Content::Scalar(scalar) if scalar.is_null() || scalar.text().is_empty() => Some(Values::Any),
        Content::Scalar(scalar) => pattern(&scalar.located, problems).map(Values::Matching),
        Content::Sequence(_) => names(field, problems).map(|names| Values::OneOf(names.what)),
        Content::Mapping(_) => {
            let expected = format!("`{}` is a pattern or a list of values", field.key.text());
            wrong_type(&expected, field.value, field.value.span, problems);
            None
        }
    }
}

/// Reads names with their values: a mapping, or a list of names alone.
pub(super) fn wanted(field: Field<'_>, problems: &mut Problems<'_>) -> Vec<Wanted> {
    if !matches!(field.value.content, Content::Mapping(_)) {
        let texts = texts(field, problems);
        let one = |text: &&Located| Wanted { name: text.text.clone(), values: Values::Any, at: text.whole() };
        return texts.iter().map(one).collect();
    }
    let Some(fields) = Fields::open(field.value, field.key.text(), problems) else { return Vec::new() };
    let one = |field: Field<'_>| {
        let values = values(field, problems)?;
        Some(Wanted { name: field.key.text().to_owned(), values, at: problems.at(field.key_span) })
    };
    fields.rest().filter_map(one).collect()
}

/// Reads `min` and `max` of a duration.
pub(super) fn limits(field: Field<'_>, problems: &mut Problems<'_>) -> Option<Limits<Millis>> {
    limits_of(field, "{min: 1m, max: 1h}", |field, problems| field.duration(problems), problems)
}

/// Reads `min` and `max` of a number.
pub(super) fn counts(field: Field<'_>, problems: &mut Problems<'_>) -> Option<Limits<u64>> {
    let count = |field: Field<'_>, problems: &mut Problems<'_>| {
        let before = problems.errors();
        let count = field.count(problems) as u64;
        // A key without a value limits nothing: it must not be read as 0.
        (problems.errors() == before && !field.value.is_null()).then_some(count)
    };
    limits_of(field, "{max: 20}", count, problems)
}

/// Reads `min` and `max`, each as `read` does. `example` is shown where there is neither.
fn limits_of<T: PartialOrd + Display>(
    field: Field<'_>,
    example: &str,
    read: impl Fn(Field<'_>, &mut Problems<'_>) -> Option<T>,
    problems: &mut Problems<'_>,
) -> Option<Limits<T>> {
    let what = format!("`{}`", field.key.text());
    let before = problems.errors();
    let mut fields = Fields::open(field.value, &what, problems)?;
    let mut bound = |key: &str| {
        let field = fields.take(key)?;
        Some((read(field, problems)?, problems.at(field.key_span)))
    };
    let (min, max) = (bound("min"), bound("max"));
    fields.finish(&what, &["min", "max"], |_| None, problems);
    match (&min, &max) {
        (Some((least, _)), Some((most, at))) if least > most => {
            let message = format!("{what}: the most, {most}, is less than the least, {least}");
            problems.error(codes::CONFIGURATION, message, at.span);
        }
        (None, None) if problems.errors() == before => {
            let help = format!("write it like `{}: {example}`", field.key.text());
            problems.error_with_help(codes::MISSING_KEY, format!("{what} has no limit"), field.key_span, help);
        }
        _ => {}
    }
    Some(Limits { min, max })
}

/// Reads one of some words.
pub(super) fn word<T: Copy>(field: Field<'_>, words: &[(&str, T)], problems: &mut Problems<'_>) -> Option<T> {
    let text = field.text(problems)?;
    let found = words.iter().find(|(word, _)| *word == text.text);
    if found.is_none() {
        let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let message = format!("`{}` is `{}`, expected {}", field.key.text(), text.text, one_of(&all));
        match nearest(&text.text, all).first() {
            Some(near) => {
                problems.error_with_help(codes::CONFIGURATION, message, text.span, format!("did you mean `{near}`?"));
            }
            None => problems.error(codes::CONFIGURATION, message, text.span),
        }
    }
    found.map(|(_, value)| *value)
}

/// The severities by their words.
pub(super) const SEVERITIES: [(&str, Severity); 3] =
    [("error", Severity::Error), ("warning", Severity::Warning), ("info", Severity::Info)];

/// Opens the entries of a list of mappings.
pub(super) fn entries<'a>(field: Field<'a>, what: &str, problems: &mut Problems<'_>) -> Vec<Fields<'a>> {
    let nodes: &[Node] = field.sequence(problems);
    nodes.iter().filter_map(|node| Fields::open(node, what, problems)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_one_end_are_not_whole() {
        let check = |pattern: &str, expected: Option<&str>| {
            assert_eq!(half_anchored(pattern).as_deref(), expected, "{pattern}");
        };
        check("^https://", Some("https://.*"));
        check("down$", Some(".*down"));
        for whole in ["^[a-z]+$", "https://.*", "^https://.*", ".*down$", "a|b", r"cost\$", "^(a|b)"] {
            check(whole, None);
        }
    }
}
