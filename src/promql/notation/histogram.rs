//! The notation of native histograms: `{{schema:0 count:3 sum:5 buckets:[1 2]}}`.

use std::collections::HashSet;

use super::parse_number;
use crate::format::go::shortest;
use crate::histogram::{Buckets, CUSTOM_SCHEMA, Flaw, Hint, Histogram};
use crate::promql::literal::short;
use crate::promql::parse::{Problem, SYNTAX};
use crate::source::Span;

/// A histogram as it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct WrittenHistogram {
    /// The histogram.
    pub histogram: Histogram,
    /// Whether its hint is written. Where it is not, a comparison of histograms does not look at it.
    pub hint_written: bool,
}

/// The keys, in the order in which they are printed.
const KEYS: [&str; 11] = [
    "schema",
    "count",
    "sum",
    "z_bucket",
    "z_bucket_w",
    "custom_values",
    "counter_reset_hint",
    "offset",
    "buckets",
    "n_offset",
    "n_buckets",
];

/// The hints and their words.
const HINTS: [(&str, Hint); 4] =
    [("unknown", Hint::Unknown), ("reset", Hint::Reset), ("not_reset", Hint::NotReset), ("gauge", Hint::Gauge)];

/// Reads a histogram: `{{`, keys with their values, `}}`. Keys may stand in any order and be left out, which means zero,
/// and `offset` is the index of the first bucket listed. Spans are offsets in the text.
///
/// Source: histograms.md 2.1; Prometheus' series descriptions.
///
/// # Errors
/// All that is wrong with the text, in its order.
pub fn parse_histogram(text: &str) -> Result<WrittenHistogram, Vec<Problem>> {
    let whole = Span::new(0, text.len());
    let Some(inner) = text.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")) else {
        let message = format!("`{}` is not a histogram: it begins with `{{{{` and ends with `}}}}`", short(text));
        return Err(vec![Problem::new(SYNTAX, whole, message).with_help(HELP)]);
    };
    let mut written = Written { text, problems: Vec::new(), places: [None; KEYS.len()] };
    let mut seen = HashSet::new();
    for (key, value) in written.fields(inner) {
        let name = text[key.range()].to_ascii_lowercase();
        match KEYS.iter().position(|known| *known == name) {
            None => written.unknown(key),
            Some(at) if seen.insert(at) => written.places[at] = Some(value),
            Some(_) => written.wrong(key, format!("`{name}` is written twice")),
        }
    }
    let made = written.histogram();
    if written.problems.is_empty() {
        let hint_written = written.place("counter_reset_hint").is_some();
        return Ok(WrittenHistogram { histogram: made, hint_written });
    }
    written.problems.sort_by_key(|problem| problem.span.start);
    Err(written.problems)
}

/// How a histogram looks.
const HELP: &str = "histograms are written like `{{schema:0 count:3 sum:5 buckets:[1 2]}}`";

/// What was written, and what is wrong with it.
struct Written<'t> {
    text: &'t str,
    problems: Vec<Problem>,
    /// Where the value of each key stands.
    places: [Option<Span>; KEYS.len()],
}

impl<'t> Written<'t> {
    fn wrong(&mut self, span: Span, message: impl Into<String>) {
        self.problems.push(Problem::new(SYNTAX, span, message));
    }

    fn unknown(&mut self, key: Span) {
        let found = short(&self.text[key.range()]);
        let problem = Problem::new(SYNTAX, key, format!("histograms have no `{found}`"));
        self.problems.push(problem.with_help(format!("the keys are {}", KEYS.join(", "))));
    }

    /// Splits what stands between the braces into keys and values.
    fn fields(&mut self, inner: &'t str) -> Vec<(Span, Span)> {
        let mut fields = Vec::new();
        let mut at = 2;
        let end = at + inner.len();
        while at < end {
            let rest = &self.text[at..end];
            let blank = rest.len() - rest.trim_start().len();
            if blank > 0 {
                at += blank;
                continue;
            }
            let key_len = rest.find(|c: char| c == ':' || c.is_whitespace()).unwrap_or(rest.len());
            let key = Span::new(at, at + key_len);
            let Some(value) = rest[key_len..].strip_prefix(':') else {
                self.problems.push(
                    Problem::new(SYNTAX, key, format!("expected `:` and a value after `{}`", short(&rest[..key_len])))
                        .with_help(HELP),
                );
                at = key.end as usize;
                continue;
            };
            let start = at + key_len + 1;
            let value_len = if value.starts_with('[') {
                value.find(']').map(|close| close + 1)
            } else {
                Some(value.find(char::is_whitespace).unwrap_or(value.len()))
            };
            let Some(value_len) = value_len else {
                self.wrong(Span::new(start, start + 1), "this `[` is never closed");
                return fields;
            };
            fields.push((key, Span::new(start, start + value_len)));
            at = start + value_len;
        }
        fields
    }

