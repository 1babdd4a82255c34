//! The gate, tried on this machine: how often it cries wolf, and how often it hears one.

use std::time::Instant;

use crate::profile::campaign::{Amount, Campaign, Side, Taken};
use crate::profile::compare::Settings;
use crate::profile::gate::{Evidence, Limits, Verdict};
use crate::profile::machine::Load;
use crate::profile::sample::{Measurement, Session};
use crate::profile::trial::{self, Trial, TrialSide};
use crate::profile::workload::CPU_BOUND;

use super::super::ui::{Steps, say};
use super::super::{Exit, Failure, out};
use super::args::ProfileArgs;
use super::compared::{BATCH_US, WARMUP};
use super::{failed, subject};

/// The most false alarms, of all metrics of all pairs. A share.
const FALSE_ALARMS: f64 = 0.01;
/// The fewest slowdowns by a tenth that must be found. A share.
const CAUGHT: f64 = 0.95;
/// Of how many pairs one is tried with code twice as slow.
const DOUBLE_EVERY: u64 = 5;
/// How much slower the second side is, by column.
const SLOWDOWNS: [f64; 3] = [1.0, 1.1, 2.0];

/// What was found at one slowdown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    metrics: u64,
    regressions: u64,
    inconclusive: u64,
}

impl Tally {
    fn add(&mut self, verdict: Verdict) {
        self.metrics += 1;
        self.regressions += u64::from(verdict == Verdict::Regression);
        self.inconclusive += u64::from(verdict == Verdict::Inconclusive);
    }

    fn share(self) -> f64 {
        self.regressions as f64 / self.metrics.max(1) as f64
    }
}

/// Measures pairs of the same code, and of code made slower, and judges them as `--against-binary` does.
pub(super) fn run(args: &ProfileArgs, campaign: Campaign<'_>, pairs: u64, steps: &Steps) -> Result<Exit, Failure> {
    out::check_stdout()?;
    let begun = Instant::now();
    let exe = subject::own_exe()?;
    let side = |slowdown| Side { exe: exe.clone(), foreign: false, inputs: None, slowdown };
    let base = side(1.0);
    let mut planned = campaign.plan(&base, BATCH_US).map_err(failed)?;
    planned.retain(|metric| CPU_BOUND.contains(&metric.id.as_str()));
    let amount = Amount { processes: args.processes, rounds: args.rounds, warmup: WARMUP, abreast: args.processes };
    let limits = Limits { max_slowdown: args.max_slowdown, ..Limits::default() };
    let settings = Settings { evidence: Evidence::Interleaved, limits, rules_only: false };
    steps.expect(pairs);
    // What is counted here are pairs, not processes.
    let mut campaign = Campaign { tick: &|| (), ..campaign };
    let mut tallies = [Tally::default(); SLOWDOWNS.len()];
    for pair in 0..pairs {
        let columns = if pair % DOUBLE_EVERY == 0 { 3 } else { 2 };
        let slower: Vec<Side> = SLOWDOWNS[..columns].iter().map(|slowdown| side(*slowdown)).collect();
        let mut all = vec![(&base, planned.as_slice())];
        all.extend(slower.iter().map(|side| (side, planned.as_slice())));
        let taken = campaign.session(&all, amount).map_err(failed)?;
        for ((slower, taken_now), tally) in slower.iter().zip(&taken[1..]).zip(&mut tallies) {
            let of = |side, base| TrialSide { side, planned: &planned, base };
            let trial = Trial {
                sides: vec![of(&base, true), of(slower, false)],
                amount,
                settings,
                patience_ns: trial::PATIENCE_NS,
            };
            let judged = trial.judge(&mut campaign, measured(&taken[0]), measured(taken_now)).map_err(failed)?;
            for metric in judged.iter().flat_map(|comparison| &comparison.metrics) {
                tally.add(metric.decision.verdict);
            }
        }
        steps.next();
        if pair == 0 && pairs > 1 {
            let minutes = (begun.elapsed().as_secs_f64() * pairs as f64 / 60.0).ceil();
            say(args.console.quiet, &format!("self-check: {pairs} pairs take about {minutes} min"));
        }
    }
    steps.done();
    let text = told(&tallies, pairs, begun.elapsed().as_secs_f64(), Load::now().load1);
    out::write_to(None, &mut |out| out.write_all(text.as_bytes()))?;
    let good = tallies[0].share() <= FALSE_ALARMS && tallies[1].share() >= CAUGHT && tallies[2].share() >= 1.0;
    Ok(if good { Exit::Good } else { Exit::No })
}

/// Returns what is compared of a session: its times, and nothing that could differ between the sides.
fn measured(taken: &Taken) -> Measurement {
    let mut session = Session::default();
    trial::add(&mut session, taken);
    Measurement { sessions: vec![session], ..Measurement::default() }
}

fn told(tallies: &[Tally; SLOWDOWNS.len()], pairs: u64, seconds: f64, load: f64) -> String {
    let metrics = CPU_BOUND.len();
    let mut text = format!(
        "self-check: {pairs} pairs of {metrics} metrics, every fifth also with code twice as slow\n\
         {seconds:.0} s, {:.1} s per pair, load {load}\n\n",
        seconds / pairs.max(1) as f64
    );
    for ((tally, slowdown), wanted) in tallies.iter().zip(SLOWDOWNS).zip(["at most 1 %", "at least 95 %", "all"]) {
        let what = if slowdown > 1.0 { format!("caught at {slowdown}x") } else { "false alarms".to_owned() };
        text.push_str(&format!(
            "{what:<14} {:>6} of {:<6} {:>6.2} %   expected: {wanted}   inconclusive: {}\n",
            tally.regressions,
            tally.metrics,
            tally.share() * 100.0,
            tally.inconclusive
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_all_metrics() {
        let mut tally = Tally::default();
        [Verdict::Ok, Verdict::Regression, Verdict::Inconclusive, Verdict::Ok].into_iter().for_each(|it| tally.add(it));
        assert_eq!(tally, Tally { metrics: 4, regressions: 1, inconclusive: 1 });
        let text = told(&[tally, tally, tally], 10, 25.0, 0.5);
        assert!(text.contains("false alarms        1 of 4       25.00 %"), "{text}");
        assert!(text.contains("caught at 1.1x"), "{text}");
        assert!(text.contains("25 s, 2.5 s per pair, load 0.5"), "{text}");
    }
}
