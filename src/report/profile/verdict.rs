//! What a run comes to, in a few lines at its end.

use super::sheets::rank;
use crate::format;
use crate::profile::compare::{Compared, Comparison};
use crate::profile::gate::{Verdict, percent};
use crate::profile::max_costs::Over;
use crate::profile::report::{ProfileReport, Totals};

/// The most regressions that are named.
const NAMED: usize = 5;
/// The most figures over their budget that are shown.
const OVER: usize = 10;

/// Says what is measured, where that may not be what a reader expects.
pub(crate) fn opening(report: &ProfileReport) -> Option<&'static str> {
    let own = report.rules.is_empty() && !report.checks.is_empty();
    own.then_some("This measures alertctl itself, with its built-in rules. Yours: alertctl profile -r RULES RECORDING")
}

/// Returns the totals, what is over its budget, and the verdict.
pub(crate) fn closing(report: &ProfileReport) -> Vec<String> {
    let mut lines: Vec<String> = report.totals.iter().map(totals).collect();
    lines.extend(report.over.iter().take(OVER).map(over));
    let more = report.over.len().saturating_sub(OVER);
    if more > 0 {
        lines.push(format!("and {} over budget", format::counted(more as u64, "figure")));
    }
    lines.extend(verdict(report));
    lines
}

fn totals(totals: &Totals) -> String {
    let (rules, samples) = (format::counted(totals.rules, "rule"), format::value(totals.samples_per_s));
    let mut line = format!("{rules}: a server reads {samples} samples/s of {} series", format::count(totals.series));
    if let Some(saved) = totals.saved_by_sharing.filter(|saved| *saved >= 0.005) {
        line.push_str(&format!("; together they take {} less of alertctl's time than each alone", percent(saved)));
    }
    line
}

/// Says of one figure that it is above its limit.
pub(crate) fn over(over: &Over) -> String {
    let who = over.rule.as_ref().map_or("all rules read".to_owned(), |rule| format!("{} reads", rule.name));
    let unit = if over.id.ends_with("series") { "series" } else { "samples/s" };
    let short = [over.value, over.most].map(format::value);
    // Rounded, they may look the same.
    let [value, most] = if short[0] == short[1] { [over.value, over.most].map(|it| it.to_string()) } else { short };
    format!("over budget: {who} {value} {unit}, more than {most}")
}

/// Says that all rules are new, if so.
pub(crate) fn nothing_compared(comparison: &Comparison) -> Option<String> {
    let rules = format::counted(comparison.rules.len() as u64, "rule");
    comparison.has_no_base().then(|| format!("{rules} new, nothing compared"))
}

fn verdict(report: &ProfileReport) -> Option<String> {
    let over = match report.over.len() as u64 {
        0 => None,
        over => Some(format!("{} over budget", format::counted(over, "figure"))),
    };
    let Some(comparison) = report.comparison.as_ref() else { return over };
    if let Some(nothing) = nothing_compared(comparison) {
        return Some(over.into_iter().chain([nothing]).collect::<Vec<_>>().join("; "));
    }
    let failed = report.count(Verdict::Regression);
    let mut parts: Vec<String> = over.into_iter().collect();
    parts.push(match failed {
        0 => "no regression".to_owned(),
        failed => {
            let is_failed = |metric: &&Compared| metric.decision.verdict == Verdict::Regression;
            let mut worse: Vec<&Compared> = comparison.metrics.iter().filter(is_failed).collect();
            worse.sort_by_key(|metric| (metric.rule.is_none(), rank(metric)));
            let mut names: Vec<String> = Vec::new();
            for metric in worse {
                let name = metric.rule.as_ref().map_or_else(|| metric.id.clone(), |rule| rule.name.clone());
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            let more = names.len().saturating_sub(NAMED);
            names.truncate(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{}: {}{more}", format::counted(failed as u64, "regression"), names.join(", "))
        }
    });
    let accepted = report.count(Verdict::Accepted) as u64;
    if accepted > 0 {
        parts.push(format!("{} accepted", format::counted(accepted, "increase")));
    }
    for (kind, verb) in [(Verdict::Changed, "changed"), (Verdict::New, "new"), (Verdict::Gone, "gone")] {
        let rules = comparison.rules.iter().filter(|change| change.verdict == kind).count();
        if rules > 0 {
            parts.push(format!("{} {verb}", format::counted(rules as u64, "rule")));
        }
    }
    let noisy = report.count(Verdict::Inconclusive);
    if noisy > 0 {
        parts.push(format!("{} too noisy to judge", format::counted(noisy as u64, "metric")));
    }
    if parts.len() == 1 && comparison.rules.is_empty() {
        let compared = comparison.metrics.iter().filter(|metric| metric.decision.ratio.is_some()).count();
        parts.push(format!("{} compared", format::counted(compared as u64, "metric")));
    }
    Some(parts.join("; "))
}
