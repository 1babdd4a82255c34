//! The run that evaluates all values, and what each of them gives.

use std::collections::BTreeSet;
use std::ops::Range;

use thiserror::Error;

use crate::engine::alert::Pace;
use crate::engine::conditions::{AlertRuns, Conditions};
use crate::engine::stretch::{Steps, Stretch};
use crate::engine::{Episode, FaultCount, RuleCounts, RuleId};
use crate::input::Batches;
use crate::labels::{LabelSet, Matcher};
use crate::outcome::summary::Tally;
use crate::outcome::{NoMatch, Outcome, RunOptions};
use crate::replay::{Observer, Replay, RunError};
use crate::rules::{RuleKind, RuleSet};
use crate::threads;
use crate::time::{Millis, Timestamp};

use super::SweepError;
use super::ask::{Key, Value};
use super::incidents::{Incident, Judgement, Judges};
use super::levels::{self, Levels};
use super::pareto;
use super::plan::Plan;
use super::variants::{Built, How, Part, build};

/// How many thresholds are counted at once: their runs are held together.
const LEVELS_AT_ONCE: usize = 16;
/// From so many steps and values on, counting is shared among threads.
const PAYS: usize = 100_000;

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum Error {
    /// The run came to no end.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The values cannot be tried.
    #[error(transparent)]
    Sweep(#[from] SweepError),
}

/// What is wanted of each value besides its figures.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Times at which something was wrong.
    pub incidents: Option<Vec<Incident>>,
    /// Whether the episodes are kept.
    pub episodes: bool,
}

/// Why a condition was never true.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NeverTrue {
    /// There was nothing to compare with its threshold.
    NoValues,
    /// The least and the greatest value that there was.
    Values(f64, f64),
}

/// What one combination of values gives.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// The figures, counted as of any run.
    pub tally: Tally,
    /// How many evaluations failed; the alert is false at these.
    pub failed: u64,
    /// The first message of them.
    pub fault: Option<FaultCount>,
    /// Whether every evaluation failed.
    pub only_faults: bool,
    /// Why the condition was never true, where that is known.
    pub never: Option<NeverTrue>,
    /// What it is worth, where incidents are known.
    pub judgement: Option<Judgement>,
    /// Whether no other row catches as many incidents with fewer false firings and faster.
    pub best: bool,
    /// The episodes, if they are wanted: by `fired_at` (or `active_at` where an alert never fired) and labels.
    pub episodes: Vec<(LabelSet, Stretch)>,
}

/// How many incidents were judged, and how many were not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// Those by which rows were judged.
    pub judged: usize,
    /// Those outside of what was evaluated and reported.
    pub outside: usize,
    /// The others, with labels that `--where` leaves out.
    pub left_out: usize,
}

/// What all combinations of values give.
#[derive(Clone, Debug)]
pub struct Swept {
    /// The run of the alert as it is.
    pub outcome: Outcome,
    /// By number of the point ([`Plan::number`]).
    pub rows: Vec<Row>,
    /// How long it was evaluated and reported; none where it is no stretch of time.
    pub span: Option<Millis>,
    /// By which incidents rows were judged.
    pub incidents: Option<Judged>,
    /// Labels of incidents that no alert can have, and why.
    pub unmet: Vec<NoMatch>,
}

impl Row {
    fn counted(&mut self, counts: &RuleCounts) {
        self.failed = counts.faults.iter().map(|fault| fault.count).sum();
        self.fault = counts.faults.first().cloned();
        if self.failed == 0 && counts.evaluations > 0 && counts.true_evaluations == 0 {
            self.never = Some(counts.extremes.map_or(NeverTrue::NoValues, |(a, b)| NeverTrue::Values(a, b)));
        }
        self.only_faults = counts.evaluations > 0 && self.failed >= counts.evaluations;
    }
}

impl Swept {
    /// Returns how often a day the alert would have disturbed a person: bursts for each day of the span.
    #[must_use]
    pub fn pages_a_day(&self, row: &Row) -> Option<f64> {
        const DAY: f64 = 86_400.0;
        self.span.map(|span| row.tally.bursts as f64 * DAY / span.seconds())
    }
}

