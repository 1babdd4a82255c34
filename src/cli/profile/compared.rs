//! Measuring one side or two, and comparing them.

use crate::profile::baseline::SCHEMA;
use crate::profile::campaign::{Amount, CALIBRATION, Campaign, Loaded, Side, Taken};
use crate::profile::compare::{Comparison, Difference, Settings};
use crate::profile::gate::{Evidence, Limits};
use crate::profile::machine::Load;
use crate::profile::protocol::{Counted, Grown, Planned, Staged};
use crate::profile::sample::{Machine, Measurement, Plan, Session};
use crate::profile::trial::{self, Trial, TrialSide};

use super::super::Failure;
use super::super::ui::{Steps, Terminal};
use super::args::ProfileArgs;
use super::subject::{self, Ruleset};
use super::{counts, failed};

/// The length of a batch of the report's workload. Unit: microseconds.
pub(super) const BATCH_US: u64 = 200;
/// Batches before the first that counts.
pub(super) const WARMUP: u64 = 5;
/// Samples that processes which live side by side may hold together: about a gigabyte.
const SAMPLES_IN_MEMORY: u64 = 50_000_000;
/// The shortest pass over rules. Unit: microseconds.
const SHORTEST_PASS_US: u64 = 1_000;
/// What the key of a plan's chunks ends with.
const CHUNK: &str = ".chunk";

/// One program on one set of inputs.
struct Subject {
    side: Side,
    rules: Option<Ruleset>,
    /// Whether it is what the other one is compared with.
    base: bool,
}

/// All that is measured.
pub(super) struct Bench {
    subjects: Vec<Subject>,
    recordings: Vec<String>,
    /// What is compared with, measured in turns, as the user named it.
    against: Option<String>,
    amount: Amount,
}

/// What was measured of one subject.
struct Raw {
    planned: Vec<Planned>,
    loaded: Loaded,
    counted: Vec<Counted>,
    sessions: Vec<Taken>,
}

