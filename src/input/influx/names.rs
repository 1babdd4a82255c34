//! How measurements, fields and tags are called in PromQL.

/// Returns the metric of a field: `cpu_usage_idle`, and the measurement alone for a field that is called `value`.
///
/// Source: Telegraf's Prometheus serializer, the InfluxDB exporter of Prometheus, and VictoriaMetrics, which all join
/// the two by an underscore; the first two have the rule for `value`.
pub(super) fn metric(measurement: &str, field: &str) -> String {
    match (measurement, field) {
        ("", field) => clean(field),
        (measurement, "value") => clean(measurement),
        (measurement, field) => clean(&format!("{measurement}_{field}")),
    }
}

/// Returns a name in characters that need no quotes in an expression.
pub(super) fn clean(name: &str) -> String {
    let fits = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | ':') { c } else { '_' };
    let name: String = name.chars().map(fits).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}

/// Returns a clean name for a label, in which no colon may be either.
pub(super) fn label(name: &str) -> String {
    clean(name).replace(':', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_named_by_measurement_and_field() {
        for (measurement, field, name) in [
            ("cpu", "usage_idle", "cpu_usage_idle"),
            ("temp", "value", "temp"),
            ("win disk", "% Free", "win_disk___Free"),
            ("5xx", "count", "_5xx_count"),
            ("", "up", "up"),
        ] {
            assert_eq!(metric(measurement, field), name);
        }
        assert_eq!(label("a:b.c"), "a_b_c");
    }
}
