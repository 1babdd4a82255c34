//! The gate, tried on made-up processes: how often it cries wolf, and how often it hears one.

use super::*;
use crate::profile::dice::Dice;

/// Sessions of a saved baseline.
const SESSIONS: usize = 3;
/// Processes of a session.
const PROCESSES: usize = 5;
/// Batches of a process.
const BATCHES: usize = 20;
/// Sessions that may follow the first, as a trial takes them.
const MORE: usize = 7;

/// How processes of one program differ.
#[derive(Clone, Copy, Debug)]
enum Noise {
    /// By a lognormal factor of this spread.
    Lognormal(f64),
    /// Every third one is so many times slower.
    Modes(f64),
}

struct Machine {
    dice: Dice,
    noise: Noise,
}

impl Machine {
    /// Returns a number from 0 to 1, neither of them.
    fn uniform(&mut self) -> f64 {
        ((self.dice.roll() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// Returns a number of the standard normal distribution, by Box and Muller.
    fn normal(&mut self) -> f64 {
        let (radius, angle) = ((-2.0 * self.uniform().ln()).sqrt(), std::f64::consts::TAU * self.uniform());
        radius * angle.cos()
    }

    fn process(&mut self, level: f64) -> Vec<f64> {
        let factor = match self.noise {
            Noise::Lognormal(spread) => (spread * self.normal()).exp(),
            Noise::Modes(slower) => {
                let mode = if self.uniform() < 1.0 / 3.0 { slower } else { 1.0 };
                mode * (0.01 * self.normal()).exp()
            }
        };
        (0..BATCHES).map(|_| level * factor * (1.0 + 0.01 * self.normal().abs())).collect()
    }

    fn session(&mut self, level: f64) -> Metric {
        let processes: Vec<Vec<f64>> = (0..PROCESSES).map(|_| self.process(level)).collect();
        Metric::of_batches("x", "ns", Better::Lower, Kind::Time, &processes).expect("there are batches")
    }

    /// Measures until nothing is open, as a comparison does.
    fn settle(&mut self, base: &Side, level: f64, limits: &Limits) -> Decision {
        let mut sessions = vec![self.session(level)];
        loop {
            let now = Side::of(&sessions.iter().collect::<Vec<_>>()).expect("there is a session");
            let decision = decide(base, &now, Better::Lower, Kind::Time, Evidence::Saved, limits);
            if !decision.open || sessions.len() > MORE {
                return decision;
            }
            sessions.push(self.session(level));
        }
    }

    fn judge(&mut self, slower: f64, moved: f64) -> Verdict {
        let base: Vec<Metric> = (0..SESSIONS).map(|_| self.session(100.0)).collect();
        let base = Side::of(&base.iter().collect::<Vec<_>>()).expect("there are sessions");
        let limits = Limits { moved, ..Limits::default() };
        let level = 100.0 * slower * (1.0 + moved);
        let first = self.settle(&base, level, &limits);
        if first.verdict != Verdict::Regression {
            return first.verdict;
        }
        let again = self.settle(&base, level, &limits);
        confirm(first, &again).verdict
    }
}

/// Returns the shares of regressions, and of those that are inconclusive.
fn tried(noise: Noise, slower: f64, moved: f64, times: u32) -> [f64; 2] {
    let mut machine = Machine { dice: Dice::new(1), noise };
    let (mut regressions, mut inconclusive) = (0, 0);
    for _ in 0..times {
        match machine.judge(slower, moved) {
            Verdict::Regression => regressions += 1,
            Verdict::Inconclusive => inconclusive += 1,
            _ => {}
        }
    }
    [regressions, inconclusive].map(|count| f64::from(count) / f64::from(times))
}

#[test]
fn the_same_code_is_no_regression_however_noisy_the_machine() {
    let noises = [0.01, 0.03, 0.08].map(Noise::Lognormal).into_iter().chain([1.05, 1.2, 1.5].map(Noise::Modes));
    for (noise, moved) in noises.flat_map(|noise| [(noise, 0.0), (noise, 0.036)]) {
        let [regressions, _] = tried(noise, 1.0, moved, 600);
        assert!(regressions < 0.005, "{noise:?}, moved {moved}: {regressions}");
    }
}

#[test]
fn what_is_slower_is_found_wherever_processes_agree_enough() {
    let check = |noise, slower, least: f64| {
        // Of a machine that became faster as much more is tolerated as it hides.
        let moves = if slower < 2.0 { &[0.0, 0.036][..] } else { &[0.0, 0.036, -0.036] };
        for &moved in moves {
            let [regressions, inconclusive] = tried(noise, slower, moved, 200);
            assert!(regressions >= least, "{noise:?}, {slower}, moved {moved}: {regressions}");
            assert!(slower < 2.0 || regressions + inconclusive > 0.9999, "{noise:?}: passed as ok");
        }
    };
    check(Noise::Lognormal(0.01), 1.1, 0.99);
    check(Noise::Lognormal(0.01), 2.0, 1.0);
    check(Noise::Lognormal(0.03), 1.1, 0.85);
    check(Noise::Lognormal(0.03), 2.0, 1.0);
    check(Noise::Lognormal(0.08), 2.0, 0.98);
    check(Noise::Modes(1.2), 2.0, 0.98);
    // A third of the processes at half the speed: more than a rule can see through.
    check(Noise::Modes(1.5), 2.0, 0.0);
}
