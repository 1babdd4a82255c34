//! The operators of an expression as they were planned, and what each of them cost.

use std::sync::Arc;

use crate::source::Span;
use crate::store::Reach;
use crate::time::Millis;

use super::super::cost::Tally;
use super::super::plan::{Kind, NodeId, WindowInput};
use super::super::program::{Inputs, Program};
use super::query_set::{Asked, BoundSet};
use super::{Prepared, QueryRange};

/// One operator, which reads those below it.
#[derive(Clone, Debug, PartialEq)]
pub struct Operator {
    /// How far below the whole expression it stands.
    pub depth: usize,
    /// What it does, in a few words.
    pub does: String,
    /// The part of the expression that it evaluates. Unit: byte offsets in its text.
    pub span: Span,
    /// How many series it has; not known of a function over a subquery that was not evaluated, nor of what reads one.
    pub series: Option<usize>,
    /// At how many steps it is evaluated; in a subquery, for one evaluation of the subquery.
    pub steps: u64,
    /// How far it looks from a step; only where it reads samples itself.
    pub reach: Option<Reach>,
    /// Whether it stands further up already, with all that is below it: it is evaluated once.
    pub shared: bool,
    /// What it cost; not known of what was not evaluated, and counted to the function over it in a subquery.
    pub cost: Option<Cost>,
}

/// What an operator cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// The samples that it read, as Prometheus' query statistics count them.
    pub samples: u64,
    /// The time that it took, without what is below it. Unit: nanoseconds.
    pub time_ns: u64,
}

/// Walks down the operators of a program.
struct Walk<'a> {
    inputs: &'a Inputs<'a>,
    tally: Option<&'a Tally>,
    /// At how many steps the program is evaluated.
    steps: u64,
    /// By node: whether it was met.
    seen: Vec<bool>,
    /// By node: whether its series are known.
    known: Vec<bool>,
}

impl BoundSet {
    /// Returns the operators of an expression, each before those that it reads; `alone` is what a range vector or a text
    /// cost together with all that stands in it. Cost: rows are found for all series of the
    /// recording, and a walk over the nodes.
    pub(crate) fn operators(
        &mut self,
        number: usize,
        inputs: &Inputs<'_>,
        tally: Option<&Tally>,
        alone: Option<Cost>,
    ) -> Vec<Operator> {
        let mut operators = Vec::new();
        let steps = self.range.map_or(1, QueryRange::len);
        match &mut self.asked[number] {
            Asked::Root(root) => {
                let program = &mut self.program;
                let node = program.plan.roots[root.0].node;
                program.rows(inputs);
                let _ = Walk::of(program, inputs, steps, tally).down(program, node, 0, &mut operators);
            }
            Asked::Alone(Prepared::Samples(samples), span) => {
                let (does, series, reach) = samples.describe(inputs);
                let series = Some(series);
                operators.push(Operator {
                    series,
                    reach: Some(reach),
                    cost: alone,
                    ..Operator::new(0, does, *span, steps)
                });
            }
            Asked::Alone(Prepared::Subquery(subquery), span) => {
                let (does, points, reach) = subquery.describe();
                // Its samples are those of the selectors in it.
                let below = tally.map_or(0, |tally| tally.spent().sum());
                let cost = alone.map(|all| Cost { samples: 0, time_ns: all.time_ns.saturating_sub(below) });
                operators.push(Operator { reach: Some(reach), cost, ..Operator::new(0, does, *span, steps) });
                Walk::inside(subquery.program(inputs), (inputs, tally), points, 1, &mut operators);
            }
            Asked::Alone(Prepared::Text(_) | Prepared::Program(_), span) => {
                operators.push(Operator { cost: alone, ..Operator::new(0, "string".to_owned(), *span, steps) });
            }
        }
        operators
    }
}

impl Operator {
    fn new(depth: usize, does: String, span: Span, steps: u64) -> Self {
        Self { depth, does, span, series: None, steps, reach: None, shared: false, cost: None }
    }
}

impl<'a> Walk<'a> {
    fn of(program: &Program, inputs: &'a Inputs<'a>, steps: u64, tally: Option<&'a Tally>) -> Self {
        let none = vec![false; program.plan.nodes.len()];
        Self { inputs, tally, steps, known: none.clone(), seen: none }
    }

    /// Adds the operators of a program that stands in a subquery.
    fn inside(
        program: &mut Program,
        (inputs, tally): (&'a Inputs<'a>, Option<&'a Tally>),
        steps: u64,
        depth: usize,
        operators: &mut Vec<Operator>,
    ) {
        let Some(root) = program.plan.roots.first().copied() else { return };
        program.rows(inputs);
        let _ = Self::of(program, inputs, steps, tally).down(program, root.node, depth, operators);
    }

    /// Adds a node and what is below it; returns whether its series are known.
    fn down(&mut self, program: &mut Program, at: NodeId, depth: usize, operators: &mut Vec<Operator>) -> bool {
        let plan = Arc::clone(&program.plan);
        let node = &plan.nodes[at];
        let steps = if node.invariant { self.steps.min(1) } else { self.steps };
        let mut operator = Operator {
            series: Some(program.states[node.place.state as usize].labels.len()),
            shared: std::mem::replace(&mut self.seen[at], true),
            cost: self.tally.map(|tally| {
                let (samples, time_ns) = tally.node(at);
                Cost { samples, time_ns }
            }),
            ..Operator::new(depth, node.kind.describe(), node.span, steps)
        };
        let mut inside = None;
        match &node.kind {
            Kind::Select { select, .. } => {
                operator.reach = Some(program.reach_of(at, select, None));
            }
            Kind::Window { input: WindowInput::Selector(select), range, .. } => {
                operator.reach = Some(program.reach_of(at, select, Some(*range)));
            }
            Kind::Window { input: WindowInput::Subquery { inner, step, offset, at: fixed }, range, .. } => {
                operator.reach = Some(program.reach_at(at, *fixed, *offset, (*range, Millis::ZERO)));
                inside = Some((*inner, points(*range, *step)));
            }
            _ => {}
        }
        // The rows of a function over a subquery are found when it is evaluated.
        let mut known = inside.is_none() || self.tally.is_some();
        let place = operators.len();
        operators.push(operator);
        if !operators[place].shared {
            if let Some((inner, steps)) = inside {
                Self::inside(&mut program.inner[inner], (self.inputs, None), steps, depth + 1, operators);
            }
            for input in node.kind.inputs() {
                known &= self.down(program, input, depth + 1, operators);
            }
            self.known[at] = known;
        }
        let known = self.known[at];
        operators[place].series = operators[place].series.filter(|_| known);
        known
    }
}

/// Returns the most steps that a subquery has in its range.
pub(super) fn points(range: Millis, step: Millis) -> u64 {
    u64::try_from(range.0 / step.0.max(1)).unwrap_or(0).max(1)
}
