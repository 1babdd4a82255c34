//! An expression as a tree at one step: what each part gave, and which part decided.

use std::cmp::Ordering;

use crate::labels::LabelSet;
use crate::outcome::Known;
use crate::promql::ast::{AggregateOp, BinaryOp, Expr, ExprKind, Type};
use crate::promql::query::SampleValue;
use crate::promql::query::nodes::NodeValue;
use crate::promql::query::{Series, Value};
use crate::source::Span;
use crate::time::Timestamp;

use super::case::{Case, reset, rows, samples};
use super::lineage::Wanted;
use super::search::{Decided, Search};
use super::source::{Writer, writer};
use super::why::{Reason, Why};

/// The most rows that are shown of a part that has none of those that are looked for.
const NEAREST: usize = 3;

/// A part of an expression at one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its number, in the order of [`Expr::walk`].
    pub part: usize,
    /// It in one line.
    pub text: String,
    /// Where it stands in the text of the expression.
    pub span: Span,
    /// When it was evaluated, where that is not the step itself.
    pub at: Option<Timestamp>,
    /// What it gave.
    pub gave: Given,
    /// Whether it is the part that decided.
    pub decides: bool,
    /// Of a comparison: whether it holds, and by how much.
    pub verdict: Option<Verdict>,
    /// Why it has no sample of what is looked at.
    pub why: Option<Why>,
    /// The parts below it; numbers and texts, which its own text shows, are left out.
    pub below: Vec<Node>,
    /// Of a selector of what a rule writes: that rule.
    pub source: Option<Box<SourceRule>>,
}

/// What a part gave.
#[derive(Clone, Debug, PartialEq)]
pub enum Given {
    /// A number.
    Scalar(f64),
    /// Rows that the row at hand was made of.
    Rows {
        /// The rows, those that weigh most first.
        rows: Vec<Row>,
        /// How many other rows the part has.
        others: usize,
        /// Some of these, where there are no rows.
        nearest: Vec<Row>,
    },
    /// The samples in ranges.
    Ranges {
        /// By series.
        ranges: Vec<Range>,
        /// How many other series there are.
        others: usize,
    },
    /// The evaluation failed, in Prometheus' words.
    Failed(String),
    /// It was not evaluated: a subquery around it has no step.
    Unevaluated,
}

/// A row of a part.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its labels.
    pub labels: LabelSet,
    /// Its value.
    pub value: SampleValue,
    /// Of a selector: the time of the sample.
    pub sampled: Option<Timestamp>,
}

/// The samples of one series in a range.
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    /// The labels of the series.
    pub labels: LabelSet,
    /// How many samples there are.
    pub samples: usize,
    /// The first of them.
    pub first: (Timestamp, SampleValue),
    /// The last of them.
    pub last: (Timestamp, SampleValue),
    /// The least and the greatest number; NaN where all samples are native histograms.
    pub between: (f64, f64),
    /// Where a counter began again: when, the value before, and the value then; of native histograms their counts.
    pub resets: Vec<(Timestamp, f64, f64)>,
    /// All samples.
    pub values: Vec<(Timestamp, SampleValue)>,
}

/// How a comparison ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// Whether it holds.
    pub holds: bool,
    /// Its operator.
    pub op: BinaryOp,
    /// The left side.
    pub left: f64,
    /// The right side.
    pub right: f64,
    /// Whether the number that is compared with stands on the left.
    pub turned: bool,
    /// Whether it gives 1 and 0 (`bool`), both of which are samples.
    pub returns_bool: bool,
}

/// The rule that wrote a series.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceRule {
    /// The metric.
    pub record: String,
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The evaluation that wrote the sample, or else the one that wrote none.
    pub at: Timestamp,
    /// Its expression.
    pub tree: Node,
}

/// Builds the tree of a rule at a slot, for one row of its result; without a row it shows why there is none.
pub(crate) fn tree<'a>(case: &Case<'a>, known: &Known<'a>, whole: Wanted, slot: Timestamp) -> Node {
    let values = case.at(slot);
    let mut wanted = case.wanted(whole.clone());
    let search = Search { case, known, values: &values, slot };
    let is_there = !rows(values[0].as_ref(), &whole).is_empty();
    let failed = case.fault(slot).filter(|_| !matches!(values[0].as_ref().map(|one| &one.value), Some(Err(_))));
    let decided = match failed {
        // Not the expression failed, but what was made of its result.
        Some(message) => Some(Decided { part: 0, why: Why::Failed { message: message.to_owned() } }),
        None => (!is_there).then(|| search.absent(0, &whole)),
    };
    if let Some(decided) = &decided
        && let Why::False { labels, .. } | Why::NoPartner { row: labels, .. } = &decided.why
    {
        // The row that was looked at decides what the parts below show.
        follow(case, &values, decided.part, labels, &mut wanted);
    }
    let mut builder = Builder { case, known, values: &values, wanted: &wanted, slot, decides: Vec::new() };
    builder.decides = match &decided {
        Some(decided) => vec![(decided.part, Some(decided.why.clone()))],
        None => deciding(case, &values, &wanted).into_iter().map(|part| (part, None)).collect(),
    };
    builder.node(0)
}

