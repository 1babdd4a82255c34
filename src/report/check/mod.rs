//! What is wrong with rule files, in the formats of `check`: [`text`] with carets for people, [`json`], [`sarif`],
//! [`github`], [`gitlab`], [`junit`] and [`checkstyle`].
//!
//! All formats show the same findings, in the same order.

pub mod checkstyle;
mod fingerprint;
pub mod github;
pub mod gitlab;
pub mod json;
pub mod junit;
mod place;
pub mod sarif;
pub mod text;

pub use self::place::Root;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::format::{count, counted};
use crate::lint::control::is_certain;
use crate::rules::{Form, RuleFile, RuleKind};
use crate::source::{FileId, FileSpan, Position, SourceMap, Span};

/// What was found in one rule file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedFile {
    /// The file.
    pub file: FileId,
    /// As it is named in messages.
    pub name: String,
    /// The form it is written in; none where an error leaves it open.
    pub form: Option<Form>,
    /// Its groups.
    pub groups: u64,
    /// Its alerting rules; those that an error hides are not counted.
    pub alerting_rules: u64,
    /// Its recording rules (derived metrics); those that an error hides are not counted.
    pub recording_rules: u64,
}

/// What was found in all of them.
#[derive(Clone, Debug)]
pub struct Checked<'a> {
    /// The files, as they were given.
    pub files: Vec<CheckedFile>,
    /// The problems, ordered by file and place.
    pub diagnostics: Vec<Diagnostic>,
    /// What is shown of them, if only the problems of a change are.
    pub since: Option<Since>,
    /// Why files could not be read, a message each.
    pub unread: Vec<String>,
    /// Whether `--fix` may be added to the command line.
    pub can_fix: bool,
    sources: &'a SourceMap,
}

/// A change whose problems alone are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Since {
    /// The revision that it began at, as the user wrote it.
    pub reference: String,
    /// The problems that are not shown, as the change does not touch their lines.
    pub left_out: u64,
    /// Whether a line of the files changed at all.
    pub changed: bool,
}

/// Where a problem stands, as people count: from 1, columns in characters, the end not included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place<'a> {
    /// The file as it was given.
    file: &'a str,
    start: Position,
    end: Position,
}

impl<'a> Checked<'a> {
    /// Gathers what is reported of files and the problems that were found in them.
    #[must_use]
    pub fn new(files: &[RuleFile], diagnostics: &Diagnostics, sources: &'a SourceMap) -> Self {
        let diagnostics = diagnostics.sorted();
        let files = files.iter().map(|file| {
            let rules = || file.groups.iter().flat_map(|group| &group.rules);
            let alerts = rules().filter(|rule| matches!(rule.kind, RuleKind::Alert { .. })).count() as u64;
            let broken =
                diagnostics.iter().any(|found| found.severity == Severity::Error && of(found) == Some(file.file));
            CheckedFile {
                file: file.file,
                name: sources.file(file.file).name.clone(),
                form: (!broken || !file.groups.is_empty()).then_some(file.form),
                groups: file.groups.len() as u64,
                alerting_rules: alerts,
                recording_rules: rules().count() as u64 - alerts,
            }
        });
        Self { files: files.collect(), diagnostics, since: None, unread: Vec::new(), can_fix: false, sources }
    }

    /// Keeps the problems that a change touches: those that stand on one of its lines, or name one as another place that
    /// matters. Those without a place stay, and so do errors for which a rule cannot be evaluated.
    ///
    /// `touches` is asked with a file, and the first and the last line of a place. `changed` is whether a line of the
    /// files changed at all.
    pub fn keep_since(&mut self, reference: &str, changed: bool, touches: impl Fn(FileId, u32, u32) -> bool) {
        let before = self.diagnostics.len();
        let sources = self.sources;
        self.diagnostics.retain(|found| {
            let mut marks = found.primary.iter().chain(&found.related);
            found.primary.is_none()
                || is_certain(found)
                || marks.any(|mark| {
                    let Place { start, end, .. } = place(sources, mark.at);
                    touches(mark.at.file, start.line, last_line(start, end))
                })
        });
        let left_out = (before - self.diagnostics.len()) as u64;
        self.since = Some(Since { reference: reference.to_owned(), left_out, changed });
    }

    /// Returns how many problems of a severity there are, in one file or in all.
    #[must_use]
    pub fn count(&self, severity: Severity, file: Option<FileId>) -> u64 {
        let found = if file.is_none() { &self.diagnostics } else { self.within(file) };
        found.iter().filter(|found| found.severity == severity).count() as u64
    }

    /// Returns the problems of one file, or those without a place. Cost: a binary search.
    fn within(&self, file: Option<FileId>) -> &[Diagnostic] {
        let start = self.diagnostics.partition_point(|found| of(found) < file);
        let end = self.diagnostics.partition_point(|found| of(found) <= file);
        &self.diagnostics[start..end]
    }

