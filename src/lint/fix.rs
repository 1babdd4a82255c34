//! Applies the fixes of findings to the texts of their files: every other byte stays as it is.

use std::collections::BTreeMap;

use similar::TextDiff;

use crate::diagnostic::{Diagnostic, Diagnostics, Fix};
use crate::rules::{Rule, RuleSet};
use crate::source::{FileId, FileSpan, SourceMap};

/// A file whose text was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fixed {
    /// The file.
    pub file: FileId,
    /// Its new text.
    pub text: String,
    /// How many findings were fixed.
    pub findings: usize,
}

/// What is put where, by the place that it replaces. Unit: bytes.
type Edits<'a> = BTreeMap<(u32, u32), &'a str>;

/// Takes the fixes from findings of lints that would change more than the rule they are about: what a rule shares with
/// another one through an alias or `<<`. The rules must have been loaded with their parts. Cost: a sort of the rules, and
/// for each fix a look at what rules take from elsewhere.
pub fn keep_own(found: &mut Diagnostics, rules: &RuleSet) {
    let mut own: Vec<FileSpan> = Vec::new();
    let mut borrowed: Vec<FileSpan> = Vec::new();
    for (_, rule) in rules.rules() {
        let Some(parts) = &rule.parts else { continue };
        own.push(parts.span);
        borrowed.extend(places(rule).filter(|place| !covers(parts.span, *place)));
    }
    own.sort_unstable_by_key(|at| (at.file, at.span));
    let is_own = |fix: &Fix| {
        let after = own.partition_point(|at| (at.file, at.span.start) <= (fix.at.file, fix.at.span.start));
        let mut before = own[..after].iter().rev().map(|at| covers(*at, fix.at));
        before.next() == Some(true)
            && before.next() != Some(true)
            && !borrowed.iter().any(|place| covers(*place, fix.at) || covers(fix.at, *place))
    };
    found.retain(|one| {
        if !one.fixes.iter().all(is_own) {
            one.fixes.clear();
        }
        true
    });
}

/// Returns where what a rule says stands.
fn places(rule: &Rule) -> impl Iterator<Item = FileSpan> {
    let parts = rule.parts.iter().flat_map(|parts| {
        let keys = [parts.expr, parts.hold, parts.keep_firing, parts.labels_key, parts.annotations_key];
        let texts = parts.labels.iter().filter(|label| !label.of_group).chain(&parts.annotations);
        keys.into_iter().flatten().flat_map(|part| [part.key, part.value]).chain(texts.map(|text| text.at()))
    });
    parts.chain([rule.text.whole()])
}

fn covers(outer: FileSpan, inner: FileSpan) -> bool {
    outer.file == inner.file && outer.span.start <= inner.span.start && inner.span.end <= outer.span.end
}

