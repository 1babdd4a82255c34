//! The condition of a rule, and the expression that it becomes.

use crate::diagnostic::{Diagnostic, codes, nearest};
use crate::source::{Located, Span};
use crate::time::Millis;
use crate::yaml::fields::{Field, Fields, list};
use crate::yaml::problems::Problems;

use super::missing;
use super::stitch::{Series, Stitched};
use super::threshold::{self, Threshold};

/// The keys of the conditions, of which a rule has one.
pub(super) const CONDITIONS: [&str; 6] = ["above", "below", "between", "outside", "equals", "rate_of_change"];
/// The keys that belong to a condition.
pub(super) const BESIDE: [&str; 3] = ["tolerance", "evaluation_window", "take"];
/// What `take` may make of a window, with the function that does.
const TAKES: [(&str, &str); 6] = [
    ("avg", "avg_over_time"),
    ("min", "min_over_time"),
    ("max", "max_over_time"),
    ("sum", "sum_over_time"),
    ("count", "count_over_time"),
    ("last", "last_over_time"),
];
/// How near a value is to the one of `equals` where nothing is said.
const TOLERANCE: f64 = 0.001;
/// How far apart the first and the last sample of a rate of change are, at least.
const RATE_SPAN: Millis = Millis(1000);

/// When a rule's condition is true.
#[derive(Clone, Copy, Debug)]
enum Test<'a> {
    Above(Threshold<'a>),
    Below(Threshold<'a>),
    Between([Threshold<'a>; 2]),
    Outside([Threshold<'a>; 2]),
    Equals(Threshold<'a>, Threshold<'a>),
    RateOfChange(Threshold<'a>),
}

/// A condition without a mistake.
#[derive(Clone, Copy, Debug)]
pub(super) struct Condition<'a> {
    test: Test<'a>,
    /// The window and the function that is taken of it.
    window: Option<(&'a Located, &'static str)>,
    /// Where the condition stands, its key included.
    pub(super) span: Span,
}

/// Reads the condition of a rule; `None` when there is a mistake in it, which is reported.
pub(super) fn read<'a>(
    fields: &mut Fields<'a>,
    rule: Span,
    cut: bool,
    problems: &mut Problems<'_>,
) -> Option<Condition<'a>> {
    let before = problems.errors();
    let found: Vec<Field<'a>> = CONDITIONS.iter().filter_map(|key| fields.take(key)).collect();
    let [tolerance, window, take] = BESIDE.map(|key| fields.take(key));
    let field = match found.as_slice() {
        [] => {
            let help = format!("one of {}, such as `above: 80`", list(&CONDITIONS));
            missing(codes::CONDITION, "this rule has no condition", rule, cut, &[help], problems);
            None
        }
        [field] => Some(*field),
        [first, second, ..] => {
            two_conditions(*first, *second, problems);
            None
        }
    };
    let kind = field.map(|field| field.key.text());
    // Of two conditions only the choice is wrong; what is besides them is reported when it is made.
    let window = window.map(|field| (field, duration(field, problems)));
    let function = take.and_then(|field| function(field, problems));
    if let Some(kind) = kind {
        if let Some(tolerance) = tolerance.filter(|_| kind != "equals") {
            let message = format!("`tolerance` belongs to `equals`, this rule has `{kind}`");
            problems.error_with_help(codes::TOLERANCE, message, tolerance.key_span, "remove it, or write `equals: 3`");
        }
        check_window(kind, window.map(|(field, _)| field), take.map(|field| field.key_span), rule, cut, problems);
    }
    let test = field.and_then(|field| test(field, tolerance, problems));
    if let (Some("rate_of_change"), Some((field, Some((_, span))))) = (kind, window)
        && span <= RATE_SPAN
    {
        let message = format!("a window of {span} holds no two samples that are 1 s apart");
        let help = "`evaluation_window: 5m`, at least four times the spacing of the samples";
        problems.error_with_help(codes::WINDOW, message, field.value.span, help);
    }
    if problems.errors() > before {
        return None;
    }
    let field = field?;
    let rate = kind == Some("rate_of_change");
    let window = window.and_then(|(_, window)| window).filter(|_| rate || take.is_some());
    let window = window.map(|(text, _)| (text, function.unwrap_or_default()));
    Some(Condition { test: test?, window, span: field.key_span.to(field.value.span) })
}

/// Tells that a rule has two conditions, and how to write what was probably meant.
fn two_conditions(first: Field<'_>, second: Field<'_>, problems: &mut Problems<'_>) {
    let keys = [first.key.text(), second.key.text()];
    let message = format!("a rule has one condition, this one has `{}` and `{}`", keys[0], keys[1]);
    let (earlier, later) = if first.key_span.start < second.key_span.start { (first, second) } else { (second, first) };
    let diagnostic = Diagnostic::error(codes::CONDITION, message, problems.at(later.key_span))
        .with_related(problems.at(earlier.key_span), "the other");
    let number = |field: Field<'_>| field.value.scalar().and_then(|scalar| scalar.number());
    let help = match (keys, number(first), number(second)) {
        (["above", "below"], Some(above), Some(below)) if above < below => {
            format!("`between: [{above}, {below}]`, or two rules")
        }
        (["above", "below"], Some(above), Some(below)) if above > below => {
            format!("`outside: [{below}, {above}]`, or two rules")
        }
        _ => "keep one of them, or make two rules of it".to_owned(),
    };
    problems.push(diagnostic.with_help(help));
}

/// Returns a duration longer than 0 and its text.
fn duration<'a>(field: Field<'a>, problems: &mut Problems<'_>) -> Option<(&'a Located, Millis)> {
    if field.value.is_null() {
        problems.error_with_help(codes::WINDOW, "this window is empty", field.key_span, "`evaluation_window: 5m`");
        return None;
    }
    let text = field.text(problems)?;
    let span = field.duration(problems)?;
    if span == Millis::ZERO {
        let message = "a window of 0 holds no sample";
        problems.error_with_help(codes::WINDOW, message, text.span, "`evaluation_window: 5m`");
        return None;
    }
    Some((text, span))
}

/// Returns the function of `take`; an unknown word is reported.
fn function(field: Field<'_>, problems: &mut Problems<'_>) -> Option<&'static str> {
    if field.value.is_null() {
        problems.error_with_help(codes::TAKE, "`take` is empty", field.key_span, "`take: avg`");
        return None;
    }
    let text = field.text(problems)?;
    let known = TAKES.iter().find(|(word, _)| *word == text.text);
    if known.is_none() {
        let words = TAKES.map(|(word, _)| word);
        let message = format!("`take` is one of {}, this is `{}`", list(&words), text.text);
        let best = nearest(&text.text, words).first().copied().unwrap_or(match text.text.as_str() {
            "average" | "mean" => "avg",
            _ => "max",
        });
        problems.error_with_help(codes::TAKE, message, text.span, format!("`take: {best}`"));
    }
    known.map(|(_, function)| *function)
}

/// Tells of a window where none is used, and of none where one is.
fn check_window(
    kind: &str,
    window: Option<Field<'_>>,
    take: Option<Span>,
    rule: Span,
    cut: bool,
    problems: &mut Problems<'_>,
) {
    let line = "`evaluation_window: 5m`".to_owned();
    match (kind, window, take) {
        ("rate_of_change", _, Some(at)) => {
            let message =
                "`rate_of_change` takes the first and the last sample of its window: `take` is for thresholds";
            problems.error_with_help(codes::TAKE, message, at, "remove `take`");
        }
        ("rate_of_change", None, None) => {
            let message = "`rate_of_change` needs a window to look at";
            missing(codes::WINDOW, message, rule, cut, &[line], problems);
        }
        (_, None, Some(at)) => missing(codes::WINDOW, "`take` needs a window to take from", at, cut, &[line], problems),
        (_, Some(window), None) if kind != "rate_of_change" && !cut => {
            let message = format!(
                "this window has no effect: `{kind}` compares the value of each row, unless `take` says what to make of a window"
            );
            let diagnostic = Diagnostic::warning(codes::WINDOW_WITHOUT_EFFECT, message, problems.at(window.key_span))
                .with_help(format!("remove it, or add: `take: {}`", if kind == "below" { "min" } else { "max" }));
            problems.push(diagnostic);
        }
        _ => {}
    }
}

fn test<'a>(field: Field<'a>, tolerance: Option<Field<'a>>, problems: &mut Problems<'_>) -> Option<Test<'a>> {
    match field.key.text() {
        "above" => threshold::one(field, problems).map(Test::Above),
        "below" => threshold::one(field, problems).map(Test::Below),
        "between" => threshold::two(field, problems).map(Test::Between),
        "outside" => threshold::two(field, problems).map(Test::Outside),
        "rate_of_change" => threshold::one(field, problems).map(Test::RateOfChange),
        _ => {
            let value = threshold::one(field, problems);
            let within = match tolerance {
                Some(field) => {
                    let within = threshold::one(field, problems)?;
                    if within.value < 0.0 {
                        let message = format!("`tolerance` is a distance, this is {}", within.value);
                        let help = format!("`tolerance: {}`", -within.value);
                        problems.error_with_help(codes::TOLERANCE, message, field.value.span, help);
                    }
                    within
                }
                None => Threshold::new(TOLERANCE),
            };
            value.map(|value| Test::Equals(value, within))
        }
    }
}

