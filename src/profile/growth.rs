//! The same rules on more series, and with longer windows.

use super::alone::Alone;
use crate::engine::EngineOptions;
use crate::labels::{LabelSet, METRIC_NAME, MatchOp, Matcher};
use crate::promql::ast::{Expr, ExprKind};
use crate::promql::duration::{DurationContext, evaluate_duration};
use crate::promql::parse::parse;
use crate::promql::plan::{Context, LowerOptions};
use crate::promql::program::Program;
use crate::rules::{Group, Rule, RuleFile};
use crate::store::{Batch, Store};
use crate::time::{Millis, Timestamp};

/// Slots at which each size is measured.
const SLOTS: i64 = 64;
/// Samples that are appended at once.
const BATCH: usize = 16_384;

/// How large a copy of a recording is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sized {
    /// How many of each series.
    pub copies: u32,
    /// The first slot; samples that no window from there on reaches are left out.
    pub from: Timestamp,
}

/// Returns the first slot that must be evaluated so that windows over written series are full at the last slots, and
/// where these last slots begin: where windows are full, if the recording is long enough.
pub(crate) fn tail_of(span: (Timestamp, Timestamp), interval: Millis, reach: Millis) -> (Timestamp, Timestamp) {
    let full = Some(span.0.plus(reach)).filter(|full| *full <= span.1).unwrap_or(span.0);
    let measured = span.1.minus(Millis(interval.0.saturating_mul(SLOTS))).max(full);
    (measured.minus(reach).max(span.0), measured)
}

/// Returns how far back a rule looks, subqueries included.
#[must_use]
pub fn reach_of(rule: &Rule, group: &Group, options: &EngineOptions) -> Millis {
    let mut program = Program::new(LowerOptions {
        lookback: options.lookback_of(group),
        subquery_step: options.interval,
        delayed_names: options.delayed_names,
        start_timestamps: options.start_timestamps,
        context: Context::Rule,
        reads_written: false,
    });
    match program.add(&rule.expr) {
        Ok(_) => program.reach().back,
        Err(_) => Millis::ZERO,
    }
}

/// Returns how far back any of the rules looks.
pub(crate) fn longest(files: &[RuleFile], options: &EngineOptions) -> Millis {
    let groups = files.iter().flat_map(|file| &file.groups);
    let rules = groups.flat_map(|group| group.rules.iter().map(move |rule| reach_of(rule, group, options)));
    rules.max().unwrap_or(Millis::ZERO)
}

/// Returns a rule, and those that it needs, with its own windows so many times as long; none where it has none.
pub(crate) fn widened(alone: &Alone, times: u32) -> Option<Vec<RuleFile>> {
    let mut files = alone.files.clone();
    let mut rules = files.iter_mut().flat_map(|file| &mut file.groups).flat_map(|group| &mut group.rules);
    let rule = rules.nth(alone.place)?;
    rule.expr = widen(&rule.expr, times)?;
    Some(files)
}

/// Returns an expression with its windows so many times as long; none where it has no window.
fn widen(expr: &Expr, times: u32) -> Option<Expr> {
    let text = expr.to_string();
    // The text of the printed expression is its own source, so the places of a second parse are places in it.
    let printed = parse(&text).expr;
    let mut ranges = Vec::new();
    printed.walk(&mut |expr| match &expr.kind {
        ExprKind::Range { range, .. } => ranges.push(range.clone()),
        ExprKind::Subquery(subquery) => ranges.push(subquery.range.clone()),
        _ => {}
    });
    ranges.sort_by_key(|range| std::cmp::Reverse(range.span.start));
    let mut wide = text;
    let none = DurationContext { step: Millis::ZERO, range: Millis::ZERO };
    for range in &ranges {
        let millis = evaluate_duration(range, none).ok()?.0.checked_mul(i64::from(times))?;
        wide.replace_range(range.span.start as usize..range.span.end as usize, &format!("{millis}ms"));
    }
    let parsed = parse(&wide);
    (!ranges.is_empty() && parsed.problems.is_empty()).then_some(parsed.expr)
}

