//! Expressions that are evaluated together while a recording is read: one program, bound before the first sample.

use std::ops::ControlFlow;

use crate::limits;
use crate::source::Span;
use crate::store::{Hidden, Reach, Store};
use crate::time::{Millis, Timestamp};

use super::super::annotation::Annotated;
use super::super::ast::Expr;
use super::super::cost::Tally;
use super::super::plan::{LowerOptions, RootId};
use super::super::probe::{Probe, Unheard};
use super::super::program::{Frame, Inputs, Program, Root};
use super::value::{Matrix, at_first_step};
use super::{Prepared, QueryContext, QueryError, QueryOptions, QueryRange, Value, lowered, note};

/// Expressions that were read and planned as one program, so that what they have in common is evaluated once.
///
/// Each gives what [`super::Query`] gives for it alone. They are bound to a store that has no sample yet, which then holds
/// what they select and nothing else.
pub struct QuerySet {
    program: Program,
    options: LowerOptions,
    context: QueryContext,
    asked: Vec<Asked>,
}

/// How an expression is evaluated.
pub(super) enum Asked {
    /// By the program that all share.
    Root(RootId),
    /// By itself: a text, or a range vector at one time, which stands there.
    Alone(Prepared, Span),
}

impl QuerySet {
    /// Makes a list without an expression.
    #[must_use]
    pub fn new(context: QueryContext, options: &QueryOptions) -> Self {
        let options = lowered(context, options);
        let mut program = Program::new(options);
        program.want_order();
        Self { program, options, context, asked: Vec::new() }
    }

    /// Adds an expression.
    ///
    /// # Errors
    /// When it is not evaluated, or can never be.
    pub fn add(&mut self, expr: &Expr) -> Result<(), QueryError> {
        let asked = match Prepared::alone(expr, self.context, self.options).map_err(QueryError::Refused)? {
            Some(prepared) => Asked::Alone(prepared, expr.span),
            None => Asked::Root(self.program.add(expr).map_err(QueryError::Refused)?),
        };
        self.asked.push(asked);
        Ok(())
    }

    /// Returns the steps of a range, if that is what the expressions are evaluated at.
    #[must_use]
    pub fn range(&self) -> Option<QueryRange> {
        match self.context {
            QueryContext::Range(range) => Some(range),
            QueryContext::Instant | QueryContext::Rule => None,
        }
    }

    /// Binds the expressions to a store: from now on it holds the samples of the series that they select.
    pub(crate) fn begin(&self, store: &mut Store) -> BoundSet {
        let mut program = self.program.fork();
        program.bind(store, &Hidden::default(), None);
        let mut reach = program.reach();
        let asked = self.asked.iter().map(|asked| match asked {
            Asked::Root(root) => Asked::Root(*root),
            Asked::Alone(prepared, span) => {
                let (prepared, own) = prepared.begin(store);
                reach = reach.or(own);
                Asked::Alone(prepared, *span)
            }
        });
        let asked = asked.collect();
        let matrices = self.asked.iter().map(|_| Ok(Matrix::default())).collect();
        let told = self.asked.iter().map(|_| Vec::new()).collect();
        BoundSet {
            program,
            asked,
            reach,
            range: self.range(),
            next: self.range().map(QueryRange::start),
            matrices,
            held: 0,
            told,
        }
    }
}

/// Expressions that are bound to a store, and what they gave so far.
pub(crate) struct BoundSet {
    pub(super) program: Program,
    pub(super) asked: Vec<Asked>,
    /// How far all of them look from the time they are evaluated at.
    reach: Reach,
    pub(super) range: Option<QueryRange>,
    /// The first step of the range that was not evaluated yet; none where there is no range, or no step any more.
    next: Option<Timestamp>,
    /// By root: its samples at the steps so far, or why there will be none.
    matrices: Vec<Result<Matrix, QueryError>>,
    /// How many samples these are together.
    held: usize,
    /// By root: what it told so far.
    told: Vec<Vec<Annotated>>,
}

/// What an expression gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    /// Its result, or why there is none.
    pub result: Result<Value, QueryError>,
    /// Its warnings and infos, each once, in the order in which they came up.
    pub annotations: Vec<Annotated>,
}

impl BoundSet {
    /// Returns how far the expressions look from the time they are evaluated at, all taken together.
    pub(crate) fn reach(&self) -> Reach {
        self.reach
    }

    /// Makes an empty tally of the program that all expressions share, or of what stands in the only one where that is a
    /// subquery.
    pub(crate) fn tally(&self) -> Tally {
        match self.asked.as_slice() {
            [Asked::Alone(Prepared::Subquery(subquery), _)] => subquery.tally(),
            _ => Tally::of(&self.program),
        }
    }

