//! Classic histograms as native ones: what `load_with_nhcb` adds.

use std::collections::BTreeMap;

use alertctl::histogram::Histogram;
use alertctl::labels::{LabelSet, METRIC_NAME};

use super::needs::Values;
use crate::slow::SampleValue;

/// What classic series say at one time.
#[derive(Default)]
struct Classic {
    buckets: Vec<(f64, f64)>,
    count: Option<f64>,
    sum: Option<f64>,
}

/// Which series of a classic histogram one is.
enum Part {
    Bucket(f64),
    Count,
    Sum,
}

/// Tells the histogram that a series belongs to and which part of it it is.
fn part(labels: &LabelSet) -> Option<(LabelSet, Part)> {
    let name = labels.metric()?;
    let (base, part) = if let Some(base) = name.strip_suffix("_bucket") {
        let bound = labels.get("le")?.parse().ok().filter(|bound: &f64| !bound.is_nan())?;
        (base, Part::Bucket(bound))
    } else if let Some(base) = name.strip_suffix("_count") {
        (base, Part::Count)
    } else {
        (name.strip_suffix("_sum")?, Part::Sum)
    };
    Some((labels.to_builder().set(METRIC_NAME, base).remove("le").build(), part))
}

/// Returns the native histograms of classic series, by time in steps.
///
/// Source: histograms.md 2.2.
///
/// # Errors
/// Why there are none.
pub(crate) fn made(
    series: &BTreeMap<LabelSet, Values>,
) -> Result<BTreeMap<LabelSet, BTreeMap<usize, SampleValue>>, String> {
    let mut classic: BTreeMap<LabelSet, BTreeMap<usize, Classic>> = BTreeMap::new();
    for (labels, values) in series {
        let Some((base, part)) = part(labels) else { continue };
        let by_step = classic.entry(base).or_default();
        for (step, written) in values.samples.iter().enumerate() {
            let Some(value) = written.as_ref().and_then(|written| written.value.float()) else { continue };
            let at = by_step.entry(step).or_default();
            match part {
                Part::Bucket(bound) => at.buckets.push((bound, value)),
                Part::Count => at.count = Some(value),
                Part::Sum => at.sum = Some(value),
            }
        }
    }
    let mut made: BTreeMap<LabelSet, BTreeMap<usize, SampleValue>> = BTreeMap::new();
    for (labels, by_step) in classic {
        for (step, Classic { buckets, count, sum }) in by_step {
            let native = Histogram::from_classic(&buckets, count, sum).map_err(|error| format!("{labels}: {error}"))?;
            made.entry(labels.clone()).or_default().insert(step, native.into());
        }
    }
    Ok(made)
}
