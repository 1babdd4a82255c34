//! `profile --soak`: a table for people, and JSON.

use std::io::{self, Write};

use serde::Serialize;

use super::View;
use super::words;
use crate::format;
use crate::profile::soak::{Day, MISSING, OUTAGE, Pass, RESTART, SoakReport};
use crate::report::number::{Seconds, write_json};
use crate::report::table::grid::{Cell, Column, Grid, Tone};
use crate::report::wrap::hung;

/// The schema and its version; keys are only added within one.
pub const SCHEMA: &str = "alertctl.soak/1";

/// Writes the days as a table, and what was found.
///
/// # Errors
/// What the writer says.
pub fn table(out: &mut dyn Write, report: &SoakReport, view: &View) -> io::Result<()> {
    for line in heading(report) {
        writeln!(out, "{}", hung(&line, view.width))?;
    }
    writeln!(out)?;
    let titles = [
        ("DAY", 0),
        ("LIVE BYTES", 0),
        ("NO RESTARTS", 0),
        ("ALLOCATIONS", 2),
        ("P50", 0),
        ("P99", 0),
        ("EVENTS", 0),
        ("ALERTS", 1),
    ];
    let mut grid = Grid::new(titles.into_iter().map(|(title, rank)| Column::right(title, rank)).collect());
    for (number, (day, other)) in (1..).zip(report.restarted.days.iter().zip(&report.continuous.days)) {
        let bytes = |bytes: i64| format::count(u64::try_from(bytes).unwrap_or(0));
        let time = |ns: u64| words::amount(ns as f64, "ns");
        let row: [String; 8] = [
            u32::to_string(&number),
            bytes(day.live_bytes),
            bytes(other.live_bytes),
            format::count(day.allocations),
            time(day.p50_ns),
            time(day.p99_ns),
            format::count(day.events),
            format::count(day.alerts),
        ];
        grid.row(row.into_iter().map(Cell::from).collect());
    }
    grid.write(out, view.width, view.color)?;
    writeln!(out)?;
    let finding = report.finding();
    for line in &finding.lines {
        let tone = if finding.is_stable { Tone::Plain } else { Tone::Bad };
        writeln!(out, "{}", tone.paint(&hung(line, view.width), view.color))?;
    }
    Ok(())
}

/// Says what the days were.
fn heading(report: &SoakReport) -> [String; 2] {
    let what = if report.is_built_in { "the built-in workload" } else { "your rules" };
    let SoakReport { days, cadence, .. } = report;
    let counted = |count, noun| format::counted(count, noun);
    [
        format!(
            "{days} days of {what} ({}), a snapshot every {cadence}: {} series of {}, and {} a day, seed {}",
            counted(report.rules, "rule"),
            format::count(report.series),
            counted(report.label_sets, "label set"),
            counted(report.new_label_sets, "new label set"),
            report.seed
        ),
        format!(
            "each day: half of the label sets are missing from {:02}:00 to {:02}:00, nothing arrives from {:02}:00 to \
             {:02}:00, save and restore at {RESTART}:00",
            MISSING.0, MISSING.1, OUTAGE.0, OUTAGE.1
        ),
    ]
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    days: Vec<DayOut>,
    base_day: u32,
    growth_bytes: i64,
    growth_bytes_no_restarts: i64,
    left_bytes: i64,
    left_bytes_no_restarts: i64,
    stable: bool,
    findings: &'a [String],
    cadence_s: Seconds,
    workload: &'static str,
    rules: u64,
    series: u64,
    label_sets: u64,
    new_label_sets: u64,
    seed: u64,
    exit: u8,
}

#[derive(Serialize)]
struct DayOut {
    day: u32,
    live_bytes: i64,
    live_bytes_no_restarts: i64,
    allocations: u64,
    allocations_no_restarts: u64,
    p50_ns: u64,
    p99_ns: u64,
    events: u64,
    events_no_restarts: u64,
    alerts: u64,
    saved_bytes: u64,
    saved_bytes_no_restarts: u64,
    faults: u64,
}

/// Writes the days as one JSON object in one line.
///
/// # Errors
/// What the writer says.
pub fn json(out: &mut dyn Write, report: &SoakReport) -> io::Result<()> {
    let finding = report.finding();
    let Pass { days: continuous, .. } = &report.continuous;
    let day = |(number, (day, other)): (u32, (&Day, &Day))| DayOut {
        day: number,
        live_bytes: day.live_bytes,
        live_bytes_no_restarts: other.live_bytes,
        allocations: day.allocations,
        allocations_no_restarts: other.allocations,
        p50_ns: day.p50_ns,
        p99_ns: day.p99_ns,
        events: day.events,
        events_no_restarts: other.events,
        alerts: day.alerts,
        saved_bytes: day.saved_bytes,
        saved_bytes_no_restarts: other.saved_bytes,
        faults: other.faults,
    };
    let document = Document {
        schema: SCHEMA,
        days: (1..).zip(report.restarted.days.iter().zip(continuous)).map(day).collect(),
        base_day: report.base,
        growth_bytes: report.restarted.growth(report.base),
        growth_bytes_no_restarts: report.continuous.growth(report.base),
        left_bytes: report.restarted.left_bytes,
        left_bytes_no_restarts: report.continuous.left_bytes,
        stable: finding.is_stable,
        findings: &finding.lines,
        cadence_s: Seconds(report.cadence),
        workload: if report.is_built_in { "built-in" } else { "rules" },
        rules: report.rules,
        series: report.series,
        label_sets: report.label_sets,
        new_label_sets: report.new_label_sets,
        seed: report.seed,
        exit: u8::from(!finding.is_stable),
    };
    write_json(out, &document)?;
    out.write_all(b"\n")
}
