//! What templates compute with, under the names of Go's types.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use super::QueriedSample;
use super::instant::{Duration, Instant};
use crate::histogram::Histogram;
use crate::labels::LabelSet;
use crate::promql::query::SampleValue;

/// A value. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// Nothing: `nil`, or what a missing argument of `args` reads as.
    Nothing,
    /// `bool`
    Bool(bool),
    /// `int`
    Int(i64),
    /// `uint8`: what indexing a text gives.
    Byte(u8),
    /// `float64`
    Float(f64),
    /// `*histogram.FloatHistogram`
    Histogram(Arc<Histogram>),
    /// `string`
    Text(Rc<str>),
    /// `template.HTML`, a text that `safeHtml` made.
    Html(Rc<str>),
    /// All that a template gets: the first dot.
    Data,
    /// `map[string]string`
    Labels(LabelSet),
    /// `map[string]interface {}`: what `args` makes.
    Args(Rc<Args>),
    /// What `query` gives; shared, as `sortByLabel` sorts in place.
    Samples(Rc<RefCell<Vec<Rc<QueriedSample>>>>),
    /// One sample of a query.
    Sample(Rc<QueriedSample>),
    /// `*time.Time`
    Time(Instant),
    /// `*time.Duration`
    Duration(Duration),
}

/// Arguments for a named template, by name (`arg0`, `arg1` ..).
#[derive(Clone, Debug)]
pub(super) struct Args {
    /// Sorted by name.
    pub(super) values: Vec<(String, Value)>,
    /// How many `args` are nested in it, itself included.
    pub(super) depth: usize,
}

impl From<&SampleValue> for Value {
    fn from(value: &SampleValue) -> Self {
        match value {
            SampleValue::Float(value) => Self::Float(*value),
            SampleValue::Histogram(histogram) => Self::Histogram(Arc::clone(histogram)),
        }
    }
}

impl Value {
    /// Makes a text.
    pub(super) fn text(text: impl Into<Rc<str>>) -> Self {
        Self::Text(text.into())
    }

    /// Makes the result of a query.
    pub(super) fn samples(samples: Vec<Rc<QueriedSample>>) -> Self {
        Self::Samples(Rc::new(RefCell::new(samples)))
    }

    /// Returns Go's name of the type.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Nothing => "<nil>",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Byte(_) => "uint8",
            Self::Float(_) => "float64",
            Self::Histogram(_) => "*histogram.FloatHistogram",
            Self::Text(_) => "string",
            Self::Html(_) => "template.HTML",
            Self::Data => {
                "struct { Labels map[string]string; ExternalLabels map[string]string; ExternalURL string; Value interface {} }"
            }
            Self::Labels(_) => "map[string]string",
            Self::Args(_) => "map[string]interface {}",
            Self::Samples(_) => "template.queryResult",
            Self::Sample(_) => "*template.sample",
            Self::Time(_) => "*time.Time",
            Self::Duration(_) => "*time.Duration",
        }
    }

    /// Returns whether `if` takes the value for true: not zero and not empty.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Nothing => false,
            Self::Bool(value) => *value,
            Self::Int(value) => *value != 0,
            Self::Byte(value) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::Text(text) | Self::Html(text) => !text.is_empty(),
            Self::Labels(labels) => !labels.is_empty(),
            Self::Args(args) => !args.values.is_empty(),
            Self::Samples(samples) => !samples.borrow().is_empty(),
            Self::Data | Self::Histogram(_) | Self::Sample(_) | Self::Time(_) | Self::Duration(_) => true,
        }
    }

    /// Returns the text, if it is one.
    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Html(text) => Some(text),
            _ => None,
        }
    }

    /// Returns how many `args` are nested in the value.
    pub(super) fn depth(&self) -> usize {
        match self {
            Self::Args(args) => args.depth,
            _ => 0,
        }
    }

    /// Returns about how many bytes a new value of this kind takes.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Text(text) | Self::Html(text) => text.len(),
            Self::Args(args) => args.values.len() * 64,
            Self::Samples(samples) => samples.borrow().len() * 16,
            _ => 0,
        }
    }
}
