//! What two measurements allow to be said of times: whether the machine is the same one, at the same speed.

use super::gate::{Decision, Limits, Verdict, advise, speed_changed};
use super::sample::{Measurement, Session};
use super::stats;

/// Below this a time moves by up to 21 % when the same source is linked in another order. Unit: nanoseconds an
/// operation.
pub(crate) const LINK_ORDER_NS: f64 = 200.0;
/// What is tolerated of such a time between two builds, or two hours: more than link order alone can do. A share.
const LINK_ORDER: f64 = 0.25;
/// How far the loops of sessions at one speed may be apart. A share.
const SAME_SPEED: f64 = 0.03;
/// How far the loops may move before nothing is said of times. A share.
const FARTHEST: f64 = 0.5;
/// The calibration loops that tell whether the machine changed.
const GUARDS: [&str; 2] = ["int", "wide"];

/// Returns how fast the loops ran that never change: one over a chain of integers, which follows the clock of the
/// processor, and one over several chains, which also feels a neighbour on the other half of a core.
fn speeds(session: &Session) -> Vec<Option<f64>> {
    GUARDS.iter().map(|name| session.calibration.get(*name).map(|loop_| loop_.p10)).collect()
}

/// Returns the move of a loop between two sessions that moved most; zero where none is known. A share.
fn moved(before: &Session, after: &Session) -> f64 {
    let moves =
        speeds(before).into_iter().zip(speeds(after)).filter_map(|(before, after)| Some(after? / before? - 1.0));
    worst(moves)
}

fn worst(moves: impl Iterator<Item = f64>) -> f64 {
    let worst = moves.max_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap_or(0.0);
    if worst.is_finite() { worst } else { f64::INFINITY }
}

fn same_speed(a: &Session, b: &Session) -> bool {
    moved(a, b).abs() <= SAME_SPEED
}

/// Compares like with like: returns both sides with the times of those sessions alone in which the machine ran at one
/// speed, where sessions differ. `None` when all may stay, or no two are alike.
///
/// The clock of a shared machine wanders by some percent within minutes, and half a core is slower than a whole one.
/// What is left out is chosen by the loops, never by what was measured.
pub(crate) fn alike(base: &Measurement, now: &Measurement) -> Option<(Measurement, Measurement)> {
    let speed = now.sessions.iter().find(|now| base.sessions.iter().any(|base| same_speed(base, now)))?.clone();
    let all = base.sessions.iter().chain(&now.sessions);
    if all.clone().all(|session| same_speed(session, &speed)) {
        return None;
    }
    let kept = |side: &Measurement| {
        let mut side = side.clone();
        for session in side.sessions.iter_mut().filter(|session| !same_speed(session, &speed)) {
            session.metrics.retain(|metric| metric.kind.is_exact());
            session.calibration.clear();
        }
        side
    };
    Some((kept(base), kept(now)))
}

/// What the machine allows to be said of times.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Allowance {
    /// They are judged. By how much its loops became slower: a share, below zero where they became faster.
    Moved(f64),
    /// Its loops moved too far.
    TooFar(f64),
    /// It is another one.
    Elsewhere,
}

impl Allowance {
    /// Finds what two saved measurements allow.
    pub(crate) fn of(base: &Measurement, now: &Measurement) -> Self {
        if base.machine.fingerprint != now.machine.fingerprint {
            return Self::Elsewhere;
        }
        let speed = |side: &Measurement, at: usize| {
            let loops: Vec<f64> = side.sessions.iter().filter_map(|session| speeds(session)[at]).collect();
            stats::median(&loops)
        };
        let moves = (0..GUARDS.len()).filter_map(|at| Some(speed(now, at)? / speed(base, at)? - 1.0));
        match worst(moves) {
            moved if moved.abs() > FARTHEST => Self::TooFar(moved),
            moved => Self::Moved(moved),
        }
    }

    /// Returns what is tolerated of a time: more by what the loops moved, and where it is a short one that was measured by another build or at
    /// another time.
    pub(crate) fn widen(self, limits: &Limits, short: bool) -> Limits {
        let moved = if let Self::Moved(moved) = self { moved } else { 0.0 };
        let least = if short { LINK_ORDER } else { 0.0 };
        Limits { max_slowdown: limits.max_slowdown.max(least), moved, ..*limits }
    }

    /// Takes a decision about a time back where the machine does not allow one.
    pub(crate) fn settle(self, decision: Decision) -> Decision {
        // A machine may come back to its speed, unless it is another one. Where there is no interval, more of the same would
        // not do: there are too few processes, or the time is too short.
        let may_tell = decision.interval.is_some();
        let undecided = decision.verdict == Verdict::Inconclusive && may_tell;
        match self {
            Self::Moved(moved) if undecided && moved.abs() > SAME_SPEED => Decision { open: true, ..decision },
            Self::Moved(_) => decision,
            Self::Elsewhere => advise(decision, "another machine"),
            Self::TooFar(moved) => Decision {
                verdict: Verdict::Inconclusive,
                open: may_tell,
                note: format!("{}: too much to compare times", speed_changed(moved)),
                ..decision
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_too_few_processes_left_undecided_is_not_measured_again() {
        let decision = |interval| Decision {
            verdict: Verdict::Inconclusive,
            base: Some(1.0),
            now: Some(1.3),
            ratio: Some(1.3),
            interval,
            threshold: Some(1.1),
            open: false,
            note: String::new(),
        };
        for allowance in [Allowance::Moved(0.2), Allowance::TooFar(0.9)] {
            assert!(allowance.settle(decision(Some((1.0, 1.6)))).open, "{allowance:?}");
            assert!(!allowance.settle(decision(None)).open, "{allowance:?}");
        }
    }
}
