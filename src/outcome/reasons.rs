//! Why a rule's expression can have no sample: what it needs and the recording lacks.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use super::{MissingMetric, Needs, NoSource, Unmatched};
use crate::diagnostic::{Names, nearest};
use crate::labels::{LabelSet, METRIC_NAME, MatchOp, Matcher};
use crate::promql::ast::{BinaryOp, Expr, ExprKind, Modifiers, Selector};
use crate::rules::loops::loops;
use crate::store::{SeriesId, Store};

/// The most label values that are named where none is near.
const VALUES_NAMED: usize = 3;
/// How far a chain of recording rules is followed down in one go. Unit: rules. Longer chains are followed because what
/// is further down is looked at first; this keeps the stack small.
const DEPTH: usize = 64;

/// A selector that takes no series, and without which the expression has no sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lack {
    /// Neither the recording nor a rule has the metric.
    Metric(String),
    /// The metric is there.
    Series(Unmatched),
    /// Rules write the metric, and had nothing to write.
    Source(NoSource),
}

/// A rule that writes series.
pub(crate) struct Writer<'a> {
    pub(super) name: &'a str,
    pub(super) expr: &'a Expr,
    pub(super) file: &'a str,
    pub(super) line: u32,
    /// Whether it ever had a sample to write.
    pub(super) wrote: bool,
}

/// The series of one metric.
struct Members<'a> {
    ids: Vec<SeriesId>,
    /// The values of each label, the empty text where some series lacks it; made when first asked for.
    values: OnceCell<BTreeMap<&'a str, BTreeSet<&'a str>>>,
}

/// What there is to select from.
pub(crate) struct Known<'a> {
    store: &'a Store,
    metrics: BTreeMap<&'a str, Members<'a>>,
    /// Their names, to look for near ones.
    names: RefCell<Names<'a>>,
    /// The rules that write, by the name that they write.
    writers: BTreeMap<&'a str, Vec<Writer<'a>>>,
    /// What names that rules write lack, as far as it was worked out.
    sources: RefCell<BTreeMap<&'a str, Option<NoSource>>>,
    depth: Cell<usize>,
    /// The names of all labels; made when first asked for.
    labels: OnceCell<BTreeSet<&'a str>>,
    /// Names that need a value of their own to have one; made when first asked for.
    loops: OnceCell<BTreeSet<&'a str>>,
}

impl<'a> Known<'a> {
    /// Looks at the series of a recording and at the rules that write. Cost: a walk over all series, and one over the
    /// expressions of writers that never wrote.
    pub(crate) fn new(store: &'a Store, writers: Vec<Writer<'a>>) -> Self {
        let mut metrics: BTreeMap<&str, Members<'_>> = BTreeMap::new();
        for id in store.ids() {
            let Some(metric) = store.labels(id).metric() else { continue };
            let members = metrics.entry(metric);
            members.or_insert_with(|| Members { ids: Vec::new(), values: OnceCell::new() }).ids.push(id);
        }
        let silent: Vec<&str> = writers.iter().filter(|writer| !writer.wrote).map(|writer| writer.name).collect();
        let mut by_name: BTreeMap<&str, Vec<Writer<'_>>> = BTreeMap::new();
        writers.into_iter().for_each(|writer| by_name.entry(writer.name).or_default().push(writer));
        let names = RefCell::new(Names::new(metrics.keys().copied()));
        let known = Self {
            store,
            metrics,
            names,
            writers: by_name,
            sources: RefCell::new(BTreeMap::new()),
            depth: Cell::new(0),
            labels: OnceCell::new(),
            loops: OnceCell::new(),
        };
        // Rules mostly read what stands above them; where they do not, the way back finds what is below.
        silent.iter().for_each(|name| drop(known.no_source(name)));
        known.sources.borrow_mut().retain(|_, found| found.is_some());
        silent.iter().rev().for_each(|name| drop(known.no_source(name)));
        known
    }

