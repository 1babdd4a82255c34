//! What came of a run, in the formats that it is shown in.
//!
//! An [`crate::outcome::Outcome`] holds everything that a report may show; nothing in here evaluates, opens a path or reads the
//! environment. Each format is one module that writes to `&mut dyn Write`:
//! [`json`] (one object), [`ndjson`] (one transition a line, while the run goes on), [`csv`] (one episode a row),
//! [`openmetrics`] (the series that rules write), [`table`] (for people), [`timeline`] (a row an alert, drawn), [`markdown`] (for a comment on a change), [`explain`] (one alert), [`diff`] (two sets of rules), [`sweep`] (a row per value of a parameter), [`mod@query`] (the result of an expression), [`diagnostic`] (problems with carets), [`recording`] (a recording in other
//! formats) and [`starter`] (rules to begin with).

mod annotation;
pub mod check;
pub mod csv;
pub mod data;
pub mod diagnostic;
pub mod diff;
pub mod explain;
pub mod expressions;
pub mod json;
pub mod lints;
pub mod markdown;
mod marks;
pub mod ndjson;
pub mod notes;
mod number;
pub mod openmetrics;
pub mod profile;
pub mod query;
pub mod recording;
pub mod starter;
pub mod sweep;
pub mod table;
pub mod timeline;
pub(crate) mod wrap;
mod xml;
