//! What came of a run: its data, what they add up to, and the answer of its gate.
//!
//! Nothing in here reads, evaluates or writes: [`crate::replay`] makes an [`Outcome`], [`crate::report`] shows it.

pub(crate) mod asked;
mod finding;
pub mod gate;
mod hidden;
mod notes;
mod options;
mod reasons;
mod recordings;
mod rules;
#[cfg(test)]
pub(crate) mod sample;
pub mod summary;
pub(crate) mod threshold;
mod unseen;

use std::collections::BTreeMap;

use crate::engine::{Engine, Episode, RuleId, silence};
use crate::input;
use crate::rules::RuleSet;
use crate::store::Store;
use crate::survey::Survey;
use crate::time::{Millis, Timestamp};

pub use asked::{Mismatch, NoMatch, NoSuchRule, NoSuchSeverity, Suggested};
pub use finding::Finding;
pub use gate::Nothing;
pub use hidden::{HiddenMetric, WriterFacts};
pub use options::{Filter, Origin, Pattern, RunOptions, Selection, Setting};
pub(crate) use reasons::{Known, Lack, text as selector_text};
pub(crate) use recordings::facts_of;
pub use recordings::{Range, RecordingFacts};
#[cfg(feature = "cli")]
pub(crate) use rules::in_steps;
pub(crate) use rules::known;
pub use rules::{GroupFacts, Kind, MissingMetric, Needs, NoSource, RuleAnnotation, RuleFacts, Unmatched, declared};
pub(crate) use threshold::compared;
pub use threshold::threshold;
pub use unseen::Unseen;
#[cfg(feature = "cli")]
pub(crate) use unseen::otherwise;

/// The data of a finished run: everything that a report of `eval` may show.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The tool's version.
    pub version: String,
    /// What was asked for.
    pub options: RunOptions,
    /// When.
    pub range: Range,
    /// What was met while the recordings were read.
    pub input: input::Summary,
    /// What is known of each recording.
    pub recordings: Vec<RecordingFacts>,
    /// Metrics of the recordings that rules write as well, so that rules see only what is computed; by name.
    pub hidden: Vec<HiddenMetric>,
    /// The groups, in order.
    pub groups: Vec<GroupFacts>,
    /// The rules that are reported, in order of their numbers.
    pub rules: Vec<RuleFacts>,
    /// Stretches in which no series of any recording has a sample: the last one before and the first one after.
    pub gaps: Vec<(Timestamp, Timestamp)>,
    /// The episodes that are reported; [`Outcome::sort`] brings them in order.
    pub episodes: Vec<Episode>,
    /// Problems that did not stop the run.
    pub findings: Vec<Finding>,
    /// What a person would want to know of the recording and what was left out, a sentence each.
    pub notes: Vec<Finding>,
}

/// An engine that has come to the end of its recording, and what it was given.
pub(crate) struct Finished<'a> {
    pub rules: &'a RuleSet,
    pub options: &'a RunOptions,
    pub engine: &'a Engine,
    pub store: &'a Store,
    pub survey: &'a Survey,
    pub input: &'a input::Summary,
    /// Of all rules.
    pub episodes: Vec<Episode>,
    /// The only rule that is reported, if it is one alone.
    pub only: Option<RuleId>,
}

