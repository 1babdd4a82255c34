//! YAML with a span on every node, fields that are taken off its mappings, and the problems of a file. It knows nothing
//! of what a file means: rules, silences and targets are read through it.

mod build;
pub(crate) mod comments;
pub(crate) mod fields;
pub(crate) mod problems;
pub(crate) mod scalar;
mod split;
mod syntax;
mod text;
mod within;
#[cfg(feature = "cli")]
pub(crate) mod write;

use std::ops::Range;
use std::sync::Arc;

use granit_parser::{Event, Parser};

use crate::diagnostic::{Diagnostics, codes};
use crate::limits::YAML_DEPTH;
use crate::source::{SourceMap, Span};

use self::problems::Problems;
use self::scalar::Scalar;

use self::build::{Builder, file_span};

pub(crate) use self::text::add as add_text;
pub(crate) use self::within::read_within;

/// A value and where it stands. An alias has its own span and what its anchor holds.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Where it stands; of a value that was left out, its key.
    pub(crate) span: Span,
    /// What it is.
    pub(crate) content: Content,
    /// Whether a mistake in the YAML cut it off, so that what it lacks may stand below.
    pub(crate) cut: bool,
}

/// The kinds of node.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// A text.
    Scalar(Arc<Scalar>),
    /// A list.
    Sequence(Arc<[Node]>),
    /// Keys and their values, in file order, repeated keys and `<<` included.
    Mapping(Arc<[(Node, Node)]>),
}

impl Node {
    /// Returns the scalar, if it is one.
    pub(crate) fn scalar(&self) -> Option<&Scalar> {
        match &self.content {
            Content::Scalar(scalar) => Some(scalar),
            Content::Sequence(_) | Content::Mapping(_) => None,
        }
    }

    /// Returns whether YAML takes it for nothing.
    pub(crate) fn is_null(&self) -> bool {
        self.scalar().is_some_and(Scalar::is_null)
    }

    /// Returns the words that messages use for it.
    pub(crate) fn words(&self) -> &'static str {
        match &self.content {
            Content::Scalar(scalar) if scalar.is_null() => "nothing",
            Content::Scalar(_) => "a text",
            Content::Sequence(_) => "a list",
            Content::Mapping(_) => "a mapping",
        }
    }

    /// Returns whether it is a `{{ .. }}` that lacks quotes: YAML takes it for a mapping in a mapping.
    pub(crate) fn is_bare_template(&self) -> bool {
        match &self.content {
            Content::Mapping(entries) => entries.first().is_some_and(|(key, _)| key.scalar().is_none()),
            Content::Scalar(_) | Content::Sequence(_) => false,
        }
    }
}

/// Adds the bytes of a file to the sources and reads its document, of which there is one; `what` names the kind of file (`a rule file`).
/// Every problem is reported. `None` when there is nothing in it, or when nothing of it can be read.
pub(crate) fn open<'d>(
    sources: &mut SourceMap,
    name: &str,
    bytes: &[u8],
    what: &str,
    diagnostics: &'d mut Diagnostics,
) -> (Problems<'d>, Option<Node>) {
    let (mut problems, text) = text::add(sources, name, bytes, what, diagnostics);
    let Some(text) = text else { return (problems, None) };
    let read = read(&text, |_| false, &mut problems);
    if let Some(at) = read.more {
        let message = format!("a second YAML document begins here; {what} has one");
        problems.error(codes::SECOND_DOCUMENT, message, at);
    }
    (problems, read.documents.into_iter().next())
}

/// Warns of a second document, which is not read.
pub(crate) fn ignored_document(at: Span, problems: &mut Problems<'_>) {
    let message = "a second YAML document begins here; it and all that follow are ignored";
    problems.warning(codes::SECOND_DOCUMENT, message, at);
}

/// The documents of a text.
#[derive(Debug, Default)]
pub(crate) struct Read {
    /// Those that were read; of several, those that are not empty.
    pub(crate) documents: Vec<Node>,
    /// Where the first begins that was not read.
    pub(crate) more: Option<Span>,
}

/// Reads the first document of a text, and all that follow where `all` says so of the first that is not empty. A text
/// that is no YAML is reported; of one with a mistake, what stands before it is still read: the entries of lists that
/// were over.
pub(crate) fn read(source: &str, all: impl Fn(&Node) -> bool, problems: &mut Problems<'_>) -> Read {
    if let Some(root) = split::read(source, problems.file()) {
        return Read { documents: vec![root], more: None };
    }
    documents(source, 0..source.len(), 0, all, problems).0
}

