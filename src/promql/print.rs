//! Prints expressions on one line, so that reading them again gives the same tree.

use std::fmt::{self, Display, Formatter};

use super::ast::{
    Aggregate, At, Binary, BinaryOp, DurationExpr, DurationKind, Edges, Expr, ExprKind, Matching, Modifiers, Selector,
    Side, Subquery, UnaryOp,
};
use crate::labels::{Matcher, Quoted};
use crate::time::Millis;

/// Formats as Prometheus does, except that matchers keep their order.
impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Number { value, duration } => write_number(f, *value, *duration),
            ExprKind::String(text) => write!(f, "{}", Quoted(text)),
            ExprKind::Paren(inner) => write!(f, "({inner})"),
            ExprKind::Unary { op, expr } => write!(f, "{}{expr}", sign(*op)),
            ExprKind::Binary(binary) => write_binary(f, binary),
            ExprKind::Selector(selector) => write!(f, "{selector}"),
            ExprKind::Range { selector, range, .. } => {
                write_matchers(f, selector)?;
                write!(f, "[{range}]")?;
                write_modifiers(f, &selector.modifiers)
            }
            ExprKind::Subquery(subquery) => write_subquery(f, subquery),
            ExprKind::Call { function, args, .. } => {
                write!(f, "{}(", function.name)?;
                write_list(f, args, ", ")?;
                f.write_str(")")
            }
            ExprKind::Aggregate(aggregate) => write_aggregate(f, aggregate),
            ExprKind::Invalid => f.write_str("<invalid>"),
        }
    }
}

/// Formats as `name{label="value"} @ time offset 5m`.
impl Display for Selector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_matchers(f, self)?;
        write_modifiers(f, &self.modifiers)
    }
}

/// Formats as it stands inside `[ ]` or after `offset`.
impl Display for DurationExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.kind {
            DurationKind::Literal { span, seconds } => write_duration(f, *span, *seconds),
            DurationKind::Step => f.write_str("step()"),
            DurationKind::Range => f.write_str("range()"),
            DurationKind::Unary(op, inner) => write!(f, "{}{inner}", sign(*op)),
            DurationKind::Binary(op, lhs, rhs) => {
                // A factor or exponent reads better as a plain number.
                let factor = matches!(op, BinaryOp::Mul | BinaryOp::Div | BinaryOp::Pow);
                write_operand(f, lhs, *op == BinaryOp::Mul && !matches!(rhs.kind, DurationKind::Literal { .. }))?;
                write!(f, " {} ", op.symbol())?;
                write_operand(f, rhs, factor)
            }
            DurationKind::MinOf(a, b) => write!(f, "min_of({a}, {b})"),
            DurationKind::MaxOf(a, b) => write!(f, "max_of({a}, {b})"),
            DurationKind::Paren(inner) => write!(f, "({inner})"),
        }
    }
}

fn write_operand(f: &mut Formatter<'_>, operand: &DurationExpr, as_number: bool) -> fmt::Result {
    match &operand.kind {
        DurationKind::Literal { seconds, .. } if as_number => write!(f, "{seconds}"),
        _ => write!(f, "{operand}"),
    }
}

/// Writes a duration in units, or in seconds when milliseconds do not hold it.
fn write_duration(f: &mut Formatter<'_>, span: Millis, seconds: f64) -> fmt::Result {
    if span.seconds() == seconds { write!(f, "{span}") } else { write!(f, "{seconds}") }
}

fn sign(op: UnaryOp) -> &'static str {
    match op {
        UnaryOp::Plus => "+",
        UnaryOp::Minus => "-",
    }
}

fn write_number(f: &mut Formatter<'_>, value: f64, duration: bool) -> fmt::Result {
    if duration {
        let span = Millis((value.abs() * 1000.0).round() as i64);
        return write!(f, "{}{span}", if value.is_sign_negative() { "-" } else { "" });
    }
    if value.is_infinite() {
        return f.write_str(if value > 0.0 { "+Inf" } else { "-Inf" });
    }
    write!(f, "{value}")
}

fn write_list<T: Display>(f: &mut Formatter<'_>, items: &[T], separator: &str) -> fmt::Result {
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            f.write_str(separator)?;
        }
        write!(f, "{item}")?;
    }
    Ok(())
}

/// A label name, in quotes when it is not one of letters, digits and `_`, or a word that lists of labels do not take.
struct LabelName<'a>(&'a str);

