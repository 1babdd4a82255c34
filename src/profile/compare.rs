//! Two measurements side by side: what may be compared, which rules belong together, and a verdict for each metric.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::allowance::{Allowance, LINK_ORDER_NS, alike};
use super::gate::{Decision, Evidence, Limits, Side, Verdict, confirm, decide};
use super::pairs::{Fate, Pairs};
use super::rule_bench::{RULE_RESULTS, RULE_SAMPLES_PER_S, RUN_ALLOCS};
use super::sample::{Better, Inputs, Kind, Measurement, Metric, RuleText};
use super::totals::{self, Grew};
use crate::rules::changes::Cause;

/// Metrics whose ids begin so are about all rules of a run together.
pub(crate) const RUN_PREFIX: &str = "run.";

/// Below so many batches a process the low decile of a rate is what a busy machine makes of it.
const FEW: u64 = 10;

/// How a comparison is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// How the two sides were measured.
    pub evidence: Evidence,
    /// What is tolerated.
    pub limits: Limits,
    /// Whether nothing but the rules differs: one program measured both sides on one recording. A rule that is what it
    /// was, and so is all that it reads, is not compared then: there is nothing that could have made it dearer.
    pub rules_only: bool,
    /// Whether one of the sides is made slower on purpose, so that one program may differ from itself.
    pub slowed: bool,
}

/// Something that must be the same on both sides and is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What: `plan.processes`, `inputs.data_sha256`.
    pub what: &'static str,
    /// In the base.
    pub base: String,
    /// Now.
    pub now: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&super::differs::sentence(self))
    }
}

/// A rule as reports name it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuleRef {
    /// The file as the user named it.
    pub file: String,
    /// The line it begins on, from 1.
    pub line: u32,
    /// The group.
    pub group: String,
    /// The alert, or the metric that is recorded.
    pub name: String,
}

impl RuleRef {
    /// Names a rule.
    #[must_use]
    pub fn of(rule: &RuleText) -> Self {
        Self { file: rule.path.clone(), line: rule.line, group: rule.group.clone(), name: rule.name.clone() }
    }
}

/// One metric of both sides.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// Its id.
    pub id: String,
    /// The rule it is about.
    pub rule: Option<RuleRef>,
    /// The unit of its values.
    pub unit: String,
    /// Which direction is good.
    pub better: Better,
    /// What it counts.
    pub kind: Kind,
    /// The verdict and what it rests on.
    pub decision: Decision,
}

/// A rule that is not the same on both sides.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleChange {
    /// The rule: now, or as it was for one that is gone.
    pub rule: RuleRef,
    /// New, gone or changed.
    pub verdict: Verdict,
    /// What changed in its expression.
    pub causes: Vec<Cause>,
}

/// All of both sides.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// The metrics, in the order they were measured, those only in the base last.
    pub metrics: Vec<Compared>,
    /// The rules that are not the same.
    pub rules: Vec<RuleChange>,
    /// The rules that made a total of the run a regression, those that grew most first.
    pub grew: Vec<Grew>,
}

impl Comparison {
    /// Returns whether all rules are new, so that no metric could be compared.
    #[must_use]
    pub fn has_no_base(&self) -> bool {
        !self.rules.is_empty() && self.metrics.iter().all(|metric| metric.decision.verdict == Verdict::New)
    }

    /// Returns the metrics whose times look worse: what fresh processes are to measure again.
    #[must_use]
    pub fn suspects(&self) -> Vec<&Compared> {
        let suspect = |metric: &&Compared| !metric.kind.is_exact() && metric.decision.verdict == Verdict::Regression;
        self.metrics.iter().filter(suspect).collect()
    }

    /// Returns the metrics of which more processes are to be measured before anything is said.
    #[must_use]
    pub fn open(&self) -> Vec<&Compared> {
        self.metrics.iter().filter(|metric| metric.decision.open).collect()
    }

    /// Joins the decisions about times with those of fresh processes; a suspect that was not measured again is not
    /// confirmed.
    pub fn confirm(&mut self, fresh: &Self) {
        let suspect =
            |metric: &&mut Compared| !metric.kind.is_exact() && metric.decision.verdict == Verdict::Regression;
        for metric in self.metrics.iter_mut().filter(suspect) {
            let again = fresh.metrics.iter().find(|other| other.id == metric.id && other.rule == metric.rule);
            let decision = metric.decision.clone();
            metric.decision = match again {
                Some(again) => confirm(decision, &again.decision),
                None => Decision { verdict: Verdict::Inconclusive, note: "not measured again".to_owned(), ..decision },
            };
        }
    }
}

