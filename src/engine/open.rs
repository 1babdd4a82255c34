//! The alerts that are active when a run ends.

use crate::promql::query::SampleValue;
use crate::store::Store;

use super::Engine;
use super::alert::State;
use super::event::{OpenAlert, Phase};
use super::naming::Sample;
use super::rule::Body;
use super::timeline::Timeline;

impl Engine {
    /// Returns the alerts that are active after the last slot, by rule and labels.
    #[must_use]
    pub fn open(&self, recording: &Store) -> Vec<OpenAlert> {
        let mut open = Vec::new();
        for rule in self.runs() {
            let Body::Alerting(alerting) = &rule.body else { continue };
            let together = alerting.active().filter(|(_, state, ..)| matches!(state, State::Pending { .. })).count();
            for (labels, state, activity, made_by) in alerting.active() {
                let (annotations, histogram) = match state {
                    State::Pending { active_at } => {
                        let value = SampleValue::of(activity.value_active, made_by.histogram.as_ref());
                        let sample = Sample { labels: &made_by.labels, value: &value, at: active_at };
                        (self.annotations(rule.id, together, sample, recording), made_by.histogram.clone())
                    }
                    _ => (Vec::new(), None),
                };
                let (labels, phase, activity) = (labels.clone(), state.phase(), *activity);
                debug_assert_ne!(phase, Phase::Inactive, "only active alerts are open");
                let warm_from = rule.warmed();
                open.push(OpenAlert { rule: rule.id, labels, phase, annotations, histogram, activity, warm_from });
            }
        }
        open.sort_by(|a, b| a.rule.cmp(&b.rule).then_with(|| a.labels.cmp(&b.labels)));
        open
    }

    /// Hands the alerts that are active after the last slot to a timeline, as the end of a run does.
    pub fn close_into(&self, timeline: &mut Timeline, recording: &Store) {
        for open in self.open(recording) {
            let clock = self.clock(open.rule);
            timeline.push_open(open, &clock);
        }
    }
}
