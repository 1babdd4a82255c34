//! What is measured, and comparing it.

use crate::profile::accept::Acceptance;
use crate::profile::campaign::{Amount, Campaign, Side};
use crate::profile::compare::{Comparison, Difference, Settings, differences};
use crate::profile::gate::{Evidence, Limits};
use crate::profile::protocol::Planned;
use crate::profile::sample::{Inputs, Measurement, Plan};
use crate::profile::targets::Targets;
use crate::profile::trial::{PATIENCE_NS, Trial, TrialSide};

use super::super::Failure;
use super::super::ui::Terminal;
use super::accept;
use super::args::ProfileArgs;
use super::failed;
use super::measure::{CHUNK, Measured};
use super::subject::{self, Ruleset};

/// The length of a batch of the report's workload. Unit: microseconds.
pub(super) const BATCH_US: u64 = 200;
/// Batches before the first that counts.
pub(super) const WARMUP: u64 = 5;

/// One program on one set of inputs.
pub(super) struct Subject {
    pub(super) side: Side,
    pub(super) rules: Option<Ruleset>,
    /// Whether it is what the other one is compared with.
    pub(super) base: bool,
}

impl Subject {
    /// Returns whether it is the workload of the report.
    pub(super) fn is_workload(&self) -> bool {
        self.rules.is_none()
    }
}

/// All that is measured.
pub(super) struct Bench {
    pub(super) subjects: Vec<Subject>,
    /// What is compared with, measured in turns, as the user named it.
    pub(super) against: Option<String>,
    /// Whether nothing but the rules differs between the sides.
    pub(super) rules_only: bool,
    pub(super) amount: Amount,
    /// The digest of the recordings and of how they are read.
    pub(super) data_sha256: String,
    /// Whether it is shown where the time goes, too.
    pub(super) shown: bool,
    /// Whether no times are measured.
    pub(super) exact: bool,
}

/// What came of a comparison.
#[derive(Default)]
pub(super) struct Compared {
    pub(super) comparison: Option<Comparison>,
    pub(super) incompatible: Vec<Difference>,
    pub(super) base: Option<String>,
}

impl Bench {
    /// Determines what is to be measured; none when the rules are wrong, which was reported.
    pub(super) fn of(
        args: &ProfileArgs,
        terminal: &Terminal,
        targets: &Targets,
        saved: Option<&Measurement>,
    ) -> Result<Option<Self>, Failure> {
        let recordings = subject::recordings(args)?;
        let exe = subject::own_exe()?;
        let own = |inputs, slowdown| Side { exe: exe.clone(), foreign: false, inputs, slowdown };
        let other = args.against_binary.clone();
        let mut subjects = Vec::new();
        let mut add = |base: bool, rules: Option<Ruleset>, paths: &[String]| {
            let inputs = rules.as_ref().map(|rules| subject::inputs(args, rules, paths)).transpose()?;
            let side = match (&other, base) {
                (Some(other), true) => Side { exe: other.clone(), foreign: true, inputs, slowdown: 1.0 },
                (_, true) => own(inputs, 1.0),
                (_, false) => own(inputs, args.inject_slowdown),
            };
            subjects.push(Subject { side, rules, base });
            Ok::<(), Failure>(())
        };
        if args.rules.is_empty() || targets.of_workload {
            if other.is_some() {
                add(true, None, &[])?;
            }
            add(false, None, &[])?;
        }
        if !args.rules.is_empty() {
            let Some(now) = subject::ruleset(&args.rules, &args.keys, terminal, args.console.quiet)? else {
                return Ok(None);
            };
            if !args.against_rules.is_empty() {
                let (paths, quiet) = (&args.against_rules, args.console.quiet);
                let Some(base) = subject::base_ruleset(paths, &args.keys, terminal, quiet)? else {
                    return Ok(None);
                };
                // Without a rule there is nothing to measure.
                if !base.is_empty {
                    add(true, Some(base), &recordings)?;
                }
            } else if other.is_some() {
                add(true, Some(now.clone()), &recordings)?;
            }
            add(false, Some(now), &recordings)?;
        }
        let rules = (!args.against_rules.is_empty()).then(|| args.against_rules.join(" "));
        let against = rules.or_else(|| args.against_binary.as_ref().map(|path| path.display().to_string()));
        // The plan is part of a measurement: what is compared with a baseline follows the baseline's.
        let amount = Amount {
            processes: saved.map_or(args.processes, |saved| saved.plan.processes.clamp(1, 100)),
            rounds: saved.map_or(args.rounds, |saved| saved.plan.rounds.clamp(1, 10_000)),
            warmup: saved.map_or(WARMUP, |saved| saved.plan.warmup_rounds.min(100)),
            abreast: 0,
        };
        // Times would have nothing to be compared with.
        let exact = args.exact || saved.is_some_and(|saved| !has_times(saved));
        // A hidden slowdown makes another program of this one.
        let rules_only = !args.against_rules.is_empty() && args.inject_slowdown <= 1.0;
        let inputs = subjects.iter().rev().find_map(|subject| subject.side.inputs.as_ref());
        let data_sha256 = subject::data_sha256(if inputs.is_some() { &recordings } else { &[] }, inputs)?;
        Ok(Some(Self { subjects, against, rules_only, amount, data_sha256, shown: true, exact }))
    }

