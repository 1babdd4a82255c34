//! The gate, tried on this machine: how often it cries wolf, how often it hears one, and which metric hears it.

mod tally;
mod unequal;

use std::time::Instant;

use crate::format::counted;
use crate::profile::baseline::{self, SCHEMA};
use crate::profile::campaign::{Amount, CALIBRATION, Campaign, Side, Taken};
use crate::profile::compare::{Comparison, Settings};
use crate::profile::gate::{Evidence, Limits};
use crate::profile::machine::Load;
use crate::profile::protocol::Planned;
use crate::profile::sample::{Measurement, Plan, RuleText, Session, Tool};
use crate::profile::trial::{self, Trial, TrialSide};
use crate::profile::workload::CPU_BOUND;

use super::super::ui::{Steps, Terminal, say};
use super::super::{Exit, Failure, out};
use super::args::ProfileArgs;
use super::compared::{BATCH_US, WARMUP};
use super::measure::SAMPLES_IN_MEMORY;
use super::subject::Ruleset;
use super::{failed, read, save, subject};
use tally::{Part, Promise, told};
use unequal::Unequal;

/// Of how many pairs one is tried with code twice as slow.
const DOUBLE_EVERY: u64 = 5;
/// How much slower the second side is, by column.
const SLOWDOWNS: [f64; 3] = [1.0, 1.1, 2.0];
/// The shortest pass over rules. Unit: microseconds.
const SHORTEST_PASS_US: u64 = 1_000;
/// Sessions of a saved baseline.
const SESSIONS: u64 = 3;

/// What is measured against itself, and against itself made slower.
struct Subject {
    /// The place of its comparisons in turns among the parts.
    in_turns: usize,
    /// That of its comparisons with a saved baseline, which is this one.
    saved: Option<(usize, Measurement)>,
    base: Side,
    slower: [Side; SLOWDOWNS.len()],
    planned: Vec<Planned>,
    /// The loops that tell whether the machine changed, where the subject has none itself.
    guard: Option<(Side, Vec<Planned>)>,
    rules: Vec<RuleText>,
    /// The programs of both sides.
    tools: [Tool; 2],
    amount: Amount,
    settings: Settings,
}

/// Measures pairs of the same code, of code made slower and of rules that changed, and judges them as the flags for
/// comparisons do.
pub(super) fn run(
    args: &ProfileArgs,
    campaign: Campaign<'_>,
    pairs: u64,
    terminal: &Terminal,
    steps: &Steps,
) -> Result<Exit, Failure> {
    out::check_stdout()?;
    let begun = Instant::now();
    let recordings = subject::recordings(args)?;
    let rules = if args.rules.is_empty() {
        None
    } else {
        let Some(rules) = subject::ruleset(&args.rules, &args.keys, terminal, args.console.quiet)? else {
            return Ok(Exit::Failed);
        };
        Some(rules)
    };
    steps.expect(pairs);
    // What is counted here are pairs, not processes.
    let mut campaign = Campaign { tick: &|| (), ..campaign };
    let mut parts = Vec::new();
    let mut subjects = Vec::new();
    for rules in [None].into_iter().chain(rules.iter().map(Some)) {
        for other_build in [false, true].into_iter().take(1 + usize::from(args.against_binary.is_some())) {
            subjects.push(Subject::of(args, rules, &recordings, other_build, &mut campaign, &mut parts)?);
        }
    }
    let count = subjects.last().map_or(0, |subject| subject.rules.len());
    let mut unequal = rules.map(|rules| Unequal::of(rules, recordings, count));
    for pair in 0..pairs {
        for subject in &subjects {
            subject.pair(pair % DOUBLE_EVERY == 0, &mut campaign, &mut parts)?;
        }
        if let Some(unequal) = &mut unequal {
            unequal.pair(args, &mut campaign)?;
        }
        steps.next();
        if pair == 0 && pairs > 1 {
            let minutes = (begun.elapsed().as_secs_f64() * pairs as f64 / 60.0).ceil();
            say(args.console.quiet, &format!("self-check: {pairs} pairs take about {minutes} min"));
        }
    }
    steps.done();
    let (seconds, load) = (begun.elapsed().as_secs_f64(), Load::now().load1);
    let mut text = format!("self-check: {}, {seconds:.0} s, load {load}\n\n", counted(pairs, "pair"));
    text.push_str(&told(&parts));
    unequal.iter().for_each(|unequal| text.push_str(&unequal.told()));
    out::write_to(None, &mut |out| out.write_all(text.as_bytes()))?;
    let good = parts.iter().all(Part::is_good) && unequal.iter().all(Unequal::is_good);
    Ok(if good { Exit::Good } else { Exit::No })
}

