//! Why expressions have no series: looked for once it is known that they have none.

use crate::explain::{Reason, Why, absence};
use crate::labels::LabelSet;
use crate::outcome::{Known, Lack, RunOptions};
use crate::promql::ast::{BinaryOp, Expr, ExprKind, Side};
use crate::promql::eval::scalar_binary;
use crate::promql::query::query_set::QuerySet;
use crate::promql::query::{QueryContext, QueryRange, Value};
use crate::replay::{self, Answers, Work};
use crate::report::query::reason::Looked;
use crate::time::Timestamp;

use super::NOTES;
use super::texts::Text;
use crate::cli::flags::ConsoleArgs;
use crate::cli::flags::input::ReadArgs;
use crate::cli::interrupt::Interrupt;
use crate::cli::load::Shared;
use crate::cli::ui::Terminal;
use crate::cli::watch::Watch;

/// Why an expression has no series.
pub(super) struct Empty {
    pub(super) reason: Reason,
    /// What it is told of.
    pub(super) looked: Looked,
}

impl Empty {
    /// Returns whether it is for want of a metric.
    pub(super) fn needs_metric(&self) -> bool {
        matches!(self.reason.why, Why::NoMetric { .. })
    }
}

/// Returns whether a result has no series.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Vector(samples) => samples.is_empty(),
        Value::Matrix(series) => series.is_empty(),
        Value::Scalar(_) | Value::String(_) => false,
    }
}

/// Looks for reasons in what a run left of its recordings.
pub(super) struct Reasons<'a> {
    known: Known<'a>,
    answers: &'a Answers,
    range: Option<QueryRange>,
    options: &'a RunOptions,
    again: Option<&'a Again<'a>>,
    /// How many more are told.
    left: usize,
}

impl<'a> Reasons<'a> {
    /// Begins to look; `told`: whether reasons are shown at all. Cost: a walk over all series.
    pub(super) fn of(
        told: bool,
        answers: &'a Answers,
        range: Option<QueryRange>,
        options: &'a RunOptions,
        again: Option<&'a Again<'a>>,
    ) -> Self {
        let left = if told { NOTES } else { 0 };
        Self { known: Known::new(&answers.store, Vec::new()), answers, range, options, again, left }
    }

    /// Finds why an expression has no series.
    pub(super) fn find(&mut self, expr: &'a Expr, text: &Text) -> Empty {
        let Answers { store, survey, at, .. } = self.answers;
        let at = self.range.map_or(at.unwrap_or_default(), QueryRange::last);
        let context = self.range.map_or(QueryContext::Instant, QueryContext::Range);
        // What is not told is asked for the exit code alone, which depends on metrics.
        let is_asked = self.left > 0 || matches!(self.known.lack(expr), Some(Lack::Metric(_)));
        self.left = self.left.saturating_sub(1);
        let query = self.options.engine().query();
        let found = is_asked.then(|| absence((expr, &text.text), &self.known, (store, survey), at, (context, &query)));
        let reason = found.and_then(Result::ok).unwrap_or_else(|| Reason::of(Why::Nothing));
        let Some(range) = self.range else { return Empty { reason, looked: Looked::Once } };
        match self.again.and_then(|again| again.nearest(expr, &reason, range)) {
            Some((reason, at)) => Empty { reason, looked: Looked::AtAll(at) },
            None => Empty { reason, looked: Looked::AtLast(at) },
        }
    }
}

/// Recordings that were read, and can be read again.
pub(super) struct Again<'a> {
    pub(super) recordings: Vec<Shared>,
    pub(super) read: &'a ReadArgs,
    pub(super) console: ConsoleArgs,
    pub(super) options: &'a RunOptions,
    pub(super) terminal: &'a Terminal,
    pub(super) interrupt: &'a Interrupt,
}

impl Again<'_> {
    /// Looks at all steps of a range for what a reason says of its last one: of a comparison with a number the value that
    /// came nearest, and when. None where the reason is another one, or no step has a value.
    ///
    /// Cost: the recordings are read again, and one side of the comparison is evaluated.
    pub(super) fn nearest(&self, expr: &Expr, reason: &Reason, range: QueryRange) -> Option<(Reason, Timestamp)> {
        let Why::False { op, left, right, scalar: Some(scalar), written: true, others, .. } = reason.why else {
            return None;
        };
        let mut parts = Vec::new();
        expr.walk(&mut |part| parts.push(part));
        let ExprKind::Binary(binary) = &parts.get(reason.part)?.kind else { return None };
        let (side, limit) = if scalar == Side::Right { (&binary.lhs, right) } else { (&binary.rhs, left) };
        let mut queries = QuerySet::new(QueryContext::Range(range), &self.options.engine().query());
        queries.add(side).ok()?;
        let mut opened = self.read.open("query", Shared::again(&self.recordings), self.read.options().ok()?).ok()?;
        let mut watch = Watch::new(self.console, self.terminal, opened.length, self.interrupt);
        let found = replay::query(&queries, None, Work::Evaluate, self.options, &mut opened.recording, &mut watch);
        watch.done();
        let Ok(Value::Matrix(series)) = found.ok()?.answered.into_iter().next()?.result else { return None };
        let floats = series
            .iter()
            .flat_map(|one| one.samples.iter().filter_map(|(at, value)| Some((&one.labels, *at, value.float()?))));
        let distance = |value: f64| if op == BinaryOp::NotEqual { 0.0 } else { (value - limit).abs() };
        let floats = floats.filter(|(_, _, value)| !value.is_nan());
        // What passes at another step is not what decided there.
        let passes = |value: f64| {
            let (left, right) = if scalar == Side::Right { (value, limit) } else { (limit, value) };
            scalar_binary(op, left, right) == 1.0
        };
        if floats.clone().any(|(_, _, value)| passes(value)) {
            return None;
        }
        // The first of several.
        let (labels, at, value): (&LabelSet, Timestamp, f64) =
            floats.min_by(|a, b| distance(a.2).total_cmp(&distance(b.2)).then(a.1.cmp(&b.1)))?;
        let (left, right) = if scalar == Side::Right { (value, limit) } else { (limit, value) };
        let why = Why::False { op, labels: labels.clone(), left, right, scalar: Some(scalar), written: true, others };
        Some((Reason { why, ..reason.clone() }, at))
    }
}
