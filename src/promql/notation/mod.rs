//! The notation of series and their values in rule tests: `metric{label="value"} 1+1x5 _ stale {{count:2 sum:3}}`.

mod histogram;

use std::sync::Arc;

use super::lex::{Kind, Token, lex};
use super::literal::{self, short, unquote};
use super::parse::{LIMIT, Problem, SYNTAX};
use crate::histogram::Histogram;
use crate::labels::{LabelBuilder, LabelSet, METRIC_NAME};
use crate::limits;
use crate::source::Span;

pub use histogram::{WrittenHistogram, parse_histogram, print_histogram};

/// What stands at one time of a series.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// A sample.
    Value(f64),
    /// A stale marker: `stale`.
    Stale,
    /// No sample: `_`.
    Gap,
    /// A native histogram.
    Histogram {
        /// The sample.
        value: Arc<Histogram>,
        /// Whether its hint was written.
        hint_written: bool,
    },
}

/// A series and what stands at its times.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesLine {
    /// The series.
    pub labels: LabelSet,
    /// The items, one a step, repetitions expanded; at most [`limits::SERIES_VALUES`].
    pub items: Vec<Item>,
}

/// Reads a series and its values, as the input series of rule tests are written.
///
/// `5x3` is four values of 5, `1+2x3` is 1, 3, 5, 7, `_x3` is three gaps. Histograms are repeated and added in the same
/// way: `{{count:1}}x3`, `{{count:1}}+{{count:2}}x3`.
///
/// Source: promql.md 3; Prometheus' series descriptions.
///
/// # Errors
/// The first problem of the line; spans are offsets in it.
pub fn parse_series_line(line: &str) -> Result<SeriesLine, Problem> {
    let (labels, end) = series(line)?;
    let mut items = Vec::new();
    let mut values = Values { text: line, at: end, room: limits::SERIES_VALUES };
    while let Some(word) = values.next_word() {
        values.item(word, &mut items)?;
    }
    Ok(SeriesLine { labels, items })
}

/// Reads the name of a series alone: `metric{label="value"}`.
///
/// # Errors
/// The first problem of the text.
pub fn parse_series(text: &str) -> Result<LabelSet, Problem> {
    let (labels, end) = series(text)?;
    let rest = text[end..].trim();
    if rest.is_empty() {
        return Ok(labels);
    }
    let start = text.len() - text[end..].trim_start().len();
    let span = Span::new(start, start + rest.len());
    Err(Problem::new(SYNTAX, span, format!("expected the end of the series, found `{}`", short(rest))))
}

