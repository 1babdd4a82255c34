//! The answer in a sentence, and by how much an alert fired or missed it.

use crate::explain::{Explanation, Node, Why};
use crate::format::{duration, one_line, value};
use crate::outcome::summary::Never;
use crate::promql::ast::BinaryOp;
use crate::time::Timestamp;

use super::words::{Times, apart, why};

/// Answers the question in a sentence.
pub(super) fn answer(explanation: &Explanation, times: &Times<'_>) -> String {
    let Explanation { rule, episodes, episode, summary, near, at, .. } = explanation;
    let at_time = |at: Timestamp| times.at(at);
    let fired = episodes.iter().filter(|episode| episode.activity.fired_at.is_some()).count() as u64;
    if let Some(one) = episode.map(|place| &episodes[place]) {
        let number = match fired {
            0 | 1 => String::new(),
            fired => format!(", one of {fired} firings of this label set"),
        };
        if let Some(fired_at) = one.activity.fired_at {
            let long = match one.ended_at {
                Some(ended) => format!("until {} ({})", at_time(ended), duration(ended.since(fired_at))),
                None => "and still fires at the end of the data".to_owned(),
            };
            let silenced = if explanation.outcome.is_suppressed(one) { "; a silence covers all of it" } else { "" };
            return format!("It fired at {} {long}{number}{silenced}.", at_time(fired_at));
        }
        let true_for = one.activity.last_true_at.since(one.activity.active_at);
        let needs = format!("`for: {}` needs {}", rule.hold, duration(rule.hold));
        return match one.ended_at {
            None => {
                format!("It never fired: it is pending at the end of the data, for {}; {needs}.", duration(true_for))
            }
            Some(_) => format!(
                "It never fired: it was true for {} at most, from {}; {needs}.",
                duration(true_for),
                at_time(one.activity.active_at)
            ),
        };
    }
    let decided = decided(&explanation.tree);
    let reason = match decided {
        Some((_, Why::Failed { message })) => format!(": {message}"),
        Some((node, Why::False { op, left, right, .. })) => {
            let (a, b) = apart(*left, *right);
            format!(": `{}` is false: {a} {} {b}", one_line(&node.text), op.symbol())
        }
        Some((_, reason)) => format!(": {}", why(reason, times)),
        None => String::new(),
    };
    let other = explanation.alert.is_none() && rule.counts.true_evaluations > 0;
    let was_active = !episodes.is_empty() || other;
    if explanation.asked_at || was_active {
        return format!("It was not active at {}{reason}.", at_time(*at));
    }
    let closest = near.as_ref().and_then(|near| near.nearest).or_else(|| match decided.map(|(_, why)| why) {
        Some(Why::False { left, right, .. })
            if rule.threshold.is_some_and(|(_, limit)| limit == *right) && !left.is_nan() =>
        {
            Some((*at, *left))
        }
        _ => None,
    });
    match (summary.never, closest, rule.threshold) {
        (Some(Never::OnlyErrors), ..) => format!("It never fired, all evaluations failed{reason}."),
        (_, Some((closest_at, closest)), Some((op, limit))) => {
            let (a, b) = apart(closest, limit);
            let needs = format!("{} {b}", op.symbol());
            format!("It was never true: the closest was {a} at {}, it needs {needs}.", at_time(closest_at))
        }
        _ => format!("It was never true{reason}."),
    }
}

/// Returns the part that decided and what it lacks, sources included.
fn decided(node: &Node) -> Option<(&Node, &Why)> {
    let source = || node.source.as_ref().and_then(|source| decided(&source.tree));
    let own = node.why.as_ref().filter(|_| node.decides).map(|why| (node, why));
    match own {
        // A selector of what a rule should have written: the rule knows why.
        Some((_, Why::NoSample { .. } | Why::NoSeries { .. } | Why::NoMatch { .. })) => source().or(own),
        Some(_) => own,
        None => node.below.iter().find_map(decided),
    }
}

/// Says by how much an alert fired, or what would have made it fire: a sentence each.
pub(super) fn margins(explanation: &Explanation) -> Vec<String> {
    let Explanation { margin, near, rule, .. } = explanation;
    let op = rule.threshold.map(|(op, _)| op);
    let strict = matches!(op, Some(BinaryOp::Greater | BinaryOp::Less));
    let upward = matches!(op, Some(BinaryOp::Greater | BinaryOp::GreaterEqual));
    let mut sentences = Vec::new();
    if let Some(margin) = margin {
        let hold = margin.hold_over.map(|hold| format!("`for` over {hold}"));
        let threshold = margin.threshold.map(|limit| {
            let limit = value(rounded(limit, upward));
            match (strict, upward) {
                (true, true) => format!("a threshold of {limit} or more"),
                (true, false) => format!("a threshold of {limit} or less"),
                (false, true) => format!("a threshold over {limit}"),
                (false, false) => format!("a threshold under {limit}"),
            }
        });
        let ways: Vec<String> = hold.into_iter().chain(threshold).collect();
        sentences.extend((!ways.is_empty()).then(|| format!("It would not have fired with {}.", ways.join(", or "))));
    }
    if let Some(near) = near {
        let hold = near.hold.filter(|hold| *hold < rule.hold).map(|hold| match hold.0 {
            0 => "no `for`".to_owned(),
            _ => format!("`for` of {hold} or less"),
        });
        let threshold = near.threshold.map(|limit| {
            let limit = value(rounded(limit, !upward));
            match (strict, upward) {
                (true, true) => format!("a threshold under {limit}"),
                (true, false) => format!("a threshold over {limit}"),
                (false, true) => format!("a threshold of {limit} or less"),
                (false, false) => format!("a threshold of {limit} or more"),
            }
        });
        let ways: Vec<String> = hold.into_iter().chain(threshold).collect();
        sentences.extend((!ways.is_empty()).then(|| format!("It would have fired with {}.", ways.join(", or "))));
    }
    sentences
}

/// Rounds a number to three digits, up or down, so that what is said of it stays true.
fn rounded(number: f64, up: bool) -> f64 {
    let near: f64 = format!("{number:.2e}").parse().unwrap_or(number);
    if near == number || !number.is_finite() || number == 0.0 {
        return number;
    }
    let last = 10_f64.powi(number.abs().log10().floor() as i32 - 2);
    let moved = match (near < number, up) {
        (true, true) => near + last,
        (false, false) => near - last,
        _ => near,
    };
    format!("{moved:.2e}").parse().unwrap_or(moved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_to_the_safe_side() {
        let check = |number: f64, up: f64, down: f64| {
            assert_eq!((rounded(number, true), rounded(number, false)), (up, down), "{number}");
        };
        check(0.96712, 0.968, 0.967);
        check(0.96666, 0.967, 0.966);
        check(-1234.0, -1230.0, -1240.0);
        check(5.0, 5.0, 5.0);
        check(909_999.0, 910_000.0, 909_000.0);
    }
}
