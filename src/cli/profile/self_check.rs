//! The gate, tried on this machine: how often it cries wolf, and how often it hears one.

use std::time::Instant;

use crate::profile::campaign::{Amount, Campaign, Side, Taken};
use crate::profile::gate::{Decision, Evidence, Limits, Side as Evidenced, Verdict, confirm, decide};
use crate::profile::machine::Load;
use crate::profile::protocol::Planned;
use crate::profile::sample::Kind;
use crate::profile::workload::CPU_BOUND;

use super::super::ui::Steps;
use super::super::{Failure, Outcome, out};
use super::args::ProfileArgs;
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

/// Measures pairs of the same code, and of code made slower.
pub(super) fn run(
    args: &ProfileArgs,
    mut campaign: Campaign<'_>,
    pairs: u64,
    steps: &Steps,
) -> Result<Outcome, Failure> {
    let begun = Instant::now();
    let exe = subject::own_exe()?;
    let side = |slowdown| Side { exe: exe.clone(), foreign: false, inputs: None, slowdown };
    let base = side(1.0);
    let (mut planned, _) = campaign.plan(&base, 200).map_err(failed)?;
    planned.retain(|metric| CPU_BOUND.contains(&metric.id.as_str()));
    let amount = Amount { processes: args.processes, rounds: args.rounds, warmup: 5 };
    steps.expect(pairs * amount.processes * 3 + pairs.div_ceil(DOUBLE_EVERY) * amount.processes);
    let limits = Limits { max_slowdown: args.max_slowdown, ..Limits::default() };
    let mut tallies = [Tally::default(); SLOWDOWNS.len()];
    for pair in 0..pairs {
        let columns = if pair % DOUBLE_EVERY == 0 { 3 } else { 2 };
        let sides: Vec<Side> = SLOWDOWNS[..columns].iter().map(|slowdown| side(*slowdown)).collect();
        let mut all = vec![(&base, planned.as_slice())];
        all.extend(sides.iter().map(|side| (side, planned.as_slice())));
        let taken = campaign.session(&all, amount).map_err(failed)?;
        for (column, side) in sides.iter().enumerate() {
            let mut decisions = decide_all(&taken[0], &taken[column + 1], &planned, &limits);
            let suspects: Vec<Planned> = planned
                .iter()
                .zip(&decisions)
                .filter(|(_, decision)| decision.verdict == Verdict::Regression)
                .map(|(planned, _)| planned.clone())
                .collect();
            if !suspects.is_empty() {
                let again = [(&base, suspects.as_slice()), (side, suspects.as_slice())];
                let fresh = campaign.session(&again, amount).map_err(failed)?;
                let second = decide_all(&fresh[0], &fresh[1], &suspects, &limits);
                for (suspect, second) in suspects.iter().zip(second) {
                    if let Some(at) = planned.iter().position(|planned| planned.id == suspect.id) {
                        decisions[at] = confirm(decisions[at].clone(), &second);
                    }
                }
            }
            decisions.iter().for_each(|decision| tallies[column].add(decision.verdict));
        }
    }
    steps.done();
    let text = told(&tallies, pairs, begun.elapsed().as_secs(), Load::now().load1);
    out::write_to(None, &mut |out| out.write_all(text.as_bytes()))?;
    let good = tallies[0].share() <= FALSE_ALARMS && tallies[1].share() >= CAUGHT && tallies[2].share() >= 1.0;
    Ok(if good { Outcome::Good } else { Outcome::No })
}

fn decide_all(base: &Taken, now: &Taken, planned: &[Planned], limits: &Limits) -> Vec<Decision> {
    let (base, now) = (base.metrics(), now.metrics());
    let one = |planned: &Planned| {
        let of = |metrics: &[crate::profile::sample::Metric]| {
            metrics
                .iter()
                .find(|metric| metric.id == planned.id)
                .and_then(|metric| Some((Evidenced::of(&[metric])?, metric.better)))
        };
        let ((base, better), (now, _)) = (of(&base)?, of(&now)?);
        Some(decide(&base, &now, better, Kind::Time, Evidence::Interleaved, limits))
    };
    planned.iter().filter_map(one).collect()
}

fn told(tallies: &[Tally; SLOWDOWNS.len()], pairs: u64, seconds: u64, load: f64) -> String {
    let metrics = CPU_BOUND.len();
    let mut text = format!(
        "self-check: {pairs} pairs of {metrics} metrics, every fifth with code twice as slow; {seconds} s, load {load}\n\n"
    );
    for ((tally, slowdown), wanted) in tallies.iter().zip(SLOWDOWNS).zip(["at most 1 %", "at least 95 %", "all"]) {
        let what = if slowdown > 1.0 { format!("caught at {slowdown}x") } else { "false alarms".to_owned() };
        text.push_str(&format!(
            "{what:<14} {:>6} of {:<6} {:>6.2} %   wanted: {wanted}   inconclusive: {}\n",
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
        let text = told(&[tally, tally, tally], 10, 3, 0.5);
        assert!(text.contains("false alarms        1 of 4       25.00 %"), "{text}");
        assert!(text.contains("caught at 1.1x"), "{text}");
    }
}
