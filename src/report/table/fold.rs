//! Episodes to rows: runs of one label set, and many label sets at once, become one row each.

use std::collections::BTreeMap;

use crate::engine::{Episode, silence};
use crate::format::duration;
use crate::labels::LabelSet;
use crate::outcome::summary;
use crate::promql::ast::BinaryOp;
use crate::time::{Millis, Timestamp};

/// The fewest label sets that become one row when they begin within one interval.
const MANY_SETS: usize = 5;

/// What folding depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context {
    /// The gap under which episodes of one label set are one run.
    pub(crate) join: Millis,
    /// The interval of the group.
    pub(crate) interval: Millis,
    /// Where open episodes are cut.
    pub(crate) last_step: Timestamp,
    /// What the value is compared with.
    pub(crate) threshold: Option<(BinaryOp, f64)>,
    /// Whether every episode stays a row.
    pub(crate) unfolded: bool,
}

/// One row.
#[derive(Clone, Debug)]
pub(crate) struct Row<'a> {
    /// The first episode.
    pub(crate) first: &'a Episode,
    /// When it fired, or became active where it never did.
    pub(crate) from: Timestamp,
    /// When the last episode ended; none if one is open.
    pub(crate) until: Option<Timestamp>,
    /// How long they fired: added up in a run, the longest of many sets.
    pub(crate) firing: Millis,
    /// How long the first was pending.
    pub(crate) pending: Millis,
    /// The worst value.
    pub(crate) worst: Option<f64>,
    /// How many episodes of one label set it stands for.
    pub(crate) times: usize,
    /// How many label sets it stands for besides the first.
    pub(crate) more_sets: usize,
    /// How it ended.
    pub(crate) ended: String,
}

impl<'a> Row<'a> {
    fn one(episode: &'a Episode, context: &Context) -> Self {
        Self {
            first: episode,
            from: begin(episode),
            until: episode.ended_at,
            firing: summary::firing(episode, context.last_step),
            pending: summary::pending(episode, context.last_step),
            worst: summary::worst(episode, context.threshold),
            times: 1,
            more_sets: 0,
            ended: ended(episode, context.last_step),
        }
    }

    /// Makes one row of a run of one label set.
    fn run(episodes: &[&'a Episode], context: &Context) -> Self {
        let rows: Vec<Self> = episodes.iter().map(|episode| Self::one(episode, context)).collect();
        let Some(mut row) = rows.first().cloned() else { unreachable!("a run has an episode") };
        if rows.len() == 1 {
            return row;
        }
        let length = |row: &Self| if row.firing > Millis::ZERO { row.firing } else { row.pending };
        let off = rows.windows(2).filter_map(|pair| Some(pair[1].from.since(pair[0].until?)));
        row.ended = format!("flapping: on {}, off {}", spread(rows.iter().map(length)), spread(off));
        let suppressed = episodes.iter().filter(|episode| !episode.suppressed.is_empty()).count();
        if suppressed > 0 {
            row.ended.push_str(&format!(", {suppressed} suppressed"));
        }
        row.times = rows.len();
        row.until = rows.last().and_then(|last| last.until);
        row.firing = Millis(rows.iter().map(|row| row.firing.0).sum());
        row.worst = worst(&rows, context);
        row
    }

    /// Makes one row of many label sets that began together.
    fn together(rows: &[Self], context: &Context) -> Self {
        let Some(mut row) = rows.first().cloned() else { unreachable!("many sets are not none") };
        row.more_sets = rows.len() - 1;
        let open = rows.iter().filter(|row| row.until.is_none()).count();
        row.until = if open > 0 { None } else { rows.iter().filter_map(|row| row.until).max() };
        row.firing = rows.iter().map(|row| row.firing).max().unwrap_or_default();
        row.worst = worst(rows, context);
        if rows.iter().any(|other| other.ended != row.ended) {
            row.ended = if open > 0 { format!("{open} open at the end") } else { "several causes".to_owned() };
        }
        row
    }
}

/// Folds the episodes of one rule; rows are in the order of their beginning, then of labels.
pub(crate) fn rows<'a>(episodes: &[&'a Episode], context: &Context) -> Vec<Row<'a>> {
    let mut rows: Vec<Row<'a>> = if context.unfolded {
        episodes.iter().map(|episode| Row::one(episode, context)).collect()
    } else {
        runs(episodes, context)
    };
    rows.sort_by(|a, b| a.from.cmp(&b.from).then_with(|| a.first.labels.cmp(&b.first.labels)));
    if context.unfolded { rows } else { together(&rows, context) }
}

