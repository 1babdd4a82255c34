//! The answer in a sentence, and by how much an alert fired or missed it.

use crate::engine::{Began, Cause, Phase};
use crate::explain::{Explanation, Happening, Node, What, Why};
use crate::format::{count, counted, duration, one_line, to_digits};
use crate::outcome::summary::Never;
use crate::promql::ast::BinaryOp;
use crate::report::number::shortest;
use crate::time::Timestamp;

use super::words::{Times, apart, falsehood, why};

/// Answers the question in a sentence.
pub(super) fn answer(explanation: &Explanation, times: &Times<'_>) -> String {
    let Explanation { rule, episodes, episode, summary, near, at, .. } = explanation;
    let at_time = |at: Timestamp| times.at(at);
    let fired = episodes.iter().filter(|episode| episode.activity.fired_at.is_some()).count() as u64;
    if let Some(one) = episode.map(|place| &episodes[place]) {
        let is_renamed = |event: &Happening| event.episode == *episode && matches!(event.what, What::Renamed { .. });
        let renamed = explanation.history.iter().any(is_renamed);
        let number = match fired {
            0 | 1 => String::new(),
            fired => format!(", one of {fired} firings of this label set"),
        };
        if let Some(fired_at) = one.activity.fired_at {
            let long = match one.ended_at {
                Some(ended) => {
                    let (from, to) = (at_time(fired_at), at_time(ended));
                    format!("from {from} to {to} ({})", duration(ended.since(fired_at)))
                }
                None => format!("at {} and still fires at {}", at_time(fired_at), end(explanation)),
            };
            let silenced = if explanation.outcome.is_suppressed(one) { "; a silence covers all of it" } else { "" };
            let began = match one.began {
                Began::Observed => String::new(),
                Began::BeforeData if explanation.full_from.is_some() => {
                    "; it was true from the first evaluation with full ranges on".to_owned()
                }
                Began::BeforeData => "; it was true from the first evaluation on".to_owned(),
                // Ranges of what it reads may be meant, which is no news of this rule.
                Began::WarmUp => match explanation.full_from.filter(|full| *full > one.activity.active_at) {
                    Some(_) => "; it began before its ranges were full".to_owned(),
                    None => String::new(),
                },
            };
            let renamed = if renamed { "; then its labels changed with the value" } else { "" };
            return format!("{}It fired {long}{number}{silenced}{began}{renamed}.", then(explanation, times));
        }
        let true_for = one.activity.last_true_at.since(one.activity.active_at);
        if one.cause == Cause::LimitExceeded {
            let when = one.ended_at.map_or(String::new(), |ended| format!(" at {}", at_time(ended)));
            return format!("It never fired: the rule had more alerts than its group's `limit`{when}.");
        }
        let length = match true_for.0 {
            0 => "at one evaluation".to_owned(),
            _ => format!("for {}", duration(true_for)),
        };
        let needs = format!("`for: {}` needs {}", rule.hold, duration(rule.hold));
        return match one.ended_at {
            None => format!(
                "{}It never fired: it is pending at {}, true {length}; {needs}.",
                then(explanation, times),
                end(explanation)
            ),
            Some(_) if renamed => {
                let from = at_time(one.activity.active_at);
                format!(
                    "{}It was true with these labels {length} only, from {from}: they change with the value, and `for` \
                     starts over with each change; {needs}.",
                    then(explanation, times)
                )
            }
            Some(_) if fired > 0 => {
                let from = at_time(one.activity.active_at);
                format!("{}It was true {length} from {from}, and did not fire; {needs}.", then(explanation, times))
            }
            Some(_) => {
                let from = at_time(one.activity.active_at);
                format!(
                    "{}It never fired: it was true {length} at most, from {from}; {needs}.",
                    then(explanation, times)
                )
            }
        };
    }
    let decided = decided(&explanation.tree);
    let reason = match decided {
        Some((_, Why::Failed { message })) => format!(": {message}"),
        Some((node, reason @ Why::False { .. })) => format!(": {}", falsehood(&node.text, reason)),
        Some((_, reason)) => format!(": {}", why(reason, times)),
        None => String::new(),
    };
    let other = explanation.alert.is_none() && rule.counts.true_evaluations > 0;
    if other && explanation.outcome.options.selection.filter.is_some() {
        return format!("No alert with these labels was active{reason}.");
    }
    let was_active = !episodes.is_empty() || other;
    if explanation.asked_at || was_active {
        return format!("It was not active at {}{reason}.", at_time(*at));
    }
    let failed = explanation.faults.len() as u64;
    if failed > 0 {
        let first = &explanation.faults[0];
        // Such as a limit that is exceeded by now more, now fewer alerts.
        let bare = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "");
        let others = explanation.faults.iter().filter(|other| bare(other) != bare(first)).count() as u64;
        let others = if others > 0 { format!("; {} failed for other reasons", count(others)) } else { String::new() };
        let evaluations = counted(failed, "evaluation");
        let all = if Some(Never::OnlyErrors) == summary.never { "all " } else { "" };
        return format!("It never fired: {all}{evaluations} failed: {first}{others}.");
    }
    let closest = match (decided.map(|(_, why)| why), rule.threshold) {
        (Some(Why::False { left, right, .. }), Some((_, limit))) if *right == limit && !left.is_nan() => {
            Some((*at, *left))
        }
        (Some(Why::False { left, right, .. }), Some((_, limit))) if *left == limit && !right.is_nan() => {
            Some((*at, *right))
        }
        (None, _) => near.as_ref().and_then(|near| near.nearest),
        _ => None,
    };
    match (closest, rule.threshold) {
        (Some((closest_at, closest)), Some((op, limit))) => {
            let (a, b) = apart(closest, limit);
            let needs = format!("{} {b}", op.symbol());
            format!("It was never true: the closest was {a} at {}, it needs {needs}.", at_time(closest_at))
        }
        _ => format!("It was never true{reason}."),
    }
}

