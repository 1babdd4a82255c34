//! Rows that are series: those of selectors and of functions over ranges.

use std::cmp::Ordering;

use crate::labels::LabelSet;
use crate::store::SelectorId;

use super::super::eval::Uncounted;
use super::super::plan::Select;
use super::super::program::{Inputs, Source};
use super::super::rollup::RangeFn;
use super::{NodeState, Shared, number};

/// The series that a selector found.
#[derive(Default)]
pub(crate) struct Found {
    /// Its registrations: in the recording, and among what rules write.
    pub(crate) selectors: Option<(SelectorId, Option<SelectorId>)>,
    /// The series, by row of a selector, and of a function over ranges before rows are merged.
    pub(crate) sources: Vec<Source>,
    /// Of a selector that is not registered: the series it was bound to.
    pub(crate) waiting: Vec<Source>,
    /// Of a function over ranges: its series in order.
    pub(crate) placed: Vec<u32>,
    /// Of one that belongs to a family: the numbers of its series there.
    pub(crate) numbers: Vec<u32>,
    /// Of a rate: its series that are no counters by their names.
    pub(crate) uncounted: Uncounted,
    /// See [`super::Own::met`].
    pub(crate) met: Vec<u32>,
}

/// What a function over a subquery keeps of the program inside it.
#[derive(Default)]
pub(crate) struct Inner {
    /// The rows of that program, in label order.
    pub(crate) placed: Vec<u32>,
    /// Of a rate: the rows that come of series which are no counters by their names.
    pub(crate) uncounted: Uncounted,
    /// See [`super::Own::met`].
    pub(crate) met: Vec<u32>,
}

impl Found {
    /// Adds the series that appeared since.
    fn bind_sources(&mut self, seen: &mut [usize; 2], select: &Select, inputs: &Inputs<'_>) {
        if let Some(only) = inputs.only {
            let fits = |labels: &LabelSet| select.matchers.iter().all(|matcher| matcher.matches_set(labels));
            let recorded = only.recorded[seen[0]..].iter();
            let recorded = recorded.filter(|id| fits(inputs.recording.labels(**id)));
            self.sources.extend(recorded.map(|id| Source { written: false, id: *id }));
            seen[0] = only.recorded.len();
            if let Some(written) = inputs.written {
                let found = only.written[seen[1]..].iter().filter(|id| fits(written.store.labels(**id)));
                self.sources.extend(found.map(|id| Source { written: true, id: *id }));
                seen[1] = only.written.len();
            }
            return;
        }
        self.sources.append(&mut self.waiting);
        let Some((recorded, written)) = self.selectors else { return };
        let found = inputs.recording.selected(recorded);
        for id in &found[seen[0]..] {
            self.sources.push(Source { written: false, id: *id });
        }
        seen[0] = found.len();
        if let (Some(selector), Some(written)) = (written, inputs.written) {
            let found = written.store.selected(selector);
            for id in &found[seen[1]..] {
                self.sources.push(Source { written: true, id: *id });
            }
            seen[1] = found.len();
        }
    }

    /// Adds a row for each new series of an instant selector.
    pub(super) fn bind_select(&mut self, rows: &mut NodeState, select: &Select, inputs: &Inputs<'_>) {
        let before = self.sources.len();
        self.bind_sources(&mut rows.seen, select, inputs);
        for source in &self.sources[before..] {
            rows.labels.push(labels_of(*source, inputs).clone());
            rows.drops.push(false);
        }
        if before != self.sources.len() {
            let new = (number(before)..number(rows.labels.len())).collect();
            let order = inserted(&rows.order, new, |a, b| rows.labels[*a as usize].cmp(&rows.labels[*b as usize]));
            rows.set_order(order);
        }
    }

    /// Adds the rows that the new series of a function over ranges go to, in the order of the series.
    pub(super) fn bind_window(
        &mut self,
        rows: &mut NodeState,
        select: &Select,
        function: RangeFn,
        delayed: bool,
        inputs: &Inputs<'_>,
    ) {
        let before = self.sources.len();
        self.bind_sources(&mut rows.seen, select, inputs);
        if before == self.sources.len() {
            return;
        }
        for (row, source) in (number(before)..).zip(&self.sources[before..]) {
            let labels = labels_of(*source, inputs);
            rows.add_mapped(labels, false, !function.keeps_name(), delayed);
            self.uncounted.add(function, labels, row);
        }
        let new = (number(before)..number(self.sources.len())).collect();
        let by_series = inserted(&self.placed, new, |a, b| {
            labels_of(self.sources[*a as usize], inputs).cmp(labels_of(self.sources[*b as usize], inputs))
        });
        rows.order_by(&by_series);
        self.placed = by_series;
    }
}

impl Found {
    /// Tells the family of a function over ranges of the series that were found since.
    pub(super) fn join(&mut self, shared: &mut Shared) {
        let new = &self.sources[self.numbers.len()..];
        self.numbers.extend(new.iter().map(|source| shared.add(*source)));
    }
}

/// Returns numbers that are in order with new ones put in, each after those that are equal. Cost: a search for each new
/// one, and a copy of all.
pub(crate) fn inserted(held: &[u32], mut new: Vec<u32>, order: impl Fn(&u32, &u32) -> Ordering) -> Vec<u32> {
    new.sort_by(&order);
    let mut all = Vec::with_capacity(held.len() + new.len());
    let mut rest = held;
    for number in new {
        let (before, after) = rest.split_at(rest.partition_point(|other| order(other, &number).is_le()));
        all.extend_from_slice(before);
        all.push(number);
        rest = after;
    }
    all.extend_from_slice(rest);
    all
}

fn labels_of<'a>(source: Source, inputs: &Inputs<'a>) -> &'a LabelSet {
    inputs.store_of(source).labels(source.id)
}
