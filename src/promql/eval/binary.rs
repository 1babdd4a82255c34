//! Operators between two vectors that compute or compare.

use super::super::ast::{BinaryOp, Side};
use super::super::block::{self, Block};
use super::super::histograms::Histograms;
use super::super::plan::VectorBinary;
use super::super::program::{Fault, Notes};
use super::super::roster::{KeyGroup, Matched, NodeState, Own};
use super::super::scalar_ops::{arithmetic, compare};
use super::native::{Order, Pairing};
use super::{SAME_LABELS, Scratch, View, fault, ranks};

const MANY_TO_ONE: &str = "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)";
const GROUPING: &str = "multiple matches for labels: grouping labels must ensure unique matches";

/// Pairs the rows of both sides by key.
///
/// Source: promql.md 8.5 and Prometheus' `VectorBinop`: every matched pair counts for the uniqueness of a result, also
/// one that a comparison then drops. Cost: one pass over the pairs of rows that share a key.
pub(super) fn evaluate(
    view: &View<'_>,
    state: &mut NodeState,
    op: &VectorBinary,
    steps: usize,
    out: &mut Block,
    scratch: &mut Scratch,
) {
    let [wide_many, wide_one] = &mut scratch.wide;
    let many = view.wide(op.many_node, steps, wide_many);
    let one = view.wide(op.one_node, steps, wide_one);
    out.reset(state.labels.len(), steps);
    let NodeState { own: Own::Joined(joined), map, faults, notes, .. } = state else { return };
    out.mixed = many.mixed || one.mixed;
    let mut pairing = pairing(view, op, (many, one), (&mut scratch.histograms, notes));
    if let Some(matched) = &joined.matched {
        for Matched { many: m, one: o, row } in matched {
            if let Some(pairing) = &mut pairing {
                pairing.begin(Some(*m), Some(*o));
            }
            for word in 0..out.words {
                let both = many.bits(*m as usize)[word] & one.bits(*o as usize)[word];
                let (many, one) = ((many, *m as usize), (one, *o as usize));
                combine(op, many, one, (word, both), pairing.as_mut(), out.row_mut(*row as usize));
            }
        }
        pairing.into_iter().for_each(Pairing::tell);
        return;
    }
    let mut any = Vec::new();
    many.any(&mut any);
    find_duplicates(view, op, &joined.groups, (&any, one), faults, out);
    let pairs = &mut scratch.pairs;
    pairs.reset(out);
    for (number, group) in joined.groups.iter().enumerate() {
        if group.left.is_empty() || group.right.is_empty() {
            continue;
        }
        pairs.begin_group(number);
        for m in &group.left {
            for o in &group.right {
                let row = match map.get(*m as usize) {
                    Some(row) => *row,
                    None => joined.pairs[&(*m, *o)],
                } as usize;
                if let Some(pairing) = &mut pairing {
                    pairing.begin(Some(*m), Some(*o));
                }
                pair(op, (many, *m as usize), (one, *o as usize), row, pairs, (faults, pairing.as_mut()), out);
            }
        }
    }
    pairing.into_iter().for_each(Pairing::tell);
}

/// Returns what computes pairs of which one may be a histogram, where there are any, or an operator is of them alone.
pub(super) fn pairing<'a>(
    view: &View<'_>,
    op: &VectorBinary,
    (many, one): (&'a Block, &'a Block),
    means: (&'a mut Histograms, &'a mut Notes),
) -> Option<Pairing<'a>> {
    let order = |node, block| Order::of(&view.state(node).order, block);
    (many.mixed || one.mixed || op.op.is_trim())
        .then(|| Pairing::new(means, (order(op.many_node, many), order(op.one_node, one))))
}

/// Reused bits: which pairs were seen.
#[derive(Default)]
pub(crate) struct Pairs {
    /// By row: the steps that were matched for the group that matched it last.
    matched: Vec<u64>,
    matched_by: Vec<u32>,
    /// The group at hand, and the steps that were matched for it.
    number: u32,
    group: Vec<u64>,
}

