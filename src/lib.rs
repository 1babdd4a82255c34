//! Evaluates alert rules on recorded metrics, offline: the meaning of Prometheus 3.14, on files instead of a server.
//!
//! # The flow
//! ```text
//!  rules/*.yml                                   recordings: .csv .jsonl .om .lp ... (.gz .zst .bz2), stdin, text
//!      | bytes, found by source::Files               | bytes
//!      v                                             v
//!  source::SourceMap                             input         a form tells columns; one reader per format
//!      | text + file id                              | Batch { series, times, values, rows } + watermark
//!      v                                             |------------> survey   span, spacing, gaps, hints
//!  yaml           a span on every node               v
//!      v                                         store::Store  columns by series, append-only ids, evicted by time
//!  rules::{prometheus, native}                       |
//!      | RuleFile { Group { Rule { Expr } } }        | Samples { times, values }
//!      v                                             |
//!  rules::graph   who writes and reads which series  |
//!      | components and levels                       |
//!      +-----------------------+---------------------+
//!                              v
//!                      promql::plan      flat list of nodes, common subtrees shared
//!                              | Program: selectors registered with the store, rows as series appear
//!        schedule -> steps     v
//!                      promql::eval      fills Blocks (rows x steps: value, present, failed), Faults
//!                              v
//!                      engine            conditions: for each alert, when its expression was true
//!                              v
//!                      engine::alert     inactive -> pending -> firing -> inactive   (one pure function)
//!                              |              \--> recording rules: samples that later rules see (a second Store)
//!                              v
//!                      Events, in (time, group, rule, alert) order -> Timeline builds episodes
//!                              v
//!                      outcome           what a run found: facts, episodes, reasons, notes, summary, gate
//!                              v
//!                      report            table, timeline, markdown, json, ndjson, csv
//!
//!  replay drives all of it: next batch, survey, append, advance, take events, evict, finish, close -> Outcome
//!  everywhere: diagnostic::Diagnostics (collected, never thrown), with the codes of diagnostic::codes
//! ```
//! Streaming and batch are one path: a watermark w promises that no sample stamped at or before w will still come;
//! the engine evaluates what w allows, the store drops what no selector can reach any more.
//!
//! # Where to begin
//! - To evaluate rules on a recording: [`replay`], whose page has a whole program.
//! - To evaluate rules on values as they come: [`live`].
//! - To follow a sample: [`input::Batches`], `replay/read.rs` (the one loop), [`store::Store::append`],
//!   [`engine::Engine::advance`], `engine/alert.rs`, [`outcome::Outcome::episodes`].
//! - To follow a rule: [`rules::RuleSet::add`], `rules/prometheus.rs` or `rules/native`, `rules/graph`,
//!   [`engine::Engine::new`], `promql/plan.rs`, `promql/eval`, then as a sample.
//!
//! # Layers
//! Each may use those above it, and nothing below (a test reads every path against this list, and another one where
//! outside crates come in):
//!
//! | layer | modules |
//! |---|---|
//! | 0 | [`time`] [`source`] [`diagnostic`] [`limits`] [`labels`] [`format`](mod@format) [`alloc`] |
//! | 1 | `yaml`: the reader with spans; [`store`]; of [`promql`] the syntax: `ast lex parse check functions print
//! notation`, and the kernels of functions: `maths dates rollup` |
//! | 2 | [`input`] (store); [`rules`] (yaml, promql syntax) with `rules::graph`; of [`promql`] the evaluation: `plan
//! program eval query` (store) |
//! | 3 | [`engine`]; [`survey`]: what a recording looks like |
//! | 4 | [`replay`]: the one run; [`outcome`]: its data; [`live`]: the engine on snapshots of the caller |
//! | 5 | [`profile`] |
//! | 6 | [`report`]: data types in, `&mut dyn Write` out |
//! | 7 | [`cli`] and the binary: the only ones that open paths, print, or read the environment |
//!
//! # Features
//! None is on by default: the library is the engine alone, that is rules, PromQL and [`live`]. `input` adds recordings
//! (`survey`, `replay`, `outcome`), `parquet` those in Parquet, `profile` the profiler, and `cli` the tool with its
//! reports, which brings `input` and `profile`. `serde` makes label sets and times values of serde; `threads`, which
//! `input` brings, evaluates rules in several threads, with the same results. What is built in a clone has `cli` and
//! `parquet`.
//!
//! # Invariants
//! - Time is whole milliseconds since the epoch, never a float. The stale marker is one NaN, recognized by its bits.
//! - Ids and row numbers are append-only: a number is an identity for the life of its store or program.
//! - Absence is a cleared bit, failure a set one; neither is ever a value.
//! - Same input, same bytes out: nothing depends on hash order, chunks or threads.

pub mod alloc;
#[cfg(feature = "cli")]
pub mod cli;
pub mod diagnostic;
pub mod embed;
pub mod engine;
pub mod format;
#[cfg(feature = "input")]
pub mod input;
pub mod labels;
pub mod limits;
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

pub use embed::{
    Alert, AlertKey, AlertState, Cause, Diagnostic, Event, Fault, FileHandle, HeldRule, Live, LiveOptions, LoadError,
    NewRule, QueryError, RestoreError, RuleHandle, RuleSet, Series, Snapshot, Value,
};
#[cfg(feature = "input")]
pub use embed::{Episode, Evaluation, EvaluationError, EvaluationOutcome};
pub use labels::LabelSet;
pub use time::{Millis, Timestamp};
