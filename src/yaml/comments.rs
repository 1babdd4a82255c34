//! The comments of a YAML text.

use std::collections::BTreeSet;

use granit_parser::{Event, Parser, ScalarStyle};

use super::build::file_span;
use super::scalar::{self, Notation};
use crate::limits::YAML_DEPTH;
use crate::source::{Span, TextMap};

/// A `#` that begins a comment, or that would if it stood outside of the value that it stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// From the `#` to the end of the line.
    pub(crate) span: Span,
    /// Whether YAML takes it for a comment; else it is part of a value.
    pub(crate) is_comment: bool,
}

/// Returns each `#` of a text, in order, whose rest of the line `is_wanted` takes. A value in lines of its own that
/// `is_yaml` takes is read as YAML as well, such as the files in a ConfigMap. Of a text with a mistake, what stands
/// below the mistake is left out.
///
/// Cost: a walk over the text for `#`; where one is wanted, as much as reading the YAML.
pub(crate) fn marks(source: &str, is_wanted: &dyn Fn(&str) -> bool, is_yaml: &dyn Fn(&str) -> bool) -> Vec<Mark> {
    let mut marks = wanted(source, is_wanted);
    if marks.is_empty() {
        return marks;
    }
    let options = granit_parser::options! {
        emit_comments: false,
        emit_unresolved_aliases: true,
        block_scalar_eof_without_line_feed: true,
        flow_nesting_limit: YAML_DEPTH,
        block_nesting_limit: YAML_DEPTH,
    };
    let mut known = source.len();
    // The first that no value before the one at hand holds.
    let mut next = 0;
    for event in Parser::new_from_str_with_options(source, options) {
        let (text, style, at) = match event {
            Ok((Event::Scalar(text, style, ..), at)) => (text, style, file_span(at, 0)),
            Ok(_) => continue,
            Err(_) => {
                known = marks[..next].last().map_or(0, |mark| mark.span.end as usize);
                break;
            }
        };
        next += marks[next..].partition_point(|mark| mark.span.start < at.start);
        let within = marks[next..].partition_point(|mark| mark.span.start < at.end);
        if within == 0 {
            continue;
        }
        let notation = match style {
            ScalarStyle::Literal => Notation::Literal,
            ScalarStyle::Folded => Notation::Folded,
            ScalarStyle::Plain | ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => {
                marks[next..next + within].iter_mut().for_each(|mark| mark.is_comment = false);
                next += within;
                continue;
            }
        };
        let map = scalar::map(&text, source, at, notation);
        // The parser's span goes on over comments and blank lines to the next key.
        let end = map.pieces().last().map_or(at.end, |last| last.file + last.len);
        let within = marks[next..].partition_point(|mark| mark.span.start < end);
        let inner = if is_yaml(&text) { inner(&text, &map, is_wanted, is_yaml) } else { BTreeSet::new() };
        for mark in &mut marks[next..next + within] {
            mark.is_comment = inner.contains(&mark.span.start);
        }
        next += within;
    }
    marks.retain(|mark| mark.span.start as usize <= known);
    marks
}

/// Returns where in the file the comments of a value begin that is YAML itself.
fn inner(text: &str, map: &TextMap, is_wanted: &dyn Fn(&str) -> bool, is_yaml: &dyn Fn(&str) -> bool) -> BTreeSet<u32> {
    let marks = marks(text, is_wanted, is_yaml).into_iter().filter(|mark| mark.is_comment);
    marks.map(|mark| map.to_file(mark.span).start).collect()
}

/// Returns each `#` that may begin a comment, as if all of them did.
fn wanted(source: &str, is_wanted: &dyn Fn(&str) -> bool) -> Vec<Mark> {
    let bytes = source.as_bytes();
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = memchr::memchr(b'#', &bytes[from..]).map(|at| from + at) {
        from = at + 1;
        if at > 0 && !matches!(bytes[at - 1], b' ' | b'\t' | b'\n' | b'\r') {
            continue;
        }
        let end = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |end| at + end);
        let line = source[at + 1..end].trim_end_matches('\r');
        if is_wanted(line) {
            found.push(Mark { span: Span::new(at, at + 1 + line.len()), is_comment: true });
            from = end;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the numbers of the lines whose `# x` is a comment, and of those where it is part of a value.
    fn check(source: &str, comments: &[usize], values: &[usize]) {
        let found = marks(source, &|line| line.trim().starts_with('x'), &|text| text.starts_with("groups:"));
        let lines = |is_comment: bool| -> Vec<usize> {
            let these = found.iter().filter(|mark| mark.is_comment == is_comment);
            these.map(|mark| source[..mark.span.start as usize].matches('\n').count() + 1).collect()
        };
        assert_eq!((lines(true), lines(false)), (comments.to_vec(), values.to_vec()), "{source}");
    }

    #[test]
    fn a_comment_is_told_from_a_value() {
        check("# x\na: b # x\n#x\n# y\n", &[1, 2, 3], &[]);
        check("a: 'b # x'\nb: \"c\n  # x\"\nc: d#x\n", &[], &[1, 3]);
        check("a: | # x\n  # x\n  b\n# x\nc: d\n", &[1, 4], &[2]);
        check("a: |\n  b\n\n  # x\n\n # x\n# x\n", &[6, 7], &[4]);
        check("a: >-\n  b # x\n  # x\nc: [d, # x\n e]\n", &[4], &[2, 3]);
        check("a: |\r\n  b # x\r\nc: d # x\r\n", &[3], &[2]);
    }

    #[test]
    fn a_file_in_a_value_has_comments() {
        check("data:\n  a: |\n    groups: [] # x\n    # x\n    b: ' # x'\n  c: |\n    # x\n", &[3, 4], &[5, 7]);
    }

    #[test]
    fn what_stands_below_a_mistake_is_left_out() {
        check("a: b # x\nc: d # x\ne: ]\n# x\n", &[1, 2], &[]);
        check("a: b\n", &[], &[]);
    }
}
