//! Prints expressions on one line, so that reading them again gives the same tree.

use std::fmt::{self, Display, Formatter, Write};

use super::ast::{
    Aggregate, At, Binary, BinaryOp, DurationExpr, DurationKind, Edges, Expr, ExprKind, Matching, Modifiers, Selector,
    Side, Subquery,
};
use super::lex::{Keyword, Kind, Token, lex};
use crate::labels::{Matcher, Quoted};
use crate::source::Span;
use crate::time::Millis;

/// Formats as Prometheus does, except that matchers keep their order.
impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Printer { out: f, source: None }.expr(self)
    }
}

/// Formats as `name{label="value"} @ time offset 5m`.
impl Display for Selector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Printer { out: f, source: None }.selector(self, Span::default())
    }
}

/// Formats as it stands inside `[ ]` or after `offset`.
impl Display for DurationExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Printer { out: f, source: None }.duration(self)
    }
}

/// Where expressions are printed to; it may take note of where each begins and ends.
pub(super) trait Out: Write {
    /// An expression begins; returns its number.
    fn begin(&mut self) -> usize {
        0
    }

    /// The expression of that number is over.
    fn end(&mut self, _number: usize) {}
}

impl Out for &mut Formatter<'_> {}
impl Out for &mut String {}

/// What may stand before the digits of a number, comments aside.
const SIGNS: [char; 6] = ['+', '-', ' ', '\t', '\n', '\r'];

/// Prints on one line.
///
/// With the text that an expression was read from, numbers and durations keep the digits that are written there, and
/// strings their quotes and escapes where double quotes would need others. All else is as Prometheus prints it: matchers
/// are sorted, `by ()` is left out, and strings have escapes for line breaks and tabs.
pub(super) struct Printer<'a, W> {
    /// Where it goes.
    pub(super) out: W,
    /// The text that spans are offsets in.
    pub(super) source: Option<&'a str>,
}

impl<'a, W: Out> Printer<'a, W> {
    /// Prints an expression.
    pub(super) fn expr(&mut self, expr: &Expr) -> fmt::Result {
        let number = self.out.begin();
        self.kind(expr)?;
        self.out.end(number);
        Ok(())
    }

    fn kind(&mut self, expr: &Expr) -> fmt::Result {
        match &expr.kind {
            ExprKind::Number { value, duration } => match self.written(expr.span).filter(|_| value.is_finite()) {
                Some(text) => self.digits(text, value.is_sign_negative()),
                None => self.number(*value, *duration),
            },
            ExprKind::String(text) => self.string(text, self.written(expr.span)),
            ExprKind::Paren(inner) => {
                self.out.write_str("(")?;
                self.expr(inner)?;
                self.out.write_str(")")
            }
            ExprKind::Unary { op, expr } => {
                self.out.write_str(op.symbol())?;
                self.expr(expr)
            }
            ExprKind::Binary(binary) => {
                self.left(binary)?;
                self.out.write_str(" ")?;
                self.operator(binary)?;
                self.out.write_str(" ")?;
                self.expr(&binary.rhs)
            }
            ExprKind::Selector(selector) => self.selector(selector, expr.span),
            ExprKind::Range { selector, selector_span, range } => {
                self.matchers(selector, *selector_span)?;
                self.out.write_str("[")?;
                self.duration(range)?;
                self.out.write_str("]")?;
                self.modifiers(&selector.modifiers)
            }
            ExprKind::Subquery(subquery) => {
                self.expr(&subquery.expr)?;
                self.window(subquery)
            }
            ExprKind::Call { function, args, .. } => {
                self.out.write_str(function.name)?;
                self.out.write_str("(")?;
                self.list(args, ", ", Self::expr)?;
                self.out.write_str(")")
            }
            ExprKind::Aggregate(aggregate) => {
                self.aggregation(aggregate)?;
                self.out.write_str("(")?;
                if let Some(param) = &aggregate.param {
                    self.expr(param)?;
                    self.out.write_str(", ")?;
                }
                self.expr(&aggregate.expr)?;
                self.out.write_str(")")
            }
            ExprKind::Invalid => self.out.write_str("<invalid>"),
        }
    }

