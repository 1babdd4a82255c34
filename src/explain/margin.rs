//! By how much an alert fired, or missed it.

use crate::time::{Millis, Timestamp};

use super::limit::Limit;
use super::track::{Gave, Track};

/// What else would have kept a firing from happening.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Margin {
    /// A `for` longer than this; none where the condition is still true at the end of the data.
    pub hold_over: Option<Millis>,
    /// A threshold at this value, or further in the direction of the comparison; with `>=` and `<=` beyond it.
    pub threshold: Option<f64>,
}

/// What would have made an alert fire that never did.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Near {
    /// The value that came nearest to the threshold, and when.
    pub nearest: Option<(Timestamp, f64)>,
    /// A threshold just short of this value, all else being equal; with `>=` and `<=` this value itself.
    pub threshold: Option<f64>,
    /// A `for` up to this one, all else being equal: the longest time it was true in a row.
    pub hold: Option<Millis>,
}

/// Returns the margins of a firing: of all stretches from the evaluation at which it became active to that at which it
/// ended, since `keep_firing_for` may join several.
pub(crate) fn of_firing(track: &Track, (active, end): (usize, usize), limit: Option<Limit>, hold: Millis) -> Margin {
    let upward = limit.and_then(Limit::is_upward);
    let (mut longest, mut threshold, mut run) = (None, None, Vec::new());
    let mut close = |run: &mut Vec<(Timestamp, f64)>| {
        longest = longest.max(length(run));
        threshold = better(threshold, upward.and_then(|upward| best(run, upward, hold)), upward);
        run.clear();
    };
    for at in active..end {
        match track.gave[at] {
            Gave::Sample(value) => run.push((track.slots[at], value)),
            Gave::Failed => {}
            Gave::Nothing => close(&mut run),
        }
    }
    // What is true at the end of the data may go on.
    let open = !run.is_empty() && end == track.slots.len();
    close(&mut run);
    Margin { hold_over: longest.filter(|_| !open), threshold: threshold.filter(|found| found.is_finite()) }
}

fn length(run: &[(Timestamp, f64)]) -> Option<Millis> {
    run.last().zip(run.first()).map(|(last, first)| last.0.since(first.0))
}

fn better(a: Option<f64>, b: Option<f64>, upward: Option<bool>) -> Option<f64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if upward == Some(true) { a.max(b) } else { a.min(b) }),
        (a, b) => a.or(b),
    }
}

/// Returns how near a row came that never fired.
pub(crate) fn of_silence(track: &Track, limit: Option<Limit>, hold: Millis) -> Near {
    let mut longest: Option<Millis> = None;
    let mut since = None;
    for (slot, gave) in track.slots.iter().zip(&track.gave) {
        match gave {
            Gave::Sample(_) => {
                let from = *since.get_or_insert(*slot);
                longest = longest.max(Some(slot.since(from)));
            }
            Gave::Nothing => since = None,
            Gave::Failed => {}
        }
    }
    // What `and` or `unless` takes away, another threshold does not bring back.
    let upward = limit.filter(|limit| !limit.guarded).and_then(Limit::is_upward);
    let mut near = Near { hold: longest, ..Near::default() };
    let Some(upward) = upward else { return near };
    let all = || track.slots.iter().zip(&track.compared).zip(&track.gave);
    let values = all().filter_map(|((slot, value), _)| Some((*slot, value.filter(|value| !value.is_nan())?)));
    near.nearest = values.reduce(|a, b| if upward == (b.1 > a.1) && b.1 != a.1 { b } else { a });
    if !track.faults.is_empty() {
        // Evaluations that fail may do so at any threshold.
        return near;
    }
    // Runs of evaluations that had a value.
    let mut run = Vec::new();
    let mut found: Option<f64> = None;
    let mut close = |run: &mut Vec<(Timestamp, f64)>| {
        found = better(found, best(run, upward, hold), Some(upward));
        run.clear();
    };
    for ((slot, value), gave) in all() {
        match (value, gave) {
            // No comparison with NaN holds.
            (Some(value), _) if !value.is_nan() => run.push((*slot, *value)),
            (None, Gave::Failed) => {}
            _ => close(&mut run),
        }
    }
    close(&mut run);
    near.threshold = found.filter(|found| found.is_finite());
    near
}

/// Returns the value that is the worst one of some stretch as long as `hold` and better than the worst of all others:
/// a comparison with it holds nowhere for so long. Cost: linear.
fn best(values: &[(Timestamp, f64)], upward: bool, hold: Millis) -> Option<f64> {
    let worse = |a: f64, b: f64| if upward { a <= b } else { a >= b };
    // Values that may yet be the worst of a stretch, from its beginning on; each is worse than those after it.
    let mut queue: std::collections::VecDeque<usize> = std::collections::VecDeque::new();
    let (mut first, mut found): (usize, Option<f64>) = (0, None);
    for (at, (slot, value)) in values.iter().enumerate() {
        while queue.back().is_some_and(|last| worse(*value, values[*last].1)) {
            queue.pop_back();
        }
        queue.push_back(at);
        // The shortest stretch that ends here and is long enough.
        while first < at && slot.since(values[first + 1].0) >= hold {
            first += 1;
        }
        if slot.since(values[first].0) < hold {
            continue;
        }
        while queue.front().is_some_and(|front| *front < first) {
            queue.pop_front();
        }
        if let Some(worst) = queue.front().map(|front| values[*front].1).filter(|value| !value.is_nan()) {
            found = Some(found.map_or(worst, |found| if worse(found, worst) { worst } else { found }));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_held_by_the_best_stretch() {
        let check = |values: &[f64], upward: bool, hold: i64, expected: Option<f64>| {
            let values: Vec<_> = (0..).zip(values).map(|(at, value)| (Timestamp(at * 60_000), *value)).collect();
            assert_eq!(best(&values, upward, Millis(hold * 60_000)), expected, "{values:?} {hold}");
        };
        check(&[1.0, 5.0, 3.0], true, 0, Some(5.0));
        check(&[1.0, 5.0, 3.0], false, 0, Some(1.0));
        check(&[1.0, 5.0, 3.0, 4.0], true, 1, Some(3.0));
        check(&[9.0, 5.0, 3.0, 4.0, 4.0], true, 2, Some(3.0));
        check(&[9.0, 5.0, 3.0, 4.0, 4.0], false, 1, Some(4.0));
        check(&[9.0, 5.0], true, 2, None);
        check(&[], true, 0, None);
    }

    #[test]
    fn the_best_stretch_is_that_of_trying_all() {
        use proptest::prelude::*;
        proptest!(|(values in prop::collection::vec(0_u8..20, 0..30), hold in 0_usize..6, upward: bool)| {
            let slots: Vec<_> = (0..).zip(&values).map(|(at, value)| (Timestamp(at), f64::from(*value))).collect();
            let better = |a: f64, b: f64| if upward { a.max(b) } else { a.min(b) };
            let stretches = values.windows(hold + 1);
            let worst = |stretch: &[u8]| {
                let stretch = stretch.iter().map(|value| f64::from(*value));
                stretch.reduce(|a, b| if upward { a.min(b) } else { a.max(b) })
            };
            let expected = stretches.filter_map(worst).reduce(better);
            prop_assert_eq!(best(&slots, upward, Millis(hold as i64)), expected);
        });
    }
}
