//! `--plan` and `--analyze` with `-o json`: one object, `alertctl.query_plan/1`.

use std::io::{self, Write};

use serde::Serialize;

use crate::promql::query::operators::Operator;
use crate::report::number::{At, Seconds, write_json};
use crate::report::query::Answer;
use crate::time::Millis;

#[derive(Serialize)]
struct PlanOut<'a> {
    schema: &'static str,
    expr: &'a str,
    start: At,
    end: At,
    /// None where it is evaluated at one time.
    step_s: Option<Seconds>,
    series: usize,
    operators: Vec<OperatorOut<'a>>,
}

#[derive(Serialize)]
struct OperatorOut<'a> {
    depth: usize,
    operator: &'a str,
    expr: &'a str,
    shared: bool,
    series: Option<usize>,
    steps: u64,
    back_s: Option<Seconds>,
    ahead_s: Option<Seconds>,
    held: Option<[At; 2]>,
    samples: Option<u64>,
    time_ns: Option<u64>,
}

impl<'a> OperatorOut<'a> {
    fn of(operator: &'a Operator, text: &'a str) -> Self {
        let reach = operator.reach;
        let span = |length: Option<Millis>| length.map(Seconds);
        Self {
            depth: operator.depth,
            operator: &operator.does,
            expr: text.get(operator.span.range()).unwrap_or_default(),
            shared: operator.shared,
            series: operator.series,
            steps: operator.steps,
            back_s: span(reach.filter(|reach| reach.held.is_none()).map(|reach| reach.back)),
            ahead_s: span(reach.filter(|reach| reach.held.is_none()).map(|reach| reach.ahead)),
            held: reach.and_then(|reach| reach.held).map(|(from, to)| [At(from), At(to)]),
            samples: operator.cost.map(|cost| cost.samples),
            time_ns: operator.cost.map(|cost| cost.time_ns),
        }
    }
}

/// Writes the operators of an expression in one line; `series` is how many the recording has.
///
/// # Errors
/// What the writer says.
pub fn write(out: &mut dyn Write, answer: &Answer<'_>, operators: &[Operator], series: usize) -> io::Result<()> {
    let plan = PlanOut {
        schema: "alertctl.query_plan/1",
        expr: answer.text,
        start: At(answer.at),
        end: At(answer.range.map_or(answer.at, |range| range.last())),
        step_s: answer.range.map(|range| Seconds(range.step())),
        series,
        operators: operators.iter().map(|operator| OperatorOut::of(operator, answer.text)).collect(),
    };
    write_json(out, &plan)?;
    writeln!(out)
}