    /// Prints the left operand of a binary expression.
    fn left(&mut self, binary: &Binary) -> fmt::Result {
        match binary.lhs.kind {
            // A sign would bind less than `^`, and be one of the whole.
            ExprKind::Number { value: f64::INFINITY, .. } if binary.op == BinaryOp::Pow => {
                let number = self.out.begin();
                self.out.write_str("Inf")?;
                self.out.end(number);
                Ok(())
            }
            _ => self.expr(&binary.lhs),
        }
    }

    /// Prints the operator of a binary expression, with `bool` and how series are matched.
    pub(super) fn operator(&mut self, binary: &Binary) -> fmt::Result {
        self.out.write_str(binary.op.symbol())?;
        if binary.return_bool {
            self.out.write_str(" bool")?;
        }
        let Some(matching) = &binary.matching else { return Ok(()) };
        self.pairing(matching)?;
        let written = self.written(Span { start: binary.op_span.end, end: binary.rhs.span.start });
        self.fills(matching, written.map(fills).unwrap_or_default())
    }

    /// Prints an aggregation up to its `(`.
    pub(super) fn aggregation(&mut self, aggregate: &Aggregate) -> fmt::Result {
        self.out.write_str(aggregate.op.name())?;
        match &aggregate.grouping {
            Some(grouping) if self.source.is_none() || grouping.without || !grouping.labels.is_empty() => {
                self.out.write_str(if grouping.without { " without " } else { " by " })?;
                self.labels(&grouping.labels)?;
                self.out.write_str(" ")
            }
            _ => Ok(()),
        }
    }

    /// Prints what follows the expression of a subquery.
    pub(super) fn window(&mut self, subquery: &Subquery) -> fmt::Result {
        self.out.write_str("[")?;
        self.duration(&subquery.range)?;
        self.out.write_str(":")?;
        if let Some(step) = &subquery.step {
            self.duration(step)?;
        }
        self.out.write_str("]")?;
        self.modifiers(&subquery.modifiers)
    }

