//! The life of one alert in its events: when it was true, fired, was not, and why.

use crate::engine::{Cause, Episode};
use crate::labels::LabelSet;
use crate::promql::ast::BinaryOp;
use crate::time::{Millis, Timestamp};

use super::track::{Gave, Track};
use super::why::{Reason, Why};

/// Something that happened to an alert.
#[derive(Clone, Debug, PartialEq)]
pub struct Happening {
    /// The evaluation.
    pub at: Timestamp,
    /// What.
    pub what: What,
    /// The value that the condition compares, or else the value of the expression.
    pub value: Option<f64>,
    /// Why the condition was not true.
    pub why: Option<Reason>,
    /// What happened to a series since the evaluation before: it has no sample any more, or its counter began again.
    pub lost: Option<Why>,
    /// Both sides of the comparison, where neither is a number in the expression.
    pub sides: Option<(BinaryOp, f64, f64)>,
    /// The episode it belongs to, counted from 0.
    pub episode: Option<usize>,
}

/// What happens to an alert.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// The condition became true: the alert is pending, unless it fires at once.
    True,
    /// It fires.
    Fires {
        /// How long it was true by then.
        after: Millis,
        /// The evaluations at which it was true in a row.
        evaluations: u64,
        /// Those in between that failed.
        failed: u64,
    },
    /// The condition is not true any more, and the alert is forgotten before it fired.
    Dropped {
        /// How long it was true, from its first evaluation to its last one.
        after: Millis,
        /// The evaluations at which it was true.
        evaluations: u64,
    },
    /// The condition is not true, and `keep_firing_for` keeps it firing.
    Kept,
    /// The condition is true again while the alert is kept.
    TrueAgain,
    /// It stops firing.
    Resolved {
        /// How long it fired.
        after: Millis,
        /// Whether `keep_firing_for` was over, rather than the condition false just then.
        kept: bool,
    },
    /// Evaluations failed: they leave everything as it was.
    Failed {
        /// How many in a row.
        evaluations: u64,
    },
    /// The rule had more alerts than its group's limit, and all of them were dropped.
    LimitExceeded,
    /// The condition goes on, under other labels: it is another alert from now on.
    Renamed {
        /// Its labels from now on.
        labels: Option<LabelSet>,
    },
    /// A silence covers its firing from here to there.
    Silenced {
        /// When it ends.
        to: Timestamp,
        /// Its matchers.
        by: String,
    },
    /// The data end, and it is active.
    EndOfData {
        /// Whether it fires.
        firing: bool,
    },
}

/// Writes down what happened to one alert: its episodes in the order of time, and what its expression gave.
pub(crate) fn history(track: &Track, episodes: &[&Episode]) -> Vec<Happening> {
    let mut all: Vec<Happening> = Vec::new();
    for (number, episode) in episodes.iter().enumerate() {
        of_episode(track, episode, number, &mut all);
    }
    failures(track, episodes, &mut all);
    // What comes first at one evaluation was put in first.
    all.sort_by_key(|one| one.at);
    all
}

/// Returns the value of a true condition, or else what was compared.
fn value_at(track: &Track, place: usize) -> Option<f64> {
    match track.gave[place] {
        Gave::Sample(value) => Some(value),
        Gave::Nothing | Gave::Failed => track.compared.get(place).copied().flatten(),
    }
}

fn of_episode(track: &Track, episode: &Episode, number: usize, all: &mut Vec<Happening>) {
    let activity = &episode.activity;
    let place = |at: Timestamp| track.place(at).filter(|place| track.slots[*place] == at);
    let value = |at: Timestamp| place(at).and_then(|place| value_at(track, place));
    let mut add = |at: Timestamp, what: What| {
        all.push(Happening { at, what, value: value(at), why: None, lost: None, sides: None, episode: Some(number) });
    };
    // What fires at once was never pending.
    if activity.fired_at != Some(activity.active_at) {
        add(activity.active_at, What::True);
    }
    if let Some(fired) = activity.fired_at {
        let count = |wanted: fn(&Gave) -> bool| {
            let within = track.slots.iter().zip(&track.gave);
            let within = within.filter(|(slot, _)| (activity.active_at..=fired).contains(*slot));
            within.filter(|(_, gave)| wanted(gave)).count() as u64
        };
        let evaluations = count(|gave| matches!(gave, Gave::Sample(_)));
        let failed = count(|gave| matches!(gave, Gave::Failed));
        add(fired, What::Fires { after: fired.since(activity.active_at), evaluations, failed });
        for silence in &episode.suppressed {
            add(silence.from.max(fired), What::Silenced { to: silence.to, by: silence.by.to_string() });
        }
    }
    let until = episode.ended_at.unwrap_or(Timestamp::MAX);
    // Only while it fires can it live on without being true.
    let mut kept = false;
    if let Some(fired) = activity.fired_at {
        for (slot, gave) in track.slots.iter().zip(&track.gave).filter(|(slot, _)| **slot > fired && **slot < until) {
            match (gave, kept) {
                (Gave::Nothing, false) => add(*slot, What::Kept),
                (Gave::Sample(_), true) => add(*slot, What::TrueAgain),
                _ => {}
            }
            match gave {
                Gave::Nothing => kept = true,
                Gave::Sample(_) => kept = false,
                Gave::Failed => {}
            }
        }
    }
    match episode.ended_at {
        None => {
            let last = track.slots.last().copied().unwrap_or(activity.last_true_at);
            add(last, What::EndOfData { firing: activity.fired_at.is_some() });
        }
        Some(ended) => {
            let still = place(ended).is_some_and(|place| matches!(track.gave[place], Gave::Sample(_)));
            add(
                ended,
                match (episode.cause, activity.fired_at) {
                    (Cause::LimitExceeded, _) => What::LimitExceeded,
                    _ if still => What::Renamed { labels: None },
                    (_, None) => What::Dropped {
                        after: activity.last_true_at.since(activity.active_at),
                        evaluations: activity.steps_true,
                    },
                    (_, Some(fired)) => What::Resolved { after: ended.since(fired), kept },
                },
            );
        }
    }
}

/// Adds the stretches of evaluations that failed for one reason, each with the episode that it falls into.
fn failures(track: &Track, episodes: &[&Episode], all: &mut Vec<Happening>) {
    let faults: Vec<(usize, &str)> = track.faults.iter().map(|(place, words)| (*place, words.as_str())).collect();
    for run in faults.chunk_by(|a, b| b.0 == a.0 + 1 && a.1 == b.1) {
        let (place, message) = run[0];
        let slot = track.slots[place];
        let within = |episode: &&Episode| {
            episode.activity.active_at <= slot && episode.ended_at.is_none_or(|ended| slot < ended)
        };
        let what = What::Failed { evaluations: run.len() as u64 };
        let why = Some(Reason::of(Why::Failed { message: message.to_owned() }));
        let episode = episodes.iter().position(within);
        all.push(Happening { at: slot, what, value: None, why, lost: None, sides: None, episode });
    }
}