/// Reads the documents of a part of a text as [`read`] does, and returns how many nodes they have; `above`: how many
/// collections stand around the part.
fn documents(
    source: &str,
    part: Range<usize>,
    above: usize,
    all: impl Fn(&Node) -> bool,
    problems: &mut Problems<'_>,
) -> (Read, usize) {
    let (base, text) = (part.start, &source[part]);
    let options = granit_parser::options! {
        emit_comments: false,
        emit_unresolved_aliases: true,
        block_scalar_eof_without_line_feed: true,
        flow_nesting_limit: YAML_DEPTH,
        block_nesting_limit: YAML_DEPTH,
    };
    let mut builder = Builder::new(source, base, above, problems);
    let mut read = Read::default();
    // Where the second document begins, while all before the one at hand are empty.
    let mut second = None;
    let mut ended = false;
    for event in Parser::new_from_str_with_options(text, options) {
        match event {
            Ok((Event::DocumentStart(..), at)) if ended => {
                read.documents.extend(builder.next_root().filter(|root| !root.is_null()));
                match read.documents.first() {
                    Some(first) if !all(first) => {
                        read.more = Some(file_span(at, base));
                        return (read, builder.nodes());
                    }
                    Some(_) => {}
                    None => second = second.or(Some(file_span(at, base))),
                }
                ended = false;
            }
            Ok((Event::DocumentEnd, _)) => ended = true,
            Ok((event, at)) => builder.event(event, at),
            Err(error) => {
                // Of a part, a mistake is only noticed.
                syntax::report(&error, text, builder.problems());
                let nodes = builder.nodes();
                read.documents.extend(builder.cut());
                return (read, nodes);
            }
        }
        if builder.is_broken() {
            return (Read::default(), builder.nodes());
        }
    }
    let nodes = builder.nodes();
    let only = read.documents.is_empty() && second.is_none();
    read.documents.extend(builder.next_root().filter(|root| only || !root.is_null()));
    match (second, read.documents.as_slice()) {
        // Who reads the first document alone does not see it.
        (Some(at), [only]) if !all(only) => (Read { documents: Vec::new(), more: Some(at) }, nodes),
        _ => (read, nodes),
    }
}

