//! The lines of words around the tables.

use std::io::{self, Write};

use crate::format::{Clock, count, counted, duration, elapsed, short_count};
use crate::input::TimeUnit;
use crate::outcome::gate::Condition;
use crate::outcome::summary::Summary;
use crate::outcome::{Kind, Origin, Outcome, RecordingFacts};
use crate::survey::GAPS_LISTED;
use crate::time::Millis;

use super::grid::printable;

/// The most groups or files that a line names.
const NAMED: usize = 3;

/// Writes what was read and evaluated: a line each for rules, recordings and evaluations. `seconds` is how long it took.
///
/// # Errors
/// What the writer says.
pub fn write_summary(out: &mut dyn Write, outcome: &Outcome, seconds: f64, clock: &Clock) -> io::Result<()> {
    let lines = summary_lines(outcome, clock);
    for (at, (name, text)) in lines.iter().enumerate() {
        let took = if at + 1 == lines.len() { format!(" in {}", elapsed(seconds)) } else { String::new() };
        writeln!(out, "{name:<9}  {text}{took}")?;
    }
    Ok(())
}

/// Returns the names and texts of these lines, without the time it took.
pub(crate) fn summary_lines(outcome: &Outcome, clock: &Clock) -> Vec<(&'static str, String)> {
    let mut lines = vec![("rules", rules(outcome))];
    lines.extend(recordings(&outcome.recordings, clock));
    lines.push(("evaluated", evaluations(outcome)));
    lines
}

/// Writes what was read of recordings: a line each for the first of them.
///
/// # Errors
/// What the writer says.
pub fn write_recordings(out: &mut dyn Write, facts: &[RecordingFacts], clock: &Clock) -> io::Result<()> {
    recordings(facts, clock).iter().try_for_each(|(name, text)| writeln!(out, "{name:<9}  {text}"))
}

fn recordings(facts: &[RecordingFacts], clock: &Clock) -> Vec<(&'static str, String)> {
    let named = facts.iter().take(NAMED);
    let mut lines: Vec<_> = named.map(|facts| ("recording", recording(facts, clock))).collect();
    if let Some(more @ 1..) = facts.len().checked_sub(NAMED) {
        lines.push(("", format!("and {}", counted(more as u64, "more recording"))));
    }
    lines
}

fn rules(outcome: &Outcome) -> String {
    let mut files: Vec<&str> = outcome.groups.iter().map(|group| group.file.as_str()).collect();
    files.dedup();
    let named = files.iter().take(NAMED).map(|file| printable(file)).collect::<Vec<_>>().join(", ");
    let more = match files.len().checked_sub(NAMED) {
        Some(more @ 1..) => format!(" and {}", counted(more as u64, "more file")),
        _ => String::new(),
    };
    let of = |kind| outcome.rules.iter().filter(|rule| rule.kind == kind).count() as u64;
    let recorded = of(Kind::Record);
    let recorded = if recorded > 0 { format!(", {recorded} recorded") } else { String::new() };
    format!("{named}{more}  {}{recorded}; {}", counted(of(Kind::Alert), "alert"), groups(outcome))
}

fn groups(outcome: &Outcome) -> String {
    let assumed = |from_file: bool| !from_file && outcome.options.eval_interval.from == Origin::Default;
    let groups = &outcome.groups;
    if groups.len() <= NAMED {
        let each = groups.iter().map(|group| {
            let why = match assumed(group.schedule.interval_from_file) {
                true => " (assumed: the group has no interval; --eval-interval)",
                false => "",
            };
            format!("{} {}{why}", printable(&group.name), pace(group.schedule.interval))
        });
        return each.collect::<Vec<_>>().join(", ");
    }
    let intervals = || groups.iter().map(|group| group.schedule.interval);
    let least = intervals().min().unwrap_or_default();
    let most = intervals().max().unwrap_or_default();
    let range = if least == most { pace(least) } else { format!("{} to {most}", pace(least)) };
    let unsaid = groups.iter().filter(|group| assumed(group.schedule.interval_from_file)).count() as u64;
    let why = match unsaid {
        0 => String::new(),
        _ => format!(
            " ({} of {unsaid} without an interval assumed; --eval-interval)",
            outcome.options.eval_interval.value
        ),
    };
    format!("{} {range}{why}", counted(groups.len() as u64, "group"))
}

