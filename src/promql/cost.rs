//! Probes: what an evaluation reads, and where its time goes.

use hashbrown::HashSet;

use crate::labels::named_metric;

use super::functions::Kernel;
use super::plan::{Kind, NodeId, Select, WindowInput};
use super::probe::Probe;
use super::program::{Program, Source};

/// What the runs of one program read, and what its nodes took.
///
/// What a node took is the difference of two readings of whatever is given to [`Meter`]: nanoseconds or allocations.
/// The nodes of a subquery count to the node that reads it.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// By node.
    nodes: Vec<Node>,
}

#[derive(Clone, Debug, Default)]
struct Node {
    samples: u64,
    /// Of a node that holds at every step: its samples at one.
    at_one_step: Option<u64>,
    series: HashSet<(bool, u32), foldhash::fast::FixedState>,
    spent: u64,
}

impl Tally {
    /// Makes an empty tally of a program to which nothing is added any more.
    pub(crate) fn of(program: &Program) -> Self {
        Self { nodes: vec![Node::default(); program.node_count()] }
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
    /// The reading when the node at hand began.
    since: u64,
    /// The outermost node at hand.
    node: NodeId,
    /// How many subqueries the evaluation is inside of.
    depth: usize,
}

impl<'a, const COUNTS: bool> Meter<'a, COUNTS> {
    pub(crate) fn new(tally: &'a mut Tally, now: &'a dyn Fn() -> u64) -> Self {
        Self { tally, now, since: 0, node: 0, depth: 0 }
    }
}

impl<const COUNTS: bool> Probe for Meter<'_, COUNTS> {
    const COUNTS: bool = COUNTS;

    fn enter(&mut self, node: NodeId) {
        if self.depth == 0 {
            self.node = node;
            self.since = (self.now)();
        }
    }

    fn leave(&mut self) {
        if self.depth == 0 {
            self.tally.nodes[self.node].spent += (self.now)().saturating_sub(self.since);
        }
    }

    fn enter_subquery(&mut self) {
        self.depth += 1;
    }

    fn leave_subquery(&mut self) {
        self.depth -= 1;
    }

    fn series(&mut self, _node: NodeId, source: Source, samples: u64) {
        let node = &mut self.tally.nodes[self.node];
        if samples > 0 {
            node.series.insert((source.written, source.id.0));
        }
        if self.depth == 0 {
            node.samples += samples;
        }
    }

    fn points(&mut self, node: NodeId, samples: u64) {
        if self.depth == 0 {
            self.tally.nodes[node].samples += samples;
        }
    }

    fn invariant(&mut self, node: NodeId, steps: u64) {
        if self.depth > 0 {
            return;
        }
        let node = &mut self.tally.nodes[node];
        let (one, done) = match node.at_one_step {
            Some(one) => (one, 0),
            None => (*node.at_one_step.insert(node.samples), 1),
        };
        node.samples += one * (steps - done);
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
            Self::VectorBinary(binary) => format!("vectors {}", binary.op.symbol()),
            Self::Set { op, .. } => op.symbol().to_owned(),
            Self::Aggregate { op, .. } => op.name().to_owned(),
            Self::CountValues { .. } => "count_values".to_owned(),
            Self::TopK { bottom, .. } => if *bottom { "bottomk" } else { "topk" }.to_owned(),
            Self::Absent { .. } => "absent".to_owned(),
            Self::Scalar(_) => "scalar".to_owned(),
            Self::Vector(_) => "vector".to_owned(),
            Self::Sort { .. } => "sort".to_owned(),
            Self::Relabel { .. } => "label_replace or label_join".to_owned(),
            Self::Buckets { .. } => "histogram function".to_owned(),
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
    use crate::time::{Millis, Timestamp};

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
        // The points of a subquery count, not what they were made of.
        check(r#"max_over_time(sum_over_time(m{i="0"}[1m])[2m:1m])"#, 1 + 10 * 2, 1);
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
