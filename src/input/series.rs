//! A recording that is made of series in memory, such as a unit test writes down.

use std::sync::Arc;

use super::{Batches, InputError, Progress, RowProblem, Summary};
use crate::labels::LabelSet;
use crate::limits;
use crate::store::{Batch, Conflict, Rejected, Store};
use crate::time::{Millis, Timestamp};

/// Stands for the recording in messages.
const NAME: &str = "<series>";

/// Series with their samples, read in time order.
///
/// ```
/// use alertctl::input::GivenSeries;
/// use alertctl::labels::LabelSet;
/// use alertctl::outcome::RunOptions;
/// use alertctl::replay::Replay;
/// use alertctl::rules::RuleSet;
/// use alertctl::time::Timestamp;
///
/// let mut rules = RuleSet::default();
/// rules.add("hot.yml", b"groups: [{name: g, interval: 1m, rules: [{alert: Hot, expr: temp > 80}]}]");
/// let temp = LabelSet::new([("__name__", "temp"), ("host", "a")]);
/// let samples = [70.0, 90.0, 75.0].into_iter().zip(0..).map(|(value, minute)| (Timestamp(minute * 60_000), value));
/// let outcome = Replay::new(&rules, RunOptions::default()).run(&mut GivenSeries::new([(temp, samples)]), &mut ())?;
/// assert_eq!(outcome.episodes.len(), 1);
/// # Ok::<(), alertctl::replay::RunError>(())
/// ```
#[derive(Clone, Debug)]
pub struct GivenSeries {
    labels: Vec<LabelSet>,
    /// By time, and at one time in the order of the series.
    rows: Vec<(Timestamp, usize, f64)>,
    next: usize,
    /// How many rows make a batch.
    batch_rows: usize,
    summary: Summary,
}

impl GivenSeries {
    /// Takes series; the samples of each may come in any order. Cost: a sort of all samples.
    pub fn new<S: IntoIterator<Item = (Timestamp, f64)>>(series: impl IntoIterator<Item = (LabelSet, S)>) -> Self {
        let (mut labels, mut rows) = (Vec::new(), Vec::new());
        for (set, samples) in series {
            rows.extend(samples.into_iter().map(|(at, value)| (at, labels.len(), value)));
            labels.push(set);
        }
        rows.sort_by_key(|(at, series, _)| (*at, *series));
        let span = rows.first().zip(rows.last()).map(|(first, last)| (first.0, last.0));
        let count = rows.len() as u64;
        let summary = Summary { rows: count, samples: count, span, ..Summary::default() };
        Self { labels, rows, next: 0, batch_rows: limits::BATCH_ROWS, summary }
    }

    /// Hands out so many samples at once.
    #[must_use]
    pub fn in_batches_of(self, rows: usize) -> Self {
        Self { batch_rows: rows.max(1), ..self }
    }

    fn describe(store: &Store, conflict: &Conflict) -> RowProblem {
        RowProblem { path: NAME.into(), line: conflict.row + 1, message: conflict.words(store), rows: 1 }
    }
}

impl Batches for GivenSeries {
    fn next_batch(&mut self, store: &mut Store, batch: &mut Batch) -> Result<Progress, InputError> {
        batch.clear();
        let left = &self.rows[self.next..];
        let piece = &left[..left.len().min(self.batch_rows)];
        let Some((last, ..)) = piece.last() else { return Ok(Progress::End) };
        for (row, (at, series, value)) in (self.next as u64..).zip(piece) {
            let id = store.series(&self.labels[*series]);
            batch.push(id, *at, *value, row);
        }
        self.next += piece.len();
        // Samples of one time may be in two batches.
        let watermark = self.rows.get(self.next).map_or(*last, |(next, ..)| next.minus(Millis(1)));
        Ok(Progress::Batch(watermark))
    }

    fn append(&mut self, store: &mut Store, batch: &Batch) -> Result<(), InputError> {
        match store.append(batch) {
            Ok(appended) => {
                self.summary.repeats += appended.repeats;
                self.summary.conflicts += appended.conflicts;
                Ok(())
            }
            Err(Rejected::Conflict(_)) => {
                let shown: Vec<_> = store.refused().iter().map(|conflict| Self::describe(store, conflict)).collect();
                Err(InputError::Conflicts { count: shown.len() as u64, shown, candidates: Vec::new(), several: false })
            }
            Err(Rejected::OutOfOrder { row, .. }) => {
                Err(InputError::OutOfOrder { path: Arc::from(NAME), line: row + 1 })
            }
        }
    }

    fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Nothing is read.
    fn bytes_read(&self) -> u64 {
        0
    }
}
