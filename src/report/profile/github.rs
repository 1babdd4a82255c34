//! `--format github`: annotations for a workflow's log, and the text of a job summary.
//!
//! A run without regressions has one notice. Regressions come first, those of exact figures before those of times, a
//! rule's in one annotation; what could not be judged is counted, and named only where it makes the run fail.
//!
//! Source: the workflow commands of GitHub Actions; a summary takes 1 MiB.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::io::{self, Write};

use super::{View, markdown, sheets, verdict, words};
use crate::format::{count, counted, value};
use crate::profile::compare::{Compared, RuleRef};
use crate::profile::gate::Verdict;
use crate::profile::max_costs::Over;
use crate::profile::report::{FailOn, ProfileReport};
use crate::profile::sample::Kind;
use crate::profile::targets::{Category, CheckResult, Outcome};
use crate::report::annotation::{MOST, data, property};

/// From how many rules of a group on that became worse for one reason they are one annotation.
const TOGETHER: usize = 3;
/// The most names that the annotation about what is inconclusive tells.
const NAMES: usize = 5;
/// The longest job summary. Unit: bytes.
pub const SUMMARY_BYTES: usize = 64 << 10;
/// What a summary ends with when it was cut.
const CUT: &str = "\n(cut here: --format json has the whole report)\n";
/// The title of annotations that are about the whole run.
const TITLE: &str = "alertctl profile";

/// What an annotation is about, in the order in which they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum About {
    /// An exact figure of a rule, which is the same on any machine.
    Exact,
    /// A time of a rule.
    Time,
    /// A figure of the whole run.
    Run,
    /// A figure above its budget.
    Budget,
    /// A check that missed its target.
    Target,
}

struct Finding<'a> {
    about: About,
    rule: Option<&'a RuleRef>,
    /// How much worse, among those of one kind.
    more: f64,
    title: String,
    message: String,
}

/// Writes an annotation for each rule that became worse, then for totals and missed targets; one notice where nothing
/// became worse.
///
/// # Errors
/// What the writer says.
pub fn write(out: &mut dyn Write, report: &ProfileReport) -> io::Result<()> {
    for difference in &report.incompatible {
        writeln!(out, "::error title={TITLE}::{}", data(&difference.to_string()))?;
    }
    let found = findings(report);
    // What does not make the run fail is no error.
    for (fails, kind) in [(true, "error"), (false, "warning")] {
        let of_kind: Vec<&Finding<'_>> = found.iter().filter(|finding| finding.fails(report) == fails).collect();
        // The last one tells of those that are left out.
        let shown = if of_kind.len() > MOST { MOST - 1 } else { of_kind.len() };
        for finding in &of_kind[..shown] {
            write!(out, "::{kind} ")?;
            if let Some(rule) = finding.rule {
                write!(out, "file={},line={},", property(&rule.file), rule.line)?;
            }
            writeln!(out, "title={}::{}", property(&finding.title), data(&finding.message))?;
        }
        if of_kind.len() > shown {
            let more = of_kind.len() - shown;
            writeln!(out, "::{kind} title={TITLE}::{more} more: the job summary has them all")?;
        }
    }
    if report.fail_on.contains(&FailOn::Inconclusive)
        && let Some(told) = inconclusive(report)
    {
        writeln!(out, "::warning title={TITLE}::{}", data(&told))?;
    }
    if report.incompatible.is_empty() && report.count(Verdict::Regression) == 0 && report.over.is_empty() {
        writeln!(out, "::notice title={TITLE}::{}", data(&conclusion(report)))?;
    }
    Ok(())
}

/// Returns the markdown report, all findings first, cut between lines where it is longer than a summary may be.
///
/// # Errors
/// What the writer of the markdown says.
pub fn summary(report: &ProfileReport, view: &View) -> io::Result<String> {
    let mut text = Vec::new();
    writeln!(text, "{}\n\n{}", markdown::HEADING, markdown::escape(&conclusion(report)))?;
    let found = findings(report);
    for (at, finding) in found.iter().enumerate() {
        let place = finding.rule.map_or(String::new(), |rule| format!(" ({}:{})", rule.file, rule.line));
        let line = format!("{}{place}: {}", finding.title, finding.message.replace('\n', "; "));
        writeln!(text, "{}- {}", if at == 0 { "\n" } else { "" }, markdown::escape(&line))?;
    }
    markdown::body(&mut text, report, view)?;
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

impl Finding<'_> {
    /// Returns whether it makes the answer of the run "no".
    fn fails(&self, report: &ProfileReport) -> bool {
        let reason = match self.about {
            About::Target => FailOn::Target,
            About::Budget => FailOn::Budget,
            About::Exact | About::Time | About::Run => FailOn::Regression,
        };
        report.fail_on.contains(&reason)
    }
}

