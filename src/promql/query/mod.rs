//! One expression, prepared once and evaluated again and again: at one time, or at the steps of a range.

pub mod nodes;
#[cfg(feature = "input")]
pub mod operators;
#[cfg(feature = "input")]
pub mod query_set;
mod raw;
#[cfg(test)]
mod tests;
mod value;

use thiserror::Error;

use crate::diagnostic::{Diagnostic, Diagnostics, Severity, codes};
use crate::format::count;
use crate::limits;
use crate::source::{FileId, FileSpan, Span};
use crate::store::Store;
use crate::time::{Millis, Timestamp};

use super::annotation::Annotated;
use super::ast::{Expr, ExprKind, Type};
use super::lower;
use super::parse::{Problem, parse};
use super::plan::{Context, LowerOptions};
use super::probe::{Probe, Unheard};
use super::program::{Fault, Frame, Inputs, Program, Root, Steps};

use self::raw::{Samples, Subquery};
use self::value::Matrix;

pub use self::value::{Series, Value};
pub use super::histograms::SampleValue;

/// How a query is evaluated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QueryOptions {
    /// How far an instant selector looks back.
    pub lookback: Millis,
    /// The step of a subquery that gives none.
    pub subquery_step: Millis,
    /// Whether metric names are dropped only at the end.
    pub delayed_names: bool,
    /// Whether `rate`, `increase`, `irate`, `resets` and `start_timestamp` look at start timestamps.
    pub start_timestamps: bool,
}

/// Prometheus' own defaults.
impl Default for QueryOptions {
    fn default() -> Self {
        Self { lookback: Millis(300_000), subquery_step: Millis(60_000), delayed_names: false, start_timestamps: false }
    }
}

/// What a query is part of: that decides what it may be, and what `start()`, `end()`, `step()` and `range()` mean in
/// it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum QueryContext {
    /// Nothing: any expression, evaluated at single times. Each time is its own start and end.
    Instant,
    /// A rule or a template: as [`QueryContext::Instant`], but a range vector or a string is refused.
    Rule,
    /// A range of steps: a range vector or a string is refused.
    Range(QueryRange),
}

/// The steps of a range: the start, and every step after it up to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryRange {
    start: Timestamp,
    end: Timestamp,
    step: Millis,
}

impl QueryRange {
    /// Makes a range; one that ends before it starts has no steps.
    ///
    /// # Errors
    /// When the step is not positive, or there are more than [`limits::STEPS`].
    ///
    /// Source: the words of Prometheus' HTTP interface.
    pub fn new(start: Timestamp, end: Timestamp, step: Millis) -> Result<Self, QueryError> {
        if step.0 <= 0 {
            let words = "zero or negative query resolution step widths are not accepted. Try a positive integer";
            return Err(QueryError::Range(words.to_owned()));
        }
        if end.0.saturating_sub(start.0) / step.0 >= limits::STEPS {
            let words = format!("the range has more than {} steps, the limit. Try a longer step", limits::STEPS);
            return Err(QueryError::Range(words));
        }
        Ok(Self { start, end, step })
    }

    /// Returns the first step.
    #[must_use]
    pub fn start(self) -> Timestamp {
        self.start
    }

    /// Returns the end, after which there is no step.
    #[must_use]
    pub fn end(self) -> Timestamp {
        self.end
    }

    /// Returns the last step; the start where there is none.
    #[must_use]
    pub fn last(self) -> Timestamp {
        let after = self.len().saturating_sub(1).saturating_mul(self.step.0.unsigned_abs());
        self.start.plus(Millis(i64::try_from(after).unwrap_or(i64::MAX)))
    }

    /// Returns the distance of the steps.
    #[must_use]
    pub fn step(self) -> Millis {
        self.step
    }

    /// Returns the step after one, if there is any.
    fn after(self, step: Timestamp) -> Option<Timestamp> {
        step.0.checked_add(self.step.0).map(Timestamp).filter(|at| *at <= self.end)
    }

