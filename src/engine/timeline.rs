//! From the events of a run to episodes.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::histogram::Histogram;
use crate::labels::LabelSet;
use crate::time::{Millis, Timestamp};

use super::episode::{Began, End, Episode};
use super::event::{Activity, Cause, Event, OpenAlert, Phase, RuleId};

/// When a rule was evaluated, as far as its episodes need to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleClock {
    /// The distance of its slots; 0 where it is evaluated at rows.
    pub interval: Millis,
    /// The first slot from which on all windows are within the recording.
    pub warm_from: Timestamp,
    /// The last slot that was evaluated.
    pub last: Timestamp,
}

impl RuleClock {
    /// Tells how an alert is seen to begin; `warm_from` of its label set counts where it is known.
    fn began(&self, activity: &Activity, warm_from: Option<Timestamp>) -> Began {
        match activity.active_at.cmp(&warm_from.unwrap_or(self.warm_from)) {
            std::cmp::Ordering::Less => Began::WarmUp,
            std::cmp::Ordering::Equal => Began::BeforeData,
            std::cmp::Ordering::Greater => Began::Observed,
        }
    }

    /// Returns how many evaluations an alert saw from `active_at` on, up to a slot that is not counted.
    fn steps(&self, activity: &Activity, to: Timestamp) -> u64 {
        if self.interval.0 <= 0 {
            return activity.steps_true + activity.steps_failed + activity.steps_kept;
        }
        (to.since(activity.active_at).0 / self.interval.0).unsigned_abs()
    }
}

/// Annotations, and the value that they are about where that is a native histogram.
type Texts = (Vec<(String, String)>, Option<Arc<Histogram>>);

/// Builds episodes from events in their order; between events it holds the texts of the firing alerts only.
#[derive(Debug, Default)]
pub struct Timeline {
    firing: HashMap<(RuleId, LabelSet), Texts, foldhash::fast::FixedState>,
    episodes: Vec<Episode>,
}

impl Timeline {
    /// Takes the next event of a run; an episode is made when an alert becomes inactive.
    pub fn push(&mut self, event: Event, clock: &RuleClock) {
        let key = (event.rule, event.labels);
        match event.to {
            Phase::Pending => {}
            Phase::Firing => {
                self.firing.insert(key, (event.annotations, event.histogram));
            }
            Phase::Inactive => {
                let texts = self.firing.remove(&key);
                let (annotations, histogram) = texts.unwrap_or((event.annotations, event.histogram));
                let cause = event.cause.unwrap_or(Cause::ConditionFalse);
                self.episodes.push(Episode {
                    rule: key.0,
                    labels: key.1,
                    annotations,
                    histogram,
                    activity: event.activity,
                    ended_at: Some(event.at),
                    end: if event.from == Phase::Firing { End::Resolved } else { End::DiedPending },
                    cause,
                    began: clock.began(&event.activity, event.warm_from),
                    steps: clock.steps(&event.activity, event.at),
                    stale_inferred: cause == Cause::StaleInferred,
                    suppressed: Vec::new(),
                });
            }
        }
    }

    /// Takes an alert that was active at the end of the run.
    pub fn push_open(&mut self, open: OpenAlert, clock: &RuleClock) {
        let key = (open.rule, open.labels);
        let (annotations, histogram) = self.firing.remove(&key).unwrap_or((open.annotations, open.histogram));
        self.episodes.push(Episode {
            rule: key.0,
            labels: key.1,
            annotations,
            histogram,
            activity: open.activity,
            ended_at: None,
            end: End::ActiveAtEnd,
            cause: Cause::EndOfData,
            began: clock.began(&open.activity, open.warm_from),
            steps: clock.steps(&open.activity, clock.last.plus(clock.interval)),
            stale_inferred: false,
            suppressed: Vec::new(),
        });
    }

    /// Hands over the episodes that have ended so far, in the order of their ends.
    pub fn take(&mut self) -> Vec<Episode> {
        std::mem::take(&mut self.episodes)
    }

    /// Returns all episodes by `fired_at` (or `active_at` where an alert never fired), rule and labels.
    #[must_use]
    pub fn finish(mut self) -> Vec<Episode> {
        self.episodes.sort_by_cached_key(|episode| {
            let began = episode.activity.fired_at.unwrap_or(episode.activity.active_at);
            (began, episode.rule, episode.labels.clone())
        });
        self.episodes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::alert::{Pace, Tracker};

    const CLOCK: RuleClock = RuleClock { interval: Millis(10), warm_from: Timestamp(20), last: Timestamp(100) };

    /// Builds the episodes of one alert from the values of its condition, NaN for absent, a step every 10 ms.
    fn episodes(values: &[f64], hold: i64) -> Vec<Episode> {
        let labels = LabelSet::new([("alertname", "A")]);
        let (mut tracker, mut timeline) = (Tracker::default(), Timeline::default());
        for (at, value) in (0..).zip(values) {
            let pace = Pace { hold: Millis(hold), keep: Millis::ZERO };
            let change = tracker.observe(Timestamp(at * 10), (!value.is_nan()).then_some(*value), pace).0;
            if let Some(change) = change {
                let (rule, cause) = (RuleId(0), (change.to == Phase::Inactive).then_some(Cause::SeriesEnded));
                let annotations = vec![("to".to_owned(), change.to.word().to_owned())];
                let (at, from, to, value, activity) =
                    (change.at, change.from, change.to, change.value, change.activity);
                let labels = labels.clone();
                timeline.push(
                    Event {
                        at,
                        rule,
                        labels,
                        from,
                        to,
                        value,
                        cause,
                        annotations,
                        histogram: None,
                        activity,
                        warm_from: None,
                        on: None,
                    },
                    &CLOCK,
                );
            }
        }
        if let Some(activity) = tracker.activity() {
            let (rule, phase, annotations) = (RuleId(0), tracker.state().phase(), Vec::new());
            timeline.push_open(
                OpenAlert { rule, labels, phase, annotations, histogram: None, activity: *activity, warm_from: None },
                &CLOCK,
            );
        }
        timeline.finish()
    }

    #[test]
    fn an_episode_tells_how_it_began_and_ended() {
        let none = f64::NAN;
        let found = episodes(&[1.0, none, 2.0, none, none, 3.0, 5.0, 4.0, none, 6.0, 7.0], 10);
        let told: Vec<_> = found
            .iter()
            .map(|one| {
                (one.activity.active_at.0, one.ended_at.map(|at| at.0), one.end.word(), one.began.word(), one.steps)
            })
            .collect();
        assert_eq!(
            told,
            [
                (0, Some(10), "died_pending", "warm_up", 1),
                (20, Some(30), "died_pending", "before_data", 1),
                (50, Some(80), "resolved", "observed", 3),
                (90, None, "active_at_end", "observed", 2),
            ]
        );
        assert_eq!(found[2].annotations[0].1, "firing");
        assert_eq!((found[2].cause, found[3].cause), (Cause::SeriesEnded, Cause::EndOfData));
        let values = &found[2].activity;
        assert_eq!((values.value_active, values.value_fire, values.value_last), (3.0, Some(5.0), 4.0));
        assert_eq!((values.value_min, values.value_max, values.steps_true), (3.0, 5.0, 3));
        assert_eq!((values.last_true_at, values.fired_at), (Timestamp(70), Some(Timestamp(60))));
    }
}