impl Plan {
    /// Returns `for` and `keep_firing_for` of a point; `own` are the rule's.
    #[must_use]
    pub fn pace(&self, point: &[usize], own: (Millis, Millis)) -> (Millis, Millis) {
        let of = |key: Key, own: Millis| {
            let set = self.axes.iter().zip(point).find(|(axis, _)| axis.key == key);
            match set.map(|(axis, at)| axis.values[*at]) {
                Some(Value::Span(span)) => span,
                _ => own,
            }
        };
        (of(Key::Hold, own.0), of(Key::Keep, own.1))
    }
}

/// How many labels of incidents are looked for, each a walk over all series.
const LABELS: usize = 1000;
/// How many variants are evaluated while a recording is read once. Their episodes are held to the end of it, so that it is
/// read several times where they are many.
const CONDITIONS_AT_ONCE: usize = 64;
const WHOLE_AT_ONCE: std::ops::RangeInclusive<usize> = 1..=64;
/// The first time, when nothing is known of what they hold.
const WHOLE_AT_FIRST: usize = 8;
/// How many episodes, or values of conditions, should be held.
const HELD_EPISODES: usize = 200_000;
const HELD_VALUES: usize = 16_000_000;

/// The evaluation of an alert with all values of a plan, in one reading of a recording or several.
///
/// Memory is that of one run, of the episodes and conditions of some variants, and of the rows.
pub struct Sweep<'a> {
    rules: &'a RuleSet,
    plan: &'a Plan,
    wanted: &'a Wanted,
    options: RunOptions,
    part: Part,
    counting: Option<Counting<'a>>,
    /// Labels of incidents that no alert can have; none before the first reading.
    unmet: Option<Vec<NoMatch>>,
}

impl<'a> Sweep<'a> {
    /// Takes what is evaluated.
    #[must_use]
    pub fn new(rules: &'a RuleSet, plan: &'a Plan, wanted: &'a Wanted, mut options: RunOptions) -> Self {
        // The plan has the only rule that is reported.
        (options.selection.alert, options.selection.group) = (None, None);
        let part = Part { exact: false, from: 0, conditions: CONDITIONS_AT_ONCE, whole: WHOLE_AT_FIRST };
        Self { rules, plan, wanted, options, part, counting: None, unmet: None }
    }

    /// Evaluates some of the values while the recording is read once; `true` when it has to be read again.
    ///
    /// # Errors
    /// As of any run, and where values make no expression.
    pub fn read(
        &mut self,
        recording: &mut (impl Batches + ?Sized),
        observer: &mut impl Observer,
    ) -> Result<bool, Error> {
        let Self { rules, plan, wanted, options, .. } = self;
        let (plan, wanted) = (*plan, *wanted);
        let Built { set, base, all, how } = build(rules, plan, options.engine(), self.part)?;
        let from = self.part.from;
        let replay = |ids: Vec<RuleId>| {
            let expected = if self.unmet.is_none() { expected(wanted) } else { Vec::new() };
            Replay::new(&set, options.clone()).variants(base, ids).expects(expected)
        };
        match &how {
            How::Folded { variants, levels } => {
                let ids = variants.iter().map(|(id, _)| *id).collect();
                let (outcome, apart) = replay(ids).run_variants(recording, observer)?;
                self.unmet.get_or_insert(apart.unmet);
                let conditions = |id: RuleId| {
                    let at = apart.conditions.binary_search_by_key(&id, |(rule, _)| *rule).ok();
                    at.map(|at| &apart.conditions[at].1)
                };
                let own = own_pace(rules, plan);
                let counting = self.counting.get_or_insert_with(|| Counting::new(plan, outcome, wanted));
                let mut held = 1;
                for ((id, point), counts) in variants.iter().zip(&apart.counts) {
                    let Some(conditions) = conditions(*id) else { continue };
                    if levels.is_some() && !conditions.failed().is_empty() {
                        // Thresholds decide which evaluations fail: each is evaluated by itself.
                        (self.part.exact, self.part.from) = (true, 0);
                        return Ok(true);
                    }
                    counting.fold((conditions, counts), point, levels.as_ref(), own);
                    held = held.max(conditions.alerts().map(|alert| alert.values.len()).sum());
                }
                self.part.from += variants.len();
                self.part.conditions = (HELD_VALUES / held).max(1);
            }
            How::Whole(ids) => {
                let (outcome, apart) = replay(ids.clone()).run_variants(recording, observer)?;
                self.unmet.get_or_insert(apart.unmet);
                let mut by_rule: Vec<Vec<&Episode>> = vec![Vec::new(); ids.len()];
                for episode in &apart.episodes {
                    if let Ok(at) = ids.binary_search(&episode.rule) {
                        by_rule[at].push(episode);
                    }
                }
                let counting = self.counting.get_or_insert_with(|| Counting::new(plan, outcome, wanted));
                for (number, (episodes, counts)) in (from..).zip(by_rule.iter().zip(&apart.counts)) {
                    counting.episodes(number, episodes, counts);
                }
                self.went_on(ids.len(), by_rule.iter().map(Vec::len).max());
            }
            How::Engines(sets) => {
                let mut replay = replay(Vec::new());
                for set in sets {
                    replay = replay.with(set);
                }
                let mut outcomes = replay.run_engines(recording, observer)?.into_iter();
                let Some((outcome, apart)) = outcomes.next() else { return Ok(false) };
                self.unmet.get_or_insert(apart.unmet);
                let counting = self.counting.get_or_insert_with(|| Counting::new(plan, outcome, wanted));
                let mut most = 0;
                for (number, (other, _)) in (from..).zip(outcomes) {
                    let episodes: Vec<&Episode> =
                        other.episodes.iter().filter(|episode| episode.rule == base).collect();
                    let counts = other.rule(base).map(|rule| rule.counts.clone()).unwrap_or_default();
                    counting.episodes(number, &episodes, &counts);
                    most = most.max(other.episodes.len());
                }
                self.went_on(sets.len(), Some(most));
            }
        }
        Ok(self.part.from < all)
    }

