//! The numbers that a rule compares with.

use crate::diagnostic::codes;
use crate::promql::ast::{Expr, ExprKind};
use crate::source::{Located, Span};
use crate::time::parse_duration;
use crate::yaml::fields::{Field, wrong_type};
use crate::yaml::problems::Problems;
use crate::yaml::scalar::Scalar;
use crate::yaml::{Content, Node};

use super::stitch::Stitched;

/// A finite number and where it was written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Threshold<'a> {
    /// The number.
    pub(super) value: f64,
    written: Option<&'a Located>,
}

impl Threshold<'_> {
    /// Returns the number as the file has it.
    pub(super) fn text(self) -> String {
        self.written.map_or_else(|| promql(self.value), |written| written.text.clone())
    }

    /// Returns whether the file has it.
    pub(super) fn is_written(self) -> bool {
        self.written.is_some()
    }

    /// Makes one that stands nowhere in the file.
    pub(super) fn new(value: f64) -> Self {
        Self { value, written: None }
    }

    /// Adds the number as PromQL writes it.
    pub(super) fn write(self, to: &mut Stitched) {
        // `1e3` reads alike in both languages; `0x10`, `1_000` and `010` do not.
        let same = |text: &str| {
            let digits = text.trim_start_matches('-');
            let octal = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
            !octal && text.bytes().all(|byte| byte.is_ascii_digit() || b"-.eE".contains(&byte))
        };
        match self.written {
            Some(written) if same(&written.text) => to.copy(written),
            _ => to.add(&promql(self.value)),
        };
    }
}

fn promql(value: f64) -> String {
    Expr { kind: ExprKind::Number { value, duration: false }, span: Span::default() }.to_string()
}

/// Reads the one number of a key; what is none is reported.
pub(super) fn one<'a>(field: Field<'a>, problems: &mut Problems<'_>) -> Option<Threshold<'a>> {
    let key = field.key.text();
    match &field.value.content {
        Content::Scalar(scalar) => {
            number(key, scalar, field.value.span, problems, |number| format!("`{key}: {number}`"))
        }
        Content::Sequence(_) | Content::Mapping(_) => {
            wrong_type(&format!("`{key}` is one number, such as `{key}: 80`"), field.value, field.value.span, problems);
            None
        }
    }
}

/// Reads the two numbers of a key, the smaller first; what is none is reported.
pub(super) fn two<'a>(field: Field<'a>, problems: &mut Problems<'_>) -> Option<[Threshold<'a>; 2]> {
    let key = field.key.text();
    let items: &[Node] = match &field.value.content {
        Content::Sequence(items) => items,
        Content::Scalar(_) | Content::Mapping(_) => &[],
    };
    let [low, high] = items else {
        let message = format!("`{key}` is two numbers, the smaller first");
        problems.error_with_help(codes::THRESHOLD_RANGE, message, field.value.span, format!("`{key}: [10, 20]`"));
        return None;
    };
    let mut read = |node: &'a Node, at: usize| match &node.content {
        Content::Scalar(scalar) => number(key, scalar, node.span, problems, |number| {
            let other = |node: &Node| node.scalar().map_or("..", Scalar::text).to_owned();
            let pair = if at == 0 { [number.to_owned(), other(high)] } else { [other(low), number.to_owned()] };
            format!("`{key}: [{}]`", pair.join(", "))
        }),
        Content::Sequence(_) | Content::Mapping(_) => {
            wrong_type(&format!("`{key}` is two numbers, such as `{key}: [10, 20]`"), node, node.span, problems);
            None
        }
    };
    let (low, high) = (read(low, 0), read(high, 1));
    let (low, high) = (low?, high?);
    if low.value >= high.value {
        let (a, b) = (promql(low.value), promql(high.value));
        let (message, help) = if low.value > high.value {
            (format!("`{key}`: {a} is above {b}, the smaller number comes first"), format!("`{key}: [{b}, {a}]`"))
        } else {
            (format!("`{key}`: both numbers are {a}"), format!("`equals: {a}`, or a range such as `{key}: [{a}, ..]`"))
        };
        problems.error_with_help(codes::THRESHOLD_RANGE, message, field.value.span, help);
        return None;
    }
    Some([low, high])
}

/// Reads a finite number; `line` writes what to type for one.
fn number<'a>(
    key: &str,
    scalar: &'a Scalar,
    span: Span,
    problems: &mut Problems<'_>,
    line: impl Fn(&str) -> String,
) -> Option<Threshold<'a>> {
    let text = scalar.text();
    let (message, help) = match scalar.number() {
        Some(value) if value.is_finite() => return Some(Threshold { value, written: Some(&scalar.located) }),
        Some(_) => (format!("`{key}`: `{text}` is beyond the largest number there is"), line("1e308")),
        None if scalar.is_null() => (format!("`{key}` has no number"), line("80")),
        None if is_special(text) => {
            let what = if text.to_lowercase().contains("nan") { "nothing compares with NaN" } else { "it is infinite" };
            (format!("`{key}` is a finite number, this is `{text}`: {what}"), line("80"))
        }
        None if !scalar.plain && meant(text).is_some_and(|number| number == text.trim()) => (
            format!("`{key}` is a number, this is the text \"{text}\""),
            format!("without quotes: {}", line(text.trim())),
        ),
        None => {
            let help = match meant(text) {
                Some(number) => format!("without a unit, in the metric's own: {}", line(&number)),
                None => line("80"),
            };
            (format!("`{key}` is a number, this is `{text}`"), help)
        }
    };
    problems.error_with_help(codes::THRESHOLD, message, span, help);
    None
}

fn is_special(text: &str) -> bool {
    let word = text.trim().trim_start_matches(['+', '-']).trim_start_matches('.').to_lowercase();
    matches!(word.as_str(), "nan" | "inf" | "infinity")
}

/// Returns the number that a text with a unit probably means: a duration in seconds, or what stands before the unit.
fn meant(text: &str) -> Option<String> {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+'))).unwrap_or(text.len());
    let number: f64 = text[..end].parse().ok().filter(|number: &f64| number.is_finite())?;
    if let Ok(span) = parse_duration(text).or_else(|_| parse_duration(&text.replace(' ', ""))) {
        return Some(promql(span.seconds()));
    }
    let factor = match text[end..].trim() {
        "" | "%" => 1.0,
        "k" | "K" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "Ki" | "KiB" => 1024.0,
        "Mi" | "MiB" => 1_048_576.0,
        "Gi" | "GiB" => 1_073_741_824.0,
        unit if unit.chars().all(|c| c.is_alphabetic() || matches!(c, '°' | '/' | '%')) => 1.0,
        _ => return None,
    };
    Some(promql(number * factor))
}
