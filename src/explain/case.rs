//! A rule whose evaluations are looked at again, part by part.

use std::cell::RefCell;

use crate::engine::{FaultAt, RuleId};
use crate::labels::LabelSet;
use crate::promql::ast::{DurationExpr, Expr, ExprKind, Modifiers};
use crate::promql::duration::{DurationContext, evaluate_duration};
use crate::promql::program::{Inputs, Root};
use crate::promql::query::nodes::{NodeValue, Nodes, Step};
use crate::promql::query::{QueryError, SampleValue, Value};
use crate::replay::Recorded;
use crate::rules::{Group, RuleSet};
use crate::store::LabelSetId;
use crate::time::{Millis, Timestamp};

use super::lineage::{Wanted, parts};

/// A part of an expression, and the parts right below it.
pub(crate) struct Part<'a> {
    pub(crate) expr: &'a Expr,
    pub(crate) below: Vec<usize>,
}

/// Lists the parts of an expression in the order of [`Expr::walk`].
fn outline(expr: &Expr) -> Vec<Part<'_>> {
    fn add<'a>(expr: &'a Expr, all: &mut Vec<Part<'a>>) -> usize {
        let at = all.len();
        all.push(Part { expr, below: Vec::new() });
        let below: Vec<&Expr> = match &expr.kind {
            ExprKind::Paren(inner) | ExprKind::Unary { expr: inner, .. } => vec![inner],
            ExprKind::Binary(binary) => vec![&binary.lhs, &binary.rhs],
            ExprKind::Subquery(subquery) => vec![&subquery.expr],
            ExprKind::Call { args, .. } => args.iter().collect(),
            ExprKind::Aggregate(aggregate) => aggregate.param.iter().chain([&aggregate.expr]).collect(),
            ExprKind::Number { .. }
            | ExprKind::String(_)
            | ExprKind::Selector(_)
            | ExprKind::Range { .. }
            | ExprKind::Invalid => Vec::new(),
        };
        all[at].below = below.into_iter().map(|part| add(part, all)).collect();
        at
    }
    let mut all = Vec::new();
    add(expr, &mut all);
    all
}

/// A rule that was evaluated, and what it saw.
pub(crate) struct Case<'a> {
    pub(crate) rules: &'a RuleSet,
    pub(crate) recorded: &'a Recorded,
    pub(crate) id: RuleId,
    /// The label set that it is evaluated on by itself, where it is evaluated at rows.
    pub(crate) on: Option<LabelSetId>,
    pub(crate) inputs: Inputs<'a>,
    /// By part, in the order of [`Expr::walk`].
    pub(crate) outline: Vec<Part<'a>>,
    /// How deep in a chain of recording rules it is looked at.
    pub(crate) depth: usize,
    nodes: RefCell<Nodes>,
    offset: Millis,
    interval: Millis,
    lookback: Millis,
}

impl<'a> Case<'a> {
    /// Takes a rule by its number.
    ///
    /// # Errors
    /// When its expression can never be evaluated.
    pub(crate) fn of(
        rules: &'a RuleSet,
        recorded: &'a Recorded,
        id: RuleId,
        on: Option<LabelSetId>,
    ) -> Result<Option<Self>, QueryError> {
        let found = rules.rules().nth(id.0 as usize);
        let Some((group, rule)) = found else { return Ok(None) };
        let Some(group) = rules.groups().nth(group).map(|(_, group)| group) else { return Ok(None) };
        let Some(sight) = recorded.sights.get(id.0 as usize) else { return Ok(None) };
        let Some(inputs) = recorded.engine.inputs_of(id, on, (&recorded.store, sight)) else { return Ok(None) };
        let (options, lookback) = options(recorded, group);
        let nodes = RefCell::new(Nodes::of(&rule.expr, &options)?);
        let interval = recorded.outcome.options.engine().interval_of(group).unwrap_or(Millis::ZERO);
        let (outline, offset) = (outline(&rule.expr), recorded.engine.query_offset(id));
        let depth = 0;
        Ok(Some(Self { rules, recorded, id, on, inputs, outline, depth, nodes, offset, interval, lookback }))
    }

    /// Returns how far an instant selector looks back.
    pub(crate) fn lookback(&self) -> Millis {
        self.lookback
    }

    /// Returns when the rule was evaluated.
    pub(crate) fn steps(&self) -> Vec<Timestamp> {
        self.recorded.engine.steps_of(self.id, self.on, &self.recorded.store)
    }

