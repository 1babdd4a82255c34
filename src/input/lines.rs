//! Lines of an input, without buffering more than one of them and a read.

use std::io::{self, Read};
use std::ops::Range;

use super::InputError;
use super::bytes::{Bytes, LineTooLong};
use crate::limits;

/// How much is read at once. Unit: bytes.
const READ_BYTES: usize = 256 << 10;

/// A line that is held.
pub(super) struct Line {
    pub(super) text: Vec<u8>,
    /// Its number, from 1.
    pub(super) number: u64,
    /// Whether it had a line end.
    pub(super) ended: bool,
}

impl Line {
    /// Makes a line that has its end.
    pub(super) fn whole(text: Vec<u8>, number: u64) -> Self {
        Self { text, number, ended: true }
    }
}

/// How much of what follows [`Lines::ahead`] shows at least, where there is so much. Unit: bytes.
pub(super) const AHEAD_BYTES: usize = 4 << 10;

/// Reads one line after another.
///
/// As a [`Read`] it hands out one line at a time, so that a reader of records, which may go over several lines, stops at
/// the line end that ends a record, and the lines after it can be read here.
pub(super) struct Lines {
    bytes: Bytes,
    buffer: Vec<u8>,
    /// Where the next line begins, and where what was read ends.
    start: usize,
    end: usize,
    done: bool,
    /// The line that was returned last, with its line end; empty where it is not whole in the buffer.
    last: Range<usize>,
    /// Bytes handed out as a [`Read`] since the last record began.
    record: usize,
    /// The number of the line that was returned last, from 1.
    pub(super) line: u64,
    /// Whether that line had a line end.
    pub(super) ended: bool,
}

impl Lines {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self::below(bytes, 0)
    }

    /// Reads the lines below so many others.
    pub(super) fn below(bytes: Bytes, lines: u64) -> Self {
        Self {
            bytes,
            buffer: vec![0; 2 * READ_BYTES],
            start: 0,
            end: 0,
            done: false,
            last: 0..0,
            record: 0,
            line: lines,
            ended: true,
        }
    }

    /// Returns what follows the line that was returned last: the next [`AHEAD_BYTES`] at least, if there are so many.
    pub(super) fn ahead(&mut self, path: &str) -> Result<&[u8], InputError> {
        while self.end - self.start < AHEAD_BYTES && !self.done {
            self.read_on().map_err(|error| InputError::read(path, self.bytes.compression, error))?;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    /// Passes over the next line, which has so many bytes with its line end.
    fn pass(&mut self, bytes: usize) {
        self.last = self.start..self.start + bytes;
        self.start += bytes;
        self.line += 1;
        self.ended = true;
    }

    /// Passes over the next lines, which have so many bytes with their line ends.
    pub(super) fn pass_all(&mut self, bytes: usize, lines: u64) {
        self.pass(bytes);
        self.line += lines - 1;
    }

    /// Returns the line that was returned last, with its line end, if it has one and is in the buffer still.
    pub(super) fn last(&self) -> Option<&[u8]> {
        let line = &self.buffer[self.last.clone()];
        line.ends_with(b"\n").then_some(line)
    }

    /// Returns the compression, for messages.
    pub(super) fn compression(&self) -> Option<&'static str> {
        self.bytes.compression
    }

    /// Says that a new record begins, for the limit on what one may take of a [`Read`].
    pub(super) fn begin_record(&mut self) {
        self.record = 0;
    }

    /// Returns the next line without its line end; none after the last.
    pub(super) fn next(&mut self, path: &str) -> Result<Option<&[u8]>, InputError> {
        let mut searched = self.start;
        loop {
            if let Some(at) = memchr::memchr(b'\n', &self.buffer[searched..self.end]) {
                let line = self.start..searched + at;
                self.pass(line.len() + 1);
                return self.within(path, line);
            }
            if self.done {
                let line = self.start..self.end;
                self.start = self.end;
                if line.is_empty() {
                    return Ok(None);
                }
                self.line += 1;
                self.ended = false;
                return self.within(path, line);
            }
            if self.end - self.start > limits::LINE_BYTES {
                return Err(InputError::LineTooLong { path: path.into(), line: self.line + 1 });
            }
            searched = self.end - self.start;
            self.read_on().map_err(|error| InputError::read(path, self.bytes.compression, error))?;
        }
    }

    fn within(&self, path: &str, line: std::ops::Range<usize>) -> Result<Option<&[u8]>, InputError> {
        let line = &self.buffer[line];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() > limits::LINE_BYTES {
            return Err(InputError::LineTooLong { path: path.into(), line: self.line });
        }
        Ok(Some(line))
    }

    /// Reads more of the input behind what is left in the buffer.
    fn read_on(&mut self) -> io::Result<()> {
        self.last = 0..0;
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        // A read into no less than this goes past the buffer of the file.
        if self.buffer.len() - self.end < READ_BYTES {
            self.buffer.resize((self.buffer.len() * 2).min(limits::LINE_BYTES + 2 * READ_BYTES), 0);
        }
        // The limit is kept here, to the byte.
        self.bytes.begin_record();
        loop {
            match self.bytes.read(&mut self.buffer[self.end..]) {
                Ok(count) => {
                    self.end += count;
                    self.done = count == 0;
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Read for Lines {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.record > limits::LINE_BYTES {
            return Err(io::Error::other(LineTooLong));
        }
        let mut end = memchr::memchr(b'\n', &self.buffer[self.start..self.end]);
        if end.is_none() && !self.done && self.end - self.start < READ_BYTES / 2 {
            self.read_on()?;
            end = memchr::memchr(b'\n', &self.buffer[self.start..self.end]);
        }
        let line = end.map_or(self.end, |end| self.start + end + 1);
        let to = line.min(self.start + buffer.len());
        let count = to - self.start;
        buffer[..count].copy_from_slice(&self.buffer[self.start..to]);
        self.last = if self.ended { self.start..to } else { 0..0 };
        self.record += count;
        self.start = to;
        if count > 0 {
            self.ended = end.is_some() && to == line;
            self.line += u64::from(self.ended);
        }
        Ok(count)
    }
}
