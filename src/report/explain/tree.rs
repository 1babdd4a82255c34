//! The tree of an expression, line by line.

use super::Line;
use super::words::{Times, apart, series, verdict, why};
use crate::explain::{Explanation, Given, Node, Range, Row, SourceRule, Why};
use crate::format::{count, counted, value};
use crate::labels::LabelSet;
use crate::promql::query::SampleValue;
use crate::report::number::shortest;
use crate::report::wrap::width;
use crate::time::Timestamp;

/// The most rows or resets that are listed of a part.
const LISTED: usize = 3;
/// The samples that are listed on a line.
const PER_LINE: usize = 4;
/// What is said of values that are no numbers.
const HISTOGRAMS: &str = "native histograms";
/// The least and the greatest value that may be seconds since the epoch: 2001 and 2096.
const TIMES: std::ops::Range<f64> = 1e9..4e9;

/// Returns the lines of a tree, within so many columns; `full` leaves nothing out.
pub(super) fn lines(explanation: &Explanation, times: &Times<'_>, (columns, full): (usize, bool)) -> Vec<Line> {
    let known = explanation.alert.clone().unwrap_or_else(LabelSet::empty);
    let room = (columns * 45 / 100).saturating_sub(6).max(16);
    let widest = widest(&explanation.tree, 1).min(room);
    let mut tree = Tree { times, known, full, text: widest, lines: Vec::new() };
    tree.node(&explanation.tree, 1, true);
    tree.lines
}

/// Returns how many columns the texts of a tree take, those of sources included.
fn widest(node: &Node, depth: usize) -> usize {
    let below = node.below.iter().map(|below| widest(below, depth + 1));
    let source = node.source.as_ref().map(|source| widest(&source.tree, depth + 2));
    below.chain(source).max().unwrap_or(0).max(2 * depth + width(&node.text))
}

struct Tree<'a> {
    times: &'a Times<'a>,
    /// The labels of the alert, which need not be repeated.
    known: LabelSet,
    full: bool,
    /// The columns of texts.
    text: usize,
    lines: Vec<Line>,
}

