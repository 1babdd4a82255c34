//! Rules that read what is written later, elsewhere or nowhere.

use std::collections::HashSet;

use super::super::{Check, Found, Lint, Page, subject::Place, subject::Subject};
use crate::diagnostic::{Mark, Names, Severity, codes};
use crate::labels::{MatchOp, Matcher};
use crate::promql::ast::{Selector, SelectorUse};
use crate::rules::graph::{ALERT_NAME, ALERT_STATE, ALERTS, ALERTS_FOR_STATE};

pub(in crate::lint) const LINT: Lint = Lint {
    code: codes::DEPENDENCY,
    page: Page {
        why: "The rules of a group are evaluated one after the other, in the order of the file. A rule that reads what a later \
              one records sees the value of the evaluation before: it is one interval late. Groups are evaluated on \
              their own, so what another group records is late by up to its interval as well, which is normal and only \
              worth knowing.\n\n\
              An alert on `ALERTS{alertname=\"X\"}` where no rule is called X never fires, and a name such as \
              `job:requests:rate5m` that no rule records was renamed, removed, or stands in a file that was not \
              given.\n\n\
              Move the recording rule up, and correct the name.",
        bad: "\
- alert: ManyRequests
  expr: job:requests:rate5m > 100
  for: 5m
- record: job:requests:rate5m
  expr: sum by (job) (rate(requests_total[5m]))
",
        clean: "\
- record: job:requests:rate5m
  expr: sum by (job) (rate(requests_total[5m]))
- alert: ManyRequests
  expr: job:requests:rate5m > 100
  for: 5m
",
        data: "",
    },
    check: Check::Set(check),
};

/// How many of the rules of a group are looked at that write one metric.
const WRITERS: usize = 64;

fn check(subject: &Subject<'_>, found: &mut Found) {
    let alerts: HashSet<&str> =
        subject.places().filter(Place::is_alert).map(|place| place.rule.name.text.as_str()).collect();
    // The names that there are, to find near ones among.
    let mut near =
        Near { alerts: Names::new(alerts.iter().copied()), metrics: Names::new(subject.recorded.keys().copied()) };
    let mut circle = vec![0; subject.all.len()];
    for (at, component) in subject.graph.components.iter().enumerate() {
        component.rules.iter().for_each(|rule| circle[*rule as usize] = at);
    }
    let known = Known { alerts: &alerts, circle };
    let mut start = 0;
    while let Some((_, group, _)) = subject.all.get(start) {
        let end = start + group.rules.len().max(1);
        for number in start..end {
            let place = subject.place(number);
            if !place.is_sound() {
                continue;
            }
            let mut told: Vec<&str> = Vec::new();
            for one in place.rule.expr.selectors() {
                let Some(metric) = one.selector.metric() else { continue };
                if metric == ALERTS || metric == ALERTS_FOR_STATE {
                    unknown_alert(&place, &one, known.alerts, &mut near, found);
                } else if !told.contains(&metric)
                    && recorded(&place, &one, (metric, start, end), (&known, &mut near), found)
                {
                    told.push(metric);
                }
            }
        }
        start = end;
    }
}

/// What is known of all rules.
struct Known<'a> {
    /// The names of all alerts.
    alerts: &'a HashSet<&'a str>,
    /// By rule: those that depend on each other have one number.
    circle: Vec<usize>,
}

/// Names to find near ones among.
struct Near<'a> {
    alerts: Names<'a>,
    metrics: Names<'a>,
}

