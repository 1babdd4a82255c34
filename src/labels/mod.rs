//! Label sets, matchers and the regular expressions in them.

mod matcher;
mod regexp;
#[cfg(feature = "serde")]
mod serial;

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

pub use matcher::{MatchOp, Matcher, named_metric};
pub use regexp::{Regexp, RegexpError};

/// The label that holds the metric name.
pub const METRIC_NAME: &str = "__name__";

/// An immutable set of labels: names unique, values not empty, sorted by name; `__name__` is a label like the others.
///
/// ```
/// use alertctl::LabelSet;
///
/// let labels = LabelSet::new([("__name__", "cpu"), ("host", "a")]);
/// assert_eq!((labels.metric(), labels.get("host")), (Some("cpu"), Some("a")));
/// assert_eq!(labels.to_string(), "cpu{host=\"a\"}");
/// assert_eq!(labels, LabelSet::new([("host", "a"), ("__name__", "cpu"), ("zone", "")]));
/// ```
///
/// One shared allocation, laid out as Prometheus lays out its labels (length, name, length, value ..), so a clone is a
/// count and [`LabelSet::fingerprint`] is a plain XXH64 of it. With the feature `serde` it is a map of names to values.
#[derive(Clone, PartialEq, Eq)]
pub struct LabelSet(Arc<[u8]>);

impl LabelSet {
    /// Returns the set without labels.
    #[must_use]
    pub fn empty() -> Self {
        Self(Arc::from([].as_slice()))
    }

    /// Makes a set of pairs in any order; of two pairs with one name the later counts, an empty value is no label.
    #[must_use]
    pub fn new<N: AsRef<str>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut builder = LabelBuilder::default();
        for (name, value) in pairs {
            builder.set(name.as_ref(), value.as_ref());
        }
        builder.build()
    }

    /// Walks over the labels by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        self.bytes().map(|(name, value)| (text(name), text(value)))
    }

    /// Walks over the labels by name, as bytes.
    fn bytes(&self) -> Labels<'_> {
        Labels { rest: &self.0 }
    }

    /// Returns the value of a label. Cost: linear in the size of the set.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.bytes().find(|(label, _)| *label == name.as_bytes()).map(|(_, value)| text(value))
    }

    /// Returns the metric name, the value of `__name__`, if there is one.
    #[must_use]
    pub fn metric(&self) -> Option<&str> {
        self.get(METRIC_NAME)
    }

    /// Returns the number of labels.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes().count()
    }

    /// Returns whether there is no label.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the labels whose names satisfy `keep`.
    #[doc(hidden)]
    #[must_use]
    pub fn filter(&self, mut keep: impl FnMut(&str) -> bool) -> Self {
        if self.bytes().all(|(name, _)| keep(text(name))) {
            return self.clone();
        }
        let mut bytes = Vec::with_capacity(self.0.len());
        for (name, value) in self.bytes().filter(|(name, _)| keep(text(name))) {
            push_bytes(&mut bytes, name);
            push_bytes(&mut bytes, value);
        }
        Self(bytes.into())
    }

    /// Returns the set without its metric name (and `__type__` and `__unit__`), as functions and arithmetic leave it.
    ///
    /// Source: promql.md 8.5; Prometheus' `DropReserved`.
    #[doc(hidden)]
    #[must_use]
    pub fn without_metric(&self) -> Self {
        self.filter(|name| !matches!(name, METRIC_NAME | "__type__" | "__unit__"))
    }

    /// Returns a builder that begins with these labels.
    #[doc(hidden)]
    #[must_use]
    pub fn to_builder(&self) -> LabelBuilder {
        LabelBuilder { pairs: self.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect() }
    }

    /// Returns Prometheus' hash of the set. Stable between runs; never decides identity.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        xxhash_rust::xxh64::xxh64(&self.0, 0)
    }
}

