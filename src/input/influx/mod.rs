//! What InfluxDB writes: line protocol, and the annotated CSV of its queries.

pub(super) mod annotated;
pub(super) mod line;
mod names;
mod table;

use super::names::listed;
use super::number::shown;
use crate::format::counted;

/// Says which fields are texts, and how many values they have.
fn describe_texts(texts: impl Iterator<Item = (String, u64)>) -> Option<String> {
    let texts: Vec<(String, u64)> = texts.collect();
    let count = texts.iter().map(|(_, count)| count).sum();
    let names: Vec<String> = texts.iter().map(|(name, _)| shown(name)).collect();
    (count > 0).then(|| format!("text fields are no samples: {} ({})", listed(&names), counted(count, "value")))
}