    /// Returns whether each threshold is evaluated by itself, because evaluations fail that another one may not have.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.part.exact
    }

    /// Takes note of so many variants; `most` is how many episodes one of them has.
    fn went_on(&mut self, variants: usize, most: Option<usize>) {
        self.part.from += variants;
        let (least, greatest) = (*WHOLE_AT_ONCE.start(), *WHOLE_AT_ONCE.end());
        self.part.whole = (HELD_EPISODES / most.unwrap_or(0).max(1)).clamp(least, greatest);
    }

    /// Returns what all values give, once nothing has to be read again; none before.
    #[must_use]
    pub fn finish(self) -> Option<Swept> {
        let unmet = self.unmet.unwrap_or_default();
        self.counting.map(|counting| Swept { unmet, ..counting.finish() })
    }
}

/// Returns the labels of incidents, each once.
fn expected(wanted: &Wanted) -> Vec<Matcher> {
    let labels = wanted.incidents.iter().flatten().flat_map(|one| one.labels.iter());
    let labels: BTreeSet<(&str, &str)> = labels.collect();
    labels.into_iter().take(LABELS).map(|(name, value)| Matcher::equal(name, value)).collect()
}

/// Returns the alert's own `for` and `keep_firing_for`.
fn own_pace(rules: &RuleSet, plan: &Plan) -> (Millis, Millis) {
    match rules.rules().nth(plan.rule.0 as usize).map(|(_, rule)| &rule.kind) {
        Some(RuleKind::Alert { hold, keep_firing, .. }) => (*hold, *keep_firing),
        _ => Default::default(),
    }
}

/// Counts what the points give.
struct Counting<'a> {
    plan: &'a Plan,
    wanted: &'a Wanted,
    outcome: Outcome,
    last_step: Timestamp,
    span: Option<Millis>,
    /// The incidents within the span.
    incidents: Vec<Incident>,
    judged: Judged,
    rows: Vec<Row>,
}

