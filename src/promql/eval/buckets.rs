//! `histogram_quantile`, `histogram_quantiles` and `histogram_fraction` of classic histograms.

use crate::format::go::shortest;
use crate::histogram::{Histogram, NanObservations};
use crate::labels::LabelSet;
use crate::time::Timestamp;

use super::super::annotation::{Annotation, Repaired};
use super::super::block::{self, Block};
use super::super::buckets::{Forced, bucket_fraction, bucket_quantile};
use super::super::histograms::{Histograms, steps_of};
use super::super::plan::{BucketFn, NodeId, Operand};
use super::super::program::{Notes, Place};
use super::super::roster::{Buckets, NodeState, Own, number};
use super::ranks::Ranks;
use super::{SAME_LABELS, Scratch, View, fault};

/// Takes the buckets of each group at every step to one value.
///
/// Source: promql.md 8.5. Cost: a sort of the buckets of each group at each step.
pub(super) fn evaluate(
    view: &View<'_>,
    state: &mut NodeState,
    (function, input): (BucketFn, NodeId),
    evals: &[Timestamp],
    out: &mut Block,
    scratch: &mut Scratch,
) {
    let steps = evals.len();
    let read = Read { view, labels: &view.state(input).labels, order: &view.state(input).order };
    let input = view.wide(input, steps, &mut scratch.wide[0]);
    out.reset(state.labels.len(), steps);
    let NodeState { own: Own::Buckets(histograms), map, faults, notes, .. } = state else { return };
    let vector = match function {
        BucketFn::Quantile(_) => Place::Part(2),
        BucketFn::Fraction(..) => Place::Part(3),
    };
    let mut buckets = Vec::new();
    for members in read.members(histograms, input, vector, notes).iter().filter(|members| !members.is_empty()) {
        let target = map[members.first() as usize] as usize;
        for (step, at) in evals.iter().enumerate() {
            let place = (vector, step, steps);
            let natives = read.collect(members, (input, &scratch.histograms), &mut buckets, place, notes);
            for (row, native) in natives {
                if block::has(out.bits(target), step) {
                    fault(faults, out, step, || SAME_LABELS.to_owned());
                }
                let (value, nan) = match function {
                    BucketFn::Quantile(q) => native.quantile(view.scalar(q, step)),
                    BucketFn::Fraction(lower, upper) => {
                        native.fraction(view.scalar(lower, step), view.scalar(upper, step))
                    }
                };
                read.tell_nan(row, nan, place, notes);
                out.set(target, step, value);
            }
            if buckets.is_empty() {
                continue;
            }
            if block::has(out.bits(target), step) {
                fault(faults, out, step, || SAME_LABELS.to_owned());
            }
            let value = match function {
                BucketFn::Quantile(q) => {
                    let (value, forced) = bucket_quantile(view.scalar(q, step), &mut buckets);
                    read.repaired(members.first(), forced, *at, place, notes);
                    value
                }
                BucketFn::Fraction(lower, upper) => {
                    bucket_fraction(view.scalar(lower, step), view.scalar(upper, step), &mut buckets)
                }
            };
            out.set(target, step, value);
        }
    }
}

/// The rows of a group.
#[derive(Clone, Debug, Default)]
struct Members {
    /// Those that are buckets, in order, with their bounds.
    buckets: Vec<(u32, f64)>,
    /// Those that have native histograms, in order.
    natives: Vec<u32>,
}

impl Members {
    fn is_empty(&self) -> bool {
        self.buckets.is_empty() && self.natives.is_empty()
    }

    fn rows(&self) -> impl Iterator<Item = u32> {
        self.buckets.iter().map(|(row, _)| *row).chain(self.natives.iter().copied())
    }

    /// Returns one of the rows.
    fn first(&self) -> u32 {
        self.rows().next().unwrap_or_default()
    }
}

/// What the buckets of a node are read from.
struct Read<'a> {
    view: &'a View<'a>,
    /// By row.
    labels: &'a [LabelSet],
    order: &'a [u32],
}

