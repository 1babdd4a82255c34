//! Rules to begin with: a native rule per metric of a recording, with a threshold beyond what was seen.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::format::{count, to_digits};
use crate::labels::{METRIC_NAME, Quoted};
use crate::report::number::shortest;
use crate::store::{Samples, Store};
use crate::time::{Millis, Timestamp};

/// Endings of names that counters have.
const COUNTERS: [&str; 4] = ["_total", "_count", "_sum", "_bucket"];
/// Parts of names of what runs short.
const FALLING: [&str; 3] = ["avail", "free", "remaining"];
/// Metrics that servers write of their own alerts.
const OF_SERVERS: [&str; 2] = ["ALERTS", "ALERTS_FOR_STATE"];
/// The window of a rate. Unit: ms.
const WINDOW: i64 = 300_000;

/// What was seen of a metric.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    series: u64,
    /// The least and greatest finite value.
    range: Option<(f64, f64)>,
    infinite: (bool, bool),
    /// The steepest rise from one sample of a series to the next. Unit: per second.
    rise: f64,
    /// The times from one sample of a series to the next, added up, and how many they are. Unit: ms.
    spacings: (i64, i64),
}

impl Seen {
    fn take(&mut self, samples: Samples<'_>) {
        self.series += 1;
        for value in samples.values {
            self.infinite.0 |= *value == f64::NEG_INFINITY;
            self.infinite.1 |= *value == f64::INFINITY;
            if value.is_finite() {
                let (min, max) = self.range.unwrap_or((*value, *value));
                self.range = Some((min.min(*value), max.max(*value)));
            }
        }
        let finite: Vec<(Timestamp, f64)> = samples
            .times
            .iter()
            .copied()
            .zip(samples.values.iter().copied())
            .filter(|(_, value)| value.is_finite())
            .collect();
        for pair in finite.windows(2) {
            let distance = pair[1].0.0 - pair[0].0.0;
            self.spacings = (self.spacings.0 + distance, self.spacings.1 + 1);
            self.rise = self.rise.max((pair[1].1 - pair[0].1) / (distance as f64 / 1000.0));
        }
    }
}

/// Returns what was seen of each metric of a recording that is held whole, by name.
#[must_use]
pub fn look(store: &Store) -> BTreeMap<String, Seen> {
    let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
    for id in store.ids().filter(|id| store.facts(*id).samples > 0) {
        let metric = store.labels(id).get(METRIC_NAME).unwrap_or_default();
        if !metric.is_empty() && !OF_SERVERS.contains(&metric) {
            let samples = store.samples(id, Timestamp::MIN, Timestamp::MAX);
            seen.entry(metric.to_owned()).or_default().take(samples);
        }
    }
    seen
}

/// Writes a rule file in alertctl's own form. `recordings` and `file` are what the recordings and the rule file are
/// called on a command line.
///
/// # Errors
/// What the writer says.
pub fn write(
    out: &mut dyn Write,
    seen: &BTreeMap<String, Seen>,
    (recordings, file): (&str, &str),
    span: (Timestamp, Timestamp),
) -> io::Result<()> {
    let recordings = recordings.replace(char::is_control, " ");
    let file = file.replace(char::is_control, " ");
    writeln!(out, "# Rules to begin with, made from what was recorded from {} to {}.", span.0, span.1)?;
    writeln!(
        out,
        "# Each threshold lies beyond what was seen, so nothing fires on this recording. Move the thresholds"
    )?;
    writeln!(out, "# of the rules that you want to where you want to know of it, and remove the others.")?;
    writeln!(out, "# Try it: alertctl eval -r {file} {recordings}")?;
    writeln!(out, "alertctl: 1\nrules:")?;
    for (metric, seen) in seen {
        let shown = metric.replace(char::is_control, " ");
        let many = if seen.series == 1 { "1 series".to_owned() } else { format!("{} series", count(seen.series)) };
        let Some((min, max)) = seen.range else {
            writeln!(out, "\n  # {shown}: {many}, never a finite value: no rule")?;
            continue;
        };
        writeln!(out, "\n  # {shown}: {many}, {} to {}", short(min), short(max))?;
        let Some((suffix, lines)) = condition(metric, seen, (min, max)) else {
            let why = if is_name(metric) { "it was infinite both ways" } else { "`metric` takes no such name" };
            writeln!(out, "  # no rule: {why}")?;
            continue;
        };
        writeln!(out, "  - id: {}", scalar(&format!("{metric}_{suffix}")))?;
        writeln!(out, "    metric: {}", scalar(metric))?;
        lines.iter().try_for_each(|line| writeln!(out, "    {line}"))?;
        writeln!(out, "    for: 5m\n    severity: warning")?;
    }
    Ok(())
}

