//! Runs the commands of a file.

use std::collections::BTreeMap;

use alertctl::labels::LabelSet;
use alertctl::promql::annotation::{Annotated, Level};
use alertctl::promql::ast::Expr;

use super::evaluators::Evaluate;
use super::format::{Case, Command, Load, When, commands};
use super::report::{Outcome, Report};
use super::{compare, needs, nhcb, pin};
use crate::slow::{Context, Fault, SampleValue, Starts, Stored, Value};

/// Reads an expression.
///
/// # Errors
/// The first problem.
pub(crate) fn expression(text: &str) -> Result<Expr, String> {
    let parsed = alertctl::promql::parse::parse(text);
    match parsed.problems.first() {
        Some(problem) => Err(format!("{text}: {}", problem.message)),
        None => Ok(parsed.expr),
    }
}

/// The samples at one point of a file.
#[derive(Default)]
struct State {
    series: BTreeMap<LabelSet, BTreeMap<i64, SampleValue>>,
    starts: Starts,
}

impl State {
    /// Adds samples; those of a series that comes twice are the last ones.
    fn load(&mut self, load: Load) -> Result<(), String> {
        let series: BTreeMap<LabelSet, needs::Values> = load.series.into_iter().collect();
        let native = if load.with_nhcb { nhcb::made(&series)? } else { BTreeMap::new() };
        let at = |step: usize| i64::try_from(step).unwrap_or(i64::MAX).saturating_mul(load.every);
        let written = series.into_iter().map(|(labels, values)| {
            let starts =
                values.starts.iter().enumerate().filter_map(|(step, start)| Some((at(step), (*start)? + at(step))));
            self.starts.entry(labels.clone()).or_default().extend(starts.filter(|(_, start)| *start != 0));
            let samples = values.samples.into_iter().enumerate();
            (labels, samples.filter_map(|(step, written)| Some((step, written?.value))).collect())
        });
        let written: Vec<(LabelSet, BTreeMap<usize, SampleValue>)> = written.collect();
        for (labels, samples) in written.into_iter().chain(native) {
            let points = self.series.entry(labels).or_default();
            points.extend(samples.into_iter().map(|(step, value)| (at(step), value)));
        }
        Ok(())
    }

    fn data(&self) -> Vec<Stored> {
        let points = |points: &BTreeMap<i64, SampleValue>| points.iter().map(|(at, v)| (*at, v.clone())).collect();
        self.series.iter().map(|(labels, of)| (labels.clone(), points(of))).collect()
    }
}

/// Runs a file and tells the report.
pub(crate) fn file<E: Evaluate>(name: &str, text: &str, evaluator: &E, report: &mut Report) {
    let commands = match commands(text) {
        Ok(commands) => commands,
        Err((line, error)) => return report.file(name, vec![(line, Outcome::Failed(error))]),
    };
    let mut state = State::default();
    let mut storage = evaluator.load(&[], &Starts::new());
    let mut outcomes = Vec::new();
    for command in commands {
        match command {
            Command::Clear => state = State::default(),
            Command::Load(load) => {
                let line = load.line;
                if let Err(error) = state.load(load) {
                    outcomes.push((line, Outcome::Failed(error)));
                }
            }
            Command::Eval(case) => {
                outcomes.push((case.line, outcome(evaluator, &storage, &case)));
                continue;
            }
        }
        storage = evaluator.load(&state.data(), &state.starts);
    }
    report.file(name, outcomes);
}

fn outcome<E: Evaluate>(evaluator: &E, storage: &E::Storage, case: &Case) -> Outcome {
    let expr = match expression(&case.expr) {
        Ok(expr) => expr,
        // What Prometheus refuses when it evaluates may be refused here when it is read: a string is a text.
        Err(error) => {
            let words = error.strip_prefix(&format!("{}: ", case.expr)).unwrap_or(&error).to_owned();
            return judge(case, Err(Fault::Failed(words))).unwrap_or_else(|outcome| outcome).with(&case.expr);
        }
    };
    match case.when {
        When::Range { start, end, step } => {
            let context = Context { start, end, step };
            let result = evaluator.range(storage, &expr, context);
            let outcome = judge(case, result).and_then(|_| told(case, evaluator.told(storage, &expr, Err(context))));
            outcome.unwrap_or_else(|outcome| outcome).with(&case.expr)
        }
        When::Instant(at) => instants(evaluator, storage, case, &expr, at).with(&case.expr),
    }
}

