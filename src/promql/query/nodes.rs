//! An expression with all its parts kept: what each of them evaluates to, from one program.

use crate::source::Span;
use crate::store::Store;
use crate::time::{Millis, Timestamp};

use super::super::ast::{Expr, ExprKind, Type};
use super::super::plan::{Fixed, LowerOptions, Plan, WindowInput};
use super::super::probe::Unheard;
use super::super::program::{Frame, Inputs, Program, Root};
use super::raw::{self, reference};
use super::value::at_first_step;
use super::{Prepared, QueryContext, QueryError, QueryOptions, Value, lowered};

/// An expression whose parts can all be asked for their values. Parts are numbered in the order of [`Expr::walk`].
///
/// Each part that has a value at a step is a root of one program, which therefore evaluates it as it does within the
/// whole. What stands in a subquery has a program of its own, evaluated at the last step of the subquery's window.
///
/// Like [`super::Query`] it registers nothing with a recording, which must hold what it reads.
pub struct Nodes {
    levels: Vec<Level>,
    parts: Vec<Part>,
}

/// The parts outside of subqueries, or those inside of one.
struct Level {
    program: Program,
    /// By root: its part.
    parts: Vec<usize>,
    /// Of the inside of a subquery: the level that the subquery is in, and when it is evaluated.
    inside: Option<(usize, Grid)>,
}

/// The steps of a subquery.
#[derive(Clone, Copy)]
struct Grid {
    range: Millis,
    step: Millis,
    offset: Millis,
    at: Option<Fixed>,
}

struct Part {
    span: Span,
    level: usize,
    kind: Kept,
}

/// How a part is evaluated.
enum Kept {
    /// By the program of its level.
    Root,
    /// By itself, since it is a range vector.
    Range(Box<Prepared>),
    /// It is a text.
    Text(String),
    /// Not at all: it has no value of its own.
    Nothing,
}

/// When an expression is evaluated.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    /// The slot: by then must have been written what it reads.
    pub(crate) slot: Timestamp,
    /// The time that it is evaluated at, the query offset taken off.
    pub(crate) eval: Timestamp,
}

/// What a part evaluated to.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeValue {
    /// Where the part stands in the text of the expression.
    pub span: Span,
    /// When it was evaluated: inside of a subquery at the last of its steps.
    pub at: Timestamp,
    /// What it gave.
    pub value: Result<Value, QueryError>,
}

impl Grid {
    /// Returns the last step of the window that belongs to an evaluation, if there is one.
    fn last(self, at: Timestamp) -> Option<Timestamp> {
        let end = reference(self.at, self.offset, at);
        let last = Timestamp(end.0.div_euclid(self.step.0).saturating_mul(self.step.0));
        (last > end.minus(self.range)).then_some(last)
    }
}

impl Nodes {
    /// Prepares an expression, whose parts see what a context gives them.
    ///
    /// # Errors
    /// When it is not evaluated, or can never be.
    pub fn of(expr: &Expr, context: QueryContext, options: &QueryOptions) -> Result<Self, QueryError> {
        let mut nodes = Self { levels: Vec::new(), parts: Vec::new() };
        nodes.add_level(expr, None, lowered(context, options))?;
        Ok(nodes)
    }

    fn add_level(
        &mut self,
        expr: &Expr,
        inside: Option<(usize, Grid)>,
        options: LowerOptions,
    ) -> Result<(), QueryError> {
        let level = self.levels.len();
        let mut program = Program::new(options);
        program.want_order();
        self.levels.push(Level { program, parts: Vec::new(), inside });
        self.add(expr, level, options)
    }

