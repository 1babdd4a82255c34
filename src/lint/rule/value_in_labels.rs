//! A label that holds the value.

use super::super::{Check, Found, Lint, Page, subject::Place, texts};
use crate::diagnostic::{Severity, codes};
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
        return;
    }
    for text in texts::labels(place.rule) {
        let reads = text.template.reads();
        let values = || reads.iter().filter(|read| matches!(read.what, What::Value { .. }));
        let Some(read) = values().find(|read| !read.asked).or_else(|| values().next()) else { continue };
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
        let help = format!("move `{name}` from `labels:` to `annotations:`");
        found.at(at, (place.group, place.rule), message).help.push(help);
    }
}
