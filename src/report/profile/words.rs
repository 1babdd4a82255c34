//! Values with their units, as people read them: three digits.

use crate::format;
use crate::profile::compare::Compared;
use crate::profile::gate::{Verdict, percent};
use crate::profile::stats::Estimate;
use crate::profile::targets::{CheckResult, Outcome, Target};

/// The units of time, the longest first, in nanoseconds.
const TIMES: [(&str, f64); 4] = [("s", 1e9), ("ms", 1e6), ("us", 1e3), ("ns", 1.0)];

/// Writes an amount: times in the unit in which they have up to three digits before the point.
pub(crate) fn amount(value: f64, unit: &str) -> String {
    if let Some((_, factor)) = TIMES.iter().find(|(name, _)| *name == unit) {
        let ns = value * factor;
        // 999.6 us would be shown as 1000 us.
        let (name, factor) = TIMES.iter().find(|(_, factor)| ns.abs() >= factor * 0.9995).unwrap_or(&TIMES[3]);
        return format!("{} {name}", format::value(ns / factor));
    }
    match unit {
        "" => format::value(value),
        "bytes" => match format::value(value) {
            text if text.ends_with(|c: char| c.is_ascii_alphabetic()) => {
                let (digits, letter) = text.split_at(text.len() - 1);
                format!("{digits} {letter}B")
            }
            text => format!("{text} B"),
        },
        _ => format!("{} {unit}", format::value(value)),
    }
}

/// Writes what a check wants: `< 100 us`.
pub(crate) fn target(target: &Target) -> String {
    format!("{} {}", target.op.symbol(), amount(target.target, target.unit))
}

/// Writes an estimate, or a dash.
pub(crate) fn measured(estimate: Option<&Estimate>, unit: &str) -> String {
    estimate.map_or("-".to_owned(), |estimate| amount(estimate.value, unit))
}

/// Writes an interval: `550 ns to 570 ns`, `exact`, `n/a` where too few samples were taken.
pub(crate) fn interval(estimate: Option<&Estimate>, unit: &str) -> String {
    let bound = |bound: Option<f64>| bound.map_or("n/a".to_owned(), |bound| amount(bound, unit));
    match estimate {
        None => "-".to_owned(),
        Some(Estimate { low: None, high: None, .. }) => "n/a".to_owned(),
        Some(Estimate { low: Some(low), high: Some(high), .. }) if low.total_cmp(high).is_eq() => "exact".to_owned(),
        Some(estimate) => format!("{} to {}", bound(estimate.low), bound(estimate.high)),
    }
}

/// Writes how far an estimate lies from its target: `-32 %`.
pub(crate) fn delta(check: &CheckResult) -> String {
    let Some(estimate) = check.estimate else { return "-".to_owned() };
    let share = estimate.value / check.target.target - 1.0;
    if !share.is_finite() {
        return "-".to_owned();
    }
    // Far above the target the times say more than the percentage.
    if share >= 9.0 {
        return format!("x{}", format::value(share + 1.0));
    }
    format!("{}{}", if share > 0.0 { "+" } else { "" }, percent(share))
}

/// Writes the word of a check's verdict for people.
pub(crate) fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::NotRun => "not run",
        other => other.word(),
    }
}

/// Writes one side of a comparison; what is exact is written in full, for one byte more is a regression.
pub(crate) fn side(value: Option<f64>, metric: &Compared) -> String {
    match value {
        None => "-".to_owned(),
        Some(value) if metric.kind.is_exact() && value.fract() == 0.0 && (0.0..1e15).contains(&value) => {
            let unit = if metric.unit == "bytes" { "B" } else { &metric.unit };
            format!("{} {unit}", format::count(value as u64))
        }
        Some(value) => amount(value, &metric.unit),
    }
}

/// Returns how much a metric grew: in samples a second and the like, or how many times if it is a time.
pub(crate) fn more(metric: &Compared) -> f64 {
    let (base, now) = (metric.decision.base.unwrap_or(0.0), metric.decision.now.unwrap_or(0.0));
    if metric.kind.is_exact() { now - base } else { metric.decision.ratio.unwrap_or(0.0) }
}

/// Writes a ratio of a comparison: `1.08x`, with as many digits as it takes to differ from 1.
pub(crate) fn ratio(ratio: Option<f64>) -> String {
    let Some(ratio) = ratio else { return "-".to_owned() };
    let away = (ratio - 1.0).abs();
    let digits = [2_usize, 3, 4, 5].into_iter().find(|digits| away == 0.0 || away * 10_f64.powi(*digits as i32) >= 1.0);
    format!("{ratio:.*}x", digits.unwrap_or(6))
}

/// Says in one sentence what became of a metric.
pub(crate) fn change(metric: &Compared) -> String {
    let decision = &metric.decision;
    let verb = match decision.verdict {
        Verdict::Regression | Verdict::Accepted => "became worse",
        Verdict::Improved => "became better",
        Verdict::Inconclusive => "is inconclusive",
        _ => "changed",
    };
    let note = if decision.note.is_empty() { String::new() } else { format!(": {}", decision.note) };
    let (base, now) = (side(decision.base, metric), side(decision.now, metric));
    format!("{} {verb}, {base} to {now} ({}){note}", metric.id, ratio(decision.ratio))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_three_digits_and_a_unit() {
        let check = |value, unit, expected: &str| assert_eq!(amount(value, unit), expected);
        check(0.56, "us", "560 ns");
        check(72.345, "us", "72.3 us");
        check(1_000.0, "us", "1 ms");
        check(999.6, "us", "1 ms");
        check(0.02, "ns", "0.02 ns");
        check(0.0, "ns", "0 ns");
        check(482.0, "bytes", "482 B");
        check(482_000.0, "bytes", "482 kB");
        check(1_678_896.0, "bytes", "1.68 MB");
        check(1_523_000.0, "events/s", "1.52M events/s");
        check(1_440.0, "samples", "1440 samples");
    }

    #[test]
    fn a_ratio_is_never_rounded_to_none() {
        let check = |value, expected: &str| assert_eq!(ratio(Some(value)), expected);
        check(1.0, "1.00x");
        check(1.08, "1.08x");
        check(1.0002, "1.0002x");
        check(6.0, "6.00x");
        check(0.5, "0.50x");
        assert_eq!(ratio(None), "-");
    }

    #[test]
    fn intervals_say_what_is_not_known() {
        let check = |low, high, expected: &str| {
            assert_eq!(interval(Some(&Estimate { value: 1.0, low, high }), "us"), expected);
        };
        check(Some(0.5), Some(2.0), "500 ns to 2 us");
        check(Some(0.5), None, "500 ns to n/a");
        check(None, None, "n/a");
        check(Some(1.0), Some(1.0), "exact");
        assert_eq!(interval(None, "us"), "-");
    }
}
