//! The labels that alerts may have: those of the recording's series, and those that rules set.

use std::collections::{BTreeMap, BTreeSet};

use super::mismatch::NoMatch;
use super::near::Suggested;
use super::severity_is;
use crate::labels::{LabelSet, METRIC_NAME, Matcher};
use crate::promql::ast::{Aggregate, Binary, Expr, ExprKind};
use crate::rules::{Rule, RuleKind, RuleSet};
use crate::store::Store;

const ALERT_NAME: &str = "alertname";
const SEVERITY: &str = "severity";

/// What a rule says of the labels of its alerts.
struct Shape<'a> {
    /// Labels with a certain value; an empty one says that the label is removed.
    certain: BTreeMap<&'a str, &'a str>,
    /// Labels that templates make.
    templated: BTreeSet<&'a str>,
}

/// All labels that alerts may have.
pub(in crate::outcome) struct Universe<'a> {
    store: &'a Store,
    external: &'a LabelSet,
    /// Of series, without the metric name.
    names: BTreeSet<&'a str>,
    /// Labels that rules set to a certain value, and these values.
    set: BTreeMap<&'a str, BTreeSet<&'a str>>,
    /// Labels that rules may set to any value: by templates, or by functions that make labels.
    made: BTreeSet<&'a str>,
    /// Labels that `group_left` and `group_right` copy from one series to another.
    copied: BTreeSet<&'a str>,
    /// Whether an expression copies labels that its text does not name.
    copies_any: bool,
    /// Of each alerting rule that counts.
    alerts: Vec<Shape<'a>>,
}

impl<'a> Universe<'a> {
    /// Looks at the rules and at the labels of all series. `counts` says which alerting rules, by number, may have
    /// alerts; what others set is known, too. Cost: a walk over the labels of all series.
    pub(in crate::outcome) fn of(
        rules: &'a RuleSet,
        store: &'a Store,
        external: &'a LabelSet,
        counts: impl Fn(u32) -> bool,
    ) -> Self {
        let names = store.ids().flat_map(|id| store.labels(id).iter().map(|(name, _)| name));
        let mut universe = Self {
            store,
            external,
            names: names.filter(|name| *name != METRIC_NAME).collect(),
            set: BTreeMap::new(),
            made: BTreeSet::new(),
            copied: BTreeSet::new(),
            copies_any: false,
            alerts: Vec::new(),
        };
        for (number, (_, rule)) in (0..).zip(rules.rules()).filter(|(_, (_, rule))| rule.enabled) {
            rule.expr.walk(&mut |expr| universe.look_at(expr));
            let shape = universe.shape(rule);
            if matches!(rule.kind, RuleKind::Alert { .. }) && counts(number) {
                universe.alerts.push(shape);
            }
        }
        universe
    }

    fn shape(&mut self, rule: &'a Rule) -> Shape<'a> {
        let mut shape = Shape { certain: BTreeMap::new(), templated: BTreeSet::new() };
        if matches!(rule.kind, RuleKind::Alert { .. }) {
            shape.certain.insert(ALERT_NAME, &rule.name.text);
        }
        for (name, template) in rule.labels.iter().filter(|(name, _)| name != ALERT_NAME) {
            if template.is_literal() {
                shape.certain.insert(name, template.text());
            } else {
                shape.templated.insert(name);
                self.made.insert(name);
            }
        }
        for (name, value) in shape.certain.iter().filter(|(_, value)| !value.is_empty()) {
            self.set.entry(name).or_default().insert(value);
        }
        shape
    }

    /// Records labels that an expression makes or copies.
    fn look_at(&mut self, expr: &'a Expr) {
        match &expr.kind {
            ExprKind::Call { function, args, .. } => {
                match (function.name, args.get(1).map(|arg| &arg.unparen().kind)) {
                    ("label_replace" | "label_join", Some(ExprKind::String(label))) => {
                        self.made.insert(label);
                    }
                    ("label_replace" | "label_join" | "histogram_quantiles" | "info", _) => self.copies_any = true,
                    _ => {}
                }
            }
            ExprKind::Aggregate(aggregate) => {
                let Aggregate { op, param, .. } = &**aggregate;
                if let Some(ExprKind::String(label)) = param.as_ref().map(|param| &param.unparen().kind)
                    && op.name() == "count_values"
                {
                    self.made.insert(label);
                }
            }
            ExprKind::Binary(binary) => {
                let Binary { matching, .. } = &**binary;
                let group = matching.as_ref().and_then(|matching| matching.group.as_ref());
                self.copied.extend(group.into_iter().flat_map(|group| &group.include).map(String::as_str));
            }
            // Series of `ALERTS` have a label that no series of the recording need have.
            ExprKind::Selector(selector) | ExprKind::Range { selector, .. }
                if selector.metric().is_none_or(|metric| metric.starts_with("ALERTS")) =>
            {
                self.made.insert("alertstate");
            }
            _ => {}
        }
    }

    /// Returns all values that a label may have, where no rule makes it.
    fn values(&self, label: &str) -> BTreeSet<&'a str> {
        let mut values: BTreeSet<&str> = self.set.get(label).cloned().unwrap_or_default();
        values.extend(self.external.get(label));
        if self.names.contains(label) {
            values.extend(self.store.ids().filter_map(|id| self.store.labels(id).get(label)));
        }
        values
    }

