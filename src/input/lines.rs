//! Lines of an input, without buffering more than one of them and a read.

use std::io::{self, Read};

use super::InputError;
use super::bytes::Bytes;
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

/// Reads one line after another.
pub(super) struct Lines {
    bytes: Bytes,
    buffer: Vec<u8>,
    /// Where the next line begins, and where what was read ends.
    start: usize,
    end: usize,
    done: bool,
    /// The number of the line that was returned last, from 1.
    pub(super) line: u64,
    /// Whether that line had a line end.
    pub(super) ended: bool,
}

impl Lines {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self { bytes, buffer: vec![0; READ_BYTES], start: 0, end: 0, done: false, line: 0, ended: true }
    }

    /// Returns the next line without its line end; none after the last.
    pub(super) fn next(&mut self, path: &str) -> Result<Option<&[u8]>, InputError> {
        let mut searched = self.start;
        loop {
            if let Some(at) = memchr::memchr(b'\n', &self.buffer[searched..self.end]) {
                let line = self.start..searched + at;
                self.start = line.end + 1;
                self.line += 1;
                self.ended = true;
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
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, searched);
            self.read(path)?;
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

    fn read(&mut self, path: &str) -> Result<(), InputError> {
        if self.buffer.len() - self.end < READ_BYTES / 2 {
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
                Err(error) => return Err(InputError::read(path, self.bytes.compression, error)),
            }
        }
    }
}