    fn place(&self, key: &str) -> Option<Span> {
        self.places[KEYS.iter().position(|known| *known == key)?]
    }

    /// Makes the histogram of what could be read.
    fn histogram(&mut self) -> Histogram {
        let hint = self.hint();
        let custom_values = self.list("custom_values").map(|(values, _)| values);
        let schema = self.whole("schema");
        let histogram = Histogram {
            schema,
            count: self.number("count"),
            sum: self.number("sum"),
            zero_threshold: self.number("z_bucket_w"),
            zero_count: self.number("z_bucket"),
            positive: self.side("offset", "buckets"),
            negative: self.side("n_offset", "n_buckets"),
            // One bucket for all needs no bound.
            bounds: custom_values.or((schema == CUSTOM_SCHEMA).then(Vec::new)).map(Into::into),
            hint,
        };
        if self.problems.is_empty() {
            for flaw in histogram.flaws() {
                let key = match flaw {
                    Flaw::Schema(_) | Flaw::NoBounds => "schema",
                    Flaw::Bounds | Flaw::Bound(_) => "custom_values",
                    Flaw::NegativeSide => "n_buckets",
                    Flaw::ZeroBucket if self.place("z_bucket").is_some() => "z_bucket",
                    Flaw::ZeroBucket | Flaw::ZeroThreshold(_) => "z_bucket_w",
                    Flaw::Index(index) if histogram.negative.get(index) != 0.0 => "n_buckets",
                    Flaw::Index(_) => "buckets",
                };
                let span = self.place(key).unwrap_or(Span::new(0, self.text.len()));
                self.wrong(span, flaw.to_string());
            }
        }
        histogram
    }

    fn hint(&mut self) -> Hint {
        let Some(span) = self.place("counter_reset_hint") else { return Hint::Unknown };
        let word = self.text[span.range()].to_ascii_lowercase();
        if let Some((_, hint)) = HINTS.iter().find(|(known, _)| *known == word) {
            return *hint;
        }
        self.wrong(
            span,
            format!("a hint is one of {}, not `{}`", HINTS.map(|(word, _)| word).join(", "), short(&word)),
        );
        Hint::Unknown
    }

    fn number(&mut self, key: &str) -> f64 {
        self.place(key).map_or(0.0, |span| self.number_at(span))
    }

    fn number_at(&mut self, span: Span) -> f64 {
        let text = &self.text[span.range()];
        // Prometheus takes `x` for the sign of repetition, which leaves no hexadecimal numbers.
        let number = parse_number(text).filter(|_| !text.contains(['x', 'X']));
        number.unwrap_or_else(|| {
            self.wrong(span, format!("expected a number, found `{}`", short(text)));
            0.0
        })
    }

    fn whole(&mut self, key: &str) -> i32 {
        let Some(span) = self.place(key) else { return 0 };
        let text = &self.text[span.range()];
        text.parse().unwrap_or_else(|_| {
            self.wrong(span, format!("expected a whole number, found `{}`", short(text)));
            0
        })
    }

    /// Reads `[1 2 3]`.
    fn list(&mut self, key: &str) -> Option<(Vec<f64>, Span)> {
        let span = self.place(key)?;
        let text = &self.text[span.range()];
        let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
            self.wrong(span, format!("expected a list such as `[1 2 3]`, found `{}`", short(text)));
            return None;
        };
        let base = span.start as usize + 1;
        let mut numbers = Vec::new();
        let mut at = 0;
        while let Some(start) = inner[at..].find(|c: char| !c.is_whitespace()).map(|blank| at + blank) {
            at = inner[start..].find(char::is_whitespace).map_or(inner.len(), |len| start + len);
            numbers.push(self.number_at(Span::new(base + start, base + at)));
        }
        Some((numbers, span))
    }

    fn side(&mut self, offset: &str, key: &str) -> Buckets {
        let first = self.whole(offset);
        let Some((counts, span)) = self.list(key) else { return Buckets::default() };
        Buckets::run(first, &counts).unwrap_or_else(|| {
            self.wrong(span, format!("the last of these buckets has no index: they begin with {first}"));
            Buckets::default()
        })
    }
}

