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

/// Compares texts run by run, of digits or of anything else: numbers by what they are, unless they are too large for an
/// integer, all else by bytes. Equal numbers that are written differently go by bytes, too, in the end.
///
/// Source: the natsort package that Prometheus uses, which has no order for these last.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut rest_a, mut rest_b) = (a, b);
    while !rest_a.is_empty() && !rest_b.is_empty() {
        let (run_a, run_b);
        (run_a, rest_a) = rest_a.split_at(first_run(rest_a));
        (run_b, rest_b) = rest_b.split_at(first_run(rest_b));
        let order = match (run_a.parse::<i64>(), run_b.parse::<i64>()) {
            (Ok(number_a), Ok(number_b)) => number_a.cmp(&number_b),
            _ => run_a.cmp(run_b),
        };
        if order.is_ne() {
            return order;
        }
    }
    rest_a.len().cmp(&rest_b.len()).then_with(|| a.cmp(b))
}

/// Returns how long the run is that a text begins with.
fn first_run(text: &str) -> usize {
    let is_digit = |c: char| c.is_ascii_digit();
    let digits = text.starts_with(is_digit);
    text.find(|c| is_digit(c) != digits).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks that texts stand in ascending order.
    fn check(texts: &[&str]) {
        for (at, a) in texts.iter().enumerate() {
            for (other, b) in texts.iter().enumerate() {
                assert_eq!(natural(a, b), at.cmp(&other), "{a} and {b}");
            }
        }
    }

    #[test]
    fn numbers_in_texts_count() {
        check(&["", "2", "10", "a", "a2", "a2b", "a10", "a10b1", "b1"]);
        check(&["1.9", "1.10", "1.10.0", "2"]);
    }

    #[test]
    fn runs_are_compared_whole() {
        // `a` is less than `a-`.
        check(&["a1", "a-", "a-1", "ab"]);
        // Neither fits an integer.
        check(&["x100000000000000000000", "x20000000000000000000"]);
        check(&["x01", "x1", "x02"]);
    }
}
