//! What is known of recordings.

use crate::engine::Engine;
use crate::input::{self, InputSummary};
use crate::store::{StaleCounts, Store};
use crate::survey::{Findings, Gap};
use crate::time::{Millis, Timestamp};

/// The stretches of time of a run; absent where there is no sample or no evaluation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// The first sample.
    pub data_start: Option<Timestamp>,
    /// The last sample.
    pub data_end: Option<Timestamp>,
    /// The first step of any group.
    pub evaluated_from: Option<Timestamp>,
    /// The last step of any group.
    pub evaluated_to: Option<Timestamp>,
    /// The first instant that is reported.
    pub reported_from: Option<Timestamp>,
}

impl Range {
    /// Looks at an engine that is done and its recording; `start` is the first instant that was to be reported.
    pub(super) fn of(engine: &Engine, found: &Findings, start: Option<Timestamp>) -> Self {
        let (data_start, data_end) = found.span.unzip();
        let (evaluated_from, evaluated_to) = engine.range().unzip();
        Self { data_start, data_end, evaluated_from, evaluated_to, reported_from: start.or(evaluated_from) }
    }
}

/// What is known of one recording.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecordingFacts {
    /// As it was given.
    pub path: String,
    /// The format's name, such as `csv_long`.
    pub format: String,
    /// Series; unknown where several recordings are read as one.
    pub series: Option<u64>,
    /// Samples.
    pub samples: u64,
    /// The first sample.
    pub start: Option<Timestamp>,
    /// The last sample.
    pub end: Option<Timestamp>,
    /// The usual distance of samples.
    pub cadence: Option<Millis>,
    /// Rows that were left out.
    pub bad_rows: u64,
    /// Samples that contradicted another one and were left out; unknown where several recordings are read as one.
    pub conflicts: Option<u64>,
    /// Stale markers that the recording itself holds.
    pub stale_recorded: u64,
    /// Stale markers that were inferred.
    pub stale_inferred: u64,
    /// What they were inferred by: `rows`, `up`, `cadence`, a fixed `limit`.
    pub stale_by: Option<String>,
    /// Stretches without samples.
    pub gaps: Vec<Gap>,
    /// The unit of its timestamps: `s`, `ms`, `us`, `ns` or `text`.
    pub time_unit: String,
    /// The zone of its timestamps.
    pub time_zone: String,
    /// Whether timestamps are written without a zone, so that one was taken for them.
    pub time_zoneless: bool,
    /// How unit and zone are known: `suffix`, `magnitude`, `text`, `flag`.
    pub time_from: String,
}

/// Returns what is known of each recording.
pub(crate) fn facts_of(summary: &input::Summary, store: &Store, found: &Findings) -> Vec<RecordingFacts> {
    let alone = summary.inputs.len() == 1;
    let stale = store.stale_counts();
    let facts = summary.inputs.iter().map(|input| {
        let mut facts = recording(input);
        if alone {
            facts.series = Some(store.len() as u64);
            facts.conflicts = Some(summary.conflicts);
            facts.cadence = found.cadence;
            facts.gaps.clone_from(&found.gaps);
            facts.stale_recorded = stale.recorded;
            facts.stale_inferred = stale.inferred();
            facts.stale_by = stale_by(stale).map(str::to_owned);
        }
        facts
    });
    facts.collect()
}

fn recording(input: &InputSummary) -> RecordingFacts {
    let time = input.time.as_ref();
    RecordingFacts {
        path: input.path.to_string(),
        format: input.format.as_ref().map_or("", |(format, _)| format.word()).to_owned(),
        samples: input.samples,
        start: input.span.map(|(start, _)| start),
        end: input.span.map(|(_, end)| end),
        bad_rows: input.bad_rows,
        time_unit: time.map_or("", |time| time.unit.map_or("text", |unit| unit.word())).to_owned(),
        time_zoneless: time.is_some_and(|time| time.zone.is_some()),
        time_zone: time.and_then(|time| time.zone.clone()).unwrap_or_else(|| "UTC".to_owned()),
        time_from: time.map_or("", |time| time.from.word()).to_owned(),
        ..RecordingFacts::default()
    }
}

/// Returns what most of the inferred markers were inferred by.
fn stale_by(counts: StaleCounts) -> Option<&'static str> {
    let by = [(counts.by_row, "row"), (counts.by_up, "up"), (counts.by_cadence, "cadence"), (counts.by_limit, "limit")];
    by.into_iter().filter(|(count, _)| *count > 0).max_by_key(|(count, _)| *count).map(|(_, word)| word)
}
