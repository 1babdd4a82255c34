//! What a run is asked for, and who asked.

use std::str::FromStr;

use crate::engine::silence::{self, Silence};
use crate::engine::{Align, EngineOptions};
use crate::engine::{Episode, Event, WrittenSample};
use crate::labels::{LabelSet, Matcher, Regexp};
use crate::promql::parse::parse_matchers;
use crate::store::{Conflicts, Stale};
use crate::time::{Millis, Timestamp};

use super::Kind;
use super::gate::Condition;

/// Where a setting comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// The command line.
    Flag,
    /// A file.
    File,
}

impl Origin {
    /// Returns the word that machine formats use.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Flag => "flag",
            Self::File => "file",
        }
    }
}

/// A value and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Who said so.
    pub from: Origin,
}

impl<T> Setting<T> {
    /// Takes what a flag says, or the default.
    pub fn of(flag: Option<T>, default: T) -> Self {
        match flag {
            Some(value) => Self { value, from: Origin::Flag },
            None => Self { value: default, from: Origin::Default },
        }
    }

    /// Takes what a flag says, or stays.
    pub fn set(&mut self, flag: Option<T>) {
        if let Some(value) = flag {
            *self = Self { value, from: Origin::Flag };
        }
    }
}

/// A regular expression that whole names must match, and its text.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// As it was written.
    pub text: String,
    regexp: Regexp,
}

impl Pattern {
    /// Makes one that matches a name as it stands.
    #[must_use]
    pub fn exactly(name: &str) -> Option<Self> {
        let escaped = name.chars().flat_map(|c| c.is_ascii_punctuation().then_some('\\').into_iter().chain([c]));
        let regexp = Regexp::anchored(&escaped.collect::<String>()).ok()?;
        Some(Self { text: name.to_owned(), regexp })
    }

    /// Returns whether all of a name matches.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        self.regexp.is_match(name)
    }
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let regexp = Regexp::anchored(text).map_err(|error| error.to_string())?;
        Ok(Self { text: text.to_owned(), regexp })
    }
}

/// Matchers that labels must satisfy, and their text.
#[derive(Clone, Debug)]
pub struct Filter {
    /// As they were written.
    pub text: String,
    /// All of them must be satisfied.
    pub matchers: Vec<Matcher>,
}

impl Filter {
    /// Returns whether a label set satisfies all matchers; external labels count where it has no label of that name.
    #[must_use]
    pub fn matches(&self, labels: &LabelSet, external: &LabelSet) -> bool {
        silence::satisfies(&self.matchers, labels, external)
    }
}

/// Reads `job="db",instance=~"db-.*"`, in braces or without.
impl FromStr for Filter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let matchers = parse_matchers(text).map_err(|problem| match problem.help {
            Some(help) => format!("{}; {help}", problem.message),
            None => problem.message,
        })?;
        Ok(Self { text: text.to_owned(), matchers })
    }
}

/// Which rules and episodes are reported; all are evaluated.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// What an alert's name must match.
    pub alert: Option<Pattern>,
    /// What a group's name must match.
    pub group: Option<Pattern>,
    /// What an alert's labels must satisfy.
    pub filter: Option<Filter>,
    /// The first instant that is reported; an episode that ends at or after it is reported whole.
    pub start: Option<Timestamp>,
}

impl Selection {
    /// Returns whether a rule is reported.
    #[must_use]
    pub fn takes_rule(&self, kind: Kind, name: &str, group: &str) -> bool {
        let alert = |wanted: &Pattern| kind == Kind::Alert && wanted.matches(name);
        self.alert.as_ref().is_none_or(alert) && self.group.as_ref().is_none_or(|wanted| wanted.matches(group))
    }

    /// Returns whether an episode of a rule that is reported is.
    #[must_use]
    pub fn takes_episode(&self, episode: &Episode, external: &LabelSet) -> bool {
        self.takes_end(episode.ended_at) && self.takes_labels(&episode.labels, external)
    }

    /// Returns whether an episode that ended then (`None`: it is open) is reported, if its labels are.
    #[must_use]
    pub fn takes_end(&self, ended_at: Option<Timestamp>) -> bool {
        ended_at.is_none_or(|ended| ended >= self.start.unwrap_or(Timestamp::MIN))
    }

    /// Returns whether a transition of a rule that is reported is.
    #[must_use]
    pub fn takes_event(&self, event: &Event, external: &LabelSet) -> bool {
        self.start.is_none_or(|start| event.at >= start) && self.takes_labels(&event.labels, external)
    }

