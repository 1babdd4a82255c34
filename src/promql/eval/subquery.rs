//! Functions over the inner steps of a subquery.

use crate::limits;
use crate::time::{Millis, Timestamp};

use super::super::block::{self, Block};
use super::super::plan::Operand;
use super::super::probe::{InnerSteps, Probe};
use super::super::program::{Frame, Place, Program, Root};
use super::super::rollup::{self, Param, RangeFn, Windows};
use super::super::roster::{NodeState, Own};
use super::native::{self, Means, Over};
use super::repeats::Repeats;
use super::window::{Window, fail_factors};
use super::{SAME_LABELS, Scratch, View, fault, fault_of, tell};

/// Where the steps of a subquery are.
pub(super) struct Grid<'a> {
    pub(super) step: Millis,
    pub(super) offset: Millis,
    /// By step of the frame: the end of its window.
    pub(super) refs: &'a [Timestamp],
}

/// Applies a function to the inner steps in each step's window.
#[expect(clippy::too_many_arguments, reason = "one call site; the parts have nothing else in common")]
pub(super) fn of_subquery<P: Probe>(
    view: &View<'_>,
    state: &mut NodeState,
    program: &mut Program,
    window: &Window<'_>,
    grid: &Grid<'_>,
    frame: &Frame<'_>,
    out: &mut Block,
    scratch: &mut Scratch,
    probe: &mut P,
) {
    let steps = frame.evals.len();
    out.reset(state.labels.len(), steps);
    // Steps that see less than the whole of what their inner steps ask for are evaluated one by one: two of them may
    // see different samples at the same inner step. In a subquery of a subquery all steps see what the outermost sees.
    let same_slot = frame.slots.windows(2).all(|pair| pair[0] == pair[1]);
    let same_query = frame.query.is_some() || !program.reads_query_time();
    let shared = same_query && (same_slot || sees_all(program, grid, frame));
    // So are those whose inner steps may fail each other.
    let together = frame.query.is_some() || view.is_range();
    let shared = shared && (together || !program.may_repeat());
    let refs = grid.refs;
    let rows = program.rows(&frame.inputs).max(1);
    let most = limits::SUBQUERY_VALUES / rows;
    let points = usize::try_from(window.range.0 / grid.step.0).unwrap_or(usize::MAX);
    if points > most {
        (0..steps).for_each(|step| fault(&mut state.faults, out, step, || TOO_MANY.to_owned()));
        return;
    }
    let most = if shared { most.min((SHARED_VALUES / rows).max(points.saturating_mul(2))) } else { 0 };
    let many = if P::COUNTS { program.multiplicity(0) } else { Vec::new() };
    for run in runs_of(refs, window.range, grid.step, most) {
        let (Some(first), Some(last)) = (refs[run.clone()].first(), refs[run.clone()].last()) else { continue };
        let times = grid_times(first.minus(window.range), *last, grid.step);
        if times.is_empty() {
            continue;
        }
        let slot = if shared && !same_slot { Timestamp::MAX } else { frame.slots[run.start] };
        let query = Some(frame.query.unwrap_or(frame.evals[run.start]));
        let slots = vec![slot; times.len()];
        let inner =
            InnerSteps { first: run.start, refs: &refs[run.clone()], range: window.range, times: &times, many: &many };
        probe.enter_subquery(&inner);
        let inner = Frame { inputs: frame.inputs, evals: &times, slots: &slots, query };
        program.run_frame(&inner, probe, &mut |_, _: Root<'_>| {});
        probe.leave_subquery();
        if run.len() > 1 && !together && program.may_repeat() {
            // Only now rows were found that may: begin again, step by step.
            state.faults.clear();
            return of_subquery(view, state, program, window, grid, frame, out, scratch, probe);
        }
        let run = Run { steps: run, refs, times: &times };
        // What was told inside comes before what is told of it.
        tell_windows(state, program, window, &run);
        fold_run(view, state, program, window, &run, frame, out, scratch);
    }
    let NodeState { own: Own::Inner(own), notes, .. } = state else { return };
    tell::windows(view, (window.function, window.params), &own.uncounted, out, notes);
}

/// What a run of steps may make of inner values, unless two windows alone are more.
const SHARED_VALUES: usize = 4 << 20;

/// Source: Prometheus, of an evaluation that goes beyond `--query.max-samples`.
const TOO_MANY: &str = "query processing would load too many samples into memory in query execution";

/// Cuts steps into runs whose windows together hold at most so many inner steps, one step at least.
fn runs_of(refs: &[Timestamp], range: Millis, step: Millis, most: usize) -> Vec<std::ops::Range<usize>> {
    let mut runs: Vec<std::ops::Range<usize>> = Vec::new();
    for (at, to) in refs.iter().enumerate() {
        match runs.last_mut() {
            Some(run) if to.since(refs[run.start]).0.saturating_add(range.0) / step.0 <= most as i64 => {
                run.end = at + 1
            }
            _ => runs.push(at..at + 1),
        }
    }
    runs
}

/// Returns whether no step of the frame sees less of a written series than its newest inner step asks for.
fn sees_all(program: &Program, grid: &Grid<'_>, frame: &Frame<'_>) -> bool {
    let Some(written) = frame.inputs.written else { return true };
    let Some((slot, eval)) = frame.slots.first().zip(frame.evals.first()) else { return true };
    let longest = written.lags.longest();
    let least = program.least_offset().0.saturating_add(grid.offset.0).saturating_add(slot.since(*eval).0);
    least >= longest.0
}

/// Lists the multiples of a step with `from < time <= to`.
fn grid_times(from: Timestamp, to: Timestamp, step: Millis) -> Vec<Timestamp> {
    let first = from.0.div_euclid(step.0).saturating_add(1).saturating_mul(step.0);
    let mut times = Vec::new();
    let mut time = first;
    while time <= to.0 {
        times.push(Timestamp(time));
        time += step.0;
    }
    times
}

/// Steps of the frame whose windows are on one grid.
struct Run<'a> {
    steps: std::ops::Range<usize>,
    refs: &'a [Timestamp],
    times: &'a [Timestamp],
}

