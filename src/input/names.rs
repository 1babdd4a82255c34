//! Names that columns and fields go by, and the name that a file gives its metric.

/// The names of time columns and fields, the likeliest first.
pub(super) const TIME_COLUMNS: [&str; 24] = [
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
    "datetime",
    "date_time",
    "epoch",
    "@timestamp",
    "datum",
    "zeit",
    "zeitstempel",
    "horodatage",
];
/// The names of columns that hold the day alone, next to one that holds the time of day.
const DATE_COLUMNS: [&str; 4] = ["date", "datum", "day", "jour"];
/// The names of columns that hold the time of day.
const CLOCK_COLUMNS: [&str; 4] = ["time", "zeit", "uhrzeit", "heure"];
/// The names of metric name columns and fields, the likeliest first.
pub(super) const METRIC_COLUMNS: [&str; 3] = ["__name__", "metric", "name"];

/// Returns the column of the day and the one of the time of day, if there are two such columns.
pub(super) fn date_and_time<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Option<(usize, usize)> {
    let find = |wanted: &[&str]| {
        let mut found = names.clone();
        found.position(|name| wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case(name)))
    };
    Some((find(&DATE_COLUMNS)?, find(&CLOCK_COLUMNS)?))
}

/// Returns a file's name without folders and endings.
pub(super) fn stem(path: &str) -> String {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let name = name.trim_end_matches(".gz").trim_end_matches(".zst").trim_end_matches(".bz2");
    let name = [".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet"]
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

/// Returns the metric that a header such as `Temp [C]` or `power.draw (W)` names, in characters that need no quotes in
/// an expression; none without a unit in brackets.
pub(super) fn without_unit(header: &str) -> Option<String> {
    let (name, unit) = ["]", ")"].iter().zip([" [", " ("]).find_map(|(close, open)| {
        let (name, unit) = header.strip_suffix(close)?.rsplit_once(open)?;
        Some((name.trim_end(), unit))
    })?;
    let is_unit = (1..=12).contains(&unit.chars().count()) && !unit.contains(['[', '(', ',']);
    let clean = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | ':') { c } else { '_' };
    let name: String = name.chars().map(clean).collect();
    let fits = name.starts_with(|c: char| !c.is_ascii_digit());
    (is_unit && fits).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_in_brackets_are_taken_off() {
        for (header, name) in [
            ("Temp [C]", Some("Temp")),
            ("power.draw [W]", Some("power_draw")),
            ("Memory Used (MiB)", Some("Memory_Used")),
            ("cpu", None),
            ("rate(x[5m])", None),
            ("[C]", None),
            ("9 [C]", None),
            ("a [sum by (b, c)]", None),
        ] {
            assert_eq!(without_unit(header).as_deref(), name, "{header}");
        }
    }
}
