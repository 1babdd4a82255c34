//! Measuring one side or two, within a budget of time.

use crate::format;
use crate::profile::baseline::SCHEMA;
use crate::profile::bench::Wish;
use crate::profile::budget::{Budget, Rounds};
use crate::profile::campaign::{CALIBRATION, Campaign, Loaded, Prepared, Side, Taken};
use crate::profile::clock::stopwatch;
use crate::profile::compare::{Computed, computed_anew};
use crate::profile::machine::Load;
use crate::profile::protocol::{Counted, Grown, Planned, Staged};
use crate::profile::rule_bench::{RULE_SAMPLES_PER_S, RUN_SERIES};
use crate::profile::sample::{Inputs, Machine, Measurement, RuleText, Session};
use crate::profile::trial;

use super::super::Failure;
use super::super::ui::Steps;
use super::args::ProfileArgs;
use super::compared::{BATCH_US, Bench, Subject, follow, nothing, now};
use super::subject;
use super::{counts, failed};

/// Samples that processes which live side by side may hold together: about a gigabyte.
pub(super) const SAMPLES_IN_MEMORY: u64 = 50_000_000;
/// What the key of a plan's chunks ends with.
pub(super) const CHUNK: &str = ".chunk";
/// The most of the time that may go into finding out where the time of a run goes. A share.
const STAGES: f64 = 0.25;
/// How long a batch of what is kept in a baseline may be, however short the time is. Unit: nanoseconds.
const KEPT_BATCH_NS: u64 = 50_000_000;
/// The part of the time that goes into how rules grow. A share.
const GROWTH: f64 = 0.2;

/// The loops that tell whether the machine changed, and who runs them.
type Loops = (Side, Vec<Planned>);

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
    pub(super) base: Option<Measurement>,
    pub(super) plans: Vec<Vec<Planned>>,
    /// What tells whether the machine changed, where no subject does.
    pub(super) guard: Option<Loops>,
    /// Of the workload of the report: times of all sessions, and counts.
    pub(super) report: Option<(Taken, Vec<Counted>)>,
    /// Of the user's rules.
    pub(super) counted: Vec<Counted>,
    pub(super) grown: Vec<Grown>,
    pub(super) staged: Option<Staged>,
    pub(super) notes: Vec<String>,
    /// How much of the time for the rules is left. Unit: nanoseconds.
    pub(super) left_ns: u64,
}

/// Time that is spent.
struct Spending {
    budget_ns: u64,
    spent: Box<dyn Fn() -> u64>,
}

impl Spending {
    fn left(&self) -> u64 {
        self.budget_ns.saturating_sub((self.spent)())
    }
}

impl Bench {
    /// Measures all.
    pub(super) fn measure(
        &mut self,
        args: &ProfileArgs,
        campaign: &mut Campaign<'_>,
        machine: &Machine,
        saved: Option<&Measurement>,
        steps: &Steps,
    ) -> Result<Measured, Failure> {
        steps.expect(self.subjects.len() as u64);
        let mut prepared = Vec::new();
        for subject in &self.subjects {
            prepared.push(self.prepare(subject, campaign)?);
        }
        let spending = Spending { budget_ns: args.budget_us().saturating_mul(1_000), spent: Box::new(stopwatch()) };
        let mut notes = Vec::new();
        let (mut grown, mut staged) = (Vec::new(), None);
        let mut plans = vec![Vec::new(); self.subjects.len()];
        if self.exact && !args.exact {
            notes.push("no times: the baseline has none".to_owned());
        }
        if !self.exact {
            self.plan_workload(&mut prepared, saved, &mut plans)?;
            let ranked = self.ranked(&prepared);
            let own = self.subjects.iter().zip(&mut prepared);
            let own = own.filter(|(subject, _)| self.shown && subject.rules.is_some() && !subject.base);
            for (_, prepared) in own {
                (grown, staged) = look(prepared, &spending, args.folded.is_some(), &mut notes)?;
            }
            if let Some(ranked) = ranked {
                let kept = saved.is_some() || args.save_baseline.is_some();
                self.plan_rules(&mut prepared, &ranked, (saved, kept), &spending, (&mut plans, &mut notes))?;
            }
        }
        let mut raws: Vec<Raw> = Vec::new();
        for (prepared, planned) in prepared.into_iter().zip(plans) {
            let Prepared { loaded, counted, .. } = prepared;
            raws.push(Raw { planned, loaded, counted, sessions: Vec::new() });
        }
        let (sessions, guard) = self.sessions(args, campaign, &mut raws, steps)?;
        let of = |base: bool| self.measurement(base, &raws, &sessions, machine);
        let has_base = self.subjects.iter().any(|subject| subject.base);
        let measured_now = of(false)?;
        let base = if has_base { Some(of(true)?) } else { self.against.is_some().then(|| nothing(&measured_now)) };
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
        let left_ns = spending.left();
        Ok(Measured { now: measured_now, base, plans, guard, report, counted, grown, staged, notes, left_ns })
    }

