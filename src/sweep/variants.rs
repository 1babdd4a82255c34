//! The rules that are evaluated: the alert, its variants, and what they read.

use crate::engine::fold::Fold;
use crate::engine::{Engine, EngineOptions, RuleId};
use crate::outcome::threshold::compared;
use crate::replay::RunError;
use crate::rules::graph::{Keep, RuleGraph};
use crate::rules::{Evaluate, Group, Rule, RuleKind, RuleSet, needed};
use crate::store::Store;
use crate::{limits, time::Millis};

use super::ask::{Key, Value};
use super::levels::Levels;
use super::plan::Plan;
use super::run::Error;
use super::{SweepError, ask};

/// Rules that give all values of a plan.
pub(super) struct Built {
    /// The alert, its variants, and what they read.
    pub set: RuleSet,
    /// The alert as it is.
    pub base: RuleId,
    /// How many variants there are in all.
    pub all: usize,
    pub how: How,
}

/// How the values of a point come about.
pub(super) enum How {
    /// Each rule is a variant of the expression, with a point that has its literals; alerts are made of its conditions for
    /// each `for` and `keep_firing_for`, and for each threshold of an axis if there is one.
    Folded { variants: Vec<(RuleId, Vec<usize>)>, levels: Option<(usize, Levels)> },
    /// Each rule is a point, in the order of their numbers.
    Whole(Vec<RuleId>),
    /// Each set is a point, for its rules read the alerts. The alert has the same number in each.
    Engines(Vec<RuleSet>),
}

/// Which variants are made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    /// Whether thresholds have rules of their own, too.
    pub exact: bool,
    /// The first one.
    pub from: usize,
    /// How many at most where only conditions are kept.
    pub conditions: usize,
    /// How many at most where episodes are.
    pub whole: usize,
}

/// Makes rules of a plan.
pub(super) fn build(rules: &RuleSet, plan: &Plan, options: EngineOptions, part: Part) -> Result<Built, Error> {
    let (mut set, base) = reduced(rules, plan.rule);
    let engine = Engine::new(&set.files, options, &mut Store::default()).map_err(RunError::Rules)?;
    let (group, rule) = found(&mut set, base);
    let evaluate = group.evaluate;
    let original = group.rules[rule].clone();
    let at_rows = matches!(evaluate, Evaluate::EveryRow | Evaluate::EverySnapshot);
    let points = plan.points();
    // What reads the alerts, reads those of a variant in its place.
    let is_read = RuleGraph::of(&set.files, Keep::Read).nodes[base.0 as usize].is_read;
    let whole_part = part.from..points.min(part.from.saturating_add(part.whole));
    let (how, all) = match engine.fold_of(base) {
        Some(Fold::ByAlert) if !at_rows && !is_read => {
            let levels = if part.exact { None } else { levels(plan, &original) };
            let mut variants = Vec::new();
            let all: Vec<usize> =
                (0..points).filter(|number| is_variant(plan, &levels, &plan.point(*number))).collect();
            for number in all.iter().skip(part.from).take(part.conditions) {
                let point = plan.point(*number);
                let mut rule = variant(plan, &original, &point)?;
                pace(&mut rule, Millis::ZERO, Millis::ZERO);
                variants.push((rule, point));
            }
            let ids = insert(&mut set, base, variants.iter().map(|(rule, _)| rule.clone()));
            let points = variants.into_iter().map(|(_, point)| point);
            (How::Folded { variants: ids.into_iter().zip(points).collect(), levels }, all.len())
        }
        _ if is_read => {
            if points > limits::SWEEP_ENGINES {
                let [points, most] = [points, limits::SWEEP_ENGINES].map(|count| crate::format::count(count as u64));
                let message = format!(
                    "rules read the ALERTS of {}, so that all of them are evaluated for each of {points} combinations of values, and {most} is the most",
                    plan.alert
                );
                return Err(SweepError::new(message).hint("try fewer values at a time").into());
            }
            let mut sets = Vec::with_capacity(whole_part.len());
            for number in whole_part {
                let mut one = set.clone();
                let (group, at) = found(&mut one, base);
                group.rules[at] = whole(plan, &original, &plan.point(number))?;
                sets.push(one);
            }
            (How::Engines(sets), points)
        }
        _ => {
            let all: Result<Vec<Rule>, SweepError> =
                whole_part.map(|number| whole(plan, &original, &plan.point(number))).collect();
            (How::Whole(insert(&mut set, base, all?)), points)
        }
    };
    Ok(Built { set, base, all, how })
}