/// Writes a histogram so that reading it again gives the same one. The hint is written unless it is unknown.
///
/// Cost: a number for each index between the first and the last bucket of a side.
#[must_use]
pub fn print_histogram(histogram: &Histogram) -> String {
    let mut fields = Vec::new();
    let number = |key: &str, value: f64| {
        // `-0` is another value than what a key that is left out means.
        (value.to_bits() != 0).then(|| format!("{key}:{}", plain(value)))
    };
    if histogram.schema != 0 {
        fields.push(format!("schema:{}", histogram.schema));
    }
    fields.extend(number("count", histogram.count));
    fields.extend(number("sum", histogram.sum));
    fields.extend(number("z_bucket", histogram.zero_count));
    fields.extend(number("z_bucket_w", histogram.zero_threshold));
    if let Some(bounds) = histogram.bounds.as_deref().filter(|bounds| !bounds.is_empty()) {
        fields.push(format!("custom_values:[{}]", spaced(bounds.iter().copied())));
    }
    if histogram.hint != Hint::Unknown {
        let word = HINTS.iter().find(|(_, hint)| *hint == histogram.hint).map_or("unknown", |(word, _)| word);
        fields.push(format!("counter_reset_hint:{word}"));
    }
    for (offset, key, side) in
        [("offset", "buckets", &histogram.positive), ("n_offset", "n_buckets", &histogram.negative)]
    {
        let (Some((first, _)), Some((last, _))) = (side.iter().next(), side.iter().next_back()) else { continue };
        if first != 0 {
            fields.push(format!("{offset}:{first}"));
        }
        fields.push(format!("{key}:[{}]", spaced((first..=last).map(|index| side.get(index)))));
    }
    format!("{{{{{}}}}}", fields.join(" "))
}

/// Writes a number as the notation reads it: without a `+`.
fn plain(value: f64) -> String {
    if value == f64::INFINITY { "Inf".to_owned() } else { shortest(value) }
}

