//! Aggregations.

use alertctl::labels::{LabelSet, METRIC_NAME};
use alertctl::promql::ast::{Aggregate, AggregateOp, Expr, ExprKind};

use super::eval::{Evaluator, Sample, Vector, floats, text};
use super::windows::{kahan, mean, quantile};
use super::{Fault, SampleValue, failed, histograms, limit};
use crate::promql::pin::DEPEND_ON_TIME;

impl Evaluator<'_> {
    /// Evaluates an aggregation at each step.
    pub(crate) fn aggregate(&self, aggregate: &Aggregate, steps: &[i64]) -> Result<Vec<Vector>, Fault> {
        let op = aggregate.op;
        if op == AggregateOp::CountValues {
            return self.count_values(aggregate, steps);
        }
        let mut params = match &aggregate.param {
            Some(param) => self.scalars(param, steps)?,
            None => vec![0.0; steps.len()],
        };
        // In a range, Prometheus evaluates the whole at the first step if its operand holds at all steps.
        if self.context.step != 0 && is_held(&aggregate.expr) {
            params = vec![params[0]; steps.len()];
        }
        let vectors = self.vectors(&aggregate.expr, steps)?;
        let ranked = matches!(op, AggregateOp::TopK | AggregateOp::BottomK);
        if ranked || op == AggregateOp::LimitK {
            if params.iter().all(|k| *k < 1.0) {
                return Ok(vec![Vec::new(); steps.len()]);
            }
            check_k(&params)?;
        }
        let limited = matches!(op, AggregateOp::LimitK | AggregateOp::LimitRatio);
        if limited {
            limit::check_ratios(&params)?;
        }
        let mut out = Vec::new();
        for (vector, param) in vectors.into_iter().zip(params) {
            if limited {
                out.push(limit::limited(op, param, vector, |labels| labels.filter(|name| keeps(aggregate, name))));
                continue;
            }
            let groups = groups(aggregate, vector);
            out.push(if ranked {
                let k = param as i64;
                groups.into_iter().flat_map(|(_, members)| rank(op, k, members)).collect()
            } else {
                groups.into_iter().filter_map(|(labels, members)| fold(op, param, labels, &members)).collect()
            });
        }
        Ok(out)
    }

    fn count_values(&self, aggregate: &Aggregate, steps: &[i64]) -> Result<Vec<Vector>, Fault> {
        let label = text(aggregate.param.as_ref().expect("the parser asks for a label"));
        if label.is_empty() {
            return failed("invalid label name \"\"");
        }
        let mut out = Vec::new();
        for mut vector in self.vectors(&aggregate.expr, steps)? {
            for sample in &mut vector {
                sample.labels = sample.labels.to_builder().set(&label, &shown_value(&sample.value)).build();
            }
            let groups = groups_of(vector, |name| match &aggregate.grouping {
                Some(grouping) if grouping.without => name != METRIC_NAME && !grouping.labels.iter().any(|l| l == name),
                Some(grouping) => name == label || grouping.labels.iter().any(|l| l == name),
                None => name == label,
            });
            let count = |(labels, members): (LabelSet, Vector)| Sample {
                labels,
                value: (members.len() as f64).into(),
                drop_name: false,
            };
            out.push(groups.into_iter().map(count).collect());
        }
        self.unique(out)
    }
}

/// Returns whether an expression has one value at all steps.
///
/// Source: Prometheus' `preprocessExprHelper`.
fn is_held(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Selector(selector) | ExprKind::Range { selector, .. } => selector.modifiers.at.is_some(),
        ExprKind::Subquery(subquery) => subquery.modifiers.at.is_some(),
        ExprKind::Aggregate(aggregate) => is_held(&aggregate.expr),
        ExprKind::Binary(binary) => is_held(&binary.lhs) && is_held(&binary.rhs),
        ExprKind::Paren(expr) | ExprKind::Unary { expr, .. } => is_held(expr),
        ExprKind::Call { function, args, .. } if function.name == "timestamp" => {
            matches!(args[0].unparen().kind, ExprKind::Selector(_)) && is_held(&args[0])
        }
        ExprKind::Call { function, args, .. } => !DEPEND_ON_TIME.contains(&function.name) && args.iter().all(is_held),
        _ => true,
    }
}

