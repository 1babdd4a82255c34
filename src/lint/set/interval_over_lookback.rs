//! Groups that are evaluated so rarely that what they write is gone in between.

use std::collections::HashMap;

use super::super::{Check, Found, Lint, Page, subject::Subject};
use crate::diagnostic::codes;
use crate::rules::{Evaluate, Form, RuleKind};

pub(in crate::lint) const LINT: Lint = Lint {
    code: codes::INTERVAL_OVER_LOOKBACK,
    page: Page {
        why: "A selector such as `job:requests:rate5m` takes the newest sample of the last five minutes (the lookback delta \
              of Prometheus). A rule that is evaluated every ten minutes writes one sample in ten minutes, so for half \
              of the time its series is not there: alerts on it resolve and begin again, graphs have gaps. The same \
              holds for `ALERTS`, which shows the alerts of such a group.\n\n\
              Evaluate the group at least every two minutes, or read its series with a range: \
              `last_over_time(job:requests:rate5m[15m])`.",
        bad: "\
groups:
- name: slow
  interval: 10m
  rules:
  - record: job:requests:rate5m
    expr: sum by (job) (rate(requests_total[5m]))
",
        clean: "\
groups:
- name: slow
  interval: 2m
  rules:
  - record: job:requests:rate5m
    expr: sum by (job) (rate(requests_total[5m]))
",
        data: "",
    },
    check: Check::Set(check),
};

/// How a metric is read.
#[derive(Clone, Copy, Debug, Default)]
struct Readers {
    instant: bool,
    range: bool,
}

fn check(subject: &Subject<'_>, found: &mut Found) {
    let lookback = subject.options.lookback;
    let is_slow = |evaluate: Evaluate| evaluate.interval().filter(|interval| *interval > lookback);
    if subject.rules.groups().all(|(_, group)| is_slow(group.evaluate).is_none()) {
        return;
    }
    let mut readers: HashMap<&str, Readers> = HashMap::new();
    for place in subject.places() {
        for one in place.rule.expr.selectors() {
            if let Some(metric) = one.selector.metric() {
                let readers = readers.entry(metric).or_default();
                readers.instant |= one.range.is_none();
                readers.range |= one.range.is_some();
            }
        }
    }
    for (file, group) in subject.rules.groups() {
        let Some(interval) = is_slow(group.evaluate) else { continue };
        let read = |name: &str| readers.get(name).copied().unwrap_or_default();
        let is_seen = |name: &str| read(name).instant || !read(name).range;
        let mut rules = group.rules.iter().filter(|rule| rule.enabled);
        let recorded = rules.clone().find(|rule| matches!(rule.kind, RuleKind::Record) && is_seen(&rule.name.text));
        let mut alert = || rules.find(|rule| matches!(rule.kind, RuleKind::Alert { .. }));
        // Native rules are not for Prometheus, where people look at `ALERTS`.
        let is_shown = file.form == Form::Prometheus;
        let Some(rule) = recorded.or_else(|| alert().filter(|_| is_shown)) else { continue };
        let what = match rule.kind {
            RuleKind::Record => format!("`{}`", rule.name.text),
            RuleKind::Alert { .. } => format!("`ALERTS{{alertname=\"{}\"}}`", rule.name.text),
        };
        let message = format!(
            "this group is evaluated every {interval}, and selectors look back {lookback}: {what} is gone in between"
        );
        let at = group.parts.as_ref().and_then(|parts| parts.interval).map_or(group.at, |part| part.value);
        found.at(at, (group, rule), message).help.push("write an interval of at most 2m".to_owned());
    }
}
