//! Times at which something really was wrong, and how alerts are judged by them.

mod file;

use crate::engine::stretch::Stretch;
use crate::labels::LabelSet;
use crate::outcome::summary::fires;
use crate::time::{Millis, Timestamp};

pub use file::load;

/// A time at which something was wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// When it began.
    pub from: Timestamp,
    /// When it was over.
    pub to: Timestamp,
    /// What an alert has to have to be about it; without any, every alert is.
    pub labels: LabelSet,
}

/// What the firings of an alert are worth, by incidents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// Incidents during which it fired.
    pub caught: u64,
    /// The others.
    pub missed: u64,
    /// Firings that no incident overlaps.
    pub false_firings: u64,
    /// The median time from the beginning of an incident to the first firing in it, of those that were caught; 0 where
    /// it fired already.
    pub detection: Option<Millis>,
}

/// Judges alerts of some label sets.
pub(super) struct Judges<'a> {
    /// By their beginnings.
    incidents: Vec<&'a Incident>,
    /// By incident: the latest end up to it.
    ends: Vec<Timestamp>,
    /// By label set and incident: whether the alert is about it; empty where each is about all.
    about: Vec<Vec<bool>>,
}

impl<'a> Judges<'a> {
    pub(super) fn of(incidents: &'a [Incident], labels: &[&LabelSet]) -> Self {
        let mut incidents: Vec<&Incident> = incidents.iter().collect();
        incidents.sort_by_key(|one| one.from);
        let mut end = Timestamp::MIN;
        let ends = incidents.iter().map(|one| {
            end = end.max(one.to);
            end
        });
        let ends = ends.collect();
        let has =
            |labels: &LabelSet, one: &Incident| one.labels.iter().all(|(name, value)| labels.get(name) == Some(value));
        let about = if incidents.iter().all(|one| one.labels.iter().next().is_none()) {
            Vec::new()
        } else {
            labels.iter().map(|labels| incidents.iter().map(|one| has(labels, one)).collect()).collect()
        };
        Self { incidents, ends, about }
    }

    /// Judges stretches, each with the number of its label set. An incident is caught by a firing that overlaps it, one
    /// that began before it too.
    pub(super) fn judge(&self, stretches: &[(usize, Stretch)], last_step: Timestamp) -> Judgement {
        let mut first: Vec<Option<Millis>> = vec![None; self.incidents.len()];
        let mut false_firings = 0;
        for (set, stretch) in stretches {
            let Some((from, to)) = fires(stretch, last_step) else { continue };
            let mut overlaps = false;
            let begin = self.ends.partition_point(|end| *end < from);
            let near = self.incidents.iter().enumerate().skip(begin).take_while(|(_, one)| one.from <= to);
            for (at, one) in near {
                // It does not fire at the step at which it ends; one that is open does at the last step.
                let reaches = to > one.from || (stretch.ended_at.is_none() && to == one.from);
                let is_within = from <= one.to && (reaches || from >= one.from);
                if is_within && self.about.get(*set).is_none_or(|about| about[at]) {
                    let after = Millis(from.since(one.from).0.max(0));
                    first[at] = Some(first[at].map_or(after, |known| known.min(after)));
                    overlaps = true;
                }
            }
            false_firings += u64::from(!overlaps);
        }
        let mut detections: Vec<Millis> = first.iter().flatten().copied().collect();
        let caught = detections.len();
        Judgement {
            caught: caught as u64,
            missed: (first.len() - caught) as u64,
            false_firings,
            detection: median(&mut detections),
        }
    }
}

fn median(spans: &mut [Millis]) -> Option<Millis> {
    spans.sort_unstable();
    let (low, high) = (spans.get(spans.len().checked_sub(1)? / 2)?, spans.get(spans.len() / 2)?);
    Some(Millis(low.0 + (high.0 - low.0) / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incident(from: i64, to: i64, host: &str) -> Incident {
        let labels = if host.is_empty() { LabelSet::empty() } else { LabelSet::new([("host", host)]) };
        Incident { from: Timestamp(from), to: Timestamp(to), labels }
    }

    /// Judges firings of two hosts, given as (host, from, to).
    fn check(incidents: &[Incident], firings: &[(usize, i64, i64)], expected: (u64, u64, u64, Option<i64>)) {
        let [a, b] = ["a", "b"].map(|host| LabelSet::new([("host", host)]));
        let judges = Judges::of(incidents, &[&a, &b]);
        let stretch = |(set, from, to): &(usize, i64, i64)| {
            let at = Timestamp(*from);
            let end = Some(Timestamp(*to)).filter(|end| *end < Timestamp(1000));
            (*set, Stretch { active_at: at, fired_at: Some(at), ended_at: end })
        };
        let stretches: Vec<_> = firings.iter().map(stretch).collect();
        let Judgement { caught, missed, false_firings, detection } = judges.judge(&stretches, Timestamp(1000));
        assert_eq!((caught, missed, false_firings, detection.map(|span| span.0)), expected, "{firings:?}");
    }

    #[test]
    fn firings_are_judged_by_what_they_overlap() {
        let two = [incident(300, 400, ""), incident(100, 200, "")];
        check(&two, &[], (0, 2, 0, None));
        check(&two, &[(0, 110, 120), (0, 150, 160)], (1, 1, 0, Some(10)));
        check(&two, &[(0, 50, 100)], (0, 2, 1, None));
        check(&two, &[(0, 50, 101)], (1, 1, 0, Some(0)));
        check(&two, &[(0, 200, 300)], (1, 1, 0, Some(100)));
        check(&two, &[(0, 201, 300)], (0, 2, 1, None));
        check(&two, &[(0, 190, 310), (1, 320, 330)], (2, 0, 0, Some(45)));
        check(&two, &[(0, 500, 600), (0, 320, 330), (1, 700, 701)], (1, 1, 2, Some(20)));
    }

    #[test]
    fn what_is_open_fires_at_the_last_step() {
        let last = [incident(1000, 2000, ""), incident(1000, 1000, "")];
        check(&last, &[(0, 500, 1000)], (2, 0, 0, Some(0)));
        check(&last, &[(0, 500, 999), (0, 1000, 1000)], (2, 0, 1, Some(0)));
        check(&last, &[(0, 500, 999)], (0, 2, 1, None));
    }

    #[test]
    fn labels_say_whose_incident_it_is() {
        let two = [incident(100, 900, "a"), incident(200, 250, "")];
        check(&two, &[(1, 110, 120)], (0, 2, 1, None));
        check(&two, &[(1, 210, 220)], (1, 1, 0, Some(10)));
        check(&two, &[(0, 300, 310)], (1, 1, 0, Some(200)));
        check(&two, &[(0, 240, 310)], (2, 0, 0, Some(90)));
    }
}
