//! What a person would want to know of the rows next to their figures, for standard error.

use std::collections::BTreeMap;

use crate::format::{count, counted};
use crate::sweep::{Plan, Swept};
use crate::time::Timestamp;

use super::shown;

/// The most lines of one kind.
const SHOWN: usize = 10;

/// Says which incidents no alert can be about, and at which values evaluations failed: one line for each message. The rule as it is is left out, which a run tells
/// of itself.
#[must_use]
pub fn notes(plan: &Plan, swept: &Swept) -> Vec<String> {
    let mut causes: BTreeMap<&str, Vec<(usize, Timestamp, u64)>> = BTreeMap::new();
    for (at, row) in swept.rows.iter().enumerate().filter(|(at, _)| *at != plan.now()) {
        if let Some(fault) = &row.fault {
            causes.entry(&fault.message).or_default().push((at, fault.first, row.failed));
        }
    }
    let mut causes: Vec<_> = causes.into_iter().collect();
    causes.sort_by_key(|(_, rows)| rows.first().map(|row| row.0));
    let line = |(message, rows): &(&str, Vec<(usize, Timestamp, u64)>)| {
        let (first, from, _) = rows.first()?;
        let from = rows.iter().map(|(_, from, _)| from).min().unwrap_or(from);
        let failed = counted(rows.iter().map(|(.., failed)| failed).sum(), "evaluation");
        let more = rows.len() - 1;
        let more = if more > 0 { format!(" and {}", counted(more as u64, "more row")) } else { String::new() };
        let point = plan.point(*first);
        let values: Vec<String> = plan
            .axes
            .iter()
            .zip(&point)
            .map(|(axis, at)| format!("{}={}", axis.name, shown(&axis.values[*at])))
            .collect();
        Some(format!(
            "warning: {}: {}{more}: {failed} failed, first at {from}: {message}",
            plan.alert,
            values.join(" ")
        ))
    };
    let mut lines: Vec<String> =
        swept.unmet.iter().take(SHOWN).map(|why| format!("warning: incidents that no alert is about: {why}")).collect();
    if let Some(more @ 1..) = swept.unmet.len().checked_sub(SHOWN) {
        lines.push(format!("         and {} more such", count(more as u64)));
    }
    lines.extend(causes.iter().take(SHOWN).filter_map(line));
    if let Some(more @ 1..) = causes.len().checked_sub(SHOWN) {
        lines.push(format!("         and {} more such: -o csv counts them", count(more as u64)));
    }
    lines
}
