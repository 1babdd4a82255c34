//! A threshold beyond every value of the recording.

use super::super::evidence::Evidence;
use super::super::subject::Place;
use super::super::{Check, Found, Lint, Page};
use super::parts::{Limit, comparison, limit, unfiltered};
use crate::diagnostic::{Severity, codes};
use crate::format::value;
use crate::promql::ast::{Binary, BinaryOp, Expr, ExprKind, Type};

pub(in crate::lint) const LINT: Lint = Lint {
    code: codes::THRESHOLD_OUT_OF_RANGE,
    page: Page {
        why: "No value of the recording reaches the threshold. A quiet night is how it should be, so this is an info with the \
              value that comes closest. It is a warning where the threshold cannot be of the same unit: above 1 for a \
              ratio, at most 1 for a percentage, or a hundred times above values that hardly move.",
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

/// How many times a threshold may be above values that hardly move.
const FAR_ABOVE: f64 = 50.0;
/// How many times it may be below them: a full disk is far from the point at which it is told.
const FAR_BELOW: f64 = 1e6;
/// How many times the greatest value is the least one, at most, of values that hardly move.
const STEADY: f64 = 10.0;

fn check(evidence: &Evidence<'_>, found: &mut Found) {
    for (place, facts) in evidence.alerts() {
        if let (Some(limit), Some((min, max))) = (limit(&place.rule.expr), facts.counts.extremes) {
            number(&place, &limit, (min, max), found);
        } else if facts.counts.true_evaluations == 0 && facts.counts.faults.is_empty() {
            sides(evidence, &place, found);
        }
    }
}

/// What a name says of the unit of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Ratio,
    Percent,
    Other,
}

/// Returns the unit of what is compared, as far as the names of its metrics tell.
fn unit(expr: &Expr) -> Unit {
    let mut found = Unit::Other;
    let mut arithmetic = false;
    expr.walk(&mut |expr| match &expr.kind {
        ExprKind::Binary(binary) => arithmetic |= !binary.op.is_comparison() && !binary.op.is_set(),
        ExprKind::Aggregate(aggregate) => arithmetic |= matches!(aggregate.op.name(), "sum" | "count" | "count_values"),
        ExprKind::Call { function, .. } => {
            let keeps = function.name.ends_with("_over_time")
                && !matches!(function.name, "sum_over_time" | "count_over_time")
                || matches!(function.name, "abs" | "label_replace" | "label_join" | "sort" | "sort_desc" | "clamp_min");
            arithmetic |= !keeps;
        }
        _ => {}
    });
    for selected in expr.selectors().into_iter().filter(|_| !arithmetic) {
        let name = selected.selector.metric().unwrap_or("").to_ascii_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
        if has(&["ratio", "fraction"]) {
            found = Unit::Ratio;
        } else if has(&["percent", "_pct"]) {
            found = Unit::Percent;
        }
    }
    found
}

/// Returns why a threshold is hardly of the unit of the values, if so.
fn is_odd(unit: Unit, op: BinaryOp, threshold: f64, (min, max): (f64, f64), is_age: bool) -> Option<&'static str> {
    let above = matches!(op, BinaryOp::Greater | BinaryOp::GreaterEqual);
    let below = matches!(op, BinaryOp::Less | BinaryOp::LessEqual);
    let is_steady = min > 0.0 && max <= min * STEADY && !is_age;
    if unit == Unit::Ratio && above && min >= 0.0 && max <= 1.0 && threshold > 1.0 {
        return Some("the values are ratios between 0 and 1: is the threshold a percentage?");
    }
    if unit == Unit::Percent && below && min > 1.0 && threshold > 0.0 && threshold <= 1.0 {
        return Some("the values are percentages: is the threshold a ratio?");
    }
    // Within 0 to 1, or to 100, a machine with nothing to do is far from its limit.
    let is_share = max <= 1.0 && threshold <= 1.0 || max <= 100.0 && threshold <= 100.0 && unit == Unit::Percent;
    if above && is_steady && !is_share && threshold >= max * FAR_ABOVE {
        return Some("the values hardly move and are far below: is the threshold of another unit?");
    }
    (below && is_steady && threshold > 0.0 && threshold <= min / FAR_BELOW)
        .then_some("the values hardly move and are far above: is the threshold of another unit?")
}

