//! Builds the tree of nodes from the parser's events.

use std::collections::BTreeMap;
use std::sync::Arc;

use granit_parser::{Event, ScalarStyle, StructureStyle, Tag};

use super::problems::Problems;
use super::scalar::{self, Notation, Scalar};
use crate::diagnostic::codes;
use crate::limits::{YAML_DEPTH, YAML_NODES};
use crate::source::{Located, Span};

use super::{Content, Node};

/// Returns the parser's span as ours, of a text that stands at an offset of its file.
pub(super) fn file_span(span: granit_parser::Span, base: usize) -> Span {
    let range = span.byte_range().unwrap_or_default();
    Span::new(base + range.start, base + range.end)
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
pub(super) struct Builder<'a, 'p, 'd> {
    /// All of the file.
    source: &'a str,
    /// Where in it the text begins that is read.
    base: usize,
    /// How many collections stand around that text.
    above: usize,
    problems: &'p mut Problems<'d>,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Anchor>,
    nodes: usize,
    root: Option<Node>,
    broken: bool,
}

impl<'a, 'p, 'd> Builder<'a, 'p, 'd> {
    /// Begins without a node, with a text that stands at an offset of the file, and `above` collections around it.
    pub(super) fn new(source: &'a str, base: usize, above: usize, problems: &'p mut Problems<'d>) -> Self {
        Self {
            source,
            base,
            above,
            problems,
            open: Vec::new(),
            anchors: BTreeMap::new(),
            nodes: 0,
            root: None,
            broken: false,
        }
    }

    /// Returns how many nodes there are, aliases followed.
    pub(super) fn nodes(&self) -> usize {
        self.nodes
    }

    /// Returns where problems are reported.
    pub(super) fn problems(&mut self) -> &mut Problems<'d> {
        self.problems
    }

    /// Returns whether a limit or a wrong alias ends the reading.
    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Takes the node of a document that is over; anchors are forgotten.
    pub(super) fn next_root(&mut self) -> Option<Node> {
        self.anchors.clear();
        self.root.take()
    }

    /// Returns what is sure of a document that a mistake cut off: the entries of block lists that were over, and the
    /// mappings around those lists.
    pub(super) fn cut(mut self) -> Option<Node> {
        let mut kept: Option<Node> = None;
        while let Some(open) = self.open.pop() {
            let content = match (open.children, kept.take()) {
                (Children::Sequence(mut items), child) if !open.flow => {
                    items.extend(child);
                    Content::Sequence(items.into())
                }
                (Children::Mapping(mut entries, Some(key)), Some(child)) => {
                    entries.push((key, child));
                    Content::Mapping(entries.into())
                }
                _ => continue,
            };
            kept = Some(Node { span: open.span, content, cut: true });
        }
        self.root.or(kept)
    }

    /// Takes the parser's next event.
    pub(super) fn event(&mut self, event: Event<'_>, at: granit_parser::Span) {
        let span = file_span(at, self.base);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let content = self.scalar(&text, style, tag.as_deref(), at);
                let span = match &content {
                    Content::Scalar(scalar) => scalar.located.span,
                    Content::Sequence(_) | Content::Mapping(_) => span,
                };
                self.name(anchor, &content, 1, 0);
                self.close(Node { span, content, cut: false }, 1, (1, 0));
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
                self.problems.error_with_help(codes::YAML_ALIAS, message, span, help);
                self.broken = true;
            }
            _ => {}
        }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, at: granit_parser::Span) -> Content {
        let mut span = file_span(at, self.base);
        let notation = match style {
            ScalarStyle::SingleQuoted => Notation::Single,
            ScalarStyle::DoubleQuoted => Notation::Double,
            ScalarStyle::Literal => Notation::Literal,
            ScalarStyle::Folded => Notation::Folded,
            ScalarStyle::Plain => Notation::Plain,
        };
        if tag.is_some_and(|tag| tag.handle() == "tag:yaml.org,2002:" && tag.suffix() == "binary") {
            let message = "`!!binary` is not read here";
            self.problems.error_with_help(codes::YAML_TAG, message, span, "write the text itself");
        }
        let is_text = |tag: &Tag| tag.core_suffix() == Some("str") || tag.original() == "!";
        // The parser writes `~` for a value that was left out.
        let text = if span.start == span.end && notation == Notation::Plain { "" } else { text };
        let map = scalar::map(text, self.source, span, notation);
        if let (Notation::Literal | Notation::Folded, Some(last)) = (notation, map.pieces().last()) {
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
        self.close(Node { span: open.span.to(end), content, cut: false }, 1, (open.size, open.height));
    }

    fn alias(&mut self, id: usize, span: Span) {
        let Some(Anchor { content, size, height }) = self.anchors.get(&id) else {
            self.problems.error(codes::YAML_ALIAS, "an alias stands inside what its own anchor names", span);
            self.broken = true;
            return;
        };
        let (node, size, height) = (Node { span, content: content.clone(), cut: false }, *size, *height);
        self.check_depth(height, span);
        self.close(node, size, (size, height));
    }

    /// Remembers what an anchor names (0 is no anchor).
    fn name(&mut self, anchor: usize, content: &Content, size: usize, height: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, Anchor { content: content.clone(), size, height });
        }
    }

    fn check_depth(&mut self, height: usize, span: Span) {
        if self.above + self.open.len() + height > YAML_DEPTH && !self.broken {
            let message = format!("lists and mappings are nested deeper than {YAML_DEPTH} levels, the limit");
            self.problems.error(codes::YAML_TOO_DEEP, message, span);
            self.broken = true;
        }
    }

    /// Gives a node that is over to the collection around it. `met` is how many nodes it adds to the file: itself, or
    /// all that an alias stands for; what a collection holds was met before.
    fn close(&mut self, mut node: Node, met: usize, (size, height): (usize, usize)) {
        self.nodes += met;
        if self.nodes > YAML_NODES && !self.broken {
            let message = format!("the file holds more than {YAML_NODES} YAML nodes, aliases followed: the limit");
            self.problems.error(codes::YAML_TOO_LARGE, message, node.span);
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
