//! What two measurements allow to be said of times: whether the machine is the same one, at the same speed.

use super::gate::percent;
use super::sample::{Measurement, Session};

/// Below this a time moves by up to 21 % when the same source is linked in another order. Unit: nanoseconds an
/// operation.
pub(crate) const LINK_ORDER_NS: f64 = 200.0;
/// How far the integer loop may move before the machine counts as another one. A share.
pub(crate) const CALIBRATION_MOVE: f64 = 0.03;
/// Why nothing is gated on a machine with another fingerprint.
pub(crate) const ANOTHER_MACHINE: &str = "another machine";
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
    let worst = moves.max_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap_or(0.0);
    if worst.is_finite() { worst } else { f64::INFINITY }
}

fn same_speed(a: &Session, b: &Session) -> bool {
    moved(a, b).abs() <= CALIBRATION_MOVE
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

/// Returns why times of the two sides say little about each other.
pub(crate) fn elsewhere(base: &Measurement, now: &Measurement) -> Option<String> {
    if base.machine.fingerprint != now.machine.fingerprint {
        return Some(ANOTHER_MACHINE.to_owned());
    }
    // The least of all moves: what can be compared is.
    let pairs = base.sessions.iter().flat_map(|before| now.sessions.iter().map(move |after| moved(before, after)));
    let least = pairs.min_by(|a, b| a.abs().total_cmp(&b.abs()))?;
    (least.abs() > CALIBRATION_MOVE)
        .then(|| format!("the machine changed: its calibration loop differs by {}", percent(least)))
}
