//! What changed in a rule besides its expression, and in what its group gives it.

use std::fmt::Display;

use super::{Cause, CauseKind, causes};
use crate::labels::Quoted;
use crate::rules::template::Template;
use crate::rules::{Evaluate, Group, Rule, RuleKind};
use crate::time::Millis;

/// A rule and the group it stands in.
#[derive(Clone, Copy, Debug)]
pub struct InGroup<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// Its group.
    pub group: &'a Group,
}

impl InGroup<'_> {
    /// Returns `for` and `keep_firing_for`.
    fn spans(&self) -> (Millis, Millis) {
        match &self.rule.kind {
            RuleKind::Record => (Millis::ZERO, Millis::ZERO),
            RuleKind::Alert { hold, keep_firing, .. } => (*hold, *keep_firing),
        }
    }

    fn annotations(&self) -> &[(String, Template)] {
        match &self.rule.kind {
            RuleKind::Record => &[],
            RuleKind::Alert { annotations, .. } => annotations,
        }
    }

    /// Returns when it is evaluated; `interval` is that of groups that give none.
    fn evaluate(&self, interval: Millis) -> Evaluate {
        match self.group.evaluate {
            Evaluate::ByDefault => Evaluate::Every(interval),
            given => given,
        }
    }
}

/// Returns whether two rules are evaluated alike and write the same wherever they read the same: all but the texts for
/// people, the place and what a live system does. `interval` is that of groups that give none.
#[must_use]
pub fn are_alike(before: &InGroup<'_>, after: &InGroup<'_>, interval: Millis) -> bool {
    let records = |one: &InGroup<'_>| matches!(one.rule.kind, RuleKind::Record);
    let terms = |one: &InGroup<'_>| {
        let offset = one.group.query_offset.unwrap_or_default();
        (one.spans(), one.evaluate(interval), offset, one.group.limit, one.rule.enabled)
    };
    before.rule.name.text == after.rule.name.text
        && records(before) == records(after)
        && terms(before) == terms(after)
        && before.rule.labels == after.rule.labels
        && before.rule.expr.to_string() == after.rule.expr.to_string()
}

/// Returns what differs between two rules, their names and places aside: the most likely to matter first. `interval` is
/// that of groups that give none.
#[must_use]
pub fn of_rule(before: &InGroup<'_>, after: &InGroup<'_>, interval: Millis) -> Vec<Cause> {
    let mut all = Vec::new();
    let (was, is) = (before.evaluate(interval), after.evaluate(interval));
    if was != is {
        all.extend(every(was.interval(), is.interval(), |last| word(if last { is } else { was })));
    }
    if before.rule.text.text != after.rule.text.text {
        all.extend(causes(&before.rule.expr, &after.rule.expr));
    }
    let mut constant = |text: Option<String>| {
        all.extend(text.map(|text| Cause { kind: CauseKind::Constant, text }));
    };
    let ((hold, keep), (hold_now, keep_now)) = (before.spans(), after.spans());
    constant(span("for", hold, hold_now));
    constant(span("keep_firing_for", keep, keep_now));
    let offset = |one: &InGroup<'_>| one.group.query_offset.unwrap_or_default();
    constant(span("query_offset", offset(before), offset(after)));
    let limit = |limit: usize| if limit == 0 { "none".to_owned() } else { limit.to_string() };
    let (least, most) = (before.group.limit, after.group.limit);
    constant((least != most).then(|| format!("`limit` {} became {}", limit(least), limit(most))));
    match (before.rule.enabled, after.rule.enabled) {
        (true, false) => constant(Some("disabled".to_owned())),
        (false, true) => constant(Some("enabled".to_owned())),
        _ => {}
    }
    for text in texts(&before.rule.labels, &after.rule.labels, "label", true) {
        constant(Some(text));
    }
    let mut text = |text: String| all.push(Cause { kind: CauseKind::Text, text });
    texts(before.annotations(), after.annotations(), "annotation", false).into_iter().for_each(&mut text);
    if before.rule.actions != after.rule.actions {
        text("`actions` differ".to_owned());
    }
    all.sort_by_key(|cause| cause.kind);
    all
}

/// Says how often a rule is evaluated now, where that differs; `word` writes how the old one and the new one (`true`)
/// are evaluated where one of them has no interval.
pub fn every<W: Display>(was: Option<Millis>, is: Option<Millis>, word: impl Fn(bool) -> W) -> Option<Cause> {
    let text = match (was, is) {
        (Some(was), Some(is)) if was == is => return None,
        (Some(was), Some(is)) => {
            let verb = if is < was { "shrank" } else { "grew" };
            format!("interval {verb} from {was} to {is}")
        }
        _ => format!("evaluated every {} instead of {}", word(true), word(false)),
    };
    Some(Cause { kind: CauseKind::Interval, text })
}

