//! Selectors that take no series of the recording, and what of them is to blame.

use std::collections::BTreeSet;

use super::super::evidence::Evidence;
use super::super::subject::Place;
use crate::diagnostic::{Severity, nearest};
use crate::labels::{METRIC_NAME, MatchOp, Matcher};
use crate::promql::ast::{BinaryOp, Expr, ExprKind, Selector};
use crate::promql::functions::Kernel;
use crate::source::Span;

/// The most values that are named where none is near.
const NAMED: usize = 3;

/// Why a selector may take nothing and its rule is right nevertheless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::lint) enum Guard {
    /// It may not.
    None,
    /// It stands in `absent()`.
    Absent,
    /// It stands right of `unless`.
    Unless,
    /// Another side of `or`, or `fill`, takes its place.
    Fallback,
}

/// A selector that takes no series.
pub(in crate::lint) struct Miss<'a> {
    pub(in crate::lint) selector: &'a Selector,
    /// Where it stands in the expression.
    pub(in crate::lint) span: Span,
    pub(in crate::lint) guard: Guard,
    pub(in crate::lint) what: What<'a>,
}

/// What of a selector is to blame.
pub(in crate::lint) enum What<'a> {
    /// There is no such metric.
    Metric {
        /// Names that are there.
        near: Vec<&'a str>,
        /// Whether it is the name of a label.
        is_label: bool,
    },
    /// No series of the metric has the label.
    Label {
        matcher: &'a Matcher,
        /// Labels that its series have: near ones, or all.
        near: Vec<&'a str>,
        all: Vec<&'a str>,
    },
    /// The label has no such value.
    Value { matcher: &'a Matcher, near: Vec<&'a str>, all: Vec<&'a str> },
    /// Each matcher has series, and all together have none.
    Together,
}

impl Miss<'_> {
    /// Returns how bad it is: where a selector is meant to take nothing, only what looks like a typo is bad.
    pub(in crate::lint) fn severity(&self, usual: Severity) -> Severity {
        let slip = match &self.what {
            What::Metric { near, .. } => is_slip(self.selector.metric().unwrap_or(""), near),
            What::Label { matcher, near, .. } => is_slip(&matcher.name, near),
            What::Value { matcher, near, .. } => is_slip(&matcher.value, near),
            What::Together => false,
        };
        match self.guard {
            Guard::None => usual,
            Guard::Absent | Guard::Unless if slip => usual,
            Guard::Absent | Guard::Unless | Guard::Fallback => Severity::Info,
        }
    }
}

/// Returns whether a name is so near another one that it was hardly meant: long enough, and other than by a number, in
/// which names of a series often differ.
pub(in crate::lint) fn is_slip(name: &str, near: &[&str]) -> bool {
    let plain = |text: &str| text.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
    let lengths = |other: &str| name.len().abs_diff(other.len()) <= 2;
    near.first().is_some_and(|first| name.len() >= 3 && lengths(first) && plain(first) != plain(name))
}

/// Returns the selectors of a rule that take no series of the recording, in the order of the expression. Those of metrics
/// that rules write are left out. Cost: selectors times the series of their metrics.
pub(in crate::lint) fn misses<'a>(evidence: &'a Evidence<'_>, place: &'a Place<'_>) -> Vec<Miss<'a>> {
    let mut found = Vec::new();
    look(evidence, &place.rule.expr, Guard::None, &mut found);
    found
}

fn look<'a>(evidence: &'a Evidence<'_>, expr: &'a Expr, guard: Guard, found: &mut Vec<Miss<'a>>) {
    match &expr.kind {
        ExprKind::Selector(selector) => found.extend(miss(evidence, selector, expr.span, guard)),
        ExprKind::Range { selector, selector_span, .. } => {
            found.extend(miss(evidence, selector, *selector_span, guard));
        }
        ExprKind::Paren(inner) | ExprKind::Unary { expr: inner, .. } => look(evidence, inner, guard, found),
        ExprKind::Subquery(subquery) => look(evidence, &subquery.expr, guard, found),
        ExprKind::Aggregate(aggregate) => {
            aggregate.param.iter().for_each(|param| look(evidence, param, guard, found));
            look(evidence, &aggregate.expr, guard, found);
        }
        ExprKind::Call { function, args, .. } => {
            let inner = match function.kernel {
                Kernel::Absent | Kernel::AbsentOverTime => Guard::Absent,
                _ => guard,
            };
            args.iter().for_each(|arg| look(evidence, arg, inner, found));
        }
        ExprKind::Binary(binary) => {
            let on = binary.matching.as_ref();
            let mut guards = [guard, guard];
            match binary.op {
                BinaryOp::Or => {
                    let has = [&binary.rhs, &binary.lhs].map(|other| gives(evidence, other));
                    for (own, has) in guards.iter_mut().zip(has) {
                        *own = if has { Guard::Fallback } else { *own };
                    }
                }
                BinaryOp::Unless => guards[1] = Guard::Unless,
                _ => {
                    let fills = [on.and_then(|on| on.fill_left), on.and_then(|on| on.fill_right)];
                    for (own, fill) in guards.iter_mut().zip(fills) {
                        *own = if fill.is_some() { Guard::Fallback } else { *own };
                    }
                }
            }
            look(evidence, &binary.lhs, guards[0], found);
            look(evidence, &binary.rhs, guards[1], found);
        }
        ExprKind::Number { .. } | ExprKind::String(_) | ExprKind::Invalid => {}
    }
}

