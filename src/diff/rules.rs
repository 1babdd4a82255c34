//! From two runs to what became of each rule.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::Episode;
use crate::labels::LabelSet;
use crate::outcome::summary::{RuleSummary, Summary, firing};
use crate::outcome::{Outcome, RuleFacts, declared};
use crate::rules::changes::{InGroup, of_rule};
use crate::rules::{RuleSet, template::Template};
use crate::time::Millis;

use super::affected::Affected;
use super::pairs::Pairs;
use super::shifts::{Stretch, compare};
use super::{DiffOptions, Difference, EpisodeDifference, Kind, RuleDifference, SideRule, Status, Stay, Totals};

/// The run of one side, and the places of the episodes of each rule.
struct Run {
    outcome: Outcome,
    of_rule: Vec<Vec<usize>>,
    /// By episode: whether it is reported.
    kept: Vec<bool>,
}

impl Run {
    fn of(outcome: Outcome, rules: usize) -> Self {
        let mut of_rule = vec![Vec::new(); rules];
        for (at, episode) in outcome.episodes.iter().enumerate() {
            if let Some(own) = of_rule.get_mut(episode.rule.0 as usize) {
                own.push(at);
            }
        }
        Self { kept: vec![false; outcome.episodes.len()], of_rule, outcome }
    }

    fn none() -> Option<Self> {
        None
    }

    fn stretch(&self, at: usize) -> Option<Stretch> {
        let episode = &self.outcome.episodes[at];
        let rule = self.outcome.rule(episode.rule)?;
        Some(Stretch::of(at, episode, self.outcome.last_step(rule)))
    }

    fn stay(&self, at: usize) -> Option<Stay> {
        let episode = &self.outcome.episodes[at];
        let last = self.outcome.last_step(self.outcome.rule(episode.rule)?);
        let activity = &episode.activity;
        Some(Stay {
            labels: episode.labels.clone(),
            active_at: activity.active_at,
            fired_at: activity.fired_at,
            resolved_at: activity.fired_at.and(episode.ended_at),
            ended_at: episode.ended_at,
            firing: firing(episode, last),
            began: episode.began,
        })
    }

    /// Drops the episodes that are not reported, and adds up the others.
    fn sums(&mut self) -> Vec<RuleSummary> {
        let mut kept = self.kept.iter();
        self.outcome.episodes.retain(|_| kept.next() == Some(&true));
        Summary::of(&self.outcome).rules
    }
}

/// Puts the runs of both sides together; there is no second run where the new rules do what the old ones do.
pub(super) fn difference(
    (old, new): (&RuleSet, &RuleSet),
    (pairs, affected): (&Pairs, &Affected),
    (before, after): (Outcome, Option<Outcome>),
    options: &DiffOptions,
) -> Difference {
    let selection = &options.run.selection;
    let groups = |set: &RuleSet| set.groups().map(|(_, group)| group.name.text.clone()).collect::<Vec<_>>();
    let (old_groups, new_groups) = (groups(old), groups(new));
    let new_facts = declared(new);
    let (old_parts, new_parts) = (in_groups(old), in_groups(new));
    let mut before = Run::of(before, old.rules().count());
    let mut after = after.map_or_else(Run::none, |after| Some(Run::of(after, new_facts.len())));
    let mut rules = Vec::new();
    let both = pairs.old_of.iter().enumerate().map(|(at, was)| (*was, Some(at)));
    for (was, is) in both.chain(pairs.gone.iter().map(|was| (Some(*was), None))) {
        let takes =
            |facts: &RuleFacts, groups: &[String]| selection.takes_rule(facts.kind, &facts.name, &groups[facts.group]);
        let one = Numbers { was, is, compared: is.is_some_and(|is| affected.new[is] && affected.evaluate[is]) };
        let shown = was.is_some_and(|was| takes(&before.outcome.rules[was], &old_groups))
            || is.is_some_and(|is| takes(&new_facts[is], &new_groups));
        if shown {
            let (differences, sets) = episodes((&old_parts, &new_parts), one, (&mut before, after.as_mut()), options);
            rules.push((one, differences, sets));
        }
    }
    let sums = before.sums();
    let new_sums = after.as_mut().map(Run::sums).unwrap_or_default();
    let all: Vec<RuleDifference> = rules
        .into_iter()
        .map(|(one, differences, (sets_lost, sets_new))| {
            let Numbers { was, is, .. } = one;
            let old_side = was.map(|was| {
                let facts = before.outcome.rules[was].clone();
                SideRule { group: old_groups[facts.group].clone(), sums: sums[was].clone(), facts }
            });
            let new_side = is.map(|is| side(one, &new_facts[is], &new_groups, &old_side, (after.as_ref(), &new_sums)));
            let mut changes = match (was, is) {
                (Some(was), Some(is)) => of_rule(&old_parts[was], &new_parts[is], options.run.eval_interval.value),
                _ => Vec::new(),
            };
            changes.extend(was.and(is).and_then(|is| pairs.moved.get(&is)).into_iter().flatten().cloned());
            let status = match (was, is) {
                (None, _) => Status::Added,
                (_, None) => Status::Removed,
                _ if changes.is_empty() => Status::Unchanged,
                _ => Status::Changed,
            };
            let reads = is.and_then(|is| affected.through.get(&is)).cloned().unwrap_or_default();
            RuleDifference {
                status,
                before: old_side,
                after: new_side,
                changes,
                reads,
                affected: is.is_none_or(|is| affected.new[is]),
                differences,
                sets_lost,
                sets_new,
            }
        })
        .collect();
    let strangers = !old.is_empty() && !new.is_empty() && pairs.old_of.iter().all(Option::is_none);
    let run = match after {
        Some(after) if old.is_empty() => after.outcome,
        _ => before.outcome,
    };
    Difference {
        run,
        tolerance: options.tolerance,
        fail_on: options.fail_on.clone(),
        selection: selection.clone(),
        totals: totals(&all),
        rules: all,
        strangers,
    }
}