#[cfg(test)]
mod oracle;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileSpan;

    fn tree(source: &str) -> (SourceMap, Option<Node>) {
        let mut sources = SourceMap::default();
        let file = sources.add("a.yml", source);
        let mut diagnostics = Diagnostics::default();
        let node = read(source, |_| false, &mut Problems::new(file, &mut diagnostics)).documents.pop();
        assert!(diagnostics.is_empty(), "{source:?} {diagnostics:?}");
        (sources, node)
    }

    fn scalars<'a>(node: &'a Node, found: &mut Vec<&'a Scalar>) {
        match &node.content {
            Content::Scalar(scalar) => found.push(scalar),
            Content::Sequence(items) => items.iter().for_each(|item| scalars(item, found)),
            Content::Mapping(entries) => entries.iter().for_each(|(key, value)| {
                scalars(key, found);
                scalars(value, found);
            }),
        }
    }

    pub(super) const TEXTS: &[&str] = &[
        "a: b",
        "a:   b c   # d",
        "a: b\n  c\n\n\n  d\n",
        "a: 'b ''c'' d'\n",
        "a: 'b \n  c\n\n  d '\n",
        "a: ' b'\nb: '\n  c'\n",
        "a: \"b \\\"c\\\" \\n\\t\\\\ \\x41\\u00e9\\U0001F600 é\"\n",
        "a: \"b \\\n   c\\\n\\\n  d\n\n\n  e \\  f\"\n",
        "a: \"b\n  c  \n  d\"\n",
        "a: |\n  b\n  c\nd: e\n",
        "a: |-\n  b\n\n\n  c\n\n\nd: e\n",
        "a: |+\n  b\n\n\nd: e\n",
        "a: |2\n    b\n   c\n  d\n",
        "- |1-\n  b\n c\n",
        "a: |\n\n\n  b\n  \n  c\n",
        "a: |  # why\n  b # c\n",
        "a: >\n  b\n  c\n\n  d\n    e\n    f\n  g\n\n\n  h\n",
        "a: >-\n  b\n   \n  c\n",
        "a: >+\n  b\n\n  c\n\n",
        "a: >\n\n   b\n   c\n\nd: e\n",
        "a: >2-\n    b\n  c\n",
        "a: |\n  b",
        "a: >\n  b\n  c",
        "a: |",
        "a: |2\n  \tb\n  c\t\n",
        "a: >\n  b\n  \tc\n  d\n",
        "a: b\r\nc: |\r\n  d\r\n  e\r\nf: 'g\r\n  h'\r\n",
        "a: >\r\n  b\r\n  c\r\n\r\n  d\r\n",
        "a: |\n  日本 😀 é\n  x\n",
        "a: >-\n  日本\n  😀 é x\n",
        "a: [b, 'c', \"d\", {e: f, g: [h]}]\n",
        "{a: b c, d: 'e'}\n",
        "a: &x b\nc: *x\nd: &y {e: f}\ng: *y\n",
        "? a\n: b\n",
        "a: !!str b\nc: !!str 5\n",
        "a:\n- b\n-\n  - c\n- - d\n  - e\n",
        "\"a b\": c\n'd': e\n",
        "a: 1\nb: true\nc: ~\nd:\ne: 1.50\n",
        "a: http://b:80/c#d\n",
        "- a:b\n- a#b\n- -1\n- :x\n",
        "a: sum(rate(x{y=\"z\"}[5m])) by (w) > 0.5 # note\n",
        "---\na: b\n...\n",
        "%YAML 1.1\n---\na: b\n",
    ];

    #[test]
    fn a_node_counts_once_whatever_stands_around_it() {
        let many = "x,".repeat(300_000);
        let (_, root) = tree(&format!("[[[[[[[[{many}]]]]]]]]"));
        assert!(root.is_some());
    }

    #[test]
    fn every_byte_that_is_not_folded_has_its_place() {
        for source in TEXTS {
            let (_, node) = tree(source);
            let node = node.expect("a node");
            let mut found = Vec::new();
            scalars(&node, &mut found);
            for scalar in found {
                let text = scalar.text();
                for (at, c) in text.char_indices() {
                    let place = scalar.located.at(Span::new(at, at + c.len_utf8())).span;
                    let written = &source[place.range()];
                    let folded = c == '\n' || c == ' ';
                    assert!(written.starts_with([c, '\\']) || folded, "{source:?} {c:?} {scalar:?}");
                }
                let mapped: u32 = scalar.located.map.pieces().iter().map(|piece| piece.len).sum();
                let solid = text.bytes().filter(|byte| !matches!(byte, b'\n' | b' ')).count();
                assert!(mapped as usize >= solid, "{source:?} {scalar:?}");
                let whole = &source[scalar.located.span.range()];
                assert_eq!(whole, whole.trim_end_matches([' ', '\r', '\n']), "{source:?}");
            }
        }
    }

    /// Checks where a part of the first scalar that has it stands: `line:column` of its first and last byte.
    fn check(source: &str, part: &str, expected: &str) {
        let (sources, node) = tree(source);
        let node = node.expect("a node");
        let mut found = Vec::new();
        scalars(&node, &mut found);
        let scalar = found.into_iter().find(|scalar| scalar.text().contains(part)).expect("a node");
        let start = scalar.text().find(part).expect("a node");
        let place = scalar.located.at(Span::new(start, start + part.len()));
        let last = FileSpan { file: place.file, span: Span { start: place.span.end - 1, end: place.span.end } };
        let (from, to) = (sources.position(place), sources.position(last));
        assert_eq!(format!("{}:{} {}:{}", from.line, from.column, to.line, to.column), expected, "{source:?}");
    }

    #[test]
    fn parts_of_texts_are_found_in_the_file() {
        check("a: up{x} > 1\n", "x", "1:7 1:7");
        check("a: up\n\n   and\n\n  down\n", "down", "5:3 5:6");
        check("a: up\n  and\n  down\n", "and down", "2:3 3:6");
        check("a: 'up{x=''y''} > 1'\n", "> 1", "1:17 1:19");
        check("a: \"up{x=\\\"y\\\"} > \\u00e9\"\n", "> é", "1:17 1:20");
        check("a: \"up{x=\\\"y\\\"}\"\n", "y", "1:12 1:12");
        check("a: \"up \\\n    down\"\n", "down", "2:5 2:8");
        check("a:\n  - |\n    up\n      down\n    x\n", "down", "4:7 4:10");
        check("a:\n  - |\n    up\n      down\n    x\n", "x", "5:5 5:5");
        check("a: |\n\n\n  up\n\n  x\n", "x", "6:3 6:3");
        check("a: |4\n      up\n    x\n", "x", "3:5 3:5");
        check("a: >-\n  up\n  > 1\n\n  x\n", "> 1", "3:3 3:5");
        check("a: >-\n  up\n  > 1\n\n  x\n", "x", "5:3 5:3");
        check("a: >\n  up\n    x\n  y\n", "y", "4:3 4:3");
        check("a: >\r\n  up\r\n  x\r\n", "x", "3:3 3:3");
        check("a: |\r\n  up\r\n  x\r\n", "x", "3:3 3:3");
        check("a: |\n  é日😀 x\n", "x", "2:7 2:7");
        check("a: |\n  \tup\t x\n", "x", "2:8 2:8");
        check("b: &a >\n  up\n  x\nc: *a\n", "x", "3:3 3:3");
        check("'a b': c\n", "b", "1:4 1:4");
    }

    #[test]
    fn nodes_know_where_they_stand() {
        let source = "a: [b, c] # d\ne:\n  f: 'g'\n  h: |\n    i\n\nj:\nk: x\n";
        let (_, node) = tree(source);
        let Content::Mapping(entries) = node.expect("a node").content else { panic!() };
        let written: Vec<&str> = entries.iter().map(|(_, value)| &source[value.span.range()]).collect();
        assert_eq!(written, ["[b, c]", "f: 'g'\n  h: |\n    i", "j", "x"]);
    }
}