fn runs<'a>(episodes: &[&'a Episode], context: &Context) -> Vec<Row<'a>> {
    let mut by_labels: BTreeMap<&LabelSet, Vec<&'a Episode>> = BTreeMap::new();
    for episode in episodes {
        by_labels.entry(&episode.labels).or_default().push(episode);
    }
    let mut rows = Vec::new();
    for mut own in by_labels.into_values() {
        own.sort_by_key(|episode| begin(episode));
        let joined = |a: &&Episode, b: &&Episode| a.ended_at.is_some_and(|ended| begin(b).since(ended) < context.join);
        rows.extend(own.chunk_by(joined).map(|run| Row::run(run, context)));
    }
    rows
}

fn together<'a>(rows: &[Row<'a>], context: &Context) -> Vec<Row<'a>> {
    let mut out = Vec::new();
    let mut rest = rows;
    while let Some(first) = rest.first() {
        let near = |row: &&Row<'_>| row.times == 1 && row.from.since(first.from) <= context.interval;
        let count = rest.iter().take_while(near).count();
        if count >= MANY_SETS {
            out.push(Row::together(&rest[..count], context));
            rest = &rest[count..];
        } else {
            out.push(first.clone());
            rest = &rest[1..];
        }
    }
    out
}

fn begin(episode: &Episode) -> Timestamp {
    episode.activity.fired_at.unwrap_or(episode.activity.active_at)
}

fn worst(rows: &[Row<'_>], context: &Context) -> Option<f64> {
    let least = matches!(context.threshold, Some((BinaryOp::Less | BinaryOp::LessEqual, _)));
    let values = rows.iter().filter_map(|row| row.worst);
    values.reduce(|a, b| if least { a.min(b) } else { a.max(b) })
}

/// Writes the least and the most of some spans: `2m to 9m`, or `2m`.
fn spread(spans: impl Iterator<Item = Millis>) -> String {
    let spans: Vec<Millis> = spans.collect();
    let least = duration(spans.iter().min().copied().unwrap_or_default());
    let most = duration(spans.iter().max().copied().unwrap_or_default());
    if least == most { least } else { format!("{least} to {most}") }
}

/// Says how an episode ended, how it began if that was not seen, and whether silences cover it.
fn ended(episode: &Episode, last_step: Timestamp) -> String {
    use crate::engine::{Began, Cause};
    let ended = match episode.cause {
        Cause::ConditionFalse => "condition false",
        Cause::SeriesEnded => "series ended",
        Cause::StaleInferred => "series ended (inferred)",
        Cause::LimitExceeded => "limit exceeded",
        Cause::ConditionFalseAfterKeep => "keep_firing_for over",
        Cause::EndOfData => "end of data",
        Cause::RuleRemoved => "rule removed",
    };
    let began = match episode.began {
        Began::Observed => "",
        Began::BeforeData => ", began before the data",
        Began::WarmUp => ", began in the warm-up",
    };
    let suppressed = match episode.suppressed.is_empty() {
        true => String::new(),
        false if silence::is_suppressed(episode, last_step) => ", suppressed".to_owned(),
        false => format!(", {} of it suppressed", duration(silence::suppressed_for(episode))),
    };
    format!("{ended}{began}{suppressed}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::sample::{at, episode};

    const CONTEXT: Context = Context {
        join: Millis(300_000),
        interval: Millis(60_000),
        last_step: Timestamp(i64::MAX),
        threshold: Some((BinaryOp::Greater, 0.0)),
        unfolded: false,
    };

    fn check(episodes: &[Episode], expected: &[&str]) {
        let all: Vec<&Episode> = episodes.iter().collect();
        let rows = rows(&all, &CONTEXT);
        let rows: Vec<String> = rows
            .iter()
            .map(|row| {
                let minute = row.from.since(at(0)).0 / 60_000;
                format!("{minute} x{} +{} {} {}", row.times, row.more_sets, duration(row.firing), row.ended)
            })
            .collect();
        assert_eq!(rows, expected);
    }

    #[test]
    fn a_run_of_one_set_is_one_row() {
        let one = |from, to| episode(0, &[("a", "1")], from, Some(from), Some(to), 1.0);
        check(
            &[one(0, 2), one(4, 13), one(20, 21)],
            &["0 x2 +0 11m flapping: on 2m to 9m, off 2m", "20 x1 +0 1m condition false"],
        );
    }

    #[test]
    fn many_sets_at_once_are_one_row() {
        let names: Vec<String> = (0..6).map(|name| name.to_string()).collect();
        let mut all: Vec<Episode> =
            names.iter().map(|name| episode(0, &[("a", name)], 3, Some(3), Some(5), 1.0)).collect();
        all.push(episode(0, &[("a", "0")], 30, Some(30), Some(31), 1.0));
        check(&all, &["3 x1 +5 2m condition false", "30 x1 +0 1m condition false"]);
        check(&all[..4], &["3 x1 +0 2m condition false"; 4]);
    }
}
