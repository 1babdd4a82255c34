//! Texts that are not UTF-8 with line feeds, made into that while they are read.

use std::io::{self, Read};

/// How much is read at once. Unit: bytes.
const READ_BYTES: usize = 64 << 10;

/// The byte orders of UTF-16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

impl Order {
    /// Returns the order that a byte order mark at the beginning of a text names; none for other texts.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        match head {
            [0xff, 0xfe, ..] => Some(Self::Little),
            [0xfe, 0xff, ..] => Some(Self::Big),
            _ => None,
        }
    }
}

/// Reads UTF-16 as UTF-8. What is no text is an error, also at the end.
pub(super) struct Utf16<R> {
    inner: R,
    order: Order,
    raw: Vec<u8>,
    /// How many bytes of `raw` are the first of a unit that goes on in what is read next.
    kept: usize,
    /// The first half of a pair.
    high: Option<u16>,
    text: Vec<u8>,
    /// How many bytes of `text` were handed out.
    taken: usize,
}

impl<R: Read> Utf16<R> {
    /// Takes a text after its byte order mark.
    pub(super) fn new(inner: R, order: Order) -> Self {
        Self { inner, order, raw: vec![0; READ_BYTES], kept: 0, high: None, text: Vec::new(), taken: 0 }
    }

    /// Decodes the next stretch; false at the end.
    fn decode(&mut self) -> io::Result<bool> {
        let count = self.inner.read(&mut self.raw[self.kept..])?;
        if count == 0 {
            let whole = self.kept == 0 && self.high.is_none();
            return if whole { Ok(false) } else { Err(wrong("the UTF-16 text ends within a character")) };
        }
        let end = self.kept + count;
        self.text.clear();
        self.taken = 0;
        for pair in self.raw[..end].chunks_exact(2) {
            let unit = match self.order {
                Order::Little => u16::from_le_bytes([pair[0], pair[1]]),
                Order::Big => u16::from_be_bytes([pair[0], pair[1]]),
            };
            match (self.high.take(), unit) {
                (None, 0..0x80) => self.text.push(unit as u8),
                (None, 0xd800..0xdc00) => self.high = Some(unit),
                (high, unit) => {
                    let units = high.into_iter().chain([unit]);
                    for c in char::decode_utf16(units) {
                        let c = c.map_err(|_| wrong("the UTF-16 text holds half of a character"))?;
                        self.text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                    }
                }
            }
        }
        self.kept = end % 2;
        self.raw.copy_within(end - self.kept..end, 0);
        Ok(true)
    }
}

fn wrong(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.text.len() {
            if buffer.is_empty() || !self.decode()? {
                return Ok(0);
            }
        }
        let left = &self.text[self.taken..];
        let count = left.len().min(buffer.len());
        buffer[..count].copy_from_slice(&left[..count]);
        self.taken += count;
        Ok(count)
    }
}

/// Returns whether the beginning of a text has lines that end in a carriage return and none that ends in a line feed.
pub(super) fn ends_lines_by_carriage_returns(head: &[u8]) -> bool {
    let inside = head.strip_suffix(b"\r").unwrap_or(head);
    memchr::memchr(b'\r', inside).is_some() && memchr::memchr2(b'\n', 0, head).is_none()
}

/// Reads carriage returns as line feeds.
pub(super) struct LineFeeds<R>(pub(super) R);

impl<R: Read> Read for LineFeeds<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.0.read(buffer)?;
        replace(&mut buffer[..count]);
        Ok(count)
    }
}

/// Makes line feeds of carriage returns.
pub(super) fn replace(text: &mut [u8]) {
    for byte in text.iter_mut().filter(|byte| **byte == b'\r') {
        *byte = b'\n';
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out a few bytes at a time.
    struct Pieces<'a>(&'a [u8], usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.0.len().min(self.1).min(buffer.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn bytes(units: &[u16], order: Order) -> Vec<u8> {
        let bytes = |unit: &u16| if order == Order::Little { unit.to_le_bytes() } else { unit.to_be_bytes() };
        units.iter().flat_map(bytes).collect()
    }

    fn read(bytes: &[u8], order: Order, piece: usize) -> io::Result<String> {
        let mut text = String::new();
        Utf16::new(Pieces(bytes, piece), order).read_to_string(&mut text).map(|_| text)
    }

    #[test]
    fn utf_16_is_read_in_pieces_of_any_size() {
        let text = "timestamp,µ,\u{20ac}\r\n1,\u{1f600},x\n".repeat(50);
        let units: Vec<u16> = text.encode_utf16().collect();
        for order in [Order::Little, Order::Big] {
            for piece in [1, 2, 3, 7, 1000] {
                assert_eq!(read(&bytes(&units, order), order, piece).expect("a text"), text, "{piece}");
            }
        }
    }

    #[test]
    fn halves_are_errors() {
        for units in [&[0xd83d, 0x61][..], &[0x61, 0xde00], &[0xd83d, 0xd83d, 0xde00], &[0x61, 0xd83d]] {
            assert!(read(&bytes(units, Order::Little), Order::Little, 3).is_err(), "{units:x?}");
        }
        assert!(read(b"a\0b", Order::Little, 3).is_err());
        assert_eq!(read(b"", Order::Big, 1).expect("nothing"), "");
    }

    #[test]
    fn carriage_returns_alone_end_lines() {
        assert!(ends_lines_by_carriage_returns(b"a,b\r1,2\r"));
        for head in [&b"a,b\r\n1,2\r\n"[..], b"a,b\r", b"a,b", b"PAR1\0\r\x01"] {
            assert!(!ends_lines_by_carriage_returns(head), "{head:?}");
        }
        let mut text = String::new();
        LineFeeds(&b"a\rb\r"[..]).read_to_string(&mut text).expect("in memory");
        assert_eq!(text, "a\nb\n");
    }
}
