//! One row an alert.

use std::io::{self, Write};

use crate::format::{Clock, count, counted, duration, short_count, value};
use crate::outcome::summary::{Never, RuleSummary, Summary, worst_first};
use crate::outcome::{Outcome, RuleFacts};
use crate::promql::ast::BinaryOp;
use crate::report::wrap::hung;

use super::grid::{Cell, Column, Grid, Tone};
use super::{Sort, View, lines};

/// Writes the table and the sentence under it, and adds to `said` the columns that were named as
/// left out; returns the order of the rows as places in [`Outcome::rules`].
pub(super) fn write(
    out: &mut dyn Write,
    outcome: &Outcome,
    summary: &Summary,
    view: &View,
    said: &mut Vec<String>,
) -> io::Result<Vec<usize>> {
    let (order, hidden) = order(outcome, summary, view);
    if order.is_empty() {
        writeln!(out, "{}", hung("There is no alerting rule to report.", view.width))?;
        return Ok(order);
    }
    grid(outcome, summary, view, &order).write_after(out, view.width, view.color, said)?;
    if hidden > 0 {
        writeln!(out, "and {}: --limit 0", counted(hidden as u64, "more alert"))?;
    }
    writeln!(out, "{}", hung(&lines::totals(summary, view.pending), view.width))?;
    Ok(order)
}

/// Returns the rows as places in [`Outcome::rules`], and how many more there are.
pub(crate) fn order(outcome: &Outcome, summary: &Summary, view: &View) -> (Vec<usize>, usize) {
    // What never fired comes last, whatever the order; the worst come first before the limit cuts.
    let mut order = worst_first(outcome, summary);
    let hidden = order.len().saturating_sub(view.rows());
    order.truncate(view.rows());
    order.sort_by_key(|at| {
        let sums = &summary.rules[*at];
        let key = match view.sort.unwrap_or(Sort::Severity) {
            Sort::Time => sums.first_fired.map_or(0, |at| at.0),
            Sort::Firing => -sums.firing.0,
            Sort::Count => -(sums.firings.min(i64::MAX as u64) as i64),
            Sort::Severity => 0,
        };
        (sums.firings == 0, key)
    });
    (order, hidden)
}

/// Makes the table of some rules.
pub(crate) fn grid(outcome: &Outcome, summary: &Summary, view: &View, order: &[usize]) -> Grid {
    let mut grid = Grid::new(vec![
        Column::left("ALERT", 0),
        Column::left("SEVERITY", 3),
        Column::left("FOR", 2),
        Column::right("FIRED", 0),
        Column::right("SETS", 7),
        Column::right("BURSTS", 8),
        Column::right("FIRING", 4),
        Column::right("LONGEST", 6),
        Column::right("NEAR", 5),
        Column::left(format!("LAST FIRED ({})", view.clock.name), 1),
        Column::words("NOTE", 0),
    ]);
    for at in order {
        grid.row(row(outcome, &outcome.rules[*at], &summary.rules[*at], view));
    }
    grid
}

fn row(outcome: &Outcome, rule: &RuleFacts, sums: &RuleSummary, view: &View) -> Vec<Cell> {
    let severity = rule.severity.as_deref().unwrap_or("");
    let fired = sums.firings > 0;
    let when_fired = |text: String| if fired { Cell::from(text) } else { Cell::default() };
    let last = match (sums.last_fired, outcome.range.reported_from, outcome.range.evaluated_to) {
        (Some(at), Some(from), Some(to)) => Cell::from(view.clock.within(at, from, to)),
        (Some(at), ..) => Cell::from(view.clock.full(at)),
        (None, ..) => Cell::new("never", Tone::Faint),
    };
    let effective = rule.effective_hold(outcome.interval(rule));
    vec![
        Cell::from(&rule.name),
        Cell::new(severity, if fired { Tone::of_severity(severity) } else { Tone::Plain }),
        Cell::from(if effective == rule.hold { rule.hold.to_string() } else { format!("{} ({effective})", rule.hold) }),
        Cell::from(count(sums.firings)),
        when_fired(short_count(sums.label_sets)),
        when_fired(short_count(sums.bursts)),
        when_fired(duration(sums.firing)),
        when_fired(duration(sums.longest)),
        Cell::from(short_count(sums.near_misses)),
        last,
        Cell::from(note(outcome, rule, sums, &view.clock).join("; ")),
    ]
}

/// The fewest label sets that fire within a minute and are reported.
const MANY_SETS: u64 = 5;

