//! The `alertctl` tool: parses, dispatches, and turns the outcome into an exit code.

use std::process::ExitCode;

/// Counts what `profile` asks it to count; one load of a flag an allocation otherwise.
#[global_allocator]
static ALLOCATOR: alertctl::alloc::Counting = alertctl::alloc::Counting;

fn main() -> ExitCode {
    ExitCode::from(alertctl::cli::run().code())
}
