//! Scalars of YAML: their text, and where each byte of it was written.

use crate::source::{Located, Piece, Span, TextMap};

/// A YAML scalar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scalar {
    /// Its text and place.
    pub(crate) located: Located,
    /// Whether it was written bare, so that YAML may take it for a number, a truth value or nothing.
    pub(crate) plain: bool,
}

impl Scalar {
    /// Returns the text.
    pub(crate) fn text(&self) -> &str {
        &self.located.text
    }

    /// Returns whether YAML takes it for nothing (`~`, `null`, or nothing written).
    pub(crate) fn is_null(&self) -> bool {
        self.plain && matches!(self.text(), "" | "~" | "null" | "Null" | "NULL")
    }

    /// Returns the number that YAML takes it for, if it was written as one.
    ///
    /// Source: the resolver of Go's yaml.v3 (underscores; `0x`, `0o`, `0b` and leading `0` of octal numbers; floats).
    pub(crate) fn number(&self) -> Option<f64> {
        if !self.plain {
            return None;
        }
        let text = self.text().replace('_', "");
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(&text)),
        };
        if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            return None;
        }
        let whole = |digits: &str, radix| u64::from_str_radix(digits, radix).ok().map(|value| value as f64);
        let value = match digits.get(..2) {
            Some("0x" | "0X") => whole(&digits[2..], 16),
            Some("0b" | "0B") => whole(&digits[2..], 2),
            Some("0o" | "0O") => whole(&digits[2..], 8),
            Some(head) if head.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit()) => whole(digits, 8),
            _ => digits.parse().ok(),
        }?;
        Some(if negative { -value } else { value })
    }

    /// Returns the number that a person takes it for, if it was written as one: `010` is ten.
    #[cfg(feature = "profile")]
    pub(crate) fn decimal(&self) -> Option<f64> {
        let written = self.text().parse().ok().filter(|number: &f64| self.plain && number.is_finite());
        written.or_else(|| self.number())
    }
}

/// How a scalar was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notation {
    /// Bare.
    Plain,
    /// In `'`.
    Single,
    /// In `"`.
    Double,
    /// After `|`.
    Literal,
    /// After `>`.
    Folded,
}

/// Maps a scalar's text to the file, by walking both in step.
///
/// `source` is all of the file and `span` what was written for the scalar: quotes included; of a block scalar, from
/// the first character of its first line that is not empty on.
pub(crate) fn map(text: &str, source: &str, span: Span, notation: Notation) -> TextMap {
    let written = source.get(span.range()).unwrap_or_default();
    if let Some(map) = verbatim(text, written, span, notation) {
        return map;
    }
    let mut walk = Walk { text, written, start: span.start, text_at: 0, written_at: 0, pieces: Vec::new() };
    let indent = || {
        let before = source.get(..span.start as usize).unwrap_or_default();
        before.len() - before.trim_end_matches(' ').len()
    };
    match notation {
        Notation::Plain => walk.flow(None),
        Notation::Single => walk.flow(Some(b'\'')),
        Notation::Double => walk.flow(Some(b'"')),
        Notation::Literal => walk.block(indent(), false),
        Notation::Folded => walk.block(indent(), true),
    }
    if walk.pieces.is_empty() {
        // A text without a byte of its own still has a place.
        walk.pieces.push(Piece { text: 0, file: span.start, len: 0 });
    }
    TextMap::new(walk.pieces)
}

/// Maps a plain or quoted scalar that stands in one line as it is, which most do.
fn verbatim(text: &str, written: &str, span: Span, notation: Notation) -> Option<TextMap> {
    let (inner, before) = match notation {
        Notation::Plain => (written, 0),
        // Where a quote or a backslash is escaped, the two differ in length.
        Notation::Single | Notation::Double => (written.get(1..written.len().checked_sub(1)?)?, 1),
        Notation::Literal | Notation::Folded => return None,
    };
    let same = !text.is_empty() && inner == text && !text.bytes().any(|byte| matches!(byte, b'\\' | b'\r' | b'\n'));
    same.then(|| TextMap::verbatim(span.start + before, u32::try_from(text.len()).unwrap_or(u32::MAX)))
}

/// A walk over a scalar's text and what was written for it. Unit of the places: bytes.
struct Walk<'a> {
    text: &'a str,
    written: &'a str,
    start: u32,
    text_at: usize,
    written_at: usize,
    pieces: Vec<Piece>,
}