/// Says what a person would want to know of an alert.
pub(crate) fn note(outcome: &Outcome, rule: &RuleFacts, sums: &RuleSummary, clock: &Clock) -> Vec<String> {
    let mut notes = Vec::new();
    if sums.open > 0 {
        notes.push(format!("{} open at the end", count(sums.open)));
    }
    if sums.began_before_data > 0 {
        notes.push(format!("{} began before the data", count(sums.began_before_data)));
    }
    if sums.together >= MANY_SETS {
        notes.push(format!("{} within one minute", counted(sums.together, "set")));
    }
    let of_rule = outcome.episodes.iter().filter(|episode| episode.rule == rule.id);
    let suppressed = of_rule.filter(|episode| outcome.is_suppressed(episode)).count();
    if suppressed > 0 {
        notes.push(format!("{} suppressed", count(suppressed as u64)));
    }
    if sums.refires > 0 {
        let join = outcome.options.join.value;
        notes.push(format!("flaps: {} within {join}", counted(sums.refires, "refire")));
    }
    if sums.firings == 0 {
        notes.extend(never(outcome, rule, sums, clock));
    } else {
        notes.extend(missing(rule));
    }
    if rule.failed() > 0 && sums.never != Some(Never::OnlyErrors) {
        notes.push(format!("{} failed", counted(rule.failed(), "evaluation")));
    }
    notes
}

/// Says why an alert never fired.
fn never(outcome: &Outcome, rule: &RuleFacts, sums: &RuleSummary, clock: &Clock) -> Vec<String> {
    match sums.never {
        Some(Never::Disabled) => vec!["disabled in its file".to_owned()],
        Some(Never::OnlyErrors) => {
            let first = rule.counts.faults.first().map_or("", |fault| &fault.message);
            vec![format!("all evaluations failed: {first}")]
        }
        Some(Never::NoSuchMetric | Never::NoMatchingSeries | Never::NeverTrue) if rule.no_source.is_some() => {
            rule.no_source.iter().map(ToString::to_string).collect()
        }
        Some(Never::NoSuchMetric) => missing(rule),
        Some(Never::NoMatchingSeries) => {
            let unmatched = rule.unmatched.iter();
            unmatched.map(|unmatched| format!("{unmatched} ({}:{})", file_name(&rule.file), rule.line)).collect()
        }
        Some(Never::NeverTrue) | None if rule.unseen.is_some() => {
            rule.unseen.iter().map(|unseen| unseen.text(clock)).collect()
        }
        Some(Never::NeverTrue) if rule.counts.evaluations == 0 => vec!["never evaluated".to_owned()],
        Some(Never::NeverTrue) => vec![never_true(rule, sums)],
        None if sums.near_misses > 0 => {
            let hold = rule.effective_hold(outcome.interval(rule));
            let short = if sums.longest_near >= hold { ", one evaluation short" } else { "" };
            vec![format!("pending for at most {} of {hold}{short}", duration(sums.longest_near))]
        }
        None if pending_at_end(outcome, rule) => vec!["pending at the end".to_owned()],
        None if outcome.options.selection.start.is_some() => vec!["true only before --start".to_owned()],
        None => Vec::new(),
    }
}

/// Says how near a condition came to being true.
fn never_true(rule: &RuleFacts, sums: &RuleSummary) -> String {
    let Some((op, limit)) = rule.threshold else { return "never true".to_owned() };
    let limit_text = rule.threshold_text.clone().unwrap_or_else(|| value(limit));
    let needs = format!("needs {} {limit_text}", op.symbol());
    let Some((least, greatest)) = rule.counts.extremes else { return format!("never true: no values, {needs}") };
    match (sums.worst, op) {
        (Some(worst), BinaryOp::Greater) if worst > limit => beyond(worst, &needs, rule.guard),
        (Some(worst), BinaryOp::GreaterEqual) if worst >= limit => beyond(worst, &needs, rule.guard),
        (Some(worst), BinaryOp::Less) if worst < limit => beyond(worst, &needs, rule.guard),
        (Some(worst), BinaryOp::LessEqual) if worst <= limit => beyond(worst, &needs, rule.guard),
        (Some(worst), _) => format!("closest {}, {needs}", value(worst)),
        (None, BinaryOp::Equal) if least <= limit && limit <= greatest && rule.guard.is_some() => {
            if least == greatest {
                beyond(least, &needs, rule.guard)
            } else {
                format!("values {} to {}, {needs}{}", value(least), value(greatest), failed_side(rule.guard))
            }
        }
        (None, BinaryOp::NotEqual) if (least != limit || greatest != limit) && rule.guard.is_some() => {
            beyond(if least == limit { greatest } else { least }, &needs, rule.guard)
        }
        (None, _) if least == greatest => format!("always {}, {needs}", value(least)),
        (None, _) => format!("values {} to {}, {needs}", value(least), value(greatest)),
    }
}

