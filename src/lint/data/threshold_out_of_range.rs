//! A threshold beyond every value of the recording.

use super::super::evidence::Evidence;
use super::super::subject::Place;
use super::super::{Check, Found, Lint, Page};
use super::parts::{Limit, between, comparison, is_dead, limit, requires, unfiltered};
use crate::diagnostic::{Severity, codes};
use crate::format::{counted, value};
use crate::outcome::RuleFacts;
use crate::promql::ast::{Binary, BinaryOp, Expr, ExprKind, Type};

pub(in crate::lint) const LINT: Lint = Lint {
    code: codes::THRESHOLD_OUT_OF_RANGE,
    page: Page {
        why: "No value of the recording reaches the threshold. A quiet night is how it should be, so this is an info with the \
              value that comes closest. It is a warning where the name of the metric says the unit, and the threshold \
              can hardly be of it: above 1 for a ratio, at most 1 for a percentage, ten times every temperature, bytes \
              where gigabytes are meant.",
        bad: "\
- alert: CpuHigh
  expr: cpu_usage_ratio > 90
  for: 1m
",
        clean: "\
- alert: CpuHigh
  expr: cpu_usage_ratio > 0.9
  for: 1m
",
        data: "\
time,host,cpu_usage_ratio
2026-01-05T00:00:00Z,a,0.5
2026-01-05T00:01:00Z,a,0.95
2026-01-05T00:02:00Z,a,0.95
2026-01-05T00:03:00Z,a,0.95
2026-01-05T00:04:00Z,a,0.95
2026-01-05T00:05:00Z,a,0.4
",
    },
    check: Check::Data(check),
};

/// How many times above a temperature or a voltage a threshold is of another unit.
const FAR_PHYSICAL: f64 = 10.0;
/// How many times above bytes that hardly move.
const FAR_ABOVE: f64 = 1e4;
/// How many times below them: a disk that is nearly empty is far from the point at which it is full.
const FAR_BELOW: f64 = 1e6;
/// How many times one side of a comparison may be less than the other.
const FAR_SIDE: f64 = 1e3;
/// How many times the greatest value is the least one, at most, of values that hardly move.
const STEADY: f64 = 10.0;

fn check(evidence: &Evidence<'_>, found: &mut Found) {
    for (place, facts) in evidence.alerts() {
        if !is_dead(&place, place.rule.expr.span) {
            judge(evidence, &place, facts, found);
        }
    }
}

/// Returns whether thresholds that no value reaches are found in a rule.
pub(in crate::lint) fn is_found(evidence: &Evidence<'_>, place: &Place<'_>, facts: &RuleFacts) -> bool {
    let mut found = Found::new(LINT.code);
    judge(evidence, place, facts, &mut found);
    !found.items.is_empty()
}

fn judge(evidence: &Evidence<'_>, place: &Place<'_>, facts: &RuleFacts, found: &mut Found) {
    let expr = &place.rule.expr;
    let decides = limit(expr);
    if let (Some(limit), Some((min, max))) = (&decides, facts.counts.extremes) {
        number(place, limit, (min, max), None, found);
    } else if facts.counts.true_evaluations == 0 && facts.counts.faults.is_empty() {
        sides(evidence, place, found);
    }
    let mut parts = Vec::new();
    operands(expr, &mut parts);
    for part in parts.iter().filter(|_| parts.len() > 1) {
        let Some((limit, binary)) = limit(part).zip(comparison(part)) else { continue };
        let is_told = decides.as_ref().is_some_and(|decides| decides.number.span == limit.number.span);
        if is_told || facts.counts.true_evaluations > 0 && requires(expr, binary) {
            continue;
        }
        let probe = evidence.probe(place, &unfiltered(limit.compared));
        let (min, max) = probe.values().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
        if min <= max {
            number(place, &limit, (min, max), Some(probe.steps.len() as u64), found);
        }
    }
}

/// Collects the sides of `and` and `or`, and the left ones of `unless`.
fn operands<'a>(expr: &'a Expr, parts: &mut Vec<&'a Expr>) {
    match &expr.unparen().kind {
        ExprKind::Binary(binary) if binary.op.is_set() => {
            operands(&binary.lhs, parts);
            if binary.op != BinaryOp::Unless {
                operands(&binary.rhs, parts);
            }
        }
        _ => parts.push(expr),
    }
}

/// What a name says of the unit of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Ratio,
    Percent,
    /// Degrees, volts and the like, which hardly change their size.
    Physical,
    Bytes,
    Other,
}

