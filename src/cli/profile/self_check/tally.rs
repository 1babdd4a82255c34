//! What came out, part by part and metric by metric.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::profile::compare::Comparison;
use crate::profile::gate::Verdict;

use super::SLOWDOWNS;

/// The most false alarms. A share.
const FALSE_ALARMS: f64 = 0.01;
/// The fewest slowdowns by a tenth that must be found in turns. A share.
const CAUGHT: f64 = 0.95;

/// What a part must hold besides few false alarms, and that code twice as slow never passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Promise {
    /// That a slowdown by a tenth is found.
    InTurns,
    /// Nothing.
    Saved,
    /// Nothing: of short times more is tolerated.
    TwoBuilds,
}

/// What was found at one slowdown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    metrics: u64,
    regressions: u64,
    inconclusive: u64,
}

impl Tally {
    fn add(&mut self, verdict: Verdict) {
        self.metrics += 1;
        self.regressions += u64::from(verdict == Verdict::Regression);
        self.inconclusive += u64::from(verdict == Verdict::Inconclusive);
    }

    fn share(self) -> f64 {
        self.regressions as f64 / self.metrics.max(1) as f64
    }

    /// Writes how many regressions there were.
    fn found(self) -> String {
        match self.metrics {
            0 => "-".to_owned(),
            _ => format!("{} of {}, {:.1} %", self.regressions, self.metrics, self.share() * 100.0),
        }
    }
}

/// One way of comparing.
#[derive(Debug)]
pub(super) struct Part {
    name: String,
    promise: Promise,
    by_metric: BTreeMap<String, [Tally; SLOWDOWNS.len()]>,
}

impl Part {
    pub(super) fn new(name: String, promise: Promise) -> Self {
        Self { name, promise, by_metric: BTreeMap::new() }
    }

    /// Adds a comparison of code so much slower.
    pub(super) fn add(&mut self, column: usize, comparison: &Comparison) {
        for metric in &comparison.metrics {
            self.by_metric.entry(metric.id.clone()).or_default()[column].add(metric.decision.verdict);
        }
    }

    fn all(&self) -> [Tally; SLOWDOWNS.len()] {
        let mut all = [Tally::default(); SLOWDOWNS.len()];
        for tallies in self.by_metric.values() {
            for (sum, tally) in all.iter_mut().zip(tallies) {
                sum.metrics += tally.metrics;
                sum.regressions += tally.regressions;
                sum.inconclusive += tally.inconclusive;
            }
        }
        all
    }

    /// Returns whether what is promised was held.
    pub(super) fn is_good(&self) -> bool {
        let [same, tenth, twice] = self.all();
        same.share() <= FALSE_ALARMS
            && (self.promise != Promise::InTurns || tenth.share() >= CAUGHT)
            && twice.regressions + twice.inconclusive == twice.metrics
    }
}

/// Writes a row; the first cell is wider.
pub(super) fn row(text: &mut String, first: &str, cells: &[String]) {
    let mut line = format!("{first:<32}");
    for cell in cells {
        let _ = write!(line, "{cell:<22}");
    }
    let _ = writeln!(text, "{}", line.trim_end());
}

/// Writes the parts, and which metric found how much.
pub(super) fn told(parts: &[Part]) -> String {
    let mut text = String::new();
    let head = |first: &str, cells: &[&str], text: &mut String| {
        row(text, first, &cells.iter().map(|&cell| cell.to_owned()).collect::<Vec<_>>());
    };
    head("PART", &["FALSE ALARMS", "CAUGHT AT 1.1X", "CAUGHT AT 2X", "INCONCLUSIVE"], &mut text);
    for part in parts {
        let all = part.all();
        let mut cells: Vec<String> = all.iter().map(|tally| tally.found()).collect();
        cells.push(all.map(|tally| tally.inconclusive.to_string()).join(" / "));
        row(&mut text, &part.name, &cells);
    }
    text.push_str(
        "\nExpected: false alarms at most 1 %; at 1.1x in turns at least 95 %; at 2x all but what is inconclusive.\n\n",
    );
    head("METRIC", &["FALSE ALARMS", "CAUGHT AT 1.1X", "CAUGHT AT 2X"], &mut text);
    for part in parts {
        let _ = writeln!(text, "{}", part.name);
        for (id, tallies) in &part.by_metric {
            row(&mut text, &format!("  {id}"), &tallies.map(Tally::found));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(promise: Promise, columns: [[Verdict; 4]; 3]) -> Part {
        let mut part = Part::new("built-in workload, in turns".to_owned(), promise);
        for (column, verdicts) in columns.into_iter().enumerate() {
            for (at, verdict) in verdicts.into_iter().enumerate() {
                let id = if at == 0 { "cond.above.ns" } else { "live.rule1.ns" };
                part.by_metric.entry(id.to_owned()).or_default()[column].add(verdict);
            }
        }
        part
    }

    #[test]
    fn parts_hold_what_is_promised_or_not() {
        use Verdict::{Inconclusive as I, Ok as O, Regression as R};
        let check = |promise, columns, expected| assert_eq!(part(promise, columns).is_good(), expected, "{columns:?}");
        check(Promise::InTurns, [[O, O, I, O], [R; 4], [R; 4]], true);
        check(Promise::InTurns, [[O, O, O, R], [R; 4], [R; 4]], false);
        check(Promise::InTurns, [[O; 4], [R, R, R, I], [R; 4]], false);
        check(Promise::Saved, [[O; 4], [R, R, O, I], [R, R, R, I]], true);
        check(Promise::Saved, [[O; 4], [R; 4], [R, R, R, O]], false);
        check(Promise::TwoBuilds, [[O; 4], [O; 4], [R; 4]], true);
        check(Promise::TwoBuilds, [[O, R, O, O], [O; 4], [R; 4]], false);
    }

    #[test]
    fn shares_are_of_all_metrics() {
        use Verdict::{Inconclusive as I, Ok as O, Regression as R};
        let text = told(&[part(Promise::InTurns, [[O, R, I, O], [R, R, R, O], [R; 4]])]);
        insta::assert_snapshot!(text, @"
        PART                            FALSE ALARMS          CAUGHT AT 1.1X        CAUGHT AT 2X          INCONCLUSIVE
        built-in workload, in turns     1 of 4, 25.0 %        3 of 4, 75.0 %        4 of 4, 100.0 %       1 / 0 / 0

        Expected: false alarms at most 1 %; at 1.1x in turns at least 95 %; at 2x all but what is inconclusive.

        METRIC                          FALSE ALARMS          CAUGHT AT 1.1X        CAUGHT AT 2X
        built-in workload, in turns
          cond.above.ns                 0 of 1, 0.0 %         1 of 1, 100.0 %       1 of 1, 100.0 %
          live.rule1.ns                 1 of 3, 33.3 %        2 of 3, 66.7 %        3 of 3, 100.0 %
        ");
    }
}