    /// Returns the failed evaluations of the rule, in the order of time.
    pub(crate) fn faults(&self) -> impl Iterator<Item = &'a FaultAt> {
        let all = &self.recorded.faults;
        let first = all.partition_point(|fault| fault.rule < self.id);
        let id = self.id;
        all[first..].iter().take_while(move |fault| fault.rule == id)
    }

    /// Returns the words of the evaluation at a slot, if it failed.
    pub(crate) fn fault(&self, slot: Timestamp) -> Option<&'a str> {
        self.faults().find(|fault| fault.slot == slot).map(|fault| fault.message.as_str())
    }

    /// Returns whether the labels of its alerts show the value.
    pub(crate) fn names_by_value(&self) -> bool {
        self.recorded.engine.names_by_value(self.id)
    }

    /// Evaluates all parts at a slot.
    pub(crate) fn at(&self, slot: Timestamp) -> Vec<Option<NodeValue>> {
        let step = Step { slot, eval: slot.minus(self.offset) };
        self.nodes.borrow_mut().at_on(&self.inputs, step)
    }

    /// Evaluates all parts outside of subqueries at slots, and shows the rows of each part, block by block.
    pub(crate) fn over(&self, slots: &[Timestamp], show: &mut dyn FnMut(usize, usize, &Root<'_>)) {
        self.nodes.borrow_mut().over(&self.inputs, (slots, self.offset, self.interval), show);
    }

    /// Returns the labels of the alert that a sample gives rise to.
    pub(crate) fn alert_labels(&self, sample: &LabelSet, value: &SampleValue, slot: Timestamp) -> Option<LabelSet> {
        self.recorded.engine.alert_labels(self.id, &self.inputs, (sample, value, slot))
    }

    /// Returns whether a part is the range of a function of counters.
    pub(crate) fn is_counted(&self, at: usize) -> bool {
        self.outline.iter().any(|part| match &part.expr.kind {
            ExprKind::Call { function, .. } => {
                part.below.contains(&at) && matches!(function.name, "rate" | "irate" | "increase" | "resets")
            }
            _ => false,
        })
    }

    /// Returns how far back its ranges reach, subqueries summed up; none without a range.
    pub(crate) fn ranges(&self) -> Option<Millis> {
        fn back(expr: &Expr) -> Option<Millis> {
            let context = DurationContext { step: Millis::ZERO, range: Millis::ZERO };
            let length = |duration: &DurationExpr| evaluate_duration(duration, context).unwrap_or(Millis::ZERO).0;
            let offset = |modifiers: &Modifiers| modifiers.offset.as_ref().map_or(0, length);
            match &expr.kind {
                ExprKind::Range { selector, range, .. } => Some(Millis(length(range) + offset(&selector.modifiers))),
                ExprKind::Subquery(subquery) => {
                    let inner = back(&subquery.expr).unwrap_or(Millis::ZERO).0;
                    Some(Millis(length(&subquery.range) + offset(&subquery.modifiers) + inner))
                }
                ExprKind::Paren(inner) | ExprKind::Unary { expr: inner, .. } => back(inner),
                ExprKind::Binary(binary) => back(&binary.lhs).max(back(&binary.rhs)),
                ExprKind::Call { args, .. } => args.iter().filter_map(back).max(),
                ExprKind::Aggregate(aggregate) => back(&aggregate.expr),
                _ => None,
            }
        }
        self.outline.first().and_then(|whole| back(whole.expr))
    }

    /// Returns what is wanted of each part, where so much is wanted of the result.
    pub(crate) fn wanted(&self, whole: Wanted) -> Vec<Wanted> {
        let mut wanted: Vec<Wanted> = self.outline.iter().map(|_| Wanted::any()).collect();
        wanted[0] = whole;
        for at in 0..self.outline.len() {
            let Part { expr, below } = &self.outline[at];
            let of_parts = parts(expr, &wanted[at]);
            below.iter().zip(of_parts).for_each(|(part, of_part)| wanted[*part] = of_part);
        }
        wanted
    }
}

/// Returns how the expressions of a group are evaluated.
fn options(recorded: &Recorded, group: &Group) -> (crate::promql::query::QueryOptions, Millis) {
    let run = recorded.outcome.options.engine();
    let mut options = run.query();
    options.lookback = run.lookback_of(group);
    (options, options.lookback)
}

/// Returns the rows of a part that have a part in what is wanted, native histograms as NaN; a scalar is one row without
/// labels.
pub(crate) fn rows(value: Option<&NodeValue>, wanted: &Wanted) -> Vec<(LabelSet, f64)> {
    samples(value, wanted).into_iter().map(|(labels, value)| (labels, value.or_nan())).collect()
}

/// Returns the samples of a part that have a part in what is wanted; a scalar is one without labels.
pub(crate) fn samples(value: Option<&NodeValue>, wanted: &Wanted) -> Vec<(LabelSet, SampleValue)> {
    match value.map(|value| &value.value) {
        Some(Ok(Value::Vector(samples))) => {
            let taken = samples.iter().filter(|(labels, _)| wanted.takes(labels));
            taken.cloned().collect()
        }
        Some(Ok(Value::Scalar(value))) => vec![(LabelSet::empty(), (*value).into())],
        Some(Ok(Value::String(_) | Value::Matrix(_)) | Err(_)) | None => Vec::new(),
    }
}

/// Returns when a counter began again, if the second of two samples is lower: the value before, and then; of native
/// histograms their counts.
pub(crate) fn reset(pair: &[(Timestamp, SampleValue)]) -> Option<(Timestamp, f64, f64)> {
    let [(_, before), (at, then)] = pair else { return None };
    match (before, then) {
        (SampleValue::Float(before), SampleValue::Float(then)) => (then < before).then_some((*at, *before, *then)),
        (SampleValue::Histogram(before), SampleValue::Histogram(then)) => {
            then.is_reset_since(before).then_some((*at, before.count, then.count))
        }
        _ => None,
    }
}
