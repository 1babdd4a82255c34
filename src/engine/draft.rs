//! Events as they are made, before their annotations are expanded.

use std::sync::Arc;

use crate::histogram::Histogram;
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

/// Sorts drafts by time, rule and labels; those that are equal stay in their order. Cost: a sort of times and rules, and
/// of labels only where the drafts of one evaluation are not in their order already; each draft is moved once or twice.
pub(crate) fn sort(drafts: &mut [Draft]) {
    let places = (0..).zip(&*drafts);
    let mut order: Vec<(Timestamp, RuleId, usize)> =
        places.map(|(at, draft)| (draft.event.at, draft.event.rule, at)).collect();
    order.sort_unstable();
    for evaluation in order.chunk_by_mut(|a, b| (a.0, a.1) == (b.0, b.1)) {
        let labels = |place: &(Timestamp, RuleId, usize)| &drafts[place.2].event.labels;
        if !evaluation.is_sorted_by(|a, b| labels(a) <= labels(b)) {
            evaluation.sort_by(|a, b| labels(a).cmp(labels(b)));
        }
    }
    for at in 0..drafts.len() {
        // What stood there may have been moved on by an earlier swap.
        let mut from = order[at].2;
        while from < at {
            from = order[from].2;
        }
        order[at].2 = from;
        drafts.swap(at, from);
    }
}

/// The sample that made an alert active.
#[derive(Clone, Debug)]
pub(crate) struct MadeBy {
    pub labels: LabelSet,
    /// Its value, where that is a native histogram.
    pub histogram: Option<Arc<Histogram>>,
}

/// Makes the draft of an event. `made_by` is the sample that made the alert active, `now` the one at this step: its
/// labels, and its value where that is a native histogram.
pub(crate) fn draft(
    rule: RuleId,
    labels: &LabelSet,
    made_by: &mut MadeBy,
    now: Option<(&LabelSet, Option<&Arc<Histogram>>)>,
    change: Change,
    step: usize,
    keep: Millis,
) -> Draft {
    let Change { at, from, to, value, activity } = change;
    if let Some((labels, histogram)) = now.filter(|_| from == Phase::Inactive) {
        made_by.labels.clone_from(labels);
        made_by.histogram = histogram.map(Arc::clone);
    }
    let made = (&made_by.labels, made_by.histogram.as_ref());
    let ((sample, histogram), annotate) = match (from, to) {
        (_, Phase::Firing) => (now.unwrap_or(made), value.map(|value| (value, at))),
        (Phase::Pending, Phase::Inactive) => (made, Some((activity.value_active, activity.active_at))),
        _ => ((made.0, None), None),
    };
    let (sample, histogram) = (sample.clone(), histogram.map(Arc::clone));
    let cause = match (from, to) {
        (Phase::Firing, Phase::Inactive) if keep > Millis::ZERO => Some(Cause::ConditionFalseAfterKeep),
        (_, Phase::Inactive) => Some(Cause::ConditionFalse),
        _ => None,
    };
    let labels = labels.clone();
    let annotations = Vec::new();
    let (warm_from, on) = (None, None);
    let event = Event { at, rule, labels, from, to, value, cause, annotations, histogram, activity, warm_from, on };
    Draft { event, step, sample, annotate }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::event::Activity;

    #[test]
    fn drafts_are_sorted_by_time_rule_and_labels() {
        let none = Timestamp(0);
        let activity = Activity {
            active_at: none,
            fired_at: None,
            last_true_at: none,
            value_active: 0.0,
            value_fire: None,
            value_last: 0.0,
            value_min: 0.0,
            value_max: 0.0,
            steps_true: 0,
            steps_failed: 0,
            steps_kept: 0,
        };
        let made = |(step, (at, rule, host)): (usize, (i64, u32, u32))| {
            let labels = LabelSet::new([("host", host.to_string())]);
            let (from, to) = (Phase::Inactive, Phase::Firing);
            let change = Change { at: Timestamp(at), from, to, value: None, activity };
            draft(
                RuleId(rule),
                &labels,
                &mut MadeBy { labels: LabelSet::empty(), histogram: None },
                None,
                change,
                step,
                Millis::ZERO,
            )
        };
        let key = |draft: &Draft| (draft.event.at, draft.event.rule, draft.event.labels.clone());
        // Alert by alert, evaluation by evaluation, backwards, and in no order, with some that are equal.
        let alerts: Vec<(i64, u32, u32)> = (0..60_u32).map(|at| (i64::from(at % 5), at / 30, at % 30 / 5)).collect();
        let steps: Vec<_> = (0..60_u32).map(|at| (i64::from(at / 12), at % 12 / 6, at % 6)).collect();
        let backwards: Vec<_> = alerts.iter().rev().copied().collect();
        let mixed: Vec<_> = (0..60_u32).map(|at| (i64::from(at * 7 % 4), at * 11 % 3, at * 13 % 10)).collect();
        for all in [Vec::new(), vec![(0, 0, 0)], alerts, steps, backwards, mixed] {
            let mut drafts: Vec<Draft> = all.into_iter().enumerate().map(made).collect();
            let mut expected = drafts.clone();
            expected.sort_by_key(key);
            sort(&mut drafts);
            let all = |drafts: &[Draft]| drafts.iter().map(|draft| (key(draft), draft.step)).collect::<Vec<_>>();
            assert_eq!(all(&drafts), all(&expected));
        }
    }
}
