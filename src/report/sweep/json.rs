//! `-o json` with `--set`: one object with everything, `alertctl.sweep/1`.

use std::io::{self, Write};

use serde::Serialize;

use crate::engine::stretch::Stretch;
use crate::labels::LabelSet;
use crate::outcome::summary::Summary;
use crate::report::json::{self, FindingOut, GateOut, OptionsOut, RangeOut, SEMANTICS, Tool};
use crate::report::number::{At, Labels, Number, Seconds, write_json};
use crate::sweep::ask::Value;
use crate::sweep::plan::{Axis, Place};
use crate::sweep::{Judged, Plan, Row, Swept};

use super::heat::Figure;

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    tool: Tool<'a>,
    options: OptionsOut<'a>,
    range: RangeOut,
    alert: AlertOut<'a>,
    parameters: Vec<ParameterOut<'a>>,
    span_s: Option<Seconds>,
    #[serde(skip_serializing_if = "Option::is_none")]
    incidents: Option<IncidentsOut>,
    rows: Vec<RowOut<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    heat_maps: Vec<HeatOut<'a>>,
    diagnostics: Vec<FindingOut<'a>>,
    gate: GateOut,
}

#[derive(Serialize)]
struct AlertOut<'a> {
    alert: &'a str,
    group: &'a str,
    file: &'a str,
    line: u32,
    expr: Option<&'a str>,
    severity: Option<&'a str>,
}

#[derive(Serialize)]
struct ParameterOut<'a> {
    name: &'a str,
    kind: &'static str,
    unit: Option<&'static str>,
    written: &'a str,
    places: Vec<PlaceOut<'a>>,
    values: Vec<ValueOut>,
    now: ValueOut,
}

#[derive(Serialize)]
struct PlaceOut<'a> {
    file: &'a str,
    line: u32,
    column: u32,
}

#[derive(Serialize)]
#[serde(untagged)]
enum ValueOut {
    Span(Seconds),
    Number(Number),
}

#[derive(Serialize)]
struct IncidentsOut {
    judged: usize,
    outside: usize,
    left_out: usize,
}

#[derive(Serialize)]
struct RowOut<'a> {
    values: Vec<ValueOut>,
    now: bool,
    firings: u64,
    bursts: u64,
    firing_s: Seconds,
    bursts_per_day: Option<Number>,
    label_sets: u64,
    near_misses: u64,
    failed_evaluations: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    incidents: Option<JudgementOut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    episodes: Option<Vec<EpisodeOut<'a>>>,
}

#[derive(Serialize)]
struct JudgementOut {
    caught: u64,
    missed: u64,
    false_firings: u64,
    detection_s: Option<Seconds>,
    best: bool,
}

#[derive(Serialize)]
struct EpisodeOut<'a> {
    labels: Labels<'a>,
    active_at: At,
    fired_at: Option<At>,
    /// When it became inactive, as `resolved_at` of an ordinary run.
    resolved_at: Option<At>,
}

#[derive(Serialize)]
struct HeatOut<'a> {
    figure: &'static str,
    rows: &'a str,
    columns: &'a str,
    cells: Vec<Vec<u64>>,
}

/// Writes a sweep as one JSON object in one line; `episodes`: with those of each row.
///
/// # Errors
/// What the writer says.
pub fn write(out: &mut dyn Write, plan: &Plan, swept: &Swept, summary: &Summary, episodes: bool) -> io::Result<()> {
    write_json(out, &document(plan, swept, summary, episodes))?;
    out.write_all(b"\n")
}

fn document<'a>(plan: &'a Plan, swept: &'a Swept, summary: &Summary, episodes: bool) -> Document<'a> {
    let outcome = &swept.outcome;
    let rule = outcome.rules.first();
    let now = plan.now();
    Document {
        schema: "alertctl.sweep/1",
        tool: Tool { version: &outcome.version, semantics: SEMANTICS },
        options: json::options(outcome),
        range: json::range(outcome),
        alert: AlertOut {
            alert: &plan.alert,
            group: &plan.group,
            file: &plan.place.file,
            line: plan.place.line,
            expr: rule.map(|rule| rule.expr.as_str()),
            severity: rule.and_then(|rule| rule.severity.as_deref()),
        },
        parameters: plan.axes.iter().map(parameter).collect(),
        span_s: swept.span.map(Seconds),
        incidents: swept.incidents.map(|Judged { judged, outside, left_out }| IncidentsOut {
            judged,
            outside,
            left_out,
        }),
        rows: swept.rows.iter().enumerate().map(|(at, row)| row_out(plan, swept, (at, row), now, episodes)).collect(),
        heat_maps: heat_maps(plan, swept),
        diagnostics: json::findings(outcome),
        gate: json::gate(outcome, summary),
    }
}

fn parameter(axis: &Axis) -> ParameterOut<'_> {
    ParameterOut {
        name: &axis.name,
        kind: axis.key.word(),
        unit: (!axis.key.is_number()).then_some("s"),
        written: &axis.written,
        places: axis.places.iter().map(place).collect(),
        values: axis.values.iter().map(value).collect(),
        now: value(&axis.values[axis.now]),
    }
}

fn place(place: &Place) -> PlaceOut<'_> {
    PlaceOut { file: &place.file, line: place.line, column: place.column }
}

fn value(value: &Value) -> ValueOut {
    match value {
        Value::Span(span) => ValueOut::Span(Seconds(*span)),
        Value::Number(number) => ValueOut::Number(Number(*number)),
    }
}

fn row_out<'a>(plan: &Plan, swept: &Swept, (at, row): (usize, &'a Row), now: usize, episodes: bool) -> RowOut<'a> {
    let tally = &row.tally;
    RowOut {
        values: plan.axes.iter().zip(plan.point(at)).map(|(axis, at)| value(&axis.values[at])).collect(),
        now: at == now,
        firings: tally.firings,
        bursts: tally.bursts,
        firing_s: Seconds(tally.firing),
        bursts_per_day: swept.pages_a_day(row).map(Number),
        label_sets: tally.label_sets,
        near_misses: tally.near_misses,
        failed_evaluations: row.failed,
        incidents: row.judgement.as_ref().map(|judgement| JudgementOut {
            caught: judgement.caught,
            missed: judgement.missed,
            false_firings: judgement.false_firings,
            detection_s: judgement.detection.map(Seconds),
            best: row.best,
        }),
        episodes: episodes.then(|| row.episodes.iter().map(episode).collect()),
    }
}

fn episode((labels, stretch): &(LabelSet, Stretch)) -> EpisodeOut<'_> {
    EpisodeOut {
        labels: Labels(labels),
        active_at: At(stretch.active_at),
        fired_at: stretch.fired_at.map(At),
        resolved_at: stretch.fired_at.and(stretch.ended_at).map(At),
    }
}

fn heat_maps<'a>(plan: &'a Plan, swept: &Swept) -> Vec<HeatOut<'a>> {
    let [down, across] = plan.axes.as_slice() else { return Vec::new() };
    let map = |figure: &Figure| {
        let cell = |at: usize, other: usize| figure.of(&swept.rows[plan.number(&[at, other])]);
        let line = |at: usize| (0..across.values.len()).map(|other| cell(at, other)).collect();
        HeatOut {
            figure: figure.key(),
            rows: &down.name,
            columns: &across.name,
            cells: (0..down.values.len()).map(line).collect(),
        }
    };
    let bursts = Some(&Figure::Bursts).filter(|_| swept.incidents.is_some());
    bursts.into_iter().chain(Figure::all(swept)).map(map).collect()
}
