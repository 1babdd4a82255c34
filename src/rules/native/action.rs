//! What a live system would do when an alert fires: carried along and shown, never done.

use std::fmt;

use crate::diagnostic::{Diagnostic, codes, nearest};
use crate::yaml::fields::{Field, Fields, list};
use crate::yaml::problems::Problems;
use crate::yaml::{Content, Node};

/// An action of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Write a line.
    Log,
    /// Tell a person.
    Notify,
    /// Call a URL.
    Webhook(Webhook),
}

/// Formats as `log`, `notify` or `webhook(URL)`.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log => f.write_str("log"),
            Self::Notify => f.write_str("notify"),
            Self::Webhook(webhook) => write!(f, "webhook({webhook})"),
        }
    }
}

/// The URL of a webhook, without what may be a secret in it: nothing here calls it, so the secret is not even kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    masked: String,
}

/// Formats as the URL with `***` for each secret.
impl fmt::Display for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked)
    }
}

impl Webhook {
    fn new(url: &str) -> Self {
        Self { masked: masked(url) }
    }
}

const WORDS: [&str; 3] = ["log", "notify", "webhook"];
const MASK: &str = "***";
/// From this length on, a part of a path that has digits and letters is taken for a secret. Unit: bytes.
const SECRET_BYTES: usize = 16;

/// Reads the actions of a rule.
pub(super) fn read(field: Field<'_>, problems: &mut Problems<'_>) -> Vec<Action> {
    field.sequence(problems).iter().filter_map(|node| action(node, problems)).collect()
}

fn action(node: &Node, problems: &mut Problems<'_>) -> Option<Action> {
    match &node.content {
        Content::Scalar(scalar) => match scalar.text() {
            "log" => Some(Action::Log),
            "notify" => Some(Action::Notify),
            text => {
                let (text, help) = match nearest(text, WORDS).first() {
                    Some(&"webhook") => (text.to_owned(), line("https://hooks.example/alerts")),
                    Some(best) => (text.to_owned(), format!("`actions: [{best}]`")),
                    None if text.contains("://") => (masked(text), line(&masked(text))),
                    None => (text.to_owned(), "`actions: [log]`".to_owned()),
                };
                let message = format!("`{text}` is no action: there are {}", list(&WORDS));
                problems.error_with_help(codes::ACTION, message, node.span, help);
                None
            }
        },
        Content::Mapping(_) => {
            let mut fields = Fields::open(node, "an action", problems)?;
            let field = fields.take("webhook");
            let others = fields.first().is_some();
            fields.finish(
                "an action",
                &["webhook"],
                |key| WORDS.contains(&key).then(|| format!("without `:`: `actions: [{key}]`")),
                problems,
            );
            match field {
                Some(field) => webhook(field, problems),
                None if others => None,
                None => {
                    problems.error_with_help(codes::ACTION, "this action is empty", node.span, "`actions: [log]`");
                    None
                }
            }
        }
        Content::Sequence(_) => {
            let message = format!("an action is one of {}, this is a list", list(&WORDS));
            problems.error_with_help(codes::ACTION, message, node.span, "`actions: [log, notify]`");
            None
        }
    }
}

fn line(url: &str) -> String {
    format!("`actions: [{{webhook: \"{url}\"}}]`")
}

fn webhook(field: Field<'_>, problems: &mut Problems<'_>) -> Option<Action> {
    let before = problems.errors();
    let Some(text) = field.text(problems) else {
        if problems.errors() == before {
            let help = line("https://hooks.example/alerts");
            problems.error_with_help(codes::ACTION, "this webhook has no URL", field.key_span, help);
        }
        return None;
    };
    let url = text.text.as_str();
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default().rsplit('@').next().unwrap_or_default();
    let web = ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    let blank = url.contains(|c: char| c.is_whitespace() || c.is_control());
    if web && !host.is_empty() && !blank {
        return Some(Action::Webhook(Webhook::new(url)));
    }
    let what = if blank {
        "it has a blank"
    } else if web {
        "it names no host"
    } else {
        "it does not begin with `https://` or `http://`"
    };
    let shown = masked(url);
    let tail = masked(rest);
    let tail = if blank || host.is_empty() { "hooks.example/alerts" } else { &tail };
    let message = format!("`{shown}` is no address of a webhook: {what}");
    // The place is the key: a line with carets under the address would point at its secret.
    let diagnostic = Diagnostic::error(codes::WEBHOOK, message, problems.at(field.key_span));
    problems.push(diagnostic.with_help(line(&format!("https://{tail}"))));
    None
}

/// Returns a URL with `***` for a user and password, for the values of its query, and for long parts of its path that
/// look like a token.
fn masked(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").map_or(("", url), |(scheme, rest)| (scheme, rest));
    let mut shown = String::new();
    if !scheme.is_empty() {
        shown.push_str(scheme);
        shown.push_str("://");
    }
    // A password that was not escaped may hold any character: what stands before the last `@` is all masked.
    let rest = match rest.rsplit_once('@') {
        Some((_, rest)) => {
            shown.push_str(MASK);
            shown.push('@');
            rest
        }
        None => rest,
    };
    let (rest, fragment) = split(rest, '#');
    let (rest, query) = split(rest, '?');
    for (at, part) in rest.split('/').enumerate() {
        if at > 0 {
            shown.push('/');
        }
        shown.push_str(if at > 0 && is_token(part) { MASK } else { part });
    }
    if let Some(query) = query {
        let parts = query.split('&').map(|part| match part.split_once('=') {
            Some((name, _)) => format!("{name}={MASK}"),
            None => MASK.to_owned(),
        });
        shown.push('?');
        shown.push_str(&parts.collect::<Vec<_>>().join("&"));
    }
    if fragment.is_some() {
        shown.push('#');
        shown.push_str(MASK);
    }
    shown
}

fn split(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(before, after)| (before, Some(after)))
}

fn is_token(part: &str) -> bool {
    let any = |test: fn(&u8) -> bool| part.as_bytes().iter().any(test);
    part.len() >= SECRET_BYTES && any(u8::is_ascii_digit) && any(u8::is_ascii_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn secrets_of_an_address_are_masked() {
        for (url, expected) in [
            ("https://hooks.example/alerts", "https://hooks.example/alerts"),
            ("https://me:pass@hooks.example/alerts", "https://***@hooks.example/alerts"),
            ("https://me:p/a@s?s@hooks.example/a", "https://***@hooks.example/a"),
            ("https://token@hooks.example:8080", "https://***@hooks.example:8080"),
            ("http://h/a?token=abc&b&c=d#x", "http://h/a?token=***&***&c=***#***"),
            ("https://h/services/T0/B0/a1b2c3d4e5f6a7b8", "https://h/services/T0/B0/***"),
            ("me:pass@h/x", "***@h/x"),
        ] {
            assert_eq!(masked(url), expected);
        }
    }
}
