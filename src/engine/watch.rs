//! What the rules of a program cost: samples that they read, and time or allocations by stage.

use std::sync::Arc;

use crate::promql::cost::{Meter, Tally};
use crate::promql::plan::RootId;
use crate::promql::probe::{Probe, Unheard};
use crate::promql::program::{Inputs, Program, Root, Sink, Steps};

use super::bits;
use super::course::Link;
use super::targets::row_bits;

/// How a run is watched.
#[derive(Clone)]
pub struct Watch {
    /// What is read before and after each piece of work: a clock in nanoseconds, or a count of allocations.
    pub now: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// Whether samples and series are counted. Cost: a walk over the values of every selector.
    pub samples: bool,
}

/// What one rule cost so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cost {
    /// Evaluations: slots, or the rows of all label sets.
    pub evaluations: u64,
    /// Samples that its expression read, as Prometheus' query statistics count them.
    pub samples: u64,
    /// Series that it read samples of.
    pub series: u64,
    /// Samples of its results.
    pub results: u64,
    /// What its expression took, in the unit of [`Watch::now`]. What rules share counts for the first of them: it is the
    /// cost of the rule only where rules are evaluated apart (`EngineOptions::apart`).
    pub evaluate: f64,
    /// What its alerts, or the series that it records, took.
    pub alert: f64,
    /// By part of the expression: what it took.
    pub parts: Vec<(String, f64)>,
}

/// What was watched of one program.
pub(crate) struct Watched {
    watch: Watch,
    tally: Tally,
    /// By root.
    roots: Vec<Folded>,
}

/// What became of the results of one root.
#[derive(Clone, Debug, Default)]
struct Folded {
    evaluations: u64,
    results: u64,
    spent: u64,
}

/// Runs a program, on the memory of another if there is a lender; if it is watched, what it reads and takes is noted.
pub(crate) fn run(
    program: &mut Program,
    lender: Option<&mut Program>,
    watched: Option<&mut Watched>,
    inputs: &Inputs<'_>,
    steps: &Steps<'_>,
    sink: &mut dyn Sink,
) {
    let Some(Watched { watch, tally, roots }) = watched else {
        return run_heard(program, lender, inputs, steps, &mut Unheard, sink);
    };
    let now = &*watch.now;
    // Not every sink wants to see a root without a sample.
    roots.iter_mut().for_each(|root| root.evaluations += steps.slots.len() as u64);
    let mut watched_sink = WatchedSink { roots, now, sink };
    if watch.samples {
        run_heard(program, lender, inputs, steps, &mut Meter::<true>::new(tally, now), &mut watched_sink);
    } else {
        run_heard(program, lender, inputs, steps, &mut Meter::<false>::new(tally, now), &mut watched_sink);
    }
}

fn run_heard<P: Probe>(
    program: &mut Program,
    lender: Option<&mut Program>,
    inputs: &Inputs<'_>,
    steps: &Steps<'_>,
    probe: &mut P,
    sink: &mut dyn Sink,
) {
    match lender {
        Some(lender) => program.run_on(lender, inputs, steps, probe, sink),
        None => program.run_probed(inputs, steps, probe, sink),
    }
}

/// Counts the results on their way, and what is made of them.
struct WatchedSink<'a> {
    roots: &'a mut [Folded],
    now: &'a dyn Fn() -> u64,
    sink: &'a mut dyn Sink,
}

impl Sink for WatchedSink<'_> {
    fn wants_empty(&self, id: RootId) -> bool {
        self.sink.wants_empty(id)
    }

    fn wants_compared(&self, number: u32) -> bool {
        self.sink.wants_compared(number)
    }

    fn compared(&mut self, number: u32, root: Root<'_>) {
        self.sink.compared(number, root);
    }

    fn compared_value(&mut self, number: u32, value: f64) {
        self.sink.compared_value(number, value);
    }

    fn root(&mut self, id: RootId, root: Root<'_>, compared: Option<Root<'_>>) {
        let folded = &mut self.roots[id.0];
        folded.results += results(&root);
        let begun = (self.now)();
        self.sink.root(id, root, compared);
        folded.spent += (self.now)().saturating_sub(begun);
    }
}

/// Counts the samples of a result, failed steps aside.
fn results(root: &Root<'_>) -> u64 {
    let good = |word: usize| !root.failed.get(word).copied().unwrap_or(0) & bits::mask(word, root.steps);
    let of_row = |row| row_bits(root, row).iter().enumerate().map(|(word, bits)| (bits & good(word)).count_ones());
    (0..root.labels.len()).flat_map(of_row).map(u64::from).sum()
}

impl Watched {
    /// Watches a program from now on.
    pub(crate) fn of(program: &Program, links: &[Link], watch: &Watch) -> Self {
        let roots = vec![Folded::default(); links.len()];
        Self { watch: watch.clone(), tally: Tally::of(program), roots }
    }

    /// Counts evaluations of which nothing could come, so that nothing was evaluated.
    pub(crate) fn skip(&mut self, evaluations: usize) {
        self.roots.iter_mut().for_each(|root| root.evaluations += evaluations as u64);
    }

    /// Adds what was watched to the costs of the program's rules.
    pub(crate) fn add(&self, program: &Program, links: &[Link], costs: &mut [Cost]) {
        let reached: Vec<Vec<u64>> = (0..links.len()).map(|root| program.multiplicity(root)).collect();
        for (root, link) in links.iter().enumerate() {
            let (cost, folded) = (&mut costs[link.rule], &self.roots[root]);
            cost.alert += folded.spent as f64;
            cost.evaluations += folded.evaluations;
            cost.results += folded.results;
            cost.samples += self.tally.samples(program, root);
            cost.series += self.tally.series(program, root);
        }
        for (node, spent) in self.tally.spent().enumerate() {
            let first = links.iter().zip(&reached).find(|(_, times)| times[node] > 0);
            if let Some(cost) = first.and_then(|(link, _)| costs.get_mut(link.rule)) {
                cost.evaluate += spent as f64;
                cost.parts.push((program.describe(node), spent as f64));
            }
        }
    }

    /// Returns the series that were read: whether a rule wrote it, and its number.
    pub(crate) fn series(&self) -> impl Iterator<Item = (bool, u32)> + '_ {
        self.tally.all_series()
    }
}
