//! Takes fields off a mapping; what nobody took is an unknown key.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Fix, codes, nearest};
use crate::source::{Located, Span};
use crate::time::{Millis, parse_duration};

use super::problems::Problems;
use super::scalar::Scalar;
use super::{Content, Node};

/// A key and its value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field<'a> {
    /// The key.
    pub(crate) key: &'a Scalar,
    /// Where the key stands.
    pub(crate) key_span: Span,
    /// The value.
    pub(crate) value: &'a Node,
}

/// What is left of a mapping.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    /// Where the mapping stands.
    pub(crate) span: Span,
    /// In file order, merged ones last; `None` was taken.
    fields: Vec<Option<Field<'a>>>,
    index: Index<'a>,
}

/// Where in the fields of a mapping a key is.
#[derive(Debug, Default)]
struct Index<'a> {
    /// The keys, by their place.
    keys: Vec<&'a str>,
    /// The same by name, where there are more than [`FEW`].
    by_name: BTreeMap<&'a str, usize>,
}

/// How many keys are looked through one by one.
const FEW: usize = 16;

impl<'a> Index<'a> {
    fn get(&self, key: &str) -> Option<usize> {
        if self.keys.len() <= FEW {
            return self.keys.iter().position(|known| *known == key);
        }
        self.by_name.get(key).copied()
    }

    /// Adds a key that is not there yet.
    fn push(&mut self, key: &'a str) {
        self.keys.push(key);
        match self.keys.len() {
            FEW => self.by_name.extend(self.keys.iter().enumerate().map(|(at, key)| (*key, at))),
            len if len > FEW => {
                self.by_name.insert(key, len - 1);
            }
            _ => {}
        }
    }
}

impl<'a> Fields<'a> {
    /// Opens a mapping: repeated keys are reported, `<<` is merged. `what` names it (`a group`). Nothing is an empty
    /// mapping; anything else is reported and `None`.
    pub(crate) fn open(node: &'a Node, what: &str, problems: &mut Problems<'_>) -> Option<Self> {
        let mut fields = Self { span: node.span, fields: Vec::new(), index: Index::default() };
        if node.is_null() {
            return Some(fields);
        }
        let Content::Mapping(entries) = &node.content else {
            wrong_type(&format!("{what} is a mapping of keys to values"), node, node.span, problems);
            return None;
        };
        fields.add_all(entries, true, problems);
        Some(fields)
    }

    /// Adds entries: those of the mapping itself first, then those that it merges, which give way.
    fn add_all(&mut self, entries: &'a [(Node, Node)], own: bool, problems: &mut Problems<'_>) {
        let mut merges = Vec::new();
        let few = entries.len() <= FEW;
        let mut seen = BTreeMap::new();
        for (at, (key_node, value)) in entries.iter().enumerate() {
            let Some(key) = key_node.scalar() else {
                let help = "a text that begins with `{` or `[` needs quotes, such as `'{{ $value }}'`";
                let message = format!("a key is a text, this is {}", key_node.words());
                problems.error_with_help(codes::WRONG_TYPE, message, key_node.span, help);
                continue;
            };
            let same = |(other, _): &&(Node, Node)| other.scalar().is_some_and(|other| other.text() == key.text());
            let before = match few {
                true => entries[..at].iter().rev().find(same).map(|(other, _)| other.span),
                false => seen.insert(key.text(), key_node.span),
            };
            if let Some(first) = before {
                if own {
                    let message = format!("the key `{}` is written twice in one mapping", key.text());
                    let first = problems.at(first);
                    let diagnostic = Diagnostic::error(codes::DUPLICATE_KEY, message, problems.at(key_node.span))
                        .with_related(first, "first written here")
                        .with_help("keep one of them");
                    problems.push(diagnostic);
                }
                continue;
            }
            if key.plain && key.text() == "<<" {
                merges.push(value);
                continue;
            }
            if self.index.get(key.text()).is_none() {
                self.index.push(key.text());
                self.fields.push(Some(Field { key, key_span: key_node.span, value }));
            }
        }
        for merged in merges {
            self.merge(merged, problems);
        }
    }

    fn merge(&mut self, node: &'a Node, problems: &mut Problems<'_>) {
        match &node.content {
            Content::Mapping(entries) => self.add_all(entries, false, problems),
            Content::Sequence(items) if items.iter().all(|item| matches!(item.content, Content::Mapping(_))) => {
                for item in items.iter() {
                    self.merge(item, problems);
                }
            }
            Content::Sequence(_) | Content::Scalar(_) => {
                wrong_type("`<<` merges a mapping, or a list of mappings", node, node.span, problems);
            }
        }
    }

