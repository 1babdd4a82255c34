//! What the fields of a file are, as far as its first object tells.

use crate::input::Format;
use crate::input::names::{METRIC_COLUMNS, TIME_COLUMNS, listed, stem};
use crate::input::settings::Settings;
use crate::labels::METRIC_NAME;

use super::object::{Object, Scalar};

/// Where the metric name of a sample is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Metric {
    /// In a field, by its number.
    Field(u32),
    /// All samples have this one.
    Fixed(String),
}

/// What the objects of a file are.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) format: Format,
    /// Why it is that form.
    pub(super) why: String,
    /// The field of the time, by its number.
    pub(super) time: u32,
    /// The field of the value and where the metric name is, for an object a sample.
    pub(super) sample: Option<(u32, Metric)>,
    /// The field of the beginning of the metric names, for an object a snapshot.
    pub(super) prefix: Option<u32>,
    pub(super) warning: Option<String>,
}

/// Why the form cannot be determined.
#[derive(Debug)]
pub(super) enum Unknown {
    /// The object lacks something; the next one may have it.
    Row(String),
    /// The file is something else.
    File(String),
}

impl Layout {
    /// Tells the form by an object; `path` names the metric where nothing else does.
    pub(super) fn of(object: &Object, path: &str, settings: &Settings) -> Result<Self, Unknown> {
        if let Some(found) = other_json(object) {
            return Err(Unknown::File(found.to_owned()));
        }
        let told = &settings.form;
        let missing = |name: &str| Unknown::Row(format!("missing `{name}`"));
        let named = |name: &str| find(object, name).ok_or_else(|| missing(name));
        let time = match told.time_column.first() {
            Some(name) => Some(named(name)?),
            None => TIME_COLUMNS.iter().find_map(|name| find(object, name)),
        };
        let Some(time) = time else {
            let array = object.fields.iter().find(|(_, scalar)| *scalar == Scalar::Array);
            if let Some((name, _)) = array {
                return Err(Unknown::Row(format!(
                    "no time field, and values in the array `{}`; write one object per sample, for example with jq",
                    object.names[*name as usize].shown()
                )));
            }
            let names: Vec<String> =
                object.fields.iter().map(|(name, _)| object.names[*name as usize].text.clone()).collect();
            return Err(Unknown::Row(format!(
                "no time field among {}; name it: `--time-column NAME`",
                if names.is_empty() { "none".to_owned() } else { listed(&names) }
            )));
        };
        let text =
            |name: &u32| object.fields.iter().any(|field| field.0 == *name && matches!(field.1, Scalar::Text(..)));
        let metric = match &told.metric_column {
            Some(name) => Some(named(name)?),
            None => {
                METRIC_COLUMNS.iter().find_map(|name| find(object, name).filter(text)).or_else(|| nested_name(object))
            }
        };
        let value = match &told.value_column {
            Some(name) => Some(named(name)?),
            None => find(object, "value"),
        };
        let lone = object.fields.len() == 2 || told.value_column.is_some();
        let snapshot = told.input_format == Some(Format::JsonlSnapshots);
        let asked = told.input_format == Some(Format::JsonlSamples);
        let mut form =
            Self { format: Format::JsonlSamples, why: String::new(), time, sample: None, prefix: None, warning: None };
        let prefixed = told.metric_column.is_some() && told.value_column.is_none() && told.values_in.is_some()
            || told.columns_as.is_some();
        match (metric, value) {
            (Some(metric), Some(value)) if !snapshot && !prefixed => {
                let shown = |name: u32| object.names[name as usize].shown();
                form.why = format!("fields `{}` and `{}`", shown(metric), shown(value));
                form.sample = Some((value, Metric::Field(metric)));
            }
            (None, Some(value)) if asked || (lone && !snapshot && !prefixed) => {
                let metric = told.metric.clone().unwrap_or_else(|| stem(path));
                form.why = format!("a time and a value; the metric is named `{metric}`");
                form.sample = Some((value, Metric::Fixed(metric)));
            }
            _ => {
                if asked {
                    return Err(Unknown::Row("missing field `value`".to_owned()));
                }
                form.format = Format::JsonlSnapshots;
                form.why = "one field per metric".to_owned();
                form.prefix = metric.filter(|_| told.metric_column.is_some());
                form.warning = (value.is_some() && told.metric.is_none() && !prefixed)
                    .then(|| "the metric is named `value`, like its field; rename it with --metric NAME".to_owned());
            }
        }
        Ok(form)
    }
}

/// Returns the fields of the metric name and of the value of an object that can be nothing else than a sample.
pub(super) fn sample_of(object: &Object) -> Option<(u32, u32)> {
    // Most lines of a file have only names that were seen before, none of them these.
    let value = find(object, "value")?;
    let text = |name: &u32| object.fields.iter().any(|field| field.0 == *name && matches!(field.1, Scalar::Text(..)));
    let metric = ["__name__", "metric"].iter().find_map(|name| find(object, name).filter(text));
    Some((metric.or_else(|| nested_name(object))?, value))
}

/// Returns whether an object names a metric.
pub(super) fn is_named(object: &Object) -> bool {
    let text = |name: &u32| object.fields.iter().any(|field| field.0 == *name && matches!(field.1, Scalar::Text(..)));
    ["__name__", "metric"].iter().any(|name| find(object, name).filter(text).is_some())
}

/// Returns the field of the object that has a name, in letters of any case.
fn find(object: &Object, wanted: &str) -> Option<u32> {
    let mut names = object.fields.iter().map(|(name, _)| *name);
    names.find(|name| {
        let name = &object.names[*name as usize];
        !name.nested && (name.text.eq_ignore_ascii_case(wanted) || name.is(wanted))
    })
}

/// Returns the metric name among the labels.
fn nested_name(object: &Object) -> Option<u32> {
    let mut names = object.fields.iter().map(|(name, _)| *name);
    names.find(|name| object.names[*name as usize].nested && object.names[*name as usize].text == METRIC_NAME)
}

/// Tells what an object is that holds samples in another shape.
fn other_json(object: &Object) -> Option<&'static str> {
    let array = |name| find(object, name).is_some_and(|name| object.fields.contains(&(name, Scalar::Array)));
    let inside = |name| object.fields.iter().any(|field| object.names[field.0 as usize].is_in(name));
    if array("values") && array("timestamps") {
        return Some("is a series of VictoriaMetrics' /api/v1/export (victoriametrics)");
    }
    if inside("metric") && (array("values") || array("value")) {
        return Some("is a series of a Prometheus API response (prometheus_json)");
    }
    (find(object, "status").is_some() && inside("data")).then_some("is a Prometheus API response (prometheus_json)")
}