impl<'a> Counting<'a> {
    fn new(plan: &'a Plan, outcome: Outcome, wanted: &'a Wanted) -> Self {
        let last_step = outcome.rules.first().map_or(Timestamp(0), |rule| outcome.last_step(rule));
        let range = &outcome.range;
        let from = range.evaluated_from.max(range.reported_from);
        let span = from.map(|from| last_step.since(from)).filter(|span| span.0 > 0);
        let within = |one: &&Incident| from.is_some_and(|from| one.to >= from && one.from <= last_step);
        let all = wanted.incidents.as_deref().unwrap_or_default();
        let matchers = outcome.options.selection.filter.as_ref().map_or(&[][..], |filter| &filter.matchers);
        // The alert may have labels that an incident does not name.
        let is_left = |one: &&Incident| {
            !matchers.iter().any(|by| one.labels.get(&by.name).is_some_and(|value| !by.matches(value)))
        };
        let inside: Vec<&Incident> = all.iter().filter(within).collect();
        let incidents: Vec<Incident> = inside.iter().copied().filter(is_left).cloned().collect();
        let judged = incidents.len();
        let judged = Judged { judged, outside: all.len() - inside.len(), left_out: inside.len() - judged };
        Self { plan, wanted, outcome, last_step, span, incidents, judged, rows: vec![Row::default(); plan.points()] }
    }

    /// Counts the points of a variant of the expression.
    fn fold(
        &mut self,
        (conditions, counts): (&Conditions, &RuleCounts),
        variant: &[usize],
        levels: Option<&(usize, Levels)>,
        own: (Millis, Millis),
    ) {
        let external = &self.outcome.options.external_labels.value;
        let selection = &self.outcome.options.selection;
        let alerts: Vec<AlertRuns<'_>> =
            conditions.alerts().filter(|alert| selection.takes_labels(alert.labels, external)).collect();
        let labels: Vec<&LabelSet> = alerts.iter().map(|alert| alert.labels).collect();
        let slots: Vec<Timestamp> = conditions.slots().collect();
        let steps = Steps { slots: &slots, failed: conditions.failed() };
        let beyond: Vec<Vec<u32>> = levels.map_or_else(Vec::new, |(_, levels)| {
            alerts.iter().map(|alert| alert.values.iter().map(|value| levels.beyond(*value)).collect()).collect()
        });
        let count = levels.map_or(1, |(_, levels)| levels.len());
        let batches: Vec<Range<usize>> =
            (0..count).step_by(LEVELS_AT_ONCE).map(|from| from..count.min(from + LEVELS_AT_ONCE)).collect();
        let paces = self.paces(variant, own);
        let judges = Judges::of(&self.incidents, &labels);
        let values: usize = alerts.iter().map(|alert| alert.values.len()).sum();
        let pays = batches.len() > 1 && values * batches.len() * paces.len() > PAYS;
        let counted = threads::map(&batches, pays, |batch| {
            let mut runs = LevelRuns::new(batch.len());
            for (at, AlertRuns { present, .. }) in alerts.iter().enumerate() {
                match levels {
                    Some(_) => levels::add_runs(present, &beyond[at], batch.clone(), &mut runs.runs),
                    None => runs.runs[0].extend_from_slice(present),
                }
                runs.end_alert();
            }
            let mut rows = Vec::with_capacity(batch.len() * paces.len());
            let mut stretches = Vec::new();
            for level in 0..batch.len() {
                for (_, pace) in &paces {
                    stretches.clear();
                    for at in 0..alerts.len() {
                        let take = |stretch: Stretch| {
                            if selection.takes_end(stretch.ended_at) {
                                stretches.push((at, stretch));
                            }
                        };
                        steps.walk(runs.of(level, at), *pace, take);
                    }
                    rows.push(self.row(&stretches, &labels, &judges));
                }
            }
            rows
        });
        let mut rows = counted.into_iter().flatten();
        // What is beyond no threshold but the mildest.
        let all_values = alerts.iter().flat_map(|alert| alert.values.iter().map(|value| (*value, *value)));
        let all_values = all_values.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        let all_values = all_values.filter(|_| levels.is_some());
        for level in 0..count {
            for (point, _) in &paces {
                let mut point = point.clone();
                if let Some((axis, levels)) = levels {
                    // Levels and values are each other's order, or the reverse of it.
                    point[*axis] = levels.level(level);
                }
                let number = self.plan.number(&point);
                self.rows[number] = rows.next().unwrap_or_default();
                let row = &mut self.rows[number];
                row.counted(counts);
                let is_beyond = |value: f64| levels.is_some_and(|(_, levels)| levels.beyond(value) as usize > level);
                if let Some((least, most)) = all_values.filter(|(least, most)| !is_beyond(*least) && !is_beyond(*most))
                {
                    row.never = Some(NeverTrue::Values(least, most));
                }
            }
        }
    }