    /// Says why no alert can satisfy all matchers, if that is certain. What an absent label satisfies never fails.
    pub(in crate::outcome) fn no_match(&self, matchers: &[Matcher]) -> Option<NoMatch> {
        let needed: Vec<&Matcher> = matchers.iter().filter(|matcher| !matcher.matches("")).collect();
        let alone = needed.iter().find_map(|matcher| self.no_match_of(matcher));
        alone.or_else(|| self.alerts.is_empty().then_some(NoMatch::NoAlerts)).or_else(|| {
            (!self.copies_any && !self.meet(&needed)).then(|| NoMatch::Together { matchers: list(&needed) })
        })
    }

    fn no_match_of(&self, matcher: &Matcher) -> Option<NoMatch> {
        let name = matcher.name.as_str();
        if self.made.contains(name) {
            return None;
        }
        let by_rules = self.set.contains_key(name);
        if !by_rules && !self.names.contains(name) && self.external.get(name).is_none() {
            let known = self.names.iter().chain(self.set.keys()).copied();
            let external = self.external.iter().map(|(name, _)| name);
            let names = Suggested::near(name, known.chain(external));
            return Some(NoMatch::Label { name: name.to_owned(), names });
        }
        let values = self.values(name);
        if values.iter().any(|value| matcher.matches(value)) {
            return None;
        }
        Some(NoMatch::Value { matcher: matcher.to_string(), by_rules, values: Suggested::near(&matcher.value, values) })
    }

    /// Returns severities that alerts may have, if none that counts may have the one that is asked for.
    pub(in crate::outcome) fn no_severity(&self, severity: &str) -> Option<Suggested> {
        let matcher = severity_is(severity)?;
        if self.copies_any || self.made.contains(SEVERITY) || self.meet(&[&matcher]) {
            return None;
        }
        let set = self.alerts.iter().filter_map(|shape| shape.certain.get(SEVERITY).copied());
        let free = self.alerts.iter().any(|shape| !shape.certain.contains_key(SEVERITY));
        let mut have: BTreeSet<&str> = set.filter(|value| !value.is_empty()).collect();
        if free {
            have.extend(self.store.ids().filter_map(|id| self.store.labels(id).get(SEVERITY)));
        }
        Some(Suggested::near(severity, have))
    }

    /// Returns whether some alert may satisfy all matchers at once: what its rule does not set must come from one
    /// series.
    fn meet(&self, needed: &[&Matcher]) -> bool {
        // Rules that set the same labels ask the same of series.
        let mut asked: BTreeMap<Vec<usize>, bool> = BTreeMap::new();
        self.alerts.iter().any(|shape| {
            let mut of_series = Vec::new();
            for (at, matcher) in needed.iter().enumerate() {
                let name = matcher.name.as_str();
                match shape.certain.get(name) {
                    Some(value) if !matcher.matches(value) => return false,
                    Some(_) => {}
                    None if shape.templated.contains(name) || self.comes_from_elsewhere(matcher) => {}
                    None => of_series.push(at),
                }
            }
            *asked.entry(of_series).or_insert_with_key(|asked| {
                let satisfies = |labels: &LabelSet| asked.iter().all(|at| needed[*at].matches_set(labels));
                asked.is_empty() || self.store.ids().any(|id| satisfies(self.store.labels(id)))
            })
        })
    }

    /// Returns whether what a matcher asks for need not come from the series that an alert is about.
    fn comes_from_elsewhere(&self, matcher: &Matcher) -> bool {
        let name = matcher.name.as_str();
        // What rules set, alerts and recorded series carry on.
        let carried = name != ALERT_NAME && self.set.contains_key(name);
        let external = self.external.get(name).is_some_and(|value| matcher.matches(value));
        carried || external || self.made.contains(name) || self.copied.contains(name)
    }
}

