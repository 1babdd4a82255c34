//! The functions of templates: names, arguments and meaning.

use std::rc::Rc;

use super::collections;
use super::compare;
use super::escape;
use super::humanize;
use super::instant::{Duration, Instant, NoInstant};
use super::print::Printer;
use super::value::{Args, Value};
use super::{Query, TemplateData};
use crate::labels::Regexp;
use crate::limits;

/// A type that an argument must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// `interface {}`: any value.
    Any,
    /// `string`
    Text,
    /// `template.queryResult`
    Samples,
    /// `*template.sample`
    Sample,
    /// `time.Duration`, of methods only.
    Duration,
}

impl Type {
    /// Returns Go's name of the type.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::Text => "string",
            Self::Samples => "template.queryResult",
            Self::Sample => "*template.sample",
            Self::Duration => "time.Duration",
        }
    }
}

/// What it takes to prepare an expression or a pattern, as so many bytes that are made.
const PREPARED_BYTES: usize = 16 << 10;

/// How a function is run.
#[derive(Clone, Copy, Debug)]
pub(super) enum Run {
    /// `and`: arguments are evaluated up to the first false one.
    And,
    /// `or`: arguments are evaluated up to the first true one.
    Or,
    /// `tmpl`: the text of a named template.
    Template,
    /// With all arguments evaluated, their number and types checked.
    Call(fn(&mut Context<'_, '_>, &[Value]) -> Result<Value, String>),
}

/// A function.
#[derive(Debug)]
pub(super) struct Function {
    /// Its name.
    pub(super) name: &'static str,
    /// The types of the arguments it must get.
    pub(super) params: &'static [Type],
    /// The type of any number of further arguments.
    pub(super) rest: Option<Type>,
    /// What it does.
    pub(super) run: Run,
}

impl Function {
    /// Returns what a call takes besides what it reads and makes, as so many bytes: an expression or a pattern is
    /// prepared.
    pub(super) fn fixed_bytes(&self) -> usize {
        if matches!(self.name, "query" | "match" | "reReplaceAll") { PREPARED_BYTES } else { 0 }
    }
}

/// Names are unique.
impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// What functions need besides their arguments.
pub(super) struct Context<'d, 'q> {
    /// What the template shows.
    pub(super) data: &'d TemplateData<'d>,
    /// Answers `query`.
    pub(super) query: &'q mut Query<'d>,
}

const ANY: &[Type] = &[Type::Any];
const ANY_ANY: &[Type] = &[Type::Any, Type::Any];
const TEXT: &[Type] = &[Type::Text];

const fn plain(
    name: &'static str,
    params: &'static [Type],
    run: fn(&mut Context<'_, '_>, &[Value]) -> Result<Value, String>,
) -> Function {
    Function { name, params, rest: None, run: Run::Call(run) }
}

const fn open(
    name: &'static str,
    params: &'static [Type],
    run: fn(&mut Context<'_, '_>, &[Value]) -> Result<Value, String>,
) -> Function {
    Function { name, params, rest: Some(Type::Any), run: Run::Call(run) }
}

