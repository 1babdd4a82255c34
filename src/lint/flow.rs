//! Which labels the series of an expression have: surely, surely not, or nobody knows before there are series.
//!
//! Source: how Prometheus' engine makes the labels of results (promql.md of its documentation on operators, functions
//! and vector matching).

use hashbrown::HashMap;

use crate::labels::{METRIC_NAME, MatchOp};
use crate::promql::ast::{Aggregate, AggregateOp, Binary, BinaryOp, Expr, ExprKind, Matching, Selector, Side, Type};
use crate::promql::functions::Kernel;
use crate::rules::graph::{ALERT_NAME, ALERT_STATE, ALERTS, RuleGraph};
use crate::rules::{Group, Rule, RuleFile, RuleKind};
use crate::source::Span;

/// How series are matched where nothing is written.
static PLAIN: Matching = Matching { on: false, labels: Vec::new(), group: None, fill_left: None, fill_right: None };

/// Whether series have a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Has {
    /// All of them have it.
    Yes,
    /// An aggregation or a join names it, so its author takes it to be there.
    Named,
    /// Nobody knows.
    Maybe,
    /// None has it.
    No(Gone),
}

/// What took a label away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone {
    /// The part of the expression that did.
    pub span: Span,
    /// How.
    pub by: By,
}

/// How a label goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// An aggregation does not keep it.
    Aggregation,
    /// `on (..)` of a one-to-one operator does not name it, or `ignoring (..)` does.
    Matching,
    /// It is not on the other side of an operator, whose labels must be equal.
    OtherSide,
    /// `absent()` gives only what its selector names with `=`.
    Absent,
    /// A function takes it away, or has no labels at all.
    Function,
    /// A selector asks for series without it.
    Matcher,
    /// The recording rule that is read does not write it.
    Recorded,
    /// A scalar has no labels.
    Scalar,
}

impl Has {
    /// Returns what took the label away, if it is surely gone.
    #[must_use]
    pub fn gone(self) -> Option<Gone> {
        match self {
            Self::No(gone) => Some(gone),
            Self::Yes | Self::Named | Self::Maybe => None,
        }
    }

    /// Returns whether the label is there, or at least taken to be.
    #[must_use]
    pub fn is_expected(self) -> bool {
        matches!(self, Self::Yes | Self::Named)
    }

    /// Of series that are of one kind or the other.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Yes, Self::Yes) => Self::Yes,
            (Self::Yes | Self::Named, Self::Yes | Self::Named) => Self::Named,
            (Self::No(gone), Self::No(_)) => Self::No(gone),
            _ => Self::Maybe,
        }
    }
}

/// The labels of series, the metric name left out.
#[derive(Clone, Debug, PartialEq)]
pub struct Labels<'a> {
    /// Of all labels that are not named.
    pub others: Has,
    named: Vec<(&'a str, Has)>,
}

impl<'a> Labels<'a> {
    fn all(has: Has) -> Self {
        Self { others: has, named: Vec::new() }
    }

    fn none(span: Span, by: By) -> Self {
        Self::all(Has::No(Gone { span, by }))
    }

    /// Returns whether the series have a label.
    #[must_use]
    pub fn get(&self, label: &str) -> Has {
        self.named.iter().find(|(name, _)| *name == label).map_or(self.others, |(_, has)| *has)
    }

    /// Walks over the labels of which something else is known than of the others.
    pub fn named(&self) -> impl Iterator<Item = (&'a str, Has)> + '_ {
        self.named.iter().copied()
    }

    fn set(&mut self, label: &'a str, has: Has) {
        match self.named.iter_mut().find(|(name, _)| *name == label) {
            Some(known) => known.1 = has,
            None => self.named.push((label, has)),
        }
    }

    /// Makes those of series that are of one kind or the other.
    fn or(mut self, other: &Self) -> Self {
        let names: Vec<&str> = self.named.iter().chain(&other.named).map(|(name, _)| *name).collect();
        for name in names {
            self.set(name, self.get(name).or(other.get(name)));
        }
        self.others = self.others.or(other.others);
        self
    }

    /// Says where in another expression a label went that is gone.
    fn seen_from(mut self, span: Span) -> Self {
        let moved = |has: Has| match has {
            Has::No(_) => Has::No(Gone { span, by: By::Recorded }),
            has => has,
        };
        self.others = moved(self.others);
        self.named.iter_mut().for_each(|(_, has)| *has = moved(*has));
        self
    }
}

/// The labels that recording rules write, by metric.
#[derive(Clone, Debug, Default)]
pub struct Flows<'a> {
    by_metric: HashMap<&'a str, Labels<'a>, foldhash::fast::FixedState>,
}