/// Judges a threshold that no value reaches.
fn number(place: &Place<'_>, limit: &Limit<'_>, (min, max): (f64, f64), found: &mut Found) {
    let threshold = limit.value;
    let closest = match limit.op {
        BinaryOp::Less | BinaryOp::LessEqual => min,
        BinaryOp::Greater | BinaryOp::GreaterEqual => max,
        _ if (threshold - min).abs() < (threshold - max).abs() => min,
        _ => max,
    };
    let mut is_age = false;
    limit.compared.walk(&mut |expr| {
        is_age |=
            matches!(&expr.kind, ExprKind::Call { function, .. } if matches!(function.name, "time" | "timestamp"));
    });
    let odd = is_odd(unit(limit.compared), limit.op, threshold, (min, max), is_age);
    let far = factor(threshold, closest).map_or(String::new(), |far| format!(", {far}"));
    let message = format!(
        "no value reaches the threshold `{} {}`: the closest is {}{far}",
        limit.op.symbol(),
        value(threshold),
        value(closest)
    );
    let usual = found.severity;
    let finding = found.expr(place, limit.number.span, message);
    finding.severity = if odd.is_some() { usual } else { Severity::Info };
    finding.help.push(format!("the values are between {} and {}", value(min), value(max)));
    finding.help.extend(odd.map(str::to_owned));
}

/// Says how far a threshold is from the closest value.
fn factor(threshold: f64, closest: f64) -> Option<String> {
    if threshold <= 0.0 || closest <= 0.0 || threshold == closest {
        return None;
    }
    let (far, word) = if threshold > closest { (threshold / closest, "below") } else { (closest / threshold, "above") };
    match far {
        far if far >= 2.0 => Some(format!("{} times {word} it", value(far))),
        far => Some(format!("{} % {word} it", value(100.0 * (1.0 - 1.0 / far)))),
    }
}

/// Judges two vectors that are compared and never so that the rule is true, by what one is of the other.
fn sides(evidence: &Evidence<'_>, place: &Place<'_>, found: &mut Found) {
    let Some((binary, closest, is_far)) = quotient(evidence, place) else { return };
    let share = match closest {
        closest if closest < 1.0 => format!("{} %", value(closest * 100.0)),
        closest => format!("{} times", value(closest)),
    };
    let message = format!(
        "the left side is never `{}` the right one: where they were compared it is {share} of it at best",
        binary.op.symbol()
    );
    let usual = found.severity;
    let finding = found.expr(place, binary.op_span, message);
    finding.severity = if is_far { usual } else { Severity::Info };
}

/// Returns the two vectors that a rule compares, how near one came to the other at the steps that were looked at, and
/// whether that is far: the greatest quotient of the two where the left one must be greater, else the least one.
pub(in crate::lint) fn quotient<'a>(evidence: &Evidence<'_>, place: &Place<'a>) -> Option<(&'a Binary, f64, bool)> {
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
        BinaryOp::Greater | BinaryOp::GreaterEqual => (max, max * FAR_ABOVE < 1.0, max <= 1.0),
        BinaryOp::Less | BinaryOp::LessEqual => (min, min > FAR_BELOW, min >= 1.0),
        _ => return None,
    };
    (min <= max && is_short).then_some((binary, closest, is_far && is_steady))
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
            let odd = is_odd(unit(found.compared), found.op, found.value, range, false);
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
        check("cpu_idle > 0.9", (0.005, 0.006), false);
    }

    #[test]
    fn distances_are_told_by_factor_or_share() {
        assert_eq!(factor(90.0, 0.9).as_deref(), Some("100 times below it"));
        assert_eq!(factor(100.0, 80.0).as_deref(), Some("20 % below it"));
        assert_eq!(factor(1.0, 4.0).as_deref(), Some("4 times above it"));
        assert_eq!(factor(0.0, 4.0), None);
        assert_eq!(factor(0.5, 0.5), None);
    }
}
