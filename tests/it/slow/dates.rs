//! Parts of dates, UTC, in the proleptic Gregorian calendar.

/// A date and time of day.
struct Date {
    year: i128,
    month: i128,
    day: i128,
    days: i128,
    second: i128,
}

/// Returns whole seconds of a sample's value, as a conversion to 64 bits gives them on the machines Prometheus runs on:
/// what does not fit is the least number.
pub(crate) fn seconds(value: f64) -> i64 {
    let cut = value.trunc();
    if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&cut) { cut as i64 } else { i64::MIN }
}

/// Returns the date function with a name; it takes seconds since the epoch.
pub(crate) fn function(name: &str) -> Option<fn(i64) -> f64> {
    Some(match name {
        "minute" => |at| (date(at).second / 60 % 60) as f64,
        "hour" => |at| (date(at).second / 3600) as f64,
        "day_of_week" => |at| (date(at).days + 4).rem_euclid(7) as f64,
        "day_of_month" => |at| date(at).day as f64,
        "day_of_year" => |at| {
            let date = date(at);
            ((1..date.month).map(|month| length(date.year, month)).sum::<i128>() + date.day) as f64
        },
        "days_in_month" => |at| {
            let date = date(at);
            length(date.year, date.month) as f64
        },
        "month" => |at| date(at).month as f64,
        "year" => |at| date(at).year as f64,
        _ => return None,
    })
}

fn leap(year: i128) -> bool {
    year.rem_euclid(4) == 0 && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0)
}

fn length(year: i128, month: i128) -> i128 {
    match month {
        2 if leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The seconds from where Go's calendar begins, on the first of March of the year -292,277,022,400, to the epoch.
const GO_TO_EPOCH: i128 = (292_277_022_400 / 400 * 146_097 + 719_468) * 86_400;

fn date(at: i64) -> Date {
    // Go counts in 64 bits from there; what is before comes out at the other end.
    let at = (i128::from(at) + GO_TO_EPOCH).rem_euclid(1 << 64) - GO_TO_EPOCH;
    let days = at.div_euclid(86_400);
    // 400 years have 146,097 days; counting on from the year 2000 no more than that many are left to walk.
    let from_2000 = days - 10_957;
    let mut year = 2000 + from_2000.div_euclid(146_097) * 400;
    let mut left = from_2000.rem_euclid(146_097);
    while left >= 365 + i128::from(leap(year)) {
        left -= 365 + i128::from(leap(year));
        year += 1;
    }
    let mut month = 1;
    while left >= length(year, month) {
        left -= length(year, month);
        month += 1;
    }
    Date { year, month, day: left + 1, days, second: at.rem_euclid(86_400) }
}