impl Subject {
    /// Plans what is measured, and saves a baseline of it.
    fn of(
        args: &ProfileArgs,
        rules: Option<&Ruleset>,
        recordings: &[String],
        other_build: bool,
        campaign: &mut Campaign<'_>,
        parts: &mut Vec<Part>,
    ) -> Result<Self, Failure> {
        let exe = subject::own_exe()?;
        let inputs = rules.map(|rules| subject::inputs(args, rules, recordings)).transpose()?;
        let own = |slowdown| Side { exe: exe.clone(), foreign: false, inputs: inputs.clone(), slowdown };
        let base = match args.against_binary.as_ref().filter(|_| other_build) {
            Some(other) => Side { exe: other.clone(), foreign: true, ..own(1.0) },
            None => own(1.0),
        };
        let batches = args.processes * (args.rounds + WARMUP) * 2;
        let pass_us = (args.budget_us() / batches.max(1)).max(SHORTEST_PASS_US);
        let (mut planned, loaded) =
            campaign.plan(&base, if rules.is_some() { pass_us } else { BATCH_US }).map_err(failed)?;
        let mut hello = loaded.hello.clone();
        if other_build {
            // Both follow one plan.
            let (known, loaded) = campaign.plan(&own(1.0), BATCH_US).map_err(failed)?;
            planned.retain(|metric| known.iter().any(|known| known.id == metric.id));
            hello = loaded.hello;
        }
        let mut guard = None;
        if rules.is_some() {
            let side = Side { inputs: None, ..own(1.0) };
            let (mut loops, _) = campaign.plan(&side, BATCH_US).map_err(failed)?;
            loops.retain(|metric| metric.id.starts_with(CALIBRATION));
            guard = Some((side, loops));
        } else {
            planned.retain(|metric| CPU_BOUND.contains(&metric.id.as_str()) || metric.id.starts_with(CALIBRATION));
        }
        let sides = SLOWDOWNS.len() as u64 + 1;
        let abreast = (SAMPLES_IN_MEMORY / (loaded.samples * sides).max(1)).clamp(1, args.processes);
        let limits = Limits { max_slowdown: args.max_slowdown, ..Limits::default() };
        let name = if rules.is_some() { "rules" } else { "built-in workload" };
        let promise = if other_build { Promise::TwoBuilds } else { Promise::InTurns };
        parts.push(Part::new(format!("{name}, {}", if other_build { "two builds" } else { "in turns" }), promise));
        let mut subject = Self {
            in_turns: parts.len() - 1,
            saved: None,
            slower: SLOWDOWNS.map(own),
            planned,
            guard,
            rules: subject::rule_texts(rules, &loaded),
            tools: [subject::tool(&base, &loaded.hello)?, subject::tool(&own(1.0), &hello)?],
            amount: Amount { processes: args.processes, rounds: args.rounds, warmup: WARMUP, abreast },
            settings: Settings { evidence: Evidence::Interleaved, limits, rules_only: false, slowed: true },
            base,
        };
        if !other_build {
            parts.push(Part::new(format!("{name}, saved"), Promise::Saved));
            subject.saved = Some((parts.len() - 1, subject.save(campaign)?));
        }
        Ok(subject)
    }

