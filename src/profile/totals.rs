//! What made all rules of a run together dearer.

use super::compare::{Compared, RUN_PREFIX, RuleRef};
use super::gate::{Verdict, percent};
use super::pairs::{Fate, Pairs};
use super::rule_bench::{RULE_SAMPLES_PER_S, RULE_SERIES, RUN_SAMPLES_PER_S, RUN_SERIES};
use super::sample::Measurement;
use crate::format;

/// The most rules that are named for one total.
const NAMED: usize = 3;
/// The least share of what all rules read more that makes a new rule one of those to blame.
const BLAMED: f64 = 0.2;

/// A rule for which a server reads more than before.
#[derive(Clone, Debug, PartialEq)]
pub struct Grew {
    /// The rule.
    pub rule: RuleRef,
    /// Whether it is new.
    pub new: bool,
    /// Why: `is new`, `changed (window grew from [1h] to [6h])`.
    pub what: String,
    /// How much more. Unit: samples/s.
    pub more: f64,
}

/// What rules cost on both sides: the figure of an id and of a rule's place.
pub(crate) struct Costs<'a> {
    /// In the base.
    pub before: &'a dyn Fn(&str, usize) -> Option<f64>,
    /// Now.
    pub after: &'a dyn Fn(&str, usize) -> Option<f64>,
}

/// Names the rules that made the totals of a run grow, where these are regressions: a new rule has nothing to be compared
/// with, so it is judged by what it adds to all of them. Returns the rules for which more samples are read then, those
/// that grew most first.
pub(crate) fn explain(metrics: &mut [Compared], now: &Measurement, pairs: &Pairs, costs: &Costs<'_>) -> Vec<Grew> {
    let is_total = |metric: &Compared| metric.rule.is_none() && metric.id.starts_with(RUN_PREFIX);
    let failed = |metric: &Compared| is_total(metric) && metric.decision.verdict == Verdict::Regression;
    if !pairs.differ() || !metrics.iter().any(failed) {
        return Vec::new();
    }
    let by_samples = dearer(now, pairs, costs, RULE_SAMPLES_PER_S);
    for metric in metrics.iter_mut().filter(|metric| failed(metric)) {
        // The time of one rule among others is not known: it follows what is read.
        metric.decision.note = match metric.id.as_str() {
            RUN_SERIES => named(&dearer(now, pairs, costs, RULE_SERIES), "series"),
            _ => named(&by_samples, "samples/s"),
        };
    }
    let all: f64 = (0..now.rules.len()).filter_map(|at| (costs.after)(RULE_SAMPLES_PER_S, at)).sum();
    let grew: f64 = by_samples.iter().map(|one| one.more).sum();
    let too_much = metrics.iter().any(|metric| failed(metric) && metric.id == RUN_SAMPLES_PER_S);
    for one in by_samples.iter().filter(|one| too_much && one.new && one.more >= BLAMED * grew) {
        let own = |metric: &&mut Compared| metric.id == RULE_SAMPLES_PER_S && metric.rule.as_ref() == Some(&one.rule);
        if let Some(metric) = metrics.iter_mut().find(own) {
            metric.decision.verdict = Verdict::Regression;
            metric.decision.note = format!("new; {} of what all rules read", percent(one.more / all));
        }
    }
    by_samples
}

/// Returns the rules of which a figure grew, those that grew most first.
fn dearer(now: &Measurement, pairs: &Pairs, costs: &Costs<'_>, id: &str) -> Vec<Grew> {
    let mut dearer: Vec<Grew> = Vec::new();
    for (at, rule) in now.rules.iter().enumerate() {
        let was = pairs.base_of[at].and_then(|before| (costs.before)(id, before)).unwrap_or(0.0);
        let Some(more) = (costs.after)(id, at).map(|is| is - was).filter(|more| *more > 0.0) else { continue };
        let what = match pairs.fate(at) {
            Fate::New => "is new".to_owned(),
            Fate::Changed { cause, .. } => format!("changed ({cause})"),
            Fate::Reader(cause) => cause,
            Fate::Same => continue,
        };
        dearer.push(Grew { rule: RuleRef::of(rule), new: pairs.base_of[at].is_none(), what, more });
    }
    dearer.sort_by(|a, b| b.more.total_cmp(&a.more));
    dearer
}

/// Names the rules that grew most.
fn named(dearer: &[Grew], unit: &str) -> String {
    let one = |one: &Grew| format!("`{}` {}: {} {unit} more", one.rule.name, one.what, format::value(one.more));
    let named: Vec<String> = dearer.iter().take(NAMED).map(one).collect();
    named.join("; ")
}
