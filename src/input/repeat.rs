//! Rows that repeat.
//!
//! A scrape has the same series in the same order as the one before it, so most rows of a recording differ from one that
//! came before in nothing but the time and the value. [`Repeats`] keeps the bytes around the two of the newest row of
//! each series, expects of each row the series that followed the last time, and compares in place: such a row is neither
//! split into fields nor looked up. What does not match is no error, and no trace of the attempt is left: the row goes
//! to the reader of the format, which accepts or refuses it as if nothing had been tried.

use std::ops::Range;

use super::lines::AHEAD_BYTES;
use super::number::leading_decimal;
use crate::store::SeriesId;
use crate::time::Timestamp;

/// The longest row that is learnt, with its line end. Unit: bytes.
const ROW_BYTES: usize = AHEAD_BYTES / 2;
/// How many series ahead are tried: one may be missing in a scrape.
const TRIES: usize = 2;

/// How numbers and texts of a form are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syntax {
    /// Fields end at this byte.
    Delimited(u8),
    /// Numbers are those of JSON, unless they stand in quotes.
    Json,
}

/// A row around its time and value.
struct Known {
    /// Everything but the time and the value.
    text: Box<[u8]>,
    /// Where the part before the first of the two ends in `text`, and where that between them does.
    first: u16,
    second: u16,
    /// Whether the value stands before the time.
    value_first: bool,
    /// Whether the time or the value is a number of JSON.
    json: (bool, bool),
    /// The series that followed the last time.
    next: SeriesId,
}

/// A row that repeats one.
pub(super) struct Repeat {
    pub(super) series: SeriesId,
    pub(super) value: f64,
    /// Where its time stands, if its text is another one than that of the row before.
    pub(super) time: Option<Range<usize>>,
    /// How long it is, with its line end.
    pub(super) bytes: usize,
}

/// Knows the newest row of each series of an input.
pub(super) struct Repeats {
    syntax: Syntax,
    /// The number of the input.
    pub(super) file: u16,
    /// By the number of the series.
    known: Vec<Option<Known>>,
    previous: SeriesId,
    /// The text of the newest time, and what it means.
    time: Vec<u8>,
    at: Timestamp,
    /// How many rows were taken.
    pub(super) taken: u64,
}

impl Repeats {
    pub(super) fn new(syntax: Syntax, file: u16) -> Self {
        Self { syntax, file, known: Vec::new(), previous: SeriesId(0), time: Vec::new(), at: Timestamp::MIN, taken: 0 }
    }

    /// Returns the row with which a text begins, if it repeats one. Changes nothing.
    #[inline]
    pub(super) fn find(&self, text: &[u8]) -> Option<Repeat> {
        let mut series = self.get(self.previous)?.next;
        for _ in 0..TRIES {
            let known = self.get(series)?;
            if let Some((value, time, bytes)) = self.read(known, text) {
                return Some(Repeat { series, value, time, bytes });
            }
            series = known.next;
        }
        None
    }

    fn get(&self, series: SeriesId) -> Option<&Known> {
        self.known.get(series.0 as usize)?.as_ref()
    }

    /// Reads a text as a row of a series: the value, where the time stands if it is another one, and the length.
    #[inline]
    fn read(&self, known: &Known, text: &[u8]) -> Option<(f64, Option<Range<usize>>, usize)> {
        let Known { text: own, first, second, value_first, json, .. } = known;
        let (before, rest) = own.split_at(usize::from(*first));
        let (between, after) = rest.split_at(usize::from(*second - *first));
        let at = pass(text, 0, before)?;
        if *value_first {
            let (value, at) = number(text, at, json.1)?;
            let at = pass(text, at, between)?;
            let (time, at) = self.time(text, at, json.0)?;
            Some((value, time, pass(text, at, after)?))
        } else {
            let (time, at) = self.time(text, at, json.0)?;
            let at = pass(text, at, between)?;
            let (value, at) = number(text, at, json.1)?;
            Some((value, time, pass(text, at, after)?))
        }
    }

    /// Passes over a time; returns its place too, if it is another one than the newest.
    #[inline]
    fn time(&self, text: &[u8], at: usize, json: bool) -> Option<(Option<Range<usize>>, usize)> {
        if let Some(end) = pass(text, at, &self.time).filter(|end| *end > at)
            && !self.is_time(*text.get(end)?)
        {
            return Some((None, end));
        }
        let bytes = text[at..].iter().position(|byte| !self.is_time(*byte))?;
        let time = at..at + bytes;
        let digits = &text[time.clone()];
        let whole = (1..=18).contains(&bytes) && digits.iter().all(u8::is_ascii_digit) && is_json(digits);
        (!json || whole).then_some((Some(time), at + bytes))
    }

    /// Returns whether a byte can be part of a time.
    #[inline]
    fn is_time(&self, byte: u8) -> bool {
        TIME[usize::from(byte)] && self.syntax != Syntax::Delimited(byte)
    }