impl Read<'_> {
    /// Returns by group its rows; notes those whose samples are neither buckets nor native histograms.
    fn members(&self, histograms: &Buckets, input: &Block, vector: Place, notes: &mut Notes) -> Vec<Members> {
        let mut members = vec![Members::default(); histograms.groups.len()];
        for row in self.order {
            let at = *row as usize;
            let group = &mut members[histograms.groups.of[at] as usize];
            let natives = steps_of(input, at);
            if block::any(&natives) {
                group.natives.push(*row);
            }
            match histograms.bounds[at] {
                Some(bound) => group.buckets.push((*row, bound)),
                None => {
                    let floats: Vec<u64> = input.bits(at).iter().zip(&natives).map(|(all, not)| all & !not).collect();
                    notes.add(vector, &floats, || Annotation::BadBucketLabel {
                        le: self.labels[at].get("le").unwrap_or_default().to_owned(),
                        metric: self.name(*row),
                    });
                }
            }
        }
        members
    }

    /// Collects the buckets of a group that are there at a step, and returns its native histograms. Where there are both,
    /// there is neither.
    fn collect<'h>(
        &self,
        members: &Members,
        (input, histograms): (&Block, &'h Histograms),
        buckets: &mut Vec<(f64, f64)>,
        (vector, step, steps): (Place, usize, usize),
        notes: &mut Notes,
    ) -> Vec<(u32, &'h Histogram)> {
        let bucket = |(row, bound): &(u32, f64)| {
            let count = input.get(*row as usize, step)?;
            histograms.get(count).is_none().then_some((*bound, count))
        };
        buckets.clear();
        buckets.extend(members.buckets.iter().filter_map(bucket));
        let native = |row: &u32| Some((*row, histograms.get(input.get(*row as usize, step)?)?.as_ref()));
        let mut natives: Vec<(u32, &Histogram)> = members.natives.iter().filter_map(native).collect();
        if !buckets.is_empty()
            && let Some(at) = natives.iter().position(|(row, _)| self.labels[*row as usize].get("le").is_none())
        {
            let metric = self.name(natives[at].0);
            notes.add_at(vector, (step, steps), Annotation::MixedClassic { metric });
            natives.remove(at);
            buckets.clear();
        }
        natives
    }

    /// Notes that observations of NaN count for a result.
    fn tell_nan(
        &self,
        row: u32,
        nan: Option<NanObservations>,
        (vector, step, steps): (Place, usize, usize),
        notes: &mut Notes,
    ) {
        let metric = || self.name(row);
        let what = match nan {
            None => return,
            Some(NanObservations::Result) => Annotation::NanQuantile { metric: metric() },
            Some(NanObservations::Skewed) => Annotation::NanSkewed { metric: metric() },
            Some(NanObservations::Excluded) => Annotation::NanFraction { metric: metric() },
        };
        notes.add_at(vector, (step, steps), what);
    }

    /// Notes that the counts of the histogram of a row were raised.
    fn repaired(
        &self,
        row: u32,
        forced: Option<Forced>,
        at: Timestamp,
        (vector, step, steps): (Place, usize, usize),
        notes: &mut Notes,
    ) {
        if let Some(forced) = forced {
            let repaired = Repaired::of(self.name(row), forced, at);
            notes.add_at(vector, (step, steps), Annotation::Repaired(repaired));
        }
    }

    /// Returns the metric of a row. Without delayed removal of names Prometheus has dropped it by now.
    fn name(&self, row: u32) -> String {
        let name = self.labels[row as usize].metric().filter(|_| self.view.plan.options.delayed_names);
        name.unwrap_or_default().to_owned()
    }
}

/// Takes the buckets of each group at every step to a value for each quantile: a row for each, found as it comes.
///
/// Source: histograms.md 6.2. Cost: as that of [`evaluate`], for each quantile.
pub(super) fn quantiles(
    view: &View<'_>,
    state: &mut NodeState,
    label: &str,
    (quantiles, input): (&[Operand], NodeId),
    evals: &[Timestamp],
    out: &mut Block,
    scratch: &mut Scratch,
) {
    let (steps, delayed) = (evals.len(), view.plan.options.delayed_names);
    let order = &view.state(input).order;
    let read = Read { view, labels: &view.state(input).labels, order };
    let vector = Place::Part(1);
    let input = view.wide(input, steps, &mut scratch.wide[0]);
    out.reset(state.labels.len(), steps);
    let own = std::mem::take(&mut state.own);
    if let Own::Buckets(histograms) = &own {
        let keys = histograms.groups.all_keys();
        let members = read.members(histograms, input, vector, &mut state.notes);
        let ranks = Ranks::of(input, order);
        let most = ranks.most();
        let mut buckets = Vec::new();
        for (at, quantile) in (0..).zip(quantiles) {
            for (key, members) in keys.iter().zip(&members) {
                let mut last: Option<(u64, usize)> = None;
                for (step, time) in evals.iter().enumerate() {
                    let place = (vector, step, steps);
                    let natives =
                        read.collect(members, (input, &scratch.histograms), &mut buckets, place, &mut state.notes);
                    if buckets.is_empty() && natives.is_empty() {
                        continue;
                    }
                    let q = view.scalar(*quantile, step);
                    let row = match last {
                        Some((bits, row)) if bits == q.to_bits() => row,
                        _ => {
                            let labels = if delayed { key } else { &key.without_metric() };
                            let labels = labels.to_builder().set(label, &quantile_text(q)).build();
                            let row = state.row(&labels, delayed) as usize;
                            out.grow(row + 1);
                            row
                        }
                    };
                    last = Some((q.to_bits(), row));
                    if block::has(out.bits(row), step) {
                        fault(&mut state.faults, out, step, || SAME_LABELS.to_owned());
                    }
                    for (from, native) in &natives {
                        let (value, nan) = native.quantile(q);
                        read.tell_nan(*from, nan, place, &mut state.notes);
                        out.set(row, step, value);
                    }
                    if !buckets.is_empty() {
                        let (value, forced) = bucket_quantile(q, &mut buckets);
                        // The first quantile that is one repairs the buckets for all others.
                        let is_one = |q: &Operand| (0.0..=1.0).contains(&view.scalar(*q, step));
                        let forced = forced.filter(|_| !quantiles[..at as usize].iter().any(is_one));
                        read.repaired(members.first(), forced, *time, place, &mut state.notes);
                        out.set(row, step, value);
                    }
                    if state.ordered {
                        out.begin_ranks();
                        let present = members.rows().filter(|row| input.get(*row as usize, step).is_some());
                        let first = present.map(|row| ranks.get(row as usize, step)).min().unwrap_or(0);
                        out.rank_up(row, step, at * most + first);
                    }
                }
            }
        }
        state.order = (0..number(state.labels.len())).collect();
    }
    state.own = own;
}

/// Formats a quantile for its label.
///
/// Source: Prometheus' `FormatOpenMetricsFloat`.
fn quantile_text(q: f64) -> String {
    // -0 is 0, too.
    let text = shortest(q + 0.0);
    if q.is_finite() && !text.contains(['.', 'e']) { text + ".0" } else { text }
}
