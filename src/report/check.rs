//! What is wrong with rule files: carets for people, or one object, `alertctl.check/1`.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::format::{count, counted};
use crate::report::diagnostic::{self, Look};
use crate::report::json::SEMANTICS;
use crate::report::number::write_json;
use crate::report::table::grid::printable;
use crate::report::wrap::hung;
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
    sources: &'a SourceMap,
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
        Self { files: files.collect(), diagnostics, sources }
    }

    fn count(&self, severity: Severity, file: Option<FileId>) -> u64 {
        let counts = |found: &&Diagnostic| found.severity == severity && (file.is_none() || of(found) == file);
        self.diagnostics.iter().filter(counts).count() as u64
    }

    /// Returns how many problems there are, worst first, such as `2 errors, 1 warning`; empty where there is none.
    fn problems(&self, file: Option<FileId>) -> String {
        let kinds = [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Info, "note")];
        let some =
            kinds.iter().map(|(severity, noun)| (self.count(*severity, file), noun)).filter(|(many, _)| *many > 0);
        some.map(|(many, noun)| counted(many, noun)).collect::<Vec<_>>().join(", ")
    }

    /// Writes every problem with the line it stands on; then, if it is wanted, how many each file has, or what there is
    /// when all is well.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write_text(&self, out: &mut dyn Write, look: Look, summary: bool) -> io::Result<()> {
        diagnostic::write(out, &self.diagnostics, self.sources, look)?;
        if !summary {
            return Ok(());
        }
        let say = |out: &mut dyn Write, line: &str| writeln!(out, "{}", hung(line, look.width));
        let all = self.problems(None);
        if all.is_empty() {
            return say(out, &format!("{}: no problems", self.contents()));
        }
        for file in &self.files {
            let problems = self.problems(Some(file.file));
            if !problems.is_empty() {
                say(out, &format!("{}: {problems}", printable(&file.name)))?;
            }
        }
        if self.files.len() > 1 {
            say(out, &format!("{}: {all}", counted(self.files.len() as u64, "file")))?;
        }
        Ok(())
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

    /// Writes everything as one JSON object in one line.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let sum = |number: fn(&CheckedFile) -> u64| self.files.iter().map(number).sum::<u64>();
        let files = self.files.iter().map(|file| FileOut {
            path: &file.name,
            form: file.form.map(|form| match form {
                Form::Prometheus => "prometheus",
                Form::Native => "native",
            }),
            groups: file.groups,
            alerting_rules: file.alerting_rules,
            recording_rules: file.recording_rules,
            errors: self.count(Severity::Error, Some(file.file)),
            warnings: self.count(Severity::Warning, Some(file.file)),
        });
        let document = Document {
            schema: "alertctl.check/1",
            tool: BTreeMap::from([("version", env!("CARGO_PKG_VERSION")), ("semantics", SEMANTICS)]),
            files: files.collect(),
            diagnostics: self.diagnostics.iter().map(|found| self.diagnostic(found)).collect(),
            counts: CountsOut {
                files: self.files.len() as u64,
                groups: sum(|file| file.groups),
                alerting_rules: sum(|file| file.alerting_rules),
                recording_rules: sum(|file| file.recording_rules),
                errors: self.count(Severity::Error, None),
                warnings: self.count(Severity::Warning, None),
                infos: self.count(Severity::Info, None),
            },
        };
        write_json(out, &document)?;
        out.write_all(b"\n")
    }

    fn diagnostic<'d>(&'d self, found: &'d Diagnostic) -> DiagnosticOut<'d> {
        let place = found.primary.as_ref().map(|mark| self.place(mark.at));
        let related = found.related.iter().map(|mark| RelatedOut { place: self.place(mark.at), message: &mark.text });
        DiagnosticOut {
            code: found.code,
            severity: found.severity.word(),
            message: &found.message,
            file: place.as_ref().map(|place| place.file),
            line: place.as_ref().map(|place| place.line),
            column: place.as_ref().map(|place| place.column),
            end: place.map(|place| place.end),
            label: found.primary.as_ref().map(|mark| mark.text.as_str()).filter(|text| !text.is_empty()),
            help: &found.help,
            related: related.collect(),
            subject: found.subject.as_ref().map(|(group, rule)| SubjectOut { group, rule }),
        }
    }

    fn place(&self, at: FileSpan) -> PlaceOut<'_> {
        let Position { line, column } = self.sources.position(at);
        let end = Span { start: at.span.end, end: at.span.end };
        let end = self.sources.position(FileSpan { file: at.file, span: end });
        let end = EndOut { line: end.line, column: end.column };
        PlaceOut { file: &self.sources.file(at.file).name, line, column, end }
    }
}