    /// Takes the field of a key.
    pub(crate) fn take(&mut self, key: &str) -> Option<Field<'a>> {
        self.index.get(key).and_then(|at| self.fields[at].take())
    }

    /// Returns the field of a key and leaves it.
    pub(crate) fn peek(&self, key: &str) -> Option<Field<'a>> {
        self.index.get(key).and_then(|at| self.fields[at])
    }

    /// Returns all that was not taken and leaves it, in file order.
    pub(crate) fn left(&self) -> impl Iterator<Item = Field<'a>> {
        self.fields.iter().copied().flatten()
    }

    /// Returns the first that was not taken and leaves it.
    pub(crate) fn first(&self) -> Option<Field<'a>> {
        self.left().next()
    }

    /// Returns all that is left, in file order.
    pub(crate) fn rest(self) -> impl Iterator<Item = Field<'a>> {
        self.fields.into_iter().flatten()
    }

    /// Tells of every key that was not taken. `known` are the keys there are, of which those not yet written may be
    /// meant; `hint` may know where another belongs.
    pub(crate) fn finish(
        self,
        what: &str,
        known: &[&str],
        hint: impl Fn(&str) -> Option<String>,
        problems: &mut Problems<'_>,
    ) {
        if self.first().is_none() {
            return;
        }
        let absent: Vec<&str> = known.iter().copied().filter(|key| self.index.get(key).is_none()).collect();
        let mut meant: Vec<&str> = Vec::new();
        for field in self.rest() {
            let key = field.key.text();
            let mut found = Diagnostic::error(
                codes::UNKNOWN_KEY,
                format!("`{key}` is not a key of {what}"),
                problems.at(field.key_span),
            );
            let near = nearest(key, absent.iter().copied());
            if let Some(hint) = hint(key) {
                found = found.with_help(hint);
            } else if let Some(best) = near.first() {
                let at = problems.at(field.key_span);
                found = found.with_mark(at, format!("did you mean `{best}`?"));
                // A key stands once: the second one that may be meant is left to the reader.
                if !meant.contains(best) {
                    meant.push(best);
                    found.fixes.push(Fix { at, replacement: (*best).to_owned() });
                }
            } else {
                found = found.with_help(format!("the keys of {what} are {}", list(known)));
            }
            problems.push(found);
        }
    }
}

/// Writes names as `a`, `b` and `c`.
pub(crate) fn list(names: &[&str]) -> String {
    joined(names, "and")
}

/// Writes names as `a`, `b` or `c`.
#[cfg(feature = "cli")]
pub(crate) fn one_of(names: &[impl AsRef<str>]) -> String {
    joined(names, "or")
}