/// Returns the unit of what is compared, as far as the names of its metrics say and nothing makes another one of it.
fn unit(expr: &Expr) -> Unit {
    let mut makes_other = false;
    expr.walk(&mut |expr| match &expr.kind {
        ExprKind::Binary(binary) => makes_other |= !binary.op.is_comparison() && !binary.op.is_set(),
        ExprKind::Aggregate(aggregate) => makes_other |= !matches!(aggregate.op.name(), "avg" | "max" | "min" | "topk"),
        ExprKind::Call { function, .. } => {
            makes_other |= !matches!(
                function.name,
                "avg_over_time"
                    | "max_over_time"
                    | "min_over_time"
                    | "last_over_time"
                    | "quantile_over_time"
                    | "abs"
                    | "label_replace"
                    | "label_join"
            );
        }
        _ => {}
    });
    let selectors = expr.selectors();
    let Some(first) = selectors.first().filter(|_| !makes_other) else { return Unit::Other };
    let name = first.selector.metric().unwrap_or("").to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    match () {
        () if has(&["ratio", "fraction"]) => Unit::Ratio,
        () if has(&["percent", "_pct"]) => Unit::Percent,
        () if has(&["celsius", "_volts", "_hertz"]) => Unit::Physical,
        () if name.ends_with("_bytes") => Unit::Bytes,
        () => Unit::Other,
    }
}

/// Returns why a threshold is hardly of the unit of the values, if so.
fn is_odd(unit: Unit, op: BinaryOp, threshold: f64, (min, max): (f64, f64)) -> Option<&'static str> {
    let above = matches!(op, BinaryOp::Greater | BinaryOp::GreaterEqual);
    let below = matches!(op, BinaryOp::Less | BinaryOp::LessEqual);
    let is_steady = min > 0.0 && max <= min * STEADY;
    match unit {
        Unit::Ratio if above && min >= 0.0 && max <= 1.0 && threshold > 1.0 => {
            Some("the values are ratios between 0 and 1: is the threshold a percentage?")
        }
        Unit::Percent if below && min > 1.0 && threshold > 0.0 && threshold <= 1.0 => {
            Some("the values are percentages: is the threshold a ratio?")
        }
        Unit::Physical if above && is_steady && threshold >= max * FAR_PHYSICAL => {
            Some("the values are far below: is the threshold of another unit?")
        }
        Unit::Bytes if above && is_steady && threshold >= max * FAR_ABOVE => {
            Some("the values are far below: is the threshold of another unit?")
        }
        Unit::Bytes if below && is_steady && threshold > 0.0 && threshold <= min / FAR_BELOW => {
            Some("the values are far above: is the threshold of another unit?")
        }
        _ => None,
    }
}

/// Judges a threshold that no value reaches: none at all, or none at so many times looked at.
fn number(place: &Place<'_>, limit: &Limit<'_>, (min, max): (f64, f64), looked_at: Option<u64>, found: &mut Found) {
    let threshold = limit.value;
    let (closest, is_reached) = match limit.op {
        BinaryOp::Less => (min, min < threshold),
        BinaryOp::LessEqual => (min, min <= threshold),
        BinaryOp::Greater => (max, max > threshold),
        BinaryOp::GreaterEqual => (max, max >= threshold),
        BinaryOp::Equal if threshold < min => (min, false),
        BinaryOp::Equal if threshold > max => (max, false),
        // Something else keeps the rule from being true, or nobody knows.
        _ => (max, true),
    };
    if is_reached {
        return;
    }
    let odd = is_odd(unit(limit.compared), limit.op, threshold, (min, max));
    let far = factor(threshold, closest).map_or(String::new(), |far| format!(", {far}"));
    let when = looked_at.map_or(String::new(), |times| format!(" at {} looked at", counted(times, "time")));
    let message = format!(
        "no value reaches the threshold `{} {}`{when}: the closest is {}{far}",
        limit.op.symbol(),
        limit.written(place),
        value(closest)
    );
    let usual = found.severity;
    let finding = found.expr(place, limit.number.span, message);
    finding.severity = if odd.is_some() { usual } else { Severity::Info };
    finding.help.push(format!("the values are {}", between((min, max))));
    finding.help.extend(odd.map(str::to_owned));
}

/// Says how far a threshold is from the closest value.
fn factor(threshold: f64, closest: f64) -> Option<String> {
    if threshold <= 0.0 || closest <= 0.0 || threshold == closest {
        return None;
    }
    let share = closest / threshold;
    Some(match share {
        share if share >= 2.0 => format!("{} times the threshold", value(share)),
        share if share > 1.0 => format!("{} % above it", value(100.0 * (share - 1.0))),
        share if share > 0.5 => format!("{} % below it", value(100.0 * (1.0 - share))),
        share => format!("and the threshold is {} times that", value(1.0 / share)),
    })
}

