//! Silences: stretches of time in which alerts with certain labels are not reported. They are laid over the episodes of
//! a run: the state of an alert goes on underneath.

mod file;
mod parse;

use std::fmt;
use std::sync::Arc;

pub use file::load;
pub use parse::{SilenceError, parse};

use super::episode::{Episode, Suppression};
use crate::labels::{LabelSet, Matcher};
use crate::time::{Millis, Timestamp};

/// Alerts that are not reported for some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silence {
    /// What an alert's labels must satisfy, all of it; at least one matcher does not take an absent label.
    pub matchers: Vec<Matcher>,
    /// When it begins.
    pub start: Timestamp,
    /// Until when; later than `start`.
    pub end: Timestamp,
    /// Why; empty when nothing is said.
    pub comment: String,
    /// The file that it stands in, if it stands in one.
    pub file: Option<Arc<str>>,
}

/// Formats the matchers as they are written: `{alertname="DiskFull"}`.
impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (at, matcher) in self.matchers.iter().enumerate() {
            let comma = if at > 0 { ", " } else { "" };
            write!(f, "{comma}{matcher}")?;
        }
        f.write_str("}")
    }
}

impl Silence {
    /// Returns whether the silence is about an alert; external labels count where the alert has no label of that name.
    #[must_use]
    pub fn matches(&self, labels: &LabelSet, external: &LabelSet) -> bool {
        satisfies(&self.matchers, labels, external)
    }
}

/// Returns whether an alert satisfies all matchers, as a server sends it: external labels count where it has no label of
/// that name.
#[must_use]
pub fn satisfies(matchers: &[Matcher], labels: &LabelSet, external: &LabelSet) -> bool {
    matchers.iter().all(|matcher| {
        let value = labels.get(&matcher.name).or_else(|| external.get(&matcher.name));
        matcher.matches(value.unwrap_or(""))
    })
}

/// Lays silences over episodes. Of an episode that is still open the firing ends at `last_step`, given by episode.
/// Cost: episodes times silences.
pub fn suppress(
    episodes: &mut [Episode],
    silences: &[Silence],
    external: &LabelSet,
    last_step: impl Fn(&Episode) -> Timestamp,
) {
    let names: Vec<Arc<str>> = silences.iter().map(|silence| silence.to_string().into()).collect();
    for episode in episodes {
        episode.suppressed.clear();
        let Some(fired_at) = episode.activity.fired_at else { continue };
        let ended_at = episode.ended_at.unwrap_or_else(|| last_step(episode));
        for (silence, by) in silences.iter().zip(&names) {
            let (from, to) = (silence.start.max(fired_at), silence.end.min(ended_at));
            // What began to fire at the last step of all has no length, and is suppressed where that instant is.
            let meets = from < to || (from == to && fired_at == ended_at && silence.end > to);
            if meets && silence.matches(&episode.labels, external) {
                episode.suppressed.push(Suppression { from, to, by: Arc::clone(by) });
            }
        }
        episode.suppressed.sort_by_key(|suppression| (suppression.from, suppression.to));
    }
}

/// Returns how long the firing of an episode was suppressed; what several silences cover counts once.
#[must_use]
pub fn suppressed_for(episode: &Episode) -> Millis {
    let (mut total, mut until) = (0, Timestamp::MIN);
    for suppression in &episode.suppressed {
        total += suppression.to.since(suppression.from.max(until)).0.max(0);
        until = until.max(suppression.to);
    }
    Millis(total)
}

/// Returns whether an episode fired and was suppressed from beginning to end, so that nobody was notified.
#[must_use]
pub fn is_suppressed(episode: &Episode, last_step: Timestamp) -> bool {
    let Some(fired_at) = episode.activity.fired_at else { return false };
    let firing = episode.ended_at.unwrap_or(last_step).since(fired_at);
    !episode.suppressed.is_empty() && suppressed_for(episode) >= firing
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::episode::{Began, End};
    use crate::engine::event::{Activity, Cause, RuleId};

    /// An episode that fired from 100 s on.
    fn episode(ended_at: Option<i64>) -> Episode {
        let second = |at: i64| Timestamp(at * 1000);
        Episode {
            rule: RuleId(0),
            labels: LabelSet::new([("alertname", "DiskFull"), ("host", "a")]),
            annotations: Vec::new(),
            histogram: None,
            activity: Activity {
                active_at: second(50),
                fired_at: Some(second(100)),
                last_true_at: second(190),
                value_active: 1.0,
                value_fire: Some(1.0),
                value_last: 1.0,
                value_min: 1.0,
                value_max: 1.0,
                steps_true: 1,
                steps_failed: 0,
                steps_kept: 0,
            },
            ended_at: ended_at.map(second),
            end: End::Resolved,
            cause: Cause::ConditionFalse,
            began: Began::Observed,
            steps: 1,
            stale_inferred: false,
            suppressed: Vec::new(),
        }
    }

    /// Silences an episode that fired from 100 s on; returns the stretches, how long, and whether nothing is left.
    fn check(silences: &[&str], ended_at: Option<i64>, expected: &[(i64, i64)], all_s: i64, whole: bool) {
        let silences: Vec<Silence> =
            silences.iter().map(|text| parse(text, &crate::format::Clock::utc()).expect(text)).collect();
        let mut one = [episode(ended_at)];
        let last = Timestamp(200_000);
        suppress(&mut one, &silences, &LabelSet::new([("cluster", "ams"), ("host", "outside")]), |_| last);
        let told: Vec<_> = one[0].suppressed.iter().map(|one| (one.from.0 / 1000, one.to.0 / 1000)).collect();
        assert_eq!(told, expected, "{silences:?}");
        assert_eq!((suppressed_for(&one[0]).0, is_suppressed(&one[0], last)), (all_s * 1000, whole), "{silences:?}");
    }

    #[test]
    fn what_a_silence_covers_of_the_firing_is_suppressed() {
        check(&[], Some(200), &[], 0, false);
        check(&["{host=\"a\"} 0..1000"], Some(200), &[(100, 200)], 100, true);
        check(&["{host=\"a\"} 0..1000"], None, &[(100, 200)], 100, true);
        check(&["{host=\"a\"} 150..1000"], Some(200), &[(150, 200)], 50, false);
        check(&["{host=\"a\"} 0..100"], Some(200), &[], 0, false);
        check(&["{host=\"b\"} 0..1000"], Some(200), &[], 0, false);
        check(
            &["{alertname=~\"Disk.*\"} 0..160", "{host=\"a\"} 120..200"],
            Some(200),
            &[(100, 160), (120, 200)],
            100,
            true,
        );
        check(&["{host=\"a\"} 0..101"], Some(100), &[(100, 100)], 0, true);
    }

    #[test]
    fn external_labels_count_where_the_alert_has_none() {
        check(&["{cluster=\"ams\"} 0..1000"], Some(200), &[(100, 200)], 100, true);
        check(&["{host=\"outside\"} 0..1000"], Some(200), &[], 0, false);
        check(&["{cluster!=\"ams\", host=\"a\"} 0..1000"], Some(200), &[], 0, false);
    }
}