/// A rule that computes something else than before: its place on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Computed {
    /// In the base.
    pub base: usize,
    /// Now.
    pub now: usize,
}

/// Returns the rules whose time may differ where nothing but the rules does; `None` where they are the same, so that
/// nothing can.
#[must_use]
pub fn computed_anew(base: &[RuleText], now: &[RuleText]) -> Option<Vec<Computed>> {
    let pairs = Pairs::of(base, now);
    if !pairs.evaluate_others() {
        return None;
    }
    let computes = |at: &usize| matches!(pairs.fate(*at), Fate::Changed { computes: true, .. });
    let all = (0..now.len()).filter(computes);
    Some(all.filter_map(|now| Some(Computed { base: pairs.base_of[now]?, now })).collect())
}

/// Returns what keeps two measurements from being compared; empty when nothing does.
#[must_use]
pub fn differences(base: &Measurement, now: &Measurement) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut same = |what, base: &dyn fmt::Display, now: &dyn fmt::Display| {
        let (base, now) = (base.to_string(), now.to_string());
        if base != now {
            found.push(Difference { what, base, now });
        }
    };
    same("inputs.data_sha256", &base.inputs.data_sha256, &now.inputs.data_sha256);
    same("inputs.series", &base.inputs.series, &now.inputs.series);
    same("inputs.samples", &base.inputs.samples, &now.inputs.samples);
    if !base.rules.is_empty() && !now.rules.is_empty() {
        let counting = |inputs: &Inputs| inputs.counting.unwrap_or(1);
        same("inputs.counting", &counting(&base.inputs), &counting(&now.inputs));
    }
    same("plan.processes", &base.plan.processes, &now.plan.processes);
    same("plan.rounds", &base.plan.rounds, &now.plan.rounds);
    same("plan.batch_us", &base.plan.batch_us, &now.plan.batch_us);
    same("plan.warmup_rounds", &base.plan.warmup_rounds, &now.plan.warmup_rounds);
    same("plan.allocator", &base.plan.allocator, &now.plan.allocator);
    same("tool.opt", &base.tool.build_kind(), &now.tool.build_kind());
    found
}

/// Compares two measurements metric by metric.
///
/// # Errors
/// What keeps them from being compared: another plan, other data, another kind of build.
pub fn compare(base: &Measurement, now: &Measurement, settings: &Settings) -> Result<Comparison, Vec<Difference>> {
    let differences = differences(base, now);
    if !differences.is_empty() {
        return Err(differences);
    }
    let alike = if settings.evidence == Evidence::Saved { alike(base, now) } else { None };
    let (base, now) = alike.as_ref().map_or((base, now), |(base, now)| (base, now));
    let pairs = Pairs::of(&base.rules, &now.rules);
    // Sides that were measured in turns had the same machine, at the same speed.
    let saved = settings.evidence == Evidence::Saved;
    let allowance = if saved { Allowance::of(base, now) } else { Allowance::Moved(0.0) };
    let bench = Bench {
        base,
        now,
        settings,
        allowance,
        rules_differ: pairs.differ() || base.inputs.rules_sha256 != now.inputs.rules_sha256,
    };
    let (before, after) = (Index::of(base), Index::of(now));
    let mut metrics = Vec::new();
    let mut met = BTreeSet::new();
    for key @ (id, rule) in &after.order {
        // A rule without a counterpart has no metrics before; what is about no rule pairs by its id alone.
        let paired = rule.map_or(Some(None), |at| pairs.base_of[at].map(Some)).map(|rule| (*id, rule));
        let was = paired.map_or(&[][..], |key| before.get(&key));
        met.extend(paired);
        let fate = rule.map(|at| pairs.fate(at));
        let skipped = match fate {
            Some(Fate::Same) => settings.rules_only,
            // One figure says that there is a rule, and what it adds.
            Some(Fate::New) => *id != RULE_SAMPLES_PER_S,
            _ => false,
        };
        if skipped {
            continue;
        }
        metrics.extend(bench.row(rule.map(|at| &now.rules[at]), was, after.get(key), fate.as_ref()));
    }
    let told = |(id, rule): &&Key<'_>| rule.is_none_or(|at| *id == RULE_SAMPLES_PER_S || !pairs.gone.contains(&at));
    for key in before.order.iter().filter(|key| !met.contains(*key)).filter(told) {
        metrics.extend(bench.row(key.1.map(|at| &base.rules[at]), before.get(key), &[], None));
    }
    let costs = totals::Costs {
        before: &|id, rule| before.get(&(id, Some(rule))).first().map(|one| one.pooled.p10),
        after: &|id, rule| after.get(&(id, Some(rule))).first().map(|one| one.pooled.p10),
    };
    let grew = totals::explain(&mut metrics, now, &pairs, &costs);
    Ok(Comparison { metrics, rules: changes(base, now, &pairs), grew })
}

