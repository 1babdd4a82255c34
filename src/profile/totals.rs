//! What made all rules of a run together dearer.

use super::compare::{Compared, RuleRef};
use super::gate::{Verdict, percent};
use super::pairs::{Fate, Pairs};
use super::rule_bench::{RULE_SAMPLES_PER_S, RUN_SAMPLES_PER_S};
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

/// Names the rules that made the totals of a run grow, where these are regressions: a new rule has nothing to be compared
/// with, so it is judged by what it adds to all of them.
///
/// Returns the rules that grew, where a total is a regression, those that grew most first.
///
/// `before` and `after` return what a rule of the base and one of now reads. Unit: samples/s.
pub(crate) fn explain(
    metrics: &mut [Compared],
    now: &Measurement,
    pairs: &Pairs,
    before: impl Fn(usize) -> Option<f64>,
    after: impl Fn(usize) -> Option<f64>,
) -> Vec<Grew> {
    let is_total = |metric: &Compared| metric.rule.is_none() && metric.id.starts_with("run.");
    let failed = |metric: &Compared| is_total(metric) && metric.decision.verdict == Verdict::Regression;
    if !pairs.differ() || !metrics.iter().any(failed) {
        return Vec::new();
    }
    let all: f64 = (0..now.rules.len()).filter_map(&after).sum();
    let mut dearer: Vec<Grew> = Vec::new();
    for (at, rule) in now.rules.iter().enumerate() {
        let was = pairs.base_of[at].and_then(&before).unwrap_or(0.0);
        let Some(more) = after(at).map(|is| is - was).filter(|more| *more > 0.0) else { continue };
        let what = match pairs.fate(at) {
            Fate::New => "is new".to_owned(),
            Fate::Changed { cause, .. } => format!("changed ({cause})"),
            Fate::Reader(cause) => cause,
            Fate::Same => continue,
        };
        dearer.push(Grew { rule: RuleRef::of(rule), new: pairs.base_of[at].is_none(), what, more });
    }
    dearer.sort_by(|a, b| b.more.total_cmp(&a.more));
    let named: Vec<String> = dearer.iter().take(NAMED).map(named).collect();
    for metric in metrics.iter_mut().filter(|metric| failed(metric)) {
        metric.decision.note = named.join("; ");
    }
    let grew: f64 = dearer.iter().map(|one| one.more).sum();
    let too_much = metrics.iter().any(|metric| failed(metric) && metric.id == RUN_SAMPLES_PER_S);
    for one in dearer.iter().filter(|one| too_much && one.new && one.more >= BLAMED * grew) {
        let own = |metric: &&mut Compared| metric.id == RULE_SAMPLES_PER_S && metric.rule.as_ref() == Some(&one.rule);
        if let Some(metric) = metrics.iter_mut().find(own) {
            metric.decision.verdict = Verdict::Regression;
            metric.decision.note = format!("new; {} of what all rules read", percent(one.more / all));
        }
    }
    dearer
}

fn named(one: &Grew) -> String {
    format!("`{}` {}: {} samples/s more", one.rule.name, one.what, format::value(one.more))
}