impl Condition<'_> {
    /// Returns the keys of the condition with what the file has after them, in one line.
    pub(super) fn written(&self, series: Series<'_>) -> String {
        let line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut keys = vec![format!("metric: {}", series.metric.text)];
        keys.extend(series.matchers.map(|matchers| format!("match: {}", line(&matchers.text))));
        keys.push(match self.test {
            Test::Above(limit) => format!("above: {}", limit.text()),
            Test::Below(limit) => format!("below: {}", limit.text()),
            Test::Between([low, high]) => format!("between: [{}, {}]", low.text(), high.text()),
            Test::Outside([low, high]) => format!("outside: [{}, {}]", low.text(), high.text()),
            Test::Equals(limit, within) if within.is_written() => {
                format!("equals: {}, tolerance: {}", limit.text(), within.text())
            }
            Test::Equals(limit, _) => format!("equals: {}", limit.text()),
            Test::RateOfChange(limit) => format!("rate_of_change: {}", limit.text()),
        });
        if let Some((window, function)) = self.window {
            keys.push(format!("evaluation_window: {}", window.text));
            let take = TAKES.iter().find(|(_, of)| *of == function);
            keys.extend(take.map(|(word, _)| format!("take: {word}")));
        }
        keys.join(", ")
    }

    /// Writes the expression of the condition on some series.
    ///
    /// A row that lacks the metric makes a condition on a window false, too: hence `and m`. What is compared keeps its
    /// value, so that the alert shows it.
    pub(super) fn write(&self, series: Series<'_>, to: &mut Stitched) {
        if let (Test::RateOfChange(threshold), Some((window, _))) = (self.test, self.window) {
            for (before, function) in [
                ("((", "last_over_time"),
                (" - ", "first_over_time"),
                (") / ((", "ts_of_last_over_time"),
                (" - ", "ts_of_first_over_time"),
            ] {
                to.add(before).add(function).add("(");
                series.select(Some(window), to);
                to.add(")");
            }
            to.add(") >= 1)) > ");
            threshold.write(to);
        } else {
            self.compare(series, to);
        }
        if self.window.is_some() {
            to.add(" and ");
            series.select(None, to);
        }
    }

    /// Writes the comparison with one threshold or two.
    fn compare(&self, series: Series<'_>, to: &mut Stitched) {
        let value = |to: &mut Stitched| match self.window {
            Some((window, function)) => {
                to.add(function).add("(");
                series.select(Some(window), to);
                to.add(")");
            }
            None => series.select(None, to),
        };
        let compared = |to: &mut Stitched, symbol: &str, threshold: Threshold<'_>| {
            value(to);
            to.add(symbol);
            threshold.write(to);
        };
        match self.test {
            Test::Above(threshold) | Test::RateOfChange(threshold) => compared(to, " > ", threshold),
            Test::Below(threshold) => compared(to, " < ", threshold),
            Test::Between([low, high]) => {
                to.add("(");
                compared(to, " >= ", low);
                to.add(") <= ");
                high.write(to);
            }
            Test::Outside([low, high]) => {
                // `and` binds more tightly than `or`.
                let brackets = if self.window.is_some() { ["(", ")"] } else { ["", ""] };
                to.add(brackets[0]);
                compared(to, " < ", low);
                to.add(" or ");
                compared(to, " > ", high);
                to.add(brackets[1]);
            }
            // No distance is below 0.
            Test::Equals(threshold, within) if within.value == 0.0 => compared(to, " == ", threshold),
            Test::Equals(threshold, within) => {
                value(to);
                to.add(" and abs(");
                compared(to, " - ", threshold);
                to.add(") < ");
                within.write(to);
            }
        }
    }
}
