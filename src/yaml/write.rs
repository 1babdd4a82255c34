//! Another text in place of a scalar of a file; every byte around it stays.

use super::problems::Problems;
use super::read;
use crate::diagnostic::Diagnostics;
use crate::source::{FileId, Located, Span};

/// What a block is indented by, seen from its key. Unit: spaces.
const INDENT: usize = 2;
/// What lines end in; both together are one end.
const BREAKS: [char; 2] = ['\n', '\r'];
/// The most spaces that the header of a block can name.
const NAMED: usize = 9;

/// A value of a mapping that is a scalar, in the text of its file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    /// All of the file.
    pub(crate) source: &'a str,
    /// Where the mapping begins.
    pub(crate) mapping: Span,
    /// Where the key stands.
    pub(crate) key: Span,
    /// Where the scalar stands, quotes included; of a block its content, from the first line that is not empty.
    pub(crate) scalar: Span,
}

/// Returns what to replace, and by what, so that a scalar has another text. `line` is the text on one line, and `lines`
/// the same over several where blocks are possible; who reads it must not care which of the two is there, how lines
/// are folded, or for blanks at either end. Nothing where no scalar stands at the place, as for an alias.
///
/// A block stays what it is. A scalar that is plain or in quotes becomes a literal block where `lines` are several, and
/// stays on one line in `{ }` and `[ ]`. On one line it is written as it was, or in single quotes where that spares
/// escapes or it could not be plain. Neither text may have a line break of another kind than `\n`.
pub(crate) fn rewritten(place: Place<'_>, line: &str, lines: &str) -> Option<(Span, String)> {
    let (colon, header) = place.before()?;
    if let Some(header) = header {
        return place.block(header, lines);
    }
    let (start, end) = (place.scalar.start as usize, place.scalar.end as usize);
    if lines.contains('\n')
        && !lines.contains(must_escape)
        && let Some(column) = place.column()
        && let Some(block) = place.new_block(column, colon, lines)
    {
        return Some(block);
    }
    Some((Span::new(start, end), place.flow(line)))
}

/// Returns whether a scalar is a literal block, so that lines of its text are lines of the file. `scalar` is where it
/// stands, as in [`Place`].
pub(crate) fn is_literal(source: &str, scalar: Span) -> bool {
    let header = source[..scalar.start as usize].trim_end();
    let line = header.rsplit(BREAKS).next().unwrap_or(header);
    let line = line.split(" #").next().unwrap_or(line).trim_end();
    let before = line.trim_end_matches(|c: char| c.is_ascii_digit() || c == '+' || c == '-');
    before.ends_with('|')
}

/// Where the `|` or `>` of a block stands.
type Header = usize;

