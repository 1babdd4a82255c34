//! What lints look at: the rules, who reads and writes what, and what is known about each rule.

use std::collections::BTreeMap;

use crate::rules::graph::{ALERTS, Keep, RuleGraph};
use crate::rules::{Broken, Evaluate, Group, Rule, RuleFile, RuleKind, RuleSet};
use crate::time::Millis;

use super::flow::{Flows, Labels};

/// What rules are looked at with.
#[derive(Clone, Copy, Debug)]
pub struct LintOptions {
    /// The interval of groups that name none.
    pub interval: Millis,
    /// How old a sample may be that an instant selector takes.
    pub lookback: Millis,
    /// How far samples are apart, where it is known.
    pub scrape_interval: Option<Millis>,
}

impl Default for LintOptions {
    fn default() -> Self {
        Self { interval: Millis(60_000), lookback: Millis(300_000), scrape_interval: None }
    }
}

/// All rules of a run.
pub struct Subject<'a> {
    /// The rules, with their parts.
    pub rules: &'a RuleSet,
    /// The options.
    pub options: LintOptions,
    /// Who reads and writes what; rules are numbered as in [`Subject::all`].
    pub(crate) graph: RuleGraph,
    /// Every rule in order, with its file and group.
    pub all: Vec<(&'a RuleFile, &'a Group, &'a Rule)>,
    /// By rule: whether it is evaluated and no error stands in its expression.
    sound: Vec<bool>,
    /// The recording rules by the name that they write, each by its number.
    pub recorded: BTreeMap<&'a str, Vec<usize>>,
    /// Which labels the series have that recording rules write.
    pub flows: Flows<'a>,
}

/// A rule and what is known of it.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// All rules.
    pub subject: &'a Subject<'a>,
    /// The number of this one.
    pub number: usize,
    /// Its file.
    pub file: &'a RuleFile,
    /// Its group.
    pub group: &'a Group,
    /// The rule.
    pub rule: &'a Rule,
}

impl<'a> Subject<'a> {
    /// Looks at rules. Cost: near linear in them.
    #[must_use]
    pub fn new(rules: &'a RuleSet, options: LintOptions) -> Self {
        let all: Vec<_> =
            rules.groups().flat_map(|(file, group)| group.rules.iter().map(move |rule| (file, group, rule))).collect();
        let mut recorded: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (number, (_, _, rule)) in all.iter().enumerate() {
            if matches!(rule.kind, RuleKind::Record) && rule.enabled {
                recorded.entry(&rule.name.text).or_default().push(number);
            }
        }
        let broken = Broken::of(rules);
        let sound = all.iter().map(|(_, _, rule)| rule.enabled && broken.leaves(rule)).collect();
        // Of rules that write nothing that is read there is nothing to order.
        let graph = match recorded.is_empty() && !all.iter().any(|(_, _, rule)| may_read_alerts(rule)) {
            true => RuleGraph::default(),
            false => RuleGraph::of(&rules.files, Keep::Read),
        };
        let flows = Flows::of(&all, &graph);
        Self { rules, options, graph, all, sound, recorded, flows }
    }

    /// Walks over the rules that can be evaluated.
    pub fn places(&self) -> impl Iterator<Item = Place<'_>> {
        (0..self.all.len()).map(|number| self.place(number)).filter(Place::is_sound)
    }

    /// Returns a rule by its number.
    #[must_use]
    pub fn place(&self, number: usize) -> Place<'_> {
        let (file, group, rule) = self.all[number];
        Place { subject: self, number, file, group, rule }
    }
}

impl<'a> Place<'a> {
    /// Returns whether the rule is evaluated and no error stands in its expression.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.subject.sound[self.number]
    }

    /// Returns which labels the series of its expression have.
    #[must_use]
    pub fn labels(&self) -> Labels<'a> {
        self.subject.flows.labels(&self.rule.expr)
    }

    /// Returns whether it is an alerting rule.
    #[must_use]
    pub fn is_alert(&self) -> bool {
        matches!(self.rule.kind, RuleKind::Alert { .. })
    }

    /// Returns how long the condition must hold; 0 of a recording rule.
    #[must_use]
    pub fn hold(&self) -> Millis {
        match self.rule.kind {
            RuleKind::Alert { hold, .. } => hold,
            RuleKind::Record => Millis::ZERO,
        }
    }

    /// Returns how far evaluations are apart; none where they follow the rows of a recording.
    #[must_use]
    pub fn interval(&self) -> Option<Millis> {
        match self.group.evaluate {
            Evaluate::ByDefault => Some(self.subject.options.interval),
            Evaluate::Every(interval) => Some(interval),
            Evaluate::EveryRow | Evaluate::EverySnapshot => None,
        }
    }
}

/// Returns whether a rule may read what alerting rules write.
fn may_read_alerts(rule: &Rule) -> bool {
    let selectors = rule.expr.selectors();
    let mut metrics = selectors.iter().map(|one| one.selector.metric());
    rule.asks_queries() || metrics.any(|metric| metric.is_none_or(|metric| metric.starts_with(ALERTS)))
}