fn spaced(numbers: impl Iterator<Item = f64>) -> String {
    numbers.map(plain).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, shown: &str) {
        let read = parse_histogram(text).expect(text);
        assert_eq!(read.histogram.to_string(), shown, "{text}");
        let printed = print_histogram(&read.histogram);
        let again = parse_histogram(&printed).expect(&printed).histogram;
        assert!(again.equals(&read.histogram) && again.hint == read.histogram.hint, "{text}: {printed}");
    }

    /// Checks the texts that the problems point at.
    fn check_problems(text: &str, at: &[&str]) {
        let problems = parse_histogram(text).expect_err(text);
        let found: Vec<&str> = problems.iter().map(|problem| &text[problem.span.range()]).collect();
        assert_eq!(found, at, "{text}: {problems:?}");
    }

    #[test]
    fn histograms_are_read() {
        check("{{}}", "{count:0, sum:0}");
        check("{{ }}", "{count:0, sum:0}");
        check("{{schema:0 count:4 sum:5 buckets:[1 2 1]}}", "{count:4, sum:5, (0.5,1]:1, (1,2]:2, (2,4]:1}");
        check("{{buckets:[1 0 1 ] offset:-1 count:2 }}", "{count:2, sum:0, (0.25,0.5]:1, (1,2]:1}");
        check("{{schema:-1 n_buckets:[1 2] n_offset:1}}", "{count:0, sum:0, [-16,-4):2, [-4,-1):1}");
        check("{{z_bucket:3 z_bucket_w:0.5 sum:-Inf count:NaN}}", "{count:NaN, sum:-Inf, [-0.5,0.5]:3}");
        check(
            "{{schema:-53 sum:5 count:4 custom_values:[5 10] buckets:[1 0 3]}}",
            "{count:4, sum:5, [-Inf,5]:1, (10,+Inf]:3}",
        );
        check("{{schema:-53 count:4 buckets:[4]}}", "{count:4, sum:0, [-Inf,+Inf]:4}");
        check(
            "{{SCHEMA:3 Sum:1e3 count:1m buckets:[-1 Inf -0]}}",
            "{count:60, sum:1000, (0.9170040432046711,1]:-1, (1,1.0905077326652577]:+Inf}",
        );
        check("{{sum:-0 count:1e300}}", "{count:1e+300, sum:-0}");
    }

    #[test]
    fn hints_are_read() {
        let hint = |text: &str| parse_histogram(text).map(|read| (read.histogram.hint, read.hint_written));
        assert_eq!(hint("{{}}"), Ok((Hint::Unknown, false)));
        assert_eq!(hint("{{counter_reset_hint:unknown}}"), Ok((Hint::Unknown, true)));
        assert_eq!(hint("{{counter_reset_hint:reset}}"), Ok((Hint::Reset, true)));
        assert_eq!(hint("{{counter_reset_hint:not_reset}}"), Ok((Hint::NotReset, true)));
        assert_eq!(hint("{{counter_reset_hint:gauge}}"), Ok((Hint::Gauge, true)));
    }

    #[test]
    fn all_that_is_wrong_is_pointed_at() {
        check_problems("{{schema:1", &["{{schema:1"]);
        check_problems("{{foo:1 sum:a count}}", &["foo", "a", "count"]);
        check_problems("{{sum:1 sum:2}}", &["sum"]);
        check_problems("{{buckets:[1 b 2 c]}}", &["b", "c"]);
        check_problems("{{buckets:[1 2 sum:3}}", &["["]);
        check_problems("{{buckets:1}}", &["1"]);
        check_problems("{{schema:0.5 offset:9999999999}}", &["0.5", "9999999999"]);
        check_problems("{{counter_reset_hint:maybe}}", &["maybe"]);
        check_problems("{{sum:0x10}}", &["0x10"]);
        check_problems("{{schema:9}}", &["9"]);
        check_problems("{{custom_values:[1 2]}}", &["[1 2]"]);
        check_problems(
            "{{schema:-53 custom_values:[2 1] buckets:[1 1 1 1] n_buckets:[1] z_bucket:1}}",
            &["[2 1]", "[1 1 1 1]", "[1]", "1"],
        );
        check_problems("{{offset:2147483647 buckets:[1 2]}}", &["[1 2]"]);
        check_problems("{{offset:5000 buckets:[1]}}", &["[1]"]);
        check_problems("{{z_bucket_w:-1}}", &["-1"]);
        check_problems("{{é:1 sum:é}}", &["é", "é"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_text_gives_a_histogram_or_problems_inside_it(text in "\\{\\{[a-z_: 0-9\\[\\]é.-]{0,30}\\}\\}") {
            if let Err(problems) = parse_histogram(&text) {
                prop_assert!(!problems.is_empty());
                for problem in problems {
                    prop_assert!(text.get(problem.span.range()).is_some(), "{text:?} {problem:?}");
                }
            }
        }

        #[test]
        fn what_is_printed_is_read_again(
            schema in -4..=8_i32,
            numbers in prop::array::uniform4(prop::num::f64::ANY),
            counts in prop::collection::vec(prop::num::f64::ANY, 0..5),
            first in -9..9_i32,
        ) {
            let [count, sum, zero_count, width] = numbers;
            let histogram = Histogram {
                schema,
                // The texts of all NaN are one.
                count: if count.is_nan() { f64::NAN } else { count },
                sum: if sum.is_nan() { f64::NAN } else { sum },
                zero_threshold: if width.is_nan() { 0.0 } else { width.abs() },
                zero_count: if zero_count.is_nan() { 0.0 } else { zero_count },
                positive: Buckets::run(first, &counts).expect("a run"),
                negative: Buckets::run(-first, &counts).expect("a run"),
                hint: Hint::Gauge,
                ..Histogram::default()
            };
            let printed = print_histogram(&histogram);
            let again = parse_histogram(&printed).expect(&printed);
            prop_assert_eq!(print_histogram(&again.histogram), printed);
            prop_assert!(again.hint_written && again.histogram.hint == Hint::Gauge);
        }
    }
}
