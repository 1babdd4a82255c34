//! Probes: what an evaluation reads, and where its time goes.

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};

use crate::labels::named_metric;
use crate::time::Timestamp;

use super::functions::Kernel;
use super::plan::{Kind, NodeId, Select, WindowInput};
use super::probe::{InnerSteps, Probe};
use super::program::{Program, Source};

/// What the runs of one program read, and what its nodes took.
///
/// What a node took is the difference of two readings of whatever is given to [`Meter`]: nanoseconds or allocations.
/// The nodes of a subquery count to the node that reads it.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// By node.
    nodes: Vec<Node>,
    /// Of nodes that hold at every step: their samples at one. Each is named by the nodes whose subqueries it is in, the
    /// outermost first, and itself.
    once: HashMap<Vec<NodeId>, u64, FixedState>,
}

#[derive(Clone, Debug, Default)]
struct Node {
    samples: u64,
    series: HashSet<(bool, u32), FixedState>,
    spent: u64,
}

impl Tally {
    /// Makes an empty tally of a program to which nothing is added any more.
    pub(crate) fn of(program: &Program) -> Self {
        Self { nodes: vec![Node::default(); program.node_count()], once: HashMap::default() }
    }

    /// Returns the samples that a root read over all runs: an expression that stands twice counts twice.
    pub(crate) fn samples(&self, program: &Program, root: usize) -> u64 {
        let times = program.multiplicity(root);
        self.nodes.iter().zip(times).map(|(node, times)| node.samples * times).sum()
    }

    /// Returns how many series had a sample that a root read, those of subqueries included.
    pub(crate) fn series(&self, program: &Program, root: usize) -> u64 {
        let times = program.multiplicity(root);
        let read = self.nodes.iter().zip(times).filter(|(_, times)| *times > 0);
        let mut all: Vec<(bool, u32)> = read.flat_map(|(node, _)| node.series.iter().copied()).collect();
        all.sort_unstable();
        all.dedup();
        all.len() as u64
    }

    /// Returns the samples that a node read over all runs, and what it took.
    #[cfg(feature = "input")]
    pub(crate) fn node(&self, node: NodeId) -> (u64, u64) {
        self.nodes.get(node).map_or((0, 0), |node| (node.samples, node.spent))
    }

    /// Walks over the series of all nodes, one that several read more than once.
    pub(crate) fn all_series(&self) -> impl Iterator<Item = (bool, u32)> + '_ {
        self.nodes.iter().flat_map(|node| node.series.iter().copied())
    }

    /// Returns by node what it took over all runs.
    pub(crate) fn spent(&self) -> impl Iterator<Item = u64> + '_ {
        self.nodes.iter().map(|node| node.spent)
    }
}

/// Fills a tally; counts samples if `COUNTS`.
///
/// Source: promql.md 8; [`Probe`] says what is counted.
pub(crate) struct Meter<'a, const COUNTS: bool> {
    tally: &'a mut Tally,
    now: &'a dyn Fn() -> u64,
    /// The reading when the outermost node at hand began.
    since: u64,
    /// The nodes at hand: the outermost, and one for each subquery the evaluation is inside of.
    at: Vec<At>,
    /// The subqueries that the evaluation is inside of.
    inner: Vec<Inner>,
}

/// A subquery at hand.
struct Inner {
    /// By inner step: how many times a server evaluates it.
    times: Vec<u64>,
    /// By inner node: how many times it stands in the expression.
    many: Vec<u64>,
}

/// A node at hand.
struct At {
    node: NodeId,
    /// Whether it is evaluated at one step, for all.
    once: bool,
    /// How many times a server evaluates it at one step; of the outermost node this is counted by root.
    many: u64,
    /// The samples of the outermost node when this one began.
    before: u64,
}

impl<'a, const COUNTS: bool> Meter<'a, COUNTS> {
    pub(crate) fn new(tally: &'a mut Tally, now: &'a dyn Fn() -> u64) -> Self {
        Self { tally, now, since: 0, at: Vec::new(), inner: Vec::new() }
    }

    /// Returns how many times a server evaluates the node at hand at a step.
    fn times(&self, step: usize) -> u64 {
        let Some(At { once, many, .. }) = self.at.last() else { return 1 };
        let steps = self.inner.last().filter(|_| !once).map(|inner| inner.times.get(step).copied().unwrap_or(0));
        steps.unwrap_or(1) * many
    }

    fn outermost(&mut self) -> Option<&mut Node> {
        self.tally.nodes.get_mut(self.at.first()?.node)
    }
}