    /// Returns the points that differ from one in `for` and `keep_firing_for` alone, with these.
    fn paces(&self, point: &[usize], own: (Millis, Millis)) -> Vec<(Vec<usize>, Pace)> {
        let mut points = vec![point.to_vec()];
        for (number, axis) in self.plan.axes.iter().enumerate().filter(|(_, axis)| !axis.key.is_literal()) {
            let each = |point: &Vec<usize>| {
                let point = point.clone();
                (0..axis.values.len()).map(move |at| {
                    let mut point = point.clone();
                    point[number] = at;
                    point
                })
            };
            points = points.iter().flat_map(each).collect();
        }
        let paced = |point: Vec<usize>| {
            let (hold, keep) = self.plan.pace(&point, own);
            (point, Pace { hold, keep })
        };
        points.into_iter().map(paced).collect()
    }

    /// Counts the episodes of a point.
    fn episodes(&mut self, number: usize, episodes: &[&Episode], counts: &RuleCounts) {
        let external = &self.outcome.options.external_labels.value;
        let selection = &self.outcome.options.selection;
        let taken: Vec<&&Episode> =
            episodes.iter().filter(|episode| selection.takes_episode(episode, external)).collect();
        let mut labels: Vec<&LabelSet> = taken.iter().map(|episode| &episode.labels).collect();
        labels.sort();
        labels.dedup();
        let place = |episode: &Episode| labels.binary_search(&&episode.labels).unwrap_or_default();
        let stretches: Vec<(usize, Stretch)> =
            taken.iter().map(|episode| (place(episode), episode.stretch())).collect();
        let judges = Judges::of(&self.incidents, &labels);
        self.rows[number] = self.row(&stretches, &labels, &judges);
        self.rows[number].counted(counts);
    }

    /// Counts the stretches of a point, each with the number of its label set.
    fn row(&self, stretches: &[(usize, Stretch)], labels: &[&LabelSet], judges: &Judges<'_>) -> Row {
        let tally = Tally::of(stretches, labels.len(), self.last_step, self.outcome.options.join.value);
        let judgement = self.wanted.incidents.as_ref().map(|_| judges.judge(stretches, self.last_step));
        let mut episodes: Vec<(LabelSet, Stretch)> = Vec::new();
        if self.wanted.episodes {
            episodes.extend(stretches.iter().map(|(set, stretch)| (labels[*set].clone(), *stretch)));
            let begun = |stretch: &Stretch| stretch.fired_at.unwrap_or(stretch.active_at);
            episodes.sort_by(|(a, one), (b, other)| (begun(one), a).cmp(&(begun(other), b)));
        }
        Row { tally, judgement, episodes, ..Row::default() }
    }

    fn finish(mut self) -> Swept {
        let judgements: Option<Vec<Judgement>> = self.rows.iter().map(|row| row.judgement).collect();
        if let Some(judgements) = judgements {
            let best = pareto::front(&judgements);
            self.rows.iter_mut().zip(best).for_each(|(row, best)| row.best = best);
        }
        let incidents = self.wanted.incidents.as_ref().map(|_| self.judged);
        Swept { outcome: self.outcome, rows: self.rows, span: self.span, incidents, unmet: Vec::new() }
    }
}

/// Runs of steps of all alerts, by level.
struct LevelRuns {
    runs: Vec<Vec<Range<usize>>>,
    /// By level and alert: where its runs end.
    ends: Vec<Vec<usize>>,
}

impl LevelRuns {
    fn new(levels: usize) -> Self {
        Self { runs: vec![Vec::new(); levels], ends: vec![vec![0]; levels] }
    }

    fn end_alert(&mut self) {
        self.ends.iter_mut().zip(&self.runs).for_each(|(ends, runs)| ends.push(runs.len()));
    }

    fn of(&self, level: usize, alert: usize) -> &[Range<usize>] {
        let ends = &self.ends[level];
        &self.runs[level][ends[alert]..ends[alert + 1]]
    }
}