    /// Returns the recording.
    pub(super) fn store(&self) -> &'a Store {
        self.store
    }

    /// Returns whether a selector takes a series.
    pub(super) fn takes(&self, selector: &Selector, id: SeriesId) -> bool {
        let labels = self.store.labels(id);
        selector.matchers.iter().all(|matcher| matcher.matches_set(labels))
    }

    /// Returns the series of a metric.
    pub(super) fn series(&self, metric: &str) -> &[SeriesId] {
        self.metrics.get(metric).map_or(&[], |members| &members.ids)
    }

    /// Returns the values of a label among the series of a metric, the empty text where some series lacks it.
    pub(super) fn values(&self, metric: &str, label: &str) -> Option<&BTreeSet<&'a str>> {
        self.values_of(self.metrics.get(metric)?).get(label)
    }

    fn values_of<'m>(&self, members: &'m Members<'a>) -> &'m BTreeMap<&'a str, BTreeSet<&'a str>> {
        members.values.get_or_init(|| {
            let mut values: BTreeMap<&str, (BTreeSet<&str>, usize)> = BTreeMap::new();
            for (name, value) in members.ids.iter().flat_map(|id| self.store.labels(*id).iter()) {
                let (values, many) = values.entry(name).or_default();
                values.insert(value);
                *many += 1;
            }
            let all = members.ids.len();
            let with_empty = |(name, (mut values, many)): (&'a str, (BTreeSet<&'a str>, usize))| {
                if many < all {
                    values.insert("");
                }
                (name, values)
            };
            values.into_iter().map(with_empty).collect()
        })
    }

    /// Returns why rules that write a metric had nothing to write, if none of them wrote and each lacks something.
    pub(super) fn no_source(&self, metric: &str) -> Option<NoSource> {
        let (name, writers) = self.writers.get_key_value(metric)?;
        if let Some(known) = self.sources.borrow().get(metric) {
            return known.clone();
        }
        if self.depth.get() >= DEPTH || writers.iter().any(|writer| writer.wrote) {
            return None;
        }
        // A name that is met again on the way down lacks nothing by itself.
        self.sources.borrow_mut().insert(name, None);
        self.depth.set(self.depth.get() + 1);
        let lacks: Option<Vec<(&Writer<'_>, Lack)>> =
            writers.iter().map(|writer| Some((writer, self.lack(writer.expr)?))).collect();
        self.depth.set(self.depth.get() - 1);
        let hidden = || self.metrics.contains_key(metric).then(|| metric.to_owned());
        let source = |writer: &Writer<'_>, needs| NoSource {
            metric: metric.to_owned(),
            rule: writer.name.to_owned(),
            file: writer.file.to_owned(),
            line: writer.line,
            needs,
            hidden: hidden(),
        };
        let found = lacks.and_then(|lacks| lacks.into_iter().next()).map(|(writer, lack)| match lack {
            Lack::Metric(name) => source(writer, Needs::Metric(self.missing(&name, true))),
            Lack::Series(unmatched) => source(writer, Needs::Series(unmatched)),
            // What of a loop is further down it is no better a reason.
            Lack::Source(NoSource { needs: Needs::Itself, .. }) if self.loops().contains(metric) => {
                source(writer, Needs::Itself)
            }
            Lack::Source(below) => {
                NoSource { metric: metric.to_owned(), hidden: hidden().or(below.hidden.clone()), ..below }
            }
        });
        let found = found.or_else(|| {
            let writer = writers.first()?;
            if self.loops().contains(metric) {
                return Some(source(writer, Needs::Itself));
            }
            hidden().map(|_| source(writer, Needs::Result))
        });
        self.sources.borrow_mut().insert(name, found.clone());
        found
    }

    /// Returns the names that need a value of their own to have one. Cost: a walk over all rules that write.
    fn loops(&self) -> &BTreeSet<&'a str> {
        self.loops.get_or_init(|| {
            let writers = self.writers.values().flatten();
            let rules: Vec<(&str, &Expr)> = writers.map(|writer| (writer.name, writer.expr)).collect();
            loops(&rules).into_iter().flatten().collect()
        })
    }

    /// Returns a metric that is not there with those that are near.
    pub(crate) fn missing(&self, name: &str, needed: bool) -> MissingMetric {
        let near = self.names.borrow_mut().nearest(name).iter().map(|near| (*near).to_owned()).collect();
        MissingMetric { name: name.to_owned(), near, is_label: self.labels().contains(name), needed }
    }

    /// Returns the names of all labels of the recording. Cost: a walk over all series.
    fn labels(&self) -> &BTreeSet<&'a str> {
        let of = |id| self.store.labels(id).iter().map(|(name, _)| name);
        self.labels.get_or_init(|| self.store.ids().flat_map(of).collect())
    }

    /// Returns the first selector without which an expression has no sample, if it takes no series. What stands right
    /// of `unless`, inside `absent`, or next to an `or` that has another side, is not needed.
    ///
    /// Cost: selectors x values of their labels; asked only of rules that were never true.
    pub(crate) fn lack(&self, expr: &Expr) -> Option<Lack> {
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

    /// Returns what a selector lacks, if it takes no series.
    pub(crate) fn lack_of(&self, selector: &Selector) -> Option<Lack> {
        let (of_name, matchers): (Vec<&Matcher>, Vec<&Matcher>) =
            selector.matchers.iter().partition(|matcher| matcher.name == METRIC_NAME);
        let metric = selector.metric();
        let mut of = metric.map(str::to_owned);
        let unnamed;
        let (members, matchers) = match metric {
            Some("ALERTS" | "ALERTS_FOR_STATE") => return None,
            Some(metric) if self.writers.contains_key(metric) => return self.no_source(metric).map(Lack::Source),
            Some(metric) => match self.metrics.get(metric) {
                Some(members) => (members, matchers),
                None => return Some(Lack::Metric(metric.to_owned())),
            },
            // What rules write may have any labels.
            None if !self.writers.is_empty() => return None,
            None => {
                let named = |id: &SeriesId| of_name.iter().all(|one| one.matches_set(self.store.labels(*id)));
                let ids: Vec<SeriesId> = self.store.ids().filter(named).collect();
                let no_name = ids.is_empty() && !of_name.is_empty();
                let ids = if no_name { self.store.ids().collect() } else { ids };
                unnamed = Members { ids, values: OnceCell::new() };
                let names: Vec<String> = of_name.iter().map(ToString::to_string).collect();
                of = Some(format!("{{{}}}", names.join(", "))).filter(|_| !no_name && !names.is_empty());
                (&unnamed, if no_name { of_name } else { matchers })
            }
        };
        let by_label = self.values_of(members);
        let alone = |matcher: &&&Matcher| match by_label.get(matcher.name.as_str()) {
            Some(values) if matcher.op == MatchOp::Equal => !values.contains(matcher.value.as_str()),
            Some(values) => !values.iter().any(|value| matcher.matches(value)),
            None => !matcher.matches(""),
        };
        let culprit = matchers.iter().find(alone);
        let satisfied = |labels: &LabelSet| selector.matchers.iter().all(|matcher| matcher.matches_set(labels));
        if culprit.is_none() && members.ids.iter().any(|id| satisfied(self.store.labels(*id))) {
            return None;
        }
        let values = culprit.and_then(|culprit| by_label.get(culprit.name.as_str())).into_iter().flatten();
        let values: Vec<&str> = values.copied().filter(|value| !value.is_empty()).collect();
        let near = match culprit.filter(|culprit| culprit.op == MatchOp::Equal) {
            Some(culprit) => nearest(&culprit.value, values.iter().copied()),
            None => Vec::new(),
        };
        let is_near = !near.is_empty();
        let values_left = if is_near { 0 } else { values.len().saturating_sub(VALUES_NAMED) };
        let named = if is_near { near } else { values.into_iter().take(VALUES_NAMED).collect() };
        Some(Lack::Series(Unmatched {
            selector: text(selector),
            metric: of,
            matcher: culprit.map(|culprit| (culprit.name.clone(), culprit.to_string())),
            values: named.into_iter().map(str::to_owned).collect(),
            near: is_near,
            values_left: values_left as u64,
        }))
    }
}

