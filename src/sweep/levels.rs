//! Runs of steps beyond each of several thresholds, of the values at the steps beyond the mildest.

use std::ops::Range;

use crate::promql::ast::BinaryOp;

/// Thresholds of one comparison, the mildest first: where a value is beyond one, it is beyond all before it.
#[derive(Clone, Debug)]
pub(super) struct Levels {
    op: BinaryOp,
    limits: Vec<f64>,
}

impl Levels {
    /// Takes thresholds in ascending order; none where they are not nested.
    pub(super) fn of(op: BinaryOp, ascending: &[f64]) -> Option<Self> {
        let mut limits = ascending.to_vec();
        match op {
            BinaryOp::Greater | BinaryOp::GreaterEqual => {}
            BinaryOp::Less | BinaryOp::LessEqual => limits.reverse(),
            _ => return None,
        }
        Some(Self { op, limits })
    }

    /// Returns the place among the levels of a threshold at a place of the ascending list.
    pub(super) fn level(&self, at: usize) -> usize {
        match self.op {
            BinaryOp::Greater | BinaryOp::GreaterEqual => at,
            _ => self.limits.len() - 1 - at,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.limits.len()
    }

    /// Returns how many thresholds a value is beyond: those of the first levels.
    pub(super) fn beyond(&self, value: f64) -> u32 {
        let is_beyond = |limit: &f64| match self.op {
            BinaryOp::Greater => value > *limit,
            BinaryOp::GreaterEqual => value >= *limit,
            BinaryOp::Less => value < *limit,
            _ => value <= *limit,
        };
        u32::try_from(self.limits.partition_point(is_beyond)).unwrap_or(u32::MAX)
    }
}

/// Adds for each of some levels the runs of steps beyond it. `beyond` is for each step of `present`, one after the
/// other, how many levels the value is beyond. Cost: the steps, and the runs that are added.
pub(super) fn add_runs(present: &[Range<usize>], beyond: &[u32], levels: Range<usize>, runs: &mut [Vec<Range<usize>>]) {
    let mut begun = vec![0; levels.len()];
    let mut left = beyond;
    for run in present {
        let (own, rest) = left.split_at(run.len());
        left = rest;
        let mut open = 0;
        for (step, beyond) in (run.start..run.end + 1).zip(own.iter().copied().chain([0])) {
            let now = (beyond as usize).clamp(levels.start, levels.end) - levels.start;
            begun[open.min(now)..now].fill(step);
            for level in now..open {
                runs[level].push(begun[level]..step);
            }
            open = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_give_what_each_threshold_gives_alone() {
        use proptest::prelude::*;
        let ops = [BinaryOp::Greater, BinaryOp::GreaterEqual, BinaryOp::Less, BinaryOp::LessEqual];
        let values = prop::collection::vec(0_i8..12, 0..60);
        proptest!(|(values in values, op in 0_usize..4, limits in prop::collection::btree_set(0_i8..12, 1..8), cut in 1_usize..9)| {
            let limits: Vec<f64> = limits.into_iter().map(f64::from).collect();
            let levels = Levels::of(ops[op], &limits).expect("nested");
            let holds = |value: f64, limit: f64| match ops[op] {
                BinaryOp::Greater => value > limit,
                BinaryOp::GreaterEqual => value >= limit,
                BinaryOp::Less => value < limit,
                _ => value <= limit,
            };
            // 11 is absent, which cuts a run in two.
            let runs_of = |is_in: &dyn Fn(f64) -> bool| {
                let mut runs: Vec<Range<usize>> = Vec::new();
                for (at, value) in values.iter().enumerate() {
                    if *value == 11 || !is_in(f64::from(*value)) {
                        continue;
                    }
                    match runs.last_mut().filter(|run| run.end == at) {
                        Some(run) => run.end += 1,
                        None => runs.push(at..at + 1),
                    }
                }
                runs
            };
            let present = runs_of(&|_| true);
            let beyond: Vec<u32> =
                present.iter().flat_map(Clone::clone).map(|at| levels.beyond(f64::from(values[at]))).collect();
            let mut found = vec![Vec::new(); limits.len()];
            for from in (0..limits.len()).step_by(cut) {
                let to = limits.len().min(from + cut);
                add_runs(&present, &beyond, from..to, &mut found[from..to]);
            }
            for (at, limit) in limits.iter().enumerate() {
                prop_assert_eq!(&found[levels.level(at)], &runs_of(&|value| holds(value, *limit)));
            }
        });
    }
}
