//! Between which numbers the values of an expression are, whatever is recorded.

use crate::promql::ast::{Aggregate, AggregateOp, Binary, BinaryOp, Expr, ExprKind, Selector, Type, UnaryOp};
use crate::rules::graph::ALERTS;

use super::shape::number;

/// Two numbers and all between them. NaN, which is in no comparison but `!=`, is left aside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bounds {
    /// The least value.
    pub(super) low: f64,
    /// The largest one.
    pub(super) high: f64,
}

impl Bounds {
    /// Any number.
    pub(super) const ANY: Self = Self { low: f64::NEG_INFINITY, high: f64::INFINITY };
    const NOT_NEGATIVE: Self = Self { low: 0.0, high: f64::INFINITY };
    const POSITIVE: Self = Self { low: 1.0, high: f64::INFINITY };
    const ZERO_OR_ONE: Self = Self { low: 0.0, high: 1.0 };
    const ONE: Self = Self { low: 1.0, high: 1.0 };

    fn of(low: f64, high: f64) -> Self {
        Self { low, high }
    }

    /// Of values that are of one kind or the other.
    fn or(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    /// Returns what is left after a comparison with a number.
    pub(super) fn filtered(self, op: BinaryOp, with: f64) -> Self {
        match op {
            BinaryOp::Equal => Self { low: self.low.max(with), high: self.high.min(with) },
            BinaryOp::Less | BinaryOp::LessEqual => Self { high: self.high.min(with), ..self },
            BinaryOp::Greater | BinaryOp::GreaterEqual => Self { low: self.low.max(with), ..self },
            _ => self,
        }
    }

    /// Returns whether a comparison with a number is always true; none where that depends on the value.
    pub(super) fn compared(self, op: BinaryOp, with: f64) -> Option<bool> {
        let Self { low, high } = self;
        let (always, never) = match op {
            BinaryOp::Equal => (low == high && low == with, with < low || with > high),
            BinaryOp::NotEqual => (with < low || with > high, low == high && low == with),
            BinaryOp::Less => (high < with, low >= with),
            BinaryOp::LessEqual => (high <= with, low > with),
            BinaryOp::Greater => (low > with, high <= with),
            BinaryOp::GreaterEqual => (low >= with, high < with),
            _ => (false, false),
        };
        match (always, never) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        }
    }
}

/// Returns the bounds of an expression's values. Cost: linear in its size.
pub(super) fn bounds(expr: &Expr) -> Bounds {
    if let Some(value) = number(expr) {
        return Bounds::of(value, value);
    }
    match &expr.kind {
        ExprKind::Paren(inner) | ExprKind::Unary { op: UnaryOp::Plus, expr: inner } => bounds(inner),
        ExprKind::Unary { op: UnaryOp::Minus, expr: inner } => {
            let Bounds { low, high } = bounds(inner);
            Bounds::of(-high, -low)
        }
        ExprKind::Selector(selector) | ExprKind::Range { selector, .. } => selected(selector),
        ExprKind::Subquery(subquery) => bounds(&subquery.expr),
        ExprKind::Call { function, args, .. } => called(function.name, args),
        ExprKind::Aggregate(aggregate) => aggregated(aggregate),
        ExprKind::Binary(binary) => combined(binary),
        ExprKind::Number { .. } | ExprKind::String(_) | ExprKind::Invalid => Bounds::ANY,
    }
}

/// The metrics that Prometheus itself writes.
fn selected(selector: &Selector) -> Bounds {
    match selector.metric() {
        Some("up") => Bounds::ZERO_OR_ONE,
        Some(ALERTS) => Bounds::ONE,
        _ => Bounds::ANY,
    }
}