/// Looks for an alert that no rule defines.
fn unknown_alert(
    place: &Place<'_>,
    one: &SelectorUse<'_>,
    alerts: &HashSet<&str>,
    near: &mut Near<'_>,
    found: &mut Found,
) {
    let is_name =
        |matcher: &&Matcher| matcher.name == ALERT_NAME && matcher.op == MatchOp::Equal && !matcher.value.is_empty();
    let state =
        one.selector.matchers.iter().find(|matcher| matcher.name == ALERT_STATE && matcher.op == MatchOp::Equal);
    if let Some(state) = state.filter(|state| !matches!(state.value.as_str(), "pending" | "firing" | "")) {
        let message = format!("`{ALERTS}` has no state `{}`: there are `pending` and `firing`", state.value);
        found.expr(place, one.span, message).help.push("an alert that is resolved has no series".to_owned());
        return;
    }
    let Some(matcher) = one.selector.matchers.iter().find(is_name) else { return };
    // The rule itself is one; where it is the only one the alerts stand in other files.
    let others = alerts.len() - usize::from(place.is_alert());
    if others == 0 || alerts.contains(matcher.value.as_str()) {
        return;
    }
    let message = format!("no rule defines the alert `{}`", matcher.value);
    let finding = found.expr(place, one.span, message);
    match near.alerts.nearest(&matcher.value).first() {
        Some(near) => finding.help.push(format!("did you mean `{near}`?")),
        None => {
            finding.help.push("correct its name, or check the file that defines it together with this one".to_owned())
        }
    }
}

/// Looks at who records a metric, and says whether something was found.
fn recorded(
    place: &Place<'_>,
    one: &SelectorUse<'_>,
    (metric, start, end): (&str, usize, usize),
    (known, near): (&Known<'_>, &mut Near<'_>),
    found: &mut Found,
) -> bool {
    let subject = place.subject;
    let number = place.number;
    let Some(writers) = subject.recorded.get(metric) else {
        return unrecorded(place, one, metric, near, found);
    };
    let is_of_now =
        one.range.is_none() && one.selector.modifiers.offset.is_none() && one.selector.modifiers.at.is_none();
    if !is_of_now {
        return false;
    }
    let from = writers.partition_point(|writer| *writer < start);
    let to = writers.partition_point(|writer| *writer < end);
    let own = &writers[from..to];
    let writes = |writer: usize, selector: &Selector| {
        let mut written = subject.graph.nodes[writer].writes.iter();
        written.any(|written| written.may_match(&selector.matchers))
    };
    let mut matching = own.iter().copied().take(WRITERS).filter(|writer| writes(*writer, one.selector));
    match matching.next() {
        // It, or an earlier rule, writes what is read.
        Some(first) if first <= number => false,
        // Rules in a circle have no right order.
        Some(later) if !place.is_alert() && known.circle[later] == known.circle[number] => false,
        Some(later) => {
            let writer = subject.place(later);
            let message = format!(
                "this reads `{metric}`, which a later rule of the group records: the value is one interval old"
            );
            let finding = found.expr(place, one.span, message);
            finding.related.push(Mark { at: writer.rule.name.whole(), text: "recorded here".to_owned() });
            finding.help.push(format!("move the rule that records `{metric}` above this one"));
            true
        }
        None => {
            let Some(writer) = writers.first().filter(|_| own.is_empty() && place.is_alert()) else { return false };
            let writer = subject.place(*writer);
            let lag = writer.interval().map_or_else(|| "an interval".to_owned(), |interval| interval.to_string());
            let message = format!(
                "the group `{}` records `{metric}`: its value may be up to {lag} old here",
                writer.group.name.text
            );
            let finding = found.expr(place, one.span, message);
            finding.severity = Severity::Info;
            finding.related.push(Mark { at: writer.rule.name.whole(), text: "recorded here".to_owned() });
            finding.help.push("where that matters, put the alert into that group, below the recording rule".to_owned());
            true
        }
    }
}

/// Looks for a name of a recorded metric that no rule records.
fn unrecorded(place: &Place<'_>, one: &SelectorUse<'_>, metric: &str, near: &mut Near<'_>, found: &mut Found) -> bool {
    let subject = place.subject;
    if !metric.contains(':') || subject.recorded.is_empty() {
        return false;
    }
    let finding = found.expr(place, one.span, format!("no rule records `{metric}`"));
    finding.severity = Severity::Info;
    match near.metrics.nearest(metric).first() {
        Some(near) => finding.help.push(format!("did you mean `{near}`?")),
        None => finding.help.push("check the file that records it together with this one".to_owned()),
    }
    true
}