fn list(matchers: &[&Matcher]) -> String {
    matchers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::parse::parse_matchers;

    fn check(rules: &str, matchers: &str, expected: Option<&str>) {
        let mut set = RuleSet::default();
        set.add("r.yml", format!("groups: [{{name: g, rules: [{rules}]}}]").as_bytes());
        assert!(!set.diagnostics.has_errors(), "{rules}: {:?}", set.diagnostics.sorted());
        let mut store = Store::default();
        for (host, job) in [("web-07", "web"), ("db-1", "db"), ("db-2", "db")] {
            store.series(&LabelSet::new([("__name__", "up"), ("host", host), ("job", job)]));
        }
        let external = LabelSet::new([("cluster", "ams")]);
        let universe = Universe::of(&set, &store, &external, |_| true);
        let matchers = parse_matchers(matchers).expect(matchers);
        assert_eq!(universe.no_match(&matchers).map(|why| why.to_string()).as_deref(), expected, "{matchers:?}");
    }

    const PLAIN: &str = "{alert: Down, expr: up == 0, labels: {severity: critical}}";

    #[test]
    fn labels_and_values_that_nothing_has_are_named() {
        check(PLAIN, "host=\"web-07\",severity=~\"crit.*\"", None);
        check(PLAIN, "hots=\"a\"", Some("no series and no rule has a label `hots`; near: host"));
        check(PLAIN, "host=\"web07\"", Some("no series has host=\"web07\"; near: web-07"));
        check(PLAIN, "host=~\"x.+\"", Some("no series has host=~\"x.+\"; the values are: db-1, db-2, web-07"));
        check(PLAIN, "severity=\"critcal\"", Some("no series and no rule has severity=\"critcal\"; near: critical"));
        check(PLAIN, "alertname=\"down\"", Some("no series and no rule has alertname=\"down\"; near: Down"));
        check(PLAIN, "cluster=\"ams\"", None);
        check(
            PLAIN,
            "__name__=\"up\"",
            Some("no series and no rule has a label `__name__`; the labels are: alertname, cluster, host and 2 more"),
        );
    }

    #[test]
    fn what_an_absent_label_satisfies_never_fails() {
        check(PLAIN, "hots!=\"a\",rack=\"\",zone=~\".*\"", None);
        check(
            PLAIN,
            "rack!=\"\"",
            Some("no series and no rule has a label `rack`; the labels are: alertname, cluster, host and 2 more"),
        );
    }

    #[test]
    fn labels_must_meet_in_one_series() {
        let none = "no series and no alert has all of host=\"db-1\", job=\"web\" together";
        check(PLAIN, "host=\"db-1\",job=\"web\"", Some(none));
        check(PLAIN, "host=\"db-1\",job=\"db\",alertname=\"Down\"", None);
        let two = format!("{PLAIN}, {{alert: Slow, expr: up > 1, labels: {{severity: info}}}}");
        let both = "alertname=\"Slow\",severity=\"critical\"";
        check(&two, both, Some("no series and no alert has all of alertname=\"Slow\", severity=\"critical\" together"));
    }

    #[test]
    fn rules_without_alerts_have_no_labels() {
        let recorded = "{record: up:x, expr: up}";
        check(recorded, "severity!=\"critical\"", Some("no enabled alerting rule is selected"));
        check(recorded, "host=\"db-1\"", Some("no enabled alerting rule is selected"));
        check(recorded, "hots=\"db-1\"", Some("no series and no rule has a label `hots`; near: host"));
    }

    #[test]
    fn labels_that_rules_make_are_not_known() {
        let templated = "{alert: Down, expr: up == 0, labels: {team: '{{ $labels.job }}'}}";
        check(templated, "team=\"x\"", None);
        check("{alert: A, expr: 'label_replace(up, \"rack\", \"$1\", \"host\", \"(.*)\")'}", "rack=\"r\"", None);
        check("{alert: A, expr: 'label_join(up, \"hj\", \"-\", \"host\", \"job\")'}", "hj=\"a-b\"", None);
        check("{alert: A, expr: 'count_values(\"value\", up)'}", "value=\"1\"", None);
        check("{alert: A, expr: up * on (host) group_left (job) up}", "host=\"db-1\",job=\"web\"", None);
        let recorded = "{record: up:x, expr: up, labels: {tier: gold}}, {alert: A, expr: up:x}";
        check(recorded, "host=\"db-1\",tier=\"gold\"", None);
        check(recorded, "tier=\"golf\"", Some("no series and no rule has tier=\"golf\"; near: gold"));
    }
}