    /// Walks over the steps from one of them on.
    fn from(self, step: Timestamp) -> impl Iterator<Item = Timestamp> {
        std::iter::successors(Some(step).filter(|at| *at <= self.end), move |at| self.after(*at))
    }

    /// Returns how many steps there are.
    #[must_use]
    pub fn len(self) -> u64 {
        u64::try_from(self.end.0.saturating_sub(self.start.0)).map_or(0, |span| span / self.step.0.unsigned_abs() + 1)
    }

    /// Returns whether there is no step.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Walks over the steps.
    pub fn steps(self) -> impl Iterator<Item = Timestamp> {
        self.from(self.start)
    }
}

/// Why there is no result.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum QueryError {
    /// The expression is not evaluated, or can never be.
    #[error("{}", .0.first().map_or("", |problem| problem.message.as_str()))]
    Refused(Vec<Problem>),
    /// There are no steps to go through in what was given as a range.
    #[error("{0}")]
    Range(String),
    /// The result holds more samples than there may be, [`limits::HELD_SAMPLES`]; in Prometheus' words.
    #[error("query processing would load too many samples into memory in query execution")]
    TooLarge,
    /// The evaluation failed.
    #[error("{message}")]
    Failed {
        /// Prometheus' words.
        message: String,
        /// The part of the expression that failed, where it is known. Unit: byte offsets in the expression.
        span: Option<Span>,
    },
}

impl QueryError {
    /// Returns what is wrong with an expression that stands in a text, from so many bytes on.
    #[must_use]
    pub fn diagnostics(&self, file: FileId, start: usize) -> Diagnostics {
        let at = |span: Span| {
            let (from, to) = (span.start as usize, span.end as usize);
            FileSpan { file, span: Span::new(start.saturating_add(from), start.saturating_add(to)) }
        };
        let mut found = Diagnostics::default();
        match self {
            Self::Refused(problems) => {
                for problem in problems {
                    let mut one = Diagnostic::error(problem.code, problem.message.clone(), at(problem.span));
                    one.help.extend(problem.help.clone());
                    found.push(one);
                }
            }
            Self::Range(message) => found.push(Diagnostic::new(codes::PROMQL_LIMIT, Severity::Error, message.clone())),
            Self::TooLarge => {
                let mut one = Diagnostic::new(codes::EVALUATION, Severity::Error, self.to_string());
                let most = count(limits::HELD_SAMPLES as u64);
                one.help.push(format!("the result would hold more than {most} samples: try a longer --step"));
                found.push(one);
            }
            Self::Failed { message, span } => {
                let one = Diagnostic::new(codes::EVALUATION, Severity::Error, message.clone());
                found.push(match span {
                    Some(span) => one.with_mark(at(*span), ""),
                    None => one,
                });
            }
        }
        found
    }
}

impl From<&Fault> for QueryError {
    fn from(fault: &Fault) -> Self {
        Self::Failed { message: fault.message.clone(), span: fault.span }
    }
}

/// An expression that is ready to be evaluated: it was read, planned, and is bound to the series it selects.
///
/// A query belongs to the recording that it is first evaluated on, which may grow: series that appear are bound when it
/// is evaluated next. It registers nothing with the recording, which therefore must hold what the query reads
/// ([`Store::keep_all`]).
///
/// ```
/// use alertctl::labels::LabelSet;
/// use alertctl::promql::query::{Query, QueryContext, QueryOptions, Value};
/// use alertctl::store::{Batch, Store};
/// use alertctl::time::Timestamp;
///
/// let mut recording = Store::default();
/// recording.keep_all();
/// let up = recording.series(&LabelSet::new([("__name__", "up"), ("job", "api")]));
/// let mut batch = Batch::default();
/// batch.push(up, Timestamp(0), 1.0, 0);
/// recording.append(&batch).unwrap();
///
/// let mut query = Query::prepare("up == 1", QueryContext::Instant, &QueryOptions::default())?;
/// let Value::Vector(samples) = query.at(&recording, Timestamp(60_000))? else { unreachable!() };
/// assert_eq!(samples, [(LabelSet::new([("__name__", "up"), ("job", "api")]), 1.0.into())]);
/// # Ok::<(), alertctl::promql::query::QueryError>(())
/// ```
pub struct Query {
    prepared: Prepared,
    /// Where the expression stands in its text.
    span: Span,
    /// What the latest evaluation told.
    told: Vec<Annotated>,
}