/// Names the last evaluation.
fn end(explanation: &Explanation) -> &'static str {
    if explanation.outcome.options.end.is_some() { "--end" } else { "the end of the data" }
}

/// Says what the alert was at the time that was asked for, within its episode.
fn then(explanation: &Explanation, times: &Times<'_>) -> String {
    let Explanation { asked_at, phase, at, tree, rule, .. } = explanation;
    if !asked_at {
        return String::new();
    }
    let state = match phase {
        Phase::Inactive => return String::new(),
        Phase::Pending => "pending",
        Phase::Firing => "firing",
    };
    let more = match decided(tree).map(|(_, why)| why) {
        Some(Why::Failed { .. }) => "; that evaluation failed and changed nothing".to_owned(),
        Some(_) if *phase == Phase::Firing => format!(", kept so by `keep_firing_for: {}`", rule.keep),
        _ => String::new(),
    };
    format!("It was {state} at {}{more}. ", times.at(*at))
}

/// Returns the part that decided and what it lacks.
fn decided(node: &Node) -> Option<(&Node, &Why)> {
    match node.why.as_ref().filter(|_| node.decides) {
        Some(why) => Some((node, why)),
        None => node.below.iter().find_map(decided),
    }
}

/// Says by how much an alert fired, or what would have made it fire: a sentence each.
pub(super) fn margins(explanation: &Explanation) -> Vec<String> {
    let Explanation { margin, near, rule, .. } = explanation;
    let op = rule.threshold.map(|(op, _)| op);
    let own = rule.threshold.map_or(0.0, |(_, own)| own);
    let strict = matches!(op, Some(BinaryOp::Greater | BinaryOp::Less));
    let upward = matches!(op, Some(BinaryOp::Greater | BinaryOp::GreaterEqual));
    // Where there is more to the condition, it is said which number is meant.
    let of = match &explanation.compared {
        Some(compared) if explanation.guarded => format!(" for `{}`", one_line(compared)),
        _ => String::new(),
    };
    let mut sentences = Vec::new();
    if let Some(margin) = margin {
        let hold = margin.hold_over.map(|hold| format!("`for` over {hold}"));
        let threshold = margin.threshold.map(|limit| {
            let limit = shortest(rounded(limit, own, upward));
            match (strict, upward) {
                (true, true) => format!("a threshold of {limit} or more{of}"),
                (true, false) => format!("a threshold of {limit} or less{of}"),
                (false, true) => format!("a threshold over {limit}{of}"),
                (false, false) => format!("a threshold under {limit}{of}"),
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
            let limit = shortest(rounded(limit, own, !upward));
            match (strict, upward) {
                (true, true) => format!("a threshold under {limit}{of}"),
                (true, false) => format!("a threshold over {limit}{of}"),
                (false, true) => format!("a threshold of {limit} or less{of}"),
                (false, false) => format!("a threshold of {limit} or more{of}"),
            }
        });
        let ways: Vec<String> = hold.into_iter().chain(threshold).collect();
        sentences.extend((!ways.is_empty()).then(|| format!("It would have fired with {}.", ways.join(", or "))));
    }
    sentences
}

/// Rounds a number up or down, so that what is said of it stays true: to three digits, or to as many more as tell it
/// from the threshold there is.
fn rounded(number: f64, own: f64, up: bool) -> f64 {
    let far = (number - own).abs();
    let mut found = (2..16).map(|digits| in_digits(number, digits, up));
    found.find(|near| far == 0.0 || (near - number).abs() <= far / 2.0).unwrap_or(number)
}

/// Rounds a number to so many digits behind the first one, up or down.
fn in_digits(number: f64, digits: usize, up: bool) -> f64 {
    let round = |number: f64| to_digits(number, digits + 1);
    let near = round(number);
    if near == number || !number.is_finite() || number == 0.0 {
        return number;
    }
    let last = 10_f64.powi(number.abs().log10().floor() as i32 - digits as i32);
    round(match (near < number, up) {
        (true, true) => near + last,
        (false, false) => near - last,
        _ => near,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_to_the_safe_side() {
        let check = |number: f64, up: f64, down: f64| {
            assert_eq!((rounded(number, 0.0, true), rounded(number, 0.0, false)), (up, down), "{number}");
        };
        check(0.96712, 0.968, 0.967);
        check(0.96666, 0.967, 0.966);
        check(-1234.0, -1230.0, -1240.0);
        check(5.0, 5.0, 5.0);
        check(909_999.0, 910_000.0, 909_000.0);
        // As far as it is told from the threshold.
        assert_eq!(rounded(1_000_012.0, 1_000_000.0, true), 1_000_012.0);
        assert_eq!(rounded(0.90042, 0.9, false), 0.9004);
    }
}