/// Returns all that became worse or missed its target: exact figures of rules, their times, totals, targets; within
/// each, the worst first.
fn findings(report: &ProfileReport) -> Vec<Finding<'_>> {
    let mut by_rule: Vec<(Option<&RuleRef>, Vec<&Compared>)> = Vec::new();
    let worse = report.compared().iter().filter(|metric| metric.decision.verdict == Verdict::Regression);
    for metric in worse {
        let rule = metric.rule.as_ref();
        // A rule has one annotation for all that it costs: a workflow shows few.
        match by_rule.iter_mut().find(|(known, _)| rule.is_some() && *known == rule) {
            Some((_, metrics)) => metrics.push(metric),
            None => by_rule.push((rule, vec![metric])),
        }
    }
    let mut all: Vec<Finding<'_>> = Vec::new();
    for OneCause { cause, rules, .. } in by_cause(by_rule) {
        match cause {
            Some(cause) if rules.len() >= TOGETHER => all.push(became_worse_together(&cause, rules)),
            _ => all.extend(rules.into_iter().map(|(rule, metrics)| became_worse(rule, metrics))),
        }
    }
    all.extend(report.over.iter().map(over_budget));
    let missed = |check: &&CheckResult| check.outcome == Outcome::Fail && check.target.category != Category::Regression;
    all.extend(report.checks.iter().filter(missed).map(missed_target));
    let by_more = |a: &Finding<'_>, b: &Finding<'_>| b.more.partial_cmp(&a.more).unwrap_or(Ordering::Equal);
    all.sort_by(|a, b| a.about.cmp(&b.about).then_with(|| by_more(a, b)));
    all
}

/// A rule and what of it became worse.
type Worse<'a> = (Option<&'a RuleRef>, Vec<&'a Compared>);

/// Rules that became worse for one reason.
struct OneCause<'a> {
    /// The file and the group; none where it stands alone.
    place: Option<(&'a str, &'a str)>,
    cause: Option<String>,
    rules: Vec<Worse<'a>>,
}

/// Puts the rules of one group together that became worse for one reason, such as the interval of the group.
fn by_cause(by_rule: Vec<Worse<'_>>) -> Vec<OneCause<'_>> {
    let mut all: Vec<OneCause<'_>> = Vec::new();
    for (rule, metrics) in by_rule {
        let note = |metric: &&Compared| metric.kind.is_exact().then(|| metric.decision.note.clone());
        let cause = metrics.iter().find_map(note).filter(|note| rule.is_some() && !note.is_empty());
        let place = rule.map(|rule| (rule.file.as_str(), rule.group.as_str())).filter(|_| cause.is_some());
        let same = |known: &&mut OneCause<'_>| cause.is_some() && (known.place, &known.cause) == (place, &cause);
        match all.iter_mut().find(same) {
            Some(known) => known.rules.push((rule, metrics)),
            None => all.push(OneCause { place, cause, rules: vec![(rule, metrics)] }),
        }
    }
    all
}

/// Says of several rules of a group that they became worse for one reason.
fn became_worse_together<'a>(cause: &str, mut rules: Vec<Worse<'a>>) -> Finding<'a> {
    let grew = |(_, metrics): &Worse<'_>| {
        let samples = metrics.iter().filter(|metric| metric.kind == Kind::Samples);
        samples.map(|metric| words::more(metric)).sum::<f64>()
    };
    rules.sort_by(|a, b| grew(b).total_cmp(&grew(a)));
    let all: f64 = rules.iter().map(grew).sum();
    let count = counted(rules.len() as u64, "rule");
    let names: Vec<&str> =
        rules.iter().take(NAMES).filter_map(|(rule, _)| Some(rule.as_ref()?.name.as_str())).collect();
    let left = rules.len() - names.len();
    let left = if left > 0 { format!(" and {left} more") } else { String::new() };
    let rule = rules.first().and_then(|(rule, _)| *rule);
    let group = rule.map_or("", |rule| rule.group.as_str());
    Finding {
        about: About::Exact,
        rule,
        more: all,
        title: format!("{count} of {group} cost more"),
        message: format!("{cause}: {} samples/s more: {}{left}", value(all), names.join(", ")),
    }
}

