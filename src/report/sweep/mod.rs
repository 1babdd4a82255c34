//! What other values of a rule's parameters would have done: a table or a heat map for people, one row per combination
//! of values for machines.

mod csv;
mod expressions;
mod heat;
mod json;
mod notes;
mod table;

use std::collections::BTreeSet;

use crate::outcome::{Outcome, in_steps};
use crate::report::number::shortest;
use crate::sweep::ask::{Key, Value};
use crate::sweep::plan::Axis;
use crate::sweep::{Plan, Swept};
use crate::time::Millis;

pub use self::csv::write as write_csv;
pub use self::expressions::write as write_expressions;
pub use self::json::write as write_json;
pub use self::notes::notes;
pub use self::table::{write as write_table, write_markdown};

/// Writes a value as people do.
fn shown(value: &Value) -> String {
    match value {
        Value::Span(span) => span.to_string(),
        Value::Number(number) => shortest(*number),
    }
}

/// Writes a value of a parameter as people do, with what `for` and `keep_firing_for` amount to at the steps of the
/// rule: `1m30s (2m)`.
fn felt(axis: &Axis, at: usize, outcome: &Outcome) -> String {
    let value = &axis.values[at];
    let interval = outcome.rules.first().map_or(Millis::ZERO, |rule| outcome.interval(rule));
    match (axis.key, value) {
        (Key::Hold | Key::Keep, Value::Span(span)) if in_steps(*span, interval) != *span => {
            format!("{} ({})", shown(value), in_steps(*span, interval))
        }
        _ => shown(value),
    }
}

/// Writes a value as a number: spans in seconds.
fn number(value: &Value) -> f64 {
    match value {
        Value::Span(span) => span.seconds(),
        Value::Number(number) => *number,
    }
}

/// Says what a parameter is now and where: `0.9 at node.yml:12:29`.
fn meant(axis: &Axis) -> String {
    let places: Vec<String> = axis.places.iter().map(ToString::to_string).collect();
    match (axis.key, places.as_slice()) {
        (Key::Hold | Key::Keep, _) | (_, []) => axis.written.clone(),
        (_, places) => format!("{} at {}", axis.written, places.join(", ")),
    }
}

/// Returns the places of at most so many of a number of things, spread evenly over all, with one that must be among them.
fn spread(count: usize, most: usize, must: usize) -> Vec<usize> {
    if count <= most {
        return (0..count).collect();
    }
    let most = most.max(1);
    let even = |at: usize| if most == 1 { must } else { at * (count - 1) / (most - 1) };
    let mut places: Vec<usize> = (0..most).map(even).collect();
    let nearest = (0..most).min_by_key(|at| places[*at].abs_diff(must)).unwrap_or_default();
    places[nearest] = must;
    places
}

/// Returns the numbers of at most so many rows: the rule's own and the best ones first of all, then others evenly spread
/// over all.
fn rows(plan: &Plan, swept: &Swept, most: usize) -> Vec<usize> {
    let best = (0..swept.rows.len()).filter(|at| swept.rows[*at].best);
    let chosen: BTreeSet<usize> = [plan.now()].into_iter().chain(best).take(most.max(1)).collect();
    let left = most.saturating_sub(chosen.len());
    let others: Vec<usize> = (0..swept.rows.len()).filter(|at| !chosen.contains(at)).collect();
    let places = if left == 0 { Vec::new() } else { spread(others.len(), left, 0) };
    let others: Vec<usize> = places.into_iter().map(|place| others[place]).collect();
    chosen.into_iter().chain(others).collect::<BTreeSet<_>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_must_be_shown_is_among_what_fits() {
        assert_eq!(spread(3, 5, 1), [0, 1, 2]);
        assert_eq!(spread(9, 3, 3), [0, 3, 8]);
        assert_eq!(spread(100, 4, 99), [0, 33, 66, 99]);
        assert_eq!(spread(100, 1, 7), [7]);
    }
}
