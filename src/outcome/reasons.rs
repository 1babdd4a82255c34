//! Why a rule's expression can have no sample: what it needs and the recording lacks.

use super::Unmatched;
use crate::diagnostic::nearest;
use crate::labels::{METRIC_NAME, MatchOp, Matcher};
use crate::promql::ast::{BinaryOp, Expr, ExprKind, Modifiers, Selector};
use crate::store::Store;

/// The most label values that are named where none is near.
const VALUES_NAMED: usize = 3;

/// A selector that takes no series, and without which the expression has no sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lack {
    /// Neither the recording nor a rule has the metric.
    Metric(String),
    /// The metric is there.
    Series(Unmatched),
}

/// What there is to select from.
pub(super) struct Known<'a> {
    pub(super) store: &'a Store,
    /// The metrics of the recording, sorted.
    pub(super) metrics: Vec<&'a str>,
    /// Names that rules write.
    pub(super) written: Vec<&'a str>,
}

impl Known<'_> {
    /// Returns the first selector without which an expression has no sample, if it takes no series. What stands right
    /// of `unless`, inside `absent`, or beside an `or` that has another side, is not needed.
    ///
    /// Cost: selectors x series; asked only of rules that were never true.
    pub(super) fn lack(&self, expr: &Expr) -> Option<Lack> {
        match &expr.kind {
            ExprKind::Selector(selector) | ExprKind::Range { selector, .. } => self.lack_of(selector),
            ExprKind::Paren(expr) | ExprKind::Unary { expr, .. } => self.lack(expr),
            ExprKind::Subquery(subquery) => self.lack(&subquery.expr),
            ExprKind::Aggregate(aggregate) => self.lack(&aggregate.expr),
            ExprKind::Call { function, args, .. } if !matches!(function.name, "absent" | "absent_over_time") => {
                args.iter().find_map(|arg| self.lack(arg))
            }
            ExprKind::Binary(binary) => {
                let filled = |right: bool| {
                    let fills = binary.matching.as_ref().map(|on| if right { on.fill_right } else { on.fill_left });
                    fills.flatten().is_some()
                };
                let lhs = || self.lack(&binary.lhs).filter(|_| !filled(false));
                let rhs = || self.lack(&binary.rhs).filter(|_| !filled(true));
                match binary.op {
                    BinaryOp::Unless => lhs(),
                    BinaryOp::Or => lhs().filter(|_| rhs().is_some()),
                    _ => lhs().or_else(rhs),
                }
            }
            _ => None,
        }
    }

    fn lack_of(&self, selector: &Selector) -> Option<Lack> {
        let matchers = &selector.matchers;
        let literal = |matcher: &&Matcher| matcher.name == METRIC_NAME && matcher.op == MatchOp::Equal;
        let metric = matchers.iter().find(literal)?.value.as_str();
        if self.written.contains(&metric) || metric == "ALERTS" || metric == "ALERTS_FOR_STATE" {
            return None;
        }
        if self.metrics.binary_search(&metric).is_err() {
            return Some(Lack::Metric(metric.to_owned()));
        }
        let labels = self.store.ids().map(|id| self.store.labels(id)).filter(|labels| labels.metric() == Some(metric));
        let labels: Vec<_> = labels.collect();
        if labels.iter().any(|labels| matchers.iter().all(|matcher| matcher.matches_set(labels))) {
            return None;
        }
        let alone = |matcher: &&Matcher| !labels.iter().any(|labels| matcher.matches_set(labels));
        let culprit = matchers.iter().filter(|matcher| matcher.name != METRIC_NAME).find(alone);
        let mut values: Vec<&str> =
            culprit.iter().flat_map(|one| labels.iter().filter_map(|labels| labels.get(&one.name))).collect();
        values.sort_unstable();
        values.dedup();
        let near = match culprit.filter(|culprit| culprit.op == MatchOp::Equal) {
            Some(culprit) => nearest(&culprit.value, values.iter().copied()),
            None => Vec::new(),
        };
        let is_near = !near.is_empty();
        let values_left = if is_near { 0 } else { values.len().saturating_sub(VALUES_NAMED) };
        let named = if is_near { near } else { values.into_iter().take(VALUES_NAMED).collect() };
        Some(Lack::Series(Unmatched {
            selector: text(selector),
            metric: metric.to_owned(),
            matcher: culprit.map(|culprit| (culprit.name.clone(), culprit.to_string())),
            values: named.into_iter().map(str::to_owned).collect(),
            near: is_near,
            values_left: values_left as u64,
        }))
    }
}

/// Returns a selector as it is written, without its modifiers.
fn text(selector: &Selector) -> String {
    Selector { modifiers: Modifiers::default(), ..selector.clone() }.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::LabelSet;
    use crate::promql::parse::parse;

    fn check(text: &str, expected: Option<&str>) {
        let mut store = Store::default();
        for mount in ["/", "/home", "/var"] {
            store.series(&LabelSet::new([("__name__", "free"), ("mount", mount), ("host", "a")]));
        }
        store.series(&LabelSet::new([("__name__", "size"), ("host", "b")]));
        let known = Known { store: &store, metrics: vec!["free", "size"], written: vec!["free:ratio"] };
        let parsed = parse(text);
        assert!(parsed.problems.is_empty(), "{text}");
        let told = known.lack(&parsed.expr).map(|lack| match lack {
            Lack::Metric(name) => name,
            Lack::Series(unmatched) => unmatched.to_string(),
        });
        assert_eq!(told.as_deref(), expected, "{text}");
    }

    #[test]
    fn the_matcher_that_takes_nothing_is_named() {
        check("free < 1", None);
        check("free:ratio{mount=\"/tape\"} < 1", None);
        check("fre < 1", Some("fre"));
        check("free{mount=\"/hom\"} < 1", Some("no series of free has mount=\"/hom\", near: /home"));
        check("free{mount=~\"/x.*\"} < 1", Some("no series of free has mount=~\"/x.*\"; mount is /, /home, /var"));
        check("size{mount=\"/\"} < 1", Some("no series of size has mount=\"/\": none has that label"));
        check("free{host=\"a\",mount!~\"/.*\"}", Some("no series of free has mount!~\"/.*\"; mount is /, /home, /var"));
    }

    #[test]
    fn only_what_is_needed_is_lacking() {
        check("free > 1 unless on () maintenance", None);
        check("free > 1 and on () maintenance", Some("maintenance"));
        check("free > 1 or fre > 1", None);
        check("fre > 1 or fres > 1", Some("fre"));
        check("absent(fre)", None);
        check("rate(fre[5m]) > 1", Some("fre"));
        check("max_over_time(sum(fre)[5m:1m]) > 1", Some("fre"));
    }
}
