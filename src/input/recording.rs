//! A list of inputs as one recording in time order.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::ahead::Ahead;
use super::bytes::Source;
use super::sequence::{Sequence, Sources};
use super::summary::{RowProblem, Summary};
use super::{Batches, InputError, Progress, ReadOptions, placed};
use crate::limits;
use crate::store::{Batch, Conflict, Numbers, Rejected, Store};

/// Inputs that are read as one recording.
///
/// Inputs are ordered by their first time and read one after another. As soon as a row is before the one above it,
/// all of them are read again and held whole, so the caller sees time order in any case.
pub struct Recording {
    sources: Sources,
    options: ReadOptions,
    reading: Reading,
    /// Whether the first batch was asked for.
    begun: bool,
    /// Whether a thread is to read ahead.
    ahead: bool,
    read: Arc<AtomicU64>,
    /// Whether the recording was begun again, and how many batches were handed out since then.
    restarted: bool,
    batches: u64,
    summary: Summary,
    /// Repeats and settled conflicts.
    settled: (u64, u64),
}

/// Where the inputs are read.
enum Reading {
    /// In the thread of the caller.
    Here(Box<Sequence>),
    /// In another one, some batches ahead.
    Ahead(Ahead),
    /// Nowhere, while it goes from here to there.
    Nowhere,
}

impl Recording {
    /// Opens all inputs as far as their headers and first times.
    ///
    /// # Errors
    /// When an input cannot be opened or is not a recording.
    pub fn open(sources: Vec<Box<dyn Source>>, options: ReadOptions) -> Result<Self, InputError> {
        if sources.len() > limits::INPUTS {
            return Err(InputError::TooManyInputs { count: sources.len() });
        }
        let (sources, read): (Sources, _) = (sources.into(), Arc::default());
        let sequence = Sequence::open(Arc::clone(&sources), options.clone(), Arc::clone(&read))?;
        Ok(Self {
            sources,
            options,
            reading: Reading::Here(Box::new(sequence)),
            begun: false,
            ahead: false,
            read,
            restarted: false,
            batches: 0,
            summary: Summary::default(),
            settled: (0, 0),
        })
    }

    /// Reads in a thread of its own from now on, some batches ahead of what is asked for; inputs that can be opened once
    /// are read as before. What comes out is the same.
    pub fn read_ahead(&mut self) {
        self.ahead = self.sources.iter().all(|source| source.reopens());
    }

    /// Returns the input and line of a row, as [`Batch::rows`] has it.
    pub(super) fn where_is(&self, row: u64) -> (Arc<str>, u64) {
        let (file, line) = placed(row);
        (self.sources.get(usize::from(file)).map_or("", |source| source.name()).into(), line)
    }

    /// Says where a conflict of the store that took this recording stands, and which values it has.
    #[must_use]
    pub fn describe(&self, store: &Store, conflict: &Conflict) -> RowProblem {
        let (path, line) = self.where_is(conflict.row);
        RowProblem { path, line, message: conflict.words(store), rows: 1 }
    }

    /// Begins to read for a store that has these numbers.
    fn begin(&mut self, numbers: Numbers) {
        if let Reading::Here(sequence) = &mut self.reading {
            sequence.begin(numbers);
        }
        if self.ahead {
            self.reading = match std::mem::replace(&mut self.reading, Reading::Nowhere) {
                Reading::Here(sequence) => Ahead::start(sequence).map_or_else(Reading::Here, Reading::Ahead),
                other => other,
            };
        }
    }

    /// Says in words which conflicts stopped the store.
    fn conflict_error(&self, store: &Store, conflicts: &[Conflict]) -> InputError {
        let shown = conflicts.iter().map(|conflict| self.describe(store, conflict));
        let several = self.sources.len() > 1;
        let candidates = self.candidates().unwrap_or_default();
        InputError::Conflicts { shown: shown.collect(), count: conflicts.len() as u64, candidates, several }
    }

    /// Returns columns that may be labels, by what the batches so far had. A reader that is ahead knows more: its inputs
    /// are read once more up to here.
    fn candidates(&self) -> Result<Vec<String>, InputError> {
        if let Reading::Here(sequence) = &self.reading {
            return Ok(sequence.candidates());
        }
        let mut again = Sequence::open(Arc::clone(&self.sources), self.options.clone(), Arc::default())?;
        let mut batch = Batch::default();
        while self.restarted && again.next(&mut batch)? != Progress::Restart {}
        for _ in 0..self.batches {
            again.next(&mut batch)?;
        }
        Ok(again.candidates())
    }
}