/// Returns what decided that a rule has no sample of what is wanted at a slot.
pub(crate) fn absent<'a>(case: &Case<'a>, known: &Known<'a>, whole: &Wanted, slot: Timestamp) -> Reason {
    if let Some(message) = case.fault(slot) {
        return Reason::of(Why::Failed { message: message.to_owned() });
    }
    let values = case.at(slot);
    let Decided { part, why } = Search { case, known, values: &values, slot }.absent(0, whole);
    Reason { part, text: case.outline[part].expr.to_string(), why }
}

/// Returns what happened to a series that the result was made of since the evaluation before: it has no sample any more,
/// or its counter began again.
pub(crate) fn lost<'a>(
    case: &Case<'a>,
    known: &Known<'a>,
    whole: &Wanted,
    (before, slot): (Timestamp, Timestamp),
) -> Option<Why> {
    let (then, values) = (case.at(before), case.at(slot));
    let (search, wanted) = (Search { case, known, values: &values, slot }, case.wanted(whole.clone()));
    search.lost(&then, &wanted).or_else(|| search.reset(&then, &wanted))
}

/// Narrows what is wanted below a part to a row of its left side.
fn follow(case: &Case<'_>, _values: &[Option<NodeValue>], part: usize, labels: &LabelSet, wanted: &mut [Wanted]) {
    let Some(first) = case.outline[part].below.iter().find(|part| case.outline[**part].expr.ty() == Type::Vector)
    else {
        return;
    };
    let mut open = vec![(*first, Wanted::of(labels))];
    if let (ExprKind::Binary(binary), Some(other)) =
        (&case.outline[part].expr.kind, case.outline[part].below.iter().rev().find(|part| *part != first))
    {
        open.push((*other, super::lineage::partner(binary.matching.as_ref(), labels)));
    }
    while let Some((at, own)) = open.pop() {
        let of_parts = super::lineage::parts(case.outline[at].expr, &own);
        wanted[at] = own;
        open.extend(case.outline[at].below.iter().copied().zip(of_parts));
    }
}