impl<'a> Flows<'a> {
    /// Follows the labels through all recording rules that others read. Rules that read themselves write what nobody
    /// knows. Cost: near linear in the rules.
    pub(super) fn of(all: &[(&'a RuleFile, &'a Group, &'a Rule)], graph: &RuleGraph) -> Self {
        let mut flows = Self::default();
        for component in &graph.components {
            let mut written: Vec<(&'a str, Labels<'a>)> = Vec::new();
            for number in &component.rules {
                let rule = all[*number as usize].2;
                if !matches!(rule.kind, RuleKind::Record) || !rule.enabled || !graph.nodes[*number as usize].is_read {
                    continue;
                }
                let mut labels = if component.stepwise { Labels::all(Has::Maybe) } else { flows.labels(&rule.expr) };
                for (name, text) in &rule.labels {
                    let gone = Has::No(Gone { span: rule.expr.span, by: By::Recorded });
                    labels.set(name, if text.text().is_empty() { gone } else { Has::Yes });
                }
                written.push((&rule.name.text, labels));
            }
            for (name, labels) in written {
                let all = match flows.by_metric.remove(name) {
                    Some(before) => before.or(&labels),
                    None => labels,
                };
                flows.by_metric.insert(name, all);
            }
        }
        flows
    }

    /// Returns the labels of a metric that a rule records and another one reads.
    #[must_use]
    pub fn recorded(&self, metric: &str) -> Option<&Labels<'a>> {
        self.by_metric.get(metric)
    }

    /// Returns whether no rule reads what another one records.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_metric.is_empty()
    }