/// Applies the fixes of findings, in their order: all of a finding or none. Those that touch what an earlier one has
/// changed are left for another time. Cost: a sort of the fixes, and a copy of the texts that change.
#[must_use]
pub fn apply(findings: &[Diagnostic], sources: &SourceMap) -> Vec<Fixed> {
    let mut by_file: BTreeMap<FileId, (Edits<'_>, usize)> = BTreeMap::new();
    for finding in findings {
        let Some(file) = finding.fixes.first().map(|fix| fix.at.file) else { continue };
        let (edits, fixed) = by_file.entry(file).or_default();
        if finding.fixes.iter().all(|fix| fix.at.file == file && fits(fix, edits)) {
            edits.extend(finding.fixes.iter().map(|fix| (place(fix), fix.replacement.as_str())));
            *fixed += 1;
        }
    }
    let text = |(file, (edits, findings)): (FileId, (Edits<'_>, usize))| {
        let text = edited(&sources.file(file).text, &edits);
        Fixed { file, text, findings }
    };
    by_file.into_iter().map(text).filter(|fixed| *fixed.text != *sources.file(fixed.file).text).collect()
}

fn place(fix: &Fix) -> (u32, u32) {
    (fix.at.span.start, fix.at.span.end)
}

/// Returns whether a fix touches no edit, or is one of them.
fn fits(fix: &Fix, edits: &Edits<'_>) -> bool {
    let (start, end) = place(fix);
    if let Some(same) = edits.get(&(start, end)) {
        return *same == fix.replacement;
    }
    let before = edits.range(..(start, end)).next_back();
    let after = edits.range((start, end)..).next();
    // An insertion touches what begins or ends where it stands.
    before.is_none_or(|((from, to), _)| *to < start || *to == start && from < to && start < end)
        && after.is_none_or(|((from, to), _)| *from > end || *from == end && from < to && start < end)
}

fn edited(text: &str, edits: &Edits<'_>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for ((start, end), replacement) in edits {
        out.push_str(&text[at..*start as usize]);
        out.push_str(replacement);
        at = *end as usize;
    }
    out.push_str(&text[at..]);
    out
}

/// Returns the difference of two texts of a file as a patch, empty where there is none: `patch -p1` and `git apply`
/// take it from the folder that the name is relative to.
#[must_use]
pub fn patch(name: &str, before: &str, after: &str) -> String {
    if before == after {
        return String::new();
    }
    let name = name.trim_start_matches("./").trim_start_matches('/');
    // Lines of a patch end in `\n`, whatever else ends lines of YAML.
    let [lines, lines_now] = [before, after].map(|text| text.split_inclusive('\n').collect::<Vec<&str>>());
    let diff = TextDiff::from_slices(&lines, &lines_now);
    let mut patch = format!("--- a/{name}\n+++ b/{name}\n");
    for hunk in diff.unified_diff().context_radius(3).iter_hunks() {
        patch.push_str(&format!("{}\n", hunk.header()));
        for change in hunk.iter_changes() {
            let end = if change.value().ends_with('\n') { "" } else { "\n\\ No newline at end of file\n" };
            patch.push_str(&format!("{}{}{end}", change.tag(), change.value()));
        }
    }
    patch
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::codes;
    use crate::source::{FileSpan, Span};

    /// Applies fixes, each finding a list of `start..end=replacement`, and returns the text and how many were fixed.
    fn check(text: &str, findings: &[&[(usize, usize, &str)]], expected: &str, fixed: usize) {
        let mut sources = SourceMap::default();
        let file = sources.add("a.yml", text);
        let finding = |fixes: &&[(usize, usize, &str)]| {
            let at = |start, end| FileSpan { file, span: Span::new(start, end) };
            let mut found = Diagnostic::error(codes::UNKNOWN_KEY, "", at(0, 0));
            let fix = |(start, end, text): &(usize, usize, &str)| Fix {
                at: at(*start, *end),
                replacement: (*text).to_owned(),
            };
            found.fixes = fixes.iter().map(fix).collect();
            found
        };
        let findings: Vec<Diagnostic> = findings.iter().map(finding).collect();
        let done = apply(&findings, &sources);
        let (text, count) = done.first().map_or((text, 0), |done| (done.text.as_str(), done.findings));
        assert_eq!((text, count), (expected, fixed));
    }

    #[test]
    fn every_other_byte_stays() {
        check("fro: 5m\r\n", &[&[(0, 3, "for")]], "for: 5m\r\n", 1);
        check("abcdef", &[&[(4, 5, "")], &[(0, 1, "x"), (2, 2, "+")]], "xb+cdf", 2);
        check("abc", &[], "abc", 0);
        check("abc", &[&[(1, 2, "b")]], "abc", 0);
    }

    #[test]
    fn fixes_that_touch_each_other_wait() {
        check("abcdef", &[&[(1, 3, "x")], &[(2, 4, "y")]], "axdef", 1);
        check("abcdef", &[&[(2, 4, "y")], &[(1, 3, "x")], &[(1, 2, "z")]], "azyef", 2);
        check("abcdef", &[&[(2, 2, "y")], &[(2, 2, "z")]], "abycdef", 1);
        check("abcdef", &[&[(2, 2, "y")], &[(2, 2, "y")]], "abycdef", 2);
        check("abcdef", &[&[(1, 2, "")], &[(2, 2, "y")]], "acdef", 1);
        // All of a finding or none.
        check("abcdef", &[&[(1, 2, "x")], &[(0, 1, "y"), (1, 2, "z")]], "axcdef", 1);
    }

    #[test]
    fn what_rules_share_is_not_fixed() {
        let check = |rules: &str, expected: usize| {
            let mut set = RuleSet { keep_parts: true, ..RuleSet::default() };
            set.add("a.yml", format!("groups:\n- name: g\n  rules:\n{rules}").as_bytes());
            let subject = crate::lint::subject::Subject::new(&set, crate::lint::subject::LintOptions::default());
            let mut found =
                crate::lint::run(&subject, &|code| code == codes::ALWAYS_FIRES || code == codes::FOR_DEFAULT);
            keep_own(&mut found, &set);
            assert_eq!(found.sorted().iter().filter(|one| !one.fixes.is_empty()).count(), expected, "{rules}{found:?}");
        };
        let (a, b) = ("  - alert: A\n    expr: a > bool 1\n", "  - alert: B\n    expr: b > bool 1\n");
        check(&[a, b].concat(), 2);
        check("  - record: r\n    expr: &x foo > bool 1\n  - alert: B\n    expr: *x\n", 0);
        check("  - alert: A\n    expr: &x foo > bool 1\n  - record: r\n    expr: *x\n", 0);
        check("  - &r\n    alert: A\n    expr: foo > bool 1\n  - *r\n", 0);
        check("  - &r\n    alert: A\n    expr: foo > bool 1\n  - <<: *r\n    alert: B\n", 0);
        check("  - &r\n    alert: A\n    expr: a > 1\n    for: 0s\n  - <<: *r\n    expr: b > bool 1\n", 1);
        check("  - &r {alert: A, expr: a > bool 1}\n  - {<<: *r, expr: b > 1}\n", 1);
    }

    #[test]
    fn a_patch_has_paths_and_lines() {
        assert_eq!(
            patch("./r/a.yml", "a\nb\n", "a\nc"),
            "--- a/r/a.yml\n+++ b/r/a.yml\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n\\ No newline at end of file\n"
        );
        assert_eq!(patch("a.yml", "a\n", "a\n"), "");
    }
}
