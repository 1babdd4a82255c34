//! Operands and operators: the skeleton of an expression.

use super::super::ast::{BinaryOp, ExprKind, UnaryOp};
use super::super::lex::{Keyword, Kind, Token};
use super::super::literal::{Literal, literal, unquote};
use super::{Parser, Problem, Read, SYNTAX, Stop, Tree};
use crate::source::Span;

/// How tightly the signs bind what follows: all but `^` binds less.
const SIGN: u8 = 6;

/// Returns how tightly an operator binds; higher is tighter.
pub(super) fn binding(op: BinaryOp) -> u8 {
    match op {
        BinaryOp::Or => 1,
        BinaryOp::And | BinaryOp::Unless => 2,
        BinaryOp::Add | BinaryOp::Sub => 4,
        BinaryOp::Mul | BinaryOp::Div | BinaryOp::Mod | BinaryOp::Atan2 => 5,
        BinaryOp::Pow => 6,
        _ => 3,
    }
}

impl Parser<'_> {
    /// Reads an expression whose operators bind at least as tightly as `least`.
    pub(super) fn expr(&mut self, least: u8) -> Read<Tree> {
        self.nesting += 1;
        let read = match self.limit_depth(self.nesting, self.span()) {
            Ok(_) => self.chain(least),
            Err(stop) => Err(stop),
        };
        self.nesting -= 1;
        read
    }

    fn chain(&mut self, least: u8) -> Read<Tree> {
        let mut lhs = self.operand()?;
        while let Some(op) = self.binary_op() {
            let tightness = binding(op);
            if tightness < least {
                break;
            }
            let op_span = self.advance().span;
            let modifiers = self.binary_modifiers(op)?;
            // Only `^` groups to the right.
            let rhs = self.expr(if op == BinaryOp::Pow { tightness } else { tightness + 1 })?;
            lhs = self.binary(lhs, (op, op_span), modifiers, rhs)?;
        }
        Ok(lhs)
    }

    /// Returns the binary operator that the token is.
    fn binary_op(&self) -> Option<BinaryOp> {
        match self.kind() {
            Kind::Op(op) => Some(op),
            Kind::Word(Some(Keyword::And)) => Some(BinaryOp::And),
            Kind::Word(Some(Keyword::Or)) => Some(BinaryOp::Or),
            Kind::Word(Some(Keyword::Unless)) => Some(BinaryOp::Unless),
            Kind::Word(Some(Keyword::Atan2)) => Some(BinaryOp::Atan2),
            _ => None,
        }
    }

    /// Takes a `+` or `-`.
    pub(super) fn accept_sign(&mut self) -> Option<(UnaryOp, Span)> {
        let op = match self.kind() {
            Kind::Op(BinaryOp::Add) => UnaryOp::Plus,
            Kind::Op(BinaryOp::Sub) => UnaryOp::Minus,
            _ => return None,
        };
        Some((op, self.advance().span))
    }

    fn operand(&mut self) -> Read<Tree> {
        let Some((op, sign)) = self.accept_sign() else {
            let primary = self.primary()?;
            return self.postfix(primary);
        };
        let mut inner = self.expr(SIGN)?;
        let span = sign.to(inner.expr.span);
        if let ExprKind::Number { value, .. } = &mut inner.expr.kind {
            // A signed number is a number, as in Prometheus.
            if op == UnaryOp::Minus {
                *value = -*value;
            }
            inner.expr.span = span;
            return Ok(inner);
        }
        let depth = self.limit_depth(inner.depth + 1, span)?;
        let kind = ExprKind::Unary { op, expr: Box::new(inner.expr) };
        Ok(Tree { expr: super::Expr { kind, span }, depth, ty: inner.ty })
    }

    fn primary(&mut self) -> Read<Tree> {
        match self.kind() {
            Kind::Number | Kind::Word(Some(Keyword::Number)) => {
                let token = self.advance();
                Ok(match self.literal(token) {
                    Some(Literal::Number(value)) => Tree::leaf(ExprKind::Number { value, duration: false }, token.span),
                    Some(Literal::Duration(span)) => {
                        Tree::leaf(ExprKind::Number { value: span.seconds(), duration: true }, token.span)
                    }
                    None => Tree::invalid(token.span),
                })
            }
            Kind::Str => {
                let token = self.advance();
                Ok(match self.string(token) {
                    Some(text) => Tree::leaf(ExprKind::String(text), token.span),
                    None => Tree::invalid(token.span),
                })
            }
            Kind::LeftParen => self.paren(),
            Kind::LeftBrace => self.selector(None),
            Kind::Word(keyword) => self.named(keyword),
            Kind::Op(_) => {
                let text = self.text_of(self.span());
                let help = format!("`{text}` needs an operand before it");
                Err(self.expected_with_help("an expression", help))
            }
            Kind::LeftBracket => {
                Err(self.expected_with_help("an expression", "a range stands after what it selects: `metric[5m]`"))
            }
            _ => Err(self.expected("an expression")),
        }
    }

    fn paren(&mut self) -> Read<Tree> {
        let open = self.advance().span;
        let inner = match self.expr(0) {
            Ok(inner) if self.kind() == Kind::RightParen => inner,
            Ok(inner) => {
                self.unclosed(open);
                self.recover(&[Kind::RightParen])?;
                inner
            }
            Err(Stop) => {
                self.recover(&[Kind::RightParen])?;
                Tree::invalid(open)
            }
        };
        let span = open.to(self.advance().span);
        let depth = self.limit_depth(inner.depth + 1, span)?;
        Ok(Tree { expr: super::Expr { kind: ExprKind::Paren(Box::new(inner.expr)), span }, depth, ty: inner.ty })
    }

    /// Says that an operand in parentheses is not followed by `)`; at the end of the text, that the `(` is open.
    pub(super) fn unclosed(&mut self, open: Span) {
        if self.kind() == Kind::End {
            self.problems.push(Problem::new(SYNTAX, open, "this `(` is never closed"));
        } else {
            self.after_operand("`)`");
        }
    }

    /// Reads what begins with a word: a call, an aggregation, a number or a selector.
    fn named(&mut self, keyword: Option<Keyword>) -> Read<Tree> {
        let opens = self.next_kind() == Kind::LeftParen;
        let plain = !self.text_of(self.span()).contains(':');
        match keyword {
            Some(Keyword::Aggregate(op)) => {
                let grouped = matches!(self.next_kind(), Kind::Word(Some(Keyword::By | Keyword::Without)));
                if opens || grouped { self.aggregate(op) } else { self.metric() }
            }
            None if opens && plain => self.call(),
            Some(Keyword::Start | Keyword::End | Keyword::Step | Keyword::Range | Keyword::MaxOf | Keyword::MinOf)
                if opens =>
            {
                self.call()
            }
            Some(
                Keyword::On
                | Keyword::Ignoring
                | Keyword::GroupLeft
                | Keyword::GroupRight
                | Keyword::Bool
                | Keyword::Atan2,
            ) => {
                let help = format!("a metric of that name is written `{{\"{}\"}}`", self.text_of(self.span()));
                Err(self.expected_with_help("an expression", help))
            }
            _ => self.metric(),
        }
    }

    fn metric(&mut self) -> Read<Tree> {
        let name = self.advance();
        self.selector(Some(name))
    }

    /// Reads a number or duration token, or says why it is none.
    pub(super) fn literal(&mut self, token: Token) -> Option<Literal> {
        match literal(self.text_of(token.span)) {
            Ok(literal) => Some(literal),
            Err(message) => {
                self.problems.push(Problem::new(SYNTAX, token.span, message));
                None
            }
        }
    }

    /// Resolves a string token, or says what is wrong in it.
    pub(super) fn string(&mut self, token: Token) -> Option<String> {
        match unquote(self.text_of(token.span)) {
            Ok(text) => Some(text),
            Err((at, message)) => {
                let start = token.span.start as usize;
                let problem = Problem::new(SYNTAX, Span::new(start + at.start, start + at.end), message);
                // The span of one escape is known only when it is none of PromQL's.
                let whole = at.start == 0;
                self.problems.push(match whole {
                    true => problem,
                    false => problem.with_help("a string in backquotes has no escapes: `\\d`"),
                });
                None
            }
        }
    }
}
