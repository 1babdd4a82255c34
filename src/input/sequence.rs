//! Inputs that are read one after another, in time order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::bytes::Source;
use super::feed::Stop;
use super::hold::Held;
use super::names::listed;
use super::reader::Reader;
use super::summary::Summary;
use super::{BadRows, InputError, Progress, ReadOptions};
use crate::limits;
use crate::store::{Batch, Numbers};
use crate::time::{Millis, Timestamp};

/// Inputs and how far they are read.
pub(super) struct Sequence {
    sources: Sources,
    options: ReadOptions,
    /// The numbers of the series so far, and what they were at the beginning.
    numbers: Numbers,
    fresh: Numbers,
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

/// Inputs that several may open.
pub(super) type Sources = Arc<[Box<dyn Source>]>;

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

impl Sequence {
    /// Opens all inputs as far as their headers and first times.
    ///
    /// # Errors
    /// When an input cannot be opened or is not a recording.
    pub(super) fn open(sources: Sources, options: ReadOptions, read: Arc<AtomicU64>) -> Result<Self, InputError> {
        let mut sequence = Self {
            opened: sources.iter().map(|_| None).collect(),
            order: (0..sources.len()).collect(),
            sources,
            options,
            numbers: Numbers::default(),
            fresh: Numbers::default(),
            begun: 0,
            reader: None,
            newest: Timestamp::MIN,
            state: State::Streaming,
            held: Held::default(),
            marks_ends: false,
            read,
            summary: Summary::default(),
            candidates: Vec::new(),
        };
        sequence.find_order()?;
        Ok(sequence)
    }

    /// Sets what the store has before the first batch.
    pub(super) fn begin(&mut self, numbers: Numbers) {
        self.fresh.clone_from(&numbers);
        self.numbers = numbers;
    }

    /// Fills a batch with the next samples.
    pub(super) fn next(&mut self, batch: &mut Batch) -> Result<Progress, InputError> {
        batch.clear();
        let progress = match self.state {
            State::Done => Progress::End,
            State::HandingOut => self.hand_out(batch),
            State::Streaming | State::Collecting => self.read_on(batch)?,
        };
        self.numbers.hand_over(batch);
        Ok(progress)
    }

    /// Returns columns that may be labels, by what was read so far.
    pub(super) fn candidates(&self) -> Vec<String> {
        match &self.reader {
            Some(reader) if self.candidates.is_empty() => reader.label_candidates(),
            _ => self.candidates.clone(),
        }
    }

    /// Returns what was found, once all was read.
    pub(super) fn take_summary(&mut self) -> Summary {
        std::mem::take(&mut self.summary)
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

    fn read_on(&mut self, batch: &mut Batch) -> Result<Progress, InputError> {
        let collecting = self.state == State::Collecting;
        let Some(mut reader) = self.current()? else { return self.all_read(batch) };
        match reader.fill(&mut self.numbers, batch) {
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
        self.numbers.clone_from(&self.fresh);
        Ok(Progress::Restart)
    }

    /// Goes on after the last input.
    fn all_read(&mut self, batch: &mut Batch) -> Result<Progress, InputError> {
        self.check_rows()?;
        if self.state == State::Collecting {
            self.held.sort();
            batch.marks_ends = self.marks_ends;
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
}
