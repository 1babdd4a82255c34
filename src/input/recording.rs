//! A list of inputs as one recording in time order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::bytes::Source;
use super::feed::Stop;
use super::hold::Held;
use super::names::listed;
use super::reader::Reader;
use super::summary::{RowProblem, Summary};
use super::{BadRows, Batches, InputError, Progress, ReadOptions, placed};
use crate::limits;
use crate::store::{Batch, Conflict, Rejected, Store};
use crate::time::{Millis, Timestamp};

/// Inputs that are read as one recording.
///
/// Inputs are ordered by their first time and read one after another. As soon as a row is before the one above it,
/// all of them are read again and held whole, so the caller sees time order in any case.
pub struct Recording {
    sources: Vec<Box<dyn Source>>,
    options: ReadOptions,
    /// The order in which the inputs are read.
    order: Vec<usize>,
    /// Readers that were opened to find the order, by input.
    opened: Vec<Option<Reader>>,
    /// How many of `order` were begun.
    begun: usize,
    reader: Option<Reader>,
    newest: Timestamp,
    state: State,
    held: Held,
    /// Whether a stale marker was read.
    marks_ends: bool,
    read: Arc<AtomicU64>,
    summary: Summary,
    /// Columns that may be labels, for the question about conflicts.
    candidates: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Batches go out as they are read.
    Streaming,
    /// Everything is read first.
    Collecting,
    /// What was collected goes out.
    HandingOut,
    Done,
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
        let mut recording = Self {
            opened: sources.iter().map(|_| None).collect(),
            order: (0..sources.len()).collect(),
            sources,
            options,
            begun: 0,
            reader: None,
            newest: Timestamp::MIN,
            state: State::Streaming,
            held: Held::default(),
            marks_ends: false,
            read: Arc::default(),
            summary: Summary::default(),
            candidates: Vec::new(),
        };
        recording.find_order()?;
        Ok(recording)
    }

    fn find_order(&mut self) -> Result<(), InputError> {
        let mut firsts = Vec::with_capacity(self.sources.len());
        for input in 0..self.sources.len() {
            let mut reader = self.open_input(input)?;
            firsts.push(reader.first_time()?);
            if !reader.in_time_order() {
                self.state = State::Collecting;
                self.summary.held_whole = true;
            }
            // Few readers stay open: a glob may name thousands of files.
            if self.sources.len() == 1 || !self.sources[input].reopens() {
                self.opened[input] = Some(reader);
            }
        }
        self.order.sort_by_key(|input| firsts[*input]);
        if self.sources.len() > 1 {
            self.read.store(0, Ordering::Relaxed);
        }
        Ok(())
    }

    fn open_input(&self, input: usize) -> Result<Reader, InputError> {
        let file = u16::try_from(input).unwrap_or(u16::MAX);
        Reader::open(&*self.sources[input], file, &self.options, &self.read)
    }

    fn read_on(&mut self, store: &mut Store, batch: &mut Batch) -> Result<Progress, InputError> {
        let collecting = self.state == State::Collecting;
        let Some(mut reader) = self.current()? else { return self.all_read(store, batch) };
        match reader.fill(store, batch) {
            Ok(more) => {
                self.newest = self.newest.max(reader.newest());
                if more {
                    self.reader = Some(reader);
                } else {
                    self.close(reader);
                }
            }
            Err(Stop::Disorder { line, own }) => return self.restart(line, own),
            Err(Stop::Failed(error)) => return Err(error),
        }
        if collecting {
            self.held.take(batch);
            return Ok(Progress::Batch(Timestamp::MIN));
        }
        Ok(Progress::Batch(self.newest.minus(Millis(1))))
    }

    /// Returns the reader of the input that is read now; none after the last.
    fn current(&mut self) -> Result<Option<Reader>, InputError> {
        if let Some(reader) = self.reader.take() {
            return Ok(Some(reader));
        }
        let Some(input) = self.order.get(self.begun).copied() else { return Ok(None) };
        let mut reader = match self.opened[input].take() {
            Some(reader) => reader,
            None => self.open_input(input)?,
        };
        if self.state == State::Collecting {
            reader.take_any_order();
        } else {
            reader.start_at(self.newest);
        }
        self.begun += 1;
        Ok(Some(reader))
    }

    fn close(&mut self, reader: Reader) {
        if self.candidates.is_empty() {
            self.candidates = reader.label_candidates();
        }
        self.marks_ends |= reader.marks_ends();
        let (mut found, problems) = reader.finish();
        if found.samples == 0 && self.sources.len() > 1 {
            found.warnings.push("holds no sample".to_owned());
        }
        let summary = &mut self.summary;
        summary.rows += found.rows;
        summary.samples += found.samples;
        summary.bad_rows += found.bad_rows;
        let room = limits::BAD_ROWS_SHOWN.saturating_sub(summary.bad_rows_shown.len());
        summary.bad_rows_shown.extend(problems.into_iter().take(room));
        summary.span = match (summary.span, found.span) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (span, None) | (None, span) => span,
        };
        summary.inputs.push(found);
    }

    /// Begins again, to hold all of it; `own` where an input is out of order by itself, and does not only overlap others.
    fn restart(&mut self, line: u64, own: bool) -> Result<Progress, InputError> {
        let input = self.order[self.begun - 1];
        let path: Arc<str> = self.sources[input].name().into();
        if let Some(once) = self.order[..self.begun].iter().find(|input| !self.sources[**input].reopens()) {
            if *once == input {
                return Err(InputError::DisorderOnce { path, line });
            }
            return Err(InputError::DisorderOnce { path: self.sources[*once].name().into(), line });
        }
        self.summary = Summary { held_whole: true, disorder: own.then_some((path, line)), ..Summary::default() };
        self.begun = 0;
        self.reader = None;
        self.newest = Timestamp::MIN;
        self.read.store(0, Ordering::Relaxed);
        self.state = State::Collecting;
        Ok(Progress::Restart)
    }

    /// Goes on after the last input.
    fn all_read(&mut self, store: &mut Store, batch: &mut Batch) -> Result<Progress, InputError> {
        self.check_rows()?;
        if self.state == State::Collecting {
            self.held.sort();
            if self.marks_ends {
                store.trust_markers();
            }
            self.newest = Timestamp::MIN;
            self.state = State::HandingOut;
            return Ok(self.hand_out(batch));
        }
        self.state = State::Done;
        Ok(Progress::Batch(self.newest))
    }

    fn hand_out(&mut self, batch: &mut Batch) -> Progress {
        let more = self.held.fill(batch, self.options.batch_rows.max(1));
        self.newest = self.newest.max(batch.last().unwrap_or(Timestamp::MIN));
        if more {
            return Progress::Batch(self.newest.minus(Millis(1)));
        }
        self.held = Held::default();
        self.state = State::Done;
        Progress::Batch(self.newest)
    }

    /// Stops a run with a flag that names a column which no input has.
    fn check_columns(&self) -> Result<(), InputError> {
        let mut labels: BTreeMap<&str, &Arc<str>> = BTreeMap::new();
        for input in &self.summary.inputs {
            for name in &input.label_columns {
                labels.entry(name).or_insert(&input.path);
            }
        }
        for input in &self.summary.inputs {
            let mut metrics = input.metric_columns.iter();
            let both = metrics.find_map(|name| Some((name, *labels.get(name.as_str())?)));
            if let Some((column, label)) = both {
                let (column, label, metric) = (column.clone(), Arc::clone(label), Arc::clone(&input.path));
                return Err(InputError::ColumnDiffers { column, label, metric });
            }
        }
        let labels = self.options.form.labels.iter().map(|name| ("--labels", name));
        let ignored = self.options.form.ignore_columns.iter().map(|name| ("--ignore-columns", name));
        let renamed = self.options.form.rename.keys().map(|name| ("--rename", name));
        let inputs = &self.summary.inputs;
        let unknown = |(_, name): &(_, &String)| !inputs.iter().any(|input| input.columns.contains(name));
        let Some(first) = inputs.iter().find(|input| !input.columns.is_empty()) else {
            return self.refuse_flags_of_columns();
        };
        labels.chain(ignored).chain(renamed).find(unknown).map_or(Ok(()), |(flag, name)| {
            let (path, columns) = (Arc::clone(&first.path), listed(&first.columns));
            Err(InputError::UnknownColumn { flag, name: name.clone(), path, columns })
        })
    }

    /// Stops a run with a flag that is about columns, where no input has any.
    fn refuse_flags_of_columns(&self) -> Result<(), InputError> {
        let form = &self.options.form;
        let given = [
            ("--labels", !form.labels.is_empty()),
            ("--ignore-columns", !form.ignore_columns.is_empty()),
            ("--rename", !form.rename.is_empty()),
            ("--time-column", !form.time_column.is_empty()),
            ("--metric-column", form.metric_column.is_some()),
            ("--value-column", form.value_column.is_some()),
            ("--columns-as", form.columns_as.is_some()),
            ("--no-header", form.no_header),
            ("--skip-lines", form.skip_lines > 0),
            ("--delimiter", form.delimiter.is_some()),
            ("--decimal", form.decimal.is_some()),
        ];
        let flag = given.into_iter().find(|(_, given)| *given).map(|(flag, _)| flag);
        let first = self.summary.inputs.first().filter(|input| input.samples > 0);
        match (flag, first) {
            (Some(flag), Some(input)) => {
                let what = format!("{flag}: this format has no columns");
                Err(InputError::Contradiction { path: Arc::clone(&input.path), what })
            }
            _ => Ok(()),
        }
    }

    /// Stops a run whose rows are bad, or that has no samples at all.
    fn check_rows(&self) -> Result<(), InputError> {
        self.check_columns()?;
        let Summary { rows, bad_rows, .. } = self.summary;
        let share = bad_rows as f64 / rows.max(1) as f64;
        let taken = match self.options.bad_rows {
            _ if bad_rows == 0 => true,
            BadRows::Stop => false,
            BadRows::Skip { share: None } => bad_rows <= 10 || share < 0.01,
            BadRows::Skip { share: Some(most) } => share <= most,
        };
        if !taken {
            let problems = self.summary.bad_rows_shown.clone();
            return Err(InputError::BadRows { problems, count: bad_rows, rows });
        }
        let Some(first) = self.summary.inputs.first().filter(|_| self.summary.samples == 0) else { return Ok(()) };
        let path = Arc::clone(&first.path);
        if bad_rows > 0 {
            // Why there is no sample is what the rows say.
            let problems = self.summary.bad_rows_shown.clone();
            return Err(InputError::BadRows { problems, count: bad_rows, rows });
        }
        Err(if rows == 0 {
            InputError::HeaderOnly { path }
        } else {
            InputError::NoSamples { path, rows, labels: first.label_columns.clone() }
        })
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

    /// Says in words which conflicts stopped the store.
    fn conflict_error(&self, store: &Store, conflicts: &[Conflict]) -> InputError {
        let candidates = match &self.reader {
            Some(reader) if self.candidates.is_empty() => reader.label_candidates(),
            _ => self.candidates.clone(),
        };
        let shown = conflicts.iter().map(|conflict| self.describe(store, conflict));
        let several = self.sources.len() > 1;
        InputError::Conflicts { shown: shown.collect(), count: conflicts.len() as u64, candidates, several }
    }
}

impl Batches for Recording {
    fn next_batch(&mut self, store: &mut Store, batch: &mut Batch) -> Result<Progress, InputError> {
        batch.clear();
        match self.state {
            State::Done => Ok(Progress::End),
            State::HandingOut => Ok(self.hand_out(batch)),
            State::Streaming | State::Collecting => self.read_on(store, batch),
        }
    }

    fn append(&mut self, store: &mut Store, batch: &Batch) -> Result<(), InputError> {
        match store.append(batch) {
            Ok(appended) => {
                self.summary.repeats += appended.repeats;
                self.summary.conflicts += appended.conflicts;
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
    use super::super::testing::{Once, dump, read, source};
    use super::super::{Form, TimeUnit};
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
        let read = |batch_rows| {
            let sources = texts.iter().enumerate().map(|(at, text)| source(&format!("{at}.csv"), text)).collect();
            read(sources, options(batch_rows), Stale::Auto).expect("reads")
        };
        let (whole, summary) = read(limits::BATCH_ROWS);
        for batch_rows in [1, 2, 7] {
            let (store, other) = read(batch_rows);
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
