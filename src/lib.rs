//! Evaluates alert rules on recorded metrics, offline: the meaning of Prometheus 3.14, on files instead of a server.
//!
//! # The flow
//! ```text
//!  rules/*.yml                                   recordings: .csv .jsonl (.gz .zst), stdin
//!      | bytes                                         | bytes
//!      v                                               v
//!  source::SourceMap                               input        one function a format
//!      | text + file id                                | Batch { series, times, values, rows } + watermark
//!      v                                               v
//!  yaml           a span on every node             store::Store columns by series, append-only ids, evicted by time
//!      v                                               |
//!  rules::{prometheus, native}                         | Samples { times, values }
//!      | RuleFile { Group { Rule { Expr } } }          |
//!      +------------------------+----------------------+
//!                               v
//!                       promql::plan      flat list of nodes, common subtrees shared
//!                               | Program: selectors registered with the store, rows as series appear
//!         schedule -> steps     v
//!                       promql::eval      fills Blocks (rows x steps: value, present, failed), Faults
//!                               v
//!                       engine::alert     inactive -> pending -> firing -> inactive   (one pure function)
//!                               |              \--> engine::record : samples that later rules see (a second Store)
//!                               v
//!                       Events, in (time, group, rule, alert) order -> Timeline builds episodes
//!                               v
//!                       report            table, timeline, markdown, json, ndjson, csv
//!
//!  everywhere: diagnostic::Diagnostics (collected, never thrown)
//! ```
//! Streaming and batch are one path: a watermark w promises that no sample stamped at or before w will still come;
//! the engine evaluates what w allows, the store drops what no selector can reach any more.
//!
//! # Layers
//! Each may use those above it, and nothing below (a test reads every path against this list):
//!
//! | layer | modules |
//! |---|---|
//! | 0 | [`time`] [`source`] [`diagnostic`] [`limits`] [`labels`] [`alloc`] |
//! | 1 | `yaml`, which reads it with spans; [`store`]; of [`promql`] the syntax: `ast lex parse check functions print notation` |
//! | 2 | [`input`] (store); [`rules`] (yaml, promql syntax); of [`promql`] the evaluation: `plan program eval` and kernels (store) |
//! | 3 | [`engine`]; [`survey`]: what a recording looks like |
//! | 4 | [`live`]: the engine on snapshots of the caller |
//! | 5 | [`profile`] |
//! | 6 | [`report`]: data types in, `&mut dyn Write` out |
//! | 7 | [`cli`] and the binary: the only ones that open paths, print, or read the environment |
//!
//! # Invariants
//! - Time is whole milliseconds since the epoch, never a float. The stale marker is one NaN, told by its bits.
//! - Ids and row numbers are append-only: a number is an identity for the life of its store or program.
//! - Absence is a cleared bit, failure a set one; neither is ever a value.
//! - Same input, same bytes out: nothing depends on hash order, chunks or threads.

pub mod alloc;
#[cfg(feature = "cli")]
pub mod cli;
pub mod diagnostic;
pub mod engine;
pub mod format;
#[cfg(feature = "input")]
pub mod input;
pub mod labels;
pub mod limits;
pub mod live;
#[cfg(feature = "input")]
pub mod outcome;
#[cfg(feature = "profile")]
pub mod profile;
pub mod promql;
#[cfg(feature = "input")]
pub mod replay;
#[cfg(feature = "cli")]
pub mod report;
pub mod rules;
pub mod source;
pub mod store;
#[cfg(feature = "input")]
pub mod survey;
pub mod time;
mod yaml;