/// What a query evaluates.
enum Prepared {
    /// A string.
    Text(String),
    /// A scalar or an instant vector.
    Program(Box<Program>),
    /// A range of samples.
    Samples(Samples),
    /// A subquery.
    Subquery(Box<Subquery>),
}

impl Query {
    /// Reads an expression and prepares it.
    ///
    /// # Errors
    /// When it cannot be read, is not evaluated, or can never be.
    pub fn prepare(text: &str, context: QueryContext, options: &QueryOptions) -> Result<Self, QueryError> {
        let parsed = parse(text);
        if !parsed.problems.is_empty() {
            return Err(QueryError::Refused(parsed.problems));
        }
        Self::of(&parsed.expr, context, options)
    }

    /// Prepares an expression that was read.
    ///
    /// # Errors
    /// When it is not evaluated, or can never be.
    pub fn of(expr: &Expr, context: QueryContext, options: &QueryOptions) -> Result<Self, QueryError> {
        let options = lowered(context, options);
        let prepared = match Prepared::alone(expr, context, options) {
            Ok(None) => program(expr, options).map(Prepared::Program),
            Ok(Some(prepared)) => Ok(prepared),
            Err(problems) => Err(problems),
        };
        Ok(Self { prepared: prepared.map_err(QueryError::Refused)?, span: expr.span, told: Vec::new() })
    }

    /// Evaluates at one time.
    ///
    /// # Errors
    /// When the evaluation fails.
    pub fn at(&mut self, recording: &Store, at: Timestamp) -> Result<Value, QueryError> {
        self.at_on(&Inputs::of(recording), at)
    }

    /// Returns the warnings and infos of the latest evaluation, each once, in the order in which they came up.
    #[must_use]
    pub fn annotations(&self) -> &[Annotated] {
        &self.told
    }

    /// Evaluates at one time on a recording and what rules wrote.
    pub(crate) fn at_on(&mut self, inputs: &Inputs<'_>, at: Timestamp) -> Result<Value, QueryError> {
        self.told.clear();
        match &mut self.prepared {
            Prepared::Program(program) => {
                program.begin_anew(inputs);
                let mut value = Ok(Value::Vector(Vec::new()));
                let steps = Steps { slots: &[at], offset: Millis::ZERO };
                let told = &mut self.told;
                let mut take = |_, root: Root<'_>| {
                    value = value::at_first_step(&root);
                    note(told, &root);
                };
                program.run_probed(inputs, &steps, &mut Unheard, &mut take);
                value
            }
            alone => alone.alone_at(inputs, at, &mut self.told, &mut Unheard),
        }
    }

    /// Evaluates at the steps of a range, block by block; a scalar is one series without labels.
    ///
    /// # Errors
    /// When the evaluation fails at any step, or the query is a range vector or a string.
    pub fn over(&mut self, recording: &Store, range: QueryRange) -> Result<Value, QueryError> {
        let refused = |ty| QueryError::Refused(lower::not_at_a_step(self.span, ty));
        let program = match &mut self.prepared {
            Prepared::Program(program) => program,
            Prepared::Text(_) => return Err(refused(Type::String)),
            Prepared::Samples(_) | Prepared::Subquery(_) => return Err(refused(Type::Matrix)),
        };
        let inputs = Inputs::of(recording);
        program.begin_anew(&inputs);
        self.told.clear();
        steps_of(program, &inputs, range, None, &mut self.told, &mut Unheard).map(Value::Matrix)
    }
}

