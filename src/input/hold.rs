//! Rows of a recording that is not in time order, held whole and sorted.

use std::ops::Range;
use std::sync::Arc;

use crate::histogram::Histograms;
use crate::store::{Batch, SeriesId, StreamId};
use crate::time::{Millis, Timestamp};

#[derive(Clone, Copy)]
struct Row {
    at: Timestamp,
    value: f64,
    place: u64,
    series: SeriesId,
}

/// How many rows are sorted together, about: they fit into the cache.
const STRETCH: usize = 16_384;
/// Up to how many different times a stretch is sorted by counting.
const FEW_TIMES: usize = 512;
/// In how many stretches of rows each run may be looked at, for every row that there is.
const LOOKS_PER_ROW: usize = 4;

/// Collects batches in any order, then hands them out in time order; rows of one time keep their order.
///
/// What is not in order has mostly one series after the other, each in order: such runs are merged, a stretch of time
/// after the other, and never sorted as a whole.
#[derive(Default)]
pub(super) struct Held {
    rows: Vec<Row>,
    /// Those that values of rows stand for.
    histograms: Histograms,
    /// Rows in time order, one run after the other; the beginning of each moves on.
    runs: Vec<Range<usize>>,
    /// The last time of the stretch at hand, and how long a stretch is.
    end: Timestamp,
    length: Millis,
    /// The rows of the stretch at hand, and how many of them were handed out.
    stretch: Vec<Row>,
    next: usize,
    left: usize,
    snapshots: Vec<(StreamId, Timestamp)>,
    next_snapshot: usize,
}

impl Held {
    /// Takes the rows of a batch.
    pub(super) fn take(&mut self, batch: &mut Batch) {
        self.rows.extend((0..batch.len()).map(|at| Row {
            at: batch.times[at],
            value: match batch.histogram(batch.values[at]) {
                Some(histogram) => self.histograms.put(Arc::clone(histogram)),
                None => batch.values[at],
            },
            place: batch.rows[at],
            series: batch.series[at],
        }));
        self.snapshots.append(&mut batch.snapshots);
        batch.clear();
    }

    /// Sorts what was taken, once there is no more.
    pub(super) fn sort(&mut self) {
        self.runs = runs(&self.rows);
        if self.runs.len() * (self.rows.len() / STRETCH) > self.rows.len() * LOOKS_PER_ROW {
            self.rows.sort_by_key(|row| row.at);
            self.runs = runs(&self.rows);
        }
        self.left = self.rows.len();
        self.snapshots.sort_by_key(|(_, at)| *at);
        let (first, last) = self
            .rows
            .iter()
            .fold((Timestamp::MAX, Timestamp::MIN), |(first, last), row| (first.min(row.at), last.max(row.at)));
        let stretches = (self.rows.len() / STRETCH).max(1) as i64;
        self.length = Millis(last.since(first.min(last)).0 / stretches);
        self.end = first;
    }

    /// Gathers and sorts the next rows, at least one if there is any.
    fn gather(&mut self) {
        self.stretch.clear();
        self.next = 0;
        while self.stretch.is_empty() && !self.runs.is_empty() {
            // Nothing lies in a gap.
            let first = self.runs.iter().map(|run| self.rows[run.start].at).min().unwrap_or(self.end);
            self.end = first.plus(self.length);
            for run in &mut self.runs {
                let rows = &self.rows[run.clone()];
                let count = rows.iter().take_while(|row| row.at <= self.end).count();
                self.stretch.extend_from_slice(&rows[..count]);
                run.start += count;
            }
            self.runs.retain(|run| !run.is_empty());
        }
        sort(&mut self.stretch);
        // Samples are rarely as dense everywhere.
        match self.stretch.len() {
            0..=8_192 => self.length = Millis(self.length.0.saturating_mul(2).max(1)),
            32_768.. => self.length = Millis(self.length.0 / 2),
            _ => {}
        }
    }