/// Says that a value met its threshold, and what else was not true.
fn beyond(reached: f64, needs: &str, guard: Option<BinaryOp>) -> String {
    format!("reached {}, {needs}{}", value(reached), failed_side(guard))
}

/// Names the side of an `and` or `unless` that kept a condition from being true.
fn failed_side(guard: Option<BinaryOp>) -> &'static str {
    match guard {
        Some(BinaryOp::Unless) => ", but the right side of `unless` was true as well each time",
        Some(BinaryOp::And) => ", but the right side of `and` was never true at the same time",
        _ => ", but the rest of the condition was not true then",
    }
}

fn pending_at_end(outcome: &Outcome, rule: &RuleFacts) -> bool {
    let mut own = outcome.episodes.iter().filter(|episode| episode.rule == rule.id);
    own.any(|episode| episode.activity.fired_at.is_none() && episode.ended_at.is_none())
}

fn missing(rule: &RuleFacts) -> Vec<String> {
    let all = rule.missing.iter().map(|metric| {
        let place = format!("{}:{}", file_name(&rule.file), rule.line);
        format!("no such metric: {} ({place}){}", metric.name, metric.hint())
    });
    all.collect()
}

/// Returns the last part of a path: the folder is named in the summary.
pub(super) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::FaultCount;
    use crate::outcome::{Unmatched, sample};
    use crate::time::Timestamp;

    #[test]
    fn every_silence_has_its_reason() {
        let check = |change: &dyn Fn(&mut RuleFacts), expected: &str| {
            let mut outcome = sample::outcome();
            outcome.episodes.clear();
            outcome.rules.truncate(1);
            outcome.rules[0].counts.true_evaluations = 0;
            change(&mut outcome.rules[0]);
            let summary = Summary::of(&outcome);
            let notes = note(&outcome, &outcome.rules[0], &summary.rules[0], &Clock::utc());
            assert_eq!(notes.join("; "), expected);
        };
        let fault =
            |count| FaultCount { first: Timestamp(0), last: Timestamp(0), count, message: "many-to-many".to_owned() };
        check(&|rule| rule.threshold = Some((BinaryOp::Greater, 80.0)), "never true: no values, needs > 80");
        check(&|rule| rule.disabled = true, "disabled in its file");
        let tape = Unmatched {
            selector: "free{mount=\"/tape\"}".to_owned(),
            metric: Some("free".to_owned()),
            matcher: Some(("mount".to_owned(), "mount=\"/tape\"".to_owned())),
            values: vec!["/".to_owned(), "/home".to_owned()],
            near: false,
            values_left: 7,
        };
        let all = Unmatched { matcher: None, ..tape.clone() };
        check(
            &|rule| rule.unmatched = Some(tape.clone()),
            "no series of free has mount=\"/tape\"; mount is /, /home and 7 more (node.yml:10)",
        );
        check(
            &|rule| rule.unmatched = Some(all.clone()),
            "no series matches all of free{mount=\"/tape\"} (node.yml:10)",
        );
        let compared = |rule: &mut RuleFacts, op, limit, extremes| {
            rule.threshold = Some((op, limit));
            rule.counts.extremes = Some(extremes);
        };
        check(&|rule| compared(rule, BinaryOp::Greater, 80.0, (3.0, 71.2)), "closest 71.2, needs > 80");
        check(&|rule| compared(rule, BinaryOp::LessEqual, 2.0, (3.0, 71.2)), "closest 3, needs <= 2");
        check(
            &|rule| compared(rule, BinaryOp::Less, 5.0, (3.0, 71.2)),
            "reached 3, needs < 5, but the rest of the condition was not true then",
        );
        check(&|rule| compared(rule, BinaryOp::Equal, 0.0, (1.0, 1.0)), "always 1, needs == 0");
        check(&|rule| compared(rule, BinaryOp::Equal, 0.0, (1.0, 3.0)), "values 1 to 3, needs == 0");
        let guarded = |rule: &mut RuleFacts, guard| {
            compared(rule, BinaryOp::Equal, 1.0, (1.0, 1.0));
            rule.guard = Some(guard);
            rule.threshold_text = Some("1.0e0".to_owned());
        };
        check(
            &|rule| guarded(rule, BinaryOp::Unless),
            "reached 1, needs == 1.0e0, but the right side of `unless` was true as well each time",
        );
        check(
            &|rule| guarded(rule, BinaryOp::And),
            "reached 1, needs == 1.0e0, but the right side of `and` was never true at the same time",
        );
        check(&|rule| rule.counts.faults = vec![fault(121)], "all evaluations failed: many-to-many");
        check(&|rule| rule.counts.faults = vec![fault(2)], "never true: no values, needs < 40G; 2 evaluations failed");
        check(&|rule| rule.counts.evaluations = 0, "never evaluated");
    }
}
