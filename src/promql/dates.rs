//! Parts of dates, in UTC, of values that are seconds since the epoch.

/// A part of a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum DateFn {
    Minute,
    Hour,
    DayOfWeek,
    DayOfMonth,
    DayOfYear,
    DaysInMonth,
    Month,
    Year,
}

/// Days before the first of each month, counted from March: leap days come last.
const DAYS_BEFORE: [u64; 12] = [0, 31, 61, 92, 122, 153, 184, 214, 245, 275, 306, 337];
/// The days of 400 years, after which the calendar repeats.
const DAYS_OF_400_YEARS: u64 = 146_097;
/// The year in which Go's absolute time begins, on the first of March.
const FIRST_YEAR: i64 = -292_277_022_400;
/// The days from there to the epoch.
const DAYS_TO_EPOCH: u64 = 292_277_022_400 / 400 * DAYS_OF_400_YEARS + 719_468;
const SECONDS_OF_DAY: u64 = 86_400;

impl DateFn {
    /// Returns the part of the date at `seconds` since the epoch. NaN and what 64 bits of seconds cannot hold are the
    /// least number of seconds, as on the machines Prometheus mostly runs on.
    ///
    /// Source: promql.md 8.5; Prometheus' `dateWrapper`.
    pub(crate) fn apply(self, seconds: f64) -> f64 {
        const TOO_LARGE: f64 = (1u64 << 63) as f64;
        let whole = if (-TOO_LARGE..TOO_LARGE).contains(&seconds) { seconds as i64 } else { i64::MIN };
        // Wraps at both ends of the 292 billion years, as Go does.
        let absolute = (whole as u64).wrapping_add(DAYS_TO_EPOCH * SECONDS_OF_DAY);
        let of_day = absolute % SECONDS_OF_DAY;
        let days = absolute / SECONDS_OF_DAY;
        match self {
            Self::Minute => (of_day / 60 % 60) as f64,
            Self::Hour => (of_day / 3600) as f64,
            // Day 0 was a Wednesday.
            Self::DayOfWeek => ((days + 3) % 7) as f64,
            Self::DayOfMonth => Date::of(days).day as f64,
            Self::DayOfYear => Date::of(days).day_of_year as f64,
            Self::DaysInMonth => Date::of(days).days_in_month() as f64,
            Self::Month => Date::of(days).month as f64,
            Self::Year => Date::of(days).year as f64,
        }
    }
}

/// A date of the calendar.
struct Date {
    year: i64,
    /// From 1.
    month: u64,
    /// From 1.
    day: u64,
    /// From 1.
    day_of_year: u64,
}

impl Date {
    /// Takes days since the first of March of [`FIRST_YEAR`].
    fn of(days: u64) -> Self {
        let cycle = days / DAYS_OF_400_YEARS;
        let day = days % DAYS_OF_400_YEARS;
        // The last day of a cycle is the leap day that centuries otherwise lack; so is the last of four years.
        let century = (day / 36_524).min(3);
        let day = day - century * 36_524;
        let four = day / 1_461;
        let day = day % 1_461;
        let year = (day / 365).min(3);
        let day = day - year * 365;
        let march_year = cycle * 400 + century * 100 + four * 4 + year;
        let month = DAYS_BEFORE.partition_point(|before| *before <= day) - 1;
        let next = u64::from(month >= 10);
        let year = FIRST_YEAR + (march_year + next) as i64;
        let day_of_year = if next == 1 { day - 306 + 1 } else { day + 60 + u64::from(is_leap(year)) };
        Self { year, month: (month as u64 + 2) % 12 + 1, day: day - DAYS_BEFORE[month] + 1, day_of_year }
    }

    fn days_in_month(&self) -> u64 {
        match self.month {
            2 => 28 + u64::from(is_leap(self.year)),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [DateFn; 8] = [
        DateFn::Minute,
        DateFn::Hour,
        DateFn::DayOfWeek,
        DateFn::DayOfMonth,
        DateFn::DayOfYear,
        DateFn::DaysInMonth,
        DateFn::Month,
        DateFn::Year,
    ];

    fn check(seconds: f64, expected: [f64; 8]) {
        let got = ALL.map(|function| function.apply(seconds));
        assert_eq!(got, expected, "{seconds}");
    }

    #[test]
    fn dates_have_parts() {
        check(0.0, [0.0, 0.0, 4.0, 1.0, 1.0, 31.0, 1.0, 1970.0]);
        check(-0.5, [0.0, 0.0, 4.0, 1.0, 1.0, 31.0, 1.0, 1970.0]);
        check(-1.0, [59.0, 23.0, 3.0, 31.0, 365.0, 31.0, 12.0, 1969.0]);
        check(951_782_400.0, [0.0, 0.0, 2.0, 29.0, 60.0, 29.0, 2.0, 2000.0]);
        check(1_709_210_096.7, [34.0, 12.0, 4.0, 29.0, 60.0, 29.0, 2.0, 2024.0]);
        check(1_735_689_599.0, [59.0, 23.0, 2.0, 31.0, 366.0, 31.0, 12.0, 2024.0]);
        check(4_107_542_400.0, [0.0, 0.0, 1.0, 1.0, 60.0, 31.0, 3.0, 2100.0]);
    }

    #[test]
    fn every_day_agrees_with_jiff() {
        for day in (-719_000..2_900_000).step_by(17) {
            let stamp = jiff::Timestamp::from_second(day * 86_400).expect("in range");
            let date = jiff::tz::Offset::UTC.to_datetime(stamp).date();
            let expected = [
                f64::from(date.weekday().to_sunday_zero_offset()),
                f64::from(date.day()),
                f64::from(date.day_of_year()),
                f64::from(date.days_in_month()),
                f64::from(date.month()),
                f64::from(date.year()),
            ];
            let got = ALL[2..].iter().map(|function| function.apply((day * 86_400) as f64)).collect::<Vec<_>>();
            assert_eq!(got, expected, "{date}");
        }
    }

    #[test]
    fn impossible_times_are_the_first_one() {
        for seconds in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300] {
            for function in ALL {
                assert_eq!(function.apply(seconds), function.apply(i64::MIN as f64));
            }
        }
    }
}