#[expect(clippy::too_many_arguments, reason = "one call site; the parts have nothing else in common")]
fn fold_run(
    view: &View<'_>,
    state: &mut NodeState,
    program: &Program,
    window: &Window<'_>,
    run: &Run<'_>,
    frame: &Frame<'_>,
    out: &mut Block,
    scratch: &mut Scratch,
) {
    let (inner, block) = program.root_state(0);
    bind_inner(view, state, inner, window.function);
    out.grow(state.labels.len());
    let refs = &run.refs[run.steps.clone()];
    let evals = &frame.evals[run.steps.clone()];
    let spread;
    let block = if block.steps == run.times.len() {
        block
    } else {
        let mut wide = Block::default();
        super::broadcast(block, run.times.len(), &mut wide);
        spread = wide;
        &spread
    };
    fail_windows(state, program, window, run, block, out);
    let mut places = vec![0; block.rows];
    if state.merged
        && state.ordered
        && let Own::Inner(own) = &state.own
    {
        if out.ranks.is_empty() {
            out.begin_ranks();
            // Until now no two inner rows had gone to one.
            for (row, rank) in state.order.iter().zip(0..) {
                out.ranks[*row as usize * out.steps..][..run.steps.start].fill(rank);
            }
        }
        (0..).zip(&own.placed).for_each(|(at, row)| places[*row as usize] = at);
    }
    let words = run.steps.len().div_ceil(64);
    let mut met = Repeats::of(view, frame, state);
    let mut row_values = vec![0.0; run.steps.len()];
    let mut row_bits = vec![0; words];
    for (row, place) in places.into_iter().enumerate() {
        row_bits.fill(0);
        let params = [0, 1].map(|at| match window.params[at] {
            Operand::Const(value) => Param::Const(value),
            Operand::Node(_) => Param::Steps(&scratch.params[at][run.steps.clone()]),
        });
        if block.mixed {
            out.mixed = true;
            let over = Over {
                function: window.function,
                params,
                edges: None,
                started: false,
                range: window.range,
                looked_at: (refs, window.range),
                refs,
                evals,
            };
            let Scratch { histograms, rollup: folds, .. } = scratch;
            let means = &mut Means { histograms, notes: &mut state.notes, scratch: folds, steps: out.steps };
            let metric = inner.labels[row].metric().unwrap_or_default();
            let held = program.histograms();
            for (step, value) in native::of_rows((block, row, run.times), held, &over, metric, (run.steps.start, means))
            {
                row_values[step - run.steps.start] = value;
                block::set(&mut row_bits, step - run.steps.start);
            }
        } else {
            scratch.times.clear();
            scratch.values.clear();
            for step in block::ones(block.bits(row)) {
                scratch.times.push(run.times[step]);
                scratch.values.push(block.row(row)[step]);
            }
            if scratch.times.is_empty() {
                continue;
            }
            scratch.bounds.clear();
            rollup::bounds(&scratch.times, refs, None, window.range, &mut scratch.bounds);
            let windows = Windows {
                times: &scratch.times,
                values: &scratch.values,
                bounds: &scratch.bounds,
                refs,
                evals,
                range: window.range,
            };
            rollup::roll(window.function, &windows, params, &mut scratch.rollup, &mut row_values, &mut row_bits);
        }
        let target = if state.merged { state.map[row] as usize } else { row };
        met.add(super::number(target), super::number(row), block::any(&row_bits));
        for at in block::ones(&row_bits) {
            let step = run.steps.start + at;
            if block::has(out.bits(target), step) {
                fault(&mut state.faults, out, step, || SAME_LABELS.to_owned());
            }
            out.set(target, step, row_values[at]);
            if state.merged && state.ordered {
                out.rank_up(target, step, place);
            }
        }
    }
    met.fail(view, state, out, run.steps.clone());
    fail_factors(view, window, run.steps.clone(), &mut state.faults, out, |step| {
        let (from, to) = (run.refs[step].minus(window.range), run.refs[step]);
        let within = run.times.partition_point(|at| *at <= from)..run.times.partition_point(|at| *at <= to);
        within.into_iter().any(|at| (0..block.rows).any(|row| block::has(block.bits(row), at)))
    });
}