/// Copies what a rule needs of a recording, with so many copies of each series: those of a series that has the label
/// that tells most of its series apart differ in it, as if there were more of whatever it names; others are not copied.
pub(crate) fn scaled(from: &Store, to: &mut Store, size: Sized, reach: Millis, alone: &Alone) {
    let label = spread_label(from, alone);
    let earliest = size.from.minus(reach).minus(Millis(1));
    let mut batch = Batch::default();
    for id in alone.series.iter().copied() {
        let samples = from.samples(id, earliest, Timestamp::MAX);
        for copy in 0..size.copies {
            let Some(labels) = copied(from.labels(id), label.as_deref(), copy) else { continue };
            let series = to.series(&labels);
            for (time, value) in samples.times.iter().zip(samples.values) {
                batch.push(series, *time, *value, 0);
                if batch.len() >= BATCH {
                    append(to, &mut batch);
                }
            }
        }
    }
    append(to, &mut batch);
}

fn append(store: &mut Store, batch: &mut Batch) {
    let appended = store.append(batch);
    debug_assert!(appended.is_ok(), "they were in order where they come from");
    batch.clear();
}

fn copied(labels: &LabelSet, label: Option<&str>, copy: u32) -> Option<LabelSet> {
    match (copy, label) {
        (0, _) => Some(labels.clone()),
        (_, None) => Some(labels.to_builder().set("copy", &copy.to_string()).build()),
        (_, Some(name)) => {
            let value = labels.get(name)?;
            Some(labels.to_builder().set(name, &format!("{value}-{copy}")).build())
        }
    }
}

/// Returns the label with the most values, of those that no selector asks a value of.
fn spread_label(store: &Store, alone: &Alone) -> Option<String> {
    let mut fixed: Vec<&str> = vec![METRIC_NAME];
    for rule in alone.files.iter().flat_map(|file| &file.groups).flat_map(|group| &group.rules) {
        for one in rule.expr.selectors() {
            // A copy must be taken where the series that it is a copy of is.
            let asks = |matcher: &&Matcher| matches!(matcher.op, MatchOp::Equal | MatchOp::Regex);
            fixed.extend(one.selector.matchers.iter().filter(asks).map(|matcher| matcher.name.as_str()));
        }
    }
    let mut values: std::collections::BTreeMap<&str, std::collections::BTreeSet<&str>> = Default::default();
    for id in &alone.series {
        for (name, value) in store.labels(*id).iter().filter(|(name, _)| !fixed.contains(name)) {
            values.entry(name).or_default().insert(value);
        }
    }
    let most = values.iter().max_by_key(|(name, values)| (values.len(), std::cmp::Reverse(*name)));
    most.map(|(name, _)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_widened_and_nothing_else() {
        let check = |expr: &str, times, expected: Option<&str>| {
            assert_eq!(widen(&parse(expr).expr, times).map(|expr| expr.to_string()).as_deref(), expected, "{expr}");
        };
        check("m > 1", 2, None);
        check("rate(m[5m] offset 1h) > 5", 2, Some("rate(m[10m] offset 1h) > 5"));
        check("max_over_time(rate(m[5m])[1h:5m])", 4, Some("max_over_time(rate(m[20m])[4h:5m])"));
    }

    #[test]
    fn the_last_slots_are_measured_once_windows_are_full() {
        let span = (Timestamp(0), Timestamp(1_000_000));
        assert_eq!(tail_of(span, Millis(1_000), Millis(36_000)), (Timestamp(900_000), Timestamp(936_000)));
        assert_eq!(tail_of(span, Millis(100_000), Millis(36_000)), (Timestamp(0), Timestamp(36_000)));
        assert_eq!(tail_of(span, Millis(100_000), Millis(2_000_000)), (Timestamp(0), Timestamp(0)));
    }

    #[test]
    fn copies_differ_in_the_label_that_tells_most_apart() {
        let mut store = Store::default();
        store.keep_all();
        let mut batch = Batch::default();
        for instance in ["a", "b", "c"] {
            let labels = LabelSet::new([("__name__", "m"), ("instance", instance), ("job", "x")]);
            batch.push(store.series(&labels), Timestamp(5), 1.0, 0);
        }
        batch.push(store.series(&LabelSet::new([("__name__", "n")])), Timestamp(5), 1.0, 0);
        store.append(&batch).expect("in order");
        let alone = Alone { files: Vec::new(), place: 0, series: store.ids().collect() };
        assert_eq!(spread_label(&store, &alone).as_deref(), Some("instance"));
        let mut to = Store::default();
        to.keep_all();
        scaled(&store, &mut to, Sized { copies: 2, from: Timestamp(0) }, Millis(10), &alone);
        assert_eq!(to.len(), 7);
        assert!(to.find(&LabelSet::new([("__name__", "m"), ("instance", "c-1"), ("job", "x")])).is_some());
    }
}
