//! YAML that stands as a text inside YAML, such as the files in a ConfigMap.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::source::Located;

use super::problems::Problems;
use super::scalar::Scalar;
use super::{Content, Node, Read, read};

/// Reads the documents of a scalar's text, like [`read`]; nodes and problems stand where the file has them.
pub(crate) fn read_within(text: &Located, all: impl Fn(&Node) -> bool, problems: &mut Problems<'_>) -> Read {
    let before = problems.set_within(Some(text.clone()));
    let mut read = read(&text.text, all, problems);
    problems.set_within(before);
    let mut moving = Moving { through: text, moved: BTreeMap::new() };
    for node in &mut read.documents {
        *node = moving.node(node);
    }
    read.more = read.more.map(|at| text.at(at).span);
    read
}

/// Moves nodes from a text to the file around it.
struct Moving<'a> {
    through: &'a Located,
    /// By the address of what was moved: what aliases share stays shared.
    moved: BTreeMap<usize, Content>,
}

impl Moving<'_> {
    fn node(&mut self, node: &Node) -> Node {
        Node { span: self.through.at(node.span).span, content: self.content(&node.content), cut: node.cut }
    }

    fn content(&mut self, content: &Content) -> Content {
        let address = match content {
            Content::Scalar(scalar) => Arc::as_ptr(scalar) as usize,
            Content::Sequence(items) => items.as_ptr() as usize,
            Content::Mapping(entries) => entries.as_ptr() as usize,
        };
        // Empty collections have no address of their own.
        let shared = !matches!(content, Content::Sequence(items) if items.is_empty())
            && !matches!(content, Content::Mapping(entries) if entries.is_empty());
        if let Some(moved) = self.moved.get(&address).filter(|_| shared) {
            return moved.clone();
        }
        let moved = match content {
            Content::Scalar(scalar) => Content::Scalar(Arc::new(self.scalar(scalar))),
            Content::Sequence(items) => Content::Sequence(items.iter().map(|item| self.node(item)).collect()),
            Content::Mapping(entries) => {
                Content::Mapping(entries.iter().map(|(key, value)| (self.node(key), self.node(value))).collect())
            }
        };
        if shared {
            self.moved.insert(address, moved.clone());
        }
        moved
    }

    fn scalar(&self, scalar: &Scalar) -> Scalar {
        let written = &scalar.located;
        let located = Located {
            text: written.text.clone(),
            file: self.through.file,
            span: self.through.at(written.span).span,
            map: written.map.through(&self.through.map),
        };
        Scalar { located, plain: scalar.plain }
    }
}

#[cfg(test)]
mod tests {
    use crate::diagnostic::Diagnostics;
    use crate::source::{FileSpan, SourceMap, Span};

    use super::*;

    /// Reads a text whose first value holds YAML, and returns where its parts stand: `line:column text` of every
    /// scalar, and of every problem.
    fn check(source: &str, expected: &[&str]) {
        let (mut sources, mut diagnostics) = (SourceMap::default(), Diagnostics::default());
        let file = sources.add("a.yml", source);
        let mut problems = Problems::new(file, &mut diagnostics);
        let outer = read(source, |_| true, &mut problems).documents;
        let Content::Mapping(entries) = &outer[0].content else { panic!("a mapping") };
        let text = &entries[0].1.scalar().expect("a text").located;
        let inner = read_within(text, |_| true, &mut problems).documents;
        problems.finish();
        fn walk(node: &Node, found: &mut Vec<Scalar>) {
            match &node.content {
                Content::Scalar(scalar) => found.push((**scalar).clone()),
                Content::Sequence(items) => items.iter().for_each(|item| walk(item, found)),
                Content::Mapping(entries) => entries.iter().for_each(|(key, value)| {
                    walk(key, found);
                    walk(value, found);
                }),
            }
        }
        let mut scalars = Vec::new();
        inner.iter().for_each(|node| walk(node, &mut scalars));
        let place = |at: FileSpan| {
            let at = sources.position(at);
            format!("{}:{}", at.line, at.column)
        };
        let mut found: Vec<String> = Vec::new();
        for scalar in &scalars {
            let located = &scalar.located;
            let at = located.at(Span::new(0, located.text.len()));
            found.push(format!("{} {}", place(at), &source[at.span.range()]));
        }
        for problem in diagnostics.sorted() {
            found.push(format!("{} {}", place(problem.primary.as_ref().expect("a place").at), problem.code));
        }
        assert_eq!(found, expected, "{source}");
    }

    #[test]
    fn parts_of_an_inner_text_stand_in_the_file() {
        check("x: |\n  a: b\n  c: 'd e'\n", &["2:3 a", "2:6 b", "3:3 c", "3:7 d e"]);
        check("x: |-\n    a:\n    - b\n    - |\n      c\n", &["2:5 a", "3:7 b", "5:7 c"]);
        check("x: \"a: b\\nc: d\\n\"\n", &["1:5 a", "1:8 b", "1:11 c", "1:14 d"]);
        check("x: 'a: it''s'\n", &["1:5 a", "1:8 it''s"]);
        check("x: |\n  a: b\n  ---\n  c: d\n", &["2:3 a", "2:6 b", "4:3 c", "4:6 d"]);
        check("x: |\n  a: &q b\n  c: *q\n", &["2:3 a", "2:9 b", "3:3 c", "2:9 b"]);
    }

    #[test]
    fn mistakes_of_an_inner_text_stand_in_the_file() {
        check("y: |\n  a: [b\n  c: @\n", &["3:4 yaml-syntax"]);
        check("y: |\n  a: b: c\n", &["2:7 yaml-syntax"]);
    }
}