/// Reads a number as PromQL writes it, a sign before it allowed: decimal, hexadecimal, octal, `inf`, `nan`, `1_000`, or
/// a duration as its seconds.
#[must_use]
pub fn parse_number(text: &str) -> Option<f64> {
    let (negative, plain) = match text.strip_prefix('-') {
        Some(plain) => (true, plain),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let value = match literal::literal(plain).ok()? {
        literal::Literal::Number(value) => value,
        literal::Literal::Duration(span) => span.seconds(),
    };
    Some(if negative { -value } else { value })
}

/// Reads a series at the beginning of a text and returns where it ends.
fn series(text: &str) -> Result<(LabelSet, usize), Problem> {
    let blank = text.len() - text.trim_start().len();
    let name_len = text[blank..]
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'))
        .unwrap_or(text.len() - blank);
    let name = &text[blank..blank + name_len];
    let mut labels = LabelBuilder::default();
    if name.starts_with(|c: char| c.is_ascii_digit()) || (name.is_empty() && !text[blank..].starts_with('{')) {
        let found = text[blank..].split_whitespace().next().unwrap_or("nothing");
        let span = Span::new(blank, blank + if found == "nothing" { 0 } else { found.len() });
        let message = format!("expected a series such as `metric{{label=\"value\"}}`, found `{}`", short(found));
        return Err(Problem::new(SYNTAX, span, message));
    }
    let after_name = blank + name_len;
    let open = text.len() - text[after_name..].trim_start().len();
    if !text[open..].starts_with('{') || text[open..].starts_with("{{") {
        labels.set(METRIC_NAME, name);
        return Ok((labels.build(), after_name));
    }
    let end = label_pairs(text, open, &mut labels)?;
    if !name.is_empty() {
        labels.set(METRIC_NAME, name);
    }
    Ok((labels.build(), end))
}

/// Reads `{a="b", "metric"}` at `open` and returns where it ends.
fn label_pairs(text: &str, open: usize, labels: &mut LabelBuilder) -> Result<usize, Problem> {
    let inner = &text[open + 1..];
    let base = open + 1;
    let tokens = lex(inner);
    let at = |token: Token| Span::new(base + token.span.start as usize, base + token.span.end as usize);
    let wrong = |token: Token, what: &str| {
        let found = match token.kind {
            Kind::End => "the end".to_owned(),
            _ => format!("`{}`", short(&inner[token.span.range()])),
        };
        Problem::new(SYNTAX, at(token), format!("expected {what}, found {found}"))
    };
    let string = |token: Token| {
        unquote(&inner[token.span.range()]).map_err(|(wrong, message)| {
            let start = base + token.span.start as usize;
            Problem::new(SYNTAX, Span::new(start + wrong.start, start + wrong.end), message)
        })
    };
    let mut tokens = tokens.into_iter().peekable();
    // The last token is the end, at which every path returns.
    while let Some(token) = tokens.next() {
        let name = match token.kind {
            Kind::RightBrace => return Ok(base + token.span.end as usize),
            Kind::Word(_) if !inner[token.span.range()].contains(':') => inner[token.span.range()].to_owned(),
            Kind::Str => string(token)?,
            _ => return Err(wrong(token, "a label name or `}`")),
        };
        let mut next = tokens.next().unwrap_or(token);
        if next.kind == Kind::Assign {
            let value = tokens.next().unwrap_or(token);
            if value.kind != Kind::Str {
                return Err(wrong(value, "a value in quotes"));
            }
            labels.set(&name, &string(value)?);
            next = tokens.next().unwrap_or(token);
        } else if token.kind == Kind::Str {
            labels.set(METRIC_NAME, &name);
        } else {
            return Err(wrong(next, "`=`"));
        }
        match next.kind {
            Kind::RightBrace => return Ok(base + next.span.end as usize),
            Kind::Comma => {}
            _ => return Err(wrong(next, "`,` or `}`")),
        }
    }
    Err(Problem::new(SYNTAX, Span::new(open, open + 1), "this `{` is never closed"))
}

/// The values of a line, word by word.
struct Values<'t> {
    text: &'t str,
    at: usize,
    /// How many more numbers the items may hold.
    room: usize,
}

impl<'t> Values<'t> {
    /// Takes the next item: all up to white space, which inside `{{ }}` counts as part of it.
    fn next_word(&mut self) -> Option<Span> {
        let rest = &self.text[self.at..];
        let start = self.at + (rest.len() - rest.trim_start().len());
        let word = &self.text[start..];
        if word.is_empty() {
            return None;
        }
        let mut len = 0;
        while len < word.len() && !word[len..].starts_with(char::is_whitespace) {
            len += match word[len..].strip_prefix("{{") {
                Some(inner) => 2 + inner.find("}}").map_or(inner.len(), |close| close + 2),
                None => word[len..].chars().next().map_or(1, char::len_utf8),
            };
        }
        self.at = start + len;
        Some(Span::new(start, self.at))
    }