/// All functions, by name.
///
/// Source: Go's `text/template` and Prometheus' `template` package.
static FUNCTIONS: &[Function] = &[
    Function { name: "tmpl", params: &[Type::Text, Type::Any], rest: None, run: Run::Template },
    Function { name: "and", params: ANY, rest: Some(Type::Any), run: Run::And },
    open("args", &[], |_, values| args(values)),
    open("eq", ANY, |_, values| compare::equal_any(values).map(Value::Bool)),
    plain("externalURL", &[], |context, _| Ok(Value::text(context.data.external_url))),
    plain("first", &[Type::Samples], |_, values| match &values[0] {
        Value::Samples(samples) => match samples.borrow().first() {
            Some(sample) => Ok(Value::Sample(Rc::clone(sample))),
            None => Err("first() called on vector with no elements".to_owned()),
        },
        _ => Err("first() called on vector with no elements".to_owned()),
    }),
    plain("ge", ANY_ANY, |_, values| compare::less(&values[0], &values[1]).map(|less| Value::Bool(!less))),
    plain("graphLink", TEXT, |_, values| Ok(link(&values[0], 0))),
    plain("gt", ANY_ANY, |_, values| compare::less_or_equal(&values[0], &values[1]).map(|less| Value::Bool(!less))),
    open("html", &[], |context, values| Ok(Value::text(escape::html(&shown(context, values))))),
    plain("humanize", ANY, |_, values| humanize::to_float(&values[0]).map(|v| Value::text(humanize::metric(v)))),
    plain("humanize1024", ANY, |_, values| humanize::to_float(&values[0]).map(|v| Value::text(humanize::binary(v)))),
    plain("humanizeDuration", ANY, |_, values| {
        humanize::to_float(&values[0]).map(|v| Value::text(humanize::duration(v)))
    }),
    plain("humanizePercentage", ANY, |_, values| {
        humanize::to_float(&values[0]).map(|v| Value::text(humanize::percentage(v)))
    }),
    plain("humanizeTimestamp", ANY, |_, values| humanize::timestamp(humanize::to_float(&values[0])?).map(Value::text)),
    open("index", ANY, |_, values| collections::index(values)),
    open("js", &[], |context, values| Ok(Value::text(escape::js(&shown(context, values))))),
    plain("label", &[Type::Text, Type::Sample], |_, values| label(text(&values[0]), &values[1])),
    plain("le", ANY_ANY, |_, values| compare::less_or_equal(&values[0], &values[1]).map(Value::Bool)),
    plain("len", ANY, |_, values| collections::len(&values[0])),
    plain("lt", ANY_ANY, |_, values| compare::less(&values[0], &values[1]).map(Value::Bool)),
    plain("match", &[Type::Text, Type::Text], |_, values| {
        regexp(text(&values[0]), "").map(|regexp| Value::Bool(regexp.is_match(text(&values[1]))))
    }),
    plain("ne", ANY_ANY, |_, values| compare::equal_any(values).map(|equal| Value::Bool(!equal))),
    plain("not", ANY, |_, values| Ok(Value::Bool(!values[0].is_true()))),
    plain("now", &[], |context, _| Ok(Value::Float(context.data.now.seconds()))),
    Function { name: "or", params: ANY, rest: Some(Type::Any), run: Run::Or },
    plain("parseDuration", TEXT, |_, values| parse_duration(text(&values[0]))),
    plain("pathPrefix", &[], |context, _| Ok(Value::text(escape::path(context.data.external_url)))),
    open("print", &[], |context, values| Ok(printed(context, |printer| printer.list(values, false)))),
    open("printf", TEXT, |context, values| {
        Ok(printed(context, |printer| printer.format(text(&values[0]), &values[1..])))
    }),
    open("println", &[], |context, values| Ok(printed(context, |printer| printer.line(values)))),
    plain("query", TEXT, |context, values| {
        let samples = (context.query)(text(&values[0]))?;
        Ok(Value::samples(samples.into_iter().map(Rc::new).collect()))
    }),
    plain("reReplaceAll", &[Type::Text, Type::Text, Type::Text], |_, values| {
        let pattern = text(&values[0]);
        let regexp = regexp(pattern, &format!("regexp: Compile({}): ", backquoted(pattern)))?;
        Ok(Value::text(regexp.replace_all(text(&values[2]), text(&values[1]))))
    }),
    plain("safeHtml", TEXT, |_, values| Ok(Value::Html(text(&values[0]).into()))),
    open("slice", ANY, |_, values| collections::slice(values)),
    plain("sortByLabel", &[Type::Text, Type::Samples], |_, values| {
        if let Value::Samples(samples) = &values[1] {
            let name = text(&values[0]);
            samples.borrow_mut().sort_by(|a, b| a.labels.get(name).unwrap_or("").cmp(b.labels.get(name).unwrap_or("")));
        }
        Ok(values[1].clone())
    }),
    plain("stripDomain", TEXT, |_, values| Ok(Value::text(escape::strip_domain(text(&values[0]))))),
    plain("stripPort", TEXT, |_, values| Ok(Value::text(escape::strip_port(text(&values[0]))))),
    plain("strvalue", &[Type::Sample], |_, values| label("__value__", &values[0])),
    plain("tableLink", TEXT, |_, values| Ok(link(&values[0], 1))),
    plain("title", TEXT, |_, values| Ok(Value::text(title(text(&values[0]))))),
    plain("toDuration", ANY, |_, values| {
        humanize::to_float(&values[0]).map(|seconds| Value::Duration(Duration((seconds * 1e9) as i64)))
    }),
    plain("toLower", TEXT, |_, values| Ok(Value::text(map_case(text(&values[0]), char::to_lowercase)))),
    plain("toTime", ANY, |_, values| match Instant::from_seconds(humanize::to_float(&values[0])?) {
        Ok(instant) => Ok(Value::Time(instant)),
        Err(NoInstant::NotFinite) => Err("value is NaN or Inf".to_owned()),
        Err(NoInstant::TooFar(words)) => Err(words),
    }),
    plain("toUpper", TEXT, |_, values| Ok(Value::text(map_case(text(&values[0]), char::to_uppercase)))),
    plain("urlQueryEscape", TEXT, |_, values| Ok(Value::text(escape::query(text(&values[0]))))),
    open("urlquery", &[], |context, values| Ok(Value::text(escape::query(&shown(context, values))))),
    plain("value", &[Type::Sample], |_, values| match &values[0] {
        Value::Sample(sample) => Ok(Value::from(&sample.value)),
        _ => Err(NIL_SAMPLE.to_owned()),
    }),
];

