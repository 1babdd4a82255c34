//! Opening an input: compression, the byte order mark, and limits on what one record may take.

use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bzip2::bufread::MultiBzDecoder;
use flate2::read::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;

use super::InputError;
use super::encoding::{self, LineFeeds, Order, Utf16};
use crate::limits;

/// An input by name; readers never open a path themselves.
pub trait Source: Send + Sync {
    /// Returns the name for messages: a path, or `-` for standard input.
    fn name(&self) -> &str;

    /// Opens the input from its beginning.
    ///
    /// # Errors
    /// When it cannot be opened, or not a second time.
    fn open(&self) -> io::Result<Box<dyn Read + Send>>;

    /// Returns whether it can be opened more than once.
    fn reopens(&self) -> bool {
        true
    }
}

/// An input in memory.
#[derive(Clone, Debug)]
pub struct Text {
    name: String,
    bytes: Arc<[u8]>,
}

impl Text {
    /// Takes a text; the ending of its name tells the form as that of a path does.
    pub fn new(name: impl Into<String>, bytes: impl Into<Arc<[u8]>>) -> Self {
        Self { name: name.into(), bytes: bytes.into() }
    }

    /// Takes a text as an input of [`super::Recording::open`].
    pub fn boxed(name: impl Into<String>, bytes: impl AsRef<[u8]>) -> Box<dyn Source> {
        Box::new(Self::new(name, bytes.as_ref()))
    }
}

impl Source for Text {
    fn name(&self) -> &str {
        &self.name
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(Cursor::new(Arc::clone(&self.bytes))))
    }
}

/// The error of a record that is longer than [`limits::LINE_BYTES`].
#[derive(Debug, thiserror::Error)]
#[error("a line is longer than {} MiB", limits::LINE_BYTES >> 20)]
pub(super) struct LineTooLong;

/// The decompressed bytes of one input, without its byte order mark.
pub(super) struct Bytes {
    inner: Box<dyn Read + Send>,
    /// What was read ahead to find out the form.
    head: Cursor<Vec<u8>>,
    /// Bytes handed out since the last record began, those of the reader's buffer not counted.
    record: usize,
    last: Option<u8>,
    /// The compression, for messages.
    pub(super) compression: Option<&'static str>,
}

/// How much is looked at to find out the form. Unit: bytes.
const HEAD_BYTES: usize = 64 << 10;

/// How much tells the compression. Unit: bytes.
const MAGIC_BYTES: usize = 6;

/// Returns how an input is compressed, where it can be read through.
fn compression(magic: &[u8]) -> Option<&'static str> {
    match magic {
        [0x1f, 0x8b, ..] => Some("gzip"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some("zstd"),
        // The level, then a block or the end of the stream.
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31 | 0x17, ..] => Some("bzip2"),
        _ => None,
    }
}

/// Returns what an input is that must be unpacked first, and the command for it.
fn packed(magic: &[u8]) -> Option<(&'static str, &'static str)> {
    match magic {
        [0xfd, b'7', b'z', b'X', b'Z', ..] => Some(("xz data", "xz -d")),
        [b'P', b'K', 3, 4, ..] => Some(("a zip archive or a spreadsheet", "unzip")),
        [b'7', b'z', 0xbc, 0xaf, ..] => Some(("a 7z archive", "7z x")),
        [4, 0x22, 0x4d, 0x18, ..] => Some(("lz4 data", "lz4 -d")),
        _ => None,
    }
}

/// Reads the first bytes, as many as there are.
fn read_head(inner: &mut impl Read, most: usize) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    inner.by_ref().take(most as u64).read_to_end(&mut head)?;
    Ok(head)
}

