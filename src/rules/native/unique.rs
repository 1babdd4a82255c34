//! Names that are used once: ids of rules and names of derived metrics, in a file and over all files of a run.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::rules::problems::Problems;
use crate::rules::{Form, RuleFile, RuleKind};
use crate::source::{FileSpan, Located};

/// Tells of ids and derived metrics that two files of the native form both have. Prometheus' form allows repeated
/// names and is not looked at. Those inside one file were told when it was loaded.
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
    /// Takes the id of a rule; one that is taken is told.
    pub(super) fn claim_id(&mut self, id: &'a Located, problems: &mut Problems<'_>) {
        self.claim(true, id, problems);
    }

    /// Takes the name of a derived metric; one that is taken is told.
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
        ("duplicate-id", format!("two {of} have the id `{text}`"), format!("`id: {text}_2`"))
    } else {
        ("duplicate-derived", format!("two {of} derive the metric `{text}`"), format!("`record: {text}_2`"))
    };
    Diagnostic::error(code, message, name.whole()).with_related(first, "first used here").with_help(line)
}
