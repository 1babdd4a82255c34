//! Names in matchers that are hardly meant, where the selector takes series nevertheless.

use std::collections::BTreeSet;

use super::super::evidence::Evidence;
use super::super::subject::Place;
use super::misses::is_slip;
use crate::diagnostic::nearest;
use crate::labels::{METRIC_NAME, MatchOp, Matcher};
use crate::source::Span;

/// A matcher with a name that is not there, near one that is.
pub(super) struct Slip<'a> {
    pub(super) metric: &'a str,
    pub(super) matcher: &'a Matcher,
    /// Where the selector stands in the expression.
    pub(super) span: Span,
    pub(super) what: Mistaken<'a>,
}

/// Which name it is.
pub(super) enum Mistaken<'a> {
    /// That of the label.
    Label { near: &'a str },
    /// One of the values.
    Value { word: &'a str, near: &'a str },
}

/// Returns the matchers of a rule that take series, or leave none out, because a name in them is not there. Those of
/// metrics that rules write are left out, and selectors that take nothing. Cost: matchers times the series of their
/// metrics.
pub(super) fn slips<'a>(evidence: &'a Evidence<'_>, place: &'a Place<'_>) -> Vec<Slip<'a>> {
    let mut found = Vec::new();
    for used in place.rule.expr.selectors() {
        let Some(metric) = used.selector.metric().filter(|metric| !evidence.is_written(metric)) else { continue };
        if evidence.series(used.selector).is_empty() {
            continue;
        }
        for matcher in used.selector.matchers.iter().filter(|matcher| matcher.name != METRIC_NAME) {
            let what = mistaken(evidence, metric, matcher);
            found.extend(what.into_iter().map(|what| Slip { metric, matcher, span: used.span, what }));
        }
    }
    found
}

fn mistaken<'a>(evidence: &'a Evidence<'_>, metric: &str, matcher: &'a Matcher) -> Vec<Mistaken<'a>> {
    let store = &evidence.recorded.store;
    let series = || evidence.series_of(metric).iter().map(|id| store.labels(*id));
    let values: BTreeSet<&str> = series().filter_map(|labels| labels.get(&matcher.name)).collect();
    if values.is_empty() {
        let names: BTreeSet<&str> = series().flat_map(|labels| labels.iter().map(|(name, _)| name)).collect();
        let near = nearest(&matcher.name, names.into_iter().filter(|name| *name != METRIC_NAME));
        return match near.first() {
            Some(first) if is_slip(&matcher.name, &near) => vec![Mistaken::Label { near: first }],
            _ => Vec::new(),
        };
    }
    let words = words(matcher);
    let absent = words.iter().filter(|word| !values.contains(*word));
    let found = absent.filter_map(|word| {
        let near = nearest(word, values.iter().copied().filter(|value| !words.contains(value)));
        is_slip(word, &near).then(|| near.first().map(|near| Mistaken::Value { word, near })).flatten()
    });
    found.collect()
}

/// Returns the texts that a matcher names, as far as they are plain.
fn words(matcher: &Matcher) -> Vec<&str> {
    match matcher.op {
        MatchOp::Equal | MatchOp::NotEqual => vec![&matcher.value],
        MatchOp::Regex | MatchOp::NotRegex => {
            let texts = matcher.value.trim_start_matches(['^', '(']).trim_end_matches(['$', ')']);
            let is_plain = |text: &&str| {
                !text.is_empty() && !text.contains(['.', '*', '+', '[', ']', '(', ')', '?', '\\', '{', '^', '$'])
            };
            texts.split('|').filter(is_plain).collect()
        }
    }
}
