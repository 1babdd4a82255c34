//! Evaluates alert rules, on values as they arrive or on recorded ones, with the meaning of Prometheus 3.14.
//!
//! A program brings values and says what time it is; it gets the changes of alerts back. Nothing here opens a file,
//! reads the clock or talks to a server. [`Live`] is where to begin:
//!
//! ```
//! use alertctl::{LabelSet, Live, NewRule, Timestamp};
//! use std::time::Duration;
//!
//! let mut live = Live::new();
//! live.add(NewRule::alert("CpuHigh", "cpu > 0.9").hold(Duration::from_secs(30)))?;
//! let cpu = live.series(&LabelSet::new([("__name__", "cpu"), ("host", "a")]));
//! let mut lines = Vec::new();
//! for second in (0..60).step_by(15) {
//!     live.at(Timestamp(second * 1000)).set(&cpu, 0.97);
//!     for event in live.evaluate() {
//!         lines.push(event.to_string());
//!     }
//! }
//! assert_eq!(lines, [
//!     "1970-01-01T00:00:00Z CpuHigh{host=\"a\"}: inactive -> pending",
//!     "1970-01-01T00:00:30Z CpuHigh{host=\"a\"}: pending -> firing",
//! ]);
//! # Ok::<(), alertctl::LoadError>(())
//! ```
//!
//! With the feature `input`, `Evaluation` runs the same rules on a recording:
//!
//! ```
//! # #[cfg(feature = "input")] {
//! use alertctl::{Evaluation, RuleSet};
//!
//! let mut rules = RuleSet::new();
//! rules.load("disk.yml", "groups: [{name: disks, rules: [{alert: Full, expr: free < 5}]}]")?;
//! let csv = "time,host,free\n2026-01-05T00:00:00Z,a,9\n2026-01-05T00:01:00Z,a,4\n";
//! let outcome = Evaluation::new(&rules).csv(csv).run()?;
//! let full = &outcome.episodes()[0];
//! assert_eq!(full.fired_at().map(|at| at.to_string()).as_deref(), Some("2026-01-05T00:01:00Z"));
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The names at the root of the crate are what a program uses, and all that it can rely on: modules may change with any
//! version. The guide is `docs/embed.md`, with three whole programs: thresholds on standard input, rules that are
//! reloaded, and a restart that loses nothing.
//!
//! # Features
//! None is on by default: the library is the engine alone, that is rules, PromQL and [`Live`]. `input` adds recordings
//! (`Evaluation`, and the modules `survey`, `replay` and `outcome`), `parquet` those in Parquet, `profile` the
//! profiler, and `cli` the tool with its reports, which brings `input` and `profile`. `serde` makes label sets and
//! times values of serde; `threads`, which `input` brings, evaluates rules in several threads, with the same results.
//! What is built in a clone has `cli` and `parquet`.
//!
//! # Inside
//! What follows is for those who change the crate.
//!
//! ## The flow
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
//!                      promql::eval      fills Blocks (rows x steps: value, present, failed), Faults;
//!                              |         at one step, Registers where nodes have one row
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
//!  replay::query does the same with promql::query in place of the engine: expressions in, results out
//!  embed::Live drives the middle of it: values of the caller, append, advance, take events, evict -> its Events
//!  everywhere: diagnostic::Diagnostics (collected, never thrown), with the codes of diagnostic::codes
//! ```
//! Streaming and batch are one path: a watermark w promises that no sample stamped at or before w will still come;
//! the engine evaluates what w allows, the store drops what no selector can reach any more.
//!
//! ## Where to begin
//! - To run a recording as the commands do: [`replay`], whose page has a whole program.
//! - To follow a value that a program sets: [`Snapshot::set`], [`Live::evaluate`], then as a sample.
//! - To follow a sample: [`input::Batches`], `replay/read.rs` (the one loop), [`store::Store::append`],
//!   [`engine::Engine::advance`], `engine/alert.rs`, [`outcome::Outcome::episodes`].
//! - To follow a rule: [`rules::RuleSet::add`], `rules/prometheus.rs` or `rules/native`, `rules/graph`,
//!   [`engine::Engine::new`], `promql/plan.rs`, `promql/eval`, then as a sample.
//! - To follow an expression of `query`: [`promql::query`] (one that is prepared), `promql/query/query_set.rs` (several, bound
//!   before the first sample), `replay/query.rs` (evaluated while the recording is read), `report/query`;
//!   `explain/alone.rs` says why one gave nothing.
//! - To follow a rule through `check`: as above to `rules/prometheus.rs`, with `rules/parts.rs`, then `lint/subject.rs`,
//!   [`lint::run`], a lint such as `lint/rule/dead_code.rs` with `lint/flow.rs`, `lint/control`, `report/check`.
//! - To follow an explanation: [`replay::Recorded`], [`explain::explain`], `explain/choose.rs`, then `explain/track.rs`
//!   and `explain/history.rs` for what happened, `explain/case.rs`, `explain/tree.rs` and `explain/search.rs` for why.
//!
//! ## Layers
//! Each may use those above it, and nothing below (a test reads every path against this list, and another one where
//! outside crates come in):
//!
//! | layer | modules |
//! |---|---|
//! | 0 | [`time`] [`source`] [`diagnostic`] [`limits`] [`labels`] [`format`](mod@format) [`alloc`] `threads`
//! `marker` (the stale one) `kahan` (compensated sums); [`histogram`]: native histograms as values |
//! | 1 | `yaml`: the reader with spans; [`store`]; of [`promql`] the syntax: `ast lex parse check functions print
//! notation`, and the kernels of functions: `maths dates rollup` |
//! | 2 | [`input`] (store, notation); [`rules`] (yaml, promql syntax) with `rules::graph`, `rules::pairing` and `rules::changes`; of [`promql`] the evaluation: `plan
//! program eval query` (store) |
//! | 3 | [`engine`]; [`survey`]: what a recording looks like |
//! | 4 | [`replay`]: the one run; [`outcome`]: its data; [`embed`]: what a program uses of all
//! this, and [`Live`], the engine on snapshots of the caller |
//! | 5 | [`profile`]; [`lint`]: what makes a rule useless although it loads; [`explain`]: why an alert fired or did
//! not; [`diff`]: two sets of rules on one recording; [`sweep`]: what other values of a rule's parameters would have done; [`fmt`]: rule files with their expressions laid out |
//! | 6 | [`report`]: data types in, `&mut dyn Write` out |
//! | 7 | [`cli`] and the binary: the only ones that open paths, print, or read the environment |
//!
//! ## Invariants
//! - Time is whole milliseconds since the epoch, never a float. The stale marker is one NaN, recognized by its bits.
//! - Ids and row numbers are append-only: a number is an identity for the life of its store or program. A program that
//!   forgets its rows (`Engine::bind_anew`) forgets all of them, with all that knows them by number.
//! - Absence is a cleared bit, failure a set one; neither is ever a value.
//! - A native histogram is held beside a column of floats, and a NaN with bits of its own in that column is its number
//!   (`marker`): what only moves values need not know of it.
//! - Same input, same bytes out: nothing depends on hash order, chunks or threads.