impl<const COUNTS: bool> Probe for Meter<'_, COUNTS> {
    const COUNTS: bool = COUNTS;

    fn enter(&mut self, node: NodeId, once: bool) {
        if self.at.is_empty() {
            self.since = (self.now)();
        }
        let before = self.at.first().map_or(node, |at| at.node);
        let many = self.inner.last().and_then(|inner| inner.many.get(node)).map_or(1, |many| *many);
        self.at.push(At { node, once, many, before: self.tally.nodes[before].samples });
    }

    fn leave(&mut self) {
        let left = self.at.pop();
        if let Some(At { node, .. }) = left.filter(|_| self.at.is_empty()) {
            self.tally.nodes[node].spent += (self.now)().saturating_sub(self.since);
        }
    }

    fn enter_subquery(&mut self, inner: &InnerSteps<'_>) {
        let mut changes = vec![0_i64; inner.times.len() + 1];
        if COUNTS {
            for (step, end) in (inner.first..).zip(inner.refs) {
                let times = i64::try_from(self.times(step)).unwrap_or(i64::MAX);
                let after = |time: Timestamp| inner.times.partition_point(|at| *at <= time);
                changes[after(end.minus(inner.range))] += times;
                changes[after(*end)] -= times;
            }
        }
        let mut all = 0;
        let times = changes.iter().map(|change| {
            all += change;
            u64::try_from(all).unwrap_or(0)
        });
        self.inner.push(Inner { times: times.collect(), many: inner.many.to_vec() });
    }

    fn leave_subquery(&mut self) {
        self.inner.pop();
    }

    fn series(&mut self, source: Source, samples: impl Iterator<Item = (usize, u64)>) {
        let (mut all, mut any) = (0, false);
        for (step, samples) in samples {
            all += samples * self.times(step);
            any |= samples > 0;
        }
        let Some(node) = self.outermost() else { return };
        node.samples += all;
        if any {
            node.series.insert((source.written, source.id.0));
        }
    }

    fn held(&mut self, steps: usize) {
        let Some(At { before, .. }) = self.at.last() else { return };
        let (before, path) = (*before, self.at.iter().map(|at| at.node).collect());
        let times = self.inner.last().map_or(steps as u64, |inner| inner.times.iter().sum());
        let all = self.outermost().map_or(0, |node| node.samples);
        let one = *self.tally.once.entry(path).or_insert(all - before);
        if let Some(node) = self.outermost() {
            node.samples = before + one * times;
        }
    }
}

impl Kind {
    /// Says in a few words what a node does.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Const(value) => format!("number {}", value.0),
            Self::Time | Self::QueryTime => "time()".to_owned(),
            Self::Select { select, .. } => name(select),
            Self::Window { input, function, range, .. } => match input {
                WindowInput::Selector(select) => {
                    format!("{}({}[{range}])", Kernel::Range(*function).name(), name(select))
                }
                WindowInput::Subquery { step, .. } => format!("{}([{range}:{step}])", Kernel::Range(*function).name()),
            },
            Self::Map { .. } => "function of each sample".to_owned(),
            Self::ScalarBinary { op, .. } => format!("scalars {}", op.symbol()),
            Self::Extreme { .. } => "min_of or max_of".to_owned(),
            Self::VectorBinary(binary) | Self::FilledBinary { binary, .. } => format!("vectors {}", binary.op.symbol()),
            Self::Set { op, .. } => op.symbol().to_owned(),
            Self::Aggregate { op, .. } => op.name().to_owned(),
            Self::CountValues { .. } => "count_values".to_owned(),
            Self::TopK { bottom, .. } => if *bottom { "bottomk" } else { "topk" }.to_owned(),
            Self::Limit { ratio, .. } => if *ratio { "limit_ratio" } else { "limitk" }.to_owned(),
            Self::Info { .. } => "info".to_owned(),
            Self::Absent { .. } => "absent".to_owned(),
            Self::Scalar(_) => "scalar".to_owned(),
            Self::Vector(_) => "vector".to_owned(),
            Self::Sort { .. } => "sort".to_owned(),
            Self::Relabel { .. } => "label_replace or label_join".to_owned(),
            Self::Buckets { .. } | Self::Quantiles { .. } => "histogram function".to_owned(),
        }
    }
}

