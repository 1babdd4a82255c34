//! A comparison that goes on until it can say something: more processes while the evidence is thin, and fresh ones before
//! anything is called a regression.

use super::campaign::{Amount, CALIBRATION, Campaign, Side, Taken};
use super::clock::stopwatch;
use super::compare::{Comparison, Difference, Settings, compare};
use super::gate::Evidence;
use super::process::WorkerError;
use super::protocol::Planned;
use super::sample::{Measurement, Session};

/// How many sessions may follow the first. With 40 processes a side, 3 standard errors are below 7 % as soon as their
/// spread is.
const MORE_SESSIONS: u32 = 7;
/// How long a comparison may go on: memory-bound metrics can stay inconclusive for ever. Unit: nanoseconds.
pub const PATIENCE_NS: u64 = 10_000_000_000;

/// One side, and what is timed of it.
pub struct TrialSide<'a> {
    /// The program and its inputs.
    pub side: &'a Side,
    /// What is timed.
    pub planned: &'a [Planned],
    /// Whether it is what the other one is compared with.
    pub base: bool,
}

/// How two measurements are compared, and measured again.
pub struct Trial<'a> {
    /// The sides.
    pub sides: Vec<TrialSide<'a>>,
    /// How much is measured in a session.
    pub amount: Amount,
    /// How they are compared.
    pub settings: Settings,
    /// No session is begun that would not be done by then. Unit: nanoseconds.
    pub patience_ns: u64,
}

/// A comparison, or what keeps the two from being compared.
pub type Judged = Result<Comparison, Vec<Difference>>;

impl Trial<'_> {
    /// Compares two measurements. What looks like a regression is one only if fresh processes say so too.
    ///
    /// # Errors
    /// When a process that measures gives no answer.
    pub fn judge(
        &self,
        campaign: &mut Campaign<'_>,
        base: Measurement,
        now: Measurement,
    ) -> Result<Judged, WorkerError> {
        let begun = stopwatch();
        let mut comparison = match self.settle(campaign, base.clone(), now.clone(), &begun)? {
            Ok(comparison) => comparison,
            Err(differences) => return Ok(Err(differences)),
        };
        let suspects: Vec<String> = comparison.suspects().iter().map(|metric| metric.id.clone()).collect();
        if !suspects.is_empty() {
            let [fresh_base, fresh_now] = self.session(campaign, &suspects)?;
            let base = match self.settings.evidence {
                Evidence::Saved => base,
                Evidence::Interleaved => Measurement { sessions: vec![fresh_base], ..base },
            };
            let now = Measurement { sessions: vec![fresh_now], ..now };
            if let Ok(again) = self.settle(campaign, base, now, &begun)? {
                comparison.confirm(&again);
            }
        }
        Ok(Ok(comparison))
    }

    /// Compares, and measures more while that could change a verdict: the evidence is all of it.
    ///
    /// Whether to go on depends on how much is known, not on what came out, but near the threshold.
    fn settle(
        &self,
        campaign: &mut Campaign<'_>,
        mut base: Measurement,
        mut now: Measurement,
        begun: &dyn Fn() -> u64,
    ) -> Result<Judged, WorkerError> {
        let (mut more, mut longest) = (0, 0);
        loop {
            let comparison = match compare(&base, &now, &self.settings) {
                Ok(comparison) => comparison,
                Err(differences) => return Ok(Err(differences)),
            };
            let open: Vec<String> = comparison.open().iter().map(|metric| metric.id.clone()).collect();
            if open.is_empty() || more == MORE_SESSIONS || begun() + longest > self.patience_ns {
                return Ok(Ok(comparison));
            }
            let before = begun();
            let [base_session, now_session] = self.session(campaign, &open)?;
            longest = longest.max(begun() - before);
            if self.settings.evidence == Evidence::Interleaved {
                base.sessions.push(base_session);
            }
            now.sessions.push(now_session);
            more += 1;
        }
    }

    /// Measures some metrics with fresh processes: of the base, if it is at hand, and of what is compared with it.
    fn session(&self, campaign: &mut Campaign<'_>, ids: &[String]) -> Result<[Session; 2], WorkerError> {
        let wanted = |planned: &&Planned| ids.contains(&planned.id) || planned.id.starts_with(CALIBRATION);
        let plans: Vec<Vec<Planned>> =
            self.sides.iter().map(|side| side.planned.iter().filter(wanted).cloned().collect()).collect();
        let sides: Vec<(&Side, &[Planned])> =
            self.sides.iter().zip(&plans).map(|(side, plan)| (side.side, plan.as_slice())).collect();
        let taken = campaign.session(&sides, self.amount)?;
        let mut sessions = [Session::default(), Session::default()];
        for (side, taken) in self.sides.iter().zip(&taken) {
            add(&mut sessions[usize::from(!side.base)], taken);
        }
        Ok(sessions)
    }
}

/// Adds the times of one part to a session.
pub fn add(session: &mut Session, taken: &Taken) {
    session.metrics.extend(taken.metrics());
    session.calibration.append(&mut taken.calibration());
}