/// Returns whether a point is the one of its variant of the expression: the first of those that differ from it in what
/// makes no rule of its own.
fn is_variant(plan: &Plan, levels: &Option<(usize, Levels)>, point: &[usize]) -> bool {
    let is_first = |(number, at): (usize, usize)| match levels {
        Some((axis, levels)) if *axis == number => levels.level(at) == 0,
        _ => plan.axes[number].key.is_literal() || at == 0,
    };
    point.iter().copied().enumerate().all(is_first)
}

/// Returns the thresholds that need no rules of their own, and their axis: those of the comparison that decides the
/// value. Labels made by templates are left out of this: how long they may be depends on how many there are.
fn levels(plan: &Plan, rule: &Rule) -> Option<(usize, Levels)> {
    let decides = compared(&rule.expr)?;
    if !rule.labels.iter().all(|(_, template)| template.is_literal()) {
        return None;
    }
    let is_it = |axis: &ask::Key, spans: &[crate::source::Span]| {
        *axis == Key::Threshold && matches!(spans, [span] if span.range() == decides.span)
    };
    let at = plan.axes.iter().position(|axis| is_it(&axis.key, &axis.spans))?;
    let number = |value: &Value| match value {
        Value::Number(value) => Some(*value),
        Value::Span(_) => None,
    };
    let limits: Option<Vec<f64>> = plan.axes[at].values.iter().map(number).collect();
    Some((at, Levels::of(decides.op, &limits?)?))
}

/// Returns the alert with the literals of a point, and without what does not count for its figures.
fn variant(plan: &Plan, rule: &Rule, point: &[usize]) -> Result<Rule, SweepError> {
    let mut made = rule.clone();
    (made.text.text, made.expr) = plan.expr(rule, point)?;
    Ok(made)
}

/// Returns the alert with all values of a point.
fn whole(plan: &Plan, rule: &Rule, point: &[usize]) -> Result<Rule, SweepError> {
    let mut made = variant(plan, rule, point)?;
    if let RuleKind::Alert { hold, keep_firing, .. } = rule.kind {
        let (hold, keep) = plan.pace(point, (hold, keep_firing));
        pace(&mut made, hold, keep);
    }
    Ok(made)
}

fn pace(rule: &mut Rule, new_hold: Millis, new_keep: Millis) {
    if let RuleKind::Alert { hold, keep_firing, .. } = &mut rule.kind {
        (*hold, *keep_firing) = (new_hold, new_keep);
    }
}

/// Finds a rule by its number: its group, and its place in it.
fn found(set: &mut RuleSet, id: RuleId) -> (&mut Group, usize) {
    let mut left = id.0 as usize;
    for group in set.files.iter_mut().flat_map(|file| &mut file.groups) {
        if left < group.rules.len() {
            return (group, left);
        }
        left -= group.rules.len();
    }
    unreachable!("the number is one of a rule of the set")
}

/// Puts rules behind the alert, and returns their numbers.
fn insert(set: &mut RuleSet, base: RuleId, rules: impl IntoIterator<Item = Rule>) -> Vec<RuleId> {
    let (group, at) = found(set, base);
    let before = group.rules.len();
    group.rules.splice(at + 1..at + 1, rules);
    let added = group.rules.len() - before;
    (base.0 + 1..).map(RuleId).take(added).collect()
}

/// Returns the alert and the rules that it reads, those that these read, and so on, in their groups. Annotations are
/// left out: they count for no figure.
fn reduced(rules: &RuleSet, alert: RuleId) -> (RuleSet, RuleId) {
    let mut bare = rules.clone();
    for rule in bare.files.iter_mut().flat_map(|file| &mut file.groups).flat_map(|group| &mut group.rules) {
        if let RuleKind::Alert { annotations, .. } = &mut rule.kind {
            annotations.clear();
        }
    }
    let needed = needed(&bare, std::iter::once(alert.0 as usize));
    let before = needed.iter().take(alert.0 as usize).filter(|needed| **needed).count();
    let mut needed = needed.into_iter();
    for group in bare.files.iter_mut().flat_map(|file| &mut file.groups) {
        group.rules.retain(|_| needed.next().unwrap_or_default());
    }
    (bare, RuleId(u32::try_from(before).unwrap_or(alert.0)))
}
