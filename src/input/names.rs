//! Names that columns and fields go by, and the name that a file gives its metric.

/// The names of time columns and fields, the likeliest first.
pub(super) const TIME_COLUMNS: [&str; 16] = [
    "timestamp",
    "timestamp_ms",
    "timestamp_s",
    "timestamp_us",
    "timestamp_ns",
    "time",
    "time_ms",
    "time_s",
    "time_us",
    "time_ns",
    "ts",
    "ts_ms",
    "ts_s",
    "ts_us",
    "ts_ns",
    "date",
];
/// The names of metric name columns and fields, the likeliest first.
pub(super) const METRIC_COLUMNS: [&str; 3] = ["__name__", "metric", "name"];

/// Returns a file's name without folders and endings.
pub(super) fn stem(path: &str) -> String {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let name = name.trim_end_matches(".gz").trim_end_matches(".zst");
    let name = [".csv", ".tsv", ".jsonl", ".ndjson", ".json"]
        .iter()
        .find_map(|ending| name.strip_suffix(ending))
        .unwrap_or(name);
    if matches!(name, "" | "-") { "value".to_owned() } else { name.to_owned() }
}

/// Picks the names that might be labels, those first that say so, at most three.
pub(super) fn likely_labels(mut names: Vec<&String>) -> Vec<String> {
    names.sort_by_key(|name| {
        let name = name.to_ascii_lowercase();
        !["id", "port", "shard", "core", "index", "host", "node"].iter().any(|word| name.ends_with(word))
    });
    names.into_iter().take(3).cloned().collect()
}

/// Lists names for a message, at most ten.
pub(super) fn listed(names: &[String]) -> String {
    let mut text = names.iter().take(10).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if names.len() > 10 {
        text.push_str(&format!(" and {} more", names.len() - 10));
    }
    text.chars().take(1000).collect()
}