impl Prepared {
    /// Prepares what has no value at a step: a text or a range vector, where the context takes one.
    fn alone(expr: &Expr, context: QueryContext, options: LowerOptions) -> Result<Option<Self>, Vec<Problem>> {
        match (&expr.unparen().kind, expr.ty()) {
            _ if context != QueryContext::Instant => Ok(None),
            (ExprKind::String(text), _) => Ok(Some(Self::Text(text.clone()))),
            (_, Type::Matrix) => raw::prepare(expr, options).map(Some),
            _ => Ok(None),
        }
    }

    /// Evaluates at a time what has no value at a step.
    fn alone_at(
        &mut self,
        inputs: &Inputs<'_>,
        at: Timestamp,
        told: &mut Vec<Annotated>,
        probe: &mut impl Probe,
    ) -> Result<Value, QueryError> {
        match self {
            Self::Text(text) => Ok(Value::String(text.clone())),
            range => range.range_at(inputs, (at, at), told, probe),
        }
    }

    /// Evaluates a range vector at a time; written samples are seen as of a slot.
    fn range_at(
        &mut self,
        inputs: &Inputs<'_>,
        (at, slot): (Timestamp, Timestamp),
        told: &mut Vec<Annotated>,
        probe: &mut impl Probe,
    ) -> Result<Value, QueryError> {
        match self {
            Self::Samples(samples) => samples.at(inputs, at, slot).map(Value::Matrix),
            Self::Subquery(subquery) => subquery.at(inputs, (at, slot), told, probe).map(Value::Matrix),
            Self::Text(_) | Self::Program(_) => Ok(Value::Matrix(Vec::new())),
        }
    }
}

/// Returns how the expressions of a query are lowered.
fn lowered(context: QueryContext, options: &QueryOptions) -> LowerOptions {
    LowerOptions {
        lookback: options.lookback,
        subquery_step: options.subquery_step,
        delayed_names: options.delayed_names,
        start_timestamps: options.start_timestamps,
        context: match context {
            QueryContext::Instant | QueryContext::Rule => Context::Rule,
            QueryContext::Range(QueryRange { start, end, step }) => Context::Range { start, end, step },
        },
        reads_written: false,
    }
}

/// Plans a scalar or an instant vector.
fn program(expr: &Expr, options: LowerOptions) -> Result<Box<Program>, Vec<Problem>> {
    let mut program = Program::new(options);
    program.add(expr)?;
    program.want_order();
    Ok(Box::new(program))
}

/// Takes what a root told.
fn note(told: &mut Vec<Annotated>, root: &Root<'_>) {
    root.told.iter().for_each(|new| new.what.clone().put(told));
}

/// Evaluates a bound program at the steps of a range, block by block: of its own, or those of a subquery of a query at
/// the time given, on what was written by a slot.
fn steps_of(
    program: &mut Program,
    inputs: &Inputs<'_>,
    range: QueryRange,
    query: Option<(Timestamp, Timestamp)>,
    told: &mut Vec<Annotated>,
    probe: &mut impl Probe,
) -> Result<Vec<Series>, QueryError> {
    program.rows(inputs);
    let most = program.block_steps(range.step);
    let (mut steps, mut matrix, mut fault) = (range.steps(), Matrix::default(), None);
    let (mut block, mut slots) = (Vec::new(), Vec::new());
    loop {
        block.clear();
        block.extend(steps.by_ref().take(most));
        if block.is_empty() {
            return Ok(matrix.finish());
        }
        slots.clear();
        slots.extend(block.iter().map(|step| query.map_or(*step, |(_, slot)| slot)));
        let frame = Frame { inputs: *inputs, evals: &block, slots: &slots, query: query.map(|(at, _)| at) };
        program.run_frame(&frame, probe, &mut |_, root: Root<'_>| {
            note(told, &root);
            match root.faults.first() {
                Some(first) => fault = Some(QueryError::from(first)),
                None => {
                    matrix.add(&root, &block);
                }
            }
        });
        if let Some(fault) = fault {
            return Err(fault);
        }
    }
}
