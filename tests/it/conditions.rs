//! Conditions that a run collected, folded again: the alerts are those of the run, at another pace those of another
//! run.

use alertctl::engine::alert::{Change, Pace};
use alertctl::engine::conditions::{Conditions, Folded};
use alertctl::engine::fold::Fold;
use alertctl::engine::{Activity, Engine, EngineOptions, Phase, RuleId};
use alertctl::labels::LabelSet;
use alertctl::rules::{Evaluate, Rule, RuleFile, RuleKind};
use alertctl::store::{Batch, Store};
use alertctl::time::{Millis, Timestamp};

use crate::props_engine::{load, rows};
use crate::slow::Data;
use crate::slow::generate::{Random, recording};
use crate::slow::generate_rules::rule_file;

/// What became of the alerts of one rule, in lines.
type Alerts = Vec<String>;

/// What a run says of each rule.
struct Run {
    /// By rule.
    alerts: Vec<Alerts>,
    folds: Vec<Option<Fold>>,
    /// By rule; several where it is evaluated at rows.
    conditions: Vec<Vec<Conditions>>,
}

fn change_line(labels: &LabelSet, change: &Change) -> String {
    let Change { at, from, to, value, activity } = change;
    format!("{} {labels} {from:?} {to:?} {value:?} {activity:?}", at.0)
}

fn open_line(labels: &LabelSet, phase: Phase, activity: &Activity) -> String {
    format!("open {labels} {phase:?} {activity:?}")
}

/// Runs rules on a recording that comes in pieces of so many samples.
fn run(data: &Data, file: &RuleFile, chunk: usize) -> Run {
    let mut store = Store::default();
    let mut engine = Engine::new(std::slice::from_ref(file), EngineOptions::default(), &mut store).expect("good rules");
    engine.collect_conditions();
    let rows = rows(data);
    let mut alerts = vec![Vec::new(); engine.len()];
    for (number, piece) in rows.chunks(chunk).enumerate() {
        let mut batch = Batch::default();
        for (at, labels, value) in piece {
            batch.push(store.series(labels), Timestamp(*at), *value, 0);
        }
        store.append(&batch).expect("samples in time order");
        match rows.get((number + 1) * chunk) {
            Some((next, ..)) => engine.advance(&store, Timestamp(next - 1)).expect("few steps"),
            None => engine.finish(&store, Timestamp(rows[rows.len() - 1].0)).expect("few steps"),
        }
    }
    for event in engine.take_events() {
        let (at, from, to, value, activity) = (event.at, event.from, event.to, event.value, event.activity);
        let change = Change { at, from, to, value, activity };
        alerts[event.rule.0 as usize].push(change_line(&event.labels, &change));
    }
    for open in engine.open(&store) {
        alerts[open.rule.0 as usize].push(open_line(&open.labels, open.phase, &open.activity));
    }
    let mut conditions = vec![Vec::new(); engine.len()];
    for (rule, of) in engine.take_conditions() {
        conditions[rule.0 as usize].push(of);
    }
    let folds = (0..engine.len()).map(|rule| engine.fold_of(RuleId(rule as u32))).collect();
    Run { alerts, folds, conditions }
}

/// Makes the alerts of a rule again.
fn fold(conditions: &[Conditions], pace: Pace) -> Alerts {
    let mut lines: Vec<(i64, LabelSet, String)> = Vec::new();
    let mut open = Vec::new();
    for conditions in conditions {
        let Folded { changes, open: active } = conditions.fold(pace);
        lines.extend(changes.into_iter().map(|(labels, change)| {
            let line = change_line(&labels, &change);
            (change.at.0, labels, line)
        }));
        for (labels, tracker) in active {
            let activity = tracker.activity().expect("it is active");
            open.push(open_line(&labels, tracker.state().phase(), activity));
        }
    }
    lines.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    lines.into_iter().map(|(.., line)| line).chain(open).collect()
}

/// Returns the pace of a rule, if it is an alerting rule.
fn pace(rule: &Rule) -> Option<Pace> {
    match rule.kind {
        RuleKind::Alert { hold, keep_firing, .. } => Some(Pace { hold, keep: keep_firing }),
        RuleKind::Record => None,
    }
}

fn sorted(mut lines: Alerts) -> Alerts {
    lines.sort();
    lines
}

#[test]
fn conditions_folded_again_give_the_alerts_of_a_run_with_that_pace() {
    let other = Pace { hold: Millis(75_000), keep: Millis(130_000) };
    let (mut folded, mut changed, mut at_rows, mut by_step) = (0, 0, 0, 0);
    for seed in 0..260 {
        let mut random = Random(seed);
        let data = recording(&mut random);
        let mut file = load(&rule_file(&mut random));
        if random.one_in(4) {
            file.groups[0].evaluate = Evaluate::EveryRow;
        }
        let chunk = random.pick(&["1", "7", "100000"]).parse().expect("a number");
        let first = run(&data, &file, chunk);
        let mut slower = file.clone();
        let rules = slower.groups.iter_mut().flat_map(|group| &mut group.rules);
        for (rule, fold) in rules.zip(&first.folds) {
            if let (RuleKind::Alert { hold, keep_firing, .. }, Some(Fold::ByAlert)) = (&mut rule.kind, fold) {
                (*hold, *keep_firing) = (other.hold, other.keep);
            }
        }
        let second = run(&data, &slower, chunk);
        let paces: Vec<_> = file.groups.iter().flat_map(|group| &group.rules).map(pace).collect();
        for (rule, pace) in paces.iter().enumerate() {
            let (Some(pace), conditions) = (pace, &first.conditions[rule]) else {
                assert!(first.folds[rule].is_none() && first.conditions[rule].is_empty(), "seed {seed}, rule {rule}");
                continue;
            };
            if first.folds[rule] != Some(Fold::ByAlert) {
                by_step += 1;
                assert!(conditions.is_empty(), "seed {seed}, rule {rule}");
                continue;
            }
            // At rows two label sets may each have an alert with the same labels.
            assert_eq!(sorted(fold(conditions, *pace)), sorted(first.alerts[rule].clone()), "seed {seed}, rule {rule}");
            assert_eq!(
                sorted(fold(conditions, other)),
                sorted(second.alerts[rule].clone()),
                "seed {seed}, rule {rule}"
            );
            if let [conditions] = conditions.as_slice() {
                assert_eq!(
                    fold(std::slice::from_ref(conditions), *pace),
                    first.alerts[rule],
                    "seed {seed}, rule {rule}"
                );
                ends_agree(conditions, *pace);
            }
            folded += usize::from(!first.alerts[rule].is_empty());
            changed += usize::from(first.alerts[rule] != second.alerts[rule]);
            at_rows += usize::from(conditions.len() > 1);
        }
    }
    assert!(folded > 20 && changed > 20 && at_rows > 5 && by_step > 40, "{folded} {changed} {at_rows} {by_step}");
}

/// Checks that conditions which are open at their end are those of alerts that are active and not merely kept.
fn ends_agree(conditions: &Conditions, pace: Pace) {
    use alertctl::engine::alert::State;
    let folded = conditions.fold(pace);
    let holds = |state| matches!(state, State::Pending { .. } | State::Firing { keeping_since: None, .. });
    let active: Vec<_> =
        folded.open.iter().filter(|(_, tracker)| holds(tracker.state())).map(|(labels, _)| labels).collect();
    let mut open: Vec<_> = conditions.open().filter(|(_, [_, end])| *end).map(|(labels, _)| labels).collect();
    open.sort();
    assert_eq!(open, active);
}
