//! Texts that a user wrote, places in them, and the files they are read from.

mod files;

use std::sync::Arc;

#[cfg(test)]
pub(crate) use files::Memory;
pub use files::{FileError, FileKind, Files, bytes, expand};

/// Names one text of a [`SourceMap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// A stretch of one text. Unit: byte offsets, `end` not included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Where it begins.
    pub start: u32,
    /// Where it is over.
    pub end: u32,
}

impl Span {
    /// Makes a span from two offsets; those beyond 4 GiB (no text is that long, `limits.rs`) stop there.
    #[must_use]
    pub fn new(start: usize, end: usize) -> Self {
        let cut = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        Self { start: cut(start), end: cut(end.max(start)) }
    }

    /// Returns the smallest span that covers both.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// Returns the span as a range for slicing.
    #[must_use]
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A stretch of one file of the [`SourceMap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileSpan {
    /// The file.
    pub file: FileId,
    /// The stretch of its text.
    pub span: Span,
}

/// A place as a person counts it: line and column (in characters), both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The column, in characters.
    pub column: u32,
}

/// One text and its name.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// What the user calls it: a path as it was given, or `<stdin>`.
    pub name: String,
    /// All of it.
    pub text: Arc<str>,
    line_starts: Vec<u32>,
}

impl SourceFile {
    /// Returns the place of a byte offset. Cost: a binary search and one line.
    #[must_use]
    pub fn position(&self, offset: u32) -> Position {
        let line = self.line_starts.partition_point(|start| *start <= offset).max(1);
        let start = self.line_starts[line - 1] as usize;
        let mut end = (offset as usize).min(self.text.len()).max(start);
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let column = self.text[start..end].chars().count() + 1;
        Position { line: u32::try_from(line).unwrap_or(u32::MAX), column: u32::try_from(column).unwrap_or(u32::MAX) }
    }
}

/// All texts of a run, so that a place in any of them is eight bytes and a file.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
}

impl SourceMap {
    /// Adds a text under a name.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<Arc<str>>) -> FileId {
        let text = text.into();
        let mut line_starts = vec![0];
        line_starts
            .extend(memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| u32::try_from(at + 1).unwrap_or(u32::MAX)));
        self.files.push(SourceFile { name: name.into(), text, line_starts });
        FileId(u32::try_from(self.files.len() - 1).unwrap_or(u32::MAX))
    }

    /// Puts something before the names of all texts, such as the revision that they are of.
    #[must_use]
    pub fn with_prefix(mut self, prefix: &str) -> Self {
        self.files.iter_mut().for_each(|file| file.name.insert_str(0, prefix));
        self
    }

    /// Returns a text that was added.
    ///
    /// # Panics
    /// When the id comes from another map.
    #[must_use]
    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[id.0 as usize]
    }

    /// Returns the place where a span begins.
    #[must_use]
    pub fn position(&self, at: FileSpan) -> Position {
        self.file(at.file).position(at.span.start)
    }
}

/// The longest escape of YAML, `\\U0001F600`, but for its first byte. Unit: bytes.
const ESCAPE_BYTES: u32 = 9;

/// One piece of a [`TextMap`]: `len` bytes of the text stand at `file` in the file, one for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Offset in the text.
    pub text: u32,
    /// Offset in the file.
    pub file: u32,
    /// Length in both. Unit: bytes.
    pub len: u32,
}

/// Tells where each byte of a scalar's text stands in its file (indents, folds and escapes are between the pieces).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextMap {
    /// The only piece, where there are not more: most texts stand in the file as they are.
    one: [Piece; 1],
    /// All pieces, where there are several.
    more: Vec<Piece>,
}

impl TextMap {
    /// Makes a map of pieces in order of both offsets, none empty but where there is only one.
    #[must_use]
    pub fn new(pieces: Vec<Piece>) -> Self {
        match pieces[..] {
            [one] => Self { one: [one], more: Vec::new() },
            _ => Self { one: [Piece { text: 0, file: 0, len: 0 }], more: pieces },
        }
    }

    /// Returns the pieces, in order of both offsets; never none.
    #[must_use]
    pub fn pieces(&self) -> &[Piece] {
        if self.more.is_empty() { &self.one } else { &self.more }
    }

    /// Maps a text that stands in the file as it is, from `offset` on.
    #[must_use]
    pub fn verbatim(offset: u32, len: u32) -> Self {
        Self { one: [Piece { text: 0, file: offset, len }], more: Vec::new() }
    }

    /// Returns the file offset of a text offset, and whether a byte of a piece stands there; one between two pieces
    /// goes to the end of the first.
    fn offset(&self, text: u32) -> (u32, bool) {
        let after = self.pieces().partition_point(|piece| piece.text <= text);
        match after.checked_sub(1).and_then(|at| self.pieces().get(at)) {
            Some(piece) => (piece.file + (text - piece.text).min(piece.len), text - piece.text < piece.len),
            None => (self.pieces().first().map_or(0, |piece| piece.file), false),
        }
    }

    /// Returns where the text stands in the file of `outer`, if what this map calls its file is the text of `outer`.
    #[must_use]
    pub fn through(&self, outer: &Self) -> Self {
        let mut pieces = Vec::new();
        for piece in self.pieces() {
            let end = piece.file + piece.len;
            let first = outer.pieces().partition_point(|outer| outer.text + outer.len <= piece.file);
            for outer in outer.pieces()[first..].iter().take_while(|outer| outer.text < end) {
                let (from, to) = (piece.file.max(outer.text), end.min(outer.text + outer.len));
                let (text, file) = (piece.text + (from - piece.file), outer.file + (from - outer.text));
                pieces.push(Piece { text, file, len: to - from });
            }
        }
        if let Some(first) = self.pieces().first().filter(|_| pieces.is_empty()) {
            // A text without a byte of its own still has a place.
            pieces.push(Piece { text: first.text, file: outer.offset(first.file).0, len: 0 });
        }
        Self::new(pieces)
    }

    /// Returns where what was written for the text before an offset ends, if that is an escape: it is longer than the
    /// character that it stands for.
    fn after_escape(&self, text: u32) -> Option<u32> {
        let next = self.more.partition_point(|piece| piece.text < text);
        let (before, next) = (self.more.get(next.checked_sub(1)?)?, self.more.get(next)?);
        let gap = next.file.checked_sub(before.file + before.len)?;
        (next.text == text && before.text + before.len == text && gap <= ESCAPE_BYTES).then_some(next.file)
    }

    /// Returns where a stretch of the text stands in the file.
    #[must_use]
    pub fn to_file(&self, span: Span) -> Span {
        let (start, _) = self.offset(span.start);
        let end = if span.end > span.start {
            let (last, inside) = self.offset(span.end - 1);
            self.after_escape(span.end).unwrap_or(last + u32::from(inside))
        } else {
            start
        };
        Span { start, end: end.max(start) }
    }
}

/// A scalar's text that knows where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The text, escapes and folds resolved.
    pub text: String,
    /// The file it was written in.
    pub file: FileId,
    /// All that was written for it, quotes and indents included.
    pub span: Span,
    /// Where its bytes stand.
    pub map: TextMap,
}

impl Located {
    /// Returns where a stretch of the text stands in its file.
    #[must_use]
    pub fn at(&self, span: Span) -> FileSpan {
        FileSpan { file: self.file, span: self.map.to_file(span) }
    }

    /// Returns where the whole scalar stands.
    #[must_use]
    pub fn whole(&self) -> FileSpan {
        FileSpan { file: self.file, span: self.span }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters() {
        let mut map = SourceMap::default();
        let file = map.add("a.yml", "é: x\nb: y\n");
        let at = |offset| map.position(FileSpan { file, span: Span::new(offset, offset) });
        assert_eq!(at(0), Position { line: 1, column: 1 });
        assert_eq!(at(4), Position { line: 1, column: 4 });
        assert_eq!(at(6), Position { line: 2, column: 1 });
        assert_eq!(at(999), Position { line: 3, column: 1 });
    }

    #[test]
    fn a_span_goes_through_the_pieces() {
        let map = TextMap::new(vec![Piece { text: 0, file: 10, len: 4 }, Piece { text: 4, file: 20, len: 6 }]);
        assert_eq!(map.to_file(Span::new(1, 3)), Span::new(11, 13));
        assert_eq!(map.to_file(Span::new(2, 6)), Span::new(12, 22));
        assert_eq!(map.to_file(Span::new(10, 10)), Span::new(26, 26));
        // `a\"b`: the escape is one byte of the text and two of the file.
        let map = TextMap::new(vec![Piece { text: 0, file: 10, len: 2 }, Piece { text: 2, file: 13, len: 1 }]);
        assert_eq!(map.to_file(Span::new(1, 2)), Span::new(11, 13));
    }

    #[test]
    fn a_map_goes_through_another() {
        let outer = TextMap::new(vec![Piece { text: 0, file: 10, len: 4 }, Piece { text: 5, file: 20, len: 6 }]);
        let inner = TextMap::new(vec![Piece { text: 0, file: 2, len: 5 }]);
        let both = vec![Piece { text: 0, file: 12, len: 2 }, Piece { text: 3, file: 20, len: 2 }];
        assert_eq!(inner.through(&outer).pieces(), both);
        let nothing = TextMap::verbatim(4, 0);
        assert_eq!(nothing.through(&outer).pieces(), [Piece { text: 0, file: 14, len: 0 }]);
    }
}
