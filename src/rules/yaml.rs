//! YAML with a span on every node.

use std::collections::BTreeMap;
use std::sync::Arc;

use granit_parser::{Event, Parser, ScalarStyle, StructureStyle, Tag};

use crate::limits::{YAML_DEPTH, YAML_NODES};
use crate::source::{Located, Span};

use super::problems::Problems;
use super::scalar::{self, Notation, Scalar};
use super::yaml_error;

/// A value and where it stands. An alias has its own span and what its anchor holds.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Where it stands; of a value that was left out, its key.
    pub(crate) span: Span,
    /// What it is.
    pub(crate) content: Content,
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

    /// Tells whether YAML takes it for nothing.
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

    /// Tells whether it is a `{{ .. }}` that lacks quotes: YAML takes it for a mapping in a mapping.
    pub(crate) fn is_bare_template(&self) -> bool {
        match &self.content {
            Content::Mapping(entries) => entries.first().is_some_and(|(key, _)| key.scalar().is_none()),
            Content::Scalar(_) | Content::Sequence(_) => false,
        }
    }
}

/// Reads the first document of a text; `None` when there is nothing in it, or when it is no YAML, which is told.
pub(crate) fn read(source: &str, problems: &mut Problems<'_>) -> Option<Node> {
    let options = granit_parser::options! {
        emit_comments: false,
        emit_unresolved_aliases: true,
        block_scalar_eof_without_line_feed: true,
        flow_nesting_limit: YAML_DEPTH,
        block_nesting_limit: YAML_DEPTH,
    };
    let mut builder =
        Builder { source, problems, open: Vec::new(), anchors: BTreeMap::new(), nodes: 0, root: None, broken: false };
    let mut ended = false;
    for event in Parser::new_from_str_with_options(source, options) {
        match event {
            Ok((Event::DocumentStart(..), at)) if ended => {
                let span = file_span(at);
                let message = "a second YAML document begins here; it and all that follow are ignored";
                builder.problems.warning("second-document", message, span);
                break;
            }
            Ok((Event::DocumentEnd, _)) => ended = true,
            Ok((event, at)) => builder.event(event, at),
            Err(error) => {
                yaml_error::report(&error, source, builder.problems);
                return None;
            }
        }
        if builder.broken {
            return None;
        }
    }
    builder.root
}

fn file_span(span: granit_parser::Span) -> Span {
    let range = span.byte_range().unwrap_or_default();
    Span::new(range.start, range.end)
}

/// What an anchor names.
#[derive(Debug)]
struct Anchor {
    content: Content,
    size: usize,
    height: usize,
}

/// A collection that is not over.
#[derive(Debug)]
struct Open {
    span: Span,
    flow: bool,
    anchor: usize,
    size: usize,
    height: usize,
    children: Children,
}

#[derive(Debug)]
enum Children {
    Sequence(Vec<Node>),
    Mapping(Vec<(Node, Node)>, Option<Node>),
}

/// Builds the tree of nodes from the parser's events, without recursion.
struct Builder<'a, 'p, 'd> {
    source: &'a str,
    problems: &'p mut Problems<'d>,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Anchor>,
    nodes: usize,
    root: Option<Node>,
    broken: bool,
}

