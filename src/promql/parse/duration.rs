//! Durations and the arithmetic over them, inside `[ ]` and after `offset`.

use super::super::ast::{BinaryOp, DurationExpr, DurationKind, UnaryOp};
use super::super::lex::{Keyword, Kind};
use super::super::literal::Literal;
use super::expr::binding;
use super::{Parser, Problem, Read, SYNTAX, Stop};
use crate::source::Span;
use crate::time::Millis;

/// The longest duration: 2^63 nanoseconds. Unit: seconds.
const LONGEST_SECONDS: f64 = 9_223_372_036.854_776;

/// A duration and how many nodes deep it is.
pub(super) type Deep = (DurationExpr, usize);

impl Parser<'_> {
    /// Reads a range or a step, which is longer than nothing.
    pub(super) fn positive_duration(&mut self) -> Read<Deep> {
        let (duration, depth) = self.duration(0)?;
        if let DurationKind::Literal { span, .. } = &duration.kind
            && *span <= Millis::ZERO
        {
            let message =
                format!("expected a duration of at least 1ms inside `[ ]`, found `{}`", self.text_of(duration.span));
            self.problems.push(Problem::new(SYNTAX, duration.span, message));
            return Err(Stop);
        }
        Ok((duration, depth))
    }

    /// Reads what follows `offset`: one signed duration, call or parenthesis; only after an unsigned parenthesis (or
    /// two signs) does an operator belong to the duration, otherwise to the expression around it.
    ///
    /// Source: the grammar of Prometheus 3.14, where `x offset -2 ^ 2` is `(x offset -2) ^ 2`.
    pub(super) fn offset_duration(&mut self) -> Read<Deep> {
        let signed = matches!(self.kind(), Kind::Op(BinaryOp::Add | BinaryOp::Sub));
        let first = if signed { self.next_kind() } else { self.kind() };
        let goes_on = match first {
            Kind::LeftParen => !signed,
            Kind::Op(BinaryOp::Add | BinaryOp::Sub) => true,
            _ => false,
        };
        if goes_on { self.duration(0) } else { self.duration_operand(false) }
    }

    /// Reads a duration whose operators bind at least as tightly as `least`.
    fn duration(&mut self, least: u8) -> Read<Deep> {
        self.nesting += 1;
        let read = match self.limit_depth(self.nesting, self.span()) {
            Ok(_) => self.duration_chain(least),
            Err(stop) => Err(stop),
        };
        self.nesting -= 1;
        read
    }

    fn duration_chain(&mut self, least: u8) -> Read<Deep> {
        let (mut lhs, mut depth) = self.duration_operand(true)?;
        while let Kind::Op(
            op @ (BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div | BinaryOp::Mod | BinaryOp::Pow),
        ) = self.kind()
        {
            let tightness = binding(op);
            if tightness < least {
                break;
            }
            let op_span = self.advance().span;
            let (rhs, rhs_depth) = self.duration(if op == BinaryOp::Pow { tightness } else { tightness + 1 })?;
            let zero = matches!(rhs.kind, DurationKind::Literal { seconds, .. } if seconds == 0.0);
            if zero && matches!(op, BinaryOp::Div | BinaryOp::Mod) {
                let message = format!("a duration cannot be divided by zero: `{} 0`", op.symbol());
                self.problems.push(Problem::new(SYNTAX, op_span.to(rhs.span), message));
                return Err(Stop);
            }
            let span = lhs.span.to(rhs.span);
            depth = self.limit_depth(1 + depth.max(rhs_depth), span)?;
            lhs = DurationExpr { kind: DurationKind::Binary(op, Box::new(lhs), Box::new(rhs)), span };
        }
        Ok((lhs, depth))
    }

    /// Reads one operand with its sign; with `powers`, a sign applies to all of `2 ^ 3`.
    fn duration_operand(&mut self, powers: bool) -> Read<Deep> {
        let Some((sign, at)) = self.accept_sign() else { return self.plain_duration() };
        let (inner, depth) = if powers { self.duration(binding(BinaryOp::Pow))? } else { self.plain_duration()? };
        let span = at.to(inner.span);
        let kind = match inner.kind {
            // A signed literal is a literal, as in Prometheus.
            DurationKind::Literal { span, seconds } if sign == UnaryOp::Minus => {
                DurationKind::Literal { span: Millis(-span.0), seconds: -seconds }
            }
            literal @ DurationKind::Literal { .. } => literal,
            kind => {
                let depth = self.limit_depth(depth + 1, span)?;
                let inner = DurationExpr { kind, span: inner.span };
                return Ok((DurationExpr { kind: DurationKind::Unary(sign, Box::new(inner)), span }, depth));
            }
        };
        Ok((DurationExpr { kind, span }, depth))
    }

    fn plain_duration(&mut self) -> Read<Deep> {
        let token = self.token();
        let start = token.span;
        match token.kind {
            Kind::Number | Kind::Word(Some(Keyword::Number)) => {
                self.advance();
                let kind = self.duration_literal(start)?;
                Ok((DurationExpr { kind, span: start }, 1))
            }
            Kind::LeftParen => {
                self.advance();
                let (inner, depth) = self.duration(0)?;
                let span = start.to(self.expect(Kind::RightParen, "an operator or `)`")?.span);
                let depth = self.limit_depth(depth + 1, span)?;
                Ok((DurationExpr { kind: DurationKind::Paren(Box::new(inner)), span }, depth))
            }
            Kind::Word(Some(keyword @ (Keyword::Step | Keyword::Range))) => {
                self.advance();
                self.expect(Kind::LeftParen, "`()`")?;
                let span = start.to(self.expect(Kind::RightParen, "`)`")?.span);
                let kind = if keyword == Keyword::Step { DurationKind::Step } else { DurationKind::Range };
                Ok((DurationExpr { kind, span }, 1))
            }
            Kind::Word(Some(keyword @ (Keyword::MinOf | Keyword::MaxOf))) => {
                self.advance();
                self.expect(Kind::LeftParen, "`(` and two durations")?;
                let (a, a_depth) = self.duration(0)?;
                self.expect(Kind::Comma, "an operator, or `,` and another duration")?;
                let (b, b_depth) = self.duration(0)?;
                let span = start.to(self.expect(Kind::RightParen, "an operator or `)`")?.span);
                let depth = self.limit_depth(1 + a_depth.max(b_depth), span)?;
                let (a, b) = (Box::new(a), Box::new(b));
                let kind =
                    if keyword == Keyword::MinOf { DurationKind::MinOf(a, b) } else { DurationKind::MaxOf(a, b) };
                Ok((DurationExpr { kind, span }, depth))
            }
            _ => Err(self.expected("a duration such as `5m`")),
        }
    }

    fn duration_literal(&mut self, at: Span) -> Read<DurationKind> {
        let token = super::Token { kind: Kind::Number, span: at };
        match self.literal(token).ok_or(Stop)? {
            Literal::Duration(span) => Ok(DurationKind::Literal { span, seconds: span.seconds() }),
            Literal::Number(seconds) if seconds.abs() <= LONGEST_SECONDS => {
                let span = Millis((seconds * 1000.0) as i64);
                // Prometheus rounds to nanoseconds before it cuts to milliseconds.
                let nanos = (seconds * 1e9).round();
                let span = if nanos.abs() < 9e18 { Millis((nanos / 1e6) as i64) } else { span };
                Ok(DurationKind::Literal { span, seconds })
            }
            Literal::Number(_) => {
                let text = super::super::literal::short(self.text_of(at));
                let message = format!("`{text}` seconds are longer than 292 years, the longest duration there is");
                self.problems.push(Problem::new(SYNTAX, at, message));
                Err(Stop)
            }
        }
    }
}
