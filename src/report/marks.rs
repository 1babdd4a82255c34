//! The times along a drawing.

use crate::format::{Clock, Fraction};
use crate::time::{Millis, Timestamp};

/// The distances of marks below a second. Unit: milliseconds.
const SHORT: [i64; 9] = [1, 2, 5, 10, 20, 50, 100, 200, 500];
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
/// marks so far apart (none where such marks would not meet columns), `place` the column of an instant.
pub(crate) fn line(
    clock: &Clock,
    shift: Millis,
    (from, to): (Timestamp, Timestamp),
    apart: impl Fn(Millis) -> Option<usize>,
    place: impl Fn(Timestamp) -> usize,
    limit: usize,
) -> (String, Vec<usize>) {
    let wide = |mark: i64| match mark {
        ..1_000 => 12,
        1_000..60_000 => 8,
        60_000..3_600_000 => 5,
        3_600_000..86_400_000 => 2,
        _ => 10,
    };
    let fits = |mark: &i64| apart(Millis(*mark)).is_some_and(|apart| apart >= wide(*mark) + 3);
    // Marks of one instant have no distance.
    let short = SHORT.into_iter().filter(|_| from < to);
    let marks = short.chain(ROUND.map(|seconds| seconds * 1000));
    let Some(mark) = marks.into_iter().find(fits) else { return (String::new(), Vec::new()) };
    let clock = &clock.clone().showing(if mark < 1000 { Fraction::Shown } else { Fraction::Hidden });
    let (mut line, mut columns) = (String::new(), Vec::new());
    let first = from.plus(Millis((-from.plus(shift).0).rem_euclid(mark)));
    let marks = std::iter::successors(Some(first), |at| at.0.checked_add(mark).map(Timestamp));
    for at in marks.take_while(|at| *at <= to) {
        let column = place(at);
        if line.len() > column {
            continue;
        }
        let text = if mark >= 86_400_000 { clock.date(at) } else { clock.time(at) };
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