/// Orders by text: name, value, name, value ..; a set that is the beginning of another comes first. Cost: a walk over
/// the bytes that both begin with.
impl Ord for LabelSet {
    fn cmp(&self, other: &Self) -> Ordering {
        let (ours, theirs) = (&self.0, &other.0);
        let Some(differs) = first_difference(ours, theirs) else { return ours.len().cmp(&theirs.len()) };
        // Up to there both have the same texts; the one that differs begins at the same place.
        let mut at = 0;
        loop {
            let (head, len) = head(&ours[at..]);
            if differs < at + head + len {
                return whole(&ours[at..]).cmp(whole(&theirs[at..]));
            }
            at += head + len;
        }
    }
}

/// Returns the place of the first byte in which two texts differ; none where one is the beginning of the other.
fn first_difference(a: &[u8], b: &[u8]) -> Option<usize> {
    let ((a_words, _), (b_words, _)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let same = a_words.iter().zip(b_words).take_while(|(a, b)| a == b).count() * 8;
    a[same..].iter().zip(&b[same..]).position(|(a, b)| a != b).map(|at| same + at)
}

impl PartialOrd for LabelSet {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for LabelSet {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.0);
    }
}

/// Formats as Prometheus prints a series: `name{a="b", c="d"}`, or `{a="b"}` without a name.
impl fmt::Display for LabelSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.metric().unwrap_or("");
        f.write_str(name)?;
        if !name.is_empty() && self.len() == 1 {
            return Ok(());
        }
        write_pairs(f, self.iter().filter(|(label, _)| *label != METRIC_NAME))
    }
}

impl fmt::Debug for LabelSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_pairs(f, self.iter())
    }
}

fn write_pairs<'a>(f: &mut fmt::Formatter<'_>, pairs: impl Iterator<Item = (&'a str, &'a str)>) -> fmt::Result {
    f.write_str("{")?;
    for (at, (name, value)) in pairs.enumerate() {
        if at > 0 {
            f.write_str(", ")?;
        }
        write!(f, "{name}={}", Quoted(value))?;
    }
    f.write_str("}")
}

/// Formats a text in double quotes with Go's escapes, as label values are printed.
#[derive(Clone, Copy, Debug)]
pub struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let special = |c: char| matches!(c, '"' | '\\') || c.is_ascii_control();
        f.write_str("\"")?;
        let mut rest = self.0;
        while let Some(at) = rest.find(special) {
            f.write_str(&rest[..at])?;
            // All of these have one byte.
            match char::from(rest.as_bytes()[at]) {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '\t' => f.write_str("\\t")?,
                '\r' => f.write_str("\\r")?,
                '\u{7}' => f.write_str("\\a")?,
                '\u{8}' => f.write_str("\\b")?,
                '\u{b}' => f.write_str("\\v")?,
                '\u{c}' => f.write_str("\\f")?,
                c => write!(f, "\\x{:02x}", c as u32)?,
            }
            rest = &rest[at + 1..];
        }
        f.write_str(rest)?;
        f.write_str("\"")
    }
}

/// Walks over the labels of a set, by name.
#[derive(Clone, Debug)]
struct Labels<'a> {
    rest: &'a [u8],
}

impl<'a> Labels<'a> {
    fn next_text(&mut self) -> &'a [u8] {
        let (head, len) = head(self.rest);
        let (text, rest) = self.rest[head..].split_at(len);
        self.rest = rest;
        text
    }
}

impl<'a> Iterator for Labels<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        Some((self.next_text(), self.next_text()))
    }
}

/// Returns how many bytes tell the length of the text that begins here, and that length.
fn head(bytes: &[u8]) -> (usize, usize) {
    match bytes[0] {
        0xff => (4, usize::from(bytes[1]) | usize::from(bytes[2]) << 8 | usize::from(bytes[3]) << 16),
        len => (1, usize::from(len)),
    }
}

/// Returns the text that begins here.
fn whole(bytes: &[u8]) -> &[u8] {
    let (head, len) = head(bytes);
    &bytes[head..head + len]
}

/// Returns the text of bytes that only [`push_text`] writes, always whole texts.
fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

/// Appends a length and a text. A text of 16 MiB or more is cut (readers refuse such lines, `limits.rs`).
fn push_text(bytes: &mut Vec<u8>, text: &str) {
    let mut len = text.len().min(0xff_ffff);
    while !text.is_char_boundary(len) {
        len -= 1;
    }
    push_bytes(bytes, &text.as_bytes()[..len]);
}

