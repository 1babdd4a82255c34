//! The order of a result, where an expression asks for one.

use std::cmp::Ordering;

use crate::labels::LabelSet;

use super::ast::{Aggregate, AggregateOp};

/// Compares by the values of some labels in natural order (`a2` before `a10`), then by all labels.
///
/// Source: Prometheus' `sort_by_label`.
pub(crate) fn by_labels(a: &LabelSet, b: &LabelSet, names: &[&str]) -> Ordering {
    for name in names {
        let (a, b) = (a.get(name).unwrap_or(""), b.get(name).unwrap_or(""));
        match natural(a, b) {
            Ordering::Equal => {}
            other => return other,
        }
    }
    a.cmp(b)
}

/// Compares texts so that runs of digits count as numbers.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while let (Some(x), Some(y)) = (a.first(), b.first()) {
        if x.is_ascii_digit() && y.is_ascii_digit() {
            let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let (xs, ys) = (digits(a), digits(b));
            let strip = |text: &[u8]| text.iter().take_while(|byte| **byte == b'0').count();
            let (x, y) = (&a[strip(&a[..xs])..xs], &b[strip(&b[..ys])..ys]);
            match x.len().cmp(&y.len()).then_with(|| x.cmp(y)).then(xs.cmp(&ys)) {
                Ordering::Equal => (a, b) = (&a[xs..], &b[ys..]),
                other => return other,
            }
        } else {
            match x.cmp(y) {
                Ordering::Equal => (a, b) = (&a[1..], &b[1..]),
                other => return other,
            }
        }
    }
    a.len().cmp(&b.len())
}

/// Orders the result of `topk` and `bottomk`: groups as they appear, within each from the most wanted value on.
pub(crate) fn sort_groups(aggregate: &Aggregate, vector: &mut [(LabelSet, f64)]) {
    let bottom = match aggregate.op {
        AggregateOp::TopK => false,
        AggregateOp::BottomK => true,
        _ => return,
    };
    let key = |labels: &LabelSet| match &aggregate.grouping {
        None => LabelSet::empty(),
        Some(grouping) => labels.filter(|name| {
            let listed = grouping.labels.iter().any(|label| label == name);
            listed != grouping.without && (!grouping.without || name != crate::labels::METRIC_NAME)
        }),
    };
    let mut keys: Vec<LabelSet> = Vec::new();
    for (labels, _) in vector.iter() {
        let key = key(labels);
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    vector.sort_by(|a, b| {
        let rank = |labels: &LabelSet| keys.iter().position(|held| *held == key(labels));
        let by_value = if bottom { a.1.partial_cmp(&b.1) } else { b.1.partial_cmp(&a.1) };
        rank(&a.0).cmp(&rank(&b.0)).then(a.1.is_nan().cmp(&b.1.is_nan())).then(by_value.unwrap_or(Ordering::Equal))
    });
}
