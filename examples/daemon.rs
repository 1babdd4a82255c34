//! Watches values that arrive on standard input, and prints every change of an alert.
//!
//! `SECONDS METRIC HOST VALUE` is a value. `SECONDS` alone says that all values up to then have arrived:
//!
//! ```text
//! while sleep 5; do
//!     now=$(date +%s)
//!     echo "$now load $(hostname) $(cut -d' ' -f1 /proc/loadavg)"
//!     echo "$now"
//! done | cargo run --example daemon
//! ```

use std::error::Error;
use std::io::{self, BufRead, Write};
use std::time::Duration;

use alertctl::{LabelSet, Live, LiveOptions, LoadError, NewRule, RuleSet, Timestamp};

fn main() -> Result<(), Box<dyn Error>> {
    run(io::stdin().lock(), io::stdout().lock())
}

/// Reads values to the end of the input.
pub(crate) fn run(input: impl BufRead, mut out: impl Write) -> Result<(), Box<dyn Error>> {
    let mut live = Live::with_options(LiveOptions::new().stale_after(Duration::from_secs(60)));
    live.edit(add_rules)?;
    for line in input.lines() {
        let line = line?;
        match parse(&line) {
            Some((at, Some((labels, value)))) => {
                live.at(at).set_labels(&labels, value);
            }
            Some((at, None)) => {
                for event in live.advance(at) {
                    writeln!(out, "{event}")?;
                    if let Some(summary) = event.annotation("summary") {
                        writeln!(out, "  {summary}")?;
                    }
                }
            }
            None => writeln!(out, "skipped, not `SECONDS METRIC HOST VALUE`: {line}")?,
        }
    }
    for alert in live.alerts() {
        writeln!(out, "at the end: {alert}, since {}", alert.active_at())?;
    }
    for fault in live.faults() {
        writeln!(out, "fault: {fault}")?;
    }
    Ok(())
}

fn add_rules(rules: &mut RuleSet) -> Result<(), LoadError> {
    rules.add(
        NewRule::alert("HighLoad", "load > 8")
            .hold(Duration::from_secs(20))
            .label("severity", "warning")
            .annotation("summary", "{{ $labels.host }} has a load of {{ $value }}"),
    )?;
    rules.add(
        NewRule::alert("NoData", "absent(load)")
            .label("severity", "critical")
            .annotation("summary", "no host has sent its load for a minute"),
    )?;
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
