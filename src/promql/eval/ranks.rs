//! The order of a node's samples at each step, where it is another than that of the rows.
//!
//! Rows have one order for all steps. Where rows stand for the first of several that is there, or are ordered by value,
//! the order changes from step to step: then each value has a rank. Ranks are assigned only where something folds,
//! chooses or shows in order, and only if the order of the rows does not tell the same.

use super::super::ast::BinaryOp;
use super::super::block::{self, Block};
use super::super::histograms::steps_of;
use super::super::plan::{Fill, Kind, NodeId, SortBy, VectorBinary, WindowInput};
use super::super::roster::{MISSING, NodeState, Own, number};
use super::View;

/// The rank of a value that is not there.
const NOWHERE: u32 = u32::MAX;

/// The order of a node's samples, whether it changes or not.
pub(super) struct Ranks<'a> {
    block: &'a Block,
    /// By row, where the order does not change.
    places: Vec<u32>,
}

impl<'a> Ranks<'a> {
    /// Reads the order of a block whose rows stand in a given order.
    pub(super) fn of(block: &'a Block, order: &[u32]) -> Self {
        let mut places = Vec::new();
        if block.ranks.is_empty() {
            places.resize(block.rows, NOWHERE);
            for (at, row) in order.iter().enumerate() {
                places[*row as usize] = number(at);
            }
        }
        Self { block, places }
    }

    pub(super) fn get(&self, row: usize, step: usize) -> u32 {
        if self.block.ranks.is_empty() { self.places[row] } else { self.block.ranks[row * self.block.steps + step] }
    }

    pub(super) fn most(&self) -> u32 {
        let ranks = if self.block.ranks.is_empty() { &self.places } else { &self.block.ranks };
        ranks.iter().copied().filter(|rank| *rank != NOWHERE).max().map_or(0, |most| most + 1)
    }
}

/// Writes the rows that are present at a step, in the order of their ranks.
pub(super) fn in_order(input: &Block, step: usize, rows: &mut Vec<u32>) {
    rows.clear();
    rows.extend((0..number(input.rows)).filter(|row| block::has(input.bits(*row as usize), step)));
    rows.sort_unstable_by_key(|row| input.ranks[*row as usize * input.steps + step]);
}

impl Block {
    /// Gives every value a rank: nowhere, as yet.
    pub(super) fn begin_ranks(&mut self) {
        if self.ranks.is_empty() {
            self.ranks.resize(self.rows * self.steps, NOWHERE);
        }
    }

    /// Moves a value up to a rank, if it is below it.
    pub(super) fn rank_up(&mut self, row: usize, step: usize, rank: u32) {
        let held = &mut self.ranks[row * self.steps + step];
        *held = rank.min(*held);
    }
}

