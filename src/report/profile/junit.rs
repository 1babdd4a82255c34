//! `--format junit`: a test case a check and a compared metric, for a CI that shows tests.

use std::io::{self, Write};

use super::sheets::environment;
use super::{verdict, words};
use crate::profile::compare::Compared;
use crate::profile::gate::Verdict;
use crate::profile::max_costs::Over;
use crate::profile::report::ProfileReport;
use crate::profile::targets::{CheckResult, Outcome};
use crate::report::xml::escape;

struct Case {
    class: &'static str,
    name: String,
    file: Option<(String, u32)>,
    result: Result,
}

enum Result {
    Passed,
    /// Passed, with what a reader should know.
    Noted(String),
    Failed(String),
    Skipped(String),
}

/// Writes a run as JUnit XML: failures are regressions and missed targets, what could not be decided is skipped.
///
/// # Errors
/// What the writer says.
pub fn write(out: &mut dyn Write, report: &ProfileReport) -> io::Result<()> {
    let checks = report.checks.iter().map(check_case);
    let compared = report.compared().iter().map(metric_case);
    let cases: Vec<Case> = checks.chain(compared).chain(report.over.iter().map(over_case)).collect();
    let failed = cases.iter().filter(|case| matches!(case.result, Result::Failed(_))).count();
    let skipped = cases.iter().filter(|case| matches!(case.result, Result::Skipped(_))).count();
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    let totals = format!(r#"tests="{}" failures="{failed}" errors="0" skipped="{skipped}""#, cases.len());
    writeln!(out, r#"<testsuites name="alertctl profile" {totals}>"#)?;
    let created = escape(&report.created);
    writeln!(out, r#"  <testsuite name="alertctl profile" {totals} timestamp="{created}">"#)?;
    writeln!(out, "    <properties>")?;
    for (name, value) in environment(report) {
        writeln!(out, r#"      <property name="{name}" value="{}"/>"#, escape(&value))?;
    }
    writeln!(out, "    </properties>")?;
    for case in &cases {
        write!(out, r#"    <testcase classname="{}" name="{}""#, case.class, escape(&case.name))?;
        if let Some((file, line)) = &case.file {
            write!(out, r#" file="{}" line="{line}""#, escape(file))?;
        }
        match &case.result {
            Result::Passed => writeln!(out, "/>")?,
            Result::Noted(note) => {
                writeln!(out, ">\n      <system-out>{}</system-out>\n    </testcase>", escape(note))?;
            }
            Result::Failed(message) => {
                writeln!(out, ">\n      <failure message=\"{}\"/>\n    </testcase>", escape(message))?;
            }
            Result::Skipped(message) => {
                writeln!(out, ">\n      <skipped message=\"{}\"/>\n    </testcase>", escape(message))?;
            }
        }
    }
    writeln!(out, "  </testsuite>\n</testsuites>")
}

fn check_case(check: &CheckResult) -> Case {
    let target = &check.target;
    let note = if check.note.is_empty() { String::new() } else { format!(": {}", check.note) };
    let value = words::measured(check.estimate.as_ref(), target.unit);
    let interval = words::interval(check.estimate.as_ref(), target.unit);
    let message = format!("{value} ({interval}), target {}{note}", words::target(target));
    let result = match check.outcome {
        Outcome::Pass => Result::Passed,
        Outcome::Fail => Result::Failed(message),
        Outcome::Inconclusive => Result::Skipped(format!("inconclusive: {message}")),
        Outcome::NotRun => Result::Skipped(format!("not run{note}")),
    };
    Case { class: "targets", name: target.id.to_owned(), file: None, result }
}

fn over_case(over: &Over) -> Case {
    let rule = over.rule.as_ref();
    let name = rule.map_or_else(|| over.id.to_owned(), |rule| format!("{} {}/{}", over.id, rule.group, rule.name));
    let file = rule.map(|rule| (rule.file.clone(), rule.line));
    Case { class: "budget", name, file, result: Result::Failed(verdict::over(over)) }
}

fn metric_case(metric: &Compared) -> Case {
    let rule = metric.rule.as_ref();
    let name = rule.map_or_else(|| metric.id.clone(), |rule| format!("{} {}/{}", metric.id, rule.group, rule.name));
    let message = || words::change(metric);
    let result = match metric.decision.verdict {
        Verdict::Ok | Verdict::Improved => Result::Passed,
        Verdict::Accepted => Result::Noted(message()),
        Verdict::Regression => Result::Failed(message()),
        Verdict::Inconclusive => Result::Skipped(message()),
        other => {
            let note = &metric.decision.note;
            Result::Skipped(if note.is_empty() { other.word().to_owned() } else { format!("{}: {note}", other.word()) })
        }
    };
    Case { class: "regression", name, file: rule.map(|rule| (rule.file.clone(), rule.line)), result }
}
