//! What another version of the rules would have done: two sets of rules on one recording, side by side.
//!
//! ```text
//!  RuleSet old, RuleSet new --> pairs     which rule is which, what their texts say that changed
//!                                 v
//!                              affected   what may behave otherwise: what differs, and all that reads it
//!                                 v
//!  recording --> replay of all old rules, and of those new ones that are affected, with what they read
//!                                 v
//!                              shifts     which episodes are one, and how they differ --> Difference --> gate
//! ```
//! A rule that is not affected does on both sides what it did for the old set, and is evaluated once.

mod affected;
pub mod gate;
mod pairs;
mod rules;
mod shifts;

use std::cmp::Reverse;
use std::collections::BTreeSet;

use thiserror::Error;

use crate::engine::Began;
use crate::input::Batches;
use crate::labels::LabelSet;
use crate::outcome::summary::{RuleSummary, severity_rank};
use crate::outcome::{self, Mismatch, Nothing, Outcome, RunOptions, Selection};
use crate::replay::{Observer, Replay, RunError};
use crate::rules::RuleSet;
use crate::rules::changes::Cause;
use crate::time::{Millis, Timestamp};

pub use affected::{Affected, affected};
pub use pairs::Pairs;
pub use shifts::Kind;

/// What a comparison is asked for.
#[derive(Clone, Debug)]
pub struct DiffOptions {
    /// How both sets are evaluated, and which rules and alerts are reported. Its own gate is not asked.
    pub run: RunOptions,
    /// Shifts in time up to this do not count.
    pub tolerance: Millis,
    /// What makes the answer "no".
    pub fail_on: Vec<gate::Condition>,
    /// Where the rules of each side stand: what the names of its files begin with and places of rules do not count, such
    /// as `old/`; the whole name of one file, or nothing where both sides have the same names.
    pub roots: [String; 2],
}

/// What became of a rule's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Nothing.
    Unchanged,
    /// It says something else, or stands elsewhere.
    Changed,
    /// There was none.
    Added,
    /// There is none any more.
    Removed,
}

impl Status {
    /// Returns the word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Changed => "changed",
            Self::Added => "added",
            Self::Removed => "removed",
        }
    }
}

/// A rule on one side.
#[derive(Clone, Debug, PartialEq)]
pub struct SideRule {
    /// What is known of it; what was counted is that of the old side where both do the same.
    pub facts: outcome::RuleFacts,
    /// The name of its group.
    pub group: String,
    /// What its episodes add up to.
    pub sums: RuleSummary,
}

/// One episode, as far as it is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stay {
    /// The labels of the alert.
    pub labels: LabelSet,
    /// When it became active.
    pub active_at: Timestamp,
    /// When it fired, if it did.
    pub fired_at: Option<Timestamp>,
    /// When it resolved, if it fired and did.
    pub resolved_at: Option<Timestamp>,
    /// When it became inactive; one that is open at the end has no such time.
    pub ended_at: Option<Timestamp>,
    /// How long it fired.
    pub firing: Millis,
    /// How it began.
    pub began: Began,
}

/// Episodes of one label set that differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpisodeDifference {
    /// The labels that both sides have, without those that the rule sets otherwise now; all but the name of the alert
    /// where it is on one side only.
    pub labels: LabelSet,
    /// How they differ.
    pub kinds: Vec<Kind>,
    /// Those of the old rules, in the order of time.
    pub before: Vec<Stay>,
    /// Those of the new rules.
    pub after: Vec<Stay>,
    /// How much later it fires first (earlier below 0), where it fires on both sides.
    pub later: Option<Millis>,
}

impl EpisodeDifference {
    /// Returns how many of the episodes fired, before and after.
    #[must_use]
    pub fn firings(&self) -> (u64, u64) {
        let fired = |side: &[Stay]| side.iter().filter(|stay| stay.fired_at.is_some()).count() as u64;
        (fired(&self.before), fired(&self.after))
    }
}