impl Pairs {
    pub(super) fn reset(&mut self, out: &Block) {
        block::all(&mut self.matched, out.rows * out.words, 0);
        block::all(&mut self.matched_by, out.rows, u32::MAX);
        block::all(&mut self.group, out.words, 0);
    }

    /// Begins with the pairs of a group.
    pub(super) fn begin_group(&mut self, number: usize) {
        self.number = super::number(number);
        self.group.fill(0);
    }

    /// Begins with another pair of the group, which has a row.
    fn begin_pair(&mut self, row: usize, words: usize) {
        if std::mem::replace(&mut self.matched_by[row], self.number) != self.number {
            self.matched[row * words..(row + 1) * words].fill(0);
        }
    }
}

/// Computes the results of a pair of rows at all steps at which both are there.
pub(super) fn pair(
    op: &VectorBinary,
    (many, m): (&Block, usize),
    (one, o): (&Block, usize),
    row: usize,
    pairs: &mut Pairs,
    (faults, mut pairing): (&mut Vec<Fault>, Option<&mut Pairing<'_>>),
    out: &mut Block,
) {
    pairs.begin_pair(row, out.words);
    for word in 0..out.words {
        let mut both = many.bits(m)[word] & one.bits(o)[word];
        if let Some(pairing) = &mut pairing {
            for bit in block::ones(&[both]) {
                let values = sides(op, many.row(m)[word * 64 + bit], one.row(o)[word * 64 + bit]);
                if !pairing.fits(op.op, word * 64 + bit, values) {
                    both &= !(1 << bit);
                }
            }
        }
        if both == 0 {
            continue;
        }
        let seen = match op.include {
            None => &mut pairs.group[word],
            Some(_) => &mut pairs.matched[row * out.words + word],
        };
        let again = both & *seen;
        *seen |= both;
        if again != 0 {
            for bit in block::ones(&[again]) {
                let words = if op.include.is_none() { MANY_TO_ONE } else { GROUPING };
                fault(faults, out, word * 64 + bit, || words.to_owned());
            }
        }
        let held = both & out.bits(row)[word];
        for bit in block::ones(&[held]) {
            let (a, b) = sides(op, many.row(m)[word * 64 + bit], one.row(o)[word * 64 + bit]);
            if computed(op, word * 64 + bit, (a, b), pairing.as_deref_mut()).is_some() {
                fault(faults, out, word * 64 + bit, || SAME_LABELS.to_owned());
            }
        }
        combine(op, (many, m), (one, o), (word, both), pairing.as_deref_mut(), out.row_mut(row));
    }
}

/// Computes the results of a pair of rows at those steps of a word where both are there.
fn combine(
    op: &VectorBinary,
    (many, m): (&Block, usize),
    (one, o): (&Block, usize),
    (word, both): (usize, u64),
    mut pairing: Option<&mut Pairing<'_>>,
    (values, bits): (&mut [f64], &mut [u64]),
) {
    let base = word * 64;
    let (many, one) = (&many.row(m)[base..], &one.row(o)[base..]);
    if both == u64::MAX && !op.op.is_comparison() && pairing.is_none() {
        let (left, right) = sides(op, &many[..64], &one[..64]);
        dense(op.op, left, right, &mut values[base..base + 64]);
        bits[word] = both;
        return;
    }
    for bit in block::ones(&[both]) {
        let (a, b) = sides(op, many[bit], one[bit]);
        if let Some(value) = computed(op, base + bit, (a, b), pairing.as_deref_mut()) {
            values[base + bit] = value;
            bits[word] |= 1 << bit;
        }
    }
}

/// Computes the result of a pair at a step.
fn computed(op: &VectorBinary, step: usize, (a, b): (f64, f64), pairing: Option<&mut Pairing<'_>>) -> Option<f64> {
    let native = pairing.and_then(|pairing| pairing.result((op.op, op.return_bool), step, (a, b)));
    native.unwrap_or_else(|| result(op.op, op.return_bool, a, b))
}

/// Returns what stands on the left and on the right.
pub(super) fn sides<T>(op: &VectorBinary, many: T, one: T) -> (T, T) {
    if op.many == Side::Left { (many, one) } else { (one, many) }
}

/// Computes all values of a word: one loop for each operator, which the compiler makes wide.
fn dense(op: BinaryOp, left: &[f64], right: &[f64], out: &mut [f64]) {
    let pairs = out.iter_mut().zip(left.iter().zip(right));
    match op {
        BinaryOp::Add => pairs.for_each(|(out, (a, b))| *out = a + b),
        BinaryOp::Sub => pairs.for_each(|(out, (a, b))| *out = a - b),
        BinaryOp::Mul => pairs.for_each(|(out, (a, b))| *out = a * b),
        BinaryOp::Div => pairs.for_each(|(out, (a, b))| *out = a / b),
        op => pairs.for_each(|(out, (a, b))| *out = arithmetic(op, *a, *b)),
    }
}

fn result(op: BinaryOp, return_bool: bool, a: f64, b: f64) -> Option<f64> {
    if !op.is_comparison() {
        return Some(arithmetic(op, a, b));
    }
    let holds = compare(op, a, b);
    if return_bool { Some(f64::from(u8::from(holds))) } else { holds.then_some(a) }
}

/// Computes the result of one pair.
pub(super) fn alone(op: &VectorBinary, many: f64, one: f64) -> Option<f64> {
    let (a, b) = sides(op, many, one);
    result(op.op, op.return_bool, a, b)
}

/// Fails the steps, of those asked for, at which two rows of the one side have the same key.
pub(super) fn find_duplicates(
    view: &View<'_>,
    op: &VectorBinary,
    groups: &[KeyGroup],
    (asked, one): (&[u64], &Block),
    faults: &mut Vec<Fault>,
    out: &mut Block,
) {
    if groups.iter().all(|group| group.right.len() < 2) {
        return;
    }
    let mut twice = vec![0; out.words];
    let mut once = vec![0; out.words];
    for group in groups.iter().filter(|group| group.right.len() > 1) {
        once.fill(0);
        for row in &group.right {
            for (word, bits) in one.bits(*row as usize).iter().enumerate() {
                twice[word] |= once[word] & bits;
                once[word] |= bits;
            }
        }
    }
    for (word, asked) in twice.iter_mut().zip(asked) {
        *word &= asked;
    }
    let one_state = view.state(op.one_node);
    let mut group_of = vec![0; one.rows];
    for (number, group) in groups.iter().enumerate() {
        for row in &group.right {
            group_of[*row as usize] = number;
        }
    }
    let mut ranked = Vec::new();
    let mut first_of = vec![u32::MAX; groups.len()];
    for step in block::ones(&twice) {
        first_of.fill(u32::MAX);
        if !one.ranks.is_empty() {
            ranks::in_order(one, step, &mut ranked);
        }
        for row in if one.ranks.is_empty() { &one_state.order } else { &ranked } {
            if !block::has(one.bits(*row as usize), step) {
                continue;
            }
            let first = &mut first_of[group_of[*row as usize]];
            if *first == u32::MAX {
                *first = *row;
                continue;
            }
            let labels = [*first, *row].map(|row| &one_state.labels[row as usize]);
            fault(faults, out, step, || duplicate_words(op, labels));
            break;
        }
    }
}

fn duplicate_words(op: &VectorBinary, labels: [&crate::labels::LabelSet; 2]) -> String {
    let side = if op.many == Side::Left { "right" } else { "left" };
    let mut texts = labels.map(|labels| format!("{labels:?}"));
    texts.sort();
    format!(
        "found duplicate series for the match group {:?} on the {side} hand-side of the operation: [{}, {}];\
         many-to-many matching not allowed: matching labels must be unique on one side",
        op.key.key(labels[0]),
        texts[0],
        texts[1]
    )
}
