//! A value that a label has in no series of the metric.

use super::super::evidence::Evidence;
use super::super::{Check, Found, Lint, Page};
use super::misses::{What, listed, misses, word_at};
use super::slips::{Mistaken, Slip, slips};
use crate::diagnostic::codes;

pub(in crate::lint) const LINT: Lint = Lint {
    code: codes::NO_SUCH_VALUE,
    page: Page {
        why: "The metric is in the recording and its series have the label, but none has a value that the matcher takes. \
              The selector gives nothing, and the alert never fires. A regular expression must match the whole value. \
              One of several values, and one after `!=`, is looked at where it is near one that is there.\n\n\
              Correct the value. Inside `absent()` and right of `unless` a missing value may be meant; then the finding \
              is an info, unless the value looks like a typo.",
        bad: "\
- alert: QueueFull
  expr: queue_depth{job=\"bacth\"} > 90
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
    for (place, _) in evidence.rules() {
        for slip in slips(evidence, &place) {
            let Slip { metric, matcher, span, what: Mistaken::Value { word, near } } = slip else { continue };
            let message = format!("no series of `{metric}` has {}=\"{word}\", which `{matcher}` names", matcher.name);
            let finding = found.expr(&place, word_at(&place, span, word), message);
            finding.help.push(format!("did you mean `{near}`?"));
        }
        for miss in misses(evidence, &place) {
            let metric = miss.selector.metric().unwrap_or("the recording").to_owned();
            let usual = found.severity;
            let finding = match &miss.what {
                What::Value { matcher, near, all } => {
                    let message = format!("no series of `{metric}` has {matcher}");
                    let finding = found.expr(&place, word_at(&place, miss.span, &matcher.value), message);
                    match near.first() {
                        Some(first) => {
                            finding.help.push(format!("did you mean `{first}`?"));
                            if near.len() > 1 {
                                finding.help.push(format!("also near: {}", listed(&near[1..])));
                            }
                        }
                        None => finding.help.push(format!("`{}` is {}", matcher.name, listed(all))),
                    }
                    finding
                }
                What::Together => {
                    let message = match miss.selector.metric() {
                        Some(_) => format!("no series of `{metric}` satisfies all matchers of this selector"),
                        None => "no series of the recording satisfies this selector".to_owned(),
                    };
                    let finding = found.expr(&place, miss.span, message);
                    finding.help.push("each matcher takes some series: remove one, or correct a value".to_owned());
                    finding
                }
                What::Metric { .. } | What::Label { .. } => continue,
            };
            finding.severity = miss.severity(usual);
            if miss.guard.is_meant() {
                finding.help.push("here a missing series may be meant; then nothing is wrong".to_owned());
            }
        }
    }
}