/// Adds rows for what the inner program gained.
fn bind_inner(view: &View<'_>, state: &mut NodeState, inner: &NodeState, function: RangeFn) {
    if state.seen[0] == inner.labels.len() {
        return;
    }
    for at in state.seen[0]..inner.labels.len() {
        let drops = inner.drops[at];
        state.add_mapped(&inner.labels[at], drops, !function.keeps_name(), view.plan.options.delayed_names);
        let row = if state.merged { state.map[at] } else { super::number(at) };
        if let Own::Inner(own) = &mut state.own {
            own.uncounted.add(function, &inner.labels[at], row);
        }
    }
    state.seen[0] = inner.labels.len();
    // Which of them comes first at some inner step says nothing: label order, as of a selector.
    let mut by_labels: Vec<u32> = (0..super::number(inner.labels.len())).collect();
    by_labels.sort_by(|a, b| inner.labels[*a as usize].cmp(&inner.labels[*b as usize]));
    state.order_by(&by_labels);
    if let Own::Inner(own) = &mut state.own {
        own.placed = by_labels;
    }
}

/// Tells at each step what was told at the inner steps in its window.
fn tell_windows(state: &mut NodeState, program: &Program, window: &Window<'_>, run: &Run<'_>) {
    for told in program.told_by(0, run.times.len()) {
        let mut bits = vec![0; run.refs.len().div_ceil(64)];
        for step in run.steps.clone() {
            let from = run.times.partition_point(|at| *at <= run.refs[step].minus(window.range));
            let to = run.times.partition_point(|at| *at <= run.refs[step]);
            if (from..to).any(|at| block::has(&told.steps, at)) {
                block::set(&mut bits, step);
            }
        }
        state.notes.add(Place::Within(told.what.span), &bits, || told.what.what);
    }
}

/// Fails the steps in whose window an inner step failed, with the first such fault.
fn fail_windows(
    state: &mut NodeState,
    program: &Program,
    window: &Window<'_>,
    run: &Run<'_>,
    block: &Block,
    out: &mut Block,
) {
    if !block::any(&block.failed) {
        return;
    }
    let faults = program.faults_of(0, run.times.len());
    for step in run.steps.clone() {
        let (from, to) = (run.refs[step].minus(window.range), run.refs[step]);
        let first = faults.iter().find(|fault| {
            let at = run.times[fault.step as usize];
            from < at && at <= to
        });
        if let Some(first) = first {
            fault_of(&mut state.faults, out, step, || (first.message.clone(), first.span));
        }
    }
}