    /// Returns what is written at a span.
    fn written(&self, span: Span) -> Option<&'a str> {
        self.source?.get(span.range())
    }

    /// Prints a number or a duration with the digits that are written, and the sign that it has.
    fn digits(&mut self, text: &str, negative: bool) -> fmt::Result {
        self.out.write_str(if negative { "-" } else { "" })?;
        let mut digits = text.trim_start_matches(SIGNS);
        while digits.starts_with('#') {
            let comment = digits.find(['\n', '\r']).unwrap_or(digits.len());
            digits = digits[comment..].trim_start_matches(SIGNS);
        }
        self.out.write_str(digits)
    }

    fn number(&mut self, value: f64, duration: bool) -> fmt::Result {
        if duration {
            let span = Millis((value.abs() * 1000.0).round() as i64);
            return write!(self.out, "{}{span}", if value.is_sign_negative() { "-" } else { "" });
        }
        if value.is_infinite() {
            return self.out.write_str(if value > 0.0 { "+Inf" } else { "-Inf" });
        }
        write!(self.out, "{value}")
    }

    fn string(&mut self, text: &str, written: Option<&str>) -> fmt::Result {
        // Its own escapes say more than a character that is hard to see.
        let stays = |written: &&str| {
            let inside = written.get(1..written.len().saturating_sub(1));
            let has_escapes = text.contains(['"', '\\']) || inside != Some(text);
            !written.contains(char::is_control) && (written.starts_with('"') || has_escapes)
        };
        match written.filter(|_| is_particular(text)).filter(stays) {
            Some(written) => self.out.write_str(written),
            None => write!(self.out, "{}", Quoted(text)),
        }
    }

    fn list<T>(
        &mut self,
        items: &[T],
        separator: &str,
        mut item: impl FnMut(&mut Self, &T) -> fmt::Result,
    ) -> fmt::Result {
        for (at, one) in items.iter().enumerate() {
            if at > 0 {
                self.out.write_str(separator)?;
            }
            item(self, one)?;
        }
        Ok(())
    }

    fn labels(&mut self, labels: &[String]) -> fmt::Result {
        self.out.write_str("(")?;
        self.list(labels, ", ", |printer, label| printer.label(label))?;
        self.out.write_str(")")
    }

    fn selector(&mut self, selector: &Selector, at: Span) -> fmt::Result {
        self.matchers(selector, at)?;
        if self.source.is_none() {
            return self.modifiers(&selector.modifiers);
        }
        // Without a range, Prometheus has the two the other way round.
        self.at(&selector.modifiers)?;
        self.edges(&selector.modifiers)?;
        self.offset(&selector.modifiers)
    }

    /// Prints the name and the matchers of a selector, which stands at a span.
    fn matchers(&mut self, selector: &Selector, at: Span) -> fmt::Result {
        let mut matchers = selector.matchers.as_slice();
        if let Some(name) = &selector.name {
            self.out.write_str(name)?;
            let is_name = |matcher: &Matcher| matcher.names_metric() && matcher.value == *name;
            if let Some((_, inside)) = matchers.split_last().filter(|(last, _)| is_name(last)) {
                matchers = inside;
            }
            if matchers.is_empty() {
                return Ok(());
            }
        }
        let text = self.written(at).filter(|_| matchers.iter().any(|matcher| is_particular(&matcher.value)));
        let values = text.map(values).unwrap_or_default();
        let mut all: Vec<(&Matcher, Option<&str>)> =
            matchers.iter().enumerate().map(|(at, matcher)| (matcher, values.get(at).copied())).collect();
        if self.source.is_some() && all.len() > 1 {
            all.sort_by_cached_key(|(matcher, _)| {
                let mut shown = String::new();
                // A text takes all.
                let _ = Printer { out: &mut shown, source: None }.matcher(matcher, None);
                shown
            });
        }
        self.out.write_str("{")?;
        self.list(&all, ",", |printer, (matcher, written)| printer.matcher(matcher, *written))?;
        self.out.write_str("}")
    }

    fn matcher(&mut self, matcher: &Matcher, written: Option<&str>) -> fmt::Result {
        self.label(&matcher.name)?;
        self.out.write_str(matcher.op.symbol())?;
        self.string(&matcher.value, written)
    }

    /// Prints the name of a label, in quotes when it is not one of letters, digits and `_`, or a word that lists of
    /// labels do not take.
    fn label(&mut self, name: &str) -> fmt::Result {
        let reserved = ["without", "inf", "nan"].iter().any(|word| word.eq_ignore_ascii_case(name));
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
        if plain && !reserved { self.out.write_str(name) } else { write!(self.out, "{}", Quoted(name)) }
    }

    fn modifiers(&mut self, modifiers: &Modifiers) -> fmt::Result {
        self.edges(modifiers)?;
        self.at(modifiers)?;
        self.offset(modifiers)
    }

    fn edges(&mut self, modifiers: &Modifiers) -> fmt::Result {
        self.out.write_str(match modifiers.edges {
            Some(Edges::Anchored) => " anchored",
            Some(Edges::Smoothed) => " smoothed",
            None => "",
        })
    }

    fn at(&mut self, modifiers: &Modifiers) -> fmt::Result {
        match modifiers.at {
            Some(At::Time(at)) => {
                let (sign, millis) = (if at.0 < 0 { "-" } else { "" }, at.0.unsigned_abs());
                write!(self.out, " @ {sign}{}.{:03}", millis / 1000, millis % 1000)
            }
            Some(At::Start) => self.out.write_str(" @ start()"),
            Some(At::End) => self.out.write_str(" @ end()"),
            None => Ok(()),
        }
    }

    fn offset(&mut self, modifiers: &Modifiers) -> fmt::Result {
        match &modifiers.offset {
            Some(offset) => {
                self.out.write_str(" offset ")?;
                self.duration(offset)
            }
            None => Ok(()),
        }
    }

    /// Prints which series are paired.
    fn pairing(&mut self, matching: &Matching) -> fmt::Result {
        if matching.on || !matching.labels.is_empty() || matching.group.is_some() {
            self.out.write_str(if matching.on { " on " } else { " ignoring " })?;
            self.labels(&matching.labels)?;
        }
        match &matching.group {
            Some(group) => {
                self.out.write_str(match group.many {
                    Side::Left => " group_left ",
                    Side::Right => " group_right ",
                })?;
                self.labels(&group.include)
            }
            None => Ok(()),
        }
    }

    /// Prints what fills the sides, and how that is written.
    fn fills(&mut self, matching: &Matching, [left_written, right_written]: [Option<&str>; 2]) -> fmt::Result {
        let mut fill = |word: &str, value: f64, written: Option<&str>| {
            write!(self.out, " {word} (")?;
            match written.filter(|_| value.is_finite()) {
                Some(text) => self.digits(text, value.is_sign_negative())?,
                None => self.number(value, false)?,
            }
            self.out.write_str(")")
        };
        match (matching.fill_left, matching.fill_right) {
            (Some(left), Some(right)) if left.to_bits() == right.to_bits() => fill("fill", left, left_written),
            (left, right) => {
                left.map_or(Ok(()), |left| fill("fill_left", left, left_written))?;
                right.map_or(Ok(()), |right| fill("fill_right", right, right_written))
            }
        }
    }

    fn duration(&mut self, duration: &DurationExpr) -> fmt::Result {
        match &duration.kind {
            DurationKind::Literal { span, seconds } => match self.written(duration.span) {
                Some(text) => self.digits(text, seconds.is_sign_negative()),
                // In seconds where milliseconds do not hold it.
                None if span.seconds() == *seconds => write!(self.out, "{span}"),
                None => write!(self.out, "{seconds}"),
            },
            DurationKind::Step => self.out.write_str("step()"),
            DurationKind::Range => self.out.write_str("range()"),
            DurationKind::Unary(op, inner) => {
                self.out.write_str(op.symbol())?;
                self.duration(inner)
            }
            DurationKind::Binary(op, lhs, rhs) => {
                // A factor or exponent reads better as a plain number.
                let factor = matches!(op, BinaryOp::Mul | BinaryOp::Div | BinaryOp::Pow);
                self.operand(lhs, *op == BinaryOp::Mul && !matches!(rhs.kind, DurationKind::Literal { .. }))?;
                write!(self.out, " {} ", op.symbol())?;
                self.operand(rhs, factor)
            }
            DurationKind::MinOf(a, b) => self.call("min_of", [a, b]),
            DurationKind::MaxOf(a, b) => self.call("max_of", [a, b]),
            DurationKind::Paren(inner) => {
                self.out.write_str("(")?;
                self.duration(inner)?;
                self.out.write_str(")")
            }
        }
    }

    fn operand(&mut self, operand: &DurationExpr, as_number: bool) -> fmt::Result {
        match &operand.kind {
            DurationKind::Literal { seconds, .. } if as_number && self.source.is_none() => {
                write!(self.out, "{seconds}")
            }
            _ => self.duration(operand),
        }
    }

    fn call(&mut self, name: &str, args: [&DurationExpr; 2]) -> fmt::Result {
        write!(self.out, "{name}(")?;
        self.list(&args, ", ", |printer, arg| printer.duration(arg))?;
        self.out.write_str(")")
    }
}