fn name(select: &Select) -> String {
    named_metric(&select.matchers).unwrap_or("{..}").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::LabelSet;
    use crate::promql::parse::parse;
    use crate::promql::plan::{Context, LowerOptions};
    use crate::promql::program::{Inputs, Root, Steps};
    use crate::store::{Batch, Store, stale_marker};
    use crate::time::Millis;

    /// Three series of `m` with a sample every 10 s over 10 minutes; that of `i="2"` ends after 5 minutes.
    fn recording() -> Store {
        let mut store = Store::default();
        store.keep_all();
        let ids: Vec<_> =
            ["0", "1", "2"].iter().map(|i| store.series(&LabelSet::new([("__name__", "m"), ("i", *i)]))).collect();
        let mut batch = Batch::default();
        for step in 0..=60_i64 {
            for (at, id) in ids.iter().enumerate() {
                let value = if at == 2 && step == 30 { stale_marker() } else { step as f64 };
                if at < 2 || step <= 30 {
                    batch.push(*id, Timestamp(step * 10_000), value, 0);
                }
            }
        }
        store.append(&batch).expect("in order");
        store
    }

    /// Checks samples and series at the slots 0, 1 .. 10 minutes.
    fn check(expr: &str, samples: u64, series: u64) {
        let store = recording();
        let options = LowerOptions {
            lookback: Millis(300_000),
            subquery_step: Millis(60_000),
            delayed_names: false,
            start_timestamps: false,
            context: Context::Rule,
            reads_written: false,
        };
        let mut program = Program::new(options);
        program.add(&parse(expr).expr).expect("it evaluates");
        let inputs = Inputs::of(&store);
        program.bind_unregistered(&inputs);
        let slots: Vec<Timestamp> = (0..=10).map(|minute| Timestamp(minute * 60_000)).collect();
        let mut tally = Tally::of(&program);
        for half in slots.chunks(6) {
            let steps = Steps { slots: half, offset: Millis::ZERO };
            program.run_probed(&inputs, &steps, &mut Meter::<true>::new(&mut tally, &|| 0), &mut |_, _: Root<'_>| {});
        }
        assert_eq!((tally.samples(&program, 0), tally.series(&program, 0)), (samples, series), "{expr}");
    }

    #[test]
    fn samples_are_counted_as_a_server_counts_them() {
        // Two series at 11 slots, one at the five before its end.
        check("m", 27, 3);
        check("m > 1e9", 27, 3);
        check("m and m", 54, 3);
        // Far below the root, too.
        check("abs(sum by (i) (m) + 1) > 0", 27, 3);
        check(r#"sum(rate(m{i="0"}[1m])) > 1e9"#, 61, 1);
        check(r#"m{i="0"}"#, 11, 1);
        check(r#"m{i="9"}"#, 0, 0);
        // One sample at 0, then six a window.
        check(r#"sum_over_time(m{i="0"}[1m])"#, 61, 1);
        check(r#"sum_over_time(m{i="0"}[2m])"#, 1 + 7 + 9 * 12, 1);
        // A server evaluates a subquery's steps anew for every window that they are in: two a window, but one before 1m.
        check(r#"max_over_time(sum_over_time(m{i="0"}[1m])[2m:1m])"#, 1 + (1 + 6) + 9 * 12, 1);
        check(r#"max_over_time(m{i="0"}[2m:30s])"#, 1 + 3 + 9 * 4, 1);
        // One in another: of the windows at 1 to 10 minutes the inner steps at 0, 1m and 2m.
        let inner = [1, 1 + 6, 12, 12, 12, 12, 12, 12, 12, 12, 12];
        let outer = inner.iter().sum::<u64>() + inner[..10].iter().sum::<u64>();
        check(r#"max_over_time(max_over_time(sum_over_time(m{i="0"}[1m])[2m:1m])[2m:1m])"#, outer, 1);
        // What stands twice is read twice.
        check(r#"max_over_time((m{i="0"} + m{i="0"})[2m:1m])"#, 2 * (1 + 2 * 10), 1);
        check(
            r#"max_over_time((max_over_time(m{i="0"}[1m:1m]) + max_over_time(m{i="0"}[1m:1m]))[2m:1m])"#,
            2 * (1 + 2 * 10),
            1,
        );
        // What holds at every inner step is read at each of them by a server.
        check(r#"max_over_time((m{i="0"} + (m{i="0"} @ 120))[2m:1m])"#, (3 + 2 * 9) + (2 * 11), 1);
        // What holds at every step counts at every step.
        check(r#"m{i="0"} @ 120"#, 11, 1);
        check(r#"sum_over_time(m{i="0"}[1m] @ 120)"#, 66, 1);
        // The markers of an end are no samples.
        check(r#"count_over_time(m{i="2"}[10m])"#, 1 + 7 + 13 + 19 + 25 + 30 * 5 + 29, 1);
    }

    #[test]
    fn time_goes_to_the_node_that_spent_it() {
        let store = recording();
        let mut program = Program::new(LowerOptions {
            lookback: Millis(300_000),
            subquery_step: Millis(60_000),
            delayed_names: false,
            start_timestamps: false,
            context: Context::Rule,
            reads_written: false,
        });
        program.add(&parse("max_over_time(rate(m[1m])[2m:1m]) > 1").expr).expect("it evaluates");
        let inputs = Inputs::of(&store);
        program.bind_unregistered(&inputs);
        let time = std::cell::Cell::new(0);
        let now = || time.replace(time.get() + 1);
        let mut tally = Tally::of(&program);
        let steps = Steps { slots: &[Timestamp(300_000)], offset: Millis::ZERO };
        program.run_probed(&inputs, &steps, &mut Meter::<false>::new(&mut tally, &now), &mut |_, _: Root<'_>| {});
        let nodes: Vec<_> = tally.spent().enumerate().map(|(node, spent)| (program.describe(node), spent)).collect();
        let expected = ["max_over_time([2m:1m])", "function of each sample"];
        assert_eq!(nodes, expected.map(|node| (node.to_owned(), 1)));
    }
}
