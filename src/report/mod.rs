//! What a run has to tell, and the formats it is told in.
//!
//! [`Evaluation`] holds everything that a report may show; nothing in here evaluates, opens a path or reads the
//! environment. Each format is one module that writes to `&mut dyn Write`:
//! [`json`] (one object), [`ndjson`] (one transition a line, while the run goes on), [`csv`] (one episode a row),
//! [`table`] (for people), [`timeline`] (a row an alert, drawn), [`markdown`] (for a comment on a change) and [`diagnostic`] (problems with carets).

pub mod check;
pub mod csv;
pub mod data;
pub mod diagnostic;
pub mod expressions;
pub mod format;
pub mod gate;
pub mod json;
pub mod markdown;
pub mod ndjson;
mod number;
pub mod profile;
pub mod summary;
pub mod table;
mod threshold;
pub mod timeline;

use std::fmt;

use crate::diagnostic::{Diagnostic, Severity};
use crate::engine::silence::{self, Silence};
use crate::engine::timeline::{Episode, GroupSchedule, RuleCounts, RuleId};
use crate::labels::LabelSet;
use crate::promql::ast::BinaryOp;
use crate::source::SourceMap;
use crate::time::{Millis, Timestamp};

pub use threshold::threshold;

/// Where a setting comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// The command line.
    Flag,
    /// A file.
    File,
}

impl Origin {
    /// Returns the word that machine formats use.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Flag => "flag",
            Self::File => "file",
        }
    }
}

/// A value and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Who said so.
    pub from: Origin,
}

impl<T> Setting<T> {
    /// Takes what a flag says, or the default.
    pub fn of(flag: Option<T>, default: T) -> Self {
        match flag {
            Some(value) => Self { value, from: Origin::Flag },
            None => Self { value: default, from: Origin::Default },
        }
    }
}

/// What the run was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// The interval of groups that give none.
    pub eval_interval: Setting<Millis>,
    /// Where slots are counted from: `epoch`, `start` or a duration after the epoch.
    pub align: Setting<String>,
    /// How far back a selector looks for a sample.
    pub lookback_delta: Setting<Millis>,
    /// How the end of a series is told: `auto`, `off` or a duration.
    pub stale: Setting<String>,
    /// The labels that a server would add.
    pub external_labels: Setting<LabelSet>,
    /// The gap under which firings are one burst.
    pub join: Setting<Millis>,
    /// The regular expression that an alert's name must match.
    pub alert: Option<String>,
    /// The regular expression that a group's name must match.
    pub group: Option<String>,
    /// The matchers that an alert's labels must satisfy.
    pub filter: Option<String>,
    /// From when on it is reported.
    pub start: Option<Timestamp>,
    /// Until when it is evaluated.
    pub end: Option<Timestamp>,
}

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

/// A stretch in which series have no samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Its last sample before.
    pub from: Timestamp,
    /// Its first sample after.
    pub to: Timestamp,
    /// How many series it is seen in.
    pub series: u64,
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

/// One group.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupFacts {
    /// The file it stands in.
    pub file: String,
    /// Its name.
    pub name: String,
    /// What it was evaluated with.
    pub schedule: GroupSchedule,
}

impl GroupFacts {
    /// Returns the group's last slot at or before an instant.
    #[must_use]
    pub fn last_slot(&self, at: Timestamp) -> Timestamp {
        let interval = self.schedule.interval.0;
        if interval <= 0 {
            return at;
        }
        at.minus(Millis(at.0.saturating_sub(self.schedule.offset.0).rem_euclid(interval)))
    }
}

/// What a rule makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Alerts.
    Alert,
    /// Series.
    Record,
}

/// A metric that a rule selects and that is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MissingMetric {
    /// Its name.
    pub name: String,
    /// Names that are there and may have been meant, nearest first.
    pub near: Vec<String>,
    /// Whether the expression has no sample without it; known of rules that were never true.
    pub needed: bool,
}

/// A selector that takes no series though its metric is there, and without which its expression has no sample.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unmatched {
    /// The selector, printed.
    pub selector: String,
    /// Its metric.
    pub metric: String,
    /// The label and the text of the matcher that no series of the metric satisfies; none where each matcher has
    /// series, and all together have none.
    pub matcher: Option<(String, String)>,
    /// Values of that label: the near ones, or else the first by text.
    pub values: Vec<String>,
    /// Whether the values are near ones.
    pub near: bool,
    /// How many more values there are.
    pub values_left: u64,
}

impl fmt::Display for Unmatched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((label, matcher)) = &self.matcher else {
            return write!(f, "no series matches all of {}", self.selector);
        };
        write!(f, "no series of {} has {matcher}", self.metric)?;
        let values = self.values.join(", ");
        match self.values_left {
            _ if self.values.is_empty() => f.write_str(": none has that label"),
            _ if self.near => write!(f, ", near: {values}"),
            0 => write!(f, "; {label} is {values}"),
            left => write!(f, "; {label} is {values} and {left} more"),
        }
    }
}

/// One rule.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleFacts {
    /// Its number in the run.
    pub id: RuleId,
    /// The place of its group in [`Evaluation::groups`].
    pub group: usize,
    /// What it makes.
    pub kind: Kind,
    /// The name of the alert or of the recorded metric.
    pub name: String,
    /// The file it stands in.
    pub file: String,
    /// The line it begins on, from 1.
    pub line: u32,
    /// Its expression, printed.
    pub expr: String,
    /// What its value is compared with.
    pub threshold: Option<(BinaryOp, f64)>,
    /// `for`.
    pub hold: Millis,
    /// `keep_firing_for`.
    pub keep: Millis,
    /// Its label `severity`, as written.
    pub severity: Option<String>,
    /// Its labels, as written, sorted by name.
    pub labels: Vec<(String, String)>,
    /// Whether its file switches it off.
    pub disabled: bool,
    /// What was counted.
    pub counts: RuleCounts,
    /// The metrics that the recording lacks, with those that are near.
    pub missing: Vec<MissingMetric>,
    /// The selector that takes no series, where its metrics are there and it was never true for that.
    pub unmatched: Option<Unmatched>,
}

