//! `--plan` and `--analyze`: the operators of an expression, each above those that it reads.

pub mod json;

use std::io::{self, Write};

use crate::format::{Clock, count, one_line, short_count};
use crate::promql::query::operators::Operator;
use crate::report::profile::words::amount;
use crate::report::table::grid::{Cell, Column, Grid, printable};
use crate::report::wrap::hung;
use crate::store::Reach;
use crate::time::Millis;

use super::View;

/// Writes the operators of an expression, whose text is given, a row each; below them what was read of so many series.
///
/// # Errors
/// What the writer says.
pub fn write(
    out: &mut dyn Write,
    text: &str,
    operators: &[Operator],
    (when, series): (&str, usize),
    view: &View,
) -> io::Result<()> {
    let analyzed = operators.iter().any(|operator| operator.cost.is_some());
    let mut columns = vec![
        Column::left("OPERATOR", 0),
        Column::right("SERIES", 0),
        Column::right("STEPS", 2),
        Column::left("REACH", 1),
    ];
    if analyzed {
        columns.extend([Column::right("SAMPLES", 0), Column::right("TIME", 0)]);
    }
    columns.push(Column::words("EXPRESSION", 3));
    let mut grid = Grid::new(columns);
    for operator in operators {
        let shared = if operator.shared { " (see above)" } else { "" };
        let mut row = vec![
            Cell::from(format!("{}{}{shared}", "  ".repeat(operator.depth), operator.does)),
            Cell::from(operator.series.map_or_else(|| "-".to_owned(), |series| count(series as u64))),
            Cell::from(count(operator.steps)),
            Cell::from(operator.reach.map_or_else(String::new, |reach| reach_text(reach, &view.clock))),
        ];
        if analyzed {
            let cost = operator.cost.filter(|_| !operator.shared);
            let samples = |samples: u64| if samples == 0 { String::new() } else { short_count(samples) };
            row.push(Cell::from(cost.map_or_else(|| "-".to_owned(), |cost| samples(cost.samples))));
            row.push(Cell::from(cost.map_or_else(|| "-".to_owned(), |cost| amount(cost.time_ns as f64, "ns"))));
        }
        row.push(Cell::from(text.get(operator.span.range()).map(one_line).unwrap_or_default()));
        grid.row(row);
    }
    grid.write(out, view.width, view.color)?;
    let line = format!("evaluated {when}; {} series in the recording", count(series as u64));
    writeln!(out, "{}", hung(&printable(&line), view.width))
}

/// Says how far an operator looks from a step.
fn reach_text(reach: Reach, clock: &Clock) -> String {
    if let (Some(to), Some((from, _))) = (reach.pinned, reach.held) {
        return format!("{} before {}", to.since(from), clock.full(to));
    }
    let back = if reach.back > Millis::ZERO { format!("{} back", reach.back) } else { String::new() };
    let ahead = if reach.ahead > Millis::ZERO { format!("{} ahead", reach.ahead) } else { String::new() };
    [back, ahead].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::cell::Cell as Clocked;

    use super::*;
    use crate::input::GivenSeries;
    use crate::labels::LabelSet;
    use crate::outcome::RunOptions;
    use crate::promql::parse::parse;
    use crate::promql::query::query_set::QuerySet;
    use crate::promql::query::{QueryContext, QueryOptions, QueryRange};
    use crate::replay::{self, Work};
    use crate::time::Timestamp;

    /// Shows what an expression costs by a clock that goes on by 1 us when it is read: at 4 to 9 minutes, or at the last one.
    fn shown(text: &str, is_range: bool) -> String {
        let minute = |at: i64| Timestamp(at * 60_000);
        let series = |name: &str, host: &str| {
            let labels = LabelSet::new([("__name__", name), ("host", host)]);
            (labels, (0..=10).map(move |at| (minute(at), at as f64)))
        };
        let mut given = GivenSeries::new([series("requests", "a"), series("requests", "b"), series("up", "a")]);
        let range = QueryRange::new(minute(4), minute(9), Millis(60_000)).expect("a range");
        let context = if is_range { QueryContext::Range(range) } else { QueryContext::Instant };
        let mut queries = QuerySet::new(context, &QueryOptions::default());
        queries.add(&parse(text).expr).expect("it evaluates");
        let time = Clocked::new(0);
        let now = || time.replace(time.get() + 1_000);
        let options = RunOptions::default();
        let answers = replay::query(&queries, None, Work::Analyze(&now), &options, &mut given, &mut ()).expect("reads");
        let view = View { clock: Clock::utc(), width: None, color: false, rows: None, height: 4 };
        let mut out = Vec::new();
        write(&mut out, text, &answers.operators, ("now", answers.store.len()), &view).expect("a vector takes all");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn operators_are_shown_with_what_they_cost() {
        let text = "sum(rate(requests[2m])) / count(max_over_time(up[4m:2m])) + sum(rate(requests[2m]))";
        insta::assert_snapshot!(shown(text, true), @r"
        OPERATOR                      SERIES  STEPS  REACH    SAMPLES  TIME  EXPRESSION
        vectors +                          1      6                    1 us  sum(rate(requests[2m])) / count(max_over_time(up[4m:2m])) + sum(rate(requests[2m]))
          vectors /                        1      6                    1 us  sum(rate(requests[2m])) / count(max_over_time(up[4m:2m]))
            sum                            1      6                    1 us  sum(rate(requests[2m]))
              rate(requests[2m])           2      6  2m back       24  1 us  rate(requests[2m])
            count                          1      6                    1 us  count(max_over_time(up[4m:2m]))
              max_over_time([4m:2m])       1      6  4m back       12  1 us  max_over_time(up[4m:2m])
                up                         1      2  5m back        -     -  up
          sum (see above)                  1      6                 -     -  sum(rate(requests[2m]))
        evaluated now; 3 series in the recording
        ");
    }

    #[test]
    fn a_range_vector_by_itself_is_shown_with_what_it_cost() {
        let all = ["requests[2m]", "sum(requests)[4m:2m]", "'text'"].map(|text| shown(text, false));
        insta::assert_snapshot!(all.concat(), @r"
        OPERATOR      SERIES  STEPS  REACH    SAMPLES  TIME  EXPRESSION
        requests[2m]       2      1  2m back        4  1 us  requests[2m]
        evaluated now; 3 series in the recording
        OPERATOR      SERIES  STEPS  REACH    SAMPLES  TIME  EXPRESSION
        [4m:2m]            -      1  4m back           3 us  sum(requests)[4m:2m]
          sum              1      2                    1 us  sum(requests)
            requests       2      2  5m back        4  1 us  requests
        evaluated now; 3 series in the recording
        OPERATOR  SERIES  STEPS  REACH  SAMPLES  TIME  EXPRESSION
        string         -      1                  1 us  'text'
        evaluated now; 3 series in the recording
        ");
    }
}