    /// Returns how many problems there are, worst first, such as `2 errors, 1 warning`; empty where there is none.
    fn problems(&self, file: Option<FileId>) -> String {
        let kinds = [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Info, "info")];
        let some =
            kinds.iter().map(|(severity, noun)| (self.count(*severity, file), noun)).filter(|(many, _)| *many > 0);
        some.map(|(many, noun)| counted(many, noun)).collect::<Vec<_>>().join(", ")
    }

    /// Returns how many of the problems can be fixed, as the end of a line; empty where none can.
    fn fixable(&self) -> String {
        let fixable = self.diagnostics.iter().filter(|found| !found.fixes.is_empty()).count();
        let which = match (fixable, self.diagnostics.len()) {
            (0, _) => return String::new(),
            _ if !self.can_fix => return String::new(),
            (1, 1) => "it".to_owned(),
            (fixable, all) if fixable == all => "all of them".to_owned(),
            (fixable, _) => format!("{} of them", count(fixable as u64)),
        };
        format!("; {which} can be fixed: add --fix")
    }

    /// Returns what there is, such as `3 files, 12 alerting and 4 recording rules in 5 groups`.
    fn contents(&self) -> String {
        let sum = |number: fn(&CheckedFile) -> u64| self.files.iter().map(number).sum::<u64>();
        let (alerts, records) = (sum(|file| file.alerting_rules), sum(|file| file.recording_rules));
        let rules = match (alerts, records) {
            (0, 0) => "no rules".to_owned(),
            (alerts, 0) => counted(alerts, "alerting rule"),
            (0, records) => counted(records, "recording rule"),
            (alerts, records) => format!("{} alerting and {}", count(alerts), counted(records, "recording rule")),
        };
        let groups = counted(sum(|file| file.groups), "group");
        format!("{}, {rules} in {groups}", counted(self.files.len() as u64, "file"))
    }

    /// Returns the one line that says how it went: what there is and that all is well, or how many problems there are.
    fn conclusion(&self) -> String {
        let all = self.problems(None);
        let unchanged = self.since.as_ref().filter(|since| since.left_out > 0).map(|since| {
            let verb = if since.left_out == 1 { "is" } else { "are" };
            format!("{} more {verb} on lines that did not change since {}", count(since.left_out), since.reference)
        });
        let head = match &self.since {
            Some(since) if all.is_empty() && !since.changed => {
                return format!("no line of the rules changed since {}", since.reference);
            }
            Some(_) if all.is_empty() => format!("{}: no problems on changed lines", self.contents()),
            None if all.is_empty() => format!("{}: no problems", self.contents()),
            _ => format!("{}: {all}", counted(self.files.len() as u64, "file")),
        };
        unchanged.into_iter().fold(head, |head, more| format!("{head}; {more}"))
    }

    fn place(&self, at: FileSpan) -> Place<'a> {
        place(self.sources, at)
    }

    /// Returns the text of a stretch.
    fn quoted(&self, at: FileSpan) -> &'a str {
        self.sources.file(at.file).text.get(at.span.range()).unwrap_or_default()
    }
}

fn place(sources: &SourceMap, at: FileSpan) -> Place<'_> {
    let end = Span { start: at.span.end, end: at.span.end };
    let end = sources.position(FileSpan { file: at.file, span: end });
    Place { file: &sources.file(at.file).name, start: sources.position(at), end }
}

/// Returns the last line that a place has a character of: an end at the start of a line is that of the line before.
fn last_line(start: Position, end: Position) -> u32 {
    if end.column == 1 && end.line > start.line { end.line - 1 } else { end.line }
}

/// Returns the file that a problem is in.
fn of(found: &Diagnostic) -> Option<FileId> {
    found.primary.as_ref().map(|mark| mark.at.file)
}

impl Checked<'_> {
    /// Returns a problem as [`words`] does, with the other places that matter behind its message: for formats that have
    /// no place of their own for them.
    fn words_with_places(&self, found: &Diagnostic) -> String {
        let mut all = found.clone();
        for mark in &found.related {
            let place = self.place(mark.at);
            let text = if mark.text.is_empty() { "see also" } else { &mark.text };
            all.message.push_str(&format!("; {text}: {}:{}", place.file, place.start.line));
        }
        words(&all)
    }
}

/// Returns a problem in words: its message, what stands next to its caret, and what to type instead, a line each.
fn words(found: &Diagnostic) -> String {
    let label = found.primary.iter().map(|mark| mark.text.clone()).filter(|text| !text.is_empty());
    let help = found.help.iter().map(|help| format!("help: {help}"));
    let lines = std::iter::once(found.message.clone()).chain(label).chain(help);
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;
