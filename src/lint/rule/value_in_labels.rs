//! A label that holds the value.

use super::super::{Check, Found, Lint, Page, subject::Place, texts};
use crate::diagnostic::{Severity, codes};
use crate::rules::Form;
use crate::rules::template::What;

pub(in crate::lint) const LINT: Lint = Lint {
    code: codes::VALUE_IN_LABELS,
    page: Page {
        why: "The labels of an alert are its identity. A label that holds the value changes whenever the value does, and \
              each change is another alert: the old one is resolved, the new one begins to be pending from zero. With a \
              `for` such an alert fires only while its value stands still, and without one it sends a new notification \
              at every evaluation.\n\n\
              Put the value into an annotation: annotations may change without making a new alert. For a severity that \
              depends on the value write two rules.",
        bad: "\
- alert: DiskFilling
  expr: disk_used_ratio > 0.9
  for: 10m
  labels:
    used: '{{ $value | humanizePercentage }}'
",
        clean: "\
- alert: DiskFilling
  expr: disk_used_ratio > 0.9
  for: 10m
  annotations:
    used: '{{ $value | humanizePercentage }}'
",
        data: "",
    },
    check: Check::Rule(check),
};

fn check(place: &Place<'_>, found: &mut Found) {
    if !place.is_alert() {
        recorded(place, found);
        return;
    }
    for text in texts::labels(place.rule) {
        let reads = text.template.reads();
        let values = || reads.iter().filter(|read| matches!(read.what, What::Value { .. }));
        let Some(read) = values().find(|read| !read.asked).or_else(|| values().next()) else {
            if text.template.uses_value() {
                // All the data is printed, the value with it.
                let message = format!("the label `{}` holds the value: every new value is a new alert", text.name);
                let finding = found.at(text.part.at(), (place.group, place.rule), message);
                finding.help.push("name the labels that are wanted: `{{ $labels.job }}`".to_owned());
            }
            continue;
        };
        let (at, name) = (text.at(read.span), text.name);
        if read.asked {
            // It takes a few values only: a new alert at each change of them, which may be meant.
            let message = format!("the label `{name}` depends on the value: a new alert begins each time it changes");
            let finding = found.at(at, (place.group, place.rule), message);
            finding.severity = Severity::Info;
            finding.help.push("write one rule per range of values, each with its own label".to_owned());
            continue;
        }
        let message = match place.hold().0 {
            0 => format!("the label `{name}` holds the value: every new value is a new alert"),
            _ => format!(
                "the label `{name}` holds the value: every new value is a new alert, and `for: {}` starts again",
                place.hold()
            ),
        };
        let help = match (text.part.of_group, place.file.form) {
            (true, _) => {
                format!("remove `{name}` from the `labels:` of the group; `annotations:` of a rule may hold the value")
            }
            (_, Form::Native) => {
                format!("remove `{name}` from `labels:`; the text of `description:` may hold the value")
            }
            _ => format!("move `{name}` from `labels:` to `annotations:`"),
        };
        found.at(at, (place.group, place.rule), message).help.push(help);
    }
}

/// Looks for templates in the labels of a recording rule, which are taken as they are.
fn recorded(place: &Place<'_>, found: &mut Found) {
    let labels = place.rule.parts.iter().flat_map(|parts| &parts.labels);
    for part in labels.filter(|part| part.text.as_ref().is_some_and(|text| text.text.contains("{{"))) {
        let message = format!("labels of recording rules are no templates: `{}` keeps this text as it is", part.name);
        let finding = found.at(part.at(), (place.group, place.rule), message);
        finding.severity = Severity::Warning;
        finding.help.push("write the value itself, or keep the label in the expression".to_owned());
    }
}
