//! A template that cannot be expanded for an alert.

use std::collections::BTreeMap;

use super::super::evidence::Evidence;
use super::super::{Check, Found, Lint, Page};
use crate::diagnostic::codes;
use crate::format::counted;
use crate::rules::{Rule, TextPart};
use crate::source::FileSpan;
use crate::time::Timestamp;

pub(in crate::lint) const LINT: Lint = Lint {
    code: codes::TEMPLATE_FAILS,
    page: Page {
        why: "A template that fails when an alert is made gives `<error expanding template: ..>` in place of the text, which \
              is what the person on call reads. It is found only with the values and labels of an alert: `first` of a query \
              without a result, a text that is no number given to `humanize`.\n\n\
              Ask before you use: `{{ with query \"..\" }}{{ . | first | value }}{{ end }}`.",
        bad: "\
- alert: CpuHigh
  expr: cpu_usage_ratio > 0.9
  annotations:
    summary: '{{ query \"up\" | first | value }} on {{ $labels.host }}'
",
        clean: "\
- alert: CpuHigh
  expr: cpu_usage_ratio > 0.9
  annotations:
    summary: '{{ with query \"up\" }}{{ . | first | value }}{{ end }} on {{ $labels.host }}'
",
        data: "\
time,host,cpu_usage_ratio
2026-01-05T00:00:00Z,a,0.5
2026-01-05T00:01:00Z,a,0.95
2026-01-05T00:02:00Z,a,0.95
2026-01-05T00:03:00Z,a,0.4
2026-01-05T00:04:00Z,a,0.5
",
    },
    check: Check::Data(check),
};

/// What stands in a text that could not be expanded.
const FAILED: &str = "<error expanding template: ";

fn check(evidence: &Evidence<'_>, found: &mut Found) {
    for (place, facts) in evidence.alerts() {
        // By name of the text: how often, when first, and why.
        let mut failed: BTreeMap<&str, (u64, Timestamp, &str)> = BTreeMap::new();
        let episodes = evidence.episodes(facts);
        for episode in &episodes {
            let at = episode.activity.fired_at.unwrap_or(episode.activity.active_at);
            let annotations = episode.annotations.iter().map(|(name, text)| (name.as_str(), text.as_str()));
            for (name, text) in annotations.chain(episode.labels.iter()) {
                let Some(begins) = text.find(FAILED) else { continue };
                let why = text[begins + FAILED.len()..].trim_end_matches('>');
                let known = failed.entry(name).or_insert((0, at, why));
                known.0 += 1;
                known.1 = known.1.min(at);
            }
        }
        for (name, (many, first, why)) in failed {
            let message =
                format!("`{name}` cannot be expanded for {}, first at {first}: {why}", counted(many, "alert"));
            found.at(text_at(place.rule, name), (place.group, place.rule), message);
        }
    }
}

/// Returns where the text of a label or annotation stands.
fn text_at(rule: &Rule, name: &str) -> FileSpan {
    let parts = rule.parts.iter().flat_map(|parts| parts.annotations.iter().chain(&parts.labels));
    let mut named = parts.filter(|part| part.name == name);
    named.next().map_or(rule.name.whole(), TextPart::at)
}
