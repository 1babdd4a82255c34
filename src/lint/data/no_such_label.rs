//! A label that no series has where an expression asks for it.

use std::collections::BTreeSet;

use super::super::evidence::Evidence;
use super::super::flow::Has;
use super::super::subject::Place;
use super::super::{Check, Found, Lint, Page, texts};
use super::misses::{What, is_slip, listed, misses, word_at};
use super::parts::unfiltered;
use super::slips::{Mistaken, Slip, slips};
use crate::diagnostic::{Severity, codes, nearest};
use crate::labels::{LabelSet, METRIC_NAME};
use crate::outcome::RuleFacts;
use crate::promql::ast::{Expr, ExprKind};
use crate::rules::template::What as Reads;
use crate::source::Span;

pub(in crate::lint) const LINT: Lint = Lint {
    code: codes::NO_SUCH_LABEL,
    page: Page {
        why: "A matcher on a label that no series of the metric has takes nothing. `by (..)`, `on (..)` and `group_left \
              (..)` with such a label treat it as empty: all series become one group, or match each other. `{x=\"\"}`, `{x!=\"a\"}` \
              and `without (x)` with a label that is not there, but is near one that is, do nothing.\n\n\
              Correct the name. In a grouping a label may be missing on purpose, where the same rules are used with and \
              without a cluster: then the finding is an info, unless the name looks like a typo.",
        bad: "\
- alert: QueueFull
  expr: queue_depth{jbo=\"batch\"} > 90
  for: 2m
",
        clean: "\
- alert: QueueFull
  expr: queue_depth{job=\"batch\"} > 90
  for: 2m
",
        data: "\
time,job,queue_depth
2026-01-05T00:00:00Z,batch,20
2026-01-05T00:01:00Z,batch,95
2026-01-05T00:02:00Z,batch,96
2026-01-05T00:03:00Z,batch,97
2026-01-05T00:04:00Z,batch,98
2026-01-05T00:05:00Z,batch,10
",
    },
    check: Check::Data(check),
};

fn check(evidence: &Evidence<'_>, found: &mut Found) {
    for (place, facts) in evidence.rules() {
        for miss in misses(evidence, &place) {
            let What::Label { matcher, near, all } = &miss.what else { continue };
            let metric = miss.selector.metric().unwrap_or("");
            let usual = found.severity;
            let message = format!("no series of `{metric}` has the label `{}`", matcher.name);
            let finding = found.expr(&place, word_at(&place, miss.span, &matcher.name), message);
            finding.severity = miss.severity(usual);
            finding.help.push(match near.first() {
                Some(first) => format!("did you mean `{first}`?"),
                None if all.is_empty() => "its series have no labels".to_owned(),
                None => format!("its labels are {}", listed(all)),
            });
        }
        for slip in slips(evidence, &place) {
            let Slip { metric, matcher, span, what: Mistaken::Label { near } } = slip else { continue };
            let message =
                format!("no series of `{metric}` has the label `{}`, so `{matcher}` takes all of them", matcher.name);
            let finding = found.expr(&place, word_at(&place, span, &matcher.name), message);
            finding.help.push(format!("did you mean `{near}`?"));
        }
        place.rule.expr.walk(&mut |expr| groupings(evidence, &place, expr, found));
        if place.is_alert() {
            templates(evidence, &place, facts, found);
        }
    }
}

/// Looks at the labels that templates read, where only the recording shows whether they are there.
fn templates(evidence: &Evidence<'_>, place: &Place<'_>, facts: &RuleFacts, found: &mut Found) {
    let mut have: Option<Option<BTreeSet<String>>> = None;
    let flow = place.labels();
    for text in texts::annotations(place.rule).chain(texts::labels(place.rule)) {
        for read in text.template.reads() {
            let Reads::Label(label) = &read.what else { continue };
            if read.asked || read.guarded || label == METRIC_NAME || flow.get(label) != Has::Maybe {
                continue;
            }
            let Some(have) = have.get_or_insert_with(|| given(evidence, place, facts)) else { continue };
            if have.contains(label) {
                continue;
            }
            let is_set = label == "alertname" || place.rule.labels.iter().any(|(set, _)| set == label);
            let names: Vec<&str> = have.iter().map(String::as_str).collect();
            let near = nearest(label, names.iter().copied());
            let message = format!("this text reads the label `{label}`, which no series of the expression has");
            let usual = found.severity;
            let finding = found.at(text.at(read.span), (place.group, place.rule), message);
            finding.severity = if is_set || is_slip(label, &near) { usual } else { Severity::Info };
            finding.help.push(match near.first() {
                _ if is_set => "`$labels` has the labels of the series alone, not those that the rule sets".to_owned(),
                Some(first) => format!("did you mean `{first}`?"),
                None if names.is_empty() => "its series have no labels".to_owned(),
                None => format!("their labels are {}", listed(&names)),
            });
        }
    }
}

/// Returns the labels of the series of a rule, where it was looked at, and of its alerts, without those that the rule
/// sets itself; none where it had no series.
fn given(evidence: &Evidence<'_>, place: &Place<'_>, facts: &RuleFacts) -> Option<BTreeSet<String>> {
    let probe = evidence.probe(place, &unfiltered(&place.rule.expr));
    let episodes = evidence.episodes(facts);
    let alerts: Vec<LabelSet> = episodes.iter().map(|episode| Evidence::bare(place, &episode.labels)).collect();
    let mut sets = probe.labels().chain(&alerts).peekable();
    sets.peek()?;
    let names: BTreeSet<&str> = sets.flat_map(|labels| labels.iter().map(|(name, _)| name)).collect();
    Some(names.into_iter().filter(|name| *name != METRIC_NAME).map(str::to_owned).collect())
}

/// Looks at the labels that an aggregation or an operator names.
fn groupings(evidence: &Evidence<'_>, place: &Place<'_>, expr: &Expr, found: &mut Found) {
    let (labels, span, word): (Vec<&String>, Span, &str) = match &expr.kind {
        ExprKind::Aggregate(aggregate) => match &aggregate.grouping {
            Some(grouping) => {
                let word = if grouping.without { "without" } else { "by" };
                (grouping.labels.iter().collect(), grouping.span, word)
            }
            None => return,
        },
        ExprKind::Binary(binary) => {
            let Some(matching) = &binary.matching else { return };
            let included = matching.group.iter().flat_map(|group| &group.include);
            let named = matching.labels.iter().filter(|_| matching.on).chain(included).collect();
            let span = Span::new(binary.op_span.start as usize, binary.rhs.span.start as usize);
            (named, span, "on")
        }
        _ => return,
    };
    let Some(have) = labels_of(evidence, expr) else { return };
    for label in labels.iter().filter(|label| !have.contains(label.as_str()) && label.as_str() != METRIC_NAME) {
        let others = have.iter().copied().filter(|other| labels.iter().all(|named| named != other));
        let near = nearest(label, others);
        // What is not there need not be removed, and does no harm.
        if word == "without" && !is_slip(label, &near) {
            continue;
        }
        let message = format!("no series that is read here has the label `{label}`");
        let usual = found.severity;
        let finding = found.expr(place, word_at(place, span, label), message);
        finding.severity = if is_slip(label, &near) { usual } else { Severity::Info };
        finding.help.push(match near.first() {
            Some(first) => format!("did you mean `{first}`?"),
            None if have.is_empty() => format!("`{word} ({label})` is empty: its series have no labels"),
            None => {
                let all: Vec<&str> = have.iter().copied().collect();
                format!("`{word} ({label})` is empty for all of them; their labels are {}", listed(&all))
            }
        });
    }
}

/// Returns the labels of all series that an expression reads; none where it reads what rules write or nothing, or makes
/// labels.
fn labels_of<'a>(evidence: &'a Evidence<'_>, expr: &Expr) -> Option<BTreeSet<&'a str>> {
    let mut makes = false;
    expr.walk(&mut |expr| match &expr.kind {
        ExprKind::Call { function, .. } => makes |= matches!(function.name, "label_replace" | "label_join" | "info"),
        ExprKind::Aggregate(aggregate) => makes |= aggregate.op.name() == "count_values",
        _ => {}
    });
    let selectors = expr.selectors();
    if makes || selectors.iter().any(|found| found.selector.metric().is_none_or(|metric| evidence.is_written(metric))) {
        return None;
    }
    let store = &evidence.recorded.store;
    let series: Vec<_> = selectors.iter().map(|found| evidence.series(found.selector)).collect();
    // What takes nothing has its own finding.
    if series.iter().any(Vec::is_empty) || series.is_empty() {
        return None;
    }
    let labels = series.into_iter().flatten().flat_map(|id| store.labels(id).iter().map(|(name, _)| name));
    Some(labels.filter(|name| *name != METRIC_NAME).collect())
}
