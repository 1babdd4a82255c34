//! A metric that neither the recording nor a rule has.

use super::super::evidence::Evidence;
use super::super::{Check, Found, Lint, Page};
use super::misses::{What, listed, misses, word_at};
use crate::diagnostic::codes;

pub(in crate::lint) const LINT: Lint = Lint {
    code: codes::NO_SUCH_METRIC,
    page: Page {
        why: "A selector of a metric that does not exist gives nothing, and Prometheus says nothing about it: the alert \
              never fires. Here neither the recording has the metric nor does a recording rule write it.\n\n\
              Correct the name, or record the metric: a recording that holds only some of the metrics of a server says \
              nothing of the others. Inside `absent()`, right of `unless` and next to an `or` with another side a metric \
              may be missing on purpose; then the finding is an info, unless the name looks like a typo.",
        bad: "\
- alert: CpuHigh
  expr: cpu_usage_ration > 0.9
  for: 2m
",
        clean: "\
- alert: CpuHigh
  expr: cpu_usage_ratio > 0.9
  for: 2m
",
        data: "\
time,host,cpu_usage_ratio
2026-01-05T00:00:00Z,a,0.5
2026-01-05T00:01:00Z,a,0.95
2026-01-05T00:02:00Z,a,0.95
2026-01-05T00:03:00Z,a,0.95
2026-01-05T00:04:00Z,a,0.95
2026-01-05T00:05:00Z,a,0.4
",
    },
    check: Check::Data(check),
};

fn check(evidence: &Evidence<'_>, found: &mut Found) {
    for (place, _) in evidence.rules() {
        for miss in misses(evidence, &place) {
            let What::Metric { near, is_label } = &miss.what else { continue };
            let metric = miss.selector.metric().unwrap_or("");
            let usual = found.severity;
            let message = format!("`{metric}` is not in the recording");
            let finding = found.expr(&place, word_at(&place, miss.span, metric), message);
            finding.severity = miss.severity(usual);
            if *is_label {
                finding.message.push_str(" as a metric: it is the name of a label");
                finding.help.push(format!(
                    "compare `{metric}` as a label: `{{{metric}=\"..\"}}`, or read its column as a metric"
                ));
            } else if let Some(first) = near.first() {
                finding.help.push(format!("did you mean `{first}`?"));
                if near.len() > 1 {
                    finding.help.push(format!("also near: {}", listed(&near[1..])));
                }
            } else {
                finding.help.push("`alertctl data RECORDING` lists the metrics of a recording".to_owned());
            }
            if miss.guard.is_meant() {
                finding.help.push("here a missing metric may be meant; then nothing is wrong".to_owned());
            }
        }
    }
}
