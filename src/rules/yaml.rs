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
        let written = self.source.get(span.range()).unwrap_or_default();
        span.end = span.start + u32::try_from(written.trim_end().len()).unwrap_or(u32::MAX - span.start);
        if tag.is_some_and(|tag| tag.handle() == "tag:yaml.org,2002:" && tag.suffix() == "binary") {
            let message = "`!!binary` is not read here";
            self.problems.error_with_help("yaml-tag", message, span, "write the text itself");
        }
        let is_text = |tag: &Tag| tag.core_suffix() == Some("str") || tag.original() == "!";
        let map = scalar::map(text, self.source, span, notation, at.indent.unwrap_or(0));
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