impl Outcome {
    /// Gathers what is reported of a run. Cost: the sort of its episodes, and a walk over all series.
    ///
    /// # Errors
    /// When it was asked for something that neither the rules nor the recording have.
    pub(crate) fn of(finished: Finished<'_>) -> Result<Self, Mismatch> {
        let found = finished.survey.findings(finished.store, finished.options.lookback_delta.value);
        let asked = found.span.map(|span| asked::after(&finished, span)).transpose()?.unwrap_or_default();
        let Finished { rules: set, options, engine, store, survey, input, episodes, only } = finished;
        let selection = &options.selection;
        let groups = rules::groups(set, engine.schedules());
        let (mut rules, known) = rules::evaluated(set, engine.counts(store), store);
        let hidden = hidden::hidden(engine.agreements(store), &rules, &known);
        rules.retain(|rule| only.is_none_or(|only| rule.id == only));
        let all = rules.len();
        rules.retain(|rule| selection.takes_rule(rule.kind, &rule.name, &groups[rule.group].name));
        let mut outcome = Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            options: options.clone(),
            range: Range::of(engine, &found, selection.start),
            input: input.clone(),
            recordings: facts_of(input, store, &found),
            hidden,
            groups,
            rules,
            gaps: found.silences.clone(),
            episodes,
            findings: set.diagnostics.sorted().iter().map(|found| Finding::new(found, &set.sources)).collect(),
            notes: Vec::new(),
        };
        let mut episodes = std::mem::take(&mut outcome.episodes);
        // By rule: an alert with any labels, one that fired if there is one.
        let mut others: BTreeMap<u32, &Episode> = BTreeMap::new();
        for episode in episodes.iter().filter(|_| selection.filter.is_some()) {
            let one = others.entry(episode.rule.0).or_insert(episode);
            if one.activity.fired_at.is_none() {
                *one = episode;
            }
        }
        let others = others.into_iter().map(|(rule, episode)| (rule, episode.labels.clone())).collect();
        episodes.retain(|episode| {
            outcome.rule(episode.rule).is_some() && selection.takes_episode(episode, &options.external_labels.value)
        });
        outcome.episodes = episodes;
        outcome.sort();
        unseen::look(&mut outcome, set, &known, survey, &others);
        if let Some(mismatch) = asked::impossible(&outcome) {
            return Err(mismatch);
        }
        outcome.notes = notes::notes(&outcome, set, &found, all - outcome.rules.len());
        let hidden = hidden::notes(&outcome.hidden);
        outcome.notes.splice(0..0, hidden);
        let assumed = notes::assumed(&outcome);
        outcome.findings.extend(assumed);
        outcome.notes.extend(asked);
        outcome.silence();
        Ok(outcome)
    }

    /// Returns a rule by its number, if it is reported. Cost: a binary search.
    #[must_use]
    pub fn rule(&self, id: RuleId) -> Option<&RuleFacts> {
        self.rules.binary_search_by_key(&id, |rule| rule.id).ok().map(|at| &self.rules[at])
    }

    /// Sorts the episodes by (fired_at or active_at, group, rule, labels).
    pub fn sort(&mut self) {
        let mut episodes = std::mem::take(&mut self.episodes);
        // Rules are numbered group by group, so the number orders by group too.
        episodes.sort_by(|a, b| {
            let key = |episode: &Episode| episode.activity.fired_at.unwrap_or(episode.activity.active_at);
            (key(a), a.rule).cmp(&(key(b), b.rule)).then_with(|| a.labels.cmp(&b.labels))
        });
        self.episodes = episodes;
    }

    /// Returns whether silences cover all of an episode's firing.
    #[must_use]
    pub fn is_suppressed(&self, episode: &Episode) -> bool {
        let last_step = self.rule(episode.rule).map_or(Timestamp::MAX, |rule| self.last_step(rule));
        silence::is_suppressed(episode, last_step)
    }

    /// Lays the silences over the episodes; the external labels of the run count for their matchers.
    fn silence(&mut self) {
        let mut episodes = std::mem::take(&mut self.episodes);
        silence::suppress(&mut episodes, &self.options.silences, &self.options.external_labels.value, |episode| {
            self.rule(episode.rule).map_or(Timestamp::MAX, |rule| self.last_step(rule))
        });
        self.episodes = episodes;
    }

    /// Returns the last evaluated step of a rule's group: where an episode that is still open is cut.
    #[must_use]
    pub fn last_step(&self, rule: &RuleFacts) -> Timestamp {
        let to = self.range.evaluated_to.unwrap_or_default();
        self.groups.get(rule.group).map_or(to, |group| group.last_slot(to))
    }

    /// Returns the interval of a rule's group.
    #[must_use]
    pub fn interval(&self, rule: &RuleFacts) -> Millis {
        self.groups.get(rule.group).map_or(Millis::ZERO, |group| group.schedule.interval)
    }
}
