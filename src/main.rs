//! The `alertctl` tool: parses, dispatches, and turns the outcome into an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(alertctl::cli::run().code())
}
