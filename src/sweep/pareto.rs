//! Which values no other ones beat.

use std::collections::BTreeMap;

use crate::time::Millis;

use super::incidents::Judgement;

/// Returns for each judgement whether it is on the Pareto front: no other one catches as many incidents with as few false
/// firings as fast, and is better in one of these. One that catches nothing is never on it. Cost: a sort.
#[must_use]
pub fn front(judgements: &[Judgement]) -> Vec<bool> {
    let key = |one: &Judgement| (std::cmp::Reverse(one.caught), one.false_firings, one.detection);
    let mut order: Vec<usize> = (0..judgements.len()).filter(|at| judgements[*at].caught > 0).collect();
    order.sort_by_key(|at| key(&judgements[*at]));
    let mut best = vec![false; judgements.len()];
    // By false firings: the fastest detection with no more of them, of all that catch as many; falling.
    let mut fastest: BTreeMap<u64, Option<Millis>> = BTreeMap::new();
    for group in order.chunk_by(|a, b| key(&judgements[*a]) == key(&judgements[*b])) {
        let one = &judgements[group[0]];
        let faster = fastest.range(..=one.false_firings).next_back();
        if faster.is_some_and(|(_, detection)| *detection <= one.detection) {
            continue;
        }
        group.iter().for_each(|at| best[*at] = true);
        fastest.insert(one.false_firings, one.detection);
        let slower: Vec<u64> = fastest
            .range(one.false_firings + 1..)
            .take_while(|(_, detection)| **detection >= one.detection)
            .map(|(count, _)| *count)
            .collect();
        for count in slower {
            fastest.remove(&count);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_is_what_comparing_all_pairs_gives() {
        use proptest::prelude::*;
        let one = (0_u64..4, 0_u64..4, 0_i64..4).prop_map(|(caught, false_firings, seconds)| Judgement {
            caught,
            missed: 3 - caught.min(3),
            false_firings,
            detection: (caught > 0).then_some(Millis(seconds * 1000)),
        });
        proptest!(|(judgements in prop::collection::vec(one, 0..25))| {
            let beats = |a: &Judgement, b: &Judgement| {
                let key = |one: &Judgement| (one.caught, one.false_firings, one.detection);
                a.caught >= b.caught && a.false_firings <= b.false_firings && a.detection <= b.detection && key(a) != key(b)
            };
            let rivals = judgements.iter().filter(|one| one.caught > 0);
            let expected: Vec<bool> = judgements
                .iter()
                .map(|one| one.caught > 0 && !rivals.clone().any(|other| beats(other, one)))
                .collect();
            prop_assert_eq!(front(&judgements), expected);
        });
    }
}
