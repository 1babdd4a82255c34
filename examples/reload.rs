//! Evaluates the rules of a file on values from standard input, and takes up changes of the file while it runs.
//!
//! Lines are `SECONDS METRIC HOST VALUE`, or `SECONDS` when all values up to then have arrived:
//!
//! ```text
//! cargo run --example reload rules.yml < values.txt
//! ```

use std::error::Error;
use std::fs;
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use alertctl::{FileHandle, LabelSet, Live, Timestamp};

fn main() -> ExitCode {
    let path = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("rules.yml"), PathBuf::from);
    match run(&path, io::stdin().lock(), io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

/// Reads values to the end of the input. A mistake in the file is an error here only when the program starts.
pub(crate) fn run(path: &Path, input: impl BufRead, mut out: impl Write) -> Result<(), Box<dyn Error>> {
    let mut live = Live::new();
    let mut seen = modified(path);
    let file = live.load(&path.display().to_string(), &read(path)?)?;
    for line in input.lines() {
        let line = line?;
        match parse(&line) {
            Some((at, Some((labels, value)))) => {
                live.at(at).set_labels(&labels, value);
            }
            Some((at, None)) => {
                let now = modified(path);
                if now != seen {
                    seen = now;
                    match reload(&mut live, file, path) {
                        Ok(()) => writeln!(out, "{at} reloaded, rules: {}", live.rules().len())?,
                        Err(error) => writeln!(out, "{at} not reloaded, the old rules stay:\n{error}")?,
                    }
                }
                for event in live.advance(at) {
                    writeln!(out, "{event}")?;
                }
            }
            None => writeln!(out, "skipped, not `SECONDS METRIC HOST VALUE`: {line}")?,
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Returns when a file was last written; none if it is not there.
fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|found| found.modified()).ok()
}

/// Puts the rules that a file has now in the place of those that it had. Rules that are still there keep their alerts.
fn reload(live: &mut Live, file: FileHandle, path: &Path) -> Result<(), Box<dyn Error>> {
    live.reload(file, &read(path)?)?;
    for warning in live.rules().warnings() {
        writeln!(io::stderr(), "{warning}")?;
    }
    Ok(())
}

/// Reads a line: the time, and the value if there is one.
fn parse(line: &str) -> Option<(Timestamp, Option<(LabelSet, f64)>)> {
    let mut words = line.split_whitespace();
    let seconds: i64 = words.next()?.parse().ok()?;
    let at = Timestamp(seconds.saturating_mul(1000));
    let Some(metric) = words.next() else { return Some((at, None)) };
    let labels = LabelSet::new([("__name__", metric), ("host", words.next()?)]);
    Some((at, Some((labels, words.next()?.parse().ok()?))))
}
