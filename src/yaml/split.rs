//! Reads a long rule file in several threads: its text is cut between the entries of the list under its one key, and
//! the parts are put together again. What comes out is what [`super::read`] gives; where there is any doubt that it is,
//! nothing comes out.
//!
//! An entry of a block list begins with `- ` at the column of the list, and all that belongs to it stands further right,
//! the lines of block scalars included. A quoted text or a list in brackets may go on at any column; cut in two, it is
//! no YAML any more, so that its part fails and the file is read whole.

use std::ops::Range;
use std::sync::Arc;

use crate::diagnostic::Diagnostics;
use crate::limits::YAML_NODES;
use crate::source::{FileId, Span};
use crate::threads;

use super::problems::Problems;
use super::{Content, Node, documents};

/// The least text that a part holds. Unit: bytes.
const PART_BYTES: usize = 128 << 10;
/// The most parts: enough to keep a few threads busy whose parts take unequal times.
const PARTS: usize = 16;

/// Reads a text that is one key with a list under it, if it is long; nothing where it may be anything else.
pub(super) fn read(source: &str, file: FileId) -> Option<Node> {
    read_by(source, file, PART_BYTES)
}

/// Reads a text in parts of at least so many bytes.
fn read_by(source: &str, file: FileId, least: usize) -> Option<Node> {
    let parts = parts(source, least)?;
    let mut head = one(source, 0..parts[0].start, 0, file)?.0;
    let read = threads::map(&parts, true, |part| one(source, part.clone(), 1, file));
    let mut items: Vec<Node> = Vec::new();
    let mut nodes = 2;
    for read in read {
        let (node, met) = read?;
        let Content::Sequence(entries) = node.content else { return None };
        items.extend(entries.iter().cloned());
        nodes += met;
    }
    if nodes > YAML_NODES {
        return None;
    }
    let Content::Mapping(entries) = &head.content else { return None };
    let [(key, value)] = &entries[..] else { return None };
    if !value.is_null() {
        return None;
    }
    let (first, last) = (items.first()?.span, items.last()?.span);
    // As the parser says it: an indented list begins at its first `-`, another one at its first entry.
    let dash = parts[0].start + source[parts[0].clone()].find('-')?;
    let begin = if dash > parts[0].start { Span::new(dash, dash) } else { first };
    let list = Node { span: begin.to(last), content: Content::Sequence(items.into()), cut: false };
    head.span = head.span.to(list.span);
    head.content = Content::Mapping(Arc::from([(key.clone(), list)]));
    Some(head)
}

/// Reads a part that holds one document without a mistake, and returns how many nodes it has; `above`: how many
/// collections stand around it.
fn one(source: &str, part: Range<usize>, above: usize, file: FileId) -> Option<(Node, usize)> {
    let mut unheard = Diagnostics::default();
    let mut problems = Problems::new(file, &mut unheard);
    let (mut read, nodes) = documents(source, part, above, |_| false, &mut problems);
    let sound = read.more.is_none() && read.documents.len() == 1 && problems.errors() == 0;
    let node = read.documents.pop().filter(|node| sound && !node.cut)?;
    unheard.is_empty().then_some((node, nodes))
}

/// Returns stretches of a text at whose borders entries of its list begin; nothing where it is short or no such text.
fn parts(source: &str, least: usize) -> Option<Vec<Range<usize>>> {
    if source.len() < 2 * least {
        return None;
    }
    let first = first_entry(source)?;
    let indent = source[first..].find('-')?;
    let mark = format!("\n{}- ", " ".repeat(indent));
    let starts = memchr::memmem::find_iter(&source.as_bytes()[first..], mark.as_bytes()).map(|at| first + at + 1);
    let least = (source.len() / PARTS).max(least);
    let mut parts = Vec::new();
    let mut from = first;
    for start in starts {
        if start - from >= least {
            parts.push(from..start);
            from = start;
        }
    }
    parts.push(from..source.len());
    (parts.len() > 1).then_some(parts)
}

/// Returns where the line of the first entry begins, if nothing but one key and comments stands above it.
fn first_entry(source: &str) -> Option<usize> {
    let mut at = 0;
    let mut key = false;
    for line in source.split_inclusive('\n') {
        let words = line.trim_start();
        match words.trim_end() {
            "" => {}
            _ if words.starts_with('#') => {}
            _ if key => return words.starts_with("- ").then_some(at),
            // Nothing else is worth the trouble: it is the key of rule files.
            "groups:" if line.starts_with('g') => key = true,
            _ => return None,
        }
        at += line.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceMap;

    /// Reads a text in both ways. Returns whether it could be read in parts; where it was, both are the same.
    fn is_split(source: &str) -> bool {
        let mut sources = SourceMap::default();
        let file = sources.add("a.yml", source);
        let mut diagnostics = Diagnostics::default();
        let whole = documents(source, 0..source.len(), 0, |_| false, &mut Problems::new(file, &mut diagnostics));
        let whole = whole.0.documents.into_iter().next();
        let split = read_by(source, file, 512);
        if let Some(split) = &split {
            assert!(diagnostics.is_empty());
            let (split, whole) = (format!("{split:?}"), format!("{:?}", whole.expect("a document")));
            let differ = split.bytes().zip(whole.bytes()).position(|(a, b)| a != b);
            let shown = |text: &str| differ.map(|at| text[..at + 40].chars().rev().take(200).collect::<String>());
            assert_eq!(shown(&split), shown(&whole));
            assert_eq!(split.len(), whole.len());
        }
        split.is_some()
    }

    /// Returns a long file whose lists are indented by `indent`, and one more group somewhere.
    fn long(indent: usize, more: &str) -> String {
        let pad = " ".repeat(indent);
        let rule = format!(
            "{pad}  - alert: A\n{pad}    expr: |\n{pad}      up\n{pad}      - foo{{a=\"b\"}} > 5\n{pad}    annotations: {{a: 'it''s', b: \"x\\ty\"}}\n"
        );
        let group = |at: usize| format!("{pad}- name: g{at} # it's\n{pad}  rules:\n{}", rule.repeat(2));
        let groups: Vec<String> = (0..20).map(group).collect();
        format!("# {{\n\ngroups:\n{}{more}{}", groups[..9].concat(), groups[9..].concat())
    }

    #[test]
    fn a_long_list_is_read_in_parts() {
        for indent in [0, 2, 5] {
            assert!(is_split(&long(indent, "")), "{indent}");
            assert!(is_split(&long(indent, "").replace('\n', "\r\n")), "{indent}");
            assert!(is_split(&long(indent, &format!("{0}- name: é\n{0}  x: 'a\n{0}   - b'\n", " ".repeat(indent)))));
            assert!(is_split(&long(indent, &format!("# - name\n{0}- &x {{a: [b]}}\n{0}- *x\n", " ".repeat(indent)))));
        }
    }

    #[test]
    fn what_is_in_doubt_is_read_whole() {
        let entry = |more: &str| long(2, &more.repeat(3));
        assert!(!is_split("groups:\n- name: a\n"));
        assert!(!is_split(&format!("a: b\n{}", long(2, ""))));
        assert!(!is_split(&format!("{}other: 1\n", long(2, ""))));
        assert!(!is_split(&format!("{}---\na: b\n", long(2, ""))));
        assert!(!is_split(&format!("{}  - [\n", long(2, ""))));
        assert!(!is_split(&format!("{}  - x: *a\n", long(2, "  - &a b\n"))));
        assert!(!is_split(&entry("  - name: b\n  - name: \"c\n  - name: d\n  - name: e\n\"\n  - name: \"\"\n\t- x\n")));
    }
}
