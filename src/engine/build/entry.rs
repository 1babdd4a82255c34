//! The rules of all files, one after the other, with what their groups say of them.

use hashbrown::HashMap;

use crate::engine::options::EngineOptions;
use crate::engine::resume::Resumed;
use crate::engine::schedule::{GroupInfo, Terms, Wait};
use crate::promql::plan::{Context, LowerOptions};
use crate::rules::graph::RuleGraph;
use crate::rules::{Evaluate, Group, Rule, RuleFile, RuleKind};
use crate::time::{Millis, Timestamp};

/// A rule and the numbers of its group and schedule.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    pub rule: &'a Rule,
    pub group: &'a Group,
    pub schedule: usize,
    pub query_offset: Millis,
    /// It sees nothing that is stamped at or before it.
    pub after: Timestamp,
    /// What was evaluated before.
    pub done: Timestamp,
}

impl Entry<'_> {
    /// Returns how the rule's expression is planned; `reads_written` says whether it may read what rules write.
    pub(super) fn lower_options(&self, options: &EngineOptions, reads_written: bool) -> LowerOptions {
        LowerOptions {
            lookback: options.lookback_of(self.group),
            subquery_step: options.interval,
            delayed_names: options.delayed_names,
            start_timestamps: options.start_timestamps,
            context: Context::Rule,
            reads_written,
        }
    }
}

/// Returns the rules of files, not yet on a schedule.
pub(super) fn entries(files: &[RuleFile]) -> Vec<Entry<'_>> {
    let groups = files.iter().flat_map(|file| &file.groups);
    let of = |group: &'_ Group| group.query_offset.unwrap_or_default();
    let entry = |(group, rule)| Entry {
        rule,
        group,
        schedule: 0,
        query_offset: of(group),
        after: Timestamp::MIN,
        done: Timestamp::MIN,
    };
    groups.flat_map(|group| group.rules.iter().map(move |rule| (group, rule))).map(entry).collect()
}

/// Returns whether a rule reads the series that tell of alerts; `alerts` by rule.
fn reads_alerts(rule: usize, graph: &RuleGraph, alerts: &[bool]) -> bool {
    let sets = graph.nodes[rule].reads.iter().map(|set| &graph.sets[*set as usize]);
    sets.flatten().any(|writer| alerts[*writer as usize])
}

/// The schedules of a run, and what is known of its groups.
#[derive(Default)]
pub(super) struct Schedules {
    pub groups: Vec<GroupInfo>,
    /// By schedule.
    pub terms: Vec<Terms>,
    known: HashMap<Terms, usize, foldhash::fast::FixedState>,
}

impl Schedules {
    /// Puts each rule on a schedule: those that have the same one in all there is to it share it.
    pub(super) fn of(
        (files, entries): (&[RuleFile], &mut [Entry<'_>]),
        (waits, graph): (&[Wait], &RuleGraph),
        options: &EngineOptions,
        resumed: Option<&Resumed>,
    ) -> Self {
        let mut all = Self::default();
        let kinds: Vec<bool> = entries.iter().map(|entry| matches!(entry.rule.kind, RuleKind::Alert { .. })).collect();
        let mut rest = entries.iter_mut().zip(waits).enumerate();
        for group in files.iter().flat_map(|file| &file.groups) {
            let beat = options.beat_of(group);
            let mut first = None;
            for (number, (entry, wait)) in rest.by_ref().take(group.rules.len()) {
                let done = resumed.map(|resumed| {
                    (entry.done, entry.after) = resumed.place(number, reads_alerts(number, graph, &kinds));
                    resumed.before_next(entry.done, beat, options.align)
                });
                entry.schedule = all.number(Terms { beat, wait: *wait, done });
                first.get_or_insert(entry.schedule);
            }
            let schedule = first.unwrap_or_else(|| all.number(Terms { beat, wait: Wait::default(), done: None }));
            let interval_from_file = group.evaluate != Evaluate::ByDefault;
            all.groups.push(GroupInfo { name: group.name.text.clone(), interval_from_file, schedule });
        }
        all
    }

    /// Returns the number of the schedule with these terms, a new one if there is none.
    fn number(&mut self, terms: Terms) -> usize {
        *self.known.entry(terms).or_insert_with(|| {
            self.terms.push(terms);
            self.terms.len() - 1
        })
    }
}