impl RuleFacts {
    /// Returns `for` as the evaluation feels it: rounded up to the group's interval.
    #[must_use]
    pub fn effective_hold(&self, interval: Millis) -> Millis {
        match (self.hold.0, interval.0) {
            (hold, interval) if hold > 0 && interval > 0 => {
                let slots = hold / interval + i64::from(hold % interval != 0);
                Millis(slots.saturating_mul(interval))
            }
            _ => self.hold,
        }
    }

    /// Returns how many evaluations failed.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.counts.faults.iter().map(|fault| fault.count).sum()
    }
}

/// A diagnostic whose place is worked out, as machine formats give it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// A stable kebab-case word.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What was found.
    pub message: String,
    /// The file, line and column, the latter two from 1.
    pub place: Option<(String, u32, u32)>,
}

impl Finding {
    /// Works out the place of a diagnostic.
    #[must_use]
    pub fn new(diagnostic: &Diagnostic, sources: &SourceMap) -> Self {
        let place = diagnostic.primary.as_ref().map(|mark| {
            let position = sources.position(mark.at);
            (sources.file(mark.at.file).name.clone(), position.line, position.column)
        });
        Self { code: diagnostic.code, severity: diagnostic.severity, message: diagnostic.message.clone(), place }
    }
}

/// Everything that a report of `eval` may show.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// The tool's version.
    pub version: String,
    /// What was asked for.
    pub options: Options,
    /// When.
    pub range: Range,
    /// What was read.
    pub recordings: Vec<RecordingFacts>,
    /// The groups, in order.
    pub groups: Vec<GroupFacts>,
    /// The rules that are reported, in order of their numbers.
    pub rules: Vec<RuleFacts>,
    /// Stretches in which no series of any recording has a sample: the last one before and the first one after.
    pub silences: Vec<(Timestamp, Timestamp)>,
    /// The episodes that are reported; [`Evaluation::sort`] brings them in order.
    pub episodes: Vec<Episode>,
    /// Problems that did not stop the run.
    pub findings: Vec<Finding>,
    /// What a person would want to know of the recording and what was left out, a sentence each.
    pub notes: Vec<Finding>,
    /// What makes the run's answer "no".
    pub fail_on: Vec<gate::Condition>,
}

impl Evaluation {
    /// Returns a rule by its number, if it is reported. Cost: a binary search.
    #[must_use]
    pub fn rule(&self, id: RuleId) -> Option<&RuleFacts> {
        self.rules.binary_search_by_key(&id, |rule| rule.id).ok().map(|at| &self.rules[at])
    }

    /// Sorts the episodes by (fired_at or active_at, group, rule, labels).
    pub fn sort(&mut self) {
        let mut episodes = std::mem::take(&mut self.episodes);
        // Rules are numbered group by group, so the number orders by group too.
        episodes.sort_by(|a, b| {
            let key = |episode: &Episode| episode.activity.fired_at.unwrap_or(episode.activity.active_at);
            (key(a), a.rule).cmp(&(key(b), b.rule)).then_with(|| a.labels.cmp(&b.labels))
        });
        self.episodes = episodes;
    }

    /// Tells whether silences cover all of an episode's firing.
    #[must_use]
    pub fn is_suppressed(&self, episode: &Episode) -> bool {
        let last_step = self.rule(episode.rule).map_or(Timestamp::MAX, |rule| self.last_step(rule));
        silence::is_suppressed(episode, last_step)
    }

    /// Lays silences over the episodes; the external labels of the run count for their matchers.
    pub fn silence(&mut self, silences: &[Silence]) {
        let mut episodes = std::mem::take(&mut self.episodes);
        silence::suppress(&mut episodes, silences, &self.options.external_labels.value, |episode| {
            self.rule(episode.rule).map_or(Timestamp::MAX, |rule| self.last_step(rule))
        });
        self.episodes = episodes;
    }

    /// Returns the last evaluated step of a rule's group: where an episode that is still open is cut.
    #[must_use]
    pub fn last_step(&self, rule: &RuleFacts) -> Timestamp {
        let to = self.range.evaluated_to.unwrap_or_default();
        self.groups.get(rule.group).map_or(to, |group| group.last_slot(to))
    }

    /// Returns the interval of a rule's group.
    #[must_use]
    pub fn interval(&self, rule: &RuleFacts) -> Millis {
        self.groups.get(rule.group).map_or(Millis::ZERO, |group| group.schedule.interval)
    }
}

#[cfg(test)]
pub(crate) mod sample;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn for_is_rounded_up_to_the_interval() {
        let check = |hold, interval, expected| {
            let rule = RuleFacts { hold: Millis(hold), ..sample::rule(0, "A") };
            assert_eq!(rule.effective_hold(Millis(interval)), Millis(expected));
        };
        check(0, 60, 0);
        check(1, 60, 60);
        check(60, 60, 60);
        check(90, 60, 120);
    }

    #[test]
    fn the_last_slot_keeps_the_offset() {
        let group = sample::group("g", 60_000, 12_000);
        assert_eq!(group.last_slot(Timestamp(200_000)), Timestamp(192_000));
        assert_eq!(group.last_slot(Timestamp(192_000)), Timestamp(192_000));
        assert_eq!(group.last_slot(Timestamp(191_999)), Timestamp(132_000));
    }
}