/// What became of one rule, its text and what it does.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleDifference {
    /// Its text.
    pub status: Status,
    /// The old rule.
    pub before: Option<SideRule>,
    /// The new rule.
    pub after: Option<SideRule>,
    /// What the texts say that changed, the most likely to matter first.
    pub changes: Vec<Cause>,
    /// The rules that it reads and that behave otherwise; of rules that themselves say the same.
    pub reads: Vec<String>,
    /// Whether it may behave otherwise: it differs, or reads what does.
    pub affected: bool,
    /// What differs, by label set and time.
    pub differences: Vec<EpisodeDifference>,
    /// Label sets that fired on the old side only.
    pub sets_lost: Vec<LabelSet>,
    /// Label sets that fire on the new side only.
    pub sets_new: Vec<LabelSet>,
}

impl RuleDifference {
    /// Returns the rule as it is now, or as it was.
    #[must_use]
    pub fn rule(&self) -> Option<&SideRule> {
        self.after.as_ref().or(self.before.as_ref())
    }

    /// Returns the firings that are no more, and those that are new.
    #[must_use]
    pub fn firings(&self) -> (u64, u64) {
        let count = |kind| {
            let of_kind =
                self.differences.iter().filter(|one| one.kinds.contains(&kind)).map(EpisodeDifference::firings);
            of_kind.map(|(before, after)| before + after).sum()
        };
        (count(Kind::OnlyBefore), count(Kind::OnlyAfter))
    }

    /// Returns the severity that counts for the order: the worse one of both sides.
    #[must_use]
    pub fn severity(&self) -> &str {
        let side = if rank(&self.before) < rank(&self.after) { &self.before } else { &self.after };
        side.as_ref().and_then(|side| side.facts.severity.as_deref()).unwrap_or("")
    }

    /// Returns whether there is anything to say of it: its text or what it does differs.
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.status != Status::Unchanged || !self.differences.is_empty()
    }
}

fn rank(side: &Option<SideRule>) -> usize {
    side.as_ref().map_or(usize::MAX, |side| severity_rank(side.facts.severity.as_deref().unwrap_or("")))
}

/// What all differences add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Firings of the old rules.
    pub before: u64,
    /// Firings of the new rules.
    pub after: u64,
    /// Firings of the old rules where the new ones do not fire.
    pub lost: u64,
    /// Firings of the new rules where the old ones did not fire.
    pub new: u64,
    /// The firing time of the old rules.
    pub firing_before: Millis,
    /// The firing time of the new rules.
    pub firing_after: Millis,
    /// Rules whose text is the same.
    pub unchanged: u64,
    /// Rules whose text is another.
    pub changed: u64,
    /// Rules that are new.
    pub added: u64,
    /// Rules that are no more.
    pub removed: u64,
    /// Alerts of which an episode differs.
    pub differ: u64,
}

/// Why two sets of rules cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NoAnswer {
    /// As of one run.
    #[error("{0}")]
    Run(Nothing),
    /// What the alerts of both sides select is not in the recording.
    #[error("there is nothing to compare: nothing that the alerts of either side select is in the recording")]
    NoData,
}

impl NoAnswer {
    /// Returns what to do about it, if anything can be done.
    #[must_use]
    pub fn hint(self) -> Option<&'static str> {
        match self {
            Self::Run(nothing) => nothing.hint(),
            Self::NoData => Some("`alertctl data` shows what is in the recording"),
        }
    }
}

/// Two sets of rules on one recording.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The run of the old rules; of the new ones where there are no old ones.
    pub run: Outcome,
    /// Shifts in time up to this did not count.
    pub tolerance: Millis,
    /// What makes the answer "no".
    pub fail_on: Vec<gate::Condition>,
    /// Which rules and alerts are reported.
    pub selection: Selection,
    /// The rules that are reported: the new ones in order, then those that are no more.
    pub rules: Vec<RuleDifference>,
    /// Whether no rule of one side is one of the other.
    pub strangers: bool,
    /// The sums of all of them.
    pub totals: Totals,
}

impl Difference {
    /// Returns the conditions of the gate that are met.
    #[must_use]
    pub fn met(&self) -> Vec<&gate::Condition> {
        self.fail_on.iter().filter(|condition| condition.is_met(self)).collect()
    }

