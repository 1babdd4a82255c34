//! How a plan is gone through one step at a time: thresholds are looked at by their numbers, not one by one.

use std::collections::BTreeMap;

use super::ast::BinaryOp;
use super::plan::{Elementwise, Kind, Node, NodeId, Operand, Plan, PlannedRoot, WindowInput};
use super::scalar_ops::mirrored;

/// The way through a plan.
#[derive(Clone, Debug, Default)]
pub(crate) struct Walk {
    /// The nodes that are evaluated, in their order: all but thresholds.
    pub(crate) stops: Vec<Stop>,
    /// Roots that are no thresholds, in their order: those of the first stop, those of the second, and so on.
    pub(crate) roots: Vec<u32>,
    /// In the order of the stops.
    pub(crate) thresholds: Vec<Thresholds>,
    /// The states of nodes that have the same value at every step.
    pub(crate) invariant: Vec<u32>,
    /// Whether there is a node that finds rows only while it is evaluated.
    pub(crate) finds_late: bool,
}

/// A node on the way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stop {
    pub(crate) node: NodeId,
    /// Whether anything is to be done once it is evaluated.
    pub(crate) shows: bool,
    /// Where the roots end in the list that are handed over once it is evaluated.
    pub(crate) roots: u32,
    /// The number of the thresholds that it is compared with, if it is.
    pub(crate) thresholds: Option<u32>,
}

/// Roots that compare one vector with numbers and whose results nothing else reads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Thresholds {
    /// Those that a value passes if it is greater than the number, or equal to it: least number first.
    pub(crate) above: Vec<Threshold>,
    /// Those that a value passes if it is less, or equal: greatest number first.
    pub(crate) below: Vec<Threshold>,
    /// Roots of any other comparison.
    pub(crate) others: Vec<u32>,
}

/// A number that a vector is compared with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Threshold {
    pub(crate) number: f64,
    pub(crate) root: u32,
}

/// A comparison with a number, which stands on its right.
#[derive(Clone, Copy, Debug)]
struct Test {
    input: NodeId,
    op: BinaryOp,
    number: f64,
}

impl Walk {
    /// Finds the way through a plan whose nodes have their places.
    pub(super) fn of(plan: &Plan) -> Self {
        let tests = tests(plan);
        let is_test = |root: &PlannedRoot| tests[root.node].is_some();
        let late = |node: &Node| {
            matches!(
                node.kind,
                Kind::Window { input: WindowInput::Subquery { .. }, .. }
                    | Kind::CountValues { .. }
                    | Kind::Quantiles { .. }
                    | Kind::Info { .. }
            )
        };
        let invariant = plan.nodes.iter().filter(|node| node.invariant).map(|node| node.place.state);
        let mut walk =
            Self { invariant: invariant.collect(), finds_late: plan.nodes.iter().any(late), ..Self::default() };
        let mut by_input: BTreeMap<NodeId, Thresholds> = BTreeMap::new();
        for (number, root) in (0..).zip(&plan.roots) {
            if let Some(test) = &tests[root.node] {
                by_input.entry(test.input).or_default().add(test, number);
            }
        }
        let mut roots = (0..).zip(&plan.roots).filter(|(_, root)| !is_test(root)).peekable();
        for node in (0..plan.nodes.len()).filter(|node| tests[*node].is_none()) {
            let before = walk.roots.len();
            while let Some((number, _)) = roots.next_if(|(_, root)| root.node <= node) {
                walk.roots.push(number);
            }
            let end = u32::try_from(walk.roots.len()).unwrap_or(u32::MAX);
            let thresholds = by_input.remove(&node).map(|mut thresholds| {
                thresholds.sort();
                walk.thresholds.push(thresholds);
                u32::try_from(walk.thresholds.len() - 1).unwrap_or(u32::MAX)
            });
            let compared = plan.nodes[node].place.compared;
            let shows = walk.roots.len() > before || thresholds.is_some() || compared.is_some();
            walk.stops.push(Stop { node, shows, roots: end, thresholds });
        }
        walk.stops.shrink_to_fit();
        walk.roots.shrink_to_fit();
        walk.thresholds.shrink_to_fit();
        walk
    }
}

impl Thresholds {
    fn add(&mut self, test: &Test, root: u32) {
        let threshold = Threshold { number: test.number, root };
        match test.op {
            // It has no place in an order.
            _ if test.number.is_nan() => self.others.push(root),
            BinaryOp::Greater | BinaryOp::GreaterEqual => self.above.push(threshold),
            BinaryOp::Less | BinaryOp::LessEqual => self.below.push(threshold),
            _ => self.others.push(root),
        }
    }

    fn sort(&mut self) {
        self.above.sort_by(|a, b| a.number.total_cmp(&b.number));
        self.below.sort_by(|a, b| b.number.total_cmp(&a.number));
        self.above.shrink_to_fit();
        self.below.shrink_to_fit();
    }

    /// Walks over all of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = u32> {
        self.passed(f64::NEG_INFINITY, f64::INFINITY)
    }

    /// Returns whether [`Self::passed`] finds any.
    #[inline]
    pub(crate) fn any_passed(&self, least: f64, greatest: f64) -> bool {
        self.above.first().is_some_and(|threshold| threshold.number <= greatest)
            || self.below.first().is_some_and(|threshold| threshold.number >= least)
            || !self.others.is_empty()
    }

    /// Returns the roots that any of some values may pass, given the least and the greatest of them, NaN aside. Cost:
    /// theirs, and those of comparisons without an order.
    pub(crate) fn passed(&self, least: f64, greatest: f64) -> impl Iterator<Item = u32> {
        let above = self.above.iter().take_while(move |threshold| threshold.number <= greatest);
        let below = self.below.iter().take_while(move |threshold| threshold.number >= least);
        above.chain(below).map(|threshold| threshold.root).chain(self.others.iter().copied())
    }
}

/// Returns by node the comparison that it is, if nothing but roots reads its result and they compare nothing else.
fn tests(plan: &Plan) -> Vec<Option<Test>> {
    let mut tests: Vec<Option<Test>> = plan.nodes.iter().map(Test::of).collect();
    let mut is_root = vec![false; tests.len()];
    for root in &plan.roots {
        is_root[root.node] = true;
        let compared = root.compared.map(|number| plan.compared[number as usize]);
        if root.scalar || compared.is_some_and(|node| tests[root.node].is_some_and(|test| test.input != node)) {
            tests[root.node] = None;
        }
    }
    let read = plan.nodes.iter().flat_map(|node| node.kind.inputs()).chain(plan.compared.iter().copied());
    read.for_each(|node| tests[node] = None);
    for (test, is_root) in tests.iter_mut().zip(is_root) {
        *test = test.filter(|_| is_root);
    }
    tests
}

impl Test {
    fn of(node: &Node) -> Option<Self> {
        let input = node.filtered()?;
        match node.kind {
            Kind::Map { op: Elementwise::Compare { op, scalar: Operand::Const(number), swap, .. }, .. } => {
                Some(Self { input, op: if swap { mirrored(op) } else { op }, number })
            }
            _ => None,
        }
    }
}