    fn prepare<'a>(&self, subject: &Subject, campaign: &Campaign<'a>) -> Result<Prepared<'a>, Failure> {
        let prepared = campaign.prepare(&subject.side).map_err(failed)?;
        let read = prepared.counted.iter().find(|counted| counted.id == RUN_SERIES).map(|counted| counted.value);
        if subject.rules.is_some() && !subject.base && read == Some(0.0) {
            return Err(Failure::new("no rule reads any series of the recording: nothing to profile")
                .hint("alertctl eval names the missing metrics"));
        }
        Ok(prepared)
    }

    /// Plans what is not about rules of the user.
    fn plan_workload(
        &self,
        prepared: &mut [Prepared<'_>],
        saved: Option<&Measurement>,
        plans: &mut [Vec<Planned>],
    ) -> Result<(), Failure> {
        let mut first: Option<Vec<Planned>> = None;
        for (at, prepared) in prepared.iter_mut().enumerate().filter(|(at, _)| self.subjects[*at].rules.is_none()) {
            let wish = Wish { batch_ns: BATCH_US * 1_000, most_ns: u64::MAX, rules: None };
            let (own, _) = prepared.plan(wish).map_err(failed)?;
            // Both sides of a pair follow one plan.
            let mut planned = first.get_or_insert_with(|| own.clone()).clone();
            planned.retain(|metric| own.iter().any(|own| own.id == metric.id));
            if let Some(saved) = saved {
                follow(&mut planned, &saved.plan);
            }
            plans[at] = planned;
        }
        Ok(())
    }

    /// Returns by subject which rules are to be timed, those that read most first; none where no time can differ.
    fn ranked(&self, prepared: &[Prepared<'_>]) -> Option<Vec<Vec<usize>>> {
        let texts = |at: usize| -> Vec<RuleText> {
            subject::rule_texts(self.subjects[at].rules.as_ref(), &prepared[at].loaded)
        };
        let of = |base: bool| {
            (0..self.subjects.len()).find(|at| self.subjects[*at].rules.is_some() && self.subjects[*at].base == base)
        };
        let mut all = vec![Vec::new(); self.subjects.len()];
        let own = of(false)?;
        let samples = |rule: usize| {
            let mut own =
                prepared[own].counted.iter().filter(|one| one.id == RULE_SAMPLES_PER_S && one.rule == Some(rule));
            own.next().map_or(0.0, |one| one.value)
        };
        let ranked = |mut rules: Vec<Computed>| {
            rules.sort_by(|a, b| samples(b.now).total_cmp(&samples(a.now)));
            rules
        };
        let now = texts(own);
        let other = of(true);
        let rules = match other {
            Some(other) if self.rules_only => computed_anew(&texts(other), &now)?,
            None if self.rules_only => return None,
            _ => (0..now.len()).map(|now| Computed { base: now, now }).collect(),
        };
        let rules = ranked(rules);
        all[own] = rules.iter().map(|rule| rule.now).collect();
        if let Some(other) = other {
            all[other] = rules.iter().map(|rule| rule.base).collect();
        }
        Some(all)
    }

    /// Plans the times of rules, as many as there is time for; with all processes where they are `kept` in a baseline or
    /// compared with one, for these would say nothing otherwise.
    fn plan_rules(
        &mut self,
        prepared: &mut [Prepared<'_>],
        ranked: &[Vec<usize>],
        (saved, kept): (Option<&Measurement>, bool),
        spending: &Spending,
        (plans, notes): (&mut [Vec<Planned>], &mut Vec<String>),
    ) -> Result<(), Failure> {
        let timed: Vec<usize> = (0..self.subjects.len()).filter(|at| !self.subjects[*at].is_workload()).collect();
        let reading = timed.iter().map(|at| prepared[*at].loaded.took_ns).sum();
        let sides = timed.len() as u64;
        // Reading is not part of the budget of a baseline.
        let reading_ns = if kept { 0 } else { reading };
        let budget = Budget { left_ns: spending.left(), reading_ns, sides };
        let asked = Rounds { counted: self.amount.rounds, warmup: self.amount.warmup };
        let processes = if kept { self.amount.processes } else { budget.processes(self.amount.processes) };
        if processes == 0 {
            let (took, had) = (span(reading / sides.max(1)), span(budget.left_ns));
            notes.push(format!(
                "no times: reading the recording takes {took} in each process, {had} were left of --time-budget"
            ));
            return Ok(());
        }
        let each = budget.each_ns(processes);
        let batch_ns = each / (asked.counted + asked.warmup).max(1);
        let most_ns = match (saved.is_some(), kept) {
            (true, _) => u64::MAX,
            // A baseline without times would be of little use.
            (false, true) => Rounds::longest_batch_ns(each).max(KEPT_BATCH_NS),
            (false, false) => Rounds::longest_batch_ns(each),
        };
        let mut longest = 0;
        for at in timed.iter().copied() {
            let wish = Wish { batch_ns, most_ns, rules: Some(ranked[at].clone()) };
            let (planned, batch) = prepared[at].plan(wish).map_err(failed)?;
            (plans[at], longest) = (planned, batch.max(longest));
        }
        let iters = timed.iter().flat_map(|at| &plans[*at]).map(|planned| planned.iters).min().unwrap_or(1);
        let fits = |at: usize, rule: usize| plans[at].iter().any(|planned| planned.rule == Some(rule));
        let places = 0..timed.first().map_or(0, |at| ranked[*at].len());
        // Of a pair both are timed or none.
        let both: Vec<usize> =
            places.clone().filter(|place| timed.iter().all(|at| fits(*at, ranked[*at][*place]))).collect();
        let runs = timed.iter().all(|at| plans[*at].iter().any(|planned| planned.rule.is_none()));
        for at in timed.iter().copied() {
            plans[at].retain(|planned| match planned.rule {
                Some(rule) => both.iter().any(|place| ranked[at][*place] == rule),
                None => runs,
            });
            plans[at].iter_mut().for_each(|planned| planned.iters = iters);
            if let Some(saved) = saved {
                follow(&mut plans[at], &saved.plan);
            }
        }
        let left_out = places.len() - both.len();
        if left_out > 0 {
            let rules = format::counted(left_out as u64, "rule");
            notes.push(format!("no times of {rules}: --time-budget was used up"));
        }
        if saved.is_none() {
            let rounds = asked.fit(each, longest);
            if processes < self.amount.processes {
                notes.push(format!(
                    "{processes} of {} processes: reading the recording takes {} in each of them; a longer --time-budget allows for more",
                    self.amount.processes,
                    span(reading / sides.max(1))
                ));
            }
            // The workload of the report has its own time.
            if timed.len() == self.subjects.len() {
                self.amount.processes = processes;
                self.amount.rounds = rounds.counted;
                self.amount.warmup = rounds.warmup;
            }
        }
        Ok(())
    }

    /// Takes the times of all sides.
    fn sessions(
        &mut self,
        args: &ProfileArgs,
        campaign: &mut Campaign<'_>,
        raws: &mut [Raw],
        steps: &Steps,
    ) -> Result<(Vec<Session>, Option<Loops>), Failure> {
        let timed = raws.iter().filter(|raw| !raw.planned.is_empty()).count() as u64;
        if timed == 0 {
            return Ok((vec![Session { start: now(), ..Session::default() }], None));
        }
        let count = if args.save_baseline.is_some() { args.sessions } else { 1 };
        let guard = self.guard(args, campaign)?;
        let sides = timed + u64::from(guard.is_some());
        steps.expect(sides * count * self.amount.processes + self.subjects.len() as u64);
        let samples: u64 = raws.iter().map(|raw| raw.loaded.samples).sum();
        self.amount.abreast = (SAMPLES_IN_MEMORY / samples.max(1)).clamp(1, self.amount.processes);
        let mut all = Vec::new();
        for _ in 0..count {
            let before = Load::now();
            let start = now();
            let mut sides: Vec<(&Side, &[Planned])> = self
                .subjects
                .iter()
                .zip(&*raws)
                .map(|(subject, raw)| (&subject.side, raw.planned.as_slice()))
                .collect();
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
        Ok((all, guard))
    }

    /// Returns the calibration loops, and who runs them, where only rules are measured, which have none, for a baseline.
    fn guard(&self, args: &ProfileArgs, campaign: &Campaign<'_>) -> Result<Option<Loops>, Failure> {
        let kept = args.baseline.is_some() || args.save_baseline.is_some();
        if !kept || self.subjects.iter().any(Subject::is_workload) {
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
        let mut plan = self.plan();
        let mut sessions = sessions.to_vec();
        for (_, raw) in &parts {
            for planned in &raw.planned {
                plan.iters.insert(planned.id.clone(), planned.iters);
                if planned.chunk > 1 {
                    plan.iters.insert(format!("{}{CHUNK}", planned.id), planned.chunk);
                }
            }
            let none = Taken::default();
            let taken = raw.sessions.iter().chain(std::iter::repeat(&none));
            for (session, taken) in sessions.iter_mut().zip(taken) {
                trial::add(session, taken);
                session.metrics.extend(counts(&raw.counted));
            }
        }
        // Rules, if there are any, are the last part.
        let last = parts.last();
        let rules = last.and_then(|(subject, _)| subject.rules.as_ref());
        let nothing = Loaded::default();
        let loaded = last.map_or(&nothing, |(_, raw)| &raw.loaded);
        let side = &last.map_or(&self.subjects[0], |(subject, _)| subject).side;
        let inputs = subject::describe(rules, &self.data_sha256, loaded);
        Ok(Measurement {
            schema: SCHEMA.to_owned(),
            created: now(),
            tool: subject::tool(side, &loaded.hello)?,
            inputs: Inputs { counting: rules.map(|_| Inputs::COUNTING), ..inputs },
            machine: machine.clone(),
            plan: plan.sealed(),
            rules: subject::rule_texts(rules, loaded),
            sessions,
            ..Measurement::default()
        })
    }
}

/// Finds how rules grow and where the time goes, as far as there is time.
fn look(
    prepared: &mut Prepared<'_>,
    spending: &Spending,
    wanted: bool,
    notes: &mut Vec<String>,
) -> Result<(Vec<Grown>, Option<Staged>), Failure> {
    // It takes about as long as what was counted.
    let staged = if wanted || prepared.counted_ns as f64 <= spending.left() as f64 * STAGES {
        Some(prepared.stages().map_err(failed)?)
    } else {
        notes.push("no times by stage: --time-budget is too short for them".to_owned());
        None
    };
    let growth_us = (spending.left() as f64 * GROWTH / 1_000.0) as u64;
    Ok((prepared.grow(growth_us).map_err(failed)?, staged))
}

/// Writes a span of time: `1.2 s`.
fn span(ns: u64) -> String {
    if ns >= 1_000_000_000 { format!("{:.1} s", ns as f64 / 1e9) } else { format!("{} ms", ns / 1_000_000) }
}