impl Outcome {
    fn with(self, expr: &str) -> Self {
        match self {
            Self::Failed(how) => Self::Failed(format!("{expr}\n    {how}")),
            other => other,
        }
    }
}

/// Compares one result; `Err` when that settles the case, `Ok` when it may go on.
fn judge(case: &Case, result: Result<Value, Fault>) -> Result<Outcome, Outcome> {
    match (result, &case.fails) {
        (Err(Fault::Unsupported(why)), _) => Err(Outcome::Skipped(why)),
        (Err(Fault::Failed(words)), Some(wanted)) if wanted.fit(&words) => Ok(Outcome::Passed),
        (Err(Fault::Failed(words)), _) => Err(Outcome::Failed(format!("fails: {words}"))),
        (Ok(value), Some(_)) => Err(Outcome::Failed(format!("expected to fail, got {value:?}"))),
        (Ok(value), None) => match compare::result(case, &value) {
            Ok(()) => Ok(Outcome::Passed),
            Err(how) => Err(Outcome::Failed(how)),
        },
    }
}

/// Compares warnings and infos, where an evaluator tells them.
fn told(case: &Case, told: Option<Vec<Annotated>>) -> Result<Outcome, Outcome> {
    for (level, wanted) in [Level::Warning, Level::Info].into_iter().zip(&case.told) {
        let of_level = told.iter().flatten().filter(|told| told.what.level() == level);
        let texts: Vec<String> = of_level.map(|told| told.in_text(&case.expr)).collect();
        if told.is_some() && case.fails.is_none() {
            wanted.check(&texts).map_err(Outcome::Failed)?;
        }
    }
    Ok(Outcome::Passed)
}

/// Evaluates at the time asked for, then, pinned to that time, at others, and each as the middle of a range.
fn instants<E: Evaluate>(evaluator: &E, storage: &E::Storage, case: &Case, expr: &Expr, at: i64) -> Outcome {
    let mut queries = vec![(expr.clone(), at)];
    if let Some(pinned) = pin::pinned(expr, at) {
        let others = if at == 0 { vec![-1000, 0, 1000] } else { vec![-10 * at, 0, at / 5, at, 10 * at] };
        queries.extend(others.into_iter().map(|other| (pinned.clone(), other)));
    }
    for (number, (expr, at)) in queries.into_iter().enumerate() {
        let how = |outcome: Outcome, mode: &str| match outcome {
            Outcome::Failed(how) if number > 0 => Outcome::Failed(format!("pinned, at {at} ms{mode}: {how}")),
            Outcome::Failed(how) => Outcome::Failed(format!("{}{how}", mode.trim_start_matches(", "))),
            other => other,
        };
        let result = evaluator.instant(storage, &expr, at);
        let scalar = matches!(result, Ok(Value::Scalar(_)));
        let judged = judge(case, result).and_then(|_| told(case, evaluator.told(storage, &expr, Ok(at))));
        if let Err(outcome) = judged {
            return how(outcome, "");
        }
        if case.fails.is_some() || case.string.is_some() || case.range_vector.is_some() || pin::reads_context(&expr) {
            continue;
        }
        let context = Context { start: at - 60_000, end: at + 60_000, step: 60_000 };
        let middle = evaluator.range(storage, &expr, context).map(|value| middle(value, at, scalar));
        if case.ordered && middle.is_ok() {
            continue;
        }
        if let Err(outcome) = judge(case, middle) {
            return how(outcome, ", in range mode: ");
        }
    }
    Outcome::Passed
}

/// Takes the values at one time out of a range's result.
fn middle(value: Value, at: i64, scalar: bool) -> Value {
    let Value::Matrix(series) = value else { return value };
    let value =
        |points: Vec<(i64, SampleValue)>| points.into_iter().find(|(time, _)| *time == at).map(|(_, value)| value);
    let samples: Vec<(LabelSet, SampleValue)> =
        series.into_iter().filter_map(|(labels, points)| Some((labels, value(points)?))).collect();
    match samples.first() {
        Some((_, SampleValue::Float(value))) if scalar => Value::Scalar(*value),
        _ => Value::Vector(samples),
    }
}
