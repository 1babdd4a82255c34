//! Why a result has no series, in words.

use crate::explain::{Reason, Why};
use crate::format::{Clock, one_line};
use crate::labels::LabelSet;
use crate::promql::ast::{BinaryOp, Side};
use crate::report::explain::words::{Times, apart, series, why};
use crate::time::Timestamp;

/// What a reason is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looked {
    /// The one time that the expression was evaluated at.
    Once,
    /// The last step of a range, looked at for all of them.
    AtLast(Timestamp),
    /// All steps of a range: at this one a value came nearest to passing.
    AtAll(Timestamp),
}

/// Says why an expression has no series.
#[must_use]
pub fn text(reason: &Reason, looked: Looked, clock: &Clock) -> String {
    let part = one_line(&reason.text);
    let words = match &reason.why {
        Why::NoMetric { metric } => return format!("no such metric: {}{}", metric.name, metric.hint()),
        Why::False { op, labels, left, right, scalar, written, .. } => {
            format!("no value passes `{part}`: {}", nearest((*op, *scalar, *written), (*left, *right), labels))
        }
        Why::There { .. } => format!("`{part}` gives nothing, since {}", why(&reason.why, &Times::exact(clock))),
        Why::NotChosen { of: Some(of), .. } if *of < 1.0 => format!("`{part}` chooses none of them"),
        Why::Nothing if part.is_empty() => "nothing further is known".to_owned(),
        Why::Nothing => format!("`{part}` gives nothing"),
        found => why(found, &Times::exact(clock)),
    };
    match looked {
        Looked::AtAll(at) => format!("{words}, at {}", clock.full(at)),
        Looked::AtLast(_) if matches!(reason.why, Why::Outside { moved: false, .. }) => {
            format!("at the last step: {words}")
        }
        Looked::AtLast(step) if !reason.why.is_never() => format!("at the last step ({}) {words}", clock.full(step)),
        _ => words,
    }
}

/// Says which value came nearest to satisfying a comparison.
fn nearest(
    (op, scalar, written): (BinaryOp, Option<Side>, bool),
    (left, right): (f64, f64),
    labels: &LabelSet,
) -> String {
    let (a, b) = apart(left, right);
    let of = if labels.is_empty() { String::new() } else { format!(", of {}", series(labels)) };
    let (found, limit, value, shown) = match scalar {
        None => return format!("the nearest pair is {a} {} {b}{of}", op.symbol()),
        Some(Side::Right) => (left, right, a, b),
        Some(Side::Left) => (right, left, b, a),
    };
    let is_over = matches!(op, BinaryOp::Greater | BinaryOp::GreaterEqual) == (scalar == Some(Side::Right));
    let which = match op {
        _ if found.is_nan() => return "all are NaN".to_owned(),
        BinaryOp::Equal => "the nearest is",
        BinaryOp::NotEqual => "all are",
        _ if is_over => "the greatest is",
        _ => "the least is",
    };
    let of = if op == BinaryOp::NotEqual { String::new() } else { of };
    // A number stands in the expression; what is worked out does not.
    let limit =
        if written && !limit.is_nan() { String::new() } else { format!("; what it is compared with is {shown}") };
    format!("{which} {value}{of}{limit}")
}