impl Bytes {
    /// Opens a source and looks at its first bytes; `read` counts the bytes as they are in the source.
    pub(super) fn open(source: &dyn Source, read: &Arc<AtomicU64>) -> Result<Self, InputError> {
        let failed = |error| InputError::open(source.name(), error);
        let mut raw = Counted { inner: source.open().map_err(failed)?, read: Arc::clone(read) };
        // A pipe may hand out less at a time than tells the compression.
        let magic = read_head(&mut raw, MAGIC_BYTES).map_err(failed)?;
        if let Some((kind, command)) = packed(&magic) {
            return Err(InputError::Packed { path: source.name().into(), kind, command });
        }
        let compression = compression(&magic);
        let raw = BufReader::with_capacity(64 << 10, Cursor::new(magic).chain(raw));
        let mut inner: Box<dyn Read + Send> = match compression {
            Some("gzip") => Box::new(MultiGzDecoder::new(raw)),
            Some("zstd") => Box::new(Zstd { decoder: None, source: Some(raw) }),
            Some(_) => Box::new(MultiBzDecoder::new(raw)),
            None => Box::new(raw),
        };
        let failed = |error| InputError::read(source.name(), compression, error);
        let mut head = read_head(&mut inner, HEAD_BYTES).map_err(failed)?;
        // The place of the magic in the first header of POSIX tar.
        if head.get(257..262) == Some(b"ustar") {
            let (kind, command) = ("a tar archive", "tar -xf");
            return Err(InputError::Packed { path: source.name().into(), kind, command });
        }
        if let Some(order) = Order::of(&head) {
            head.drain(..2);
            inner = Box::new(Utf16::new(Cursor::new(head).chain(inner), order));
            head = read_head(&mut inner, HEAD_BYTES).map_err(failed)?;
        } else if head.starts_with(b"\xef\xbb\xbf") {
            head.drain(..3);
        }
        if encoding::ends_lines_by_carriage_returns(&head) {
            encoding::replace(&mut head);
            inner = Box::new(LineFeeds(inner));
        }
        Ok(Self { inner, head: Cursor::new(head), record: 0, last: None, compression })
    }

    /// Returns the first bytes, at most 64 KiB; valid before anything is read.
    pub(super) fn head(&self) -> &[u8] {
        self.head.get_ref()
    }

    /// Passes over the first bytes, which are among those of [`Bytes::head`].
    pub(super) fn skip(&mut self, bytes: usize) {
        self.head.set_position(bytes as u64);
    }

    /// Tells that a new record begins.
    pub(super) fn begin_record(&mut self) {
        self.record = 0;
    }

    /// Returns whether the last byte read so far ends a line.
    pub(super) fn ends_with_newline(&self) -> bool {
        self.last == Some(b'\n')
    }
}

impl Read for Bytes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.record > limits::LINE_BYTES {
            return Err(io::Error::other(LineTooLong));
        }
        let count = match self.head.read(buffer)? {
            0 => self.inner.read(buffer)?,
            count => count,
        };
        self.record += count;
        self.last = buffer[..count].last().copied().or(self.last);
        Ok(count)
    }
}

struct Counted {
    inner: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

type Raw = BufReader<Chain<Cursor<Vec<u8>>, Counted>>;

/// Reads one zstd frame after another and compares their checksums.
struct Zstd {
    decoder: Option<StreamingDecoder<Raw, ruzstd::decoding::FrameDecoder>>,
    /// The source between two frames.
    source: Option<Raw>,
}

impl Read for Zstd {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(mut source) = self.source.take() {
                if source.fill_buf()?.is_empty() {
                    self.source = Some(source);
                    return Ok(0);
                }
                self.decoder = Some(StreamingDecoder::new(source).map_err(io::Error::other)?);
            }
            let Some(decoder) = &mut self.decoder else { return Ok(0) };
            let count = decoder.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            let sums = (decoder.decoder.get_checksum_from_data(), decoder.decoder.get_calculated_checksum());
            if let (Some(written), Some(found)) = sums
                && written != found
            {
                return Err(io::Error::other("a checksum does not match"));
            }
            self.source = self.decoder.take().map(StreamingDecoder::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::testing::{dump, read, source};
    use super::super::{Form, ReadOptions, TimeUnit};
    use super::*;
    use crate::store::Stale;

    fn text() -> Vec<u8> {
        let rows = (0..5000).map(|at| format!("{at},cpu,{}\n", (at * 7919) % 1000)).collect::<String>();
        format!("timestamp,metric,value\n{rows}").into_bytes()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).expect("in memory");
        encoder.finish().expect("in memory")
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
    }