    /// Evaluates the steps of the range for which the store has all samples, being complete up to `until`, block by block;
    /// before each block `go_on` is asked.
    pub(crate) fn advance(
        &mut self,
        store: &Store,
        until: Timestamp,
        probe: &mut impl Probe,
        go_on: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let Some(range) = self.range else { return ControlFlow::Continue(()) };
        if self.reach.pinned.is_some_and(|pinned| pinned > until) {
            return ControlFlow::Continue(());
        }
        let inputs = Inputs::of(store);
        let last = range.end().min(until.minus(self.reach.ahead));
        let mut block = Vec::new();
        while let Some(next) = self.next.filter(|next| *next <= last) {
            go_on()?;
            if self.matrices.iter().all(Result::is_err) {
                // Nothing can come of the other steps.
                self.next = None;
                break;
            }
            self.program.rows(&inputs);
            let steps = range.from(next).take_while(|step| *step <= last);
            block.extend(steps.take(self.program.block_steps(range.step())));
            self.evaluate(&inputs, &block, probe);
            self.next = block.last().and_then(|last| range.after(*last));
            block.clear();
        }
        ControlFlow::Continue(())
    }

    /// Evaluates the steps of one block.
    fn evaluate(&mut self, inputs: &Inputs<'_>, steps: &[Timestamp], probe: &mut impl Probe) {
        let Self { program, matrices, held, told, .. } = self;
        let frame = Frame { inputs: *inputs, evals: steps, slots: steps, query: None };
        program.run_frame(&frame, probe, &mut |RootId(number), root: Root<'_>| {
            note(&mut told[number], &root);
            let Ok(matrix) = &mut matrices[number] else { return };
            let fault = match root.faults.first() {
                Some(first) => Some(QueryError::from(first)),
                None => {
                    *held += matrix.add(&root, steps);
                    (*held > limits::HELD_SAMPLES).then_some(QueryError::TooLarge)
                }
            };
            if let Some(fault) = fault
                && let Ok(matrix) = std::mem::replace(&mut matrices[number], Err(fault))
            {
                *held -= matrix.len();
            }
        });
    }

    /// Returns the time up to which no sample is needed any more that only a later step could reach back to: the store may
    /// drop what it holds for steps up to then. What the last step reads stays, for questions about its result. `at_last`
    /// is the earliest that the time may be which [`BoundSet::finish`] gets.
    pub(crate) fn evaluated(&self, at_last: Timestamp) -> Timestamp {
        let untouched = self.next == self.range.map(QueryRange::start);
        match (self.range, self.next) {
            // What a fixed `@` reads is read at the first step.
            _ if untouched && self.reach.pinned.is_some() => Timestamp::MIN,
            (Some(_), Some(next)) => next.minus(Millis(1)),
            (Some(range), None) => range.last().minus(Millis(1)),
            (None, _) => at_last.minus(Millis(1)),
        }
    }

    /// Evaluates what is left on all samples: the rest of the range, or everything at one time. Returns what each expression
    /// gave, unless `go_on` says otherwise.
    pub(crate) fn finish(
        &mut self,
        store: &Store,
        at: Timestamp,
        probe: &mut impl Probe,
        go_on: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> ControlFlow<(), Vec<Answered>> {
        let inputs = Inputs::of(store);
        let mut roots: Vec<Result<Value, QueryError>> = Vec::new();
        if self.range.is_some() {
            self.advance(store, Timestamp::MAX, probe, go_on)?;
            let matrices = std::mem::take(&mut self.matrices).into_iter();
            roots.extend(matrices.map(|matrix| matrix.map(|matrix| Value::Matrix(matrix.finish()))));
        } else {
            let told = &mut self.told;
            let frame = Frame { inputs, evals: &[at], slots: &[at], query: None };
            // Roots come in the order they were added.
            self.program.run_frame(&frame, probe, &mut |RootId(number), root: Root<'_>| {
                note(&mut told[number], &root);
                roots.push(at_first_step(&root));
            });
        }
        let (mut roots, mut told) = (roots.into_iter(), std::mem::take(&mut self.told).into_iter());
        let is_one = self.asked.len() == 1;
        let answered = |asked: &mut Asked| match asked {
            Asked::Root(_) => {
                let result = roots.next().unwrap_or(Ok(Value::Vector(Vec::new())));
                Answered { result, annotations: told.next().unwrap_or_default() }
            }
            Asked::Alone(prepared, _) => {
                let mut annotations = Vec::new();
                let result = match is_one {
                    true => prepared.alone_at(&inputs, at, &mut annotations, probe),
                    false => prepared.alone_at(&inputs, at, &mut annotations, &mut Unheard),
                };
                Answered { result, annotations }
            }
        };
        ControlFlow::Continue(self.asked.iter_mut().map(answered).collect())
    }
}
