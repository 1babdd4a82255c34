//! What explanations say in words.

use crate::explain::{Explanation, Happening, Reason, Verdict, What, Why};
use crate::format::{Clock, count, counted, duration, one_line, to_digits, value};
use crate::labels::{LabelSet, METRIC_NAME};
use crate::promql::ast::BinaryOp;
use crate::report::number::shortest;
use crate::report::openmetrics::{is_plain, series_text};
use crate::time::Timestamp;

/// Writes times as short as the span of a recording allows.
pub(in crate::report) struct Times<'a> {
    pub(super) clock: &'a Clock,
    from: Timestamp,
    to: Timestamp,
}

impl<'a> Times<'a> {
    pub(super) fn of(explanation: &Explanation, clock: &'a Clock) -> Self {
        let range = &explanation.outcome.range;
        Self { clock, from: range.data_start.unwrap_or_default(), to: range.data_end.unwrap_or_default() }
    }

    /// Writes times in full.
    pub(in crate::report) fn exact(clock: &'a Clock) -> Self {
        Self { clock, from: Timestamp::MIN, to: Timestamp::MAX }
    }

    pub(super) fn at(&self, at: Timestamp) -> String {
        self.clock.within(at, self.from, self.to)
    }

    /// Returns the day that all times are of, if they are of one.
    pub(super) fn day(&self) -> Option<String> {
        let day = self.clock.day(self.from);
        (day == self.clock.day(self.to)).then_some(day)
    }
}

/// The most digits of a number that somebody wrote.
const WRITTEN: usize = 8;

/// Writes two numbers in so many digits that they look as different as they are. The second one, which often stands in the
/// expression, is never rounded where it has few digits.
pub(in crate::report) fn apart(a: f64, b: f64) -> (String, String) {
    let far = a - b;
    let round = |number: f64, digits: usize| to_digits(number, digits + 1);
    let written = round(b, WRITTEN - 1) == b;
    let second = |digits: usize| if written { b } else { round(b, digits) };
    let fits = |digits: usize| ((round(a, digits) - second(digits)) - far).abs() <= far.abs() / 10.0;
    let plain = |number: f64| if round(number, 2) == number { value(number) } else { shortest(number) };
    if far == 0.0 || !far.is_finite() {
        return if written { (plain(a), plain(b)) } else { (value(a), value(b)) };
    }
    let digits = (2..17).find(|digits| fits(*digits)).unwrap_or(17);
    if digits == 2 {
        return (value(a), plain(second(2)));
    }
    // Next to a number in full, one that is cut looks like another number.
    let own = if written { (2..WRITTEN).find(|digits| round(b, *digits) == b).unwrap_or(WRITTEN) } else { digits };
    (shortest(round(a, digits.max(own))), shortest(second(digits)))
}

/// Writes by how much a comparison holds or does not; `alerts`: whether the result is that of a rule.
pub(super) fn verdict(verdict: &Verdict, alerts: bool) -> String {
    let Verdict { holds, op, left, right, turned, returns_bool } = *verdict;
    let (a, b) = apart(left, right);
    let by = (left - right).abs();
    let over = if turned { right > left } else { left > right };
    let side = match op {
        _ if by.is_nan() || by == 0.0 || by.is_infinite() => String::new(),
        BinaryOp::Equal | BinaryOp::NotEqual => format!(", {} apart", value(by)),
        _ if over => format!(", {} over", value(by)),
        _ => format!(", {} under", value(by)),
    };
    let word = match (returns_bool, holds) {
        (true, holds) => format!("gives {}", u8::from(holds)),
        (false, true) => "true".to_owned(),
        (false, false) => "false".to_owned(),
    };
    let active = if returns_bool && alerts && !holds { "; an alert is active at any value, at 0 too" } else { "" };
    format!("{word}: {a} {} {b}{side}{active}", op.symbol())
}

/// Writes the labels of a series, its name in front; names that could not stand in PromQL so are in quotes.
pub(in crate::report) fn series(labels: &LabelSet) -> String {
    let plain = |(name, value): (&str, &str)| is_plain(name, "") && (name != METRIC_NAME || is_plain(value, ":"));
    if labels.iter().all(plain) { labels.to_string() } else { series_text(labels) }
}