fn called(name: &str, args: &[Expr]) -> Bounds {
    let of = |at: usize| args.get(at).map_or(Bounds::ANY, bounds);
    match name {
        // Of counters, which is what they are for.
        "rate" | "irate" | "increase" | "changes" | "resets" | "abs" | "sqrt" | "stddev_over_time"
        | "stdvar_over_time" => Bounds::NOT_NEGATIVE,
        "count_over_time" => Bounds::POSITIVE,
        "absent" | "absent_over_time" | "present_over_time" => Bounds::ONE,
        "hour" => Bounds::of(0.0, 23.0),
        "minute" => Bounds::of(0.0, 59.0),
        "day_of_week" => Bounds::of(0.0, 6.0),
        "day_of_month" => Bounds::of(1.0, 31.0),
        "day_of_year" => Bounds::of(1.0, 366.0),
        "days_in_month" => Bounds::of(28.0, 31.0),
        "month" => Bounds::of(1.0, 12.0),
        "sgn" => Bounds::of(-1.0, 1.0),
        "vector" | "max_over_time" | "min_over_time" | "last_over_time" | "avg_over_time" | "first_over_time"
        | "sort" | "sort_desc" | "label_replace" | "label_join" => of(0),
        "sum_over_time" => summed(of(0)),
        "clamp_min" => match args.get(1).and_then(number) {
            Some(least) => Bounds::of(of(0).low.max(least), of(0).high.max(least)),
            None => Bounds::ANY,
        },
        "clamp_max" => match args.get(1).and_then(number) {
            Some(most) => Bounds::of(of(0).low.min(most), of(0).high.min(most)),
            None => Bounds::ANY,
        },
        _ => Bounds::ANY,
    }
}

/// Of a sum of one value or more.
fn summed(of: Bounds) -> Bounds {
    Bounds {
        low: if of.low >= 0.0 { of.low } else { f64::NEG_INFINITY },
        high: if of.high <= 0.0 { of.high } else { f64::INFINITY },
    }
}

fn aggregated(aggregate: &Aggregate) -> Bounds {
    match aggregate.op {
        AggregateOp::Count | AggregateOp::CountValues => Bounds::POSITIVE,
        AggregateOp::Group => Bounds::ONE,
        AggregateOp::Stddev | AggregateOp::Stdvar => Bounds::NOT_NEGATIVE,
        AggregateOp::Sum => summed(bounds(&aggregate.expr)),
        AggregateOp::Avg
        | AggregateOp::Min
        | AggregateOp::Max
        | AggregateOp::TopK
        | AggregateOp::BottomK
        | AggregateOp::LimitK
        | AggregateOp::LimitRatio => bounds(&aggregate.expr),
        // Infinite where what is asked for is no share.
        AggregateOp::Quantile => Bounds::ANY,
    }
}

fn combined(binary: &Binary) -> Bounds {
    let (left, right) = (bounds(&binary.lhs), bounds(&binary.rhs));
    if binary.matching.as_ref().is_some_and(|matching| matching.fill_left.is_some() || matching.fill_right.is_some()) {
        return Bounds::ANY;
    }
    let are_not_negative = left.low >= 0.0 && right.low >= 0.0;
    match binary.op {
        op if op.is_comparison() && binary.return_bool => Bounds::ZERO_OR_ONE,
        op if op.is_comparison() => match (number(&binary.lhs), number(&binary.rhs)) {
            (_, Some(with)) => left.filtered(op, with),
            (Some(with), _) => right.filtered(turned(op), with),
            _ if binary.lhs.ty() == Type::Scalar => right,
            _ => left,
        },
        BinaryOp::And | BinaryOp::Unless => left,
        BinaryOp::Or => left.or(right),
        BinaryOp::Add => Bounds::of(left.low + right.low, left.high + right.high),
        BinaryOp::Mul | BinaryOp::Div if are_not_negative => Bounds::NOT_NEGATIVE,
        _ => Bounds::ANY,
    }
}

/// Returns a comparison with its sides exchanged.
pub(super) fn turned(op: BinaryOp) -> BinaryOp {
    match op {
        BinaryOp::Less => BinaryOp::Greater,
        BinaryOp::LessEqual => BinaryOp::GreaterEqual,
        BinaryOp::Greater => BinaryOp::Less,
        BinaryOp::GreaterEqual => BinaryOp::LessEqual,
        op => op,
    }
}
