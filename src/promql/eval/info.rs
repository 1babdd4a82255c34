//! `info`: samples with the labels of the infos about their targets.

use hashbrown::{HashMap, HashSet};

use crate::labels::LabelSet;
use crate::marker::histogram_number;

use super::super::block::{self, Block};
use super::super::plan::{InfoJoin, NodeId};
use super::super::roster::{Infos, NodeState, Own, number};
use super::ranks::Ranks;
use super::{SAME_LABELS, Scratch, View, fault};

type FixedState = foldhash::fast::FixedState;

/// Adds to the samples of each step the labels of the infos with the same instance and job, the newest of each name.
///
/// Each step stands by itself: Prometheus takes the instances and jobs of all steps of a range together, which decides
/// only whether an info without one of these labels counts.
///
/// Source: histograms.md 9.3; Prometheus' `combineWithInfoVector`. Cost: linear in the samples and infos of each step; a
/// label set is made where a series has other infos than at its step before.
pub(super) fn evaluate(
    view: &View<'_>,
    state: &mut NodeState,
    join: &InfoJoin,
    [base, infos, values]: [NodeId; 3],
    steps: usize,
    out: &mut Block,
    scratch: &mut Scratch,
) {
    let [wide_base, wide_infos] = &mut scratch.wide;
    let (base_state, infos_state) = (view.state(base), view.state(infos));
    let (base, infos) = (view.wide(base, steps, wide_base), view.wide(infos, steps, wide_infos));
    // It has as many steps as the infos, one or all.
    let values = view.block(values);
    out.reset(state.labels.len(), steps);
    out.mixed = base.mixed;
    let mut own = std::mem::take(&mut state.own);
    if let Own::Infos(known) = &mut own {
        let ranks = Ranks::of(base, &base_state.order);
        let mut step_infos = StepInfos::default();
        // By row of the samples: the infos it had last, and the row that it went to.
        let mut last: Vec<(Vec<u32>, Option<u32>)> = vec![(Vec::new(), None); base.rows];
        let mut found = Vec::new();
        for step in 0..steps {
            if let Err(words) = step_infos.find(known, base, (infos, values, infos_state), step) {
                fault(&mut state.faults, out, step, || words);
                continue;
            }
            for row in base_state.order.iter().map(|row| *row as usize) {
                let Some(value) = base.get(row, step) else { continue };
                found.clear();
                if let Some(identity) = known.base[row].identity {
                    let newest = |name| step_infos.newest.get(&(identity.pair, name));
                    found.extend((0..known.names()).filter_map(newest).map(|(_, info)| *info));
                    if found.is_empty() && join.required {
                        continue;
                    }
                }
                let target = match &last[row] {
                    (infos, Some(target)) if *infos == found => *target,
                    _ => match combined(known, &base_state.labels[row], &found) {
                        Ok(labels) => state.row(&labels, base_state.drops[row]),
                        Err(words) => {
                            fault(&mut state.faults, out, step, || words);
                            break;
                        }
                    },
                };
                last[row] = (found.clone(), Some(target));
                if target as usize == known.placed.len() {
                    known.placed.push(number(row));
                }
                let target = target as usize;
                out.grow(target + 1);
                if block::has(out.bits(target), step) {
                    fault(&mut state.faults, out, step, || SAME_LABELS.to_owned());
                }
                out.set(target, step, value);
                if state.ordered {
                    out.begin_ranks();
                    out.rank_up(target, step, ranks.get(row, step));
                }
            }
        }
        state.order_as(base_state, &known.placed);
    }
    state.own = own;
}

/// The infos of one step.
#[derive(Default)]
struct StepInfos {
    /// By instance and job, and by name: when the newest one was taken, and its row.
    newest: HashMap<(u32, u32), (f64, u32), FixedState>,
    /// By identifying label: its values among the samples.
    wanted: [HashSet<u32, FixedState>; 2],
}

impl StepInfos {
    /// Finds the infos that count at a step.
    ///
    /// # Errors
    /// Prometheus' words, if one is a histogram, or if two of one name are as new.
    fn find(
        &mut self,
        known: &Infos,
        base: &Block,
        (infos, values, state): (&Block, &Block, &NodeState),
        step: usize,
    ) -> Result<(), String> {
        self.newest.clear();
        self.wanted.iter_mut().for_each(HashSet::clear);
        let mut is_empty = true;
        for row in (0..base.rows).filter(|row| block::has(base.bits(*row), step)) {
            is_empty = false;
            let Some(identity) = known.base[row].identity else { continue };
            for (wanted, value) in self.wanted.iter_mut().zip(identity.values) {
                wanted.extend(value);
            }
        }
        if is_empty || self.wanted.iter().all(HashSet::is_empty) {
            return Ok(());
        }
        for row in &state.order {
            let Some(taken) = infos.get(*row as usize, step) else { continue };
            let info = &known.infos[*row as usize];
            let fits = |(wanted, value): (&HashSet<u32, FixedState>, Option<u32>)| {
                wanted.is_empty() || value.is_some_and(|value| wanted.contains(&value))
            };
            if !self.wanted.iter().zip(info.identity.values).all(fits) {
                continue;
            }
            let value = values.row(*row as usize)[step.min(values.steps - 1)];
            if values.mixed && histogram_number(value).is_some() {
                let labels = &state.labels[*row as usize];
                return Err(format!("this should be an info metric, with float samples: {labels:?}"));
            }
            let newest = self.newest.entry((info.identity.pair, info.name)).or_insert((taken, *row));
            if newest.1 != *row && newest.0 == taken {
                let [a, b] = [newest.1, *row].map(|row| &state.labels[row as usize]);
                let millis = (taken * 1000.0).round() as i64;
                return Err(format!(
                    "found duplicate series for info metric: existing {a:?} @ {millis}, new {b:?} @ {millis}"
                ));
            }
            if newest.0 < taken {
                *newest = (taken, *row);
            }
        }
        Ok(())
    }
}

/// Adds to the labels of a series those of its infos that it lacks.
///
/// # Errors
/// Prometheus' words, if two infos have two values for one.
fn combined(known: &Infos, labels: &LabelSet, infos: &[u32]) -> Result<LabelSet, String> {
    let mut added = labels.to_builder();
    for info in infos {
        for (name, value) in known.infos[*info as usize].labels.iter() {
            match added.get(name) {
                None => {
                    added.set(name, value);
                }
                Some(held) if held != value && labels.get(name).is_none() => {
                    return Err(format!("conflicting label: {name}"));
                }
                Some(_) => {}
            }
        }
    }
    Ok(added.build())
}
