//! Binary operators.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use alertctl::labels::{LabelSet, METRIC_NAME};
use alertctl::promql::ast::{Binary, BinaryOp, Group, Matching, Side};

use super::eval::{Evaluator, Sample, Vector};
use super::{Fault, SampleValue, failed, histograms};

/// Returns the value of an arithmetic operator.
pub(crate) fn arithmetic(op: BinaryOp, a: f64, b: f64) -> f64 {
    match op {
        BinaryOp::Add => a + b,
        BinaryOp::Sub => a - b,
        BinaryOp::Mul => a * b,
        BinaryOp::Div => a / b,
        BinaryOp::Mod => a % b,
        BinaryOp::Pow => a.powf(b),
        BinaryOp::Atan2 => a.atan2(b),
        other => panic!("{} is no arithmetic", other.symbol()),
    }
}

/// Returns whether a comparison holds.
fn holds(op: BinaryOp, a: f64, b: f64) -> bool {
    match op {
        BinaryOp::Equal => a == b,
        BinaryOp::NotEqual => a != b,
        BinaryOp::Less => a < b,
        BinaryOp::LessEqual => a <= b,
        BinaryOp::Greater => a > b,
        BinaryOp::GreaterEqual => a >= b,
        other => panic!("{} is no comparison", other.symbol()),
    }
}

/// Returns the value of an operator between two scalars.
pub(crate) fn scalars(op: BinaryOp, a: f64, b: f64) -> f64 {
    if op.is_comparison() { f64::from(u8::from(holds(op, a, b))) } else { arithmetic(op, a, b) }
}

/// Returns the value of an operator between two samples and whether it stays; `None` where their kinds do not fit.
fn elements(op: BinaryOp, a: &SampleValue, b: &SampleValue) -> Option<(SampleValue, bool)> {
    match (a.float(), b.float()) {
        (Some(_), Some(_)) if trims(op) => None,
        (Some(a), Some(b)) if op.is_comparison() => Some((a.into(), holds(op, a, b))),
        (Some(a), Some(b)) => Some((arithmetic(op, a, b).into(), true)),
        _ => histograms::elements(op, a, b),
    }
}

fn trims(op: BinaryOp) -> bool {
    matches!(op, BinaryOp::TrimUpper | BinaryOp::TrimLower)
}

/// Returns whether the result is another quantity, and so without the metric's name.
fn changes_quantity(op: BinaryOp) -> bool {
    !op.is_comparison() && !trims(op)
}

/// The labels by which series find each other.
fn key(labels: &LabelSet, matching: &Matching) -> LabelSet {
    let listed = |name: &str| matching.labels.iter().any(|label| label == name);
    if matching.on { labels.filter(listed) } else { labels.filter(|name| name != METRIC_NAME && !listed(name)) }
}