/// Judges two vectors that are compared and never so that the rule is true, by what one is of the other.
fn sides(evidence: &Evidence<'_>, place: &Place<'_>, found: &mut Found) {
    let Some((binary, closest, is_far, steps)) = quotient(evidence, place) else { return };
    let share = match closest {
        closest if closest < 1.0 => format!("{} %", value(closest * 100.0)),
        closest => format!("{} times", value(closest)),
    };
    let message = format!(
        "the left side is never `{}` the right one: at {} looked at, it is {share} of it at best",
        binary.op.symbol(),
        counted(steps as u64, "time")
    );
    let usual = found.severity;
    let finding = found.expr(place, binary.op_span, message);
    finding.severity = if is_far { usual } else { Severity::Info };
}

/// Returns the two vectors that a rule compares, how near one came to the other at the steps that were looked at, and
/// whether that is far, and the number of steps: the greatest quotient of the two where the left one must be greater, else the least one.
pub(in crate::lint) fn quotient<'a>(
    evidence: &Evidence<'_>,
    place: &Place<'a>,
) -> Option<(&'a Binary, f64, bool, usize)> {
    let binary = comparison(&place.rule.expr)?;
    if binary.lhs.ty() != Type::Vector || binary.rhs.ty() != Type::Vector {
        return None;
    }
    let [lhs, rhs] = [&binary.lhs, &binary.rhs].map(unfiltered);
    let divided = Binary { op: BinaryOp::Div, lhs, rhs, ..binary.clone() };
    let divided = Expr { kind: ExprKind::Binary(Box::new(divided)), span: place.rule.expr.span };
    let probe = evidence.probe(place, &divided);
    let positive = probe.values().filter(|value| value.is_finite() && *value > 0.0);
    let (min, max) = positive.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
    let is_steady = max <= min * STEADY;
    let (closest, is_far, is_short) = match binary.op {
        BinaryOp::Greater | BinaryOp::GreaterEqual => (max, max * FAR_SIDE < 1.0, max <= 1.0),
        BinaryOp::Less | BinaryOp::LessEqual => (min, min > FAR_SIDE, min >= 1.0),
        _ => return None,
    };
    (min <= max && is_short).then_some((binary, closest, is_far && is_steady, probe.steps.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::parse::parse;

    #[test]
    fn only_another_unit_is_odd() {
        let check = |text: &str, range: (f64, f64), expected: bool| {
            let expr = parse(text).expr;
            let found = limit(&expr).expect("a limit");
            let odd = is_odd(unit(found.compared), found.op, found.value, range);
            assert_eq!(odd.is_some(), expected, "{text} {range:?} {odd:?}");
        };
        check("cpu_ratio > 0.9", (0.1, 0.7), false);
        check("cpu_ratio > 90", (0.1, 0.7), true);
        check("sum(cpu_ratio) > 9", (0.1, 0.7), false);
        check("avg_over_time(cpu_ratio[5m]) > 90", (0.1, 0.7), true);
        check("disk_used_percent > 95", (0.2, 1.5), false);
        check("disk_free_percent < 0.1", (20.0, 80.0), true);
        check("disk_free_percent < 10", (20.0, 80.0), false);
        check("rate(errors_total[5m]) > 1", (0.0, 0.001), false);
        check("temperature_celsius > 80", (20.0, 40.0), false);
        check("temperature_celsius > 8000", (20.0, 90.0), true);
        check("free_bytes < 5e9", (3e11, 4e11), false);
        check("free_bytes < 10", (3e11, 4e11), true);
        check("free_bytes < 0", (3e11, 4e11), false);
        check("predict_linear(free_bytes[1h], 3600) < 10", (3e11, 4e11), false);
        check("used_bytes > 1e12", (3e9, 4e9), false);
        check("used_bytes > 1e15", (3e9, 4e9), true);
        check("queue_length > 1000", (5.0, 12.0), false);
        check("cpu_idle > 0.9", (0.005, 0.006), false);
    }

    #[test]
    fn distances_are_told_by_factor_or_share() {
        assert_eq!(factor(90.0, 0.9).as_deref(), Some("and the threshold is 100 times that"));
        assert_eq!(factor(100.0, 80.0).as_deref(), Some("20 % below it"));
        assert_eq!(factor(40.0, 61.0).as_deref(), Some("52.5 % above it"));
        assert_eq!(factor(1.0, 4.0).as_deref(), Some("4 times the threshold"));
        assert_eq!(factor(0.0, 4.0), None);
        assert_eq!(factor(0.5, 0.5), None);
    }
}
