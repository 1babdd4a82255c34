//! Events as they are made, before their annotations are expanded.

use crate::labels::LabelSet;
use crate::time::{Millis, Timestamp};

use super::alert::Change;
use super::event::{Cause, Event, Phase, RuleId};

/// An event whose annotations are not expanded and whose cause may still be looked for.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub event: Event,
    /// The step within its block.
    pub step: usize,
    /// Labels of the sample that the annotations and the cause are about.
    pub sample: LabelSet,
    /// Value and slot that the annotations are about, where there are any.
    pub annotate: Option<(f64, Timestamp)>,
}

/// Makes the draft of an event. `made_by` is the sample that made the alert active, `now` the one at this step.
pub(crate) fn draft(
    rule: RuleId,
    labels: &LabelSet,
    made_by: &mut LabelSet,
    now: Option<&LabelSet>,
    change: Change,
    step: usize,
    keep: Millis,
) -> Draft {
    let Change { at, from, to, value, activity } = change;
    if let Some(now) = now.filter(|_| from == Phase::Inactive) {
        made_by.clone_from(now);
    }
    let (sample, annotate) = match (from, to) {
        (_, Phase::Firing) => (now.unwrap_or(made_by).clone(), value.map(|value| (value, at))),
        (Phase::Pending, Phase::Inactive) => (made_by.clone(), Some((activity.value_active, activity.active_at))),
        _ => (made_by.clone(), None),
    };
    let cause = match (from, to) {
        (Phase::Firing, Phase::Inactive) if keep > Millis::ZERO => Some(Cause::ConditionFalseAfterKeep),
        (_, Phase::Inactive) => Some(Cause::ConditionFalse),
        _ => None,
    };
    let labels = labels.clone();
    let annotations = Vec::new();
    let event = Event { at, rule, labels, from, to, value, cause, annotations, activity, warm_from: None, on: None };
    Draft { event, step, sample, annotate }
}
