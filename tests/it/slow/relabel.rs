//! Functions that change labels or order by them.

use std::cmp::Ordering;

use alertctl::labels::{METRIC_NAME, Regexp};
use alertctl::promql::ast::Expr;

use super::eval::{Evaluator, Vector, text};
use super::{Fault, failed};

impl Evaluator<'_> {
    /// Evaluates `label_replace(vector, dst, replacement, src, regex)`.
    pub(crate) fn label_replace(&self, args: &[Expr], steps: &[i64]) -> Result<Vec<Vector>, Fault> {
        let [dst, replacement, src, pattern] = [1, 2, 3, 4].map(|at| text(&args[at]));
        let Ok(regexp) = Regexp::anchored(&pattern) else {
            return failed(format!("invalid regular expression in label_replace(): {pattern}"));
        };
        if dst.is_empty() {
            return failed(format!("invalid destination label name in label_replace(): {dst}"));
        }
        let mut vectors = self.vectors(&args[0], steps)?;
        for sample in vectors.iter_mut().flatten() {
            let value = sample.labels.get(&src).unwrap_or("");
            if let Some(expanded) = regexp.expand(value, &replacement) {
                sample.labels = sample.labels.to_builder().set(&dst, &expanded).build();
                sample.drop_name &= dst != METRIC_NAME;
            }
        }
        self.unique_at_each(vectors)
    }

    /// Evaluates `label_join(vector, dst, separator, src, ..)`.
    pub(crate) fn label_join(&self, args: &[Expr], steps: &[i64]) -> Result<Vec<Vector>, Fault> {
        let (dst, separator) = (text(&args[1]), text(&args[2]));
        let sources: Vec<String> = args[3..].iter().map(text).collect();
        if let Some(source) = sources.iter().find(|source| source.is_empty()) {
            return failed(format!("invalid source label name in label_join(): {source}"));
        }
        if dst.is_empty() {
            return failed(format!("invalid destination label name in label_join(): {dst}"));
        }
        let mut vectors = self.vectors(&args[0], steps)?;
        for sample in vectors.iter_mut().flatten() {
            let values: Vec<&str> = sources.iter().map(|source| sample.labels.get(source).unwrap_or("")).collect();
            let joined = values.join(&separator);
            sample.labels = sample.labels.to_builder().set(&dst, &joined).build();
            sample.drop_name &= dst != METRIC_NAME;
        }
        self.unique_at_each(vectors)
    }

    /// Evaluates `sort_by_label` and `sort_by_label_desc`: by the labels named, then by all.
    pub(crate) fn sort_by_label(&self, name: &str, args: &[Expr], steps: &[i64]) -> Result<Vec<Vector>, Fault> {
        let labels: Vec<String> = args[1..].iter().map(text).collect();
        let mut vectors = self.vectors(&args[0], steps)?;
        for vector in &mut vectors {
            vector.sort_by(|a, b| {
                let value =
                    |sample: &super::eval::Sample, label: &str| sample.labels.get(label).unwrap_or("").to_owned();
                let by_label = labels.iter().map(|label| natural(&value(a, label), &value(b, label)));
                let order = by_label.fold(Ordering::Equal, Ordering::then).then_with(|| a.labels.cmp(&b.labels));
                if name == "sort_by_label_desc" { order.reverse() } else { order }
            });
        }
        Ok(vectors)
    }
}

/// Compares texts so that numbers in them count as numbers.
///
/// Source: the natsort package that Prometheus uses.
fn natural(a: &str, b: &str) -> Ordering {
    let (left, right) = (chunks(a), chunks(b));
    for (a, b) in left.iter().zip(&right) {
        let order = match (a.parse::<i64>(), b.parse::<i64>()) {
            (Ok(a), Ok(b)) => a.cmp(&b),
            _ => a.cmp(b),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    // Of two that agree as far as the shorter goes, the shorter comes first; of numbers that differ in zeros before them,
    // natsort says both.
    left.len().cmp(&right.len()).then_with(|| a.cmp(b))
}

/// Splits a text into runs of digits and runs of other characters.
fn chunks(text: &str) -> Vec<String> {
    let mut chunks: Vec<String> = Vec::new();
    for c in text.chars() {
        match chunks.last_mut() {
            Some(last) if last.ends_with(|l: char| l.is_ascii_digit()) == c.is_ascii_digit() => last.push(c),
            _ => chunks.push(c.to_string()),
        }
    }
    chunks
}