    /// Measures a baseline, writes it to a file and reads it again.
    fn save(&self, campaign: &mut Campaign<'_>) -> Result<Measurement, Failure> {
        let mut sessions = Vec::new();
        for _ in 0..SESSIONS {
            let taken = campaign.session(&self.with_guard(vec![&self.base]), self.amount).map_err(failed)?;
            sessions.push(session(&taken[0], &taken[taken.len() - 1]));
        }
        let mut measurement = self.measurement(0, sessions);
        measurement.forget_samples();
        let folder = tempfile::tempdir().map_err(|error| Failure::new(format!("cannot make a folder: {error}")))?;
        let path = folder.path().join("baseline.json");
        save(&path, &measurement)?;
        baseline::read(&read(&path, "baseline")?).map_err(|error| Failure::new(error.to_string()))
    }

    /// Measures all sides once and judges each with the base and with the baseline.
    fn pair(&self, double: bool, campaign: &mut Campaign<'_>, parts: &mut [Part]) -> Result<(), Failure> {
        let columns = if double { SLOWDOWNS.len() } else { SLOWDOWNS.len() - 1 };
        let slower = &self.slower[..columns];
        let sides = self.with_guard([&self.base].into_iter().chain(slower).collect());
        let taken = campaign.session(&sides, self.amount).map_err(failed)?;
        let loops = &taken[taken.len() - 1];
        for (column, (side, now)) in slower.iter().zip(&taken[1..]).enumerate() {
            let sides = vec![(&self.base, true), (side, false)];
            let base = self.measurement(0, vec![session(&taken[0], loops)]);
            let in_turns = self.judge(campaign, sides, self.settings, base, session(now, loops))?;
            parts[self.in_turns].add(column, &in_turns);
            if let Some((part, baseline)) = &self.saved {
                let settings = Settings { evidence: Evidence::Saved, ..self.settings };
                let judged =
                    self.judge(campaign, vec![(side, false)], settings, baseline.clone(), session(now, loops))?;
                parts[*part].add(column, &judged);
            }
        }
        Ok(())
    }

    fn judge(
        &self,
        campaign: &mut Campaign<'_>,
        sides: Vec<(&Side, bool)>,
        settings: Settings,
        base: Measurement,
        now: Session,
    ) -> Result<Comparison, Failure> {
        let sides = sides.into_iter().map(|(side, base)| TrialSide { side, planned: &self.planned, base });
        let guard = self.guard.iter().map(|(side, planned)| TrialSide { side, planned, base: false });
        let sides = sides.chain(guard).collect();
        let trial = Trial { sides, amount: self.amount, settings, patience_ns: trial::PATIENCE_NS };
        let judged = trial.judge(campaign, base, self.measurement(1, vec![now])).map_err(failed)?;
        judged.map_err(|differences| {
            let all: Vec<String> = differences.iter().map(ToString::to_string).collect();
            Failure::new(all.join("; "))
        })
    }

    /// Returns what is measured of these sides; the loops last, if they are not among it.
    fn with_guard<'a>(&'a self, sides: Vec<&'a Side>) -> Vec<(&'a Side, &'a [Planned])> {
        let sides = sides.into_iter().map(|side| (side, self.planned.as_slice()));
        sides.chain(self.guard.iter().map(|(side, planned)| (side, planned.as_slice()))).collect()
    }

    /// Puts together what is compared of a side: its times, and nothing else that could differ.
    fn measurement(&self, side: usize, sessions: Vec<Session>) -> Measurement {
        let Amount { processes, rounds, warmup, .. } = self.amount;
        let iters = self.planned.iter().map(|planned| (planned.id.clone(), planned.iters)).collect();
        let plan = Plan { processes, rounds, iters, warmup_rounds: warmup, ..Plan::default() };
        Measurement {
            schema: SCHEMA.to_owned(),
            tool: self.tools[side].clone(),
            plan: plan.sealed(),
            rules: self.rules.clone(),
            sessions,
            ..Measurement::default()
        }
    }
}

/// Returns a session of one side, with the loops that ran beside it.
fn session(taken: &Taken, loops: &Taken) -> Session {
    let mut session = Session::default();
    trial::add(&mut session, taken);
    session.calibration = loops.calibration();
    session
}