    /// Determines that two sets of rules are compared, and nothing is shown of them.
    pub(super) fn of_rules(
        args: &ProfileArgs,
        base: Ruleset,
        now: Ruleset,
        recordings: &[String],
    ) -> Result<Self, Failure> {
        let exe = subject::own_exe()?;
        let subject = |base, rules: Ruleset| {
            let inputs = Some(subject::inputs(args, &rules, recordings)?);
            let side = Side { exe: exe.clone(), foreign: false, inputs, slowdown: 1.0 };
            Ok::<_, Failure>(Subject { side, rules: Some(rules), base })
        };
        let subjects = vec![subject(true, base)?, subject(false, now)?];
        let amount = Amount { processes: args.processes, rounds: args.rounds, warmup: WARMUP, abreast: 0 };
        let against = Some("other rules".to_owned());
        // Both sides read the same.
        Ok(Self {
            subjects,
            against,
            rules_only: true,
            amount,
            data_sha256: String::new(),
            shown: false,
            exact: args.exact,
        })
    }

    /// Returns what is accepted of what becomes worse.
    pub(super) fn accepted(&self, args: &ProfileArgs, terminal: &Terminal) -> Result<Vec<Acceptance>, Failure> {
        let side = |base: bool| {
            let mut subjects = self.subjects.iter().filter(|subject| subject.base == base);
            // The base of another build has the same rules: what they accept is not in it.
            let is_other = base && args.against_rules.is_empty();
            subjects.find_map(|subject| subject.rules.as_ref()).filter(|_| !is_other).map(|rules| &rules.side)
        };
        accept::all(args, side(false), side(true), terminal)
    }

    /// Returns what keeps a baseline from being compared with, as far as it is known before anything is measured.
    pub(super) fn foreseen(&self, saved: &Measurement) -> Vec<Difference> {
        let mut known = saved.clone();
        known.inputs.data_sha256.clone_from(&self.data_sha256);
        known.inputs.counting = Some(Inputs::COUNTING);
        known.tool.opt = if cfg!(debug_assertions) { "debug" } else { "release" }.to_owned();
        known.plan = Plan { iters: known.plan.iters, ..self.plan() };
        differences(saved, &known)
    }

    /// Returns the plan, without the metrics.
    pub(super) fn plan(&self) -> Plan {
        Plan {
            processes: self.amount.processes,
            rounds: self.amount.rounds,
            batch_us: BATCH_US,
            warmup_rounds: self.amount.warmup,
            allocator: "system".to_owned(),
            ..Plan::default()
        }
    }
}