/// Writes which comparison is false.
pub(super) fn falsehood(text: &str, why: &Why) -> String {
    match why {
        Why::False { op, left, right, .. } => {
            let (a, b) = apart(*left, *right);
            format!("`{}` is false: {a} {} {b}", one_line(text), op.symbol())
        }
        _ => String::new(),
    }
}

/// Writes why there was no sample.
pub(in crate::report) fn why(reason: &Why, times: &Times<'_>) -> String {
    match reason {
        Why::Failed { message } => format!("the evaluation failed: {message}"),
        Why::False { op, left, right, others, .. } => {
            let (a, b) = apart(*left, *right);
            let others = match others {
                0 => String::new(),
                1 => "; the other series is not nearer".to_owned(),
                others => format!("; {others} other series are not nearer"),
            };
            format!("{a} {} {b} is false{others}", op.symbol())
        }
        Why::NoSample { series: one, of, last, next, ended, down, .. } => {
            let which = match of {
                0 | 1 => series(one),
                of => format!("{} or {} other series like it", series(one), count(*of as u64 - 1)),
            };
            let until = next.map_or(String::new(), |next| format!(", until {}", times.at(next)));
            let since = match (ended, last) {
                (Some(ended), _) => format!("{which} was marked stale at {}{until}", times.at(*ended)),
                (None, Some(last)) => format!("no sample of {which} after {}{until}", times.at(*last)),
                (None, None) => match next {
                    Some(next) => format!("no sample of {which} before {}", times.at(*next)),
                    None => format!("no sample of {which}"),
                },
            };
            let down = down.as_ref().map_or(String::new(), |up| format!("; the scrape failed: {} was 0", series(up)));
            format!("{since}{down}")
        }
        Why::Outside { selector, at, moved, edge } => {
            let (at, edge) = (times.at(*at), (times.at(*edge), *at < *edge));
            let side = match edge {
                (edge, true) => format!("before the recording, which begins at {edge}"),
                (edge, false) => format!("after the recording, which ends at {edge}"),
            };
            if *moved { format!("`{selector}` is read at {at}, {side}") } else { format!("{at} is {side}") }
        }
        Why::NoStep { subquery } => {
            format!("no step of `{}` lies in its window: steps are multiples of its step", one_line(subquery))
        }
        Why::NoSeries { selector, wanted, nearest } => {
            let near = nearest.as_ref().map_or(String::new(), |near| format!("; nearest: {}", series(near)));
            format!("no series of `{selector}` has {wanted}{near}")
        }
        Why::NoMatch { selector, unmatched, near, nearest } => {
            let what = match unmatched {
                Some(unmatched) => unmatched.to_string(),
                None => format!("no series matches `{selector}`"),
            };
            let near = if near.is_empty() { String::new() } else { format!(", near: {}", near.join(", ")) };
            let nearest = nearest.as_ref().map_or(String::new(), |one| format!("; nearest: {}", series(one)));
            format!("{what}{near}{nearest}")
        }
        Why::Source { record, file, line, text, why: below } => {
            let below = match &**below {
                Why::Failed { message } => format!("failed: {message}"),
                Why::False { .. } => format!("gave nothing: {}", falsehood(text, below)),
                below => format!("gave nothing: {}", why(below, times)),
            };
            format!("the rule of `{record}` ({file}:{line}) {below}")
        }
        Why::OtherKind { by, series: one, histograms: true } => {
            format!("`{by}` takes floats, and {} is a native histogram", series(one))
        }
        Why::OtherKind { by, series: one, histograms: false } => {
            format!("`{by}` takes native histograms, and {} is a float", series(one))
        }
        Why::Kinds { op, histograms, series: one } => {
            let sides = match histograms {
                [true, true] => "two native histograms",
                [true, false] => "a native histogram and a float",
                [false, _] => "a float and a native histogram",
            };
            format!("`{}` has no result for {sides}: {} is a native histogram", op.symbol(), series(one))
        }
        Why::NoBounds { min, max } => {
            let (min, max) = apart(*min, *max);
            format!("the minimum of `clamp`, {min}, is above its maximum, {max}")
        }
        Why::NoBuckets { row } if row.metric().is_some() => {
            format!("{} has no label `le`, which the buckets of a histogram have", series(row))
        }
        Why::NoBuckets { row } => {
            format!("the buckets have no label `le`, such as {}: an aggregation dropped it", series(row))
        }
        Why::NoMetric { metric } => {
            format!("`{}` is not in the recording, and no rule writes it{}", metric.name, metric.hint())
        }
        Why::NoSource(source) => source.to_string(),
        Why::FewSamples { function, range, series: one, found, spacing } => {
            let at = found.first().map_or(String::new(), |at| format!(" (at {})", times.at(*at)));
            let apart =
                spacing.map_or(String::new(), |spacing| format!("; its samples are {} apart", duration(spacing)));
            format!("`{function}` needs two samples, `{range}` of {} has {}{at}{apart}", series(one), found.len())
        }
        Why::NoPartner { op, row, nearest, differs } => {
            let near = match nearest {
                Some(near) if differs.is_empty() => format!("; nearest: {}", series(near)),
                Some(near) => {
                    let label = |name: &String| {
                        let of =
                            |labels: &LabelSet| labels.get(name).map_or("none".to_owned(), |text| format!("{text:?}"));
                        format!("{name} is {} there and {} here", of(near), of(row))
                    };
                    let differs: Vec<String> = differs.iter().map(label).collect();
                    format!("; nearest: {}: {}", series(near), differs.join(", "))
                }
                None => String::new(),
            };
            format!("{} has no partner on the right of `{}`{near}", series(row), op.symbol())
        }
        Why::Taken { by, value: found } => {
            format!("`unless` takes it away: {} is there ({})", series(by), value(*found))
        }
        Why::NotOne { scalar, of } => {
            format!("`{}` is NaN: it needs one series and has {}", one_line(scalar), count(*of as u64))
        }
        Why::Reset { series: one, at, before, then } => {
            let (before, then) = (value(*before), value(*then));
            format!("the counter {} began again at {}: {before} to {then}", series(one), times.at(*at))
        }
        Why::There { series: one, of } => match of {
            1 => format!("{} is there", series(one)),
            of => format!("{} and {} more are there", series(one), of - 1),
        },
        Why::NotChosen { of: Some(of), .. } if *of < 1.0 => "it chooses none of them".to_owned(),
        Why::NotChosen { labels, value: found, .. } => {
            format!("{} ({}) is not among those that are chosen", series(labels), value(*found))
        }
        Why::Nothing => "it has no sample".to_owned(),
    }
}

