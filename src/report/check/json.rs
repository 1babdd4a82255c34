//! `--format json`: one object, `alertctl.check/1`.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::{Checked, CheckedFile, Place};
use crate::diagnostic::{Diagnostic, Severity};
use crate::report::json::SEMANTICS;
use crate::report::number::write_json;
use crate::rules::Form;

/// Writes everything as one JSON object in one line.
///
/// # Errors
/// What the writer says.
pub fn write(out: &mut dyn Write, checked: &Checked<'_>) -> io::Result<()> {
    let sum = |number: fn(&CheckedFile) -> u64| checked.files.iter().map(number).sum::<u64>();
    let files = checked.files.iter().map(|file| FileOut {
        path: &file.name,
        form: file.form.map(|form| match form {
            Form::Prometheus => "prometheus",
            Form::Native => "native",
        }),
        groups: file.groups,
        alerting_rules: file.alerting_rules,
        recording_rules: file.recording_rules,
        errors: checked.count(Severity::Error, Some(file.file)),
        warnings: checked.count(Severity::Warning, Some(file.file)),
    });
    let document = Document {
        schema: "alertctl.check/1",
        tool: BTreeMap::from([("version", env!("CARGO_PKG_VERSION")), ("semantics", SEMANTICS)]),
        files: files.collect(),
        since: checked.since.as_ref().map(|since| SinceOut { reference: &since.reference, left_out: since.left_out }),
        diagnostics: checked.diagnostics.iter().map(|found| diagnostic(checked, found)).collect(),
        counts: CountsOut {
            files: checked.files.len() as u64,
            groups: sum(|file| file.groups),
            alerting_rules: sum(|file| file.alerting_rules),
            recording_rules: sum(|file| file.recording_rules),
            errors: checked.count(Severity::Error, None),
            warnings: checked.count(Severity::Warning, None),
            infos: checked.count(Severity::Info, None),
        },
    };
    write_json(out, &document)?;
    out.write_all(b"\n")
}

fn diagnostic<'d>(checked: &'d Checked<'_>, found: &'d Diagnostic) -> DiagnosticOut<'d> {
    let place = found.primary.as_ref().map(|mark| PlaceOut::from(checked.place(mark.at)));
    let related = found
        .related
        .iter()
        .map(|mark| RelatedOut { place: PlaceOut::from(checked.place(mark.at)), message: &mark.text });
    let fixes = found
        .fixes
        .iter()
        .map(|fix| FixOut { place: PlaceOut::from(checked.place(fix.at)), replacement: &fix.replacement });
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
        fixes: fixes.collect(),
        subject: found.subject.as_ref().map(|(group, rule)| SubjectOut { group, rule }),
    }
}

impl<'a> From<Place<'a>> for PlaceOut<'a> {
    fn from(place: Place<'a>) -> Self {
        let end = EndOut { line: place.end.line, column: place.end.column };
        Self { file: place.file, line: place.start.line, column: place.start.column, end }
    }
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    tool: BTreeMap<&'static str, &'static str>,
    files: Vec<FileOut<'a>>,
    /// Only where the problems of a change alone are shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<SinceOut<'a>>,
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
    fixes: Vec<FixOut<'a>>,
    subject: Option<SubjectOut<'a>>,
}

#[derive(Serialize)]
struct RelatedOut<'a> {
    #[serde(flatten)]
    place: PlaceOut<'a>,
    message: &'a str,
}

#[derive(Serialize)]
struct FixOut<'a> {
    #[serde(flatten)]
    place: PlaceOut<'a>,
    replacement: &'a str,
}

#[derive(Serialize)]
struct SinceOut<'a> {
    reference: &'a str,
    left_out: u64,
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