/// Returns the comparisons that hold and without which there would be no sample.
fn deciding(case: &Case<'_>, values: &[Option<NodeValue>], wanted: &[Wanted]) -> Vec<usize> {
    fn walk(case: &Case<'_>, values: &[Option<NodeValue>], wanted: &[Wanted], at: usize, found: &mut Vec<usize>) {
        let part = &case.outline[at];
        match &part.expr.kind {
            ExprKind::Paren(_) => walk(case, values, wanted, part.below[0], found),
            ExprKind::Binary(binary) if binary.op == BinaryOp::And => {
                part.below.iter().for_each(|below| walk(case, values, wanted, *below, found));
            }
            ExprKind::Binary(binary) if binary.op == BinaryOp::Unless => {
                walk(case, values, wanted, part.below[0], found);
            }
            ExprKind::Binary(binary) if binary.op == BinaryOp::Or => {
                let is_there = |part: &&usize| !rows(values[**part].as_ref(), &wanted[**part]).is_empty();
                if let Some(side) = part.below.iter().find(is_there) {
                    walk(case, values, wanted, *side, found);
                }
            }
            ExprKind::Binary(binary) if binary.op.is_comparison() && !binary.return_bool => found.push(at),
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(case, values, wanted, 0, &mut found);
    if found.is_empty() {
        found.push(0);
    }
    found
}

/// Returns both sides of the comparison that makes a rule true at a slot.
pub(crate) fn sides(case: &Case<'_>, whole: &Wanted, slot: Timestamp) -> Option<(BinaryOp, f64, f64)> {
    let (values, wanted) = (case.at(slot), case.wanted(whole.clone()));
    let part = *deciding(case, &values, &wanted).first()?;
    let ExprKind::Binary(binary) = &case.outline[part].expr.kind else { return None };
    let below = &case.outline[part].below;
    let one = |part: usize| match rows(values[part].as_ref(), &wanted[part]).as_slice() {
        [(_, value)] => Some(*value),
        _ => None,
    };
    Some((binary.op, one(*below.first()?)?, one(*below.get(1)?)?)).filter(|_| binary.op.is_comparison())
}

struct Builder<'a, 'b> {
    case: &'b Case<'a>,
    known: &'b Known<'a>,
    values: &'b [Option<NodeValue>],
    wanted: &'b [Wanted],
    slot: Timestamp,
    /// The parts that decide, with what they lack.
    decides: Vec<(usize, Option<Why>)>,
}

impl<'a> Builder<'a, '_> {
    fn node(&self, at: usize) -> Node {
        let part = &self.case.outline[at];
        if let ExprKind::Paren(_) = part.expr.kind {
            let inner = self.node(part.below[0]);
            let decides = self.decides.iter().find(|(part, _)| *part == at);
            return Node { decides: inner.decides || decides.is_some(), ..inner };
        }
        let decides = self.decides.iter().find(|(part, _)| *part == at);
        let value = self.values[at].as_ref();
        let shown = |below: &&usize| {
            !matches!(self.case.outline[**below].expr.unparen().kind, ExprKind::Number { .. } | ExprKind::String(_))
        };
        Node {
            part: at,
            text: part.expr.to_string(),
            span: part.expr.span,
            at: value.map(|value| value.at).filter(|at| *at != self.values[0].as_ref().map_or(*at, |whole| whole.at)),
            gave: self.gave(at),
            decides: decides.is_some(),
            verdict: self.verdict(at),
            why: decides.and_then(|(_, why)| why.clone()).or_else(|| self.lacks(at)),
            below: part.below.iter().filter(shown).map(|below| self.node(*below)).collect(),
            source: self.source(at).map(Box::new),
        }
    }

    /// Returns why a part has nothing, where that is what makes another one true, or never changes.
    fn lacks(&self, at: usize) -> Option<Why> {
        let is_absent = |part: &super::case::Part<'_>| match &part.expr.kind {
            ExprKind::Call { function, .. } => function.name.starts_with("absent") && part.below.contains(&at),
            _ => false,
        };
        let search = Search { case: self.case, known: self.known, values: self.values, slot: self.slot };
        if let Some(absent) = self.case.outline.iter().position(is_absent) {
            let holds = !rows(self.values[absent].as_ref(), &self.wanted[absent]).is_empty();
            return holds.then(|| search.absent(at, &Wanted::any()).why);
        }
        // A selector that never finds anything is worth a word wherever it stands.
        let selects = matches!(self.case.outline[at].expr.kind, ExprKind::Selector(_) | ExprKind::Range { .. });
        let is_empty = match self.values[at].as_ref().map(|value| &value.value) {
            Some(Ok(Value::Vector(samples))) => samples.is_empty(),
            Some(Ok(Value::Matrix(series))) => series.is_empty(),
            _ => false,
        };
        let why = (selects && is_empty).then(|| search.absent(at, &Wanted::any()).why);
        why.filter(Why::is_never)
    }

    fn gave(&self, at: usize) -> Given {
        let Some(found) = &self.values[at] else { return Given::Unevaluated };
        match &found.value {
            Err(error) => Given::Failed(error.to_string()),
            Ok(Value::Scalar(value)) => Given::Scalar(*value),
            Ok(Value::String(_)) => Given::Unevaluated,
            Ok(Value::Vector(samples)) => {
                let expr = self.case.outline[at].expr;
                let row = |(labels, value): &(LabelSet, SampleValue)| Row {
                    labels: labels.clone(),
                    value: value.clone(),
                    sampled: self.sampled(expr, labels, found.at),
                };
                let own = |one: &&(LabelSet, SampleValue)| self.wanted[at].takes(&one.0);
                let mut rows: Vec<Row> = samples.iter().filter(own).map(row).collect();
                let nearest =
                    if rows.is_empty() { samples.iter().take(NEAREST).map(row).collect() } else { Vec::new() };
                let least_first = self.weighs_least(at);
                rows.sort_by(|a, b| {
                    let by_value = b.value.or_nan().partial_cmp(&a.value.or_nan()).unwrap_or(Ordering::Equal);
                    if least_first { by_value.reverse() } else { by_value }.then_with(|| a.labels.cmp(&b.labels))
                });
                Given::Rows { others: samples.len() - rows.len(), rows, nearest }
            }
            Ok(Value::Matrix(series)) => {
                let own: Vec<&Series> = series.iter().filter(|one| self.wanted[at].takes(&one.labels)).collect();
                let counter = self.case.is_counted(at);
                let ranges: Vec<Range> = own.iter().filter_map(|series| range(series, counter)).collect();
                Given::Ranges { others: series.len() - own.len(), ranges }
            }
        }
    }

    /// Returns whether the least of the rows of a part weigh most in what is made of them.
    fn weighs_least(&self, at: usize) -> bool {
        let reads = |(number, part): (usize, &super::case::Part<'_>)| {
            let least = match &part.expr.kind {
                ExprKind::Aggregate(aggregate) => matches!(aggregate.op, AggregateOp::Min | AggregateOp::BottomK),
                _ => false,
            };
            (least && part.below.contains(&at)).then_some(number)
        };
        self.case.outline.iter().enumerate().any(|part| reads(part).is_some())
    }

    /// Returns when the sample was taken that a selector shows.
    fn sampled(&self, expr: &Expr, labels: &LabelSet, at: Timestamp) -> Option<Timestamp> {
        let ExprKind::Selector(selector) = &expr.kind else { return None };
        let to = self.case.reference(&selector.modifiers, at);
        let from = to.minus(self.case.lookback());
        let recorded = self.case.store;
        let hidden =
            self.case.inputs.written.is_some_and(|written| written.hidden.contains(labels.metric().unwrap_or("")));
        let own = recorded.find(labels).filter(|_| !hidden).and_then(|id| recorded.newest(id, from, to));
        let written = || {
            let written = self.case.inputs.written?;
            let id = written.store.find(labels)?;
            written.store.newest(id, from, to.min(self.slot.minus(written.lags.of(written.writers[id.0 as usize]))))
        };
        own.or_else(written).map(|(time, _)| time)
    }

    fn verdict(&self, at: usize) -> Option<Verdict> {
        let part = &self.case.outline[at];
        let ExprKind::Binary(binary) = &part.expr.kind else { return None };
        if !binary.op.is_comparison() {
            return None;
        }
        let turned = binary.lhs.ty() == Type::Scalar && binary.rhs.ty() != Type::Scalar;
        let verdict = |holds: bool, left: f64, right: f64| {
            Some(Verdict { holds, op: binary.op, left, right, turned, returns_bool: binary.return_bool })
        };
        if let Some((_, Some(Why::False { left, right, .. }))) = self.decides.iter().find(|(part, _)| *part == at) {
            return verdict(false, *left, *right);
        }
        let one = |part: usize| match samples(self.values[part].as_ref(), &self.wanted[part]).as_slice() {
            [(_, value)] => value.float(),
            _ => None,
        };
        let (left, right) = (one(part.below[0])?, one(part.below[1])?);
        let holds = match binary.op {
            BinaryOp::Less => left < right,
            BinaryOp::LessEqual => left <= right,
            BinaryOp::Greater => left > right,
            BinaryOp::GreaterEqual => left >= right,
            BinaryOp::Equal => left == right,
            _ => left != right,
        };
        verdict(holds, left, right)
    }

    /// Returns the rule that wrote what a selector takes, or should have.
    fn source(&self, at: usize) -> Option<SourceRule> {
        let selector = match &self.case.outline[at].expr.kind {
            ExprKind::Selector(selector) | ExprKind::Range { selector, .. } => selector,
            _ => return None,
        };
        let to = self.case.reference(&selector.modifiers, self.values[at].as_ref().map_or(self.slot, |value| value.at));
        let is_there = match self.values[at].as_ref().map(|value| &value.value) {
            Some(Ok(Value::Vector(samples))) => samples.iter().any(|(labels, _)| self.wanted[at].takes(labels)),
            Some(Ok(Value::Matrix(series))) => series.iter().any(|one| self.wanted[at].takes(&one.labels)),
            _ => false,
        };
        let Writer { case, whole, slot, record, file, line } =
            writer(self.case, selector, &self.wanted[at], (to, self.slot), is_there)?;
        Some(SourceRule { record, file, line, at: slot, tree: tree(&case, self.known, whole, slot) })
    }
}

/// Returns what is known of the samples of a series in a range.
fn range(series: &Series, counter: bool) -> Option<Range> {
    let samples = series.samples.clone();
    let (first, last) = (samples.first()?.clone(), samples.last()?.clone());
    let values = || samples.iter().filter_map(|(_, value)| value.float());
    let between = (values().fold(f64::NAN, f64::min), values().fold(f64::NAN, f64::max));
    let resets = samples.windows(2).filter(|_| counter).filter_map(reset).collect();
    let count = samples.len();
    Some(Range { labels: series.labels.clone(), samples: count, first, last, between, resets, values: samples })
}