/// Writes what happened: a word, and the rest of the sentence.
pub(super) fn happened(one: &Happening, explanation: &Explanation, times: &Times<'_>) -> (&'static str, String) {
    let rule = &explanation.rule;
    let threshold = |found: f64| match rule.threshold {
        Some((op, limit)) => {
            let (a, b) = apart(found, limit);
            format!("{a} {} {b}", op.symbol())
        }
        None => value(found),
    };
    let found = match (one.sides, one.value) {
        // Where no number is compared with, the value alone says little.
        (Some((op, left, right)), _) => {
            let (a, b) = apart(left, right);
            format!("{a} {} {b}", op.symbol())
        }
        (None, found) => found.map(threshold).unwrap_or_default(),
    };
    let because = || {
        let reason = one.why.as_ref().map_or(String::new(), |reason| match (&reason.why, one.value) {
            // The value itself says it.
            (Why::False { left, right, .. }, Some(found))
                if *left == found && rule.threshold.is_some_and(|(_, limit)| limit == *right) =>
            {
                apart(found, *right).0
            }
            (Why::False { .. }, _) => falsehood(&reason.text, &reason.why),
            (found, _) => why(found, times),
        });
        match &one.lost {
            Some(lost) => format!("{reason}; {}", why(lost, times)),
            None => reason,
        }
    };
    let with = |first: String, then: String| match (first.is_empty(), then.is_empty()) {
        (true, _) => then,
        (_, true) => first,
        _ => format!("{first}; {then}"),
    };
    // A condition may become true because a series went away.
    let since = one.lost.as_ref().map_or(String::new(), |lost| why(lost, times));
    let absent = !matches!(
        one.why,
        Some(Reason {
            why: Why::False { .. } | Why::Taken { .. } | Why::NotChosen { .. } | Why::There { .. } | Why::NotOne { .. },
            ..
        }) | None
    );
    let word = if absent { "absent" } else { "false" };
    match &one.what {
        What::True => ("true", with(found, since)),
        What::Fires { after, evaluations, failed } => {
            let times = counted(*evaluations, "evaluation");
            let text = match (after.0, failed) {
                (0, _) => String::new(),
                (_, 0) => format!("true for {}, {times} in a row", duration(*after)),
                (_, failed) => format!("true for {}, {times} and {} that failed", duration(*after), count(*failed)),
            };
            ("fires", with(with(text, found), since))
        }
        What::Dropped { after, evaluations } => {
            let times = counted(*evaluations, "evaluation");
            let after = match (after.0, rule.hold.0) {
                (0, _) => format!("true at {times} only, it never fired"),
                _ => format!("true for {} ({times}), it never fired", duration(*after)),
            };
            (word, with(because(), format!("{after}; `for` starts over")))
        }
        What::Kept => (word, with(because(), format!("`keep_firing_for: {}` keeps it firing", rule.keep))),
        What::TrueAgain => ("true", with(found, "while it was kept firing".to_owned())),
        What::Resolved { after, kept: false } => {
            (word, with(because(), format!("resolved after {}", duration(*after))))
        }
        What::Resolved { after, kept: true } => {
            let over = format!("`keep_firing_for: {}` is over, fired for {}", rule.keep, duration(*after));
            ("resolved", over)
        }
        What::Failed { evaluations } => {
            let is_limit = matches!(&one.why, Some(Reason { why: Why::Failed { message }, .. })
                if message.starts_with("exceeded limit"));
            let what = if is_limit { ", and the rule had no alerts then" } else { " and changed nothing" };
            let text = format!("{} failed{what}", counted(*evaluations, "evaluation"));
            let reason = one.why.as_ref().map(|reason| match &reason.why {
                Why::Failed { message } => message.clone(),
                reason => why(reason, times),
            });
            ("failed", with(text, reason.unwrap_or_default()))
        }
        What::LimitExceeded => ("dropped", "the rule had more alerts than its group's `limit`".to_owned()),
        What::Renamed { labels } => {
            let to = labels.as_ref().map_or(String::new(), |labels| format!(": {labels}"));
            ("renamed", format!("its labels show the value, so it is another alert from here on{to}"))
        }
        What::Silenced { to, by } => ("silenced", format!("until {} by {by}", times.at(*to))),
        What::EndOfData { firing } => {
            let of = if explanation.outcome.options.end.is_some() { "of what was evaluated" } else { "of the data" };
            ("end", format!("{of}; it is still {}", if *firing { "firing" } else { "pending" }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_named_as_promql_names_them() {
        let check = |metric: &str, label: &str, expected: &str| {
            assert_eq!(series(&LabelSet::new([("__name__", metric), (label, "a"), ("job", "b")])), expected);
        };
        check("cpu:load", "host", r#"cpu:load{host="a", job="b"}"#);
        check("cpu.load %", "host", r#"{"cpu.load %",host="a",job="b"}"#);
        check("cpu", "host.name", r#"cpu{"host.name"="a",job="b"}"#);
        assert_eq!(series(&LabelSet::empty()), "{}");
    }

    #[test]
    fn numbers_look_as_different_as_they_are() {
        let check = |a: f64, b: f64, expected: (&str, &str)| {
            let found = apart(a, b);
            assert_eq!((found.0.as_str(), found.1.as_str()), expected);
        };
        check(0.91, 0.9, ("0.91", "0.9"));
        check(149.5, 149.0, ("149.5", "149"));
        check(31_032.0, 31_065.0, ("31032", "31065"));
        check(79.996, 80.0, ("79.996", "80"));
        check(0.9004, 0.9, ("0.9004", "0.9"));
        check(0.9, 0.9, ("0.9", "0.9"));
        check(1_000_001.0, 1_000_000.0, ("1000001", "1000000"));
        check(0.1 + 0.2, 0.3, ("0.30000000000000004", "0.3"));
        check(68.1, 99.99, ("68.1", "99.99"));
        check(100.0, 0.9995, ("100", "0.9995"));
        check(2_000_000.0, 1_234_567.0, ("2M", "1234567"));
        check(0.123_456_789_123, 0.5, ("0.123", "0.5"));
        check(1.0, 2.0 / 3.0, ("1", "0.667"));
    }
}
