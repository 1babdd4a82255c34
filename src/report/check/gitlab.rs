//! `--format gitlab`: a report of code quality for GitLab.

use std::io::{self, Write};

use serde::Serialize;

use super::{Checked, Root, fingerprint, last_line};
use crate::diagnostic::Severity;
use crate::report::number::write_json;

#[derive(Serialize)]
struct Issue {
    description: String,
    check_name: &'static str,
    fingerprint: String,
    severity: &'static str,
    location: Location,
}

#[derive(Serialize)]
struct Location {
    path: String,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: u32,
    end: u32,
}

/// Writes a list with an issue for each problem. One without a place stands at the start of the first file, as an issue
/// must stand somewhere.
///
/// # Errors
/// What the writer says.
pub fn write(out: &mut dyn Write, checked: &Checked<'_>, root: &Root) -> io::Result<()> {
    let prints = fingerprint::all(checked, root);
    let issues = checked.diagnostics.iter().zip(prints).map(|(found, fingerprint)| {
        let place = found.primary.as_ref().map(|mark| checked.place(mark.at));
        let (file, begin, end) = match place {
            Some(place) => (place.file, place.start.line, last_line(place.start, place.end)),
            None => (checked.files.first().map_or(".", |file| &file.name), 1, 1),
        };
        Issue {
            description: checked.words_with_places(found),
            check_name: found.code,
            fingerprint,
            severity: match found.severity {
                Severity::Error => "critical",
                Severity::Warning => "minor",
                Severity::Info => "info",
            },
            location: Location { path: root.path(file), lines: Lines { begin, end } },
        }
    });
    write_json(out, &issues.collect::<Vec<_>>())?;
    out.write_all(b"\n")
}