/// Returns a selector as it is written, without its modifiers.
pub(crate) fn text(selector: &Selector) -> String {
    let mut selector = Selector { modifiers: Modifiers::default(), ..selector.clone() };
    let Some(metric) = selector.metric().map(str::to_owned) else { return selector.to_string() };
    selector.matchers.retain(|matcher| matcher.name != METRIC_NAME);
    // Other labels than the name go in braces behind it.
    let labels = selector.to_string();
    match selector.matchers.is_empty() {
        true => metric,
        false => format!("{metric}{}", &labels[labels.find('{').unwrap_or(0)..]),
    }
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
        let [ratio, top, bad, own] =
            ["free / size", "chain:low * 2", "fre / size", "chain:self + free"].map(|text| parse(text).expr);
        let writer = |name, expr, wrote| Writer { name, expr, file: "r.yml", line: 7, wrote };
        let writers = vec![
            writer("free:ratio", &ratio, true),
            writer("chain:top", &top, false),
            writer("chain:low", &bad, false),
            writer("chain:self", &own, false),
        ];
        let known = Known::new(&store, writers);
        let parsed = parse(text);
        assert!(parsed.problems.is_empty(), "{text}");
        let told = known.lack(&parsed.expr).map(|lack| match lack {
            Lack::Metric(name) => name,
            Lack::Series(unmatched) => unmatched.to_string(),
            Lack::Source(source) => source.to_string(),
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
        check("size{host=\"b\",mount=\"\"}", None);
    }

    #[test]
    fn selectors_without_a_metric_name_are_looked_at_across_metrics() {
        let told = |text: &str| {
            let mut store = Store::default();
            for (name, host) in [("free", "a"), ("size", "b"), ("size_max", "c")] {
                store.series(&LabelSet::new([("__name__", name), ("host", host)]));
            }
            let lack = Known::new(&store, Vec::new()).lack(&parse(text).expr);
            lack.map(
                |lack| if let Lack::Series(unmatched) = lack { unmatched.to_string() } else { format!("{lack:?}") },
            )
        };
        let check = |text: &str, expected: Option<&str>| assert_eq!(told(text).as_deref(), expected, "{text}");
        check("{host=\"a\"}", None);
        check("{host=\"elsewhere\"}", Some("no series has host=\"elsewhere\"; host is a, b, c"));
        check("{hots=\"a\"}", Some("no series has hots=\"a\": none has that label"));
        check("{__name__=~\"fee.*\"}", Some("no metric has __name__=~\"fee.*\"; the metrics are free, size, size_max"));
        let named = "no series of {__name__=~\"size.*\"} has host=\"a\", near: b, c";
        check("{__name__=~\"size.*\",host=\"a\"}", Some(named));
    }

    #[test]
    fn nothing_is_known_of_what_rules_write_under_any_name() {
        check("{host=\"z\"}", None);
    }

    #[test]
    fn recording_rules_are_looked_through() {
        let low = "needs `fre`, which is not in the recording; near: free";
        check("chain:low > 1", Some(&format!("`chain:low` has no value: its rule (r.yml:7) {low}")));
        let top = format!("`chain:top` has no value: the rule of `chain:low` (r.yml:7) {low}");
        check("sum(chain:top) > 1", Some(&top));
        let own = "its rule (r.yml:7) needs an earlier value of its own, and nothing gives it a first one";
        check("chain:self > 1", Some(&format!("`chain:self` has no value: {own}")));
    }

    #[test]
    fn long_chains_are_followed_whichever_way_they_stand() {
        let store = Store::default();
        let exprs: Vec<Expr> = (0..3000).map(|at| parse(&format!("m{} + m{0}", at + 1)).expr).collect();
        let names: Vec<String> = (0..3000).map(|at| format!("m{at}")).collect();
        let writers = || {
            let each = exprs.iter().zip(&names).zip(1..3001);
            each.map(|((expr, name), line)| Writer { name, expr, file: "r.yml", line, wrote: false })
        };
        for writers in [writers().collect(), writers().rev().collect::<Vec<_>>()] {
            let found = Known::new(&store, writers).no_source("m0").map(|source| (source.rule, source.line));
            assert_eq!(found, Some(("m2999".to_owned(), 3000)));
        }
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