    /// Returns the time of rows whose time has the text of the newest one.
    pub(super) fn at(&self) -> Timestamp {
        self.at
    }

    /// Sets what the text of the newest time is and means.
    pub(super) fn set_time(&mut self, text: &[u8], at: Timestamp) {
        self.time.clear();
        self.time.extend_from_slice(text);
        self.at = at;
    }

    /// Begins a row that is read by the reader of the format.
    pub(super) fn forget_time(&mut self) {
        self.time.clear();
    }

    /// Says that a row that repeats one was taken.
    #[inline]
    pub(super) fn take(&mut self, series: SeriesId) {
        self.follow(series);
        self.taken += 1;
    }

    /// Says which series came now.
    fn follow(&mut self, series: SeriesId) {
        if let Some(Some(previous)) = self.known.get_mut(self.previous.0 as usize) {
            previous.next = series;
        }
        self.previous = series;
    }

    /// Says that a row that the reader of the format read gave a sample, at the time that a text means. It is learnt,
    /// unless one like it is known or it is not there any more; `places` finds its time and its value in it.
    pub(super) fn read_whole(
        &mut self,
        (time, at): (&[u8], Timestamp),
        row: Option<&[u8]>,
        (series, value): (SeriesId, f64),
        places: impl FnOnce(&[u8]) -> Option<(Range<usize>, Range<usize>)>,
    ) {
        self.set_time(time, at);
        let Some(row) = row else { return };
        self.follow(series);
        let known = self.get(series).is_some_and(|known| self.reads(known, row, value));
        if let Some(places) = (!known).then(|| places(row)).flatten() {
            self.learn(row, series, value, places);
        }
    }

    /// Returns whether a row of the newest time is one of a series, with this value.
    fn reads(&self, known: &Known, row: &[u8], value: f64) -> bool {
        let read = self.read(known, row);
        read.is_some_and(|(number, time, bytes)| {
            number.to_bits() == value.to_bits() && time.is_none() && bytes == row.len()
        })
    }

    /// Learns a row of the newest time that gave a sample: where its time and its value stand.
    fn learn(&mut self, row: &[u8], series: SeriesId, value: f64, (time, number): (Range<usize>, Range<usize>)) {
        let value_first = number.start < time.start;
        let (one, two) = if value_first { (&number, &time) } else { (&time, &number) };
        let place = series.0 as usize;
        let next = self.get(series).map(|known| known.next);
        if row.len() <= ROW_BYTES && one.end < two.start && two.end < row.len() && row.ends_with(b"\n") {
            let text = [&row[..one.start], &row[one.end..two.start], &row[two.end..]].concat();
            let bare = |part: &Range<usize>| self.syntax == Syntax::Json && row[part.end] != b'"';
            let known = Known {
                first: one.start as u16,
                second: (one.start + two.start - one.end) as u16,
                text: text.into(),
                value_first,
                json: (bare(&time), bare(&number)),
                next: next.unwrap_or(series),
            };
            if self.reads(&known, row, value) {
                self.known.resize_with(self.known.len().max(place + 1), || None);
                self.known[place] = Some(known);
            }
        }
    }
}

/// The bytes of which times are written.
const TIME: [bool; 256] = {
    let (mut time, mut byte) = ([false; 256], 0);
    while byte < 128 {
        let at = byte as u8;
        time[byte] = at.is_ascii_alphanumeric() || matches!(at, b'-' | b':' | b'.' | b'+' | b'/' | b' ');
        byte += 1;
    }
    time
};

/// Passes over what stands at a place of a text; none where it is something else.
#[inline]
fn pass(text: &[u8], at: usize, expected: &[u8]) -> Option<usize> {
    let end = at + expected.len();
    let found = text.get(at..end)?;
    let same = match expected {
        [] => true,
        [byte] => found[0] == *byte,
        expected => found == expected,
    };
    same.then_some(end)
}

/// Passes over a number.
#[inline]
fn number(text: &[u8], at: usize, json: bool) -> Option<(f64, usize)> {
    let (value, bytes) = leading_decimal(text.get(at..)?)?;
    let end = at + bytes;
    (!json || is_json(&text[at..end])).then_some((value, end))
}

/// Returns where a part of a row stands in it.
pub(super) fn place_of(part: &[u8], row: &[u8]) -> Range<usize> {
    let from = part.as_ptr() as usize - row.as_ptr() as usize;
    from..from + part.len()
}

/// Returns whether a decimal is one of JSON: no zeros before it, and digits on both sides of a point.
#[inline]
fn is_json(number: &[u8]) -> bool {
    let unsigned = number.strip_prefix(b"-").unwrap_or(number);
    let zeros = matches!(unsigned, [b'0', b'0'..=b'9', ..]);
    !zeros && unsigned.first() != Some(&b'.') && unsigned.last() != Some(&b'.')
}

#[cfg(test)]
mod tests;
