//! Names that are used once: ids of rules and names of derived metrics, in a file and over all files of a run.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::rules::{Form, RuleFile, RuleKind};
use crate::source::{FileSpan, Located};
use crate::yaml::problems::Problems;

/// Tells of ids and derived metrics that two files of the native form both have. Prometheus' form allows repeated
/// names and is not looked at. Those inside one file were reported when it was loaded.
pub fn check_unique(files: &[RuleFile], diagnostics: &mut Diagnostics) {
    let mut seen = Seen::new();
    for file in files.iter().filter(|file| file.form == Form::Native) {
        for group in &file.groups {
            for rule in &group.rules {
                let alert = matches!(rule.kind, RuleKind::Alert { .. });
                let first = *seen.entry((alert, &rule.name.text)).or_insert_with(|| rule.name.whole());
                if first.file != file.file {
                    let mut diagnostic = repeated(alert, &rule.name, first, "files of one run");
                    diagnostic.subject = Some((group.name.text.clone(), rule.name.text.clone()));
                    diagnostics.push(diagnostic);
                }
            }
        }
    }
}

/// Where each name was first used, alerts (`true`) apart from metrics.
type Seen<'a> = BTreeMap<(bool, &'a str), FileSpan>;

/// The names of one file.
#[derive(Debug, Default)]
pub(super) struct Names<'a> {
    seen: Seen<'a>,
}

impl<'a> Names<'a> {
    /// Takes the id of a rule; one that is taken is reported.
    pub(super) fn claim_id(&mut self, id: &'a Located, problems: &mut Problems<'_>) {
        self.claim(true, id, problems);
    }

    /// Takes the name of a derived metric; one that is taken is reported.
    pub(super) fn claim_metric(&mut self, name: &'a Located, problems: &mut Problems<'_>) {
        self.claim(false, name, problems);
    }

    fn claim(&mut self, alert: bool, name: &'a Located, problems: &mut Problems<'_>) {
        match self.seen.entry((alert, &name.text)) {
            Entry::Occupied(first) => problems.push(repeated(alert, name, *first.get(), "rules of one file")),
            Entry::Vacant(free) => {
                free.insert(name.whole());
            }
        }
    }
}

fn repeated(alert: bool, name: &Located, first: FileSpan, of: &str) -> Diagnostic {
    let text = &name.text;
    let (code, message, line) = if alert {
        (codes::DUPLICATE_ID, format!("two {of} have the id `{text}`"), format!("`id: {text}_2`"))
    } else {
        (codes::DUPLICATE_DERIVED, format!("two {of} derive the metric `{text}`"), format!("`record: {text}_2`"))
    };
    Diagnostic::error(code, message, name.whole()).with_related(first, "first used here").with_help(line)
}

#[cfg(test)]
mod tests {
    use super::check_unique;
    use crate::diagnostic::Diagnostics;
    use crate::rules::load;
    use crate::rules::testing::check;
    use crate::source::SourceMap;

    #[test]
    fn ids_name_one_rule() {
        let rules = |text: &str| format!("alertctl: 1\nrules:\n{text}\n");
        check(
            &rules("- {id: a, metric: m, above: 1}\n- {id: a, metric: m, below: 1}"),
            &["duplicate-id 4:8 two rules of one file have the id `a`"],
        );
        check(
            &rules("- {id: a, metric: m}\n- {id: a, above: 1}"),
            &[
                "condition 3:3 this rule has no condition",
                "metric 4:3 this rule has no metric",
                "duplicate-id 4:8 two rules of one file have the id `a`",
            ],
        );
        check(&rules("- {metric: m, above: 1}"), &["rule-id 3:3 this rule has no `id`"]);
        check(&rules("- {id: ' ', metric: m, above: 1}"), &["rule-id 3:8 this `id` is empty"]);
        check(
            &rules("- {id: \"a\\nb\", metric: m, above: 1}"),
            &["rule-id 3:8 the id \"a\\nb\" has a control character: it is the label `alertname`"],
        );
        check(&rules("- {id: [a], metric: m, above: 1}"), &["wrong-type 3:8 `id` is a text, this is a list"]);
        check(&rules("-\n"), &["empty-entry 3:2 this entry of the list is empty, expected a rule: it is ignored"]);
    }

    #[test]
    fn ids_are_unique_over_all_files() {
        let mut sources = SourceMap::default();
        let mut diagnostics = Diagnostics::default();
        let text = "alertctl: 1\nderived: [{record: d, expr: x}]\nrules: [{id: a, metric: m, above: 1}]\n";
        let prometheus = "groups: [{name: g, rules: [{alert: a, expr: x}, {alert: a, expr: y}]}]\n";
        let files: Vec<_> = [("one.yml", text), ("two.yml", text), ("three.yml", prometheus)]
            .iter()
            .filter_map(|(name, text)| load(&mut sources, name, text.as_bytes(), &mut diagnostics))
            .collect();
        assert!(diagnostics.is_empty());
        check_unique(&files, &mut diagnostics);
        let told: Vec<String> = diagnostics
            .sorted()
            .iter()
            .map(|found| format!("{} {} {:?}", found.code, found.message, found.subject))
            .collect();
        assert_eq!(
            told,
            [
                "duplicate-derived two files of one run derive the metric `d` Some((\"two\", \"d\"))",
                "duplicate-id two files of one run have the id `a` Some((\"two\", \"a\"))",
            ]
        );
    }
}