    /// Reads an item and adds what it expands to.
    fn item(&mut self, span: Span, items: &mut Vec<Item>) -> Result<(), Problem> {
        let word: &'t str = &self.text[span.range()];
        let wrong = || {
            let message = format!("expected a value, `_` or `stale`, found `{}`", short(word));
            let help = "values are written like `1`, `5x3` (5 four times), `1+2x3` (1, 3, 5, 7) and `_x3`";
            Problem::new(SYNTAX, span, message).with_help(help)
        };
        if word.starts_with("{{") {
            return self.histograms(span, items);
        }
        if let Some(rest) = word.strip_prefix('_') {
            let count = if rest.is_empty() { Some(1) } else { times(rest) };
            let count = self.take(count.ok_or_else(wrong)?, 1, span)?;
            items.extend(std::iter::repeat_n(Item::Gap, count));
            return Ok(());
        }
        let (first, rest) = signed_number(word).ok_or_else(wrong)?;
        if rest.is_empty() {
            self.take(1, 1, span)?;
            items.push(first);
            return Ok(());
        }
        if word.trim_start_matches(['+', '-']).starts_with(|c: char| c.is_ascii_alphabetic()) {
            // As in Prometheus, `inf`, `nan` and `stale` are not repeated.
            return Err(wrong());
        }
        let (step, rest) = match signed_number(rest) {
            Some((Item::Value(step), rest)) => (step, rest),
            Some(_) => return Err(wrong()),
            None => (0.0, rest),
        };
        let count = self.take(times(rest).ok_or_else(wrong)?.saturating_add(1), 1, span)?;
        let Item::Value(mut value) = first else { return Err(wrong()) };
        for _ in 0..count {
            items.push(Item::Value(value));
            // Added one by one, as Prometheus does: a product would round differently.
            value += step;
        }
        Ok(())
    }

    /// Makes room for so many more items, each with so many numbers.
    fn take(&mut self, count: u64, size: usize, span: Span) -> Result<usize, Problem> {
        let wanted = usize::try_from(count).ok().and_then(|count| Some((count, count.checked_mul(size)?)));
        match wanted.filter(|(_, numbers)| *numbers <= self.room) {
            Some((count, numbers)) => {
                self.room -= numbers;
                Ok(count)
            }
            None => {
                let message = format!("the line has more values than the limit of {}", limits::SERIES_VALUES);
                Err(Problem::new(LIMIT, span, message))
            }
        }
    }

    /// Reads `{{..}}`, `{{..}}xN`, `{{..}}+{{..}}xN` or `{{..}}-{{..}}xN`.
    fn histograms(&mut self, span: Span, items: &mut Vec<Item>) -> Result<(), Problem> {
        let (first, after) = self.one_histogram(span)?;
        let minus = self.text[after.range()].starts_with('-');
        let (step, after) = if minus || self.text[after.range()].starts_with('+') {
            let (step, after) = self.one_histogram(Span::new(after.start as usize + 1, after.end as usize))?;
            (Some(step), after)
        } else {
            (None, after)
        };
        let rest = &self.text[after.range()];
        let count = if rest.is_empty() && step.is_none() { Some(0) } else { times(rest) };
        let count = count.and_then(|count| count.checked_add(1)).ok_or_else(|| {
            let message = format!("expected `x` and how often after the histogram, found `{}`", short(rest));
            Problem::new(SYNTAX, if rest.is_empty() { span } else { after }, message)
                .with_help("histograms are repeated like `{{count:1}}x3` or `{{count:1}}+{{count:2}}x3`")
        })?;
        let Some(step) = step else {
            let count = self.take(count, 1, span)?;
            let item = Item::Histogram { value: Arc::new(first.histogram), hint_written: first.hint_written };
            items.extend(std::iter::repeat_n(item, count));
            return Ok(());
        };
        let (mut value, hint_written) = (first.histogram, step.hint_written);
        let buckets = |histogram: &Histogram| histogram.positive.len() + histogram.negative.len();
        let count = self.take(count, 1 + buckets(&value) + buckets(&step.histogram), span)?;
        if value.schema > step.histogram.schema {
            let message = "the second histogram may not have a lower schema than the first";
            return Err(Problem::new(SYNTAX, span, message));
        }
        for left in (0..count).rev() {
            items.push(Item::Histogram { value: Arc::new(value.clone()), hint_written });
            if left > 0 {
                value.step(&step.histogram, minus).map_err(|error| Problem::new(SYNTAX, span, error.to_string()))?;
            }
        }
        Ok(())
    }

