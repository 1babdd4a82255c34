//! From two runs to what became of each rule.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::Episode;
use crate::format::Clock;
use crate::labels::LabelSet;
use crate::outcome::summary::{RuleSummary, Summary, firing};
use crate::outcome::{self, Mismatch, NoMatch, Outcome, RuleFacts, declared};
use crate::rules::changes::{Cause, CauseKind, InGroup, of_rule};
use crate::rules::{RuleSet, template::Template};
use crate::time::Millis;

use super::affected::Affected;
use super::pairs::Pairs;
use super::shifts::{Met, Stretch, compare};
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

    /// Returns some episodes as they are compared; `sets` are all label sets, sorted.
    fn stretches(&self, places: &[usize], sets: &[&LabelSet]) -> Vec<Stretch> {
        let stretch = |at: &usize| {
            let episode = &self.outcome.episodes[*at];
            let last = self.outcome.last_step(self.outcome.rule(episode.rule)?);
            Some(Stretch::of(*at, sets.binary_search(&&episode.labels).ok()?, episode, last))
        };
        places.iter().filter_map(stretch).collect()
    }

    fn stays(&self, places: &[usize]) -> Vec<Stay> {
        places.iter().filter_map(|at| self.stay(*at)).collect()
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
) -> Result<Difference, Mismatch> {
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
    if let Some(mismatch) = impossible(&rules, (&before, after.as_ref()), options) {
        return Err(mismatch);
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
            let order = is.and_then(|is| affected.order.get(&is)).cloned();
            changes.extend(order.map(|text| Cause { kind: CauseKind::Place, text }));
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
    Ok(Difference {
        run,
        tolerance: options.tolerance,
        fail_on: options.fail_on.clone(),
        selection: selection.clone(),
        totals: totals(&all),
        rules: all,
        strangers,
    })
}

/// A rule that is reported, and what differs of it.
type Compared = (Numbers, Vec<EpisodeDifference>, Sets);

/// Says that no alert that is reported has the labels of `--where` on either side, and none could have.
fn impossible(rules: &[Compared], (before, after): (&Run, Option<&Run>), options: &DiffOptions) -> Option<Mismatch> {
    let filter = options.run.selection.filter.as_ref()?;
    let external = &options.run.external_labels.value;
    let (mut first, mut is_alert) = (None, false);
    for (one, ..) in rules {
        let is = after.zip(one.is.filter(|_| one.compared));
        for (run, rule) in one.was.map(|was| (before, was)).into_iter().chain(is) {
            let facts = &run.outcome.rules[rule];
            if facts.kind != outcome::Kind::Alert || facts.disabled {
                continue;
            }
            is_alert = true;
            let labels = || run.of_rule[rule].iter().map(|at| &run.outcome.episodes[*at].labels);
            if labels().any(|labels| filter.matches(labels, external)) {
                return None;
            }
            let other = outcome::otherwise(&filter.matchers, facts, labels().next(), external)?;
            first.get_or_insert_with(|| (facts.name.clone(), other.text(&Clock::utc())));
        }
    }
    let text = filter.text.clone();
    if !is_alert {
        return Some(Mismatch::Matchers { flag: "--where", text, why: NoMatch::NoAlerts });
    }
    first.map(|(rule, why)| Mismatch::NoAlert { text, rule, why })
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
    for (run, places) in [(Some(&mut *before), &was), (after.as_deref_mut(), &is)] {
        let Some(run) = run else { continue };
        places.iter().for_each(|at| run.kept[*at] = takes(&run.outcome.episodes[*at]));
    }
    let set = labels_set_otherwise((old, new), one);
    let olds = by_labels(before, &was, &set);
    let news = after.as_deref().map(|run| by_labels(run, &is, &set)).unwrap_or_default();
    let keys: BTreeSet<&LabelSet> = olds.keys().chain(news.keys()).collect();
    let (mut found, mut sets) = (Vec::new(), Sets::default());
    for key in keys {
        let places = |side: &BTreeMap<LabelSet, Vec<usize>>| side.get(key).cloned().unwrap_or_default();
        let (was, is) = (places(&olds), places(&news));
        for met in met(before, after.as_deref(), (&was, &is), options.tolerance) {
            let (then, now) = (before.stays(&met.before), after.as_deref().map(|run| run.stays(&met.after)));
            let now = now.unwrap_or_default();
            let is_kept =
                |run: Option<&Run>, places: &[usize]| run.is_some_and(|run| places.iter().any(|at| run.kept[*at]));
            if !is_kept(Some(before), &met.before) && !is_kept(after.as_deref(), &met.after) {
                continue;
            }
            // What is compared with something of the other side is reported with it.
            met.before.iter().for_each(|at| before.kept[*at] = true);
            if let Some(after) = after.as_deref_mut() {
                met.after.iter().for_each(|at| after.kept[*at] = true);
            }
            let labels = match (then.first(), now.first()) {
                (Some(stay), None) | (None, Some(stay)) => stay.labels.filter(|name| name != "alertname"),
                _ => key.clone(),
            };
            found.push(EpisodeDifference { labels, before: then, after: now, kinds: met.kinds, later: met.later });
        }
        let (fired, fires) = (fired(Some(before), &was), fired(after.as_deref(), &is));
        match (fired.is_empty(), fires.is_empty()) {
            (false, true) => sets.0.extend(fired),
            (true, false) => sets.1.extend(fires),
            _ => {}
        }
    }
    let first = |one: &EpisodeDifference| one.before.iter().chain(&one.after).map(|stay| stay.active_at).min();
    found.sort_by_key(first);
    (found, sets)
}

/// Compares episodes that only labels tell apart which the two sides set otherwise.
fn met(before: &Run, after: Option<&Run>, (was, is): (&[usize], &[usize]), tolerance: Millis) -> Vec<Met> {
    let labels = |run: Option<&'_ Run>, places: &[usize]| {
        run.map(|run| places.iter().map(|at| run.outcome.episodes[*at].labels.clone()).collect::<Vec<_>>())
    };
    let all = [labels(Some(before), was), labels(after, is)];
    let sets: BTreeSet<&LabelSet> = all.iter().flatten().flatten().collect();
    let sets: Vec<&LabelSet> = sets.into_iter().collect();
    let now = after.map(|run| run.stretches(is, &sets)).unwrap_or_default();
    compare(&before.stretches(was, &sets), &now, tolerance)
}

/// Returns the label sets of reported episodes that fired, without the names of alerts.
fn fired(run: Option<&Run>, places: &[usize]) -> BTreeSet<LabelSet> {
    let Some(run) = run else { return BTreeSet::new() };
    let fired = places.iter().filter(|at| run.kept[**at] && run.outcome.episodes[**at].activity.fired_at.is_some());
    fired.map(|at| run.outcome.episodes[*at].labels.filter(|name| name != "alertname")).collect()
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

/// Sorts episodes by the labels that both sides have.
fn by_labels(run: &Run, places: &[usize], set: &BTreeSet<String>) -> BTreeMap<LabelSet, Vec<usize>> {
    let mut found: BTreeMap<LabelSet, Vec<usize>> = BTreeMap::new();
    for at in places {
        let labels = &run.outcome.episodes[*at].labels;
        found.entry(labels.filter(|name| !set.contains(name))).or_default().push(*at);
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