    /// Follows the labels through an expression. Cost: linear in its size, times the labels that it names.
    #[must_use]
    pub fn labels(&self, expr: &'a Expr) -> Labels<'a> {
        let span = expr.span;
        match &expr.kind {
            ExprKind::Number { .. } | ExprKind::String(_) => Labels::none(span, By::Scalar),
            ExprKind::Paren(inner) | ExprKind::Unary { expr: inner, .. } => self.labels(inner),
            ExprKind::Selector(selector) => self.selected(selector, span),
            ExprKind::Range { selector, selector_span, .. } => self.selected(selector, *selector_span),
            ExprKind::Subquery(subquery) => self.labels(&subquery.expr),
            ExprKind::Call { function, args, .. } => self.called(function.kernel, function.returns, args, span),
            ExprKind::Aggregate(aggregate) => self.aggregated(aggregate, span),
            ExprKind::Binary(binary) => self.joined(binary, span),
            ExprKind::Invalid => Labels::all(Has::Maybe),
        }
    }

    fn selected(&self, selector: &'a Selector, span: Span) -> Labels<'a> {
        let written = selector.metric().and_then(|metric| self.by_metric.get(metric));
        let mut labels = written.map_or_else(|| Labels::all(Has::Maybe), |labels| labels.clone().seen_from(span));
        if selector.metric() == Some(ALERTS) {
            [ALERT_NAME, ALERT_STATE].into_iter().for_each(|label| labels.set(label, Has::Yes));
        }
        for matcher in selector.matchers.iter().filter(|matcher| matcher.name != METRIC_NAME) {
            if !matcher.matches("") {
                labels.set(&matcher.name, Has::Yes);
            } else if matcher.op == MatchOp::Equal {
                labels.set(&matcher.name, Has::No(Gone { span, by: By::Matcher }));
            }
        }
        labels
    }

    fn called(&self, kernel: Kernel, returns: Type, args: &'a [Expr], span: Span) -> Labels<'a> {
        let text = |at: usize| match args.get(at).map(|arg| &arg.unparen().kind) {
            Some(ExprKind::String(text)) => Some(text.as_str()),
            _ => None,
        };
        let gone = Has::No(Gone { span, by: By::Function });
        match kernel {
            Kernel::Absent | Kernel::AbsentOverTime => absent(args, span),
            _ if returns == Type::Scalar => Labels::none(span, By::Scalar),
            Kernel::LabelReplace | Kernel::LabelJoin => {
                let mut labels = args.first().map_or_else(|| Labels::all(Has::Maybe), |arg| self.labels(arg));
                match text(1) {
                    Some(label) => labels.set(label, Has::Maybe),
                    None => labels = Labels::all(Has::Maybe),
                }
                labels
            }
            Kernel::BucketQuantile | Kernel::BucketFraction | Kernel::BucketQuantiles => {
                let inner = args.iter().find(|arg| arg.ty() == Type::Vector);
                let mut labels = inner.map_or_else(|| Labels::all(Has::Maybe), |arg| self.labels(arg));
                labels.set("le", gone);
                text(1).into_iter().for_each(|label| labels.set(label, Has::Yes));
                labels
            }
            // It may add labels.
            Kernel::Info => Labels::all(Has::Maybe),
            _ => {
                let inner = args.iter().find(|arg| matches!(arg.ty(), Type::Vector | Type::Matrix));
                inner.map_or_else(|| Labels::all(gone), |arg| self.labels(arg))
            }
        }
    }

    fn aggregated(&self, aggregate: &'a Aggregate, span: Span) -> Labels<'a> {
        let inner = self.labels(&aggregate.expr);
        let gone = Has::No(Gone { span, by: By::Aggregation });
        let keeps = matches!(
            aggregate.op,
            AggregateOp::TopK | AggregateOp::BottomK | AggregateOp::LimitK | AggregateOp::LimitRatio
        );
        let mut labels = match &aggregate.grouping {
            _ if keeps => inner,
            Some(grouping) if grouping.without => {
                let mut labels = inner;
                grouping.labels.iter().for_each(|label| labels.set(label, gone));
                labels
            }
            Some(grouping) => {
                let mut labels = Labels::all(gone);
                for label in &grouping.labels {
                    labels.set(label, if inner.get(label) == Has::Maybe { Has::Named } else { inner.get(label) });
                }
                labels
            }
            None => Labels::all(gone),
        };
        if let (AggregateOp::CountValues, Some(ExprKind::String(label))) =
            (aggregate.op, aggregate.param.as_ref().map(|param| &param.unparen().kind))
        {
            let dropped = aggregate.grouping.as_ref().is_some_and(|by| by.without && by.labels.contains(label));
            labels.set(label, if dropped { gone } else { Has::Yes });
        }
        labels
    }

    fn joined(&self, binary: &'a Binary, span: Span) -> Labels<'a> {
        let Binary { op, lhs, rhs, matching, .. } = binary;
        match (lhs.ty(), rhs.ty()) {
            (Type::Scalar, Type::Scalar) => return Labels::none(span, By::Scalar),
            (_, Type::Scalar) => return self.labels(lhs),
            (Type::Scalar, _) => return self.labels(rhs),
            _ => {}
        }
        let (left, right) = (self.labels(lhs), self.labels(rhs));
        match op {
            BinaryOp::Or => return left.or(&right),
            BinaryOp::And | BinaryOp::Unless => return left,
            _ => {}
        }
        let matching = matching.as_ref().unwrap_or(&PLAIN);
        if matching.fill_left.is_some() || matching.fill_right.is_some() {
            // A side that is filled has the labels of the other.
            return Labels::all(Has::Maybe);
        }
        let (mut many, one) = match matching.group.as_ref().map(|group| group.many) {
            Some(Side::Right) => (right, left),
            _ => (left, right),
        };
        let other = |has: Has| match has {
            Has::No(_) => Has::No(Gone { span, by: By::OtherSide }),
            has => has,
        };
        let is_matched = |label: &str| matching.on == matching.labels.iter().any(|named| named == label);
        // Labels that are matched are equal on both sides.
        let names: Vec<&str> = many.named.iter().chain(&one.named).map(|(name, _)| *name).collect();
        for name in names.into_iter().chain(matching.labels.iter().map(String::as_str)) {
            if is_matched(name) {
                let has = match (many.get(name), other(one.get(name))) {
                    (Has::No(gone), _) | (_, Has::No(gone)) => Has::No(gone),
                    (Has::Yes, _) | (_, Has::Yes) => Has::Yes,
                    _ if matching.on => Has::Named,
                    (Has::Named, _) | (_, Has::Named) => Has::Named,
                    _ => Has::Maybe,
                };
                many.set(name, has);
            }
        }
        if !matching.on && many.others == Has::Maybe {
            many.others = other(one.others);
        }
        match &matching.group {
            None => {
                let gone = Has::No(Gone { span, by: By::Matching });
                if matching.on {
                    many.named.retain(|(name, _)| matching.labels.iter().any(|label| label == name));
                    many.others = gone;
                } else {
                    matching.labels.iter().for_each(|label| many.set(label, gone));
                }
            }
            Some(group) => {
                for label in &group.include {
                    let has = if one.get(label) == Has::Maybe { Has::Named } else { other(one.get(label)) };
                    many.set(label, has);
                }
            }
        }
        many
    }
}

/// Returns the labels of `absent()`: what its selector asks for with `=`, once.
fn absent(args: &[Expr], span: Span) -> Labels<'_> {
    let mut labels = Labels::none(span, By::Absent);
    let selector = args.first().and_then(|arg| match &arg.unparen().kind {
        ExprKind::Selector(selector) | ExprKind::Range { selector, .. } => Some(selector),
        _ => None,
    });
    for matcher in selector.into_iter().flat_map(|selector| &selector.matchers) {
        let once =
            |label: &str| selector.is_some_and(|one| one.matchers.iter().filter(|m| m.name == label).count() == 1);
        let is_set = matcher.op == MatchOp::Equal && !matcher.value.is_empty() && matcher.name != METRIC_NAME;
        if is_set && once(&matcher.name) {
            labels.set(&matcher.name, Has::Yes);
        }
    }
    labels
}