/// Formats a value as `count_values` does.
fn shown_value(value: &SampleValue) -> String {
    match value {
        SampleValue::Float(value) => plain(*value),
        SampleValue::Histogram(histogram) => histogram.to_string(),
    }
}

/// Formats a value as the shortest decimal without an exponent.
fn plain(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        format!("{value}")
    }
}

fn check_k(params: &[f64]) -> Result<(), Fault> {
    if params.iter().any(|k| k.is_nan()) {
        return failed("Parameter value is NaN");
    }
    if let Some(k) = params.iter().find(|k| **k <= i64::MIN as f64) {
        return failed(format!("Scalar value {} underflows int64", shown(*k)));
    }
    if let Some(k) = params.iter().find(|k| **k >= i64::MAX as f64) {
        return failed(format!("Scalar value {} overflows int64", shown(*k)));
    }
    Ok(())
}

/// Formats a large number as Go's `%v` does.
fn shown(value: f64) -> String {
    if value.is_infinite() {
        return plain(value);
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    format!("{digits}e+{exponent:0>2}")
}

fn groups(aggregate: &Aggregate, vector: Vector) -> Vec<(LabelSet, Vector)> {
    groups_of(vector, |name| keeps(aggregate, name))
}

/// Returns whether a label is among those that tell groups apart.
fn keeps(aggregate: &Aggregate, name: &str) -> bool {
    match &aggregate.grouping {
        Some(grouping) if grouping.without => name != METRIC_NAME && !grouping.labels.iter().any(|label| label == name),
        Some(grouping) => grouping.labels.iter().any(|label| label == name),
        None => false,
    }
}

/// Brings the samples with equal kept labels together, groups in the order of their first member.
fn groups_of(vector: Vector, keep: impl Fn(&str) -> bool) -> Vec<(LabelSet, Vector)> {
    let mut groups: Vec<(LabelSet, Vector)> = Vec::new();
    for sample in vector {
        let labels = sample.labels.filter(&keep);
        match groups.iter_mut().find(|(known, _)| *known == labels) {
            Some((_, members)) => members.push(sample),
            None => groups.push((labels, vec![sample])),
        }
    }
    groups
}

/// Returns the value of a group; `None` where its members have none.
fn fold(op: AggregateOp, param: f64, labels: LabelSet, members: &[Sample]) -> Option<Sample> {
    let all: Vec<SampleValue> = members.iter().map(|sample| sample.value.clone()).collect();
    let values: Vec<f64> = all.iter().filter_map(SampleValue::float).collect();
    let drop_name = members.iter().any(|sample| sample.drop_name);
    let made = |value: SampleValue| Some(Sample { labels, value, drop_name });
    match op {
        AggregateOp::Count => return made((members.len() as f64).into()),
        AggregateOp::Group => return made(1.0.into()),
        AggregateOp::Sum | AggregateOp::Avg if values.len() < all.len() => {
            let total = histograms::total(op, &all).map(|total| {
                // Empty buckets go, unlike those of functions over ranges.
                total.histogram().map_or(total.clone(), |sum| {
                    let mut sum = sum.as_ref().clone();
                    sum.compact();
                    sum.into()
                })
            });
            return total.and_then(made);
        }
        // All others ignore histograms, which is an info.
        _ if values.is_empty() => return None,
        _ => {}
    }
    let rest = || values[1..].iter().copied();
    let value = match op {
        AggregateOp::Sum => {
            let (s, c) = rest().fold((values[0], 0.0), |sum, x| kahan(x, sum));
            s + c
        }
        AggregateOp::Avg => mean(&values),
        AggregateOp::Min => rest().fold(values[0], |best, x| if best > x || best.is_nan() { x } else { best }),
        AggregateOp::Max => rest().fold(values[0], |best, x| if best < x || best.is_nan() { x } else { best }),
        AggregateOp::Quantile => quantile(param, &values),
        AggregateOp::Stdvar => variance(&values),
        AggregateOp::Stddev => variance(&values).sqrt(),
        other => panic!("{} does not fold", other.name()),
    };
    made(value.into())
}

/// The population variance by Welford's steps, without compensation.
fn variance(values: &[f64]) -> f64 {
    let mut mean = values[0];
    let mut squares = if values[0].is_finite() { 0.0 } else { f64::NAN };
    let mut n = 1.0;
    for x in &values[1..] {
        n += 1.0;
        let delta = x - mean;
        mean += delta / n;
        squares += delta * (x - mean);
    }
    squares / n
}

/// Returns whether `a` is nearer the top of the heap than `b`: the smaller for `topk`, the larger for `bottomk`, NaN
/// before all.
fn before(top: bool, a: &Sample, b: &Sample) -> bool {
    let (a, b) = (ranked(a), ranked(b));
    a.is_nan() || if top { a < b } else { a > b }
}

/// Returns the value of a sample that takes part in an order.
fn ranked(sample: &Sample) -> f64 {
    sample.value.float().expect("histograms are left out before")
}

/// Returns the k largest or smallest of a group in order, among equals those that Go's heap leaves.
fn rank(op: AggregateOp, k: i64, members: Vector) -> Vector {
    let top = op == AggregateOp::TopK;
    // Histograms are ignored, which is an info.
    let members: Vector = floats(members).map(|(sample, _)| sample).collect();
    let k = usize::try_from(k).unwrap_or(0).min(members.len());
    if k == 0 {
        return Vec::new();
    }
    let mut heap: Vector = Vec::new();
    for sample in members {
        if heap.len() < k {
            heap.push(sample);
            up(top, &mut heap);
        } else if before(top, &heap[0], &sample) && !ranked(&heap[0]).is_nan()
            || ranked(&heap[0]).is_nan() && !ranked(&sample).is_nan()
        {
            heap[0] = sample;
            down(top, &mut heap);
        }
    }
    insertion_sort(&mut heap, |a, b| before(top, b, a));
    heap
}

fn up(top: bool, heap: &mut Vector) {
    let mut at = heap.len() - 1;
    while at > 0 {
        let parent = (at - 1) / 2;
        if !before(top, &heap[at], &heap[parent]) {
            break;
        }
        heap.swap(at, parent);
        at = parent;
    }
}

fn down(top: bool, heap: &mut Vector) {
    let mut at = 0;
    loop {
        let mut child = 2 * at + 1;
        if child >= heap.len() {
            break;
        }
        if child + 1 < heap.len() && before(top, &heap[child + 1], &heap[child]) {
            child += 1;
        }
        if !before(top, &heap[child], &heap[at]) {
            break;
        }
        heap.swap(at, child);
        at = child;
    }
}

/// Sorts as Go does up to twelve elements; beyond that Go's order of equal values is another.
fn insertion_sort(vector: &mut Vector, less: impl Fn(&Sample, &Sample) -> bool) {
    for end in 1..vector.len() {
        let mut at = end;
        while at > 0 && less(&vector[at], &vector[at - 1]) {
            vector.swap(at, at - 1);
            at -= 1;
        }
    }
}

/// Evaluates `sort` and `sort_desc`: NaN goes last in both, histograms are left out.
pub(crate) fn go_sort(vector: &mut Vector, descending: bool) {
    vector.retain(|sample| sample.value.float().is_some());
    insertion_sort(vector, |a, b| before(descending, b, a));
}