    /// Returns whether a sample that a rule wrote is, if the rule is reported.
    #[must_use]
    pub fn takes_sample(&self, sample: &WrittenSample, external: &LabelSet) -> bool {
        self.start.is_none_or(|start| sample.slot >= start) && self.takes_labels(&sample.labels, external)
    }

    /// Returns whether alerts with these labels are reported.
    #[must_use]
    pub fn takes_labels(&self, labels: &LabelSet, external: &LabelSet) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.matches(labels, external))
    }
}

/// What a run is asked for.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// The interval of groups that give none.
    pub eval_interval: Setting<Millis>,
    /// Where slots are counted from.
    pub align: Setting<Align>,
    /// How far back a selector looks for a sample.
    pub lookback_delta: Setting<Millis>,
    /// Whether metric names are dropped only at the end of an expression.
    pub delayed_names: bool,
    /// How the end of a series is known.
    pub stale: Setting<Stale>,
    /// Which of two values of one series at one time counts.
    pub conflicts: Conflicts,
    /// The labels that a server would add.
    pub external_labels: Setting<LabelSet>,
    /// The server's address, for templates.
    pub external_url: String,
    /// The gap under which firings are one burst.
    pub join: Setting<Millis>,
    /// Which rules and episodes are reported, and from when.
    pub selection: Selection,
    /// The first sample of the recording, where it is known to be before what is read; detected otherwise. Windows
    /// are full, and slots of [`Align::Start`] counted, from it on.
    pub first_sample: Option<Timestamp>,
    /// The first instant that may be a slot; the first sample otherwise.
    pub first_slot: Option<Timestamp>,
    /// The last instant that may be a slot; the last sample otherwise.
    pub end: Option<Timestamp>,
    /// Stretches of time in which alerts are suppressed.
    pub silences: Vec<Silence>,
    /// What makes the run's answer "no".
    pub fail_on: Vec<Condition>,
    /// How many threads evaluate; the outcome is the same for any number.
    pub threads: usize,
    /// Whether observers are shown every failed evaluation and every sample that rules write.
    pub trace: bool,
    /// Whether evaluation goes on and series that have ended are left behind after each batch, and not only where they are
    /// many: the outcome is the same, which tests see.
    pub retire_at_once: bool,
}

/// Prometheus' own defaults; bursts are joined under five minutes.
impl Default for RunOptions {
    fn default() -> Self {
        let engine = EngineOptions::default();
        Self {
            eval_interval: Setting::of(None, engine.interval),
            align: Setting::of(None, engine.align),
            lookback_delta: Setting::of(None, engine.lookback),
            delayed_names: engine.delayed_names,
            stale: Setting::of(None, Stale::Auto),
            conflicts: Conflicts::Refuse,
            external_labels: Setting::of(None, engine.external_labels),
            external_url: engine.external_url,
            join: Setting::of(None, Millis(300_000)),
            selection: Selection::default(),
            first_sample: engine.first_sample,
            first_slot: engine.start,
            end: engine.end,
            silences: Vec::new(),
            fail_on: Vec::new(),
            threads: engine.threads,
            trace: engine.trace,
            retire_at_once: false,
        }
    }
}

impl RunOptions {
    /// Returns how the rules are evaluated.
    #[must_use]
    pub fn engine(&self) -> EngineOptions {
        EngineOptions {
            interval: self.eval_interval.value,
            lookback: self.lookback_delta.value,
            delayed_names: self.delayed_names,
            align: self.align.value,
            external_labels: self.external_labels.value.clone(),
            external_url: self.external_url.clone(),
            first_sample: self.first_sample,
            start: self.first_slot,
            end: self.end,
            threads: self.threads,
            trace: self.trace,
            ..EngineOptions::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_knows_where_it_comes_from() {
        let mut interval = RunOptions::default().eval_interval;
        interval.set(None);
        assert_eq!(interval, Setting { value: Millis(60_000), from: Origin::Default });
        interval.set(Some(Millis(15_000)));
        assert_eq!(interval, Setting { value: Millis(15_000), from: Origin::Flag });
    }

    #[test]
    fn names_are_matched_whole() {
        let selection = Selection { alert: Some("Disk.*".parse().expect("a pattern")), ..Selection::default() };
        assert!(selection.takes_rule(Kind::Alert, "DiskFull", "g"));
        assert!(!selection.takes_rule(Kind::Alert, "MyDisk", "g"));
        assert!(!selection.takes_rule(Kind::Record, "DiskFull", "g"));
        assert!("(".parse::<Pattern>().is_err() && "a=".parse::<Filter>().is_err());
    }
}