const NIL_SAMPLE: &str = "runtime error: invalid memory address or nil pointer dereference";

/// Returns the function of a name.
pub(super) fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

/// Walks over the names of all functions.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().map(|function| function.name)
}

/// Returns the text of an argument that was checked to be one.
fn text(value: &Value) -> &str {
    value.as_text().unwrap_or_default()
}

fn printed(context: &Context<'_, '_>, print: impl FnOnce(&mut Printer<'_>)) -> Value {
    let mut printer = Printer::new(context.data);
    print(&mut printer);
    Value::text(printer.out)
}

fn shown(context: &Context<'_, '_>, values: &[Value]) -> String {
    let mut printer = Printer::new(context.data);
    printer.list(values, true);
    printer.out
}

fn args(values: &[Value]) -> Result<Value, String> {
    let depth = 1 + values.iter().map(Value::depth).max().unwrap_or(0);
    if depth > limits::TEMPLATE_DEPTH {
        return Err(format!("args nested deeper than the limit of {}", limits::TEMPLATE_DEPTH));
    }
    let mut values: Vec<(String, Value)> =
        values.iter().enumerate().map(|(at, value)| (format!("arg{at}"), value.clone())).collect();
    values.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(Value::Args(Rc::new(Args { values, depth })))
}

fn label(name: &str, sample: &Value) -> Result<Value, String> {
    match sample {
        Value::Sample(sample) => Ok(Value::text(sample.labels.get(name).unwrap_or(""))),
        _ => Err(NIL_SAMPLE.to_owned()),
    }
}

fn link(expr: &Value, tab: u8) -> Value {
    Value::text(format!("/graph?g0.expr={}&g0.tab={tab}", escape::query(text(expr))))
}

fn regexp(pattern: &str, before: &str) -> Result<Regexp, String> {
    Regexp::unanchored(pattern).map_err(|error| format!("{before}error parsing regexp: {}", error.reason()))
}

fn backquoted(text: &str) -> String {
    if text.contains('`') { crate::labels::Quoted(text).to_string() } else { format!("`{text}`") }
}

fn parse_duration(text: &str) -> Result<Value, String> {
    let (sign, span) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text),
    };
    match crate::time::parse_duration(span) {
        Ok(span) => Ok(Value::Float(sign * span.seconds())),
        Err(crate::time::DurationError::Empty) => Err("empty duration string".to_owned()),
        Err(crate::time::DurationError::Form(_)) => {
            Err(format!("not a valid duration string: {}", crate::labels::Quoted(span)))
        }
        Err(crate::time::DurationError::TooLong(_)) => Err("duration out of range".to_owned()),
    }
}

/// Maps every character to its other case where that is one character too.
fn map_case<I: Iterator<Item = char>>(text: &str, map: fn(char) -> I) -> String {
    let one = |c: char| {
        let mut mapped = map(c);
        match (mapped.next(), mapped.next()) {
            (Some(mapped), None) => mapped,
            _ => c,
        }
    };
    text.chars().map(one).collect()
}

/// Makes the first letter of each word a capital. Words hold letters, digits, `_`, and single `'`, `.` or `:` within.
///
/// Source: Go's `cases.Title` without lowering, on Unicode's word boundaries.
fn title(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    for (at, c) in chars.iter().enumerate() {
        let near = |offset: isize| {
            at.checked_add_signed(offset).and_then(|at| chars.get(at)).is_some_and(|c| c.is_alphabetic())
        };
        let joins = matches!(c, '\'' | '\u{2019}' | '.' | ':' | '\u{b7}') && near(-1) && near(1);
        let in_word = c.is_alphanumeric() || *c == '_' || joins;
        if in_word && !inside && c.is_alphabetic() {
            out.extend(c.to_uppercase());
        } else {
            out.push(*c);
        }
        inside = in_word;
    }
    out
}