    /// Fills a batch; false when nothing is left after it.
    pub(super) fn fill(&mut self, batch: &mut Batch, batch_rows: usize) -> bool {
        let mut room = batch_rows.min(self.left);
        while room > 0 {
            if self.next == self.stretch.len() {
                self.gather();
            }
            let end = self.stretch.len().min(self.next + room);
            for row in &self.stretch[self.next..end] {
                batch.push_value(row.series, row.at, (row.value, &self.histograms), row.place);
            }
            self.left -= end - self.next;
            room -= end - self.next;
            self.next = end;
        }
        let more = self.left > 0;
        let newest = batch.times.last().copied().filter(|_| more).unwrap_or(Timestamp::MAX);
        let left = &self.snapshots[self.next_snapshot..];
        let count = left.partition_point(|(_, at)| *at <= newest);
        batch.snapshots.extend_from_slice(&left[..count]);
        self.next_snapshot += count;
        more
    }
}

/// Sorts rows by time; rows of one time keep their order. A stretch mostly has few times, each of many series, so rows
/// are counted and put where they belong.
fn sort(rows: &mut Vec<Row>) {
    let mut times: Vec<(Timestamp, usize)> = Vec::new();
    let mut hint = 0;
    for row in rows.iter() {
        hint = match place(&times, hint, row.at) {
            Ok(at) => at,
            Err(at) if times.len() < FEW_TIMES => {
                times.insert(at, (row.at, 0));
                at
            }
            Err(_) => return rows.sort_by_key(|row| row.at),
        };
        times[hint].1 += 1;
    }
    // From how many rows a time has to where its next one goes.
    let mut end = 0;
    for (_, count) in &mut times {
        end += std::mem::replace(count, end);
    }
    let mut sorted = rows.clone();
    for row in rows.iter() {
        // Every time was met above.
        hint = place(&times, hint, row.at).unwrap_or(0);
        sorted[times[hint].1] = *row;
        times[hint].1 += 1;
    }
    *rows = sorted;
}

/// Finds a time, most likely at the hint or after it.
fn place(times: &[(Timestamp, usize)], hint: usize, at: Timestamp) -> Result<usize, usize> {
    let is = |place: usize| times.get(place).is_some_and(|(time, _)| *time == at);
    match hint {
        hint if is(hint) => Ok(hint),
        hint if is(hint + 1) => Ok(hint + 1),
        _ => times.binary_search_by_key(&at, |(time, _)| *time),
    }
}

/// Finds the runs of rows that are in time order.
fn runs(rows: &[Row]) -> Vec<Range<usize>> {
    let mut runs = Vec::new();
    let mut start = 0;
    for at in 1..rows.len() {
        if rows[at].at < rows[at - 1].at {
            runs.push(start..at);
            start = at;
        }
    }
    if start < rows.len() {
        runs.push(start..rows.len());
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out rows of the given times in batches, and compares with a plain sort.
    fn check(times: &[i64], batch_rows: usize) {
        let mut held = Held::default();
        let mut batch = Batch::default();
        for (place, at) in times.iter().enumerate() {
            batch.push(SeriesId(0), Timestamp(*at), *at as f64, place as u64);
        }
        held.take(&mut batch);
        held.sort();
        let mut found = Vec::new();
        loop {
            let more = held.fill(&mut batch, batch_rows);
            assert!(batch.len() == batch_rows || !more);
            found.extend(batch.times.iter().map(|at| at.0).zip(batch.rows.iter().copied()));
            batch.clear();
            if !more {
                break;
            }
        }
        let mut expected: Vec<(i64, u64)> = times.iter().copied().zip(0..).collect();
        expected.sort_by_key(|(at, _)| *at);
        assert_eq!(found, expected);
    }

    #[test]
    fn rows_come_out_in_order_and_rows_of_one_time_as_they_came() {
        let mut state = 7_u64;
        let mut next = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 33) % below) as i64
        };
        let series = (0..12).flat_map(|_| (0..2_000).map(|at| at * 15_000)).collect::<Vec<i64>>();
        let dense = (0..3).flat_map(|_| (0..20_000).map(|at| if at < 15_000 { at / 100 } else { at * 1_000 }));
        let random = (0..50_000).map(|_| next(1_000_000)).collect::<Vec<_>>();
        let one = vec![5; 40_000];
        for times in
            [series, dense.collect(), random, one, vec![], vec![3], vec![3, 1, 2], vec![1, i64::from(i32::MAX)]]
        {
            for batch_rows in [1, 7, 16_384] {
                check(&times, batch_rows);
            }
        }
    }
}