    fn bzip2(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = ::bzip2::write::BzEncoder::new(Vec::new(), ::bzip2::Compression::fast());
        encoder.write_all(bytes).expect("in memory");
        encoder.finish().expect("in memory")
    }

    fn utf16(text: &[u8]) -> Vec<u8> {
        let text = std::str::from_utf8(text).expect("a text");
        "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
    }

    fn check(bytes: &[u8]) -> Result<String, InputError> {
        let options = ReadOptions {
            form: Form { time_unit: Some(TimeUnit::Seconds), ..Form::default() },
            ..ReadOptions::default()
        };
        read(vec![source("a.csv.x", bytes)], options, Stale::Off).map(|(store, _)| dump(&store).join("\n"))
    }

    #[test]
    fn compressed_inputs_are_read_through() {
        let plain = check(&self::text()).expect("reads");
        assert!(plain.len() > 20_000);
        let text = text();
        let (one, two) = text.split_at(777);
        for pack in [gzip, zstd, bzip2] {
            assert_eq!(check(&pack(&text)).expect("reads"), plain);
            assert_eq!(check(&[pack(one), pack(two)].concat()).expect("two members"), plain);
            assert_eq!(check(&pack(&utf16(&text))).expect("UTF-16"), plain);
        }
    }

    #[test]
    fn a_cut_or_damaged_stream_is_an_error() {
        for pack in [gzip, zstd, bzip2] {
            let bytes = pack(&text());
            for len in [bytes.len() - 1, bytes.len() - 5, bytes.len() / 2, 12, 5] {
                assert!(matches!(check(&bytes[..len]), Err(InputError::Compressed { .. })), "{len}");
            }
            let mut damaged = bytes.clone();
            let at = damaged.len() - 2;
            damaged[at] ^= 0x40;
            assert!(check(&damaged).is_err());
        }
    }
    #[test]
    fn a_small_stream_that_is_cut_anywhere_is_refused() {
        let text = b"timestamp,metric,value\n1,cpu,1\n2,cpu,2\n";
        for (pack, wide) in [(gzip as fn(&[u8]) -> Vec<u8>, false), (zstd, false), (bzip2, false), (utf16, true)] {
            let bytes = pack(text);
            assert_eq!(check(&bytes).expect("reads"), "cpu 1000=1 2000=2");
            for len in 0..bytes.len() {
                let read = check(&bytes[..len]);
                // UTF-16 has no end either, lines do.
                let cut_line = wide && len % 2 == 0;
                assert!(read.is_err() || cut_line, "{len} of {}: {read:?}", bytes.len());
            }
        }
    }

    #[test]
    fn texts_in_other_encodings_are_read() {
        let text = text();
        let plain = check(&text).expect("reads");
        let big: Vec<u8> = utf16(&text).chunks(2).flat_map(|pair| [pair[1], pair[0]]).collect();
        assert_eq!(check(&utf16(&text)).expect("little"), plain);
        assert_eq!(check(&big).expect("big"), plain);
        let old: Vec<u8> = text.iter().map(|byte| if *byte == b'\n' { b'\r' } else { *byte }).collect();
        assert_eq!(check(&old).expect("carriage returns"), plain);
        let error = check(&[utf16(&text), vec![0x31]].concat()).expect_err("odd").to_string();
        assert!(error.contains("the UTF-16 text ends within a character"), "{error}");
    }

    #[test]
    fn other_archives_are_named() {
        let tar = [&[b'a'; 257][..], b"ustar\0"].concat();
        for (magic, part) in [
            (&b"\xfd7zXZ\0"[..], "is xz data"),
            (b"PK\x03\x04\x14", "a zip archive or a spreadsheet"),
            (&tar, "a tar archive"),
            (&gzip(&tar), "a tar archive"),
        ] {
            let error = check(magic).expect_err("packed");
            assert!(error.to_string().contains(part) && error.hint().is_some_and(|hint| hint.contains("a.csv.x")));
        }
    }
}