impl Batches for Recording {
    fn next_batch(&mut self, store: &mut Store, batch: &mut Batch) -> Result<Progress, InputError> {
        if !std::mem::replace(&mut self.begun, true) {
            self.begin(Numbers::of(store));
        }
        let progress = match &mut self.reading {
            Reading::Here(sequence) => {
                let progress = sequence.next(batch)?;
                if progress == Progress::End {
                    self.summary = sequence.take_summary();
                }
                progress
            }
            Reading::Ahead(ahead) => ahead.next(batch, &mut self.summary)?,
            Reading::Nowhere => Progress::End,
        };
        self.batches += 1;
        match progress {
            Progress::Batch(_) => store.meet(batch),
            Progress::Restart => (self.restarted, self.batches, self.settled) = (true, 0, (0, 0)),
            Progress::End => (self.summary.repeats, self.summary.conflicts) = self.settled,
        }
        Ok(progress)
    }

    fn append(&mut self, store: &mut Store, batch: &Batch) -> Result<(), InputError> {
        match store.append(batch) {
            Ok(appended) => {
                self.settled.0 += appended.repeats;
                self.settled.1 += appended.conflicts;
                Ok(())
            }
            Err(Rejected::Conflict(_)) => Err(self.conflict_error(store, store.refused())),
            Err(Rejected::OutOfOrder { row, .. }) => {
                let (path, line) = self.where_is(row);
                Err(InputError::OutOfOrder { path, line })
            }
        }
    }

    fn summary(&self) -> &Summary {
        &self.summary
    }

    fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Text;
    use super::super::testing::{Once, dump, read, read_by, source};
    use super::super::{BadRows, Form, TimeUnit};
    use super::*;
    use crate::store::{Stale, StaleCounts};

    fn options(batch_rows: usize) -> ReadOptions {
        ReadOptions {
            form: Form { time_unit: Some(TimeUnit::Seconds), ..Form::default() },
            batch_rows,
            ..ReadOptions::default()
        }
    }

    /// Reads texts with batches of several sizes and compares what comes out.
    fn check(texts: &[&str], expected: Option<&[&str]>) -> (Summary, StaleCounts) {
        let read = |batch_rows, ahead| {
            let sources = texts.iter().enumerate().map(|(at, text)| source(&format!("{at}.csv"), text)).collect();
            read_by(ahead, sources, options(batch_rows), Stale::Auto).expect("reads")
        };
        let (whole, summary) = read(limits::BATCH_ROWS, false);
        for (batch_rows, ahead) in [(1, false), (2, false), (7, false), (1, true), (limits::BATCH_ROWS, true)] {
            let (store, other) = read(batch_rows, ahead);
            assert_eq!(dump(&store), dump(&whole), "batches of {batch_rows}");
            assert_eq!((other, store.stale_counts()), (summary.clone(), whole.stale_counts()));
        }
        if let Some(expected) = expected {
            assert_eq!(dump(&whole), expected);
        }
        (summary, whole.stale_counts())
    }

    #[test]
    fn files_are_read_in_the_order_of_their_first_times() {
        let (summary, _) = check(
            &["timestamp,metric,value\n3,b,1\n4,a,4\n", "timestamp,metric,value\n1,a,1\n3,a,3\n"],
            Some(&["a 1000=1 3000=3 4000=4", "b 3000=1"]),
        );
        assert!(!summary.held_whole);
    }

    #[test]
    fn disorder_is_sorted_and_told() {
        let (summary, _) = check(
            &["timestamp,metric,value\n1,a,1\n5,a,5\n2,b,2\n1,b,7\n", "timestamp,metric,value\n4,a,4\n"],
            Some(&["a 1000=1 4000=4 5000=5", "b 1000=7 2000=2"]),
        );
        assert!(summary.held_whole);
        assert_eq!(summary.disorder.as_ref().map(|(path, line)| (&**path, *line)), Some(("0.csv", 4)));
        assert_eq!((summary.rows, summary.samples), (5, 5));
    }

    #[test]
    fn files_that_overlap_are_merged() {
        let (summary, _) = check(
            &["timestamp,cpu,host\n1,1,a\n2,2,a\n3,,a\n", "timestamp,cpu,host\n1,1,b\n2,2,b\n3,3,b\n"],
            Some(&["cpu{host=\"a\"} 1000=1 2000=2 3000=stale", "cpu{host=\"b\"} 1000=1 2000=2 3000=3"]),
        );
        assert!(summary.held_whole);
    }