/// Returns whether a baseline has any time.
fn has_times(saved: &Measurement) -> bool {
    saved.sessions.iter().flat_map(|session| &session.metrics).any(|metric| !metric.kind.is_exact())
}

/// Lets a plan follow that of a baseline, where it has one for a metric.
pub(super) fn follow(planned: &mut [Planned], plan: &Plan) {
    for metric in planned {
        if let Some(iters) = plan.iters.get(&metric.id) {
            metric.iters = (*iters).clamp(1, 1 << 40);
            metric.chunk =
                plan.iters.get(&format!("{}{CHUNK}", metric.id)).map_or(1, |chunk| (*chunk).clamp(1, 1 << 20));
        }
    }
}

/// Returns a measurement of no rules, next to which all that was measured is new.
pub(super) fn nothing(now: &Measurement) -> Measurement {
    let mut base = now.clone();
    base.rules.clear();
    base.inputs.rules = 0;
    base.sessions.iter_mut().for_each(|session| session.metrics.clear());
    base
}

pub(super) fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

impl Measured {
    /// Compares with what was given to compare with.
    pub(super) fn compare(
        &self,
        args: &ProfileArgs,
        bench: &Bench,
        campaign: &mut Campaign<'_>,
        saved: Option<Measurement>,
    ) -> Result<Compared, Failure> {
        let (evidence, name) = match (&args.baseline, &bench.against) {
            (Some(path), _) => (Evidence::Saved, path.display().to_string()),
            (None, Some(name)) => (Evidence::Interleaved, name.clone()),
            (None, None) => return Ok(Compared::default()),
        };
        let Some(mut base) = saved.or_else(|| self.base.clone()) else { return Ok(Compared::default()) };
        if bench.exact {
            // Its times have nothing to be compared with.
            base.sessions.iter_mut().for_each(|session| session.metrics.retain(|metric| metric.kind.is_exact()));
        }
        let limits = Limits { max_slowdown: args.max_slowdown, total: args.max_increase, ..Limits::default() };
        let settings = Settings { evidence, limits, rules_only: bench.rules_only, slowed: args.inject_slowdown > 1.0 };
        let sides = bench.subjects.iter().zip(&self.plans).map(|(subject, planned)| TrialSide {
            side: &subject.side,
            planned,
            base: subject.base,
        });
        let guard = self.guard.iter().map(|(side, planned)| TrialSide { side, planned, base: false });
        // What is left of the budget of the rules, and a quarter of it again, where they alone are measured.
        let workload = bench.subjects.iter().any(Subject::is_workload);
        let quarter = args.budget_us().saturating_mul(1_000) / 4;
        let patience_ns = if workload { PATIENCE_NS } else { self.left_ns.saturating_add(quarter) };
        let sides = sides.chain(guard).collect();
        let trial = Trial { sides, amount: bench.amount, settings, patience_ns };
        let judged = trial.judge(campaign, base, self.now.clone()).map_err(failed)?;
        let (comparison, incompatible) = match judged {
            Ok(comparison) => (Some(comparison), Vec::new()),
            Err(incompatible) => (None, incompatible),
        };
        Ok(Compared { comparison, incompatible, base: Some(name) })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_plan_follows_that_of_the_baseline() {
        let mut planned = vec![
            Planned { id: "a".to_owned(), rule: None, iters: 10, chunk: 1 },
            Planned { id: "b".to_owned(), rule: None, iters: 10, chunk: 1 },
        ];
        let iters = BTreeMap::from([("a".to_owned(), 77), ("a.chunk".to_owned(), 32)]);
        follow(&mut planned, &Plan { iters, ..Plan::default() });
        assert_eq!((planned[0].iters, planned[0].chunk, planned[1].iters), (77, 32, 10));
    }
}