impl Tree<'_> {
    /// Adds a part; `close`: its rows are worth listing.
    fn node(&mut self, node: &Node, depth: usize, close: bool) {
        let indent = "  ".repeat(depth);
        let room = self.text.saturating_sub(indent.len()).max(16);
        let text = if self.full { node.text.clone() } else { shortened(&node.text, room) };
        let (first, more) = self.gave(node, close || node.decides);
        let mark = if node.decides { "  <-" } else { "" };
        let left = format!("{indent}{text}");
        let gap = if first.is_empty() { 0 } else { self.text.saturating_sub(width(&left)) + 2 };
        self.lines.push((format!("{left}{}{first}{mark}", " ".repeat(gap)), self.text + 4));
        let under = " ".repeat(self.text + 4);
        self.lines.extend(more.into_iter().map(|line| (format!("{under}{line}"), self.text + 6)));
        // What stands next to the part says it; so does the tree of the rule that should have written it.
        let is_shown = |reason: &&Why| !matches!(reason, Why::False { .. } | Why::Source { .. } | Why::NoSource(_));
        let reason = node
            .why
            .as_ref()
            .filter(|reason| is_shown(reason) || node.source.is_none() && !matches!(reason, Why::False { .. }));
        self.lines.extend(reason.map(|reason| (format!("{indent}  -> {}", why(reason, self.times)), indent.len() + 5)));
        let groups = node.text.ends_with(')') && node.below.len() == 1;
        for below in &node.below {
            self.node(below, depth + 1, groups);
        }
        if let Some(source) = &node.source {
            let SourceRule { record, file, line, at, tree } = &**source;
            let wrote = format!("{indent}  written by {file}:{line} at {}: {record}", self.times.at(*at));
            self.lines.push((wrote, indent.len() + 4));
            self.node(tree, depth + 2, false);
        }
    }

    /// Returns what a part gave: what stands next to it, and lines below.
    fn gave(&self, node: &Node, close: bool) -> (String, Vec<String>) {
        let at = node.at.map_or(String::new(), |at| format!(" at {}", self.times.at(at)));
        if let Some(found) = &node.verdict {
            return (verdict(found, node.decides), Vec::new());
        }
        match &node.gave {
            Given::Scalar(found) => (format!("{}{at}", self.number(*found, node)), Vec::new()),
            Given::Failed(_) => ("failed".to_owned(), Vec::new()),
            Given::Unevaluated => ("not evaluated".to_owned(), Vec::new()),
            Given::Rows { rows, others, nearest } => match rows.as_slice() {
                [] => {
                    let left = others.saturating_sub(nearest.len());
                    let left = (left > 0 && !nearest.is_empty()).then(|| format!("{left} more"));
                    let lines = nearest.iter().map(|row| self.row(row, node)).chain(left);
                    (format!("nothing{at}{}", of_others(*others)), lines.collect())
                }
                [row] => (format!("{}{at}", self.row(row, node)), Vec::new()),
                rows => {
                    let (low, high) = rows
                        .iter()
                        .filter_map(|row| row.value.float())
                        .fold((f64::NAN, f64::NAN), |(low, high), value| (low.min(value), high.max(value)));
                    let values = match rows.iter().all(|row| row.value.float().is_none()) {
                        true => HISTOGRAMS.to_owned(),
                        false => between(low, high),
                    };
                    let first = format!("{} series, {values}{at}", count(rows.len() as u64));
                    let listed = if self.full {
                        rows.len()
                    } else if close {
                        LISTED
                    } else {
                        0
                    };
                    let lines = rows.iter().take(listed).map(|row| self.row(row, node));
                    let left = rows.len().saturating_sub(listed);
                    let left = (left > 0 && listed > 0).then(|| format!("{left} more: --full"));
                    (first, lines.chain(left).collect())
                }
            },
            Given::Ranges { ranges, others } => match ranges.as_slice() {
                [] if *others == 0 => (format!("no samples{at}"), Vec::new()),
                [] => (format!("no samples{at}; {} other series have some", count(*others as u64)), Vec::new()),
                [range] => (format!("{}{at}", self.range(range)), self.details(range)),
                ranges => {
                    let samples: u64 = ranges.iter().map(|range| range.samples as u64).sum();
                    let of = count(ranges.len() as u64);
                    let first = format!("{of} series, {}{at}", counted(samples, "sample"));
                    let each = |range: &Range| std::iter::once(self.range(range)).chain(self.details(range));
                    let reset = ranges.iter().filter(|range| !range.resets.is_empty());
                    let lines = match self.full {
                        true => ranges.iter().flat_map(each).collect(),
                        false => reset.take(LISTED).flat_map(each).collect(),
                    };
                    (first, lines)
                }
            },
        }
    }

    /// Writes a value; as a time where it is one.
    fn number(&self, number: f64, node: &Node) -> String {
        let is_time = node.text == "time()"
            || node.text.starts_with("timestamp(")
            || node.text.starts_with("ts_of_")
            || node.text.contains("timestamp") && node.below.is_empty();
        if is_time && TIMES.contains(&number) {
            return self.times.clock.full(Timestamp((number * 1000.0) as i64));
        }
        value(number)
    }

    fn row(&self, row: &Row, node: &Node) -> String {
        let sampled = row.sampled.map_or(String::new(), |at| format!(", sampled {}", self.times.at(at)));
        let value = match &row.value {
            SampleValue::Float(value) => self.number(*value, node),
            histogram @ SampleValue::Histogram(_) => histogram.to_string(),
        };
        format!("{value}{}{sampled}", self.others(&row.labels))
    }

    fn range(&self, range: &Range) -> String {
        let Range { labels, samples, first, last, between: (low, high), .. } = range;
        let when = match first.0 == last.0 {
            true => self.times.at(first.0),
            false => format!("{} to {}", self.times.at(first.0), self.times.at(last.0)),
        };
        let values = match range.values.iter().all(|(_, value)| value.float().is_none()) {
            true => HISTOGRAMS.to_owned(),
            false => between(*low, *high),
        };
        format!("{}, {when}, {values}{}", counted(*samples as u64, "sample"), self.others(labels))
    }

    /// Returns where a counter began again, and with all that is known the samples, some on a line.
    fn details(&self, range: &Range) -> Vec<String> {
        let mut lines = self.resets(range);
        if self.full && range.samples > 1 {
            let sample = |(at, found): &(Timestamp, SampleValue)| {
                let found = found.float().map_or_else(|| found.to_string(), shortest);
                format!("{} {found}", self.times.at(*at))
            };
            let lines_of =
                |samples: &[(Timestamp, SampleValue)]| samples.iter().map(sample).collect::<Vec<_>>().join(", ");
            lines.extend(range.values.chunks(PER_LINE).map(lines_of));
        }
        lines
    }

    fn resets(&self, range: &Range) -> Vec<String> {
        let listed = if self.full { usize::MAX } else { LISTED };
        let reset = |(at, before, then): &(Timestamp, f64, f64)| {
            let (before, then) = apart(*before, *then);
            format!("counter reset at {}: {before} to {then}", self.times.at(*at))
        };
        range.resets.iter().take(listed).map(reset).collect()
    }

    /// Writes the labels of a row that the alert does not have, or has otherwise; the name is in the expression.
    fn others(&self, labels: &LabelSet) -> String {
        let own = labels.without_metric().filter(|name| self.known.get(name) != labels.get(name));
        if own.is_empty() { String::new() } else { format!(" {}", series(&own)) }
    }
}

fn of_others(others: usize) -> String {
    match others {
        0 => String::new(),
        1 => " that fits; another series has:".to_owned(),
        others => format!(" that fits; {} other series have:", count(others as u64)),
    }
}

fn between(low: f64, high: f64) -> String {
    if low == high || high.is_nan() {
        return value(high);
    }
    let (low, high) = apart(low, high);
    format!("{low} to {high}")
}

/// Cuts the middle out of a text that has more columns than there is room for: its end often tells most.
fn shortened(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let (head, tail) = (room.saturating_sub(5).div_ceil(2), room.saturating_sub(5) / 2);
    let chars: Vec<char> = text.chars().collect();
    let first: String = chars.iter().take(head).collect();
    let last: String = chars[chars.len().saturating_sub(tail)..].iter().collect();
    format!("{} ... {}", first.trim_end(), last.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_a_long_text_is_cut() {
        assert_eq!(shortened("sum by (job) (rate(errors_total[5m])) > 0.5", 24), "sum by (jo ... ])) > 0.5");
        assert_eq!(shortened("up == 0", 24), "up == 0");
    }
}