/// What tells metrics apart: the id, and the place of the rule.
type Key<'a> = (&'a str, Option<usize>);

/// The metrics of all sessions.
struct Index<'a> {
    /// Each once, in the order they first stand in.
    order: Vec<Key<'a>>,
    metrics: BTreeMap<Key<'a>, Vec<&'a Metric>>,
}

impl<'a> Index<'a> {
    fn of(measurement: &'a Measurement) -> Self {
        let mut index = Self { order: Vec::new(), metrics: BTreeMap::new() };
        let known = |metric: &&Metric| metric.rule.is_none_or(|at| at < measurement.rules.len());
        for metric in measurement.sessions.iter().flat_map(|session| &session.metrics).filter(known) {
            let key = (metric.id.as_str(), metric.rule);
            let metrics = index.metrics.entry(key).or_default();
            if metrics.is_empty() {
                index.order.push(key);
            }
            metrics.push(metric);
        }
        index
    }

    /// Returns a metric, once a session that has it.
    fn get<'s>(&'s self, key: &Key<'s>) -> &'s [&'a Metric] {
        self.metrics.get(key).map_or(&[], Vec::as_slice)
    }
}

fn changes(base: &Measurement, now: &Measurement, pairs: &Pairs) -> Vec<RuleChange> {
    let mut changes = Vec::new();
    for (at, rule) in now.rules.iter().enumerate() {
        let causes: Vec<Cause> = [&pairs.changed, &pairs.rewritten, &pairs.moved]
            .into_iter()
            .filter_map(|all| all.get(&at))
            .flatten()
            .cloned()
            .collect();
        let verdict = match pairs.base_of[at] {
            None => Verdict::New,
            Some(_) if !causes.is_empty() => Verdict::Changed,
            Some(_) => continue,
        };
        changes.push(RuleChange { rule: RuleRef::of(rule), verdict, causes });
    }
    for at in &pairs.gone {
        changes.push(RuleChange { rule: RuleRef::of(&base.rules[*at]), verdict: Verdict::Gone, causes: Vec::new() });
    }
    changes
}

struct Bench<'a> {
    base: &'a Measurement,
    now: &'a Measurement,
    settings: &'a Settings,
    allowance: Allowance,
    rules_differ: bool,
}