    #[test]
    fn batches_of_any_size_hold_the_same_samples_and_markers() {
        let (mut long, mut wide) = ("timestamp,metric,instance,value\n".to_owned(), "time,host,a,b,c\n".to_owned());
        for at in 0..400_i64 {
            for host in 0..4 {
                let lost = (at * 7 + host * 13) % 23;
                if at % 90 < 80 {
                    long.push_str(&format!("{},up,h{host},{}\n", at * 15, i64::from(lost > 2)));
                }
                if lost > 3 && (at + host * 40) % 120 > 10 {
                    long.push_str(&format!("{},cpu,h{host},{at}\n", at * 15));
                    long.push_str(&format!("{},mem,h{host},{at}\n", at * 15));
                }
                let cell = |n: i64| if (at + n * host) % (5 + n) == 0 { String::new() } else { at.to_string() };
                if (at + host) % 50 < 41 {
                    wide.push_str(&format!("{},h{host},{},{},{}\n", at * 30, cell(1), cell(2), cell(3)));
                }
            }
        }
        let (summary, counts) = check(&[&long], None);
        assert!(!summary.held_whole && counts.by_up > 9 && counts.by_cadence > 9 && counts.by_row == 0, "{counts:?}");
        let (summary, counts) = check(&[&wide], None);
        assert!(!summary.held_whole && counts.by_row > 9 && counts.by_cadence > 9 && counts.by_up == 0, "{counts:?}");
        assert!(check(&[&long, &wide], None).0.held_whole);
    }

    #[test]
    fn what_is_wrong_is_said_alike_by_a_reader_that_is_ahead() {
        // `state` is whole up to the conflict, and not after it.
        let rows: String = (3..90).map(|at| format!("{at},x,1.5,{at}\n")).collect();
        let conflict = format!("time,host,state,cpu\n1,x,1,5\n1,x,2,6\n{rows}");
        let disorder = format!("{conflict}2,x,1,5\n");
        for text in [&*conflict, &*disorder, "time,host,cpu\n1,x,5\n2,x,fast\n", "time,host,cpu\n", "time,host\n1,\"x"]
        {
            let [here, ahead] = [false, true].map(|ahead| {
                let read = read_by(ahead, vec![source("a.csv", text)], options(2), Stale::Auto);
                let error = read.map(|(store, _)| dump(&store)).expect_err(text);
                (error.to_string(), error.hint())
            });
            assert_eq!(here, ahead);
        }
    }

    #[test]
    fn what_can_be_read_once_must_be_in_order() {
        let once = |text: &str| -> Vec<Box<dyn Source>> { vec![Box::new(Once(Text::new("-", text.as_bytes())))] };
        assert!(read(once("timestamp,value\n1,1\n2,2\n"), options(1), Stale::Off).is_ok());
        match read(once("timestamp,value\n2,1\n1,2\n"), options(1), Stale::Off) {
            Err(error @ InputError::DisorderOnce { line: 3, .. }) => assert!(error.hint().is_some()),
            other => panic!("{:?}", other.map(|(store, _)| dump(&store))),
        }
    }

    proptest::proptest! {
        #[test]
        fn damaged_files_never_panic(cuts in proptest::collection::vec((0_usize..400, 0_u8..=255, 0_usize..4), 1..12)) {
            let mut bytes = b"timestamp,host,cpu,mem\n1,\"a\",1,2\n2,b,,3\r\n2026-01-05 00:00:00.5+01:00,a,1,NaN\n".to_vec();
            for (at, byte, kind) in cuts {
                let at = at % (bytes.len() + 1);
                match kind {
                    0 => bytes.insert(at, byte),
                    1 => bytes.truncate(at.max(20)),
                    2 => bytes.extend_from_within(at..),
                    _ => bytes.insert(at, b"\",\n;\0"[usize::from(byte) % 5]),
                }
            }
            for bad_rows in [BadRows::Stop, BadRows::Skip { share: Some(1.0) }] {
                let options = ReadOptions { bad_rows, ..options(2) };
                if let Err(error) = read(vec![source("a.csv", &bytes)], options, Stale::Auto) {
                    assert!(!error.to_string().is_empty());
                }
            }
        }
    }

    #[test]
    fn the_fixture_of_hosts_reads_in_order() {
        let bytes = include_bytes!("../../fixtures/node.csv");
        let (store, summary) =
            read(vec![source("node.csv", bytes)], ReadOptions::default(), Stale::Auto).expect("reads");
        assert_eq!((summary.samples, summary.bad_rows, summary.held_whole), (10_694, 0, false));
        assert_eq!((store.len(), store.stale_counts().by_row), (24, 0));
        let ended = store.ids().filter(|id| store.has_stale(*id)).map(|id| store.labels(id).to_string());
        assert!(ended.into_iter().any(|series| series.starts_with("backup_last_success")));
    }
}
