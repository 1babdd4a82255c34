//! `--format github`: annotations for a workflow's log, and the text of a job summary.
//!
//! Source: the workflow commands of GitHub Actions; a step shows at most 10 annotations of a kind, a summary takes 1 MiB.

use std::io::{self, Write};

use super::{View, markdown, words};
use crate::profile::compare::RuleRef;
use crate::profile::gate::Verdict;
use crate::profile::report::ProfileReport;
use crate::profile::targets::{Category, Outcome};

/// The most annotations of a kind.
const ANNOTATIONS: usize = 10;
/// The longest job summary. Unit: bytes.
pub const SUMMARY_BYTES: usize = 64 << 10;
/// What a summary ends with when it was cut.
const CUT: &str = "\n(cut here: --format json has the whole report)\n";

struct Annotation {
    bad: bool,
    place: Option<(String, u32)>,
    title: String,
    message: String,
}

/// Writes an annotation for every regression, missed target and what is inconclusive; those that name a rule first.
///
/// # Errors
/// What the writer says.
pub fn write(out: &mut dyn Write, report: &ProfileReport) -> io::Result<()> {
    let all = annotations(report);
    for (bad, kind) in [(true, "error"), (false, "warning")] {
        let of_kind: Vec<&Annotation> = all.iter().filter(|annotation| annotation.bad == bad).collect();
        // The last one tells of those that are left out.
        let shown = if of_kind.len() > ANNOTATIONS { ANNOTATIONS - 1 } else { of_kind.len() };
        for annotation in &of_kind[..shown] {
            write!(out, "::{kind} ")?;
            if let Some((file, line)) = &annotation.place {
                write!(out, "file={},line={line},", property(file))?;
            }
            writeln!(out, "title={}::{}", property(&annotation.title), data(&annotation.message))?;
        }
        if of_kind.len() > shown {
            writeln!(out, "::{kind} title=alertctl profile::{} more: see the job summary", of_kind.len() - shown)?;
        }
    }
    Ok(())
}

/// Returns the markdown report, cut between lines where it is longer than a summary may be.
///
/// # Errors
/// What the writer of the markdown says.
pub fn summary(report: &ProfileReport, view: &View) -> io::Result<String> {
    let mut text = Vec::new();
    markdown::write(&mut text, report, view)?;
    let mut text = String::from_utf8_lossy(&text).into_owned();
    if text.len() > SUMMARY_BYTES {
        let mut end = SUMMARY_BYTES - CUT.len();
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(text[..end].rfind('\n').map_or(0, |at| at + 1));
        text.push_str(CUT);
    }
    Ok(text)
}

fn annotations(report: &ProfileReport) -> Vec<Annotation> {
    let mut all: Vec<Annotation> = Vec::new();
    for metric in report.compared() {
        let bad = match metric.decision.verdict {
            Verdict::Regression => true,
            Verdict::Inconclusive => false,
            _ => continue,
        };
        let place = |rule: &RuleRef| (rule.file.clone(), rule.line);
        let place = metric.rule.as_ref().map(place);
        // A rule has one annotation for all that it costs: a workflow shows few.
        let of_rule = |one: &&mut Annotation| place.is_some() && one.bad == bad && one.place == place;
        if let Some(told) = all.iter_mut().find(of_rule) {
            told.message = format!("{}\n{}", told.message, words::change(metric));
            continue;
        }
        let title = metric.rule.as_ref().map_or_else(|| metric.id.clone(), |rule| format!("{} costs more", rule.name));
        all.push(Annotation { bad, place, title, message: words::change(metric) });
    }
    // Stable, so that within both parts the order is that of the report.
    all.sort_by_key(|annotation| annotation.place.is_none());
    for check in report.checks.iter().filter(|check| check.target.category != Category::Regression) {
        let bad = match check.outcome {
            Outcome::Fail => true,
            Outcome::Inconclusive => false,
            _ => continue,
        };
        let target = &check.target;
        let estimate = check.estimate.as_ref();
        let (value, interval) = (words::measured(estimate, target.unit), words::interval(estimate, target.unit));
        let note = if check.note.is_empty() { String::new() } else { format!(": {}", check.note) };
        let verb = if bad { "missed" } else { "is inconclusive" };
        let message = format!("{} {verb}, {value} ({interval}), target {}{note}", target.id, words::target(target));
        all.push(Annotation { bad, place: None, title: target.id.to_owned(), message });
    }
    for annotation in &mut all {
        if !annotation.bad && annotation.place.is_some() {
            annotation.title = annotation.title.replace("costs more", "is inconclusive");
        }
    }
    all
}

/// Escapes the text of an annotation.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes the value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_runner_would_obey_is_escaped() {
        assert_eq!(data("50 %\r\n::error::x"), "50 %25%0D%0A::error::x");
        assert_eq!(property("a:b,c%"), "a%3Ab%2Cc%25");
    }
}