/// Appends a length and a text of less than 16 MiB.
fn push_bytes(bytes: &mut Vec<u8>, text: &[u8]) {
    let len = text.len();
    if len < 0xff {
        bytes.push(len as u8);
    } else {
        bytes.extend([0xff, len as u8, (len >> 8) as u8, (len >> 16) as u8]);
    }
    bytes.extend(text);
}

/// Collects labels for a new set.
#[derive(Clone, Debug, Default)]
pub struct LabelBuilder {
    /// Sorted by name; an empty value is absent.
    pairs: Vec<(String, String)>,
}

impl LabelBuilder {
    /// Sets a label; an empty value removes it.
    pub fn set(&mut self, name: &str, value: &str) -> &mut Self {
        match self.pairs.binary_search_by(|(label, _)| label.as_str().cmp(name)) {
            Ok(at) if value.is_empty() => {
                self.pairs.remove(at);
            }
            Ok(at) => value.clone_into(&mut self.pairs[at].1),
            Err(_) if value.is_empty() => {}
            Err(at) => self.pairs.insert(at, (name.to_owned(), value.to_owned())),
        }
        self
    }

    /// Removes a label.
    pub fn remove(&mut self, name: &str) -> &mut Self {
        self.set(name, "")
    }

    /// Returns the value of a label.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(label, _)| label == name).map(|(_, value)| value.as_str())
    }

    /// Makes the set.
    #[must_use]
    pub fn build(&self) -> LabelSet {
        let mut bytes = Vec::new();
        for (name, value) in &self.pairs {
            push_text(&mut bytes, name);
            push_text(&mut bytes, value);
        }
        LabelSet(bytes.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_sorted_and_print_like_prometheus() {
        let set = LabelSet::new([("job", "db"), ("__name__", "up"), ("empty", ""), ("a", "x\"y\n")]);
        assert_eq!(set.to_string(), r#"up{a="x\"y\n", job="db"}"#);
        assert_eq!(set.len(), 3);
        assert_eq!(set.get("job"), Some("db"));
        assert_eq!(set.without_metric().to_string(), r#"{a="x\"y\n", job="db"}"#);
        assert_eq!(LabelSet::empty().to_string(), "{}");
    }

    #[test]
    fn long_values_survive() {
        let long = "é".repeat(200_000);
        let set = LabelSet::new([("a", long.as_str()), ("b", "c")]);
        assert_eq!(set.get("a"), Some(long.as_str()));
        assert_eq!(set.get("b"), Some("c"));
    }

    #[test]
    fn the_order_is_by_text() {
        let a = LabelSet::new([("a", "1")]);
        let b = LabelSet::new([("a", "1"), ("b", "0")]);
        let c = LabelSet::new([("a", "10")]);
        assert!(LabelSet::empty() < a && a < b && b < c);
    }

    #[test]
    fn sets_that_begin_alike_are_ordered_by_the_text_that_differs() {
        // Around the lengths at which a length takes more bytes, and the eight bytes that are compared at once.
        let long = |len: usize, last: &str| format!("{}{last}", "x".repeat(len));
        let values: Vec<String> = [0, 1, 6, 7, 8, 9, 15, 16, 253, 254, 255, 256, 257, 70_000]
            .iter()
            .flat_map(|len| ["", "a", "b", "é"].map(|last| long(*len, last)))
            .collect();
        let names = ["a", "b", "long_name_of_a_label"];
        let mut sets = vec![LabelSet::empty()];
        for value in &values {
            for name in names {
                sets.push(LabelSet::new([(name, value.as_str())]));
                sets.push(LabelSet::new([(name, value.as_str()), ("z", "1")]));
                sets.push(LabelSet::new([(name, "x"), ("z", value.as_str())]));
            }
        }
        for a in &sets {
            for b in &sets {
                assert_eq!(a.cmp(b), a.iter().cmp(b.iter()), "{} {}", a.0.len(), b.0.len());
                assert_eq!(a.cmp(b).is_eq(), a == b);
            }
        }
    }
}