    /// Adds a part and what is below it; the program gets its roots from below, so that each is shown as soon as it is
    /// there.
    fn add(&mut self, expr: &Expr, level: usize, options: LowerOptions) -> Result<(), QueryError> {
        let at = self.parts.len();
        self.parts.push(Part { span: expr.span, level, kind: Kept::Root });
        match &expr.kind {
            ExprKind::Paren(inner) | ExprKind::Unary { expr: inner, .. } => self.add(inner, level, options)?,
            ExprKind::Binary(binary) => {
                self.add(&binary.lhs, level, options)?;
                self.add(&binary.rhs, level, options)?;
            }
            ExprKind::Call { function, args, .. } => {
                for (number, arg) in args.iter().enumerate() {
                    // The matchers of infos are no selector by themselves.
                    if function.name == "info" && number == 1 {
                        self.parts.push(Part { span: arg.span, level, kind: Kept::Nothing });
                    } else {
                        self.add(arg, level, options)?;
                    }
                }
            }
            ExprKind::Aggregate(aggregate) => {
                if let Some(param) = &aggregate.param {
                    self.add(param, level, options)?;
                }
                self.add(&aggregate.expr, level, options)?;
            }
            ExprKind::Subquery(subquery) => {
                let mut plan = Plan::new(options);
                if let (WindowInput::Subquery { step, offset, at, .. }, range) =
                    plan.range_vector(expr).map_err(QueryError::Refused)?
                {
                    self.add_level(&subquery.expr, Some((level, Grid { range, step, offset, at })), options)?;
                }
            }
            ExprKind::Number { .. }
            | ExprKind::String(_)
            | ExprKind::Selector(_)
            | ExprKind::Range { .. }
            | ExprKind::Invalid => {}
        }
        self.parts[at].kind = match expr.ty() {
            Type::Matrix => Kept::Range(Box::new(raw::prepare(expr.unparen(), options).map_err(QueryError::Refused)?)),
            Type::String => match &expr.unparen().kind {
                ExprKind::String(text) => Kept::Text(text.clone()),
                _ => Kept::Text(String::new()),
            },
            Type::Scalar | Type::Vector => {
                self.levels[level].program.add(expr).map_err(QueryError::Refused)?;
                self.levels[level].parts.push(at);
                Kept::Root
            }
        };
        Ok(())
    }

    /// Returns how many parts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parts.len()
    }

    /// Returns whether there are no parts, which is never so.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Evaluates all parts at one time; none for what stands in a subquery whose window has no step, and for the matchers of
    /// `info`.
    pub fn at(&mut self, recording: &Store, at: Timestamp) -> Vec<Option<NodeValue>> {
        self.at_on(&Inputs::of(recording), Step { slot: at, eval: at })
    }

    /// Evaluates all parts at one time, on a recording and what rules wrote.
    pub(crate) fn at_on(&mut self, inputs: &Inputs<'_>, step: Step) -> Vec<Option<NodeValue>> {
        let mut values: Vec<Option<NodeValue>> = self.parts.iter().map(|_| None).collect();
        // By level: when it is evaluated.
        let mut times: Vec<Option<Timestamp>> = Vec::new();
        for Level { program, parts, inside } in &mut self.levels {
            let at = match inside {
                None => Some(step.eval),
                Some((around, grid)) => times[*around].and_then(|at| grid.last(at)),
            };
            times.push(at);
            let Some(at) = at else { continue };
            program.begin_anew(inputs);
            let query = inside.is_some().then_some(step.eval);
            let frame = Frame { inputs: *inputs, evals: &[at], slots: &[step.slot], query };
            program.run_frame(&frame, &mut Unheard, &mut |id: super::super::plan::RootId, root: Root<'_>| {
                let part = parts[id.0];
                values[part] = Some(NodeValue { span: self.parts[part].span, at, value: at_first_step(&root) });
            });
        }
        for (part, value) in self.parts.iter_mut().zip(&mut values) {
            let Some(at) = times[part.level] else { continue };
            let found = match &mut part.kind {
                Kept::Root | Kept::Nothing => continue,
                Kept::Text(text) => Ok(Value::String(text.clone())),
                Kept::Range(range) => range.range_at(inputs, (at, step.slot), &mut Vec::new(), &mut Unheard),
            };
            *value = Some(NodeValue { span: part.span, at, value: found });
        }
        values
    }

    #[cfg(feature = "input")]
    /// Evaluates the parts outside of subqueries at many steps, block by block, and shows each part's rows at the steps
    /// of a block, given by the first of them. Cost: as the expression at these steps.
    pub(crate) fn over(
        &mut self,
        inputs: &Inputs<'_>,
        (slots, offset, interval): (&[Timestamp], Millis, Millis),
        show: &mut dyn FnMut(usize, usize, &Root<'_>),
    ) {
        let Some(Level { program, parts, .. }) = self.levels.first_mut() else { return };
        program.begin_anew(inputs);
        program.rows(inputs);
        let most = program.block_steps(interval);
        let mut evals = Vec::new();
        for (block, slots) in slots.chunks(most).enumerate() {
            evals.clear();
            evals.extend(slots.iter().map(|slot| slot.minus(offset)));
            let frame = Frame { inputs: *inputs, evals: &evals, slots, query: None };
            program.run_frame(&frame, &mut Unheard, &mut |id: super::super::plan::RootId, root: Root<'_>| {
                show(block * most, parts[id.0], &root);
            });
        }
    }
}