/// What was measured.
pub(super) struct Measured {
    pub(super) now: Measurement,
    base: Option<Measurement>,
    plans: Vec<Vec<Planned>>,
    /// What tells whether the machine changed, where no subject does.
    guard: Option<(Side, Vec<Planned>)>,
    /// Of the workload of the report: times of all sessions, and counts.
    pub(super) report: Option<(Taken, Vec<Counted>)>,
    /// Of the user's rules.
    pub(super) counted: Vec<Counted>,
    pub(super) grown: Vec<Grown>,
    pub(super) staged: Option<Staged>,
    pub(super) notes: Vec<String>,
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
        if args.rules.is_empty() || args.targets.is_some() {
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
                let Some(base) = subject::ruleset(&args.against_rules, &args.keys, terminal, true)? else {
                    return Ok(None);
                };
                add(true, Some(base), &recordings)?;
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
            warmup: WARMUP,
            abreast: 0,
        };
        Ok(Some(Self { subjects, recordings, against, amount }))
    }

    /// Measures all.
    pub(super) fn measure(
        &mut self,
        args: &ProfileArgs,
        campaign: &mut Campaign<'_>,
        machine: &Machine,
        saved: Option<&Measurement>,
        steps: &Steps,
    ) -> Result<Measured, Failure> {
        let sessions = if args.save_baseline.is_some() { args.sessions } else { 1 };
        let subjects = self.subjects.len() as u64;
        let guard = self.guard(campaign)?;
        let sides = subjects + u64::from(guard.is_some());
        steps.expect(sides * sessions * self.amount.processes + subjects + 1);
        let batches = self.amount.processes * (self.amount.rounds + self.amount.warmup) * sessions * subjects;
        let pass_us = (args.budget_us() / batches.max(1)).max(SHORTEST_PASS_US);
        let mut raws: Vec<Raw> = Vec::new();
        for (at, subject) in self.subjects.iter().enumerate() {
            let batch_us = if subject.rules.is_some() { pass_us } else { BATCH_US };
            let (own, loaded) = campaign.plan(&subject.side, batch_us).map_err(failed)?;
            if subject.rules.is_some() && loaded.read == 0 {
                return Err(Failure::new("no rule reads any series of the recording: nothing to profile")
                    .hint("alertctl eval names the missing metrics"));
            }
            // Both sides of a pair follow one plan.
            let partner = (0..at).find(|other| self.subjects[*other].rules.is_some() == subject.rules.is_some());
            let mut planned = partner.map_or_else(|| own.clone(), |other| raws[other].planned.clone());
            planned.retain(|metric| own.iter().any(|own| own.id == metric.id));
            if let Some(saved) = saved {
                follow(&mut planned, &saved.plan);
            }
            raws.push(Raw { planned, loaded, counted: Vec::new(), sessions: Vec::new() });
        }
        let samples: u64 = raws.iter().map(|raw| raw.loaded.samples).sum();
        self.amount.abreast = (SAMPLES_IN_MEMORY / samples.max(1)).clamp(1, self.amount.processes);
        let mut all = Vec::new();
        for _ in 0..sessions {
            let before = Load::now();
            let start = now();
            let mut sides: Vec<(&Side, &[Planned])> =
                self.subjects.iter().zip(&raws).map(|(subject, raw)| (&subject.side, raw.planned.as_slice())).collect();
            sides.extend(guard.as_ref().map(|(side, planned)| (side, planned.as_slice())));
            let taken = campaign.session(&sides, self.amount).map_err(failed)?;
            let after = Load::now();
            all.push(Session {
                calibration: taken.last().filter(|_| guard.is_some()).map(Taken::calibration).unwrap_or_default(),
                start,
                load1: before.load1,
                steal_ticks: after.steal_ticks.saturating_sub(before.steal_ticks),
                throttled_ns: after.throttled_ns.saturating_sub(before.throttled_ns),
                ..Session::default()
            });
            for (raw, taken) in raws.iter_mut().zip(taken) {
                raw.sessions.push(taken);
            }
        }
        for (subject, raw) in self.subjects.iter().zip(&mut raws) {
            raw.counted = campaign.count(&subject.side).map_err(failed)?;
        }
        let mut notes = Vec::new();
        let (mut grown, mut staged) = (Vec::new(), None);
        if let Some(subject) = self.subjects.iter().find(|subject| subject.rules.is_some() && !subject.base) {
            let (found, stages) = campaign.look(&subject.side, args.budget_us()).map_err(failed)?;
            (grown, staged) = (found, Some(stages));
            notes.push(
                "times are alertctl's own: many of its windows cost the same whatever their length, a server's do not; \
                 samples and series rank rules as a server feels them"
                    .to_owned(),
            );
        }
        let of = |base: bool| self.measurement(base, &raws, &all, machine);
        let has_base = self.subjects.iter().any(|subject| subject.base);
        let base = if has_base { Some(of(true)?) } else { None };
        let measured_now = of(false)?;
        let plans = raws.iter().map(|raw| raw.planned.clone()).collect();
        let (mut report, mut counted) = (None, Vec::new());
        for (subject, raw) in self.subjects.iter().zip(raws).filter(|(subject, _)| !subject.base) {
            if subject.rules.is_some() {
                counted = raw.counted;
            } else {
                let processes = raw.sessions.into_iter().flat_map(|taken| taken.processes).collect();
                report = Some((Taken { processes }, raw.counted));
            }
        }
        Ok(Measured { now: measured_now, base, plans, guard, report, counted, grown, staged, notes })
    }

    /// Returns the calibration loops, and who runs them, where only rules are measured, which have none.
    fn guard(&self, campaign: &Campaign<'_>) -> Result<Option<(Side, Vec<Planned>)>, Failure> {
        if self.subjects.iter().any(|subject| subject.rules.is_none()) {
            return Ok(None);
        }
        let side = Side { exe: subject::own_exe()?, foreign: false, inputs: None, slowdown: 1.0 };
        let (mut planned, _) = campaign.plan(&side, BATCH_US).map_err(failed)?;
        planned.retain(|metric| metric.id.starts_with(CALIBRATION));
        Ok(Some((side, planned)))
    }

    /// Puts together what was measured of one side.
    fn measurement(
        &self,
        base: bool,
        raws: &[Raw],
        sessions: &[Session],
        machine: &Machine,
    ) -> Result<Measurement, Failure> {
        let parts: Vec<(&Subject, &Raw)> =
            self.subjects.iter().zip(raws).filter(|(subject, _)| subject.base == base).collect();
        let mut plan = Plan {
            processes: self.amount.processes,
            rounds: self.amount.rounds,
            batch_us: BATCH_US,
            warmup_rounds: self.amount.warmup,
            allocator: "system".to_owned(),
            ..Plan::default()
        };
        let mut sessions = sessions.to_vec();
        for (_, raw) in &parts {
            for planned in &raw.planned {
                plan.iters.insert(planned.id.clone(), planned.iters);
                if planned.chunk > 1 {
                    plan.iters.insert(format!("{}{CHUNK}", planned.id), planned.chunk);
                }
            }
            for (session, taken) in sessions.iter_mut().zip(&raw.sessions) {
                trial::add(session, taken);
                session.metrics.extend(counts(&raw.counted));
            }
        }
        // Rules, if there are any, are the last part.
        let last = parts.last();
        let rules = last.and_then(|(subject, _)| subject.rules.as_ref());
        let nothing = Loaded::default();
        let loaded = last.map_or(&nothing, |(_, raw)| &raw.loaded);
        let recordings = if rules.is_some() { self.recordings.as_slice() } else { &[] };
        let side = &last.map_or(&self.subjects[0], |(subject, _)| subject).side;
        Ok(Measurement {
            schema: SCHEMA.to_owned(),
            created: now(),
            tool: subject::tool(side, &loaded.hello)?,
            inputs: subject::describe(rules, recordings, loaded, side.inputs.as_ref())?,
            machine: machine.clone(),
            plan: plan.sealed(),
            rules: subject::rule_texts(rules, loaded),
            sessions,
            ..Measurement::default()
        })
    }
}

/// Lets a plan follow that of a baseline, where it has one for a metric.
fn follow(planned: &mut [Planned], plan: &Plan) {
    for metric in planned {
        if let Some(iters) = plan.iters.get(&metric.id) {
            metric.iters = (*iters).clamp(1, 1 << 40);
            metric.chunk =
                plan.iters.get(&format!("{}{CHUNK}", metric.id)).map_or(1, |chunk| (*chunk).clamp(1, 1 << 20));
        }
    }
}

fn now() -> String {
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
        let Some(base) = saved.or_else(|| self.base.clone()) else { return Ok(Compared::default()) };
        let limits = Limits { max_slowdown: args.max_slowdown, ..Limits::default() };
        let settings = Settings { evidence, limits };
        let sides = bench.subjects.iter().zip(&self.plans).map(|(subject, planned)| TrialSide {
            side: &subject.side,
            planned,
            base: subject.base,
        });
        let guard = self.guard.iter().map(|(side, planned)| TrialSide { side, planned, base: false });
        let trial = Trial { sides: sides.chain(guard).collect(), amount: bench.amount, settings };
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