impl Bench<'_> {
    /// Decides about one metric; `None` when neither side has it.
    fn row(&self, rule: Option<&RuleText>, was: &[&Metric], is: &[&Metric], fate: Option<&Fate>) -> Option<Compared> {
        let any = is.first().or(was.first())?;
        Some(Compared {
            id: any.id.clone(),
            rule: rule.map(RuleRef::of),
            unit: any.unit.clone(),
            better: any.better,
            kind: any.kind,
            decision: self.decision(rule, was, is, fate),
        })
    }

    fn decision(&self, rule: Option<&RuleText>, was: &[&Metric], is: &[&Metric], fate: Option<&Fate>) -> Decision {
        let (before, after) = match (Side::of(was), Side::of(is)) {
            (Some(before), Some(after)) => (before, after),
            (before, after) => {
                let verdict = if after.is_some() { Verdict::New } else { Verdict::Gone };
                let (base, now) = (before.map(|side| side.value()), after.map(|side| side.value()));
                return Decision {
                    verdict,
                    base,
                    now,
                    ratio: None,
                    interval: None,
                    threshold: None,
                    open: false,
                    note: String::new(),
                };
            }
        };
        let (Some(a), Some(b)) = (was.first(), is.first()) else { return unlike(&before, &after, "no metric") };
        if (&a.unit, a.kind, a.better, a.ops) != (&b.unit, b.kind, b.better, b.ops) {
            let sides = format!("{} {} in the baseline, {} {} now", a.kind.word(), a.unit, b.kind.word(), b.unit);
            return unlike(&before, &after, &sides);
        }
        let iters = |measurement: &Measurement| measurement.plan.iters.get(&a.id).copied();
        if let (Some(from), Some(to)) = (iters(self.base), iters(self.now))
            && from != to
        {
            return unlike(&before, &after, &format!("{from} operations per batch in the baseline, {to} now"));
        }
        let settings = self.settings;
        let levelled = if settings.evidence == Evidence::Interleaved { Side::in_turns(was, is) } else { None };
        let (before, after) = levelled.unwrap_or((before, after));
        let tiny = [a, b].into_iter().filter_map(|metric| metric.ns_per_op()).any(|ns| ns < LINK_ORDER_NS);
        let other_build = self.base.tool.binary_sha256 != self.now.tool.binary_sha256;
        // Neighbours on the machine move short times, too, as long as they are measured at another time.
        let tiny = tiny && (other_build || settings.evidence == Evidence::Saved);
        let limits = self.allowance.widen(&settings.limits, tiny);
        let total = self.rules_differ && a.id.starts_with(RUN_PREFIX);
        let limits = if total { Limits { exact: limits.total, ..limits } } else { limits };
        let decision = decide(&before, &after, a.better, a.kind, settings.evidence, &limits);
        if total && a.id == RUN_ALLOCS {
            return changed(decision, Kind::Time, "the rules differ", false);
        }
        let costs = |id: &str| id != RULE_RESULTS || rule.is_some_and(|rule| rule.records);
        match fate {
            // An alert that is true of more series costs a server little more.
            Some(Fate::Changed { cause, .. } | Fate::Reader(cause)) if !costs(&a.id) => {
                return changed(decision, Kind::Time, cause, false);
            }
            Some(Fate::Changed { cause, further: Some(further), .. })
                if a.id == RULE_SAMPLES_PER_S
                    && decision.verdict == Verdict::Ok
                    && *further > self.now.inputs.span_ms =>
            {
                // What is certain of its text cannot be counted on so short a recording.
                let note = format!("{cause}; a server reads more than is counted: the recording is too short");
                return Decision { verdict: Verdict::Regression, note, ..decision };
            }
            Some(Fate::Changed { cause, computes, .. }) => return changed(decision, a.kind, cause, *computes),
            // What did not move needs no cause.
            Some(Fate::Reader(cause)) if !matches!(decision.verdict, Verdict::Ok) => {
                return changed(decision, a.kind, cause, false);
            }
            _ => {}
        }
        if a.kind.is_exact() {
            return decision;
        }
        let decision = self.allowance.settle(decision);
        if settings.evidence == Evidence::Interleaved || decision.verdict != Verdict::Regression {
            return decision;
        }
        let few = a.kind == Kind::Rate && [a, b].iter().any(|metric| metric.per_process.n.iter().any(|n| *n < FEW));
        // Other rules take another time in the same program.
        let because = if !other_build && !settings.slowed && !total {
            "the program is the same: it is the machine that differs"
        } else if few {
            "too few batches in each process to tell it from a busy machine"
        } else {
            return decision;
        };
        Decision { verdict: Verdict::Inconclusive, open: false, note: because.to_owned(), ..decision }
    }
}

fn unlike(before: &Side, after: &Side, note: &str) -> Decision {
    Decision {
        verdict: Verdict::Incompatible,
        base: Some(before.value()),
        now: Some(after.value()),
        ratio: None,
        interval: None,
        threshold: None,
        open: false,
        note: note.to_owned(),
    }
}

/// Decides about a metric of a rule that changed: what became worse fails with the cause named, and what is exact is so
/// on any machine. Times that are no judgement of the change, as `gates` says, are only shown.
fn changed(decision: Decision, kind: Kind, cause: &str, gates: bool) -> Decision {
    let gates = gates || kind.is_exact();
    let lost = decision.now == Some(0.0) && decision.base.is_some_and(|base| base > 0.0) && kind == Kind::Samples;
    if lost {
        let note = format!("reads nothing any more: {cause}");
        return Decision { verdict: Verdict::Changed, open: false, note, ..decision };
    }
    let verdict = match decision.verdict {
        verdict @ (Verdict::Regression | Verdict::Improved) if gates => verdict,
        _ => Verdict::Changed,
    };
    Decision { verdict, open: gates && decision.open, note: cause.to_owned(), ..decision }
}

#[cfg(test)]
#[path = "compare_tests.rs"]
mod tests;
