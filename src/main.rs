//! The `alertctl` tool: tells offline what alert rules would have done on recorded metrics.
//!
//! ```text
//! alertctl eval -r rules/node.yml fixtures/node.csv
//! ```
//! Parses the command line, dispatches, and turns the outcome into an exit code: 0 done, 1 done and a `--fail-on` is met,
//! 2 could not be done, 130 stopped by Ctrl-C. Everything else is the library's: see [`alertctl`], whose first page is
//! the map.

use std::process::ExitCode;

/// Counts what `profile` asks it to count; one load of a flag an allocation otherwise.
#[global_allocator]
static ALLOCATOR: alertctl::alloc::CountingAllocator = alertctl::alloc::CountingAllocator;

fn main() -> ExitCode {
    ExitCode::from(alertctl::cli::run().code())
}
