//! Evaluates rules on values from standard input, and goes on where it was when it is started again.
//!
//! Lines are `SECONDS METRIC HOST VALUE`, or `SECONDS` when all values up to then have arrived:
//!
//! ```text
//! cargo run --example restart alerts.state < morning.txt
//! cargo run --example restart alerts.state < afternoon.txt
//! ```

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use alertctl::{LabelSet, Live, NewRule, RestoreError, Timestamp};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("alerts.state"), PathBuf::from);
    run(&path, io::stdin().lock(), io::stdout().lock())
}

/// Goes on with the state in a file, and reads values to the end of the input.
pub(crate) fn run(path: &Path, input: impl BufRead, mut out: impl Write) -> Result<(), Box<dyn Error>> {
    let mut live = Live::new();
    // The rules come first: what was saved is bound to them.
    live.add(NewRule::alert("HighLoad", "load > 8").hold(Duration::from_secs(60)))?;
    live.add(NewRule::alert("Rising", "deriv(load[2m]) > 0.1"))?;
    if let Err(error) = restore(&mut live, path) {
        writeln!(out, "{}: {error}; starting without it", path.display())?;
    }
    for line in input.lines() {
        let line = line?;
        match parse(&line) {
            Some((at, Some((labels, value)))) => {
                live.at(at).set_labels(&labels, value);
            }
            Some((at, None)) => {
                for event in live.advance(at) {
                    writeln!(out, "{event}")?;
                }
                // After a crash between the two an event is printed twice. In the other order it could be lost.
                out.flush()?;
                save(&mut live, path)?;
            }
            None => writeln!(out, "skipped, not `SECONDS METRIC HOST VALUE`: {line}")?,
        }
    }
    Ok(())
}

/// Takes up what was saved. A file that is not there is no error: this is the first start.
fn restore(live: &mut Live, path: &Path) -> Result<(), RestoreError> {
    match File::open(path) {
        Ok(file) => live.restore(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(RestoreError::Io(error)),
    }
}

/// Saves the state. The file has the old state or the new one at all times, never a part of one.
fn save(live: &mut Live, path: &Path) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = File::create(&new)?;
    live.save(&mut file)?;
    file.sync_all()?;
    fs::rename(new, path)
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