/// Returns whether an expression may have a sample: it reads nothing, something that rules write, or some series.
fn gives(evidence: &Evidence<'_>, expr: &Expr) -> bool {
    let selectors = expr.selectors();
    let some = |selector: &Selector| {
        selector.metric().is_some_and(|metric| evidence.is_written(metric)) || !evidence.series(selector).is_empty()
    };
    selectors.is_empty() || selectors.iter().any(|found| some(found.selector))
}

fn miss<'a>(evidence: &'a Evidence<'_>, selector: &'a Selector, span: Span, guard: Guard) -> Option<Miss<'a>> {
    let metric = selector.metric();
    if metric.is_some_and(|metric| evidence.is_written(metric)) || !evidence.series(selector).is_empty() {
        return None;
    }
    let store = &evidence.recorded.store;
    let what = match metric {
        Some(metric) if evidence.series_of(metric).is_empty() => {
            let is_label = store.ids().any(|id| store.labels(id).get(metric).is_some());
            What::Metric { near: evidence.near(metric), is_label }
        }
        // A pattern of names may as well stand for what rules write.
        None if !evidence.subject.recorded.is_empty() => return None,
        None => What::Together,
        Some(metric) => blamed(evidence, selector, metric),
    };
    Some(Miss { selector, span, guard, what })
}

impl Guard {
    /// Returns whether a selector may be meant to take nothing.
    pub(in crate::lint) fn is_meant(self) -> bool {
        matches!(self, Self::Absent | Self::Unless)
    }
}

/// Says which matcher takes none of the series of a metric.
fn blamed<'a>(evidence: &'a Evidence<'_>, selector: &'a Selector, metric: &str) -> What<'a> {
    let store = &evidence.recorded.store;
    let series = || evidence.series_of(metric).iter().map(|id| store.labels(*id));
    for matcher in selector.matchers.iter().filter(|matcher| matcher.name != METRIC_NAME) {
        if series().any(|labels| matcher.matches_set(labels)) {
            continue;
        }
        let values: BTreeSet<&str> = series().filter_map(|labels| labels.get(&matcher.name)).collect();
        if values.is_empty() {
            let names: BTreeSet<&str> = series()
                .flat_map(|labels| labels.iter().map(|(name, _)| name))
                .filter(|name| *name != METRIC_NAME)
                .collect();
            let near = nearest(&matcher.name, names.iter().copied());
            return What::Label { matcher, near, all: names.into_iter().collect() };
        }
        let near = match matcher.op {
            MatchOp::Equal => nearest(&matcher.value, values.iter().copied()),
            MatchOp::Regex => near_pattern(&matcher.value, &values),
            MatchOp::NotEqual | MatchOp::NotRegex => Vec::new(),
        };
        return What::Value { matcher, near, all: values.into_iter().collect() };
    }
    What::Together
}

/// Returns the values that are near one of the texts of which a regular expression is a list.
fn near_pattern<'a>(pattern: &str, values: &BTreeSet<&'a str>) -> Vec<&'a str> {
    let texts = pattern.trim_start_matches(['^', '(']).trim_end_matches(['$', ')']);
    let plain = |text: &&str| !text.is_empty() && !text.contains(['.', '*', '+', '[', '(', '?', '\\', '{']);
    // `web-.*` is near what begins like it.
    let stem = |text: &'_ str| text.trim_end_matches(['.', '*', '+']).to_owned();
    let mut near: Vec<&str> = Vec::new();
    for text in texts.split('|').map(stem) {
        for value in
            Some(text.as_str()).filter(plain).map(|text| nearest(text, values.iter().copied())).into_iter().flatten()
        {
            if !near.contains(&value) {
                near.push(value);
            }
        }
    }
    near.truncate(NAMED);
    near
}

/// Returns where a word stands in a selector, or the selector.
pub(in crate::lint) fn word_at(place: &Place<'_>, span: Span, word: &str) -> Span {
    let text = place.rule.text.text.get(span.range()).unwrap_or("");
    let is_name = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':');
    let whole =
        |at: &usize| !is_name(text[..*at].chars().next_back()) && !is_name(text[at + word.len()..].chars().next());
    match text.match_indices(word).map(|(at, _)| at).find(whole) {
        Some(at) if !word.is_empty() => {
            let start = span.start as usize + at;
            Span::new(start, start + word.len())
        }
        _ => span,
    }
}

/// Lists names, at most three.
pub(in crate::lint) fn listed(names: &[&str]) -> String {
    let shown: Vec<String> = names.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
    match names.len().saturating_sub(NAMED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbered_names_are_no_slip() {
        for (name, near, expected) in [
            ("up_total", vec!["ups_total"], true),
            ("web-1", vec!["web-2"], false),
            ("cpu", vec!["cpu_usage_ratio"], false),
            ("a", vec!["b"], false),
            ("batch", vec![], false),
        ] {
            assert_eq!(is_slip(name, &near), expected, "{name}");
        }
    }

    #[test]
    fn lists_of_texts_are_near_what_is_near_one_of_them() {
        let values = BTreeSet::from(["web", "db", "cache-1"]);
        assert_eq!(near_pattern("webb|dbx", &values), ["web", "db"]);
        assert_eq!(near_pattern("cahce-.*", &values), ["cache-1"]);
        assert!(near_pattern("[a-f]+x", &values).is_empty());
    }
}