    /// Reads a histogram at the beginning of a part of the line and returns what follows it.
    fn one_histogram(&self, span: Span) -> Result<(WrittenHistogram, Span), Problem> {
        let text = &self.text[span.range()];
        let end = text.find("}}").map_or(text.len(), |close| close + 2);
        let (start, stop) = (span.start as usize, span.end as usize);
        let read = parse_histogram(&text[..end]).map_err(|problems| {
            let mut first = problems.into_iter().next().unwrap_or_else(|| Problem::new(SYNTAX, span, String::new()));
            first.span = Span::new(start + first.span.start as usize, start + first.span.end as usize);
            first
        })?;
        Ok((read, Span::new(start + end, stop)))
    }
}

/// Reads `xN`.
fn times(text: &str) -> Option<u64> {
    let digits = text.strip_prefix('x')?;
    if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
}

/// Splits off a value with its sign: up to an `x` that repeats it, or to the sign of the step.
fn signed_number(text: &str) -> Option<(Item, &str)> {
    if text == "stale" {
        return Some((Item::Stale, ""));
    }
    let sign = usize::from(text.starts_with(['+', '-']));
    let bytes = text.as_bytes();
    let mut end = sign;
    while let Some(byte) = bytes.get(end) {
        // `x` is the sign of repetition here, so there are no hexadecimal numbers.
        let exponent_sign = matches!(byte, b'+' | b'-')
            && bytes[end - 1].eq_ignore_ascii_case(&b'e')
            && end >= sign + 2
            && bytes[sign].is_ascii_digit();
        if *byte == b'x' || (matches!(byte, b'+' | b'-') && end > sign && !exponent_sign) {
            break;
        }
        end += 1;
    }
    let value = parse_number(&text[..end])?;
    Some((Item::Value(value), &text[end..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(line: &str, labels: &str, expected: &[Item]) {
        let read = parse_series_line(line).expect(line);
        assert_eq!(read.labels.to_string(), labels, "{line}");
        assert_eq!(read.items, expected, "{line}");
    }

    /// Checks the text that the problem points at.
    fn check_problem(line: &str, at: &str) {
        match parse_series_line(line) {
            Err(problem) => assert_eq!(&line[problem.span.range()], at, "{line}: {problem:?}"),
            Ok(read) => panic!("{line} was read as {read:?}"),
        }
    }

    fn values<const N: usize>(values: [f64; N]) -> [Item; N] {
        values.map(Item::Value)
    }

    #[test]
    fn series_are_read() {
        check("foo", "foo", &[]);
        check("foo{a=\"b\", c='d',} 1", "foo{a=\"b\", c=\"d\"}", &values([1.0]));
        check("{\"a.b\", \"c.d\"=\"e\"}", "a.b{c.d=\"e\"}", &[]);
        check("{} 1", "{}", &values([1.0]));
        check(" sum{on=\"1\"}  2", "sum{on=\"1\"}", &values([2.0]));
        assert_eq!(parse_series("foo{a=\"{{\"}").map(|labels| labels.to_string()), Ok("foo{a=\"{{\"}".to_owned()));
        assert!(parse_series("foo 1").is_err());
    }

    #[test]
    fn values_are_expanded() {
        check("a 1 -2 +.5 1e3", "a", &values([1.0, -2.0, 0.5, 1000.0]));
        check("a 5x3", "a", &values([5.0; 4]));
        check("a 1+2x3 10-5x1", "a", &values([1.0, 3.0, 5.0, 7.0, 10.0, 5.0]));
        check("a -1-1x1 1e-1+1e-1x1", "a", &values([-1.0, -2.0, 0.1, 0.2]));
        check("a 0x2", "a", &values([0.0; 3]));
        check("a _ _x2 stale", "a", &[Item::Gap, Item::Gap, Item::Gap, Item::Stale]);
        check("a Inf -inf", "a", &values([f64::INFINITY, f64::NEG_INFINITY]));
    }

    #[test]
    fn histograms_are_expanded() {
        let check = |line: &str, expected: &[&str]| {
            let read = parse_series_line(line).expect(line);
            let shown = |item: &Item| match item {
                Item::Histogram { value, hint_written } => {
                    format!("{value}{}", if *hint_written { " hint" } else { "" })
                }
                other => format!("{other:?}"),
            };
            assert_eq!(read.items.iter().map(shown).collect::<Vec<_>>(), expected, "{line}");
        };
        check(
            "a {{}} {{count:1}}x2",
            &["{count:0, sum:0}", "{count:1, sum:0}", "{count:1, sum:0}", "{count:1, sum:0}"],
        );
        check("a {{sum:1}}+{{sum:2}}x2 3", &["{count:0, sum:1}", "{count:0, sum:3}", "{count:0, sum:5}", "Value(3.0)"]);
        check("a {{sum:1}}-{{sum:2}}x1 _", &["{count:0, sum:1}", "{count:0, sum:-1}", "Gap"]);
        // Whether the hint was written is asked of the second one.
        check("a {{}}+{{counter_reset_hint:gauge}}x0", &["{count:0, sum:0} hint"]);
        check("a {{counter_reset_hint:gauge}}+{{}}x0 stale", &["{count:0, sum:0}", "Stale"]);
    }

    #[test]
    fn wrong_histograms_are_pointed_at() {
        check_problem("a {{foo:1}}", "foo");
        check_problem("a {{schema:1", "{{schema:1");
        check_problem("a 1 {{}}+{{sum:1 bar:2}}x1", "bar");
        check_problem("a {{sum:1}}+{{sum:2}}", "{{sum:1}}+{{sum:2}}");
        check_problem("a {{sum:1}}y3", "y3");
        check_problem("a {{sum:1}}+2x3", "2x3");
        check_problem("a {{schema:1}}+{{}}x1", "{{schema:1}}+{{}}x1");
        check_problem("a {{}}+{{schema:-53}}x1", "{{}}+{{schema:-53}}x1");
        check_problem(
            "a {{buckets:[1 2 3]}}+{{buckets:[1 2 3]}}x900000",
            "{{buckets:[1 2 3]}}+{{buckets:[1 2 3]}}x900000",
        );
        check_problem("a {{}}x999999 {{}}", "{{}}");
    }

    #[test]
    fn steps_are_added_one_by_one() {
        let read = parse_series_line("a 0+0.1x3").expect("a series");
        assert_eq!(read.items[3], Item::Value(0.1 + 0.1 + 0.1));
    }

    #[test]
    fn wrong_parts_are_pointed_at() {
        check_problem("", "");
        check_problem("5x 1", "5x");
        check_problem("a{b} 1", "}");
        check_problem("a{b=c} 1", "c");
        check_problem("a{b=\"\\d\"} 1", "\\d");
        check_problem("a{b=\"c\"", "");
        check_problem("a 1 two", "two");
        check_problem("a 1+1", "1+1");
        check_problem("a 1x", "1x");
        check_problem("a 1 stalex2", "stalex2");
        check_problem("a 1x99999999999999999999", "1x99999999999999999999");
        check_problem("a 0x999999 1", "1");
    }

    #[test]
    fn numbers_may_have_a_sign() {
        assert_eq!(parse_number("-0x10"), Some(-16.0));
        assert_eq!(parse_number("+1m30s"), Some(90.0));
        assert_eq!(parse_number("-Inf"), Some(f64::NEG_INFINITY));
        assert_eq!(parse_number("1 2"), None);
        assert_eq!(parse_number("--1"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_line_gives_items_or_a_problem_inside_it(line in "a?(\\{[a=\"é,}]{0,6})?( \\{\\{[sum:1]{0,4}\\}\\})?[-+ 0-9xe_.{}:é\\[\\]]{0,12}") {
            if let Err(problem) = parse_series_line(&line) {
                prop_assert!(line.get(problem.span.range()).is_some(), "{line:?} {problem:?}");
            }
        }
    }
}