/// Returns the file that a problem is in.
fn of(found: &Diagnostic) -> Option<FileId> {
    found.primary.as_ref().map(|mark| mark.at.file)
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    tool: BTreeMap<&'static str, &'static str>,
    files: Vec<FileOut<'a>>,
    diagnostics: Vec<DiagnosticOut<'a>>,
    counts: CountsOut,
}

#[derive(Serialize)]
struct FileOut<'a> {
    path: &'a str,
    form: Option<&'static str>,
    groups: u64,
    alerting_rules: u64,
    recording_rules: u64,
    errors: u64,
    warnings: u64,
}

#[derive(Serialize)]
struct DiagnosticOut<'a> {
    code: &'static str,
    severity: &'static str,
    message: &'a str,
    file: Option<&'a str>,
    line: Option<u32>,
    column: Option<u32>,
    /// Not included.
    end: Option<EndOut>,
    label: Option<&'a str>,
    help: &'a [String],
    related: Vec<RelatedOut<'a>>,
    subject: Option<SubjectOut<'a>>,
}

#[derive(Serialize)]
struct RelatedOut<'a> {
    #[serde(flatten)]
    place: PlaceOut<'a>,
    message: &'a str,
}

#[derive(Serialize)]
struct PlaceOut<'a> {
    file: &'a str,
    line: u32,
    column: u32,
    end: EndOut,
}

#[derive(Serialize)]
struct EndOut {
    line: u32,
    column: u32,
}

#[derive(Serialize)]
struct SubjectOut<'a> {
    group: &'a str,
    rule: &'a str,
}

#[derive(Serialize)]
struct CountsOut {
    files: u64,
    groups: u64,
    alerting_rules: u64,
    recording_rules: u64,
    errors: u64,
    warnings: u64,
    infos: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::load_partly;

    const LOOK: Look = Look { color: false, width: None };

    /// Returns the last lines of the text and the object.
    fn check(texts: &[&str]) -> (String, serde_json::Value) {
        let (mut sources, mut diagnostics) = (SourceMap::default(), Diagnostics::default());
        let mut load = |(at, text): (usize, &&str)| {
            load_partly(&mut sources, &format!("{at}.yml"), text.as_bytes(), &mut diagnostics)
        };
        let files: Vec<RuleFile> = texts.iter().enumerate().map(&mut load).collect();
        let checked = Checked::new(&files, &diagnostics, &sources);
        let (mut text, mut object) = (Vec::new(), Vec::new());
        checked.write_text(&mut text, LOOK, true).expect("a vector takes all");
        checked.write_json(&mut object).expect("a vector takes all");
        let text = String::from_utf8_lossy(&text);
        let end = text.rsplit("\n\n").next().unwrap_or_default().to_owned();
        (end, serde_json::from_slice(&object).expect("an object"))
    }

    const SOUND: &str = "\
alertctl: 1
derived: [{record: ratio, expr: a / b}]
rules: [{id: hot, metric: temp, above: 80}, {id: low, metric: ratio, below: 1}]
";
    const BROKEN: &str = "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up ==\n    fro: 5m\n";

    #[test]
    fn what_there_is_is_told_when_all_is_well() {
        let (text, object) = check(&[SOUND]);
        assert_eq!(text, "1 file, 2 alerting and 1 recording rule in 1 group: no problems\n");
        assert_eq!(object["files"][0]["form"], "native");
        assert_eq!(object["counts"]["alerting_rules"], 2);
        assert_eq!(check(&["groups: []"]).0, "1 file, no rules in 0 groups: no problems\n");
    }

    #[test]
    fn problems_are_counted_by_file() {
        let (text, object) = check(&[BROKEN, SOUND, "groups: 5"]);
        assert_eq!(text, "0.yml: 2 errors\n2.yml: 1 error\n3 files: 3 errors\n");
        assert_eq!(object["schema"], "alertctl.check/1");
        assert_eq!(object["counts"]["errors"], 3);
        assert_eq!(object["files"][1]["errors"], 0);
        let found = &object["diagnostics"][1];
        assert_eq!(found["code"], "unknown-key");
        assert_eq!((&found["file"], &found["line"], &found["column"]), (&"0.yml".into(), &6.into(), &5.into()));
        assert_eq!(found["end"], serde_json::json!({"line": 6, "column": 8}));
        assert_eq!(found["subject"], serde_json::json!({"group": "g", "rule": "A"}));
    }
}