fn became_worse<'a>(rule: Option<&'a RuleRef>, mut metrics: Vec<&'a Compared>) -> Finding<'a> {
    metrics.sort_by_key(|metric| !metric.kind.is_exact());
    // How much an exact figure grew counts before how much a time seems to have.
    let exact = metrics.first().is_some_and(|metric| metric.kind.is_exact());
    let leading = metrics.iter().filter(|metric| metric.kind.is_exact() == exact);
    // Samples say more about the cost of a rule than how many times it grew.
    let samples = |metric: &&&Compared| !exact || metric.kind == Kind::Samples;
    let grown = leading.filter(samples).map(|metric| words::more(metric));
    let about = match rule {
        None => About::Run,
        Some(_) if exact => About::Exact,
        Some(_) => About::Time,
    };
    let messages: Vec<String> = metrics.iter().map(|metric| words::change(metric)).collect();
    let id = || metrics.first().map_or_else(String::new, |metric| metric.id.clone());
    Finding {
        about,
        rule,
        more: grown.fold(0.0, f64::max),
        title: rule.map_or_else(id, |rule| format!("{} costs more", rule.name)),
        message: messages.join("\n"),
    }
}

fn over_budget(over: &Over) -> Finding<'_> {
    let title = over.rule.as_ref().map_or(over.id.to_owned(), |rule| format!("{} is over its budget", rule.name));
    Finding {
        about: About::Budget,
        rule: over.rule.as_ref(),
        more: over.value / over.most,
        title,
        message: verdict::over(over),
    }
}

fn missed_target(check: &CheckResult) -> Finding<'_> {
    let target = &check.target;
    let estimate = check.estimate.as_ref();
    let (value, interval) = (words::measured(estimate, target.unit), words::interval(estimate, target.unit));
    let note = if check.note.is_empty() { String::new() } else { format!(": {}", check.note) };
    Finding {
        about: About::Target,
        rule: None,
        more: 0.0,
        title: target.id.to_owned(),
        message: format!("{} missed, {value} ({interval}), target {}{note}", target.id, words::target(target)),
    }
}

/// Names some of what could not be judged; nothing where there is none.
fn inconclusive(report: &ProfileReport) -> Option<String> {
    let metrics = report.compared().iter().filter(|metric| metric.decision.verdict == Verdict::Inconclusive);
    let mut names: Vec<String> = metrics
        .map(|metric| metric.rule.as_ref().map_or(metric.id.clone(), |rule| format!("{} of {}", metric.id, rule.name)))
        .collect();
    let open =
        |check: &&CheckResult| check.outcome == Outcome::Inconclusive && check.target.category != Category::Regression;
    names.extend(report.checks.iter().filter(open).map(|check| check.target.id.to_owned()));
    let more = names.len().saturating_sub(NAMES);
    let shown = names[..names.len() - more].join(", ");
    let rest = if more > 0 { format!(" and {} more", count(more as u64)) } else { String::new() };
    (!names.is_empty()).then(|| format!("{} inconclusive: {shown}{rest}", count(names.len() as u64)))
}

/// Counts what became worse and is accepted: rules and totals.
fn accepted(report: &ProfileReport) -> u64 {
    let metrics = report.compared().iter().filter(|metric| metric.decision.verdict == Verdict::Accepted);
    let of = |metric: &Compared| (metric.rule.clone(), metric.rule.is_none().then(|| metric.id.clone()));
    metrics.map(of).collect::<BTreeSet<_>>().len() as u64
}

/// Says in one line what came of a run: `0 regressions; 107 times too noisy to judge`.
fn conclusion(report: &ProfileReport) -> String {
    if let Some(nothing) = report.comparison.as_ref().and_then(verdict::nothing_compared) {
        return nothing;
    }
    if report.comparison.is_none() {
        return match report.checks.is_empty() {
            true => format!("{} measured, compared with nothing", counted(report.rules.len() as u64, "rule")),
            false => sheets::verdict_counts(&report.checks),
        };
    }
    let of = |verdict, exact: bool| {
        let metrics = report.compared().iter();
        metrics.filter(|metric| metric.decision.verdict == verdict && metric.kind.is_exact() == exact).count() as u64
    };
    let regressions =
        findings(report).iter().filter(|finding| !matches!(finding.about, About::Target | About::Budget)).count();
    let mut told = vec![counted(regressions as u64, "regression")];
    let mut tell = |number: u64, noun: &str, what: &str| {
        if number > 0 {
            told.push(format!("{} {what}", counted(number, noun)));
        }
    };
    tell(report.over.len() as u64, "figure", "over budget");
    tell(of(Verdict::Inconclusive, false), "time", "too noisy to judge");
    tell(of(Verdict::Inconclusive, true), "count", "not the same run after run");
    tell(accepted(report), "increase", "accepted");
    tell(of(Verdict::Advisory, false), "time", "shown, but not judged");
    told.join("; ")
}
