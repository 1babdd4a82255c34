//! An expression whose evaluations are looked at again, part by part: that of a rule, or one that is asked by itself.

use std::cell::RefCell;

use crate::engine::{FaultAt, RuleId};
use crate::labels::LabelSet;
use crate::promql::ast::{At, DurationExpr, Expr, ExprKind, Modifiers};
use crate::promql::duration::{DurationContext, evaluate_duration};
use crate::promql::program::{Inputs, Root};
use crate::promql::query::nodes::{NodeValue, Nodes, Step};
use crate::promql::query::{QueryContext, QueryError, QueryOptions, QueryRange, SampleValue, Value};
use crate::replay::Recorded;
use crate::rules::{Group, Rule, RuleSet};
use crate::store::{LabelSetId, Store};
use crate::survey::Survey;
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

/// A rule that was evaluated.
#[derive(Clone, Copy)]
pub(crate) struct OfRule<'a> {
    pub(crate) rules: &'a RuleSet,
    pub(crate) recorded: &'a Recorded,
    pub(crate) id: RuleId,
    /// The label set that it is evaluated on by itself, where it is evaluated at rows.
    pub(crate) on: Option<LabelSetId>,
}

/// An expression that was evaluated, and what it saw.
pub(crate) struct Case<'a> {
    /// Its rule, where it has one.
    pub(crate) rule: Option<OfRule<'a>>,
    /// The series of the recording.
    pub(crate) store: &'a Store,
    /// What the recording looks like.
    pub(crate) survey: &'a Survey,
    pub(crate) inputs: Inputs<'a>,
    /// By part, in the order of [`Expr::walk`].
    pub(crate) outline: Vec<Part<'a>>,
    /// How deep in a chain of recording rules it is looked at.
    pub(crate) depth: usize,
    nodes: RefCell<Nodes>,
    offset: Millis,
    interval: Millis,
    lookback: Millis,
    /// The range that it is evaluated over, where it is one.
    range: Option<QueryRange>,
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
        let options = options(recorded, group);
        Ok(Some(Self {
            rule: Some(OfRule { rules, recorded, id, on }),
            store: &recorded.store,
            survey: &recorded.survey,
            inputs,
            outline: outline(&rule.expr),
            depth: 0,
            nodes: RefCell::new(Nodes::of(&rule.expr, QueryContext::Rule, &options)?),
            offset: recorded.engine.query_offset(id),
            interval: recorded.outcome.options.engine().interval_of(group).unwrap_or(Millis::ZERO),
            lookback: options.lookback,
            range: None,
        }))
    }

    /// Takes an expression by itself.
    ///
    /// # Errors
    /// When it can never be evaluated.
    #[cfg(feature = "cli")]
    pub(crate) fn alone(
        expr: &'a Expr,
        (store, survey): (&'a Store, &'a Survey),
        context: QueryContext,
        options: &QueryOptions,
    ) -> Result<Self, QueryError> {
        Ok(Self {
            rule: None,
            store,
            survey,
            inputs: Inputs::of(store),
            outline: outline(expr),
            depth: 0,
            nodes: RefCell::new(Nodes::of(expr, context, options)?),
            offset: Millis::ZERO,
            interval: Millis::ZERO,
            lookback: options.lookback,
            range: match context {
                QueryContext::Range(range) => Some(range),
                QueryContext::Instant | QueryContext::Rule => None,
            },
        })
    }

    /// Walks over the rules that it stands among.
    pub(crate) fn rules(&self) -> impl Iterator<Item = &'a Rule> + use<'a> {
        self.rule.into_iter().flat_map(|of| of.rules.rules().map(|(_, rule)| rule))
    }

    /// Returns the time that an evaluation at a slot looks at.
    pub(crate) fn evaluated(&self, slot: Timestamp) -> Timestamp {
        slot.minus(self.offset)
    }

    /// Returns the time that a selector reads up to, which is evaluated at another one.
    pub(crate) fn reference(&self, modifiers: &Modifiers, at: Timestamp) -> Timestamp {
        let (start, end) = self.range.map_or((at, at), |range| (range.start(), range.end()));
        let from = match modifiers.at {
            Some(At::Time(time)) => time,
            Some(At::Start) => start,
            Some(At::End) => end,
            None => at,
        };
        let context =
            DurationContext { step: self.range.map_or(Millis::ZERO, QueryRange::step), range: end.since(start) };
        let offset = modifiers.offset.as_ref().and_then(|offset| evaluate_duration(offset, context).ok());
        from.minus(offset.unwrap_or(Millis::ZERO))
    }

    /// Returns the usual time between the samples of a recorded series, where it is known.
    pub(crate) fn spacing(&self, series: &LabelSet) -> Option<Millis> {
        self.store.find(series).and_then(|id| self.survey.spacing(id))
    }

    /// Returns how far an instant selector looks back.
    pub(crate) fn lookback(&self) -> Millis {
        self.lookback
    }

    /// Returns when the rule was evaluated.
    pub(crate) fn steps(&self) -> Vec<Timestamp> {
        self.rule.map(|of| of.recorded.engine.steps_of(of.id, of.on, &of.recorded.store)).unwrap_or_default()
    }

    /// Returns the failed evaluations of the rule, in the order of time.
    pub(crate) fn faults(&self) -> impl Iterator<Item = &'a FaultAt> {
        self.rule.into_iter().flat_map(|OfRule { recorded, id, .. }| {
            let all = &recorded.faults;
            let first = all.partition_point(|fault| fault.rule < id);
            all[first..].iter().take_while(move |fault| fault.rule == id)
        })
    }

    /// Returns the words of the evaluation at a slot, if it failed.
    pub(crate) fn fault(&self, slot: Timestamp) -> Option<&'a str> {
        self.faults().find(|fault| fault.slot == slot).map(|fault| fault.message.as_str())
    }

    /// Returns whether the labels of its alerts show the value.
    pub(crate) fn names_by_value(&self) -> bool {
        self.rule.is_some_and(|of| of.recorded.engine.names_by_value(of.id))
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
        let of = self.rule?;
        of.recorded.engine.alert_labels(of.id, &self.inputs, (sample, value, slot))
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
fn options(recorded: &Recorded, group: &Group) -> QueryOptions {
    let run = recorded.outcome.options.engine();
    QueryOptions { lookback: run.lookback_of(group), ..run.query() }
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
