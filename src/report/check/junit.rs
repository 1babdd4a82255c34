//! `--format junit`: a test suite per file and a test case per problem, for a CI that shows tests.

use std::io::{self, Write};

use super::Checked;
use crate::diagnostic::{Diagnostic, Severity};
use crate::report::xml::escape;

/// Writes a run as JUnit XML. Problems from a severity on fail; others pass, and are told as output. A file without a
/// problem is one case that passed.
///
/// # Errors
/// What the writer says.
pub fn write(out: &mut dyn Write, checked: &Checked<'_>, fails: Severity) -> io::Result<()> {
    let of_files = checked.files.iter().map(|file| (file.name.as_str(), checked.within(Some(file.file))));
    let mut suites: Vec<(&str, &[Diagnostic])> = of_files.collect();
    if !checked.within(None).is_empty() {
        suites.push(("alertctl check", checked.within(None)));
    }
    let failed = |found: &&Diagnostic| found.severity <= fails;
    let totals = |found: &[Diagnostic]| {
        let failures = found.iter().filter(failed).count();
        (found.len().max(1), failures)
    };
    let (tests, failures) =
        suites.iter().map(|(_, found)| totals(found)).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(out, r#"<testsuites name="alertctl check" tests="{tests}" failures="{failures}" errors="0">"#)?;
    for (name, found) in &suites {
        let (tests, failures) = totals(found);
        let name = escape(name);
        let counts = format!(r#"tests="{tests}" failures="{failures}" errors="0" skipped="0""#);
        writeln!(out, r#"  <testsuite name="{name}" {counts}>"#)?;
        if found.is_empty() {
            writeln!(out, r#"    <testcase classname="{name}" name="no problems" file="{name}"/>"#)?;
        }
        for one in *found {
            case(out, checked, &name, one, failed(&one))?;
        }
        writeln!(out, "  </testsuite>")?;
    }
    writeln!(out, "</testsuites>")
}

fn case(out: &mut dyn Write, checked: &Checked<'_>, suite: &str, found: &Diagnostic, fails: bool) -> io::Result<()> {
    let place = found.primary.as_ref().map(|mark| checked.place(mark.at));
    let rule = found.subject.as_ref().map_or(String::new(), |(group, rule)| format!(" {group}/{rule}"));
    let at = place.map_or(String::new(), |at| format!(" at {}:{}", at.start.line, at.start.column));
    let name = escape(&format!("{}{rule}{at}", found.code));
    write!(out, r#"    <testcase classname="{suite}" name="{name}""#)?;
    if let Some(at) = place {
        write!(out, r#" file="{suite}" line="{}""#, at.start.line)?;
    }
    writeln!(out, ">")?;
    let text = escape(&checked.words_with_places(found));
    if fails {
        let (message, kind) = (escape(&found.message), found.severity.word());
        writeln!(out, r#"      <failure message="{message}" type="{kind}">{text}</failure>"#)?;
    } else {
        writeln!(out, "      <system-out>{}: {text}</system-out>", found.severity.word())?;
    }
    writeln!(out, "    </testcase>")
}