impl Builder<'_, '_, '_> {
    fn event(&mut self, event: Event<'_>, at: granit_parser::Span) {
        let span = file_span(at);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let content = self.scalar(&text, style, tag.as_deref(), at);
                let span = match &content {
                    Content::Scalar(scalar) => scalar.located.span,
                    Content::Sequence(_) | Content::Mapping(_) => span,
                };
                self.name(anchor, &content, 1, 0);
                self.close(Node { span, content }, 1, 0);
            }
            Event::SequenceStart(style, anchor, _) => {
                self.begin(span, style, anchor, Children::Sequence(Vec::new()));
            }
            Event::MappingStart(style, anchor, _) => {
                self.begin(span, style, anchor, Children::Mapping(Vec::new(), None));
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(span),
            Event::Alias(id) => self.alias(id, span),
            Event::UnresolvedAlias(name) => {
                let message = format!("`*{name}` refers to an anchor `&{name}` that is not above");
                let help = "a text that begins with `*` needs quotes";
                self.problems.error_with_help("yaml-alias", message, span, help);
                self.broken = true;
            }
            _ => {}
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, at: granit_parser::Span) -> Content {
        let mut span = file_span(at);
        let notation = match style {
            ScalarStyle::SingleQuoted => Notation::Single,
            ScalarStyle::DoubleQuoted => Notation::Double,
            ScalarStyle::Literal => Notation::Literal,
            ScalarStyle::Folded => Notation::Folded,
            ScalarStyle::Plain => Notation::Plain,
        };
        if tag.is_some_and(|tag| tag.handle() == "tag:yaml.org,2002:" && tag.suffix() == "binary") {
            let message = "`!!binary` is not read here";
            self.problems.error_with_help("yaml-tag", message, span, "write the text itself");
        }
        let is_text = |tag: &Tag| tag.core_suffix() == Some("str") || tag.original() == "!";
        // The parser writes `~` for a value that was left out.
        let text = if span.start == span.end && notation == Notation::Plain { "" } else { text };
        let map = scalar::map(text, self.source, span, notation);
        if let (Notation::Literal | Notation::Folded, Some(last)) = (notation, map.pieces.last()) {
            // The parser's span goes on over blank lines to the next key.
            span.end = last.file + last.len;
        }
        let located = Located { text: text.to_owned(), file: self.problems.file(), span, map };
        Content::Scalar(Arc::new(Scalar { located, plain: notation == Notation::Plain && !tag.is_some_and(is_text) }))
    }

    fn begin(&mut self, span: Span, style: StructureStyle, anchor: usize, children: Children) {
        let flow = style == StructureStyle::Flow;
        self.open.push(Open { span, flow, anchor, size: 1, height: 1, children });
        self.check_depth(0, span);
    }

    fn end(&mut self, end: Span) {
        let Some(open) = self.open.pop() else { return };
        let (last, content) = match open.children {
            Children::Sequence(items) => (items.last().map(|node| node.span), Content::Sequence(items.into())),
            Children::Mapping(entries, _) => {
                (entries.last().map(|(_, value)| value.span), Content::Mapping(entries.into()))
            }
        };
        let end = if open.flow { end } else { last.unwrap_or(open.span) };
        self.name(open.anchor, &content, open.size, open.height);
        self.close(Node { span: open.span.to(end), content }, open.size, open.height);
    }

    fn alias(&mut self, id: usize, span: Span) {
        let Some(Anchor { content, size, height }) = self.anchors.get(&id) else {
            self.problems.error("yaml-alias", "an alias stands inside what its own anchor names", span);
            self.broken = true;
            return;
        };
        let (node, size, height) = (Node { span, content: content.clone() }, *size, *height);
        self.check_depth(height, span);
        self.close(node, size, height);
    }

    /// Remembers what an anchor names (0 is no anchor).
    fn name(&mut self, anchor: usize, content: &Content, size: usize, height: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, Anchor { content: content.clone(), size, height });
        }
    }

    fn check_depth(&mut self, height: usize, span: Span) {
        if self.open.len() + height > YAML_DEPTH && !self.broken {
            let message = format!("lists and mappings are nested deeper than {YAML_DEPTH} levels, the limit");
            self.problems.error("yaml-too-deep", message, span);
            self.broken = true;
        }
    }

    /// Gives a node that is over to the collection around it.
    fn close(&mut self, mut node: Node, size: usize, height: usize) {
        self.nodes += size;
        if self.nodes > YAML_NODES && !self.broken {
            let message = format!("the file holds more than {YAML_NODES} YAML nodes, aliases followed: the limit");
            self.problems.error("yaml-too-large", message, node.span);
            self.broken = true;
        }
        let Some(open) = self.open.last_mut() else {
            self.root.get_or_insert(node);
            return;
        };
        open.size += size;
        open.height = open.height.max(height + 1);
        match &mut open.children {
            Children::Sequence(items) => items.push(node),
            Children::Mapping(entries, key) => match key.take() {
                None => *key = Some(node),
                Some(key) => {
                    if node.span.start >= node.span.end {
                        node.span = key.span;
                    }
                    entries.push((key, node));
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Diagnostics;
    use crate::source::{FileSpan, SourceMap};

    fn tree(source: &str) -> (SourceMap, Option<Node>) {
        let mut sources = SourceMap::default();
        let file = sources.add("a.yml", source);
        let mut diagnostics = Diagnostics::default();
        let node = read(source, &mut Problems::new(file, &mut diagnostics));
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

    /// Compares with what the reference library reads; bare scalars that it takes for numbers and such are left out.
    fn compare(node: &Node, value: &serde_yaml::Value, source: &str) {
        match (&node.content, value) {
            (Content::Scalar(scalar), serde_yaml::Value::String(text)) => assert_eq!(scalar.text(), text, "{source:?}"),
            (Content::Scalar(scalar), _) => assert!(scalar.plain, "{source:?}"),
            (Content::Sequence(items), serde_yaml::Value::Sequence(values)) => {
                assert_eq!(items.len(), values.len());
                items.iter().zip(values).for_each(|(item, value)| compare(item, value, source));
            }
            (Content::Mapping(entries), serde_yaml::Value::Mapping(values)) => {
                assert_eq!(entries.len(), values.len());
                for ((key, node), (name, value)) in entries.iter().zip(values) {
                    compare(key, name, source);
                    compare(node, value, source);
                }
            }
            _ => panic!("{source:?}: {node:?} is not {value:?}"),
        }
    }

    const TEXTS: &[&str] = &[
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
    fn texts_are_those_of_the_reference_library() {
        for source in TEXTS {
            let value: serde_yaml::Value = serde_yaml::from_str(source).unwrap();
            compare(&tree(source).1.unwrap(), &value, source);
        }
    }

    #[test]
    fn every_byte_that_is_not_folded_has_its_place() {
        for source in TEXTS {
            let (_, node) = tree(source);
            let node = node.unwrap();
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
                let mapped: u32 = scalar.located.map.pieces.iter().map(|piece| piece.len).sum();
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
        let node = node.unwrap();
        let mut found = Vec::new();
        scalars(&node, &mut found);
        let scalar = found.into_iter().find(|scalar| scalar.text().contains(part)).unwrap();
        let start = scalar.text().find(part).unwrap();
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
        let Content::Mapping(entries) = node.unwrap().content else { panic!() };
        let written: Vec<&str> = entries.iter().map(|(_, value)| &source[value.span.range()]).collect();
        assert_eq!(written, ["[b, c]", "f: 'g'\n  h: |\n    i", "j", "x"]);
    }
}
