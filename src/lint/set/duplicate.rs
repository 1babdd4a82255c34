//! Rules that do what another one does.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::super::flow::Has;
use super::super::{Check, Found, Lint, Page, subject::Place, subject::Subject};
use crate::diagnostic::{Mark, Severity, codes};
use crate::labels::{METRIC_NAME, MatchOp, Matcher};
use crate::promql::ast::{Expr, ExprKind, Selector};
use crate::promql::functions::Kernel;
use crate::rules::Form;

pub(in crate::lint) const LINT: Lint = Lint {
    code: codes::DUPLICATE,
    page: Page {
        why: "Two recording rules with one name and the same labels may write the same series. In one group Prometheus drops \
              the second sample; from two groups both are stored in turn, and the series jumps between two values. Two \
              alerts with one name and the same labels look the same to routes and silences, and where both \
              fire Alertmanager takes them for one.\n\n\
              Remove one of them, or give them different names or labels. Labels of the group count. Alerts of one name \
              with different labels, such as `severity`, are fine.",
        bad: "\
- record: job:requests:rate5m
  expr: sum by (job) (rate(requests_total[5m]))
- record: job:requests:rate5m
  expr: sum by (job) (rate(requests_total[5m]))
",
        clean: "\
- record: job:requests:rate5m
  expr: sum by (job) (rate(requests_total[5m]))
- record: job:requests:rate10m
  expr: sum by (job) (rate(requests_total[10m]))
",
        data: "",
    },
    check: Check::Set(check),
};

fn check(subject: &Subject<'_>, found: &mut Found) {
    let mut first: HashMap<u64, usize> = HashMap::new();
    // The ids of native rules are unique, and loading says where they are not.
    for place in subject.places().filter(|place| place.file.form == Form::Prometheus) {
        let rule = place.rule;
        let mut state = DefaultHasher::new();
        (place.is_alert(), &rule.name.text).hash(&mut state);
        rule.labels.iter().for_each(|(name, text)| (name, text.text()).hash(&mut state));
        let key = state.finish();
        match first.get(&key) {
            Some(number) => compare(&subject.place(*number), &place, found),
            None => {
                first.insert(key, place.number);
            }
        }
    }
}

fn compare(one: &Place<'_>, other: &Place<'_>, found: &mut Found) {
    let (a, b) = (one.rule, other.rule);
    let is_same_labels = a
        .labels
        .iter()
        .map(|(name, text)| (name, text.text()))
        .eq(b.labels.iter().map(|(name, text)| (name, text.text())));
    if a.name.text != b.name.text || one.is_alert() != other.is_alert() || !is_same_labels {
        return;
    }
    let is_same = a.text.text == b.text.text || a.expr.to_string() == b.expr.to_string();
    let name = &b.name.text;
    let mut severity = Severity::Warning;
    let (message, help) = match (other.is_alert(), is_same) {
        (false, true) => (format!("`{name}` is recorded twice by the same expression"), "remove one of them"),
        (true, true) => {
            (format!("the alert `{name}` is defined twice, with the same expression and labels"), "remove one of them")
        }
        (_, false) if are_apart(one, other) => return,
        (false, false) => (
            format!("two expressions record `{name}` with the same labels: they may write the same series"),
            "give them different names, or a label each under `labels:`",
        ),
        (true, false) => {
            // What several files call alike is seldom seen together, and what is of different metrics or labels can be
            // told apart by more than the labels of the rule.
            if !std::ptr::eq(one.file, other.file) || !is_alike(one, other) {
                severity = Severity::Info;
            }
            (
                format!(
                    "two alerts are called `{name}` and set the same labels: routes and silences by name take both"
                ),
                "give them different names, or a label each under `labels:`",
            )
        }
    };
    let finding = found.at(b.name.whole(), (other.group, b), message);
    finding.severity = severity;
    finding.related.push(Mark { at: a.name.whole(), text: "the first".to_owned() });
    finding.help.push(help.to_owned());
}

/// Returns whether two expressions read the same metrics and give the same labels, as far as they are known.
fn is_alike(one: &Place<'_>, other: &Place<'_>) -> bool {
    let metrics = |place: &Place<'_>| {
        let mut metrics: Vec<String> =
            place.rule.expr.selectors().iter().filter_map(|one| one.selector.metric().map(str::to_owned)).collect();
        metrics.sort_unstable();
        metrics.dedup();
        metrics
    };
    let (a, b) = (one.labels(), other.labels());
    let is_gone = |has: Has| has.gone().is_some();
    let mut named = a.named().chain(b.named()).map(|(name, _)| name);
    // Of selectors that stand in the same places, one asks for other series.
    let (left, right) = (one.rule.expr.selectors(), other.rule.expr.selectors());
    let differ = left.len() == right.len()
        && left.iter().zip(&right).any(|(a, b)| {
            let mut labels = a.selector.matchers.iter().filter(|matcher| matcher.name != METRIC_NAME);
            labels.any(|matcher| differ(a.selector, b.selector, &matcher.name))
        });
    !differ
        && metrics(one) == metrics(other)
        && is_gone(a.others) == is_gone(b.others)
        && named.all(|name| is_gone(a.get(name)) == is_gone(b.get(name)))
}

/// Returns whether two expressions surely give series of different labels: their selectors ask for different values of
/// a label that both keep, or functions make labels of which nothing is known.
fn are_apart(one: &Place<'_>, other: &Place<'_>) -> bool {
    let makes_labels = |expr: &Expr| {
        let mut makes = false;
        expr.walk(&mut |expr| {
            makes |= matches!(&expr.kind, ExprKind::Call { function, .. }
                if matches!(function.kernel, Kernel::LabelReplace | Kernel::LabelJoin));
        });
        makes
    };
    if makes_labels(&one.rule.expr) || makes_labels(&other.rule.expr) {
        return true;
    }
    let (left, right) = (one.rule.expr.selectors(), other.rule.expr.selectors());
    if left.is_empty() || right.is_empty() {
        return false;
    }
    let mut labels: Vec<&str> = left
        .iter()
        .flat_map(|one| &one.selector.matchers)
        .map(|matcher| matcher.name.as_str())
        .filter(|name| *name != METRIC_NAME)
        .collect();
    labels.sort_unstable();
    labels.dedup();
    let kept = |place: &Place<'_>, label: &str| place.labels().get(label).gone().is_none();
    labels.into_iter().any(|label| {
        left.iter().all(|one| right.iter().all(|other| differ(one.selector, other.selector, label)))
            && kept(one, label)
            && kept(other, label)
    })
}

/// Returns whether two selectors ask a label for different values. Of two patterns that are not the same this is taken
/// for granted: they are written to share series out.
fn differ(one: &Selector, other: &Selector, label: &str) -> bool {
    let of = |selector: &Selector| -> Vec<Matcher> {
        selector.matchers.iter().filter(|matcher| matcher.name == label).cloned().collect()
    };
    let (one, other) = (of(one), of(other));
    one.iter().any(|a| {
        other.iter().any(|b| match (a.op, b.op) {
            (MatchOp::Equal, _) => !b.matches(&a.value),
            (_, MatchOp::Equal) => !a.matches(&b.value),
            (MatchOp::NotEqual | MatchOp::NotRegex, MatchOp::NotEqual | MatchOp::NotRegex) => false,
            _ => a.value != b.value || a.op != b.op,
        })
    })
}
