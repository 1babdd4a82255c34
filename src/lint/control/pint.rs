//! The checks of pint, and the codes that find the same.

use crate::diagnostic::codes;

/// A check of pint a line: its name, then codes. One without codes has no counterpart.
///
/// Source: pint's documentation, "Checks".
const CHECKS: &str = "
alerts/absent absent-without-for
alerts/annotation required-annotation forbidden-annotation runbook-url
alerts/comparison always-fires contradictory-threshold
alerts/count fire-count
alerts/external_labels
alerts/template value-in-labels template-label-missing humanize
group/interval interval-over-lookback
labels/conflict
pint/comment invalid-comment unknown-code unused-comment
promql/aggregate aggregation-label
promql/counter counter-as-gauge
promql/features experimental
promql/fragile fragile
promql/impossible dead-code
promql/nan nan-poison
promql/performance precomputed
promql/range_query beyond-data
promql/rate range-too-short rate-of-sum rate-on-gauge
promql/regexp regexp
promql/selector selector-label
promql/series no-such-metric no-such-label no-such-value dependency
promql/syntax
promql/vector_matching no-match
query/cost cost precomputed
rule/dependency dependency
rule/duplicate duplicate
rule/for for-limits
rule/keep_firing_for for-limits
rule/label required-label forbidden-label allowed-severity
rule/link
rule/name rule-name
rule/owner rule-owner
rule/reject forbidden-label forbidden-annotation
rule/report
yaml/parse
";

fn checks() -> impl Iterator<Item = (&'static str, impl Iterator<Item = &'static str>)> {
    CHECKS.lines().filter_map(|line| {
        let mut words = line.split(' ');
        words.next().filter(|name| !name.is_empty()).map(|name| (name, words))
    })
}

/// Returns the codes that find what a check of pint finds; none where there is no such check.
pub(super) fn codes_of(name: &str) -> Vec<&'static str> {
    let found = checks().find(|(check, _)| *check == name);
    found.into_iter().flat_map(|(_, words)| words).filter_map(|word| codes::find(word)).map(|code| code.word).collect()
}

/// Returns the names of all checks.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    checks().map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_have_counterparts() {
        assert_eq!(codes_of("promql/impossible"), [codes::DEAD_CODE]);
        assert_eq!(codes_of("yaml/parse"), [""; 0]);
        for (name, words) in checks() {
            words.for_each(|word| assert!(codes::find(word).is_some(), "{name}: {word}"));
        }
        assert!(names().all(|name| name.contains('/')) && names().any(|name| name == "promql/series"));
    }
}
