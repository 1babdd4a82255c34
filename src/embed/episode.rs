//! A stretch of activity of an alert.

use crate::engine::{self, Began, Phase};
use crate::labels::LabelSet;
use crate::outcome::summary;
use crate::promql::ast::BinaryOp;
use crate::time::Timestamp;

use super::alert::{AlertState, Cause};
use super::rule_set::RuleHandle;

/// One alert of a recording from the time at which it became active to its end: perhaps it fired, perhaps the recording
/// ended first.
///
/// ```
/// use alertctl::{AlertState, Cause, Evaluation, NewRule, RuleSet};
/// use std::time::Duration;
///
/// let mut rules = RuleSet::new();
/// rules.add(NewRule::alert("Full", "free < 5").every(Duration::from_secs(60)).hold(Duration::from_secs(60)))?;
/// let csv = "time,host,free\n\
///            2026-01-05T00:00:00Z,a,9\n\
///            2026-01-05T00:01:00Z,a,4\n\
///            2026-01-05T00:02:00Z,a,3\n\
///            2026-01-05T00:03:00Z,a,7\n";
/// let outcome = Evaluation::new(&rules).csv(csv).run()?;
/// let full = &outcome.episodes()[0];
/// assert_eq!((full.rule(), full.labels().get("host")), ("Full", Some("a")));
/// assert_eq!(full.active_at().to_string(), "2026-01-05T00:01:00Z");
/// assert_eq!(full.fired_at().map(|at| at.to_string()).as_deref(), Some("2026-01-05T00:02:00Z"));
/// assert_eq!(full.ended_at().map(|at| at.to_string()).as_deref(), Some("2026-01-05T00:03:00Z"));
/// assert_eq!((full.state(), full.cause(), full.value()), (AlertState::Inactive, Cause::ConditionFalse, 3.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Episode {
    rule: String,
    handle: RuleHandle,
    worst: Option<f64>,
    episode: engine::Episode,
}

impl Episode {
    /// Takes an episode of a rule that compares with a threshold, or with none.
    pub(super) fn of(
        rule: &str,
        handle: RuleHandle,
        episode: &engine::Episode,
        threshold: Option<(BinaryOp, f64)>,
    ) -> Self {
        let worst = summary::worst(episode, threshold);
        Self { rule: rule.to_owned(), handle, worst, episode: episode.clone() }
    }

    /// Returns the name of the rule.
    #[must_use]
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// Returns the handle of the rule.
    #[must_use]
    pub fn handle(&self) -> RuleHandle {
        self.handle
    }

    /// Returns the labels of the alert, `alertname` among them.
    #[must_use]
    pub fn labels(&self) -> &LabelSet {
        &self.episode.labels
    }

    /// Walks over the annotations, name and text: as they were when it fired, or when it became active if it never
    /// fired.
    pub fn annotations(&self) -> impl Iterator<Item = (&str, &str)> {
        self.episode.annotations.iter().map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// Returns the text of one annotation.
    #[must_use]
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations().find(|(known, _)| *known == name).map(|(_, text)| text)
    }

    /// Returns the state of the alert at its end: inactive if it ended, otherwise pending or firing, as it was when the
    /// recording ended.
    #[must_use]
    pub fn state(&self) -> AlertState {
        let phase = match (self.episode.ended_at, self.episode.activity.fired_at) {
            (Some(_), _) => Phase::Inactive,
            (None, Some(_)) => Phase::Firing,
            (None, None) => Phase::Pending,
        };
        phase.into()
    }

    /// Returns when its condition became true.
    #[must_use]
    pub fn active_at(&self) -> Timestamp {
        self.episode.activity.active_at
    }

    /// Returns when it began to fire; none if it never did.
    #[must_use]
    pub fn fired_at(&self) -> Option<Timestamp> {
        self.episode.activity.fired_at
    }

    /// Returns when it became inactive; none if it was active at the end of the recording.
    #[must_use]
    pub fn ended_at(&self) -> Option<Timestamp> {
        self.episode.ended_at
    }

    /// Returns why it ended; [`Cause::EndOfData`] if it was active at the end of the recording.
    #[must_use]
    pub fn cause(&self) -> Cause {
        self.episode.cause.into()
    }

    /// Returns whether its beginning is in the recording. Otherwise its condition was already true at the first
    /// evaluation, or while the windows of the expression still reached before the recording, and it may have begun
    /// earlier.
    #[must_use]
    pub fn beginning_seen(&self) -> bool {
        self.episode.began == Began::Observed
    }

    /// Returns the value of the expression when it fired, or when it became active if it never fired.
    #[must_use]
    pub fn value(&self) -> f64 {
        let activity = &self.episode.activity;
        activity.value_fire.unwrap_or(activity.value_active)
    }

    /// Returns the last value for which the condition was true.
    #[must_use]
    pub fn last_value(&self) -> f64 {
        self.episode.activity.value_last
    }

    /// Returns the value furthest beyond the threshold, such as the largest one of `cpu > 0.9`; none if the expression
    /// does not compare with a number.
    #[must_use]
    pub fn worst(&self) -> Option<f64> {
        self.worst
    }
}