/// Says how often a group is evaluated; groups without an interval follow the rows of the recording.
fn pace(interval: Millis) -> String {
    if interval == Millis::ZERO { "at every row".to_owned() } else { format!("every {interval}") }
}

fn recording(facts: &RecordingFacts, clock: &Clock) -> String {
    let mut parts = Vec::new();
    parts.extend(facts.series.map(|series| format!("{} series", count(series))));
    parts.push(if facts.samples == 1 {
        "1 sample".to_owned()
    } else {
        format!("{} samples", short_count(facts.samples))
    });
    if let Some(cadence) = facts.cadence {
        parts.push(format!("one every {}", duration(cadence)));
    }
    if let (Some(start), Some(end)) = (facts.start, facts.end) {
        parts.push(format!("{} to {} {}", clock.full(start), clock.full(end), clock.name));
    }
    if let Ok(unit) = facts.time_unit.parse::<TimeUnit>()
        && facts.time_from == "magnitude"
    {
        parts.push(format!("times: Unix {}", unit.plural()));
    }
    if facts.time_zoneless {
        parts.push(format!("times without a zone: {}", facts.time_zone));
    }
    let mut told = |many: u64, words: String| {
        if many > 0 {
            parts.push(words);
        }
    };
    told(facts.bad_rows, format!("{} left out", counted(facts.bad_rows, "bad row")));
    let conflicts = facts.conflicts.unwrap_or(0);
    told(conflicts, format!("{} left out", counted(conflicts, "conflict")));
    told(facts.stale_inferred, format!("{} inferred", counted(facts.stale_inferred, "stale marker")));
    let gaps = facts.gaps.len();
    told(
        gaps as u64,
        match gaps {
            GAPS_LISTED => format!("{gaps} gaps or more"),
            _ => counted(gaps as u64, "gap"),
        },
    );
    format!("{}  {}", printable(&facts.path), parts.join(", "))
}

fn evaluations(outcome: &Outcome) -> String {
    let rules = counted(outcome.rules.len() as u64, "rule");
    let mut steps: Vec<u64> = outcome.groups.iter().map(|group| group.schedule.steps).collect();
    steps.dedup();
    match steps.as_slice() {
        [steps] => format!("{} x {rules}", counted(*steps, "step")),
        _ => {
            let all = outcome.rules.iter().map(|rule| rule.counts.evaluations).sum();
            format!("{} of {rules}", counted(all, "evaluation"))
        }
    }
}

/// Returns the sentence under the alerts.
pub(crate) fn totals(summary: &Summary, pending_shown: bool) -> String {
    let totals = &summary.totals;
    let near = match (totals.near_misses, pending_shown) {
        (0, _) => String::new(),
        (1, false) => " 1 near miss: --pending".to_owned(),
        (1, true) => " 1 near miss.".to_owned(),
        (many, false) => format!(" {} near misses: --pending", count(many)),
        (many, true) => format!(" {} near misses.", count(many)),
    };
    if totals.firings == 0 {
        return format!("No alert fired.{near}");
    }
    let mut extras = Vec::new();
    if totals.open_at_end > 0 {
        extras.push(format!("{} open at the end", count(totals.open_at_end)));
    }
    if totals.began_before_data > 0 {
        extras.push(format!("{} began before the data", count(totals.began_before_data)));
    }
    if totals.suppressed > 0 {
        extras.push(format!("{} suppressed", count(totals.suppressed)));
    }
    let extras = if extras.is_empty() { String::new() } else { format!("; {}", extras.join(", ")) };
    format!(
        "{} of {} in {}{extras}.{near}",
        counted(totals.firings, "firing"),
        counted(totals.alerts, "alert"),
        counted(totals.bursts, "burst")
    )
}