/// The numbers of a rule on both sides, and whether the new one may do something else, and was evaluated.
#[derive(Clone, Copy)]
struct Numbers {
    was: Option<usize>,
    is: Option<usize>,
    compared: bool,
}

fn in_groups(set: &RuleSet) -> Vec<InGroup<'_>> {
    let groups = set.groups().map(|(_, group)| group);
    groups.flat_map(|group| group.rules.iter().map(move |rule| InGroup { rule, group })).collect()
}

/// Returns a new rule with its own figures, or with those of the old one where it does the same.
fn side(
    one: Numbers,
    facts: &RuleFacts,
    groups: &[String],
    before: &Option<SideRule>,
    (after, sums): (Option<&Run>, &[RuleSummary]),
) -> SideRule {
    let group = groups[facts.group].clone();
    match (one.is, after, before) {
        (Some(is), Some(after), _) if one.compared => {
            let evaluated = &after.outcome.rules[is];
            SideRule { facts: RuleFacts { group: facts.group, ..evaluated.clone() }, group, sums: sums[is].clone() }
        }
        (_, _, Some(before)) if facts.disabled == before.facts.disabled => SideRule {
            facts: RuleFacts { counts: before.facts.counts.clone(), ..facts.clone() },
            group,
            sums: before.sums.clone(),
        },
        _ => SideRule { facts: facts.clone(), group, sums: RuleSummary::default() },
    }
}

/// Label sets on one side only: the old one, and the new one.
type Sets = (Vec<LabelSet>, Vec<LabelSet>);