/// Returns how many rules are written.
#[must_use]
pub fn rules(seen: &BTreeMap<String, Seen>) -> usize {
    let has_rule =
        |(metric, seen): &(&String, &Seen)| seen.range.is_some_and(|range| condition(metric, seen, range).is_some());
    seen.iter().filter(has_rule).count()
}

/// Returns the ending of a rule's id and its condition, which never was true.
fn condition(metric: &str, seen: &Seen, (min, max): (f64, f64)) -> Option<(&'static str, Vec<String>)> {
    if !is_name(metric) {
        return None;
    }
    let counter = COUNTERS.iter().any(|ending| metric.ends_with(ending)) && min >= 0.0;
    let usual = seen.spacings.0.checked_div(seen.spacings.1).unwrap_or(0);
    if counter && usual > 0 && seen.rise.is_finite() && seen.infinite == (false, false) {
        // The rise over a window is no steeper than the steepest between two samples.
        let window = Millis(WINDOW.max((usual * 4 + 59_999) / 60_000 * 60_000));
        let rise = format!("rate_of_change: {}", shortest(beyond(seen.rise.max(0.0))));
        return Some(("rises_fast", vec![format!("{rise} # per second"), format!("evaluation_window: {window}")]));
    }
    // A number without a sign where it is zero.
    let low = |limit: f64| format!("below: {}", shortest(limit + 0.0));
    if metric == "up" && !seen.infinite.0 {
        return Some(("down", vec![low(min)]));
    }
    let falls = FALLING.iter().any(|part| metric.to_ascii_lowercase().contains(part));
    match seen.infinite {
        (false, infinite) if falls || infinite => Some(("low", vec![low(-beyond(-min))])),
        (_, false) => Some(("high", vec![format!("above: {}", shortest(beyond(max)))])),
        _ => None,
    }
}

/// Returns whether a native rule can name a metric.
fn is_name(metric: &str) -> bool {
    metric.trim() == metric && !metric.contains(['(', ')', '[', ']', '{', '}', '<', '>', '=', '"', '\n'])
}

/// Returns a short number at or above a value, by a tenth of it where that can be.
fn beyond(value: f64) -> f64 {
    let target = value + value.abs() / 10.0;
    if target == 0.0 {
        return 0.0;
    }
    let scale = 10_f64.powi(target.abs().log10().floor() as i32 - 1);
    let up = (target / scale).ceil() * scale;
    let short = to_digits(up, 2);
    if short > value && f64::is_finite(short) { short } else { value }
}

/// Returns a number with three digits.
fn short(value: f64) -> String {
    shortest(to_digits(value, 3))
}

/// Returns a text of YAML.
fn scalar(text: &str) -> String {
    let plain = text.len() > 3 && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let word = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && !matches!(text.to_ascii_lowercase().as_str(), "true" | "false" | "null");
    if plain && word { text.to_owned() } else { Quoted(text).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_lie_beyond_what_was_seen() {
        for (value, expected) in
            [(0.0, 0.0), (3.2, 3.6), (0.93, 1.1), (-5.0, -4.5), (99.0, 110.0), (f64::MAX, f64::MAX), (1e-320, 1e-320)]
        {
            let found = beyond(value);
            assert!(found >= value, "{value} {found}");
            assert!((found - expected).abs() <= expected.abs() * 1e-9, "{value}: {found}");
        }
    }

    #[test]
    fn names_that_yaml_takes_for_something_else_are_quoted() {
        assert_eq!(
            ["node_load1", "no", "1m", "a:b:c", "a.b"].map(scalar),
            ["node_load1", "\"no\"", "\"1m\"", "\"a:b:c\"", "\"a.b\""]
        );
    }
}