impl Display for LabelName<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let name = self.0;
        let reserved = ["without", "inf", "nan"].iter().any(|word| word.eq_ignore_ascii_case(name));
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
        if plain && !reserved { f.write_str(name) } else { write!(f, "{}", Quoted(name)) }
    }
}

fn write_labels(f: &mut Formatter<'_>, labels: &[String]) -> fmt::Result {
    f.write_str("(")?;
    let names: Vec<LabelName<'_>> = labels.iter().map(|label| LabelName(label)).collect();
    write_list(f, &names, ", ")?;
    f.write_str(")")
}

fn write_matchers(f: &mut Formatter<'_>, selector: &Selector) -> fmt::Result {
    let mut matchers = selector.matchers.as_slice();
    if let Some(name) = &selector.name {
        f.write_str(name)?;
        let is_name = |matcher: &Matcher| matcher.names_metric() && matcher.value == *name;
        if let Some((_, inside)) = matchers.split_last().filter(|(last, _)| is_name(last)) {
            matchers = inside;
        }
        if matchers.is_empty() {
            return Ok(());
        }
    }
    f.write_str("{")?;
    for (at, matcher) in matchers.iter().enumerate() {
        let comma = if at > 0 { "," } else { "" };
        write!(f, "{comma}{}{}{}", LabelName(&matcher.name), matcher.op.symbol(), Quoted(&matcher.value))?;
    }
    f.write_str("}")
}

fn write_modifiers(f: &mut Formatter<'_>, modifiers: &Modifiers) -> fmt::Result {
    match modifiers.edges {
        Some(Edges::Anchored) => f.write_str(" anchored")?,
        Some(Edges::Smoothed) => f.write_str(" smoothed")?,
        None => {}
    }
    match modifiers.at {
        Some(At::Time(at)) => {
            let (sign, millis) = (if at.0 < 0 { "-" } else { "" }, at.0.unsigned_abs());
            write!(f, " @ {sign}{}.{:03}", millis / 1000, millis % 1000)?;
        }
        Some(At::Start) => f.write_str(" @ start()")?,
        Some(At::End) => f.write_str(" @ end()")?,
        None => {}
    }
    match &modifiers.offset {
        Some(offset) => write!(f, " offset {offset}"),
        None => Ok(()),
    }
}

fn write_subquery(f: &mut Formatter<'_>, subquery: &Subquery) -> fmt::Result {
    write!(f, "{}[{}:", subquery.expr, subquery.range)?;
    if let Some(step) = &subquery.step {
        write!(f, "{step}")?;
    }
    f.write_str("]")?;
    write_modifiers(f, &subquery.modifiers)
}

fn write_binary(f: &mut Formatter<'_>, binary: &Binary) -> fmt::Result {
    write!(f, "{} {}", binary.lhs, binary.op.symbol())?;
    if binary.return_bool {
        f.write_str(" bool")?;
    }
    if let Some(matching) = &binary.matching {
        write_matching(f, matching)?;
    }
    write!(f, " {}", binary.rhs)
}

fn write_matching(f: &mut Formatter<'_>, matching: &Matching) -> fmt::Result {
    if matching.on || !matching.labels.is_empty() || matching.group.is_some() {
        f.write_str(if matching.on { " on " } else { " ignoring " })?;
        write_labels(f, &matching.labels)?;
    }
    if let Some(group) = &matching.group {
        f.write_str(match group.many {
            Side::Left => " group_left ",
            Side::Right => " group_right ",
        })?;
        write_labels(f, &group.include)?;
    }
    let fill = |f: &mut Formatter<'_>, word: &str, value: f64| {
        write!(f, " {word} (")?;
        write_number(f, value, false)?;
        f.write_str(")")
    };
    match (matching.fill_left, matching.fill_right) {
        (Some(left), Some(right)) if left.to_bits() == right.to_bits() => fill(f, "fill", left),
        (left, right) => {
            left.map_or(Ok(()), |left| fill(f, "fill_left", left))?;
            right.map_or(Ok(()), |right| fill(f, "fill_right", right))
        }
    }
}

fn write_aggregate(f: &mut Formatter<'_>, aggregate: &Aggregate) -> fmt::Result {
    f.write_str(aggregate.op.name())?;
    if let Some(grouping) = &aggregate.grouping {
        f.write_str(if grouping.without { " without " } else { " by " })?;
        write_labels(f, &grouping.labels)?;
        f.write_str(" ")?;
    }
    f.write_str("(")?;
    if let Some(param) = &aggregate.param {
        write!(f, "{param}, ")?;
    }
    write!(f, "{})", aggregate.expr)
}