/// Ranks the values of a node that was evaluated, if the order of its rows is not theirs.
pub(super) fn assign(
    view: &View<'_>,
    at: NodeId,
    state: &NodeState,
    raw: &Block,
    wide: &mut [Block; 2],
    out: &mut Block,
) {
    let steps = out.steps;
    let [first, second] = wide;
    match &view.plan.nodes[at].kind {
        // Windows of subqueries are ranked as they are folded.
        Kind::Window { input: WindowInput::Selector(_), .. } if state.merged => {
            let Own::Found(found) = &state.own else { return };
            members(raw, &Ranks::of(raw, &found.placed), &found.placed, &state.map, out);
        }
        Kind::Map { input, .. } | Kind::Relabel { input, .. } | Kind::Limit { input, .. } => {
            let is_map = matches!(view.plan.nodes[at].kind, Kind::Map { .. });
            let order = &view.state(*input).order;
            let input = view.wide(*input, steps, first);
            if state.merged && input.mixed && is_map {
                // Of histograms it may have made nothing.
                rank_all(raw, &Ranks::of(input, order), order, &state.map, out);
            } else if state.merged {
                members(input, &Ranks::of(input, order), order, &state.map, out);
            } else {
                out.ranks.extend_from_slice(&input.ranks);
            }
        }
        Kind::Aggregate { input, .. } => {
            let order = &view.state(*input).order;
            let input = view.wide(*input, steps, first);
            members(input, &Ranks::of(input, order), order, &state.map, out);
        }
        Kind::Buckets { input, .. } => {
            let Own::Buckets(buckets) = &state.own else { return };
            let order = &view.state(*input).order;
            let input = view.wide(*input, steps, first);
            let (ranks, is_bucket) = (Ranks::of(input, order), |row: u32| buckets.bounds[row as usize].is_some());
            if input.mixed {
                return natives_first(input, &ranks, (order, is_bucket), &state.map, out);
            }
            let bounded = order.iter().copied().filter(|row| is_bucket(*row));
            members(input, &ranks, &bounded.collect::<Vec<_>>(), &state.map, out);
        }
        Kind::VectorBinary(op) => {
            let order = &view.state(op.many_node).order;
            let many = view.wide(op.many_node, steps, first);
            pairs(state, op, (many, &Ranks::of(many, order)), view.wide(op.one_node, steps, second), out);
        }
        Kind::FilledBinary { binary, fill } => {
            let (many_order, one_order) = (&view.state(binary.many_node).order, &view.state(binary.one_node).order);
            let (many, one) = (view.wide(binary.many_node, steps, first), view.wide(binary.one_node, steps, second));
            filled(state, *fill, (many, &Ranks::of(many, many_order)), (one, &Ranks::of(one, one_order)), out);
        }
        Kind::Set { op, lhs, rhs, .. } => {
            let (left, right) = (view.wide(*lhs, steps, first), view.wide(*rhs, steps, second));
            let left_ranks = Ranks::of(left, &view.state(*lhs).order);
            let right_ranks = Ranks::of(right, &view.state(*rhs).order);
            set(state, *op, (left, &left_ranks), (right, &right_ranks), out);
        }
        Kind::TopK { bottom, input, .. } => {
            let order = &view.state(*input).order;
            let input = view.wide(*input, steps, first);
            chosen(state, *bottom, (input, &Ranks::of(input, order)), out);
        }
        Kind::Sort { by: SortBy::Value { descending }, input } => {
            let order = &view.state(*input).order;
            let input = view.wide(*input, steps, first);
            by_value(*descending, &Ranks::of(input, order), out);
        }
        // `count_values`, `histogram_quantiles` and `info` rank as they find rows; the rest have rows that stand as they are.
        _ => {}
    }
}

/// Ranks rows by the first of their members that is present; `order` lists the members.
fn members(input: &Block, ranks: &Ranks<'_>, order: &[u32], map: &[u32], out: &mut Block) {
    if input.ranks.is_empty() {
        let mut seen = vec![false; out.rows];
        let stands = order.iter().all(|member| {
            let row = map[*member as usize] as usize;
            if std::mem::replace(&mut seen[row], true) {
                return true;
            }
            out.bits(row).iter().zip(input.bits(*member as usize)).all(|(row, member)| row & !member == 0)
        });
        if stands {
            return;
        }
    }
    rank_all(input, ranks, order, map, out);
}

/// Ranks what is read of native histograms before what is read of buckets, each by the first of its members.
fn natives_first(
    input: &Block,
    ranks: &Ranks<'_>,
    (order, is_bucket): (&[u32], impl Fn(u32) -> bool),
    map: &[u32],
    out: &mut Block,
) {
    let after = ranks.most();
    out.begin_ranks();
    for row in order {
        let (at, target) = (*row as usize, map[*row as usize] as usize);
        let natives = steps_of(input, at);
        for step in block::ones(input.bits(at)) {
            let rank = match block::has(&natives, step) {
                true => ranks.get(at, step),
                false if is_bucket(*row) => after + ranks.get(at, step),
                false => continue,
            };
            out.rank_up(target, step, rank);
        }
    }
}