    /// Says why there is no answer, if that is so: no rule that is reported was evaluated on either side, nothing that the
    /// alerts select is in the recording, or there is a gate, and no alert that could meet it.
    #[must_use]
    pub fn nothing(&self) -> Option<NoAnswer> {
        let sides = || self.rules.iter().flat_map(|rule| rule.before.iter().chain(&rule.after));
        if sides().all(|side| side.facts.counts.evaluations == 0) {
            return Some(NoAnswer::Run(Nothing::of(&self.run)));
        }
        let mut alerts =
            sides().filter(|side| side.facts.kind == outcome::Kind::Alert && !side.facts.disabled).peekable();
        if alerts.peek().is_none() {
            return (!self.fail_on.is_empty()).then_some(NoAnswer::Run(Nothing::NoAlert));
        }
        alerts.all(|side| side.facts.counts.evaluations == 0 || side.sums.lacks_data()).then_some(NoAnswer::NoData)
    }

    /// Returns the exit code: 2 where there is no answer, 1 where the gate is met.
    #[must_use]
    pub fn exit(&self) -> u8 {
        if self.nothing().is_some() { 2 } else { u8::from(!self.met().is_empty()) }
    }

    /// Returns the severities that firings have, on either side.
    #[must_use]
    pub fn severities(&self) -> BTreeSet<&str> {
        let sides = self.rules.iter().flat_map(|rule| rule.before.iter().chain(&rule.after));
        sides.filter_map(|side| side.facts.severity.as_deref()).collect()
    }

    /// Returns the places of the rules in [`Difference::rules`] of which there is something to say: those that lost
    /// firings first, then those with new ones, then other differences, then texts; of each the worst severity first.
    #[must_use]
    pub fn worst_first(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.rules.len()).filter(|at| self.rules[*at].is_told()).collect();
        order.sort_by_key(|at| {
            let rule = &self.rules[*at];
            let (lost, new) = rule.firings();
            let class = match (lost, new) {
                (1.., _) => 0,
                (0, 1..) => 1,
                _ if !rule.differences.is_empty() => 2,
                _ => 3,
            };
            (class, severity_rank(rule.severity()), Reverse(lost + new), *at)
        });
        order
    }
}

/// Evaluates two sets of rules on one recording, which is read once, and compares what they do.
///
/// Memory and time: those of a run of the old rules, and of the new ones that are affected with what they read.
///
/// # Errors
/// As [`Replay::run`]; what is asked for must be in one of the two sets.
pub fn run(
    old: &RuleSet,
    new: &RuleSet,
    options: &DiffOptions,
    recording: &mut (impl Batches + ?Sized),
    observer: &mut impl Observer,
) -> Result<Difference, RunError> {
    known(old, new, &options.run)?;
    let pairs = Pairs::of(old, new, [&options.roots[0], &options.roots[1]]);
    let affected = affected(old, new, &pairs.old_of, options.run.eval_interval.value);
    let mut part = new.clone();
    let all = part.files.iter_mut().flat_map(|file| &mut file.groups).flat_map(|group| &mut group.rules);
    all.zip(&affected.evaluate).for_each(|(rule, evaluate)| rule.enabled &= *evaluate);
    // All is gathered, so that rules of either side find their counterparts, and what is reported is chosen then.
    let selection = options.run.selection.clone();
    let whole = RunOptions {
        selection: Selection { start: selection.start, ..Selection::default() },
        fail_on: Vec::new(),
        ..options.run.clone()
    };
    let mut replay = Replay::new(old, whole).asks(selection);
    if affected.evaluate.contains(&true) || old.is_empty() {
        replay = replay.with_part(&part, affected.written.clone());
    }
    let mut outcomes = replay.run_all(recording, observer)?.into_iter();
    let (Some(before), after) = (outcomes.next(), outcomes.next()) else {
        return Err(RunError::Stopped);
    };
    Ok(rules::difference((old, new), (&pairs, &affected), (before, after), options)?)
}

/// Checks that one of the sets has what is asked for; where none has, the answer is that of the set with names that are
/// near.
fn known(old: &RuleSet, new: &RuleSet, options: &RunOptions) -> Result<(), Mismatch> {
    let of = |set: &RuleSet| outcome::asked::before(set, options).map(|_| set.is_empty());
    let is_near = |error: &Mismatch| matches!(error, Mismatch::Rule(missing) if missing.names.near);
    match (of(old), of(new)) {
        (Err(before), Err(after)) => Err(if is_near(&before) && !is_near(&after) { before } else { after }),
        // A set without rules has no other name to tell.
        (Err(error), Ok(true)) | (Ok(true), Err(error)) => Err(error),
        _ => Ok(()),
    }
}
