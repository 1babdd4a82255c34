//! The rules of all files, one after the other, with what their groups say of them.

use crate::engine::options::EngineOptions;
use crate::engine::schedule::GroupInfo;
use crate::promql::plan::{Context, LowerOptions};
use crate::rules::{Evaluate, Group, Rule, RuleFile};
use crate::time::Millis;

/// A rule and the numbers of its group and schedule.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    pub rule: &'a Rule,
    pub group: &'a Group,
    pub schedule: usize,
    pub query_offset: Millis,
}

impl Entry<'_> {
    /// Returns how the rule's expression is planned; `reads_written` says whether it may read what rules write.
    pub(super) fn lower_options(&self, options: &EngineOptions, reads_written: bool) -> LowerOptions {
        LowerOptions {
            lookback: options.lookback_of(self.group),
            subquery_step: options.interval,
            delayed_names: options.delayed_names,
            context: Context::Rule,
            reads_written,
        }
    }
}

/// The groups and rules of all files, in order.
pub(super) struct Entries<'a> {
    pub groups: Vec<GroupInfo>,
    /// By schedule: the distance of its slots; none where it is at rows.
    pub intervals: Vec<Option<Millis>>,
    pub entries: Vec<Entry<'a>>,
}

impl<'a> Entries<'a> {
    /// Lays out the rules of files: groups with one interval have one schedule.
    pub(super) fn of(files: &'a [RuleFile], options: &EngineOptions) -> Self {
        let mut all = Self { groups: Vec::new(), intervals: Vec::new(), entries: Vec::new() };
        for group in files.iter().flat_map(|file| &file.groups) {
            let schedule = all.schedule(options.interval_of(group));
            all.groups.push(GroupInfo {
                name: group.name.text.clone(),
                interval_from_file: group.evaluate != Evaluate::ByDefault,
                schedule,
            });
            let query_offset = group.query_offset.unwrap_or_default();
            all.entries.extend(group.rules.iter().map(|rule| Entry { rule, group, schedule, query_offset }));
        }
        all
    }

    /// Returns the number of the schedule with an interval, a new one if there is none.
    fn schedule(&mut self, interval: Option<Millis>) -> usize {
        self.intervals.iter().position(|known| *known == interval).unwrap_or_else(|| {
            self.intervals.push(interval);
            self.intervals.len() - 1
        })
    }
}
