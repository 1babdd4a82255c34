//! A template that reads a label which the expression does not have.

use super::super::flow::{By, Flows, Gone, Has};
use super::super::{Check, Found, Lint, Page, edit, subject::Place, texts};
use crate::diagnostic::{codes, nearest};
use crate::labels::METRIC_NAME;
use crate::promql::parse::parse;
use crate::rules::graph::ALERT_NAME;
use crate::rules::template::{Read, What};
use crate::source::FileSpan;

pub(in crate::lint) const LINT: Lint = Lint {
    code: codes::TEMPLATE_LABEL_MISSING,
    page: Page {
        why: "A template sees the labels that the expression gives. An aggregation keeps only the labels that it names, \
              `absent()` only those that its selector sets with `=`, and an arithmetic or a comparison between two \
              vectors only those by which they are matched. `{{ $labels.instance }}` of any other label is the empty \
              text: \"Instance  is down\". Labels that the rule itself sets under `labels:` are not seen either.\n\n\
              Keep the label in the expression, or remove it from the text. Where the label may be missing on purpose, \
              `{{ if $labels.instance }}..{{ end }}` says so and nothing is reported.\n\n\
              The same holds for the samples of `query` in a template, and a query that is no valid expression fails \
              whenever the template is expanded.",
        bad: "\
- alert: InstanceDown
  expr: sum by (job) (up) == 0
  for: 5m
  annotations:
    summary: 'Instance {{ $labels.instance }} of {{ $labels.job }} is down'
",
        clean: "\
- alert: InstanceDown
  expr: sum by (job, instance) (up) == 0
  for: 5m
  annotations:
    summary: 'Instance {{ $labels.instance }} of {{ $labels.job }} is down'
",
        data: "",
    },
    check: Check::Rule(check),
};

/// Labels that every scraped series has, so that an aggregation may keep them.
const TARGET_LABELS: [&str; 2] = ["instance", "job"];

fn check(place: &Place<'_>, found: &mut Found) {
    if !place.is_alert() {
        return;
    }
    let mut labels = None;
    for text in texts::annotations(place.rule).chain(texts::labels(place.rule)) {
        for read in text.template.reads() {
            let at = text.at(read.span);
            match &read.what {
                What::Label(label) if !read.asked && !read.guarded && label != METRIC_NAME => {
                    let labels = labels.get_or_insert_with(|| place.labels());
                    if let Has::No(gone) = labels.get(label) {
                        missing(place, (label, at), gone, found);
                    }
                }
                What::Query { .. } => query(place, &text, &read, found),
                What::Label(_) | What::Value { .. } => {}
            }
        }
    }
}

fn missing(place: &Place<'_>, (label, at): (&str, FileSpan), gone: Gone, found: &mut Found) {
    let rule = place.rule;
    let message = format!("this text reads the label `{label}`, which the expression does not have");
    let kept = edit::keep_label(rule, gone, label);
    let labels = place.labels();
    let have = labels.named().filter(|(_, has)| has.gone().is_none()).map(|(name, _)| name);
    let near = nearest(label, have).first().map(|near| (*near).to_owned());
    let is_own = rule.labels.iter().any(|(name, _)| name == label);
    let finding = found.at(at, (place.group, rule), message);
    if gone.by != By::Scalar || !is_own {
        *finding = finding.clone().with_related(rule.text.at(gone.span), lost(gone.by));
    }
    if is_own {
        finding.help.push(format!(
            "`{label}` is set under `labels:` of this rule, and templates see the labels of the expression alone: write \
             its value into the text"
        ));
    } else if label == ALERT_NAME {
        finding.help.push(format!("write the name itself, `{}`: templates do not see it", rule.name.text));
    } else if let Some(near) = near {
        finding.help.push(format!("did you mean `{near}`?"));
    } else if let Some((fixed, edits)) = kept {
        let both = if edits.is_empty() { ", in all parts that are matched" } else { "" };
        finding.help.push(format!("keep it: `{fixed}`{both}; or remove it from the text"));
        if TARGET_LABELS.contains(&label) {
            finding.fixes = edits;
        }
    } else {
        finding.help.push(format!("remove it from the text, or keep `{label}` in the expression"));
    }
}

/// Says how a label was lost, at the place that lost it.
fn lost(by: By) -> &'static str {
    match by {
        By::Aggregation => "this aggregation does not keep it",
        By::Matching => "this operator keeps only the labels that it matches",
        By::OtherSide => "the other side does not have it, and both sides must have equal labels",
        By::Absent => "this gives only the labels that its selector sets with `=`",
        By::Function => "this function does not give it",
        By::Matcher => "this selects series without it",
        By::Recorded => "the recording rule that writes this does not keep it",
        By::Scalar => "this has no labels",
    }
}

/// Looks at a query of a template.
fn query(place: &Place<'_>, text: &texts::Text<'_>, read: &Read, found: &mut Found) {
    let What::Query { text: asked, labels } = &read.what else { return };
    let parsed = parse(asked);
    if let Some(problem) = parsed.problems.first() {
        let message = format!("the query of this template is not valid: {}", problem.message);
        let finding = found.at(text.at(read.span), (place.group, place.rule), message);
        finding.help.extend(problem.help.clone());
        return;
    }
    let flows = Flows::default();
    let flow = flows.labels(&parsed.expr);
    for (label, span) in labels {
        if flow.get(label).gone().is_some() && label != METRIC_NAME {
            let message = format!("this reads the label `{label}`, which the samples of the query do not have");
            let help = format!("keep `{label}` in the query: `{asked}`");
            found.at(text.at(*span), (place.group, place.rule), message).help.push(help);
        }
    }
}