impl Place<'_> {
    /// Returns where what follows the `:` of the key begins, and the header of a block; nothing where something else
    /// than a scalar follows.
    fn before(&self) -> Option<(usize, Option<Header>)> {
        let from = self.key.end as usize;
        let between = self.source.get(from..self.scalar.start as usize)?;
        let colon = between.len() - between.trim_start().len();
        let mut rest = between.trim_start().strip_prefix(':')?;
        let after = from + colon + 1;
        loop {
            rest = rest.trim_start();
            let len = match rest.bytes().next() {
                None => return Some((after, None)),
                Some(b'|' | b'>') => return Some((after, Some(from + between.len() - rest.len()))),
                Some(b'#') => rest.find(BREAKS),
                Some(b'&' | b'!') => rest.find(char::is_whitespace),
                Some(_) => return None,
            };
            rest = &rest[len.unwrap_or(rest.len())..];
        }
    }

    /// Returns how far the key is indented, where nothing stands before it but the dashes of lists, so that its value
    /// may be a block.
    fn column(&self) -> Option<usize> {
        let key = self.key.start as usize;
        let before = &self.source[self.line_start(key)..key];
        let is_bare = before.bytes().all(|byte| matches!(byte, b' ' | b'-')) && !before.ends_with('-');
        (is_bare && !self.is_flow()).then_some(before.len())
    }

    /// Returns whether the mapping stands in `{ }`.
    fn is_flow(&self) -> bool {
        self.source[self.mapping.range()].starts_with('{')
    }

    fn line_start(&self, at: usize) -> usize {
        self.source[..at].rfind(BREAKS).map_or(0, |end| end + 1)
    }

    /// Returns where the line ends that a place is in, its line break not included.
    fn line_end(&self, at: usize) -> usize {
        let rest = &self.source[at..];
        at + rest.find(BREAKS).unwrap_or(rest.len())
    }

    /// Returns the line break that the file has at the place, or the first one.
    fn line_break(&self) -> &'static str {
        let break_after = |at: usize| {
            let end = &self.source[self.line_end(at)..];
            ["\r\n", "\r", "\n"].into_iter().find(|one| end.starts_with(one))
        };
        break_after(self.key.start as usize).or_else(|| break_after(0)).unwrap_or("\n")
    }

    /// Returns the lines of a block, each behind a line break.
    fn body(&self, indent: usize, lines: &str) -> String {
        let mut body = String::new();
        for line in lines.split('\n') {
            body.push_str(self.line_break());
            if !line.is_empty() {
                body.extend(std::iter::repeat_n(' ', indent));
                body.push_str(line);
            }
        }
        body
    }

    /// Replaces the content of a block.
    fn block(&self, header: Header, lines: &str) -> Option<(Span, String)> {
        let (content, end) = (self.scalar.start as usize, self.scalar.end as usize);
        let head = &self.source[header..self.line_end(header)];
        let named = head.bytes().skip(1).take(2).find(u8::is_ascii_digit).map(|digit| usize::from(digit - b'0'));
        let first = &self.source[self.line_start(content)..content];
        let found = first.len() - first.trim_start_matches(' ').len();
        let indent = match (named, self.column()) {
            (Some(named), Some(column)) => named + column,
            (Some(_), None) => return None,
            (None, _) => found,
        };
        let (digit, lines) = match self.column() {
            _ if named.is_some() || !lines.starts_with(' ') => (String::new(), lines),
            // The first line does not tell how far the block is indented.
            Some(column) if (1..=NAMED).contains(&indent.saturating_sub(column)) => {
                ((indent - column).to_string(), lines)
            }
            _ => (String::new(), lines.trim_start()),
        };
        let text = format!("{digit}{}{}", &head[1..], self.body(indent, lines));
        Some((Span::new(header + 1, end), text))
    }

    /// Writes a literal block in place of a scalar that is none. What follows on its line, such as a comment, goes to the
    /// line of the header. Nothing where that cannot be, or where what stands below would become part of the block.
    fn new_block(&self, column: usize, colon: usize, lines: &str) -> Option<(Span, String)> {
        let (start, end) = (self.scalar.start as usize, self.scalar.end as usize);
        let line_end = self.line_end(end);
        let behind = &self.source[end..line_end];
        let below = self.source[line_end..].split(BREAKS).skip(1);
        let indent_of = |line: &str| line.len() - line.trim_start_matches(' ').len();
        let blank_or_comment = |line: &&str| line.trim_start().is_empty() || line.trim_start().starts_with('#');
        let joins = |line: &str| !line.is_empty() && indent_of(line) >= column + INDENT;
        let follows = behind.trim_start();
        if !(follows.is_empty() || follows.starts_with('#')) || below.take_while(blank_or_comment).any(joins) {
            return None;
        }
        let digit = if lines.starts_with(' ') { INDENT.to_string() } else { String::new() };
        let body = self.body(column + INDENT, lines);
        // A scalar on a line of its own moves up to its key.
        let between = &self.source[colon..start];
        let moves = between.contains(BREAKS) && between.trim_start().is_empty();
        let (start, blank) = if moves { (colon, " ") } else { (start, "") };
        Some((Span::new(start, line_end), format!("{blank}|{digit}-{behind}{body}")))
    }

    /// Writes a text on one line in place of a scalar that is no block.
    fn flow(&self, line: &str) -> String {
        let written = &self.source[self.scalar.range()];
        let is_json = self.source[self.key.range()].starts_with('"');
        let escaped = line.contains(['"', '\\']);
        match written.bytes().next() {
            _ if line.contains(must_escape) => double(line),
            Some(b'"') if !escaped || is_json || written.contains('\\') || line.contains('\'') => double(line),
            Some(b'"' | b'\'') => single(line),
            // In a place that is not known it must hold everywhere.
            _ if is_plain(line, self.column().is_none()) => line.to_owned(),
            _ if is_json => double(line),
            _ => single(line),
        }
    }
}

