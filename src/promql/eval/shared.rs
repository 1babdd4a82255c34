//! What the nodes of a family of windows folded: once a run for each series that several of them have.

use super::super::block::Block;
use super::super::plan::{Folded, Operand};
use super::super::rollup::{self, Param, RangeFn, Windows};
use super::super::roster::{Found, Shared};
use super::View;
use super::window::Window;

/// The rows that a family folded in the latest run. Nothing is cleared between runs: each row has the number of the run
/// that it is of.
#[derive(Default)]
pub(crate) struct Rows {
    /// By place.
    runs: Vec<u64>,
    values: Vec<f64>,
    present: Vec<u64>,
}

/// A family of windows, as one of its nodes sees it.
pub(super) struct Family<'a> {
    folded: &'a Folded,
    shared: &'a Shared,
    numbers: &'a [u32],
    rows: &'a mut Rows,
    run: u64,
    steps: usize,
}

impl<'a> Family<'a> {
    /// Opens the family of a node in a run of so many steps, if it has one.
    pub(super) fn open(
        view: &View<'a>,
        window: &Window<'_>,
        found: &'a Found,
        rows: &'a mut [Rows],
        run: u64,
        steps: usize,
    ) -> Option<Self> {
        let family = view.plan.nodes[window.node].place.family? as usize;
        let (folded, shared, rows) = (&view.plan.families[family], &view.shared[family], &mut rows[family]);
        let places = shared.count();
        // Rows stay where they are while places are added.
        if rows.runs.len() < places {
            rows.runs.resize(places, 0);
        }
        let values = places * folded.outputs() * steps;
        if rows.values.len() < values {
            rows.values.resize(values, 0.0);
        }
        let present = places * steps.div_ceil(64);
        if rows.present.len() < present {
            rows.present.resize(present, 0);
        }
        Some(Self { folded, shared, numbers: &found.numbers, rows, run, steps })
    }

    /// Returns the place of a row of the node, if another node has its series too.
    pub(super) fn place(&self, row: usize) -> Option<usize> {
        self.shared.place(self.numbers[row])
    }

    /// Returns where to fold a series that no node has folded in this run.
    pub(super) fn begin(&mut self, place: usize) -> Option<Target<'_>> {
        if std::mem::replace(&mut self.rows.runs[place], self.run) == self.run {
            return None;
        }
        let words = self.steps.div_ceil(64);
        let present = &mut self.rows.present[place * words..][..words];
        present.fill(0);
        let wide = self.folded.outputs() * self.steps;
        Some(Target { folded: self.folded, values: &mut self.rows.values[place * wide..][..wide], present })
    }

    /// Writes to a row of the node what was folded at a place, with the scalars of the node.
    pub(super) fn show(&self, place: usize, param: (Operand, Param<'_>), out: &mut Block, row: usize) {
        let words = self.steps.div_ceil(64);
        let wide = self.folded.outputs() * self.steps;
        let values = &self.rows.values[place * wide..][..wide];
        let (out, present) = out.row_mut(row);
        present.copy_from_slice(&self.rows.present[place * words..][..words]);
        match (self.folded, param.0) {
            (Folded::Line, _) => {
                let (slopes, intercepts) = values.split_at(self.steps);
                out.copy_from_slice(slopes);
                rollup::predict(intercepts, param.1, out);
            }
            (Folded::Quantiles(quantiles), Operand::Const(quantile)) => {
                let at = quantiles.iter().position(|known| known.to_bits() == quantile.to_bits()).unwrap_or_default();
                out.copy_from_slice(&values[at * self.steps..][..self.steps]);
            }
            (Folded::Result | Folded::Quantiles(_), _) => out.copy_from_slice(values),
        }
    }
}

/// Where the windows of a series are folded to.
pub(super) struct Target<'a> {
    folded: &'a Folded,
    /// By output and step.
    values: &'a mut [f64],
    present: &'a mut [u64],
}