/// Writes when rules are evaluated, after `every`.
fn word(evaluate: Evaluate) -> String {
    match evaluate {
        Evaluate::ByDefault => "default".to_owned(),
        Evaluate::Every(interval) => interval.to_string(),
        Evaluate::EveryRow => "row".to_owned(),
        Evaluate::EverySnapshot => "snapshot".to_owned(),
    }
}

/// Says how a span of time differs.
fn span(key: &str, was: Millis, is: Millis) -> Option<String> {
    let verb = if is < was { "shrank" } else { "grew" };
    (was != is).then(|| format!("`{key}` {verb} from {was} to {is}"))
}

/// Says how named texts differ: with what they say where they are `short`.
fn texts(was: &[(String, Template)], is: &[(String, Template)], what: &str, short: bool) -> Vec<String> {
    let of = |texts: &[(String, Template)], name: &str| {
        texts.iter().find(|(own, _)| own == name).map(|(_, text)| text.text().to_owned())
    };
    let mut names: Vec<&str> = was.iter().chain(is).map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let differs = |name: &&str| {
        let said = |text: &str| if short { format!("={}", Quoted(text)) } else { String::new() };
        match (of(was, name), of(is, name)) {
            (Some(a), Some(b)) if a == b => None,
            (Some(a), Some(b)) if short => Some(format!("{what} {name}={} became {}", Quoted(&a), Quoted(&b))),
            (Some(_), Some(_)) => Some(format!("{what} {name} differs")),
            (Some(a), None) => Some(format!("{what} {name}{} removed", said(&a))),
            (None, Some(b)) => Some(format!("{what} {name}{} added", said(&b))),
            (None, None) => None,
        }
    };
    names.iter().filter_map(differs).collect()
}

#[cfg(test)]
mod tests {
    use super::super::sentence;
    use super::*;
    use crate::rules::testing::load;

    /// Compares the first rules of two groups, written without braces: `keys | rules' keys`.
    fn check(before: &str, after: &str, expected: &str, alike: bool) {
        let read = |text: &str| {
            let (group, rule) = text.split_once('|').expect("a bar");
            let comma = if group.trim().is_empty() { "" } else { ", " };
            let text = format!("groups: [{{name: g{comma}{group}, rules: [{{{rule}}}]}}]");
            let (_, file, found) = load(&text);
            file.unwrap_or_else(|| panic!("{text}\n{found:?}"))
        };
        let (before, after) = (read(before), read(after));
        let [a, b] = [&before, &after].map(|file| InGroup { rule: &file.groups[0].rules[0], group: &file.groups[0] });
        let minute = Millis(60_000);
        assert_eq!((sentence(&of_rule(&a, &b, minute)).as_str(), are_alike(&a, &b, minute)), (expected, alike));
    }

    #[test]
    fn what_a_rule_and_its_group_say_is_compared() {
        check("| alert: A, expr: x", "| alert: A, expr: x", "", true);
        check("| alert: A, expr: x", "interval: 60s | alert: A, expr: (x)", "", false);
        check("| alert: A, expr: x", "interval: 60s | alert: A, expr: x", "", true);
        check("| alert: A, expr: x", "interval: 30s | alert: A, expr: x", "interval shrank from 1m to 30s", false);
        check(
            "| alert: A, expr: x > 1, for: 5m",
            "| alert: A, expr: x > 2",
            "threshold 1 became 2; `for` shrank from 5m to 0s",
            false,
        );
        check(
            "| alert: A, expr: x",
            "| alert: A, expr: x, keep_firing_for: 5m",
            "`keep_firing_for` grew from 0s to 5m",
            false,
        );
        check(
            "limit: 5 | alert: A, expr: x",
            "query_offset: 30s | alert: A, expr: x",
            "`query_offset` grew from 0s to 30s; `limit` 5 became none",
            false,
        );
        check(
            "| alert: A, expr: x, labels: {a: b, c: d}",
            "| alert: A, expr: x, labels: {a: z, e: f}",
            "label a=\"b\" became \"z\"; label c=\"d\" removed; label e=\"f\" added",
            false,
        );
        check(
            "| alert: A, expr: x, annotations: {a: b}",
            "| alert: A, expr: x, annotations: {a: c, d: e}",
            "annotation a differs; annotation d added",
            true,
        );
    }
}