#[doc(hidden)]
pub mod alloc;
#[cfg(feature = "cli")]
#[doc(hidden)]
#[allow(rustdoc::invalid_html_tags, reason = "help texts are printed as they stand")]
pub mod cli;
#[doc(hidden)]
pub mod diagnostic;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod diff;
#[doc(hidden)]
pub mod embed;
#[doc(hidden)]
pub mod engine;
#[cfg(feature = "input")]
#[doc(hidden)]
pub mod explain;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod fmt;
#[doc(hidden)]
pub mod format;
#[doc(hidden)]
pub mod histogram;
#[cfg(feature = "input")]
#[doc(hidden)]
pub mod input;
mod kahan;
#[doc(hidden)]
pub mod labels;
#[doc(hidden)]
pub mod limits;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod lint;
mod marker;
#[cfg(feature = "input")]
#[doc(hidden)]
pub mod outcome;
#[cfg(feature = "profile")]
#[doc(hidden)]
pub mod profile;
#[doc(hidden)]
pub mod promql;
#[cfg(feature = "input")]
#[doc(hidden)]
pub mod replay;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod report;
#[doc(hidden)]
pub mod rules;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod schema;
#[doc(hidden)]
pub mod source;
#[doc(hidden)]
pub mod store;
#[cfg(feature = "input")]
#[doc(hidden)]
pub mod survey;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod sweep;
mod threads;
#[doc(hidden)]
pub mod time;
mod yaml;

#[cfg(all(doctest, feature = "input"))]
#[doc = include_str!("../docs/embed.md")]
struct Guide;

pub use embed::{
    Alert, AlertKey, AlertState, Cause, Diagnostic, Event, Fault, FileHandle, HeldRule, Live, LiveOptions, LoadError,
    NewRule, QueryError, RestoreError, RuleHandle, RuleSet, Series, Snapshot, Value,
};
#[cfg(feature = "input")]
pub use embed::{Episode, Evaluation, EvaluationError, EvaluationOutcome};
pub use labels::LabelSet;
pub use time::{Millis, Timestamp};