/// Returns the values of the matchers in the text of a selector as they are written, quotes included: strings behind
/// which no operator stands. A metric's name in quotes is the value of a matcher, too.
fn values(selector: &str) -> Vec<&str> {
    let tokens = lex(selector);
    let is_value =
        |pair: &&[Token]| pair[0].kind == Kind::Str && matches!(pair[1].kind, Kind::Comma | Kind::RightBrace);
    tokens.windows(2).filter(is_value).map(|pair| &selector[pair[0].span.range()]).collect()
}

/// Returns the numbers that fill the left and the right side, as they are written between an operator and its right
/// operand.
fn fills(modifiers: &str) -> [Option<&str>; 2] {
    let (mut word, mut fills) = (None, [None; 2]);
    for token in lex(modifiers) {
        match token.kind {
            Kind::Word(Some(fill @ (Keyword::Fill | Keyword::FillLeft | Keyword::FillRight))) => word = Some(fill),
            Kind::Number | Kind::Word(Some(Keyword::Number)) => {
                let written = Some(&modifiers[token.span.range()]);
                if word != Some(Keyword::FillRight) {
                    fills[0] = written;
                }
                if word != Some(Keyword::FillLeft) {
                    fills[1] = written;
                }
            }
            _ => {}
        }
    }
    fills
}

/// Returns whether it matters how a text is written: in double quotes it would need a `\`, or it is not ASCII.
fn is_particular(text: &str) -> bool {
    !text.is_ascii() || text.contains(['"', '\\'])
}