fn joined(names: &[impl AsRef<str>], word: &str) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{}`", name.as_ref())).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} {word} {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

/// Tells of a value that is no `expected`.
pub(crate) fn wrong_type(expected: &str, node: &Node, span: Span, problems: &mut Problems<'_>) {
    let message = format!("{expected}, this is {}", node.words());
    if node.is_bare_template() {
        problems.error_with_help(codes::WRONG_TYPE, message, span, "put the text in quotes: `'{{ $value }}'`");
    } else {
        problems.error(codes::WRONG_TYPE, message, span);
    }
}

impl<'a> Field<'a> {
    /// Returns the value as it was written, if it is a text.
    pub(crate) fn value_text(self) -> &'a str {
        self.value.scalar().map_or("", Scalar::text)
    }

    /// Returns a text: every scalar counts as it was written. Nothing is `None`, and so is what is reported to be no
    /// text.
    pub(crate) fn text(self, problems: &mut Problems<'_>) -> Option<&'a Located> {
        match self.value.scalar() {
            Some(scalar) if scalar.is_null() => None,
            Some(scalar) => Some(&scalar.located),
            None => {
                wrong_type(&format!("`{}` is a text", self.key.text()), self.value, self.value.span, problems);
                None
            }
        }
    }

    /// Returns a list; nothing is the empty one.
    pub(crate) fn sequence(self, problems: &mut Problems<'_>) -> &'a [Node] {
        match &self.value.content {
            Content::Sequence(items) => items,
            _ if self.value.is_null() => &[],
            _ => {
                let expected = format!("`{}` is a list, each entry after `- `", self.key.text());
                wrong_type(&expected, self.value, self.value.span, problems);
                &[]
            }
        }
    }

    /// Returns a duration such as `5m`.
    pub(crate) fn duration(self, problems: &mut Problems<'_>) -> Option<Millis> {
        let text = self.text(problems)?;
        match parse_duration(&text.text) {
            Ok(span) => Some(span),
            Err(error) => {
                let message = format!("`{}`: {error}", self.key.text());
                match duration_help(&text.text) {
                    Some(help) => problems.error_with_help(codes::DURATION, message, text.span, help),
                    None => problems.error(codes::DURATION, message, text.span),
                }
                None
            }
        }
    }

    /// Returns a whole number; one below 0 is 0.
    ///
    /// Source: a number with a fraction is cut, as Go's yaml.v3 does.
    pub(crate) fn count(self, problems: &mut Problems<'_>) -> usize {
        let Some(scalar) = self.value.scalar() else {
            wrong_type(&format!("`{}` is a whole number", self.key.text()), self.value, self.value.span, problems);
            return 0;
        };
        match scalar.number() {
            _ if scalar.is_null() => 0,
            Some(number) if number.abs() < 9.2e18 => {
                if number.fract() != 0.0 {
                    let message =
                        format!("`{}` is a whole number: {number} is cut to {}", self.key.text(), number.trunc());
                    problems.warning(codes::FRACTION, message, self.value.span);
                }
                number.max(0.0) as usize
            }
            _ => {
                let message = format!("`{}` is a whole number, this is `{}`", self.key.text(), shown(scalar));
                let help = if scalar.plain { "write it like `100`" } else { "write it without quotes, like `100`" };
                problems.error_with_help(codes::WRONG_TYPE, message, self.value.span, help);
                0
            }
        }
    }

    /// Returns a truth value; nothing, and what is reported to be none, is `usual`.
    pub(crate) fn truth(self, usual: bool, problems: &mut Problems<'_>) -> bool {
        let key = self.key.text();
        match self.value.scalar() {
            Some(scalar) if scalar.is_null() => usual,
            Some(scalar) if scalar.plain && scalar.text().eq_ignore_ascii_case("true") => true,
            Some(scalar) if scalar.plain && scalar.text().eq_ignore_ascii_case("false") => false,
            Some(scalar) => {
                let off = ["no", "off", "0", "n", "disabled", "false"].contains(&scalar.text().to_lowercase().as_str());
                let message = format!("`{key}` is `true` or `false`, this is `{}`", scalar.text());
                problems.error_with_help(codes::WRONG_TYPE, message, self.value.span, format!("`{key}: {}`", !off));
                usual
            }
            None => {
                wrong_type(&format!("`{key}` is `true` or `false`"), self.value, self.value.span, problems);
                usual
            }
        }
    }

    /// Returns a mapping of names to texts, in file order; nothing as a text is the empty one.
    pub(crate) fn texts(self, problems: &mut Problems<'_>) -> Vec<Named<'a>> {
        let is_mapping = matches!(self.value.content, Content::Mapping(_));
        let what = if is_mapping { String::new() } else { format!("`{}`", self.key.text()) };
        let Some(fields) = Fields::open(self.value, &what, problems) else { return Vec::new() };
        let mut texts = Vec::new();
        for field in fields.rest() {
            let Some(scalar) = field.value.scalar() else {
                field.text(problems);
                continue;
            };
            let name = if field.key.is_null() { "" } else { field.key.text() };
            let text = if scalar.is_null() { None } else { Some(&scalar.located) };
            texts.push(Named { name, name_span: field.key_span, text });
        }
        texts
    }
}

/// A name and its text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named<'a> {
    /// The name.
    pub(crate) name: &'a str,
    /// Where it stands.
    pub(crate) name_span: Span,
    /// The text; `None` when nothing was written, which is the empty text.
    pub(crate) text: Option<&'a Located>,
}

/// Returns a scalar as messages show it: in quotes where it was written in quotes.
pub(crate) fn shown(scalar: &Scalar) -> String {
    let text: String = scalar.text().chars().take(40).collect();
    if scalar.plain { text } else { format!("\"{text}\"") }
}

/// Returns what a text that is no duration was probably meant to be.
fn duration_help(text: &str) -> Option<String> {
    let bare = text.trim();
    if !bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(format!("a number needs a unit: `{bare}s` or `{bare}m`"));
    }
    if let Some(positive) = bare.strip_prefix('-').filter(|rest| parse_duration(rest).is_ok()) {
        return Some(format!("a duration is not negative: `{positive}`"));
    }
    let joined: String = bare.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_lowercase();
    let short =
        [("milliseconds", "ms"), ("seconds", "s"), ("minutes", "m"), ("hours", "h"), ("days", "d"), ("weeks", "w")]
            .iter()
            .flat_map(|(long, short)| [(*long, *short), (&long[..long.len() - 1], *short)])
            .find_map(|(long, short)| joined.strip_suffix(long).map(|count| format!("{count}{short}")));
    let short = short.or_else(|| joined.strip_suffix("min").map(|count| format!("{count}m"))).unwrap_or(joined);
    (short != text && parse_duration(&short).is_ok()).then(|| format!("did you mean `{short}`?"))
}
