//! A baseline of known findings, with which the check of an old repository begins.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::FileId;

use super::is_certain;

/// What a baseline says that it is.
const SCHEMA: &str = "alertctl.check-baseline/1";
/// What baselines of all versions begin with.
const KIND: &str = "alertctl.check-baseline/";

/// Known findings and how often each is there. They are told apart by what they say and the rule they are about, and not
/// by their lines, so that a file may change around them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    known: BTreeMap<Finding, u64>,
}

/// One known finding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Finding {
    file: String,
    code: String,
    group: String,
    rule: String,
    finding: String,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    #[serde(flatten)]
    finding: Finding,
    count: u64,
}

#[derive(Deserialize)]
struct Document {
    findings: Vec<Entry>,
}

/// What a baseline made of findings.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// What it hides.
    pub hidden: Diagnostics,
    /// How many of its findings are gone.
    pub gone: u64,
}

impl Baseline {
    /// Reads a baseline.
    ///
    /// # Errors
    /// A sentence that says what it is instead.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let value: serde_json::Value =
            serde_json::from_slice(bytes).map_err(|error| format!("is not JSON: {error}"))?;
        let schema = value.get("schema").and_then(serde_json::Value::as_str).unwrap_or_default();
        match schema {
            SCHEMA => {}
            _ if schema.starts_with(KIND) => {
                return Err(format!("is a baseline of another version, `{schema}`; this one reads `{SCHEMA}`"));
            }
            "" => return Err(format!("is no baseline of check: it has no `\"schema\": \"{SCHEMA}\"`")),
            _ => return Err(format!("is no baseline of check, but `{schema}`")),
        }
        let document = Document::deserialize(value).map_err(|error| format!("is damaged: {error}"))?;
        let mut known = BTreeMap::new();
        for Entry { finding, count } in document.findings {
            *known.entry(finding).or_default() += count;
        }
        Ok(Self { known })
    }

    /// Makes a baseline of findings; `path` names their files as seen from the baseline. Errors for which a file cannot
    /// be read are left out.
    #[must_use]
    pub fn of<'a>(found: impl IntoIterator<Item = &'a Diagnostic>, path: &dyn Fn(FileId) -> String) -> Self {
        let mut known = BTreeMap::new();
        for one in found.into_iter().filter(|one| !is_certain(one)) {
            *known.entry(key(one, path)).or_default() += 1;
        }
        Self { known }
    }

    /// Returns it as JSON, a finding per line.
    #[must_use]
    pub fn text(&self) -> String {
        let entry = |(finding, count): (&Finding, &u64)| {
            let entry = Entry { finding: finding.clone(), count: *count };
            // Texts and numbers are always JSON.
            serde_json::to_string(&entry).unwrap_or_default()
        };
        let entries: Vec<String> = self.known.iter().map(entry).collect();
        let inner = if entries.is_empty() { String::new() } else { format!("\n{}\n", entries.join(",\n")) };
        format!("{{\"schema\":\"{SCHEMA}\",\"findings\":[{inner}]}}\n")
    }

    /// Returns how many findings are known.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.known.values().sum()
    }

    /// Takes known findings out of those that were found, as often as they are known. `files` are those that were
    /// looked at, and `ran` says which codes were looked for: what is known of others is not gone.
    #[must_use]
    pub fn hide(
        &self,
        found: &mut Diagnostics,
        files: &BTreeSet<String>,
        path: &dyn Fn(FileId) -> String,
        ran: &dyn Fn(&str) -> bool,
    ) -> Known {
        let mut left = self.known.clone();
        let mut hidden = Diagnostics::default();
        found.retain(|one| {
            let is_known = !is_certain(one) && left.get_mut(&key(one, path)).is_some_and(take);
            if is_known {
                hidden.push(one.clone());
            }
            !is_known
        });
        let gone = left.iter().filter(|(finding, _)| files.contains(&finding.file) && ran(&finding.code));
        Known { hidden, gone: gone.map(|(_, count)| count).sum() }
    }
}

/// Takes one of so many, if there is one.
fn take(left: &mut u64) -> bool {
    let is_left = *left > 0;
    *left -= u64::from(is_left);
    is_left
}

fn key(one: &Diagnostic, path: &dyn Fn(FileId) -> String) -> Finding {
    let (group, rule) = one.subject.clone().unwrap_or_default();
    let file = one.primary.as_ref().map(|mark| path(mark.at.file)).unwrap_or_default();
    Finding { file, code: one.code.to_owned(), group, rule, finding: one.message.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::codes;
    use crate::source::{FileSpan, Span};

    fn found(messages: &[&str]) -> Diagnostics {
        let mut all = Diagnostics::default();
        for (line, message) in messages.iter().enumerate() {
            let at = FileSpan { file: FileId(0), span: Span::new(line, line) };
            all.push(Diagnostic::warning(codes::DEAD_CODE, *message, at).about(("g".to_owned(), "A".to_owned())));
        }
        all
    }

    #[test]
    fn known_findings_are_hidden_wherever_they_stand() {
        let path = |_: FileId| "rules/a.yml".to_owned();
        let baseline = Baseline::of(found(&["one", "two", "two"]).iter(), &path);
        let text = baseline.text();
        assert_eq!(text.lines().count(), 4, "{text}");
        assert_eq!(Baseline::read(text.as_bytes()), Ok(baseline.clone()));
        let check = |messages: &[&str], left: &[&str], gone: u64| {
            let mut now = found(messages);
            let files = BTreeSet::from(["rules/a.yml".to_owned()]);
            let known = baseline.hide(&mut now, &files, &path, &|_| true);
            assert_eq!(
                (now.iter().map(|one| one.message.as_str()).collect::<Vec<_>>(), known.gone),
                (left.to_vec(), gone)
            );
            assert_eq!(known.hidden.iter().count() + left.len(), messages.len());
            let others = baseline.hide(&mut found(messages), &BTreeSet::new(), &path, &|_| true);
            assert_eq!(others.gone + baseline.hide(&mut found(messages), &files, &path, &|_| false).gone, 0);
        };
        check(&["zero", "two", "one"], &["zero"], 1);
        check(&["two", "two", "two"], &["two"], 1);
        check(&[], &[], 3);
    }

    #[test]
    fn other_files_are_no_baselines() {
        let check = |text: &str, expected: &str| {
            let error = Baseline::read(text.as_bytes()).expect_err(text);
            assert!(error.contains(expected), "{error}");
        };
        check("groups: []", "is not JSON");
        check("{}", "is no baseline of check: it has no `\"schema\"");
        check("{\"schema\":\"alertctl.check/1\"}", "is no baseline of check, but `alertctl.check/1`");
        check("{\"schema\":\"alertctl.check-baseline/2\"}", "another version, `alertctl.check-baseline/2`");
        check("{\"schema\":\"alertctl.check-baseline/1\"}", "is damaged: missing field `findings`");
    }
}