impl Target<'_> {
    /// Folds the windows of a series.
    pub(super) fn fold(
        self,
        function: RangeFn,
        windows: &Windows<'_>,
        params: [Param<'_>; 2],
        scratch: &mut rollup::Scratch,
    ) {
        match self.folded {
            Folded::Result => rollup::roll(function, windows, params, scratch, self.values, self.present),
            Folded::Line => rollup::lines(windows, scratch, self.values, self.present),
            Folded::Quantiles(quantiles) => rollup::quantiles(quantiles, windows, scratch, self.values, self.present),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::labels::LabelSet;
    use crate::promql::parse::parse;
    use crate::promql::plan::{Context, LowerOptions};
    use crate::promql::probe::Unheard;
    use crate::promql::program::{Inputs, Program, Root, Steps};
    use crate::store::{Batch, Hidden, SeriesId, Store, stale_marker};
    use crate::time::{Millis, Timestamp};

    fn program(exprs: &[&str]) -> Program {
        let options = LowerOptions {
            lookback: Millis(300_000),
            subquery_step: Millis(60_000),
            delayed_names: false,
            start_timestamps: false,
            context: Context::Rule,
            reads_written: false,
        };
        let mut program = Program::new(options);
        for expr in exprs {
            let parsed = parse(expr);
            assert!(parsed.problems.is_empty() && program.add(&parsed.expr).is_ok(), "{expr}");
        }
        program
    }

    /// Returns what each root shows in a run: its samples in order, and the steps that fail.
    fn run(program: &mut Program, store: &Store, slots: &[Timestamp]) -> Vec<String> {
        let mut told = Vec::new();
        let steps = Steps { slots, offset: Millis::ZERO };
        program.run_probed(&Inputs::of(store), &steps, &mut Unheard, &mut |_, root: Root<'_>| {
            let mut text = String::new();
            for row in root.order.iter().map(|row| *row as usize) {
                let bits = &root.present[row * root.words..][..root.words];
                for step in super::super::block::ones(bits) {
                    let value = root.values[row * root.steps + step];
                    // Any NaN is any other.
                    let bits = if value.is_nan() { 0 } else { value.to_bits() };
                    text += &format!("{}@{step}={bits:x} ", root.labels[row]);
                }
            }
            told.push(format!("{text}{:?}", root.failed));
        });
        told
    }

    /// Appends samples of `m` at some slots of 15 s, of series with these numbers: each its own walk, with gaps, and
    /// ends of series.
    fn grow(store: &mut Store, ids: &[(SeriesId, i64)], slots: std::ops::Range<i64>) {
        let mut batch = Batch::default();
        for slot in slots {
            for (id, seed) in ids {
                let noise = (slot * 7919 + seed * 104_729) % 1013;
                let value = if noise % 97 == 0 { stale_marker() } else { (noise - 300) as f64 * 0.37 + slot as f64 };
                if noise % 11 > 0 {
                    batch.push(*id, Timestamp(slot * 15_000), value, 0);
                }
            }
        }
        store.append(&batch).expect("in order");
    }

    /// Checks that expressions in one program, in this order and backwards, give what each gives alone, while series
    /// appear between the runs, of one step and of many.
    fn check(exprs: &[&str]) {
        let backwards: Vec<&str> = exprs.iter().rev().copied().collect();
        for exprs in [exprs, &backwards] {
            let mut store = Store::default();
            store.keep_all();
            let mut together = program(exprs);
            let mut alone: Vec<Program> = exprs.iter().map(|expr| program(&[expr])).collect();
            together.bind(&mut store, &Hidden::default(), None);
            alone.iter_mut().for_each(|program| program.bind(&mut store, &Hidden::default(), None));
            let mut ids = Vec::new();
            let mut slot = 0;
            for (phase, run_of) in [40, 1, 70, 1, 1, 130, 70].into_iter().enumerate() {
                let phase = phase as i64;
                for job in ["a", "b"] {
                    let labels = [("__name__", "m"), ("job", job), ("i", &phase.to_string())];
                    ids.push((store.series(&LabelSet::new(labels)), phase * 2 + i64::from(job == "a")));
                }
                grow(&mut store, &ids, slot..slot + run_of);
                let slots: Vec<Timestamp> = (slot..slot + run_of).map(|at| Timestamp(at * 15_000)).collect();
                slot += run_of;
                let expected: Vec<String> = alone.iter_mut().flat_map(|one| run(one, &store, &slots)).collect();
                assert_eq!(run(&mut together, &store, &slots), expected, "{exprs:?}, phase {phase}");
            }
            let shares = |program: &Program| program.shared.iter().any(|family| family.count() > 0);
            assert!(shares(&together) || together.inner.iter().any(shares), "{exprs:?}");
        }
    }

    #[test]
    fn filtered_and_unfiltered_windows_are_folded_once() {
        for function in ["rate", "avg_over_time", "max_over_time", "deriv", "stddev_over_time", "changes"] {
            let expr = |matchers: &str, range: &str| format!("{function}(m{matchers}[{range}])");
            let exprs = [
                expr("", "10m"),
                expr("{job=\"a\"}", "10m"),
                expr("{i=~\"[0-3]\"}", "10m"),
                format!("sum by (job) ({}) > 1", expr("{job=~\"a|b\"}", "10m")),
                expr("{job=\"b\"}", "5m"),
                expr("{job=\"none\"}", "10m"),
            ];
            check(&exprs.each_ref().map(String::as_str));
        }
    }

    #[test]
    fn lines_go_on_for_any_time() {
        check(&[
            "predict_linear(m[20m], 3600) < 100",
            "predict_linear(m{job=\"a\"}[20m], 7200)",
            "predict_linear(m{job=\"b\"}[20m], time() / 2)",
            "predict_linear(m{i=~\"[1-4]\"}[20m], -Inf)",
        ]);
    }

    #[test]
    fn quantiles_of_one_window_are_taken_together() {
        check(&[
            "quantile_over_time(0.5, m[10m])",
            "quantile_over_time(0.95, m{job=\"a\"}[10m])",
            "quantile_over_time(NaN, m{job=\"b\"}[10m])",
            "quantile_over_time(2, m{job=\"b\"}[10m])",
            "quantile_over_time(time() % 600 / 600, m[10m])",
            "mad_over_time(m[10m]) > mad_over_time(m{job=\"a\"}[10m])",
        ]);
    }

    #[test]
    fn windows_inside_subqueries_are_folded_once() {
        check(&[
            "max_over_time((rate(m[5m]) - on (job, i) rate(m{job=\"a\"}[5m]))[10m:1m])",
            "max_over_time(rate(m[5m])[10m:1m])",
            "rate(m[5m])",
            "rate(m{job=\"a\"}[5m] offset 1m)",
            "rate(m[5m] offset 1m)",
        ]);
    }
}
