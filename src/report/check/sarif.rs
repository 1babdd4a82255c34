//! `--format sarif`: SARIF 2.1.0, for code scanning and editors.
//!
//! Source: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use serde::Serialize;

use super::{Checked, Root, fingerprint, words};
use crate::diagnostic::{Diagnostic, Mark, Severity, codes};
use crate::report::number::write_json;
use crate::source::{FileId, FileSpan};

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// What stands for the folder that relative URIs begin at.
const TOP: &str = "%SRCROOT%";
/// The version of the fingerprints.
const PRINT: &str = "alertctl/v1";

/// Writes the problems as one run. Its rules are the codes that occur.
///
/// # Errors
/// What the writer says.
pub fn write(out: &mut dyn Write, checked: &Checked<'_>, root: &Root) -> io::Result<()> {
    let occur: BTreeSet<&'static str> = checked.diagnostics.iter().map(|found| found.code).collect();
    let rules = occur.iter().filter_map(|word| codes::find(word)).map(|code| Rule {
        id: code.word,
        short_description: Message { text: code.meaning.to_owned() },
        default_configuration: Configuration { level: level(code.severity) },
    });
    let view = View { checked, root };
    let index = |found: &Diagnostic| occur.iter().position(|code| *code == found.code).unwrap_or_default();
    let prints = fingerprint::all(checked, root);
    let results = checked.diagnostics.iter().zip(prints).map(|(found, print)| view.result(found, index(found), print));
    let notifications = checked
        .unread
        .iter()
        .map(|why| Notification { level: "error", message: Message { text: why.clone() } })
        .collect();
    let log = Log {
        schema: SCHEMA,
        version: "2.1.0",
        runs: [Run {
            tool: Tool {
                driver: Driver {
                    name: "alertctl",
                    version: env!("CARGO_PKG_VERSION"),
                    semantic_version: env!("CARGO_PKG_VERSION"),
                    rules: rules.collect(),
                },
            },
            invocations: [Invocation {
                execution_successful: checked.unread.is_empty(),
                tool_execution_notifications: notifications,
            }],
            column_kind: "unicodeCodePoints",
            results: results.collect(),
        }],
    };
    write_json(out, &log)?;
    out.write_all(b"\n")
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

struct View<'a> {
    checked: &'a Checked<'a>,
    root: &'a Root,
}

impl View<'_> {
    fn result(&self, found: &Diagnostic, rule_index: usize, print: String) -> Outcome {
        let logical = found
            .subject
            .as_ref()
            .map(|(group, rule)| Logical { name: rule.clone(), fully_qualified_name: format!("{group}/{rule}") });
        let location = found.primary.as_ref().map(|mark| Location {
            id: None,
            physical_location: self.place(mark.at),
            logical_locations: logical.into_iter().collect(),
            message: None,
        });
        let related = |(at, mark): (usize, &Mark)| Location {
            id: Some(at + 1),
            physical_location: self.place(mark.at),
            logical_locations: Vec::new(),
            message: Some(Message { text: mark.text.clone() }).filter(|message| !message.text.is_empty()),
        };
        Outcome {
            rule_id: found.code,
            rule_index,
            level: level(found.severity),
            message: Message { text: words(found) },
            locations: location.into_iter().collect(),
            related_locations: found.related.iter().enumerate().map(related).collect(),
            partial_fingerprints: BTreeMap::from([(PRINT, print)]),
            fixes: self.fix(found).into_iter().collect(),
        }
    }

    /// Returns the replacements of a problem, which belong together.
    fn fix(&self, found: &Diagnostic) -> Option<Fix> {
        let mut files: BTreeMap<FileId, Vec<Replacement>> = BTreeMap::new();
        for fix in &found.fixes {
            let inserted_content = Content { text: fix.replacement.clone() };
            let replacement = Replacement { deleted_region: self.region(fix.at), inserted_content };
            files.entry(fix.at.file).or_default().push(replacement);
        }
        let changes: Vec<Change> = files
            .into_iter()
            .map(|(file, replacements)| Change { artifact_location: self.artifact(file), replacements })
            .collect();
        let label = found.primary.as_ref().map(|mark| &mark.text).filter(|text| !text.is_empty());
        let text = found.help.first().or(label).unwrap_or(&found.message).clone();
        (!changes.is_empty()).then_some(Fix { description: Message { text }, artifact_changes: changes })
    }

    fn place(&self, at: FileSpan) -> Physical {
        Physical { artifact_location: self.artifact(at.file), region: self.region(at) }
    }

    fn artifact(&self, file: FileId) -> Artifact {
        let uri = self.root.uri(&self.checked.sources.file(file).name);
        let base = if uri.starts_with("file:") { None } else { Some(TOP) };
        Artifact { uri, uri_base_id: base }
    }

    fn region(&self, at: FileSpan) -> Region {
        let place = self.checked.place(at);
        Region {
            start_line: place.start.line,
            start_column: place.start.column,
            end_line: place.end.line,
            end_column: place.end.column,
        }
    }
}

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool<'a>,
    invocations: [Invocation; 1],
    column_kind: &'static str,
    results: Vec<Outcome>,
}

#[derive(Serialize)]
struct Tool<'a> {
    driver: Driver<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver<'a> {
    name: &'a str,
    version: &'a str,
    semantic_version: &'a str,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: &'static str,
    short_description: Message,
    default_configuration: Configuration,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_execution_notifications: Vec<Notification>,
}

#[derive(Serialize)]
struct Notification {
    level: &'static str,
    message: Message,
}

#[derive(Serialize)]
struct Message {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    rule_id: &'static str,
    rule_index: usize,
    level: &'static str,
    message: Message,
    locations: Vec<Location>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Location>,
    partial_fingerprints: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fixes: Vec<Fix>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<usize>,
    physical_location: Physical,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logical_locations: Vec<Logical>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Logical {
    name: String,
    fully_qualified_name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Artifact,
    region: Region,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Artifact {
    uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    uri_base_id: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u32,
    start_column: u32,
    end_line: u32,
    end_column: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Fix {
    description: Message,
    artifact_changes: Vec<Change>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    artifact_location: Artifact,
    replacements: Vec<Replacement>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Replacement {
    deleted_region: Region,
    inserted_content: Content,
}

#[derive(Serialize)]
struct Content {
    text: String,
}