/// Compares the episodes of a rule, and marks those that are reported.
fn episodes(
    (old, new): (&[InGroup<'_>], &[InGroup<'_>]),
    one: Numbers,
    (before, mut after): (&mut Run, Option<&mut Run>),
    options: &DiffOptions,
) -> (Vec<EpisodeDifference>, Sets) {
    let takes = |episode: &Episode| {
        let filter = options.run.selection.filter.as_ref();
        filter.is_none_or(|filter| filter.matches(&episode.labels, &options.run.external_labels.value))
    };
    let of = |run: &Run, rule: Option<usize>| rule.map(|rule| run.of_rule[rule].clone()).unwrap_or_default();
    let was = of(before, one.was);
    let is_enabled = |side: &[InGroup<'_>], rule: Option<usize>| rule.is_some_and(|rule| side[rule].rule.enabled);
    // It does what it did before.
    if !one.compared && is_enabled(old, one.was) && is_enabled(new, one.is) {
        for at in was {
            before.kept[at] = takes(&before.outcome.episodes[at]);
        }
        return Default::default();
    }
    let is = match &after {
        Some(after) if one.compared => of(after, one.is),
        _ => Vec::new(),
    };
    let set = labels_set_otherwise((old, new), one);
    let (olds, news) = (by_labels(before, &was, &set), after.as_deref().map(|run| by_labels(run, &is, &set)));
    let news = news.unwrap_or_default();
    let keys: BTreeSet<&LabelSet> = olds.keys().chain(news.keys()).collect();
    let (mut found, mut sets) = (Vec::new(), Sets::default());
    for key in keys {
        let lists = |side: &BTreeMap<LabelSet, BTreeMap<LabelSet, Vec<usize>>>| -> Vec<Vec<usize>> {
            side.get(key).map(|sets| sets.values().cloned().collect()).unwrap_or_default()
        };
        let (olds, news) = (lists(&olds), lists(&news));
        for nth in 0..olds.len().max(news.len()) {
            let side = |lists: &[Vec<usize>]| lists.get(nth).cloned().unwrap_or_default();
            let (was, is) = (side(&olds), side(&news));
            let new_run = after.as_deref();
            let shown = was.iter().any(|at| takes(&before.outcome.episodes[*at]))
                || is.iter().any(|at| new_run.is_some_and(|run| takes(&run.outcome.episodes[*at])));
            if !shown {
                continue;
            }
            let stretches = |run: Option<&Run>, places: &[usize]| -> Vec<Stretch> {
                let mut all: Vec<Stretch> = places.iter().filter_map(|at| run?.stretch(*at)).collect();
                all.sort_by_key(|one| one.active);
                all
            };
            let (old_side, new_side) = (stretches(Some(before), &was), stretches(new_run, &is));
            let fired = |side: &[Stretch]| side.iter().any(|one| one.fired.is_some());
            match (fired(&old_side), fired(&new_side)) {
                (true, false) => sets.0.push(key.clone()),
                (false, true) => sets.1.push(key.clone()),
                _ => {}
            }
            let labels_of = |run: Option<&Run>, places: &[usize]| -> Option<LabelSet> {
                places.first().and_then(|at| Some(run?.outcome.episodes[*at].labels.clone()))
            };
            let relabeled = labels_of(Some(before), &was) != labels_of(new_run, &is);
            for met in compare(&old_side, &new_side, options.tolerance, relabeled) {
                let stays = |run: Option<&Run>, places: &[usize]| -> Vec<Stay> {
                    places.iter().filter_map(|at| run?.stay(*at)).collect()
                };
                found.push(EpisodeDifference {
                    labels: key.clone(),
                    before: stays(Some(before), &met.before),
                    after: stays(new_run, &met.after),
                    kinds: met.kinds,
                    later: met.later,
                });
            }
            was.iter().for_each(|at| before.kept[*at] = true);
            if let Some(after) = after.as_deref_mut() {
                is.iter().for_each(|at| after.kept[*at] = true);
            }
        }
    }
    let first = |one: &EpisodeDifference| one.before.iter().chain(&one.after).map(|stay| stay.active_at).min();
    found.sort_by_key(first);
    (found, sets)
}

/// Returns the labels that the rule sets otherwise on the two sides: they do not tell its alerts apart.
fn labels_set_otherwise((old, new): (&[InGroup<'_>], &[InGroup<'_>]), one: Numbers) -> BTreeSet<String> {
    let mut names = BTreeSet::from(["alertname".to_owned()]);
    let (Some(was), Some(is)) = (one.was, one.is) else { return names };
    let (was, is) = (&old[was].rule.labels, &new[is].rule.labels);
    let lacks = |side: &[(String, Template)], label: &(String, Template)| !side.contains(label);
    names.extend(was.iter().filter(|label| lacks(is, label)).map(|(name, _)| name.clone()));
    names.extend(is.iter().filter(|label| lacks(was, label)).map(|(name, _)| name.clone()));
    names
}

/// Sorts episodes by the labels that both sides have, and then by all labels.
fn by_labels(
    run: &Run,
    places: &[usize],
    set: &BTreeSet<String>,
) -> BTreeMap<LabelSet, BTreeMap<LabelSet, Vec<usize>>> {
    let mut found: BTreeMap<LabelSet, BTreeMap<LabelSet, Vec<usize>>> = BTreeMap::new();
    for at in places {
        let labels = &run.outcome.episodes[*at].labels;
        let key = labels.filter(|name| !set.contains(name));
        found.entry(key).or_default().entry(labels.clone()).or_default().push(*at);
    }
    found
}

fn totals(rules: &[RuleDifference]) -> Totals {
    let mut totals = Totals::default();
    let sum = |total: &mut (u64, Millis), side: &Option<SideRule>| {
        if let Some(side) = side {
            total.0 += side.sums.firings;
            total.1 = Millis(total.1.0.saturating_add(side.sums.firing.0));
        }
    };
    let (mut before, mut after) = ((0, Millis::ZERO), (0, Millis::ZERO));
    for rule in rules {
        sum(&mut before, &rule.before);
        sum(&mut after, &rule.after);
        let count = match rule.status {
            Status::Unchanged => &mut totals.unchanged,
            Status::Changed => &mut totals.changed,
            Status::Added => &mut totals.added,
            Status::Removed => &mut totals.removed,
        };
        *count += 1;
        let fired = |kind: Kind| -> u64 {
            let of_kind = rule.differences.iter().filter(|one| one.kinds.contains(&kind));
            of_kind.map(|one| one.firings()).map(|(before, after)| before + after).sum()
        };
        totals.lost += fired(Kind::OnlyBefore);
        totals.new += fired(Kind::OnlyAfter);
        totals.differ += u64::from(!rule.differences.is_empty());
    }
    Totals { before: before.0, after: after.0, firing_before: before.1, firing_after: after.1, ..totals }
}
