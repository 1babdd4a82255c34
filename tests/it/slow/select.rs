//! Selectors, range selectors and subqueries: from samples to vectors and windows.

use std::collections::BTreeMap;

use alertctl::labels::LabelSet;
use alertctl::promql::ast::{At, Edges, Expr, ExprKind, Modifiers, Selector, Subquery};

use super::eval::{Evaluator, Sample, Vector};
use super::{Fault, SampleValue, View, durations, edges, histogram_edges, histograms};

/// One series of a range vector: its samples within the window of each step.
pub(crate) struct Windows {
    /// Its labels.
    pub(crate) labels: LabelSet,
    /// Whether the metric name is to be dropped at the end.
    pub(crate) drop_name: bool,
    /// For each step the samples, in time order.
    pub(crate) windows: Vec<Vec<(i64, SampleValue)>>,
    /// Their start timestamps; those of a subquery have none.
    pub(crate) starts: BTreeMap<i64, i64>,
}

impl Windows {
    /// Returns the labels as the result shows them.
    pub(crate) fn final_labels(&self) -> LabelSet {
        if self.drop_name { self.labels.without_metric() } else { self.labels.clone() }
    }
}

impl Evaluator<'_> {
    /// Returns the time a selector looks from at a step.
    pub(crate) fn reference(&self, modifiers: &Modifiers, step: i64) -> Result<i64, Fault> {
        let from = match modifiers.at {
            None => step,
            Some(At::Time(at)) => at.0,
            Some(At::Start) => self.context.start,
            Some(At::End) => self.context.end,
        };
        Ok(from - durations::offset(modifiers, self.context)?)
    }

    fn is_stats_only(&self, selector: &Selector) -> bool {
        self.stats_only.contains(&std::ptr::from_ref(selector))
    }

    /// Returns the samples of a series as a selector gives them.
    fn read(&self, selector: &Selector, points: &[(i64, SampleValue)]) -> Vec<(i64, SampleValue)> {
        let stats_only = self.is_stats_only(selector);
        (0..points.len()).map(|at| (points[at].0, histograms::read(points, at, stats_only))).collect()
    }

    /// Returns the series a selector takes, in label order.
    fn matching(&self, selector: &Selector) -> Vec<&View<'_>> {
        let wanted = |labels: &LabelSet| selector.matchers.iter().all(|matcher| matcher.matches_set(labels));
        let mut found: Vec<_> = self.data.iter().filter(|(labels, _)| wanted(labels)).collect();
        found.sort_by(|a, b| a.0.cmp(b.0));
        found
    }

    /// Evaluates an instant selector, with the time of each sample; `overwrites`: a time after `@` counts in place of the offset.
    pub(crate) fn selected_with_times(
        &self,
        selector: &Selector,
        steps: &[i64],
        overwrites: bool,
    ) -> Result<Vec<Vec<(Sample, i64)>>, Fault> {
        let series = self.matching(selector);
        let mut vectors = Vec::new();
        for step in steps {
            let mut reference = self.reference(&selector.modifiers, *step)?;
            let mut lookback = self.options.lookback;
            if overwrites && selector.modifiers.at.is_some() {
                // Samples from `offset` earlier were fetched, and are looked at from where `@` is.
                let offset = durations::offset(&selector.modifiers, self.context)?;
                let at = reference + offset;
                lookback -= offset.abs();
                reference = at.min(reference);
            }
            let samples = series.iter().filter_map(|(labels, points)| {
                let newest = points.partition_point(|(at, _)| *at <= reference).checked_sub(1)?;
                let (at, value) = &points[newest];
                if *at <= reference - lookback || value.is_stale() {
                    return None;
                }
                let value = histograms::read(points, newest, self.is_stats_only(selector));
                Some((Sample { labels: (*labels).clone(), value, drop_name: false }, *at))
            });
            vectors.push(samples.collect());
        }
        Ok(vectors)
    }

    /// Evaluates an instant selector.
    pub(crate) fn selected(&self, selector: &Selector, steps: &[i64]) -> Result<Vec<Vector>, Fault> {
        if selector.modifiers.edges == Some(Edges::Smoothed) {
            return self.smoothed(selector, steps);
        }
        let vectors = self.selected_with_times(selector, steps, false)?;
        Ok(vectors.into_iter().map(|vector| vector.into_iter().map(|(sample, _)| sample).collect()).collect())
    }

    /// Evaluates a smoothed instant selector.
    fn smoothed(&self, selector: &Selector, steps: &[i64]) -> Result<Vec<Vector>, Fault> {
        let (series, lookback) = (self.matching(selector), self.options.lookback);
        let mut vectors = Vec::new();
        for reference in self.references(&selector.modifiers, steps)? {
            let sample = |(labels, points): &View<'_>| {
                let points = self.read(selector, points);
                let near = cut(labels, false, &points, &[reference + lookback], 2 * lookback).windows.remove(0);
                let value = histogram_edges::value(&near, reference)?;
                Some(Sample { labels: (*labels).clone(), value, drop_name: false })
            };
            vectors.push(series.iter().filter_map(|view| sample(view)).collect());
        }
        Ok(vectors)
    }

    /// Evaluates a range vector at each step.
    pub(crate) fn windows(&self, expr: &Expr, steps: &[i64]) -> Result<Vec<Windows>, Fault> {
        match &expr.unparen().kind {
            ExprKind::Range { selector, range, .. } => {
                let range = durations::positive(range, self.context)?;
                let (before, after) = edges::beyond(selector.modifiers.edges, self.options.lookback);
                let mut references = self.references(&selector.modifiers, steps)?;
                references.iter_mut().for_each(|end| *end += after);
                let range = range + before + after;
                let series = self.matching(selector).into_iter();
                let cut = |(labels, points): &View<'_>| Windows {
                    starts: self.starts.get(*labels).cloned().unwrap_or_default(),
                    ..cut(labels, false, &self.read(selector, points), &references, range)
                };
                Ok(series.map(cut).collect())
            }
            ExprKind::Subquery(subquery) => self.subquery(subquery, steps),
            other => panic!("not a range vector: {other:?}"),
        }
    }

    /// Returns the range of a range vector and the end of its window at each step.
    pub(crate) fn window_ends(&self, expr: &Expr, steps: &[i64]) -> Result<(i64, Vec<i64>), Fault> {
        let (range, modifiers) = match &expr.unparen().kind {
            ExprKind::Range { selector, range, .. } => (range, &selector.modifiers),
            ExprKind::Subquery(subquery) => (&subquery.range, &subquery.modifiers),
            other => panic!("not a range vector: {other:?}"),
        };
        Ok((durations::positive(range, self.context)?, self.references(modifiers, steps)?))
    }

    fn references(&self, modifiers: &Modifiers, steps: &[i64]) -> Result<Vec<i64>, Fault> {
        steps.iter().map(|step| self.reference(modifiers, *step)).collect()
    }

    /// Evaluates a subquery once over all multiples of its step that any window of the steps can hold.
    fn subquery(&self, subquery: &Subquery, steps: &[i64]) -> Result<Vec<Windows>, Fault> {
        let range = durations::positive(&subquery.range, self.context)?;
        let every = match &subquery.step {
            Some(step) => durations::positive(step, self.context)?,
            None => self.options.subquery_step,
        };
        let references = self.references(&subquery.modifiers, steps)?;
        let (Some(low), Some(high)) = (references.iter().min(), references.iter().max()) else { return Ok(Vec::new()) };
        let first = ((low - range).div_euclid(every) + 1) * every;
        let inner: Vec<i64> = (0..).map(|at| first + at * every).take_while(|at| at <= high).collect();
        if inner.is_empty() {
            return Ok(Vec::new());
        }
        let mut rows: Vec<(Sample, Vec<(i64, SampleValue)>)> = Vec::new();
        // Where names are dropped late, one step may hold a label set twice: the number tells them apart.
        let mut numbers: BTreeMap<(LabelSet, usize), usize> = BTreeMap::new();
        let vectors = self.vectors(&subquery.expr, &inner)?;
        for (at, vector) in inner.iter().zip(vectors) {
            let mut met: BTreeMap<LabelSet, usize> = BTreeMap::new();
            for sample in vector {
                let copy = met.entry(sample.labels.clone()).or_default();
                let row = *numbers.entry((sample.labels.clone(), *copy)).or_insert_with(|| {
                    rows.push((sample.clone(), Vec::new()));
                    rows.len() - 1
                });
                *copy += 1;
                rows[row].1.push((*at, histograms::without_hint(sample.value)));
            }
        }
        // Which of them comes first at the window's first step says nothing: label order, as of a selector.
        rows.sort_by(|a, b| a.0.labels.cmp(&b.0.labels));
        let window = |(sample, points): (Sample, Vec<(i64, SampleValue)>)| {
            cut(&sample.labels, sample.drop_name, &points, &references, range)
        };
        Ok(rows.into_iter().map(window).collect())
    }
}

/// Cuts the window `reference - range < t <= reference` of each step out of a series; stale markers are no samples.
fn cut(labels: &LabelSet, drop_name: bool, points: &[(i64, SampleValue)], references: &[i64], range: i64) -> Windows {
    let within = |reference: i64| {
        let until = |bound: i64| points.partition_point(|(at, _)| *at <= bound);
        let inside = &points[until(reference - range)..until(reference)];
        inside.iter().filter(|(_, value)| !value.is_stale()).cloned().collect()
    };
    let windows = references.iter().map(|reference| within(*reference)).collect();
    Windows { labels: labels.clone(), drop_name, windows, starts: BTreeMap::new() }
}
