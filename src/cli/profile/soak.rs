//! `profile --soak`: days of continuous operation.

use std::io::{self, Write};

use crate::profile::soak::{self, CADENCES, Plan};
use crate::report::profile::View;
use crate::report::profile::soak::{json, table};
use crate::time::{Millis, parse_interval};

use super::super::claims::Claims;
use super::super::ui::{Steps, Terminal, say};
use super::super::{Exit, Failure, out};
use super::args::{ProfileArgs, ProfileFormat};
use super::subject;

/// An hour, of which the distance of snapshots is a part.
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// The distance of snapshots where nothing is said: that of the built-in workload.
const CADENCE: Millis = Millis(10_000);
/// The seed where nothing is said, so that a run repeats.
const SEED: u64 = 1;

/// Reads a number of days, such as `7d` or `1w`.
pub(super) fn days(text: &str) -> Result<u32, String> {
    let span = parse_interval(text).map_err(|error| error.to_string())?;
    let days = u32::try_from(span.0 / DAY).ok().filter(|days| span.0 % DAY == 0 && *days <= 366);
    days.ok_or_else(|| format!("`{text}` is not a number of days up to 366; write it like `7d`"))
}

/// Reads a distance of snapshots that an hour is a multiple of.
pub(super) fn cadence(text: &str) -> Result<Millis, String> {
    let span = parse_interval(text).map_err(|error| error.to_string())?;
    let fits = CADENCES.contains(&span.0) && HOUR % span.0 == 0;
    fits.then_some(span).ok_or_else(|| format!("`{text}` is not a part of an hour from 1s to 5m; write it like `30s`"))
}

/// Runs the days and reports them.
pub(super) fn run(
    args: &ProfileArgs,
    days: u32,
    stop: &dyn Fn() -> bool,
    terminal: &Terminal,
    steps: &Steps,
) -> Result<Exit, Failure> {
    let places = out::outputs(&args.out, args.format, ProfileFormat::Table)?;
    if places.iter().any(|place| !matches!(place.format, ProfileFormat::Table | ProfileFormat::Json)) {
        return Err(Failure::new("--soak writes table or json").hint("alertctl profile --soak 7d -o json"));
    }
    let mut claims = Claims::default().rules(&args.rules);
    for place in &places {
        claims = claims.writes("--out", place.path.as_deref());
    }
    claims.check()?;
    // One thread, which is this one: what others hold is not what is looked at, and differs from run to run.
    let _ = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global();
    let rules = if args.rules.is_empty() {
        Vec::new()
    } else {
        match subject::ruleset(&args.rules, &args.keys, terminal, args.console.quiet)? {
            Some(rules) => rules.texts,
            None => return Ok(Exit::Failed),
        }
    };
    steps.expect(u64::from(days) * 2);
    let plan = Plan {
        days,
        cadence: args.cadence.unwrap_or(CADENCE),
        seed: args.seed.unwrap_or(SEED),
        leak: args.inject_leak,
        rules,
        interval: args.eval_interval,
        lookback: args.lookback_delta,
    };
    let report = soak::run(&plan, stop, &|| steps.next()).map_err(|error| Failure::new(error.to_string()))?;
    steps.done();
    for place in &places {
        let view = View {
            width: terminal.width.filter(|_| place.path.is_none()),
            color: terminal.stdout_color && place.path.is_none(),
            ..View::default()
        };
        out::write(place, &mut |out: &mut dyn Write| -> io::Result<()> {
            match place.format {
                ProfileFormat::Json => json(out, &report),
                _ => table(out, &report, &view),
            }
        })?;
    }
    if let Some(line) = out::wrote(&places) {
        say(args.console.quiet, &line);
    }
    Ok(if report.finding().is_stable { Exit::Good } else { Exit::No })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_cadences_are_read() {
        assert_eq!((days("7d"), days("1w"), days("48h")), (Ok(7), Ok(7), Ok(2)));
        for wrong in ["36h", "0", "x", "2y"] {
            assert!(days(wrong).is_err(), "{wrong}");
        }
        assert_eq!((cadence("10s"), cadence("5m")), (Ok(Millis(10_000)), Ok(Millis(300_000))));
        for wrong in ["7s", "10m", "500ms"] {
            assert!(cadence(wrong).is_err(), "{wrong}");
        }
    }
}
