//! Files of silences: a YAML list, or the JSON of amtool, which is YAML too.

use std::sync::Arc;

use super::Silence;
use super::parse::{SilenceError, checked};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::format::Clock;
use crate::labels::{MatchOp, Matcher};
use crate::promql::parse::parse_matchers;
use crate::source::{Located, SourceMap, Span};
use crate::time::Timestamp;
use crate::yaml::fields::{Field, Fields, list};
use crate::yaml::problems::Problems;
use crate::yaml::{self, Content, Node};

/// The keys of a silence of the list.
const KEYS: [&str; 4] = ["matchers", "start", "end", "comment"];
/// What to type.
const EXAMPLE: &str =
    "`- {matchers: '{alertname=\"DiskFull\"}', start: 2026-01-05T18:00:00Z, end: 2026-01-05T20:00:00Z}`";

/// Reads the silences of a file and adds its text to the sources: a YAML list of `matchers`, `start`, `end` and
/// `comment`, or what `amtool silence query -o json` prints. Times that name no zone are in the clock's. Every problem is
/// reported; `None` when one of them is an error.
///
/// Source: Alertmanager's API v2, `gettableSilences`.
pub fn load(
    sources: &mut SourceMap,
    name: &str,
    bytes: &[u8],
    clock: &Clock,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<Silence>> {
    let (mut problems, root) = yaml::open(sources, name, bytes, "a file of silences", diagnostics);
    let items: &[Node] = match root.as_ref().map(|root| (root, &root.content)) {
        None => &[],
        Some((_, Content::Sequence(items))) => items,
        Some((root, _)) if root.is_null() => &[],
        Some((root, _)) => {
            let message = format!("a file of silences is a list, each silence after `- `, this is {}", root.words());
            problems.error_with_help(codes::WRONG_TYPE, message, root.span, EXAMPLE);
            &[]
        }
    };
    let file: Arc<str> = name.into();
    let read = items.iter().filter_map(|item| told(item, clock, &mut problems));
    let silences: Vec<Silence> = read.map(|one| Silence { file: Some(Arc::clone(&file)), ..one }).collect();
    (problems.finish() == 0).then_some(silences)
}

/// Reads a silence; one that cannot be used is never left out without a problem.
fn told(node: &Node, clock: &Clock, problems: &mut Problems<'_>) -> Option<Silence> {
    let before = problems.errors();
    let found = silence(node, clock, problems);
    if found.is_none() && problems.errors() == before {
        let message = "a value of this silence is left out";
        problems.error_with_help(codes::MISSING_KEY, message, node.span, EXAMPLE);
    }
    found
}

fn silence(node: &Node, clock: &Clock, problems: &mut Problems<'_>) -> Option<Silence> {
    let mut fields = Fields::open(node, "a silence", problems)?;
    let keys = if fields.peek("startsAt").is_some() { ["matchers", "startsAt", "endsAt", "comment"] } else { KEYS };
    let [matchers, start, end, comment] = keys.map(|key| fields.take(key));
    let mut whole = true;
    if keys == KEYS {
        // A key that is spelled wrong is not missing too.
        whole = fields.first().is_none();
        fields.finish("a silence", &KEYS, |_| None, problems);
    }
    for (key, field) in keys.iter().zip([matchers, start, end]) {
        if field.is_none() && whole && !node.cut {
            let message = format!("this silence has no `{key}`");
            problems.error_with_help(codes::MISSING_KEY, message, node.span, EXAMPLE);
        }
    }
    let comment = comment.and_then(|field| field.text(problems)).map(|text| text.text.clone()).unwrap_or_default();
    let asked = matchers.map(|field| {
        let found = if keys == KEYS { written(field, problems) } else { exported(field, problems) };
        (field.value.span, found)
    });
    let start = start.map(|field| time(field, clock, problems));
    let end = end.map(|field| (field.value.span, time(field, clock, problems)));
    let ((matchers_at, matchers), (end_at, end)) = (asked?, end?);
    match checked(Silence { matchers: matchers?, start: start??, end: end?, comment, file: None }) {
        Ok(silence) => Some(silence),
        Err(error) => {
            let (code, at) = match error {
                SilenceError::Order { .. } => (codes::SILENCE_TIME, end_at),
                _ => (codes::SILENCE_MATCHERS, matchers_at),
            };
            problems.error(code, error.to_string(), at);
            None
        }
    }
}

/// Reads a time as text, or seconds since the epoch.
fn time(field: Field<'_>, clock: &Clock, problems: &mut Problems<'_>) -> Option<Timestamp> {
    let scalar = field.value.scalar();
    let text = field.text(problems).map_or("", |text| text.text.trim());
    let number = || scalar.and_then(|scalar| scalar.number()).map(|seconds| seconds.to_string());
    let read = clock.read(text).or_else(|error| number().and_then(|seconds| clock.read(&seconds).ok()).ok_or(error));
    match read {
        Ok(at) => Some(at),
        Err(error) => {
            if scalar.is_some() {
                problems.error(codes::SILENCE_TIME, error.to_string(), field.value.span);
            }
            None
        }
    }
}

/// Reads matchers in one text, or a text each; none when one is wrong.
fn written(field: Field<'_>, problems: &mut Problems<'_>) -> Option<Vec<Matcher>> {
    let empty = |node: &&Node| node.is_null();
    let left_out = match &field.value.content {
        Content::Sequence(items) => items.iter().find(empty),
        _ => Some(field.value).filter(empty),
    };
    if let Some(node) = left_out {
        let message = "matchers are left out here";
        problems.error_with_help(codes::SILENCE_MATCHERS, message, node.span, EXAMPLE);
        return None;
    }
    let Content::Sequence(items) = &field.value.content else {
        return of_text(field.text(problems)?, problems);
    };
    let each: Vec<_> = items
        .iter()
        .map(|value| Field { value, ..field }.text(problems).and_then(|text| of_text(text, problems)))
        .collect();
    let each: Option<Vec<Vec<Matcher>>> = each.into_iter().collect();
    each.map(|each| each.concat())
}

fn of_text(text: &Located, problems: &mut Problems<'_>) -> Option<Vec<Matcher>> {
    let trimmed = text.text.trim();
    let problem = match parse_matchers(trimmed) {
        Ok(matchers) => return Some(matchers),
        Err(problem) => problem,
    };
    let before = text.text.len() - text.text.trim_start().len();
    let span = Span::new(problem.span.start as usize + before, problem.span.end as usize + before);
    let mut diagnostic = Diagnostic::error(codes::SILENCE_MATCHERS, problem.message, text.at(span));
    diagnostic.help.extend(problem.help);
    problems.push(diagnostic);
    None
}

/// Reads matchers as Alertmanager has them; what else it says of one does not matter here. None when one is wrong.
fn exported(field: Field<'_>, problems: &mut Problems<'_>) -> Option<Vec<Matcher>> {
    let each: Vec<_> = field.sequence(problems).iter().map(|node| exported_one(node, problems)).collect();
    each.into_iter().collect()
}

fn exported_one(node: &Node, problems: &mut Problems<'_>) -> Option<Matcher> {
    let mut fields = Fields::open(node, "a matcher", problems)?;
    let regex = fields.take("isRegex").is_some_and(|field| field.truth(false, problems));
    let equal = fields.take("isEqual").is_none_or(|field| field.truth(true, problems));
    let op = match (regex, equal) {
        (false, true) => MatchOp::Equal,
        (false, false) => MatchOp::NotEqual,
        (true, true) => MatchOp::Regex,
        (true, false) => MatchOp::NotRegex,
    };
    let (name, value) = (fields.take("name"), fields.take("value"));
    let absent: Vec<&str> =
        [("name", name), ("value", value)].iter().filter(|(_, field)| field.is_none()).map(|(key, _)| *key).collect();
    if !absent.is_empty() {
        let message = format!("this matcher has no {}", list(&absent));
        problems.error(codes::MISSING_KEY, message, node.span);
    }
    let (name, value) = (name?.text(problems)?, value?.text(problems));
    let text = value.map_or("", |value| &value.text);
    match Matcher::new(name.text.clone(), op, text.to_owned()) {
        Ok(matcher) => Some(matcher),
        Err(error) => {
            problems.error(codes::SILENCE_MATCHERS, error.to_string(), value.map_or(node.span, |value| value.span));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a file; returns its silences, or `code line:column message` and the carets' words of each problem.
    fn check(text: &str, expected: &[&str]) {
        let (mut sources, mut diagnostics) = (SourceMap::default(), Diagnostics::default());
        let found = match load(&mut sources, "silences.yml", text.as_bytes(), &Clock::utc(), &mut diagnostics) {
            Some(silences) => silences.iter().map(super::super::parse::tests::show).collect(),
            None => {
                let line = |found: &Diagnostic| {
                    let mark = found.primary.as_ref().expect("a place");
                    let at = sources.position(mark.at);
                    format!("{} {}:{} {} {}", found.code, at.line, at.column, found.message, mark.text)
                        .trim_end()
                        .to_owned()
                };
                diagnostics.sorted().iter().map(line).collect::<Vec<_>>()
            }
        };
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn a_file_is_a_list() {
        check("", &[]);
        check("[]", &[]);
        check("~", &[]);
        check(
            "- {matchers: '{a=\"b\"}', start: 1970-01-01T00:00:10Z, end: 20, comment: why}\n- matchers: [a=\"b\", 'c=~\"d\"']\n  start: 1\n  end: 2.5\n",
            &["{a=\"b\"} 10..20 why", "{a=\"b\", c=~\"d\"} 1..2"],
        );
        check("- {matchers: '{a=\"b\"}', start: 0x10, end: 1e3}\n", &["{a=\"b\"} 16..1000"]);
        check("a: b", &["wrong-type 1:1 a file of silences is a list, each silence after `- `, this is a mapping"]);
        check("3", &["wrong-type 1:1 a file of silences is a list, each silence after `- `, this is a text"]);
        check("- [", &["yaml-syntax 1:3 `[` is not closed"]);
        check(
            "- 5\n---\n- 6\n",
            &[
                "wrong-type 1:3 a silence is a mapping of keys to values, this is a text",
                "second-document 2:1 a second YAML document begins here; a file of silences has one",
            ],
        );
    }

    #[test]
    fn a_silence_without_matchers_is_never_taken_for_none() {
        let times = "start: 1, end: 2";
        let left_out = |column: usize| format!("silence-matchers 1:{column} matchers are left out here");
        check(&format!("- {{matchers: ~, {times}}}\n"), &[&left_out(14)]);
        check(&format!("- {{matchers: ['{{a=\"b\"}}', ~], {times}}}\n"), &[&left_out(26)]);
        check(&format!("- {{matchers: , {times}}}\n"), &[&left_out(4)]);
        let exported = r#"[{"matchers":[{"name":null,"value":"Hi","isRegex":false}],"startsAt":"1","endsAt":"2"}]"#;
        check(exported, &["missing-key 1:2 a value of this silence is left out"]);
    }

    #[test]
    fn all_that_is_wrong_has_its_place() {
        check(
            "- {matchers: '{a=\"b\"}', start: 10, ends: 20}\n- matchers: a=b\n  start: x\n- matchers: {}\n- 5\n",
            &[
                "unknown-key 1:36 `ends` is not a key of a silence did you mean `end`?",
                "missing-key 2:3 this silence has no `end`",
                "silence-matchers 2:15 expected a string, found `b`",
                "silence-time 3:10 `x` is not a time; write it like `2026-01-05 18:00`, `2026-01-05T18:00:00Z` or as seconds since the epoch",
                "missing-key 4:3 this silence has no `start`",
                "missing-key 4:3 this silence has no `end`",
                "wrong-type 4:13 `matchers` is a text, this is a mapping",
                "wrong-type 5:3 a silence is a mapping of keys to values, this is a text",
            ],
        );
        check(
            "- {matchers: '{a!=\"b\"}', start: 1, end: 2}\n- {matchers: '{a=\"b\"}', start: 2, end: 2}\n",
            &[
                "silence-matchers 1:14 the matchers `{a!=\"b\"}` take every alert without these labels; name at least one value, such as `alertname=~\".+\"`",
                "silence-time 2:40 it ends at 1970-01-01T00:00:02Z, which is not after its start, 1970-01-01T00:00:02Z",
            ],
        );
    }

    /// What `amtool silence query -o json` prints of one silence, between its matchers.
    fn exported(matchers: &str) -> String {
        format!(
            r#"[{{"id":"1","status":{{"state":"active"}},"updatedAt":"2026-01-05T18:00:00.000Z","comment":"\u00fcber \ud83d\ude00 a\/b","createdBy":"me",
               "startsAt":"1970-01-01T00:00:10.000Z","endsAt":"1970-01-01T00:01:00.000Z","matchers":[{matchers}]}}]"#
        )
    }

    #[test]
    fn the_silences_of_amtool_are_read() {
        let matchers = r#"{"name":"a","value":"b","isRegex":false,"isEqual":true},{"name":"c","value":"d.*","isRegex":true,"isEqual":false},{"name":"e","value":"f","isRegex":true}"#;
        let text = exported(matchers);
        check(&text, &["{a=\"b\", c!~\"d.*\", e=~\"f\"} 10..60 \u{fc}ber \u{1f600} a/b"]);
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let spread = serde_json::to_string_pretty(&value).expect("JSON");
        check(&spread, &["{a=\"b\", c!~\"d.*\", e=~\"f\"} 10..60 \u{fc}ber \u{1f600} a/b"]);
        check(&spread.replace("  ", "\t"), &["{a=\"b\", c!~\"d.*\", e=~\"f\"} 10..60 \u{fc}ber \u{1f600} a/b"]);
        check(
            &exported(r#"{"name":"a"},{"name":"a","value":"(","isRegex":true}"#),
            &[
                "missing-key 2:102 this matcher has no `value`",
                "silence-matchers 2:135 `(` is not a valid regular expression: missing closing ): `(`",
            ],
        );
    }
}
