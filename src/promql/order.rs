//! The order that `sort_by_label` gives.

use std::cmp::Ordering;

use crate::labels::LabelSet;

/// Compares by the values of some labels in natural order (`a2` before `a10`), then by all labels.
///
/// Source: Prometheus' `sort_by_label`.
pub(crate) fn by_labels(a: &LabelSet, b: &LabelSet, names: &[String]) -> Ordering {
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