fn single(line: &str) -> String {
    format!("'{}'", line.replace('\'', "''"))
}

fn double(line: &str) -> String {
    format!("\"{}\"", escaped(line))
}

/// Returns what stands for a text inside double quotes, on one line.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\\' => escaped.extend(['\\', c]),
            '\n' => escaped.push_str("\\n"),
            '\r' => escaped.push_str("\\r"),
            c if must_escape(c) => escaped.push_str(&format!("\\u{:04x}", c as u32)),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Returns the text of a scalar in quotes, given all that is written for it; nothing where that is something else.
pub(crate) fn quoted(written: &str) -> Option<Located> {
    if !written.starts_with(['"', '\'']) {
        return None;
    }
    let mut diagnostics = Diagnostics::default();
    let mut problems = Problems::new(FileId(0), &mut diagnostics);
    let root = read(written, |_| false, &mut problems).documents.pop();
    problems.finish();
    root?.scalar().map(|scalar| scalar.located.clone())
}

/// Returns what to write for a text inside a scalar that is in quotes: `written` is all of that. In single quotes, the
/// text must be on one line.
pub(crate) fn within_quotes(text: &str, written: &str) -> String {
    if written.starts_with('"') { escaped(text) } else { text.replace('\'', "''") }
}

/// Returns whether a character can stand in double quotes alone, as an escape: what is not printable, and what some
/// readers take for a line break. Blocks that have such a character keep it.
fn must_escape(c: char) -> bool {
    c != '\n' && c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// Returns whether a text on one line is one without quotes; `flow`: in `{ }` and `[ ]`, too.
///
/// Source: YAML 1.2, 7.3.3, and YAML 1.1 where it is stricter.
fn is_plain(line: &str, flow: bool) -> bool {
    let mut chars = line.chars();
    let (first, second) = (chars.next(), chars.next());
    let begins = match first {
        None | Some(' ') => false,
        Some('-' | '?' | ':') => second.is_some_and(|c| c != ' '),
        Some(c) => !",[]{}#&*!|>'\"%@`".contains(c),
    };
    let is_cut = line.contains(": ") || line.contains(" #") || line.ends_with([':', ' ']);
    begins && !is_cut && !(flow && line.contains([',', '[', ']', '{', '}']))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::diagnostic::Diagnostics;
    use crate::source::SourceMap;
    use crate::yaml::fields::Fields;
    use crate::yaml::problems::Problems;
    use crate::yaml::{Content, Node, read};

    /// Finds the mapping with the key `e`, and calls `then` with it.
    fn find<'a>(node: &'a Node, then: &mut dyn FnMut(&'a Node)) {
        match &node.content {
            Content::Scalar(_) => {}
            Content::Sequence(items) => items.iter().for_each(|item| find(item, then)),
            Content::Mapping(entries) => {
                if entries.iter().any(|(key, _)| key.scalar().is_some_and(|key| key.text() == "e")) {
                    then(node);
                }
                entries.iter().for_each(|(_, value)| find(value, then));
            }
        }
    }

    /// Returns the text of the value of `e`, and the file with another text in its place.
    fn write(source: &str, line: &str, lines: &str) -> (Option<String>, Option<String>) {
        let (mut sources, mut diagnostics) = (SourceMap::default(), Diagnostics::default());
        let file = sources.add("a.yml", source);
        let mut problems = Problems::new(file, &mut diagnostics);
        let root = read(source, |_| false, &mut problems).documents.pop();
        let (mut text, mut written) = (None, None);
        find(root.as_ref().unwrap_or_else(|| panic!("{source}")), &mut |node| {
            let fields = Fields::open(node, "a mapping", &mut problems).expect("a mapping");
            let field = fields.peek("e").expect("a value");
            let scalar = field.value.scalar().expect("a scalar");
            text = Some(scalar.text().to_owned());
            let place = Place { source, mapping: fields.span, key: field.key_span, scalar: scalar.located.span };
            written = rewritten(place, line, lines).map(|(span, text)| {
                format!("{}{text}{}", &source[..span.start as usize], &source[span.end as usize..])
            });
        });
        problems.finish();
        assert!(!diagnostics.has_errors(), "{source:?} {:?}", diagnostics.sorted());
        (text, written)
    }

    fn words(text: &str) -> Vec<&str> {
        text.split_whitespace().collect()
    }

    /// Checks what a file becomes, that the value is the text, and that writing it once more changes nothing.
    fn check(source: &str, lines: &str, expected: &str) {
        let line = words(lines).join(" ");
        let (_, written) = write(source, &line, lines);
        assert_eq!(written.as_deref(), Some(expected), "{source}");
        let (text, again) = write(expected, &line, lines);
        assert_eq!(text.as_deref().map(words), Some(words(lines)), "{expected}");
        assert_eq!(again.as_deref(), Some(expected), "twice is once");
    }

    #[test]
    fn one_line_stays_as_it_was_written() {
        check("e: a+b\n", "a + b", "e: a + b\n");
        check("e:   a+b   # why\nf: 1\n", "a + b", "e:   a + b   # why\nf: 1\n");
        check("- e: 'a+b'\n", "a + 'b'", "- e: 'a + ''b'''\n");
        check("e: \"a+b\"\n", "a + b", "e: \"a + b\"\n");
        check("e: \"a+\\\"b\\\"\"\n", "a + \"b\"", "e: \"a + \\\"b\\\"\"\n");
        check("e: a\n  +b\n", "a + b", "e: a + b\n");
        check("e: \"a\n\n  +b\"\n", "a + b", "e: \"a + b\"\n");
        check("e: &x !!str a+b\nf: *x\n", "a + b", "e: &x !!str a + b\nf: *x\n");
        check("e:\n  # why\n  a+b\n", "a + b", "e:\n  # why\n  a + b\n");
        check("e: a+b", "a + b", "e: a + b");
    }

    #[test]
    fn quotes_come_where_they_are_needed() {
        check("e: a\n", "{a}", "e: '{a}'\n");
        check("e: a\n", "a{b=\"c\"} > 1", "e: a{b=\"c\"} > 1\n");
        check("e: a\n", "a: b", "e: 'a: b'\n");
        check("e: a\n", "a #b", "e: 'a #b'\n");
        check("e: a\n", "-a", "e: -a\n");
        check("e: a\n", "- a", "e: '- a'\n");
        check("e: a\n", "a \u{1}", "e: \"a \\u0001\"\n");
        check("e: \"a='b'\"\n", "a=\"b\"", "e: 'a=\"b\"'\n");
        check("e: \"a\"\n", "a=\"b\" 'c'", "e: \"a=\\\"b\\\" 'c'\"\n");
    }

    #[test]
    fn several_lines_are_a_literal_block() {
        check("e: a+b\nf: 1\n", "a\n+\n  b", "e: |-\n  a\n  +\n    b\nf: 1\n");
        check(
            "x:\n  - y: 1\n    e: 'a+b'\n",
            "  a\n+\n  b",
            "x:\n  - y: 1\n    e: |2-\n        a\n      +\n        b\n",
        );
        check("-  e: \"a\"  # why\n   f: 1\n", "a\nb", "-  e: |-  # why\n     a\n     b\n   f: 1\n");
        check("e:\n    a\n\nf: 1\n", "a\nb", "e: |-\n  a\n  b\n\nf: 1\n");
        check("e: # why\n  a\n", "a\nb", "e: # why\n  |-\n  a\n  b\n");
        check("e: &x a\nf: *x\n", "a\nb", "e: &x |-\n  a\n  b\nf: *x\n");
        check("e: a\r\nf: 1\r\n", "a\nb", "e: |-\r\n  a\r\n  b\r\nf: 1\r\n");
        check("e: a\rf: 1\r", "a\nb", "e: |-\r  a\r  b\rf: 1\r");
        check("e: # why\r  a\r", "a\nb", "e: # why\r  |-\r  a\r  b\r");
        check("e: a", "a\nb", "e: |-\n  a\n  b");
        check("e: a\n# below\n\n", "a\nb", "e: |-\n  a\n  b\n# below\n\n");
    }

    #[test]
    fn what_would_join_a_block_keeps_it_on_one_line() {
        check("e: a\n  # below\nf: 1\n", "a\nb", "e: a b\n  # below\nf: 1\n");
        check("e: a\n   \nf: 1\n", "a\nb", "e: a b\n   \nf: 1\n");
        check("{e: a, f: 1}\n", "a\nb", "{e: a b, f: 1}\n");
        check("{e: a}\n", "a,b", "{e: 'a,b'}\n");
        check("[{f: 1,\n  e: \"a\"}]\n", "a\nb", "[{f: 1,\n  e: \"a b\"}]\n");
        check("{\"e\": \"a\"}\n", "a=\"b\"", "{\"e\": \"a=\\\"b\\\"\"}\n");
        check("? e\n: a\n", "a\nb", "? e\n: a b\n");
    }

    #[test]
    fn blocks_keep_their_header_and_indentation() {
        check("e: |\n    a\n      +b\n\nf: 1\n", "a\n+\n  b", "e: |\n    a\n    +\n      b\n\nf: 1\n");
        check("e: >-  # why\n  a\n  +b\nf: 1\n", "a + b", "e: >-  # why\n  a + b\nf: 1\n");
        check("e: >\n  a\n  +b\n", "  a\n+\n  b", "e: >2\n    a\n  +\n    b\n");
        check("- e: |+\n   a\n\n", "  a\n+\n  b", "- e: |1+\n     a\n   +\n     b\n\n");
        check("e: |-2\n    a\n  b\n", "a\nb", "e: |-2\n  a\n  b\n");
        check("e: |\n\n\n  a\n", "a\nb", "e: |\n  a\n  b\n");
        check("e: |\r\n  a\r\nf: 1\r\n", "a\nb", "e: |\r\n  a\r\n  b\r\nf: 1\r\n");
        check("e: |\r  a\rf: 1\r", "a\nb", "e: |\r  a\r  b\rf: 1\r");
        check("e: |\n  a", "a\nb", "e: |\n  a\n  b");
        // No header can name so many spaces.
        check("e: |\n            a\n", "  a\n+\n  b", "e: |\n            a\n            +\n              b\n");
    }

    #[test]
    fn an_alias_is_left_alone() {
        assert_eq!(write("x: &x a\ny: {e: *x}\n", "b", "b").1, None);
    }

    proptest! {
        /// Whatever the text, it is there afterwards, and what stands around it is as it was.
        #[test]
        fn texts_are_read_as_they_were_written(
            style in 0usize..9,
            lines in prop::collection::vec("[ -~é]{0,12}[!-~]", 1..4),
        ) {
            const STYLES: [&str; 9] = [
                "- f: 1\n  e: a\n  g: 2\n", "- e: 'a'\n  g: 2\n", "- e: \"a\"\n  g: 2\n", "- e: |\n    a\n  g: 2\n",
                "- e: |+\n    a\n\n  g: 2\n", "- {f: 1, e: a, g: 2}\n", "- {e: 'a', g: 2}\n", "- {e: \"a\"}\n",
                "- e:\n    a\n  g: 2\n",
            ];
            let lines = lines.join("\n");
            let line = words(&lines).join(" ");
            let (_, written) = write(STYLES[style], &line, &lines);
            let written = written.expect("a scalar");
            let (text, _) = write(&written, &line, &lines);
            prop_assert_eq!(text.as_deref().map(words), Some(words(&lines)), "{}", written);
            let (head, tail) = STYLES[style].split_once('a').expect("a value");
            let head = head.trim_end_matches([' ', '\n', '\'', '"', '|', '+']);
            prop_assert!(written.starts_with(head) && written.ends_with(tail.trim_start_matches(['\'', '"'])), "{written}");
        }
    }
}