impl Walk<'_> {
    /// Takes `len` bytes of the text as written where the walk stands.
    fn take(&mut self, len: usize) {
        let cut = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let piece =
            Piece { text: cut(self.text_at), file: self.start.saturating_add(cut(self.written_at)), len: cut(len) };
        match self.pieces.last_mut() {
            Some(last) if last.text + last.len == piece.text && last.file + last.len == piece.file => {
                last.len += piece.len;
            }
            _ if len > 0 => self.pieces.push(piece),
            _ => {}
        }
        self.text_at += len;
    }

    /// Returns the length of the character of the text where the walk stands.
    fn char_len(&self) -> Option<usize> {
        self.text.get(self.text_at..)?.chars().next().map(char::len_utf8)
    }

    /// Walks over a plain or quoted scalar.
    fn flow(&mut self, quote: Option<u8>) {
        let written = self.written.as_bytes();
        self.written_at = usize::from(quote.is_some());
        while let (Some(&byte), Some(len)) = (written.get(self.written_at), self.char_len()) {
            if matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
                self.blanks();
                continue;
            }
            let taken = match (quote, byte) {
                (Some(b'"'), b'\\') => match self.escape() {
                    Some(written) => written,
                    None => continue,
                },
                (Some(b'\''), b'\'') => 2,
                _ if self.written.as_bytes().get(self.written_at..self.written_at + len)
                    == self.text.as_bytes().get(self.text_at..self.text_at + len) =>
                {
                    len
                }
                // The two have parted: what is left has no place of its own.
                _ => return,
            };
            self.take(len);
            self.written_at += taken;
        }
    }

    /// Walks over blanks and line breaks: blanks of one line stand as they are; a break is folded, with the blanks
    /// around it, into one space, or into a break less than there were.
    fn blanks(&mut self) {
        let rest = &self.written[self.written_at..];
        let run = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
        match breaks(&rest[..run]) {
            0 => self.take(run.min(self.text.len() - self.text_at)),
            1 => self.text_at += 1,
            more => self.text_at += more - 1,
        }
        self.written_at += run;
    }

    /// Returns the written length of the escape where the walk stands; passes over an escaped break, which is nothing
    /// in the text.
    fn escape(&mut self) -> Option<usize> {
        let rest = &self.written[self.written_at..];
        let digits = match rest.as_bytes().get(1) {
            Some(b'x') => 2,
            Some(b'u') => 4,
            Some(b'U') => 8,
            Some(b'\r' | b'\n') => {
                let after = &rest[1..];
                let run = after.len() - after.trim_start_matches([' ', '\t', '\r', '\n']).len();
                self.text_at += breaks(&after[..run]).saturating_sub(1);
                self.written_at += 1 + run;
                return None;
            }
            Some(_) => 0,
            None => {
                self.written_at += 1;
                return None;
            }
        };
        // Two escapes of surrogates make one character.
        let surrogates = digits == 4
            && rest.get(2..3).is_some_and(|c| c.eq_ignore_ascii_case("d"))
            && rest.get(3..4).is_some_and(|c| "89abAB".contains(c));
        Some((2 + digits) * (1 + usize::from(surrogates)))
    }

    /// Passes over what the lines before left in the text: breaks, or one space.
    fn skip_separator(&mut self, space: bool) {
        let rest = &self.text.as_bytes()[self.text_at..];
        let breaks = rest.iter().take_while(|byte| **byte == b'\n').count();
        self.text_at += if breaks == 0 && space { usize::from(rest.first() == Some(&b' ')) } else { breaks };
    }

    /// Walks over the lines of a block scalar.
    fn block(&mut self, indent: usize, folded: bool) {
        let mut first = true;
        while self.written_at < self.written.len() {
            let rest = &self.written[self.written_at..];
            let spaces = if first { 0 } else { rest.bytes().take(indent).take_while(|byte| *byte == b' ').count() };
            let end = rest.find(['\r', '\n']).unwrap_or(rest.len());
            if spaces < end {
                let line = &rest[spaces..end];
                self.skip_separator(folded && !first && !line.starts_with([' ', '\t']));
                if !self.text[self.text_at..].starts_with(line) {
                    return;
                }
                self.written_at += spaces;
                self.take(line.len());
                self.written_at += line.len();
            } else {
                self.written_at += end;
            }
            self.written_at += 1;
            first = false;
        }
    }
}

/// Returns how many line breaks a text has.
fn breaks(text: &str) -> usize {
    let returns = text.bytes().filter(|byte| *byte == b'\r').count();
    text.bytes().filter(|byte| *byte == b'\n').count() + returns - text.matches("\r\n").count()
}