impl Evaluator<'_> {
    /// Evaluates an operator between a vector and a number at each step.
    pub(crate) fn with_numbers(
        &self,
        binary: &Binary,
        vectors: Vec<Vector>,
        numbers: &[f64],
        swapped: bool,
    ) -> Vec<Vector> {
        let (op, bool_wanted) = (binary.op, binary.return_bool);
        let mut out = Vec::new();
        for (vector, number) in vectors.into_iter().zip(numbers) {
            let mut kept = Vec::new();
            for mut sample in vector {
                let own = sample.value;
                let number = SampleValue::Float(*number);
                let pair = if swapped { elements(op, &number, &own) } else { elements(op, &own, &number) };
                let Some((value, keep)) = pair else { continue };
                sample.value = if op.is_comparison() { own } else { value };
                if bool_wanted {
                    sample.value = f64::from(u8::from(keep)).into();
                }
                if changes_quantity(op) || bool_wanted {
                    self.drop_name(&mut sample);
                }
                if keep || bool_wanted {
                    kept.push(sample);
                }
            }
            out.push(kept);
        }
        out
    }

    /// Evaluates an operator between two vectors at one step.
    pub(crate) fn two_vectors(&self, binary: &Binary, lhs: Vector, rhs: Vector) -> Result<Vector, Fault> {
        let default = Matching::default();
        let matching = binary.matching.as_ref().unwrap_or(&default);
        if binary.op.is_set() {
            return Ok(sets(binary.op, matching, lhs, rhs));
        }
        let (fill_many, fill_one) = (matching.fill_left, matching.fill_right);
        let fills = fill_many.is_some() || fill_one.is_some();
        if lhs.is_empty() && rhs.is_empty() || !fills && (lhs.is_empty() || rhs.is_empty()) {
            return Ok(Vec::new());
        }
        let swapped = matching.group.as_ref().is_some_and(|group| group.many == Side::Right);
        let (many, one) = if swapped { (rhs, lhs) } else { (lhs, rhs) };
        let mut by_key: BTreeMap<LabelSet, &Sample> = BTreeMap::new();
        for sample in &one {
            let key = key(&sample.labels, matching);
            if let Some(other) = by_key.insert(key.clone(), sample) {
                return duplicate(&key, sample, other, if swapped { "left" } else { "right" });
            }
        }
        let mut out = Vec::new();
        let mut matched: BTreeSet<LabelSet> = BTreeSet::new();
        let mut made: BTreeSet<(LabelSet, LabelSet)> = BTreeSet::new();
        // What is filled in has the labels of the key.
        let stand_in = |sample: &Sample, value: f64| {
            let labels = key(&sample.labels, matching);
            Sample { labels, value: value.into(), drop_name: false }
        };
        let pair = |sample: &Sample, other: &Sample| {
            let (a, b) = if swapped { (&other.value, &sample.value) } else { (&sample.value, &other.value) };
            elements(binary.op, a, b)
        };
        let mut pairs: Vec<(Cow<'_, Sample>, Cow<'_, Sample>)> = Vec::new();
        let mut met: BTreeSet<LabelSet> = BTreeSet::new();
        for sample in &many {
            let key = key(&sample.labels, matching);
            let other = by_key.get(&key).map(|other| Cow::Borrowed(*other));
            let other = other.or_else(|| fill_one.map(|value| Cow::Owned(stand_in(sample, value))));
            // Where kinds do not fit, the other one may still be filled in for.
            if other.as_ref().is_some_and(|other| pair(sample, other).is_some()) {
                met.insert(key);
            }
            pairs.extend(other.map(|other| (Cow::Borrowed(sample), other)));
        }
        let lonely = one.iter().filter(|sample| !met.contains(&key(&sample.labels, matching)));
        pairs.extend(fill_many.into_iter().flat_map(|value| {
            lonely.clone().map(move |other| (Cow::Owned(stand_in(other, value)), Cow::Borrowed(other)))
        }));
        for (sample, other) in &pairs {
            let key = key(&sample.labels, matching);
            let Some((mut value, keep)) = pair(sample, other) else { continue };
            if binary.return_bool {
                value = f64::from(u8::from(keep)).into();
            }
            let labels = self.result_labels(binary, matching, &sample.labels, &other.labels);
            // A pair counts as a match even if the comparison drops it.
            if matching.group.is_none() {
                if !matched.insert(key) {
                    return failed(
                        "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)",
                    );
                }
            } else if !made.insert((key, labels.clone())) {
                return failed("multiple matches for labels: grouping labels must ensure unique matches");
            }
            if keep || binary.return_bool {
                out.push(Sample { labels, value, drop_name: binary.return_bool });
            }
        }
        Ok(out)
    }

    fn result_labels(&self, binary: &Binary, matching: &Matching, many: &LabelSet, one: &LabelSet) -> LabelSet {
        let drop_now = changes_quantity(binary.op) || (binary.return_bool && !self.options.delayed_names);
        let labels = if drop_now { many.without_metric() } else { many.clone() };
        let listed = |name: &str| matching.labels.iter().any(|label| label == name);
        match &matching.group {
            None if matching.on => labels.filter(listed),
            None => labels.filter(|name| !listed(name)),
            Some(Group { include, .. }) => {
                let mut builder = labels.to_builder();
                for name in include {
                    builder.set(name, one.get(name).unwrap_or(""));
                }
                builder.build()
            }
        }
    }
}

fn duplicate<T>(key: &LabelSet, a: &Sample, b: &Sample, side: &str) -> Result<T, Fault> {
    let mut names = [format!("{:?}", a.labels), format!("{:?}", b.labels)];
    names.sort();
    let [a, b] = names;
    failed(format!(
        "found duplicate series for the match group {key:?} on the {side} hand-side of the operation: [{a}, {b}];\
         many-to-many matching not allowed: matching labels must be unique on one side"
    ))
}

fn sets(op: BinaryOp, matching: &Matching, lhs: Vector, rhs: Vector) -> Vector {
    let keys = |vector: &Vector| vector.iter().map(|sample| key(&sample.labels, matching)).collect::<BTreeSet<_>>();
    let (left, right) = (keys(&lhs), keys(&rhs));
    let with = |vector: Vector, keys: &BTreeSet<LabelSet>, wanted: bool| {
        vector.into_iter().filter(move |sample| keys.contains(&key(&sample.labels, matching)) == wanted).collect()
    };
    match op {
        BinaryOp::And => with(lhs, &right, true),
        BinaryOp::Unless => with(lhs, &right, false),
        _ => {
            let mut out = lhs;
            let rest: Vector = with(rhs, &left, false);
            out.extend(rest);
            out
        }
    }
}