/// Ranks rows as the input rows that went to them: `map` tells which, if it is not one for one.
pub(super) fn follow(input: &Block, map: &[u32], out: &mut Block) {
    if map.is_empty() {
        out.ranks.extend_from_slice(&input.ranks);
    } else {
        let rows: Vec<u32> = (0..number(input.rows)).collect();
        rank_all(input, &Ranks::of(input, &rows), &rows, map, out);
    }
}

/// Ranks the results of an operator by their many side.
fn pairs(state: &NodeState, op: &VectorBinary, (many, ranks): (&Block, &Ranks<'_>), one: &Block, out: &mut Block) {
    let Own::Joined(joined) = &state.own else { return };
    if op.include.as_ref().is_none_or(Vec::is_empty) {
        let order: Vec<u32> = (0..number(many.rows)).collect();
        if many.ranks.is_empty() && joined.placed.len() == many.rows {
            return;
        }
        // Many rows of one result have one key: no two of them are matched at one step.
        return rank_all(many, ranks, &order, &state.map, out);
    }
    let listed = || {
        joined.groups.iter().flat_map(|group| {
            group.left.iter().flat_map(move |m| group.right.iter().map(move |o| (*m as usize, *o as usize)))
        })
    };
    let row_of = |(m, o): (usize, usize)| joined.pairs[&(number(m), number(o))] as usize;
    if many.ranks.is_empty() && listed().all(|(m, o)| joined.placed[row_of((m, o))] as usize == m) {
        return;
    }
    out.begin_ranks();
    for (m, o) in listed() {
        let row = row_of((m, o));
        for word in 0..out.words {
            for bit in block::ones(&[many.bits(m)[word] & one.bits(o)[word]]) {
                let step = word * 64 + bit;
                out.rank_up(row, step, ranks.get(m, step));
            }
        }
    }
}

/// Ranks the results of an operator that fills: those with a many side by it, then the others by their one side.
fn filled(
    state: &NodeState,
    fill: Fill,
    (many, many_ranks): (&Block, &Ranks<'_>),
    (one, one_ranks): (&Block, &Ranks<'_>),
    out: &mut Block,
) {
    let Own::Joined(joined) = &state.own else { return };
    out.begin_ranks();
    let base = many_ranks.most();
    for group in &joined.groups {
        for (m, o) in group.filled_pairs(fill) {
            let row = joined.pairs[&(m, o)] as usize;
            for step in 0..out.steps {
                let has = |block: &Block, row: u32| block::has(block.bits(row as usize), step);
                let stands = |block: &Block, row: u32, rows: &[u32]| match row {
                    MISSING => !rows.iter().any(|row| has(block, *row)),
                    row => has(block, row),
                };
                // A number stands for a row that is there, too, if that does not fit the other side.
                let stands_in = m == MISSING && has(out, number(row)) && out.ranks[row * out.steps + step] == NOWHERE;
                if stands(one, o, &group.right) && (stands_in || stands(many, m, &group.left)) {
                    let one_rank = || base + one_ranks.get(o as usize, step);
                    let rank = if m == MISSING { one_rank() } else { many_ranks.get(m as usize, step) };
                    out.rank_up(row, step, rank);
                }
            }
        }
    }
}

fn rank_all(input: &Block, ranks: &Ranks<'_>, rows: &[u32], map: &[u32], out: &mut Block) {
    out.begin_ranks();
    for row in rows.iter().map(|row| *row as usize) {
        for step in block::ones(input.bits(row)) {
            out.rank_up(map[row] as usize, step, ranks.get(row, step));
        }
    }
}

/// Ranks the result of `and`, `or` and `unless`: all of the left side, then all of the right.
fn set(
    state: &NodeState,
    op: BinaryOp,
    (left, left_ranks): (&Block, &Ranks<'_>),
    (right, right_ranks): (&Block, &Ranks<'_>),
    out: &mut Block,
) {
    let Own::Joined(joined) = &state.own else { return };
    let both = op == BinaryOp::Or && state.labels.len() < left.rows + right.rows;
    if left.ranks.is_empty() && (op != BinaryOp::Or || right.ranks.is_empty()) && !both {
        return;
    }
    let rows: Vec<u32> = (0..number(left.rows)).collect();
    rank_all(left, left_ranks, &rows, &state.map, out);
    if op != BinaryOp::Or {
        return;
    }
    let base = left_ranks.most();
    for (row, target) in joined.map_right.iter().enumerate() {
        for step in block::ones(right.bits(row)) {
            out.rank_up(*target as usize, step, base.saturating_add(right_ranks.get(row, step)));
        }
    }
}

/// Sorts rows by their values at a step, NaN last; equal values stay as they are.
///
/// Source: Go's `sort.Sort`, which sorts up to twelve elements by insertion: several NaN, which are less than each other,
/// turn around.
fn sort_by_value(rows: &mut [u32], ascending: bool, value: impl Fn(u32) -> f64) {
    let less = |a: f64, b: f64| b.is_nan() || if ascending { a < b } else { a > b };
    if rows.len() > 12 {
        rows.sort_by(|a, b| {
            let (a, b) = (value(*a), value(*b));
            let by_value = if ascending { a.partial_cmp(&b) } else { b.partial_cmp(&a) };
            a.is_nan().cmp(&b.is_nan()).then(by_value.unwrap_or(std::cmp::Ordering::Equal))
        });
        return;
    }
    for end in 1..rows.len() {
        let mut at = end;
        while at > 0 && less(value(rows[at]), value(rows[at - 1])) {
            rows.swap(at, at - 1);
            at -= 1;
        }
    }
}

/// Ranks what `topk` and `bottomk` chose: groups by their first member that was to be chosen from, in each from the most
/// wanted on.
fn chosen(state: &NodeState, bottom: bool, (input, ranks): (&Block, &Ranks<'_>), out: &mut Block) {
    let Own::Grouped(groups) = &state.own else { return };
    out.begin_ranks();
    let mut first = vec![NOWHERE; groups.len()];
    let mut rows: Vec<u32> = Vec::new();
    for step in 0..out.steps {
        first.fill(NOWHERE);
        rows.clear();
        for row in 0..input.rows {
            if block::has(input.bits(row), step) {
                let first = &mut first[groups.of[row] as usize];
                *first = (*first).min(ranks.get(row, step));
            }
            if block::has(out.bits(row), step) {
                rows.push(number(row));
            }
        }
        // Among equal values the heap decides, whose order `topk` left in the ranks.
        let group = |row: u32| first[groups.of[row as usize] as usize];
        rows.sort_by_key(|row| (group(*row), out.ranks[*row as usize * out.steps + step]));
        for rows in rows.chunk_by_mut(|a, b| group(*a) == group(*b)) {
            sort_by_value(rows, bottom, |row| out.row(row as usize)[step]);
        }
        write(&rows, step, out);
    }
}

/// Ranks by value, equal values as they stood.
fn by_value(descending: bool, ranks: &Ranks<'_>, out: &mut Block) {
    out.begin_ranks();
    let mut rows: Vec<u32> = Vec::new();
    for step in 0..out.steps {
        rows.clear();
        rows.extend((0..number(out.rows)).filter(|row| block::has(out.bits(*row as usize), step)));
        rows.sort_by_key(|row| ranks.get(*row as usize, step));
        sort_by_value(&mut rows, !descending, |row| out.row(row as usize)[step]);
        write(&rows, step, out);
    }
}

fn write(rows: &[u32], step: usize, out: &mut Block) {
    for (rank, row) in rows.iter().enumerate() {
        out.ranks[*row as usize * out.steps + step] = number(rank);
    }
}
