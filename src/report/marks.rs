//! The times along a drawing.

use crate::format::Clock;
use crate::time::{Millis, Timestamp};

/// The lengths that a part of a drawing may have, and the distances of its marks. Unit: seconds.
pub(crate) const ROUND: [i64; 27] = [
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1_800,
    3_600,
    7_200,
    10_800,
    14_400,
    21_600,
    43_200,
    86_400,
    2 * 86_400,
    7 * 86_400,
    14 * 86_400,
    28 * 86_400,
    84 * 86_400,
    364 * 86_400,
    3_640 * 86_400,
    36_400 * 86_400,
];

/// Writes the times along a drawing of a stretch of time, within a width, and returns the columns that they begin at.
///
/// `shift` is what is added to an instant to get the time of day of the zone, `apart` how many columns lie between two
/// marks so many seconds apart (none where such marks would not meet columns), `place` the column of an instant.
pub(crate) fn line(
    clock: &Clock,
    shift: Millis,
    (from, to): (Timestamp, Timestamp),
    apart: impl Fn(i64) -> Option<usize>,
    place: impl Fn(Timestamp) -> usize,
    limit: usize,
) -> (String, Vec<usize>) {
    let wide = |seconds: i64| match seconds {
        ..60 => 8,
        60..3_600 => 5,
        3_600..86_400 => 2,
        _ => 10,
    };
    let fits = |seconds: &i64| apart(*seconds).is_some_and(|apart| apart >= wide(*seconds) + 3);
    let Some(mark) = ROUND.into_iter().find(fits) else { return (String::new(), Vec::new()) };
    let (mut line, mut columns) = (String::new(), Vec::new());
    let first = from.plus(Millis((-from.plus(shift).0).rem_euclid(mark * 1000)));
    let marks = std::iter::successors(Some(first), |at| at.0.checked_add(mark * 1000).map(Timestamp));
    for at in marks.take_while(|at| *at <= to) {
        let column = place(at);
        if line.len() > column {
            continue;
        }
        let text = if mark >= 86_400 { clock.date(at) } else { clock.time(at) };
        let text: String = text.chars().take(wide(mark)).collect();
        if column + text.len() > limit {
            break;
        }
        line.push_str(&" ".repeat(column - line.len()));
        line.push_str(&text);
        columns.push(column);
    }
    (line, columns)
}
