//! The series of a numeric column, by its header.

use std::borrow::Cow;

use super::Form;
use super::exposition;
use super::names::without_unit;
use crate::labels::{LabelBuilder, METRIC_NAME};

/// What a column's header says of its series.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    /// The metric name, or its end where a column holds the beginning.
    pub(super) metric: String,
    /// Labels besides those of the row.
    pub(super) labels: Vec<(String, String)>,
    /// The unit in brackets, which cells may repeat.
    pub(super) unit: Option<String>,
}

impl Named {
    /// Makes a name without labels.
    pub(super) fn plain(metric: impl Into<String>) -> Self {
        Self { metric: metric.into(), ..Self::default() }
    }

    /// Returns the metric name of a row; `prefix` is the text of its metric column.
    pub(super) fn metric_of<'a>(&'a self, prefix: Option<&'a str>) -> Cow<'a, str> {
        match (prefix, self.metric.as_str()) {
            (None, metric) => metric.into(),
            (Some(prefix), "" | "value") => prefix.into(),
            (Some(prefix), metric) => format!("{prefix}_{metric}").into(),
        }
    }
}

/// Why a header names no series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unnamed {
    /// It has labels and no metric.
    Nameless,
    /// It is no series; the text says why.
    Wrong(String),
}

/// Returns what a header says, by the form.
///
/// # Errors
/// When it is written as a series and is none.
pub(super) fn named(header: &str, form: &Form) -> Result<Named, Unnamed> {
    let clean_name = |name: &str| if form.clean_names { clean(name) } else { name.to_owned() };
    if let Some(label) = &form.columns_as {
        let (name, unit) = unit_of(header).unwrap_or((header.to_owned(), None));
        let metric = form.metric.clone().filter(|_| form.metric_column.is_none()).unwrap_or_default();
        return Ok(Named { metric, labels: vec![(label.clone(), name)], unit });
    }
    if form.rename.values().any(|new| new == header) {
        return Ok(Named::plain(header));
    }
    if let Some(groups) = form.column_pattern.as_ref().and_then(|pattern| pattern.groups(header)) {
        let (metric, labels): (Vec<_>, Vec<_>) = groups.into_iter().partition(|(name, _)| name.starts_with("metric"));
        let metric = metric.into_iter().map(|(_, part)| clean_name(part)).collect::<Vec<_>>().join("_");
        let labels = labels.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        return Ok(Named { metric, labels, unit: None });
    }
    if let Some(series) = is_series(header) {
        return series_of(series, form.metric.as_deref());
    }
    Ok(match unit_of(header) {
        Some((metric, unit)) => Named { metric, unit, ..Named::default() },
        None => Named::plain(clean_name(header)),
    })
}

/// Returns the metric name without its unit, and the unit.
fn unit_of(header: &str) -> Option<(String, Option<String>)> {
    let name = without_unit(header)?;
    let unit = header.trim_end_matches([']', ')']).rsplit(['[', '(']).next().map(str::to_owned);
    Some((name, unit))
}

/// Returns the header as a series, if it is written as one: `up{job="a"}`, `{job="a"}`.
fn is_series(header: &str) -> Option<&str> {
    let inside = header.strip_suffix('}')?.split_once('{')?.1.trim();
    (inside.is_empty() || inside.contains('"')).then_some(header)
}

/// Takes a metric name apart that is a whole series, such as `up{job="a"}`.
///
/// # Errors
/// When it only looks like one, or names a label that the series has already.
pub(super) fn take_apart(labels: &mut LabelBuilder) -> Result<(), String> {
    let Some(series) = labels.get(METRIC_NAME).and_then(is_series) else { return Ok(()) };
    let named = series_of(series, None).map_err(|error| match error {
        Unnamed::Nameless => format!("`{series}` names no metric"),
        Unnamed::Wrong(error) => error,
    })?;
    labels.set(METRIC_NAME, &named.metric);
    for (name, value) in &named.labels {
        if labels.get(name).is_some_and(|own| own != value) {
            return Err(format!("the metric name has a label `{name}`, and so has the row"));
        }
        labels.set(name, value);
    }
    Ok(())
}

/// Reads a header as a series; `metric` is the name of one that has none.
fn series_of(series: &str, metric: Option<&str>) -> Result<Named, Unnamed> {
    let named = match series.trim_start().starts_with('{') && !series.contains(METRIC_NAME) {
        true => format!("{}{series}", metric.ok_or(Unnamed::Nameless)?),
        false => series.to_owned(),
    };
    let labels = exposition::labels(named.as_bytes()).map_err(Unnamed::Wrong)?.build();
    let others = labels.iter().filter(|(name, _)| *name != METRIC_NAME);
    Ok(Named {
        metric: labels.metric().unwrap_or_default().to_owned(),
        labels: others.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        unit: None,
    })
}

/// Writes a name in characters that need no quotes in an expression: `%` and `/` as words, others as underscores.
pub(super) fn clean(name: &str) -> String {
    let words = name.replace('%', " percent ").replace('/', " per ");
    let kept = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
    let parts: Vec<&str> = words.split(|c| !kept(c)).filter(|part| !part.is_empty()).collect();
    let name = parts.join("_");
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &str, form: &Form, metric: &str, labels: &[(&str, &str)], unit: Option<&str>) {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let expected = Named { metric: metric.to_owned(), labels, unit: unit.map(str::to_owned) };
        assert_eq!(named(header, form), Ok(expected), "{header}");
    }

    #[test]
    fn headers_name_series() {
        let plain = Form::default();
        check("cpu", &plain, "cpu", &[], None);
        check("power.draw [W]", &plain, "power_draw", &[], Some("W"));
        check(r#"up{job="a", x="1"}"#, &plain, "up", &[("job", "a"), ("x", "1")], None);
        check(r#"up {job="a"}"#, &plain, "up", &[("job", "a")], None);
        check(r#"{__name__="up", job="a"}"#, &plain, "up", &[("job", "a")], None);
        check("up{}", &plain, "up", &[], None);
        let told = Form { metric: Some("load".to_owned()), ..Form::default() };
        check(r#"{job="a"}"#, &told, "load", &[("job", "a")], None);
        assert!(named(r#"{job="a"}"#, &plain).is_err_and(|error| error == Unnamed::Nameless));
        let core = Form { columns_as: Some("core".to_owned()), ..told };
        check("cpu0", &core, "load", &[("core", "cpu0")], None);
        let pattern = r"^(?<metric1>\w+)\((?<instance>[^)]*)\)\\(?<metric2>.+)$".parse().expect("valid");
        let counters = Form { column_pattern: Some(pattern), clean_names: true, ..Form::default() };
        check(
            r"Processor(_Total)\% Idle Time",
            &counters,
            "Processor_percent_Idle_Time",
            &[("instance", "_Total")],
            None,
        );
        check("50%", &counters, "_50_percent", &[], None);
    }

    #[test]
    fn a_row_may_hold_the_beginning_of_a_name() {
        assert_eq!(Named::plain("usage").metric_of(Some("cpu")), "cpu_usage");
        assert_eq!(Named::plain("value").metric_of(Some("cpu")), "cpu");
        assert_eq!(Named::plain("usage").metric_of(None), "usage");
    }
}