/// Returns the line that says which conditions of `--fail-on` are met and what did not count, if any were given.
#[must_use]
pub fn gate_line(outcome: &Outcome, summary: &Summary) -> Option<String> {
    if outcome.options.fail_on.is_empty() {
        return None;
    }
    let verdict = &summary.verdict;
    let words = |conditions: &[Condition]| conditions.iter().map(Condition::to_string).collect::<Vec<_>>().join(", ");
    let result = match verdict.met.is_empty() {
        true => format!("fail-on    not met: {}", words(&outcome.options.fail_on)),
        false => format!("fail-on    met: {}{}", words(&verdict.met), causes(outcome, summary)),
    };
    let mut left_out = Vec::new();
    if verdict.excluded.began_before_data > 0 {
        left_out.push(format!("{} began before the data", verdict.excluded.began_before_data));
    }
    if verdict.excluded.warm_up > 0 {
        left_out.push(format!("{} during warm-up", verdict.excluded.warm_up));
    }
    if verdict.excluded.suppressed > 0 {
        left_out.push(format!("{} covered by silences", verdict.excluded.suppressed));
    }
    let left_out = if left_out.is_empty() { String::new() } else { format!("; not counted: {}", left_out.join(", ")) };
    Some(format!("{result} ({}{left_out})", counted(verdict.counted, "firing")))
}

/// Names the rules for which conditions are met that no row of a table shows: the first of those without data, and of
/// those that failed.
fn causes(outcome: &Outcome, summary: &Summary) -> String {
    let met = |condition| summary.verdict.met.contains(&condition);
    let no_data = met(Condition::NoData).then(|| {
        let without = outcome.rules.iter().zip(&summary.rules);
        (
            "no data",
            without.filter(|(_, rule)| rule.lacks_data()).map(|(rule, _)| rule.name.as_str()).collect::<Vec<_>>(),
        )
    });
    let failed = met(Condition::EvalError).then(|| {
        let failed = outcome.rules.iter().filter(|rule| rule.failed() > 0);
        ("failed", failed.map(|rule| rule.name.as_str()).collect::<Vec<_>>())
    });
    let mut text = String::new();
    for (what, names) in no_data.into_iter().chain(failed) {
        let more = if names.len() > NAMED { format!(" and {} more", names.len() - NAMED) } else { String::new() };
        text.push_str(&format!("; {what}: {}{more}", names[..names.len().min(NAMED)].join(", ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::sample;

    fn check(change: impl FnOnce(&mut Outcome)) -> String {
        let mut outcome = sample::outcome();
        change(&mut outcome);
        let mut out = Vec::new();
        write_summary(&mut out, &outcome, 0.31, &Clock::utc()).expect("a vector takes all");
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn three_lines_say_what_was_done() {
        insta::assert_snapshot!(check(|_| ()), @"
        rules      rules/node.yml  3 alerts; disks every 1m
        recording  night.csv  1,204 series, 6.9M samples, one every 15s, 2026-01-06 00:00:00 to 2026-01-06 02:00:00 UTC
        evaluated  121 steps x 3 rules in 0.31 s
        ");
    }

    #[test]
    fn what_was_assumed_or_left_out_is_said() {
        let text = check(|outcome| {
            outcome.groups[0].schedule.interval_from_file = false;
            outcome.recordings[0].bad_rows = 1;
            outcome.recordings[0].stale_inferred = 41;
        });
        assert!(text.contains("disks every 1m (assumed: the group has no interval; --eval-interval)"), "{text}");
        assert!(text.contains(", 1 bad row left out, 41 stale markers inferred"), "{text}");
    }

    #[test]
    fn the_gate_says_what_counted() {
        let mut outcome = sample::outcome();
        assert_eq!(gate_line(&outcome, &Summary::of(&outcome)), None);
        outcome.options.fail_on = vec![Condition::Firing(Some("critical".to_owned())), Condition::EvalError];
        outcome.episodes[0].began = crate::engine::Began::WarmUp;
        let line = gate_line(&outcome, &Summary::of(&outcome));
        assert_eq!(line.as_deref(), Some("fail-on    met: firing=critical (1 firing; not counted: 1 during warm-up)"));
    }
}
