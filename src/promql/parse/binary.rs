//! What may stand after a binary operator, and the node it makes.

use super::super::ast::UnaryOp;
use super::super::ast::{Binary, BinaryOp, Expr, ExprKind, Group, Matching, Side, Type};
use super::super::lex::{Keyword, Kind};
use super::super::literal::Literal;
use super::{Parser, Problem, Read, SYNTAX, TYPE, Tree};
use crate::source::Span;

/// What stands between an operator and its right operand.
#[derive(Debug, Default)]
pub(super) struct BinaryModifiers {
    /// Where `bool` stands.
    return_bool: Option<Span>,
    matching: Matching,
    /// Where `on (..)` or `ignoring (..)` stands, if it names labels.
    labels_at: Option<Span>,
    /// Where the fill modifiers stand.
    fill_at: Option<Span>,
}

impl Parser<'_> {
    /// Reads `bool`, `on | ignoring (..)`, `group_left | group_right (..)` and the fill modifiers, in this order.
    pub(super) fn binary_modifiers(&mut self, op: BinaryOp) -> Read<BinaryModifiers> {
        let mut modifiers = BinaryModifiers::default();
        if self.keyword() == Some(Keyword::Bool) {
            let span = self.advance().span;
            if !op.is_comparison() {
                let message = format!("`bool` stands only after a comparison, not after `{}`", op.symbol());
                self.problems.push(Problem::new(TYPE, span, message));
            }
            modifiers.return_bool = Some(span);
        }
        if let Some(Keyword::On | Keyword::Ignoring) = self.keyword() {
            modifiers.matching.on = self.keyword() == Some(Keyword::On);
            let start = self.advance().span;
            let labels = self.label_list()?;
            if !labels.is_empty() {
                modifiers.labels_at = Some(start.to(self.last_end()));
            }
            let on = modifiers.matching.on;
            modifiers.matching.group = self.group(op, on, &labels)?;
            modifiers.matching.labels = labels.into_iter().map(|(label, _)| label).collect();
        } else if let Some(Keyword::GroupLeft | Keyword::GroupRight) = self.keyword() {
            let help = "it follows the labels that pair the series: `on (label) group_left ()`";
            return Err(self.expected_with_help("`on (..)` or `ignoring (..)`", help));
        }
        self.fill(op, &mut modifiers)?;
        Ok(modifiers)
    }

    fn group(&mut self, op: BinaryOp, on: bool, paired: &[(String, Span)]) -> Read<Option<Group>> {
        let many = match self.keyword() {
            Some(Keyword::GroupLeft) => Side::Left,
            Some(Keyword::GroupRight) => Side::Right,
            _ => return Ok(None),
        };
        let word = self.advance().span;
        if op.is_set() {
            let message = format!("`{}` has no place after `{}`", self.text_of(word), op.symbol());
            let help = "a set operator pairs many series with many by itself";
            self.problems.push(Problem::new(TYPE, word, message).with_help(help));
        }
        let include = if self.kind() == Kind::LeftParen { self.label_list()? } else { Vec::new() };
        if on {
            for (label, span) in include.iter().filter(|(label, _)| paired.iter().any(|(pair, _)| pair == label)) {
                let message = format!("the label `{label}` is in `on (..)` already, both sides have it");
                self.problems.push(Problem::new(SYNTAX, *span, message));
            }
        }
        Ok(Some(Group { many, include: include.into_iter().map(|(label, _)| label).collect() }))
    }

    fn fill(&mut self, op: BinaryOp, modifiers: &mut BinaryModifiers) -> Read<()> {
        while let Some(keyword @ (Keyword::Fill | Keyword::FillLeft | Keyword::FillRight)) = self.keyword() {
            let word = self.advance().span;
            let value = self.fill_value()?;
            let matching = &mut modifiers.matching;
            let (left, right) = (keyword != Keyword::FillRight, keyword != Keyword::FillLeft);
            if (left && matching.fill_left.is_some()) || (right && matching.fill_right.is_some()) {
                let message = format!("`{}` fills a side that is filled already", self.text_of(word));
                self.problems.push(Problem::new(SYNTAX, word, message));
            }
            if op.is_set() {
                let message = format!("`{}` has no place after `{}`", self.text_of(word), op.symbol());
                self.problems.push(Problem::new(TYPE, word, message));
            }
            if left {
                matching.fill_left = Some(value);
            }
            if right {
                matching.fill_right = Some(value);
            }
            let span = word.to(self.last_end());
            modifiers.fill_at = Some(modifiers.fill_at.map_or(span, |before| before.to(span)));
        }
        Ok(())
    }

    fn fill_value(&mut self) -> Read<f64> {
        self.expect(Kind::LeftParen, "`(` and a number")?;
        let sign = self.accept_sign();
        let value = self.number("a number to fill with")?;
        self.expect(Kind::RightParen, "`)`")?;
        Ok(if matches!(sign, Some((UnaryOp::Minus, _))) { -value } else { value })
    }

    /// Reads a number; a duration counts as its seconds.
    pub(super) fn number(&mut self, what: &str) -> Read<f64> {
        if !matches!(self.kind(), Kind::Number | Kind::Word(Some(Keyword::Number))) {
            return Err(self.expected(what));
        }
        let token = self.advance();
        match self.literal(token) {
            Some(Literal::Number(value)) => Ok(value),
            Some(Literal::Duration(span)) => Ok(span.seconds()),
            None => Err(super::Stop),
        }
    }

    /// Makes the node of an operator and its operands.
    pub(super) fn binary(
        &mut self,
        lhs: Tree,
        (op, op_span): (BinaryOp, Span),
        modifiers: BinaryModifiers,
        rhs: Tree,
    ) -> Read<Tree> {
        let depth = self.limit_depth(1 + lhs.depth.max(rhs.depth), op_span)?;
        let span = lhs.expr.span.to(rhs.expr.span);
        let ty = match (lhs.ty, rhs.ty) {
            (Some(Type::Scalar), Some(Type::Scalar)) => Some(Type::Scalar),
            (Some(_), Some(_)) => Some(Type::Vector),
            _ => None,
        };
        let not_vector = |ty: Option<Type>| ty.is_some_and(|ty| ty != Type::Vector);
        let mut matching = Some(modifiers.matching).filter(|matching| *matching != Matching::default());
        if not_vector(lhs.ty) || not_vector(rhs.ty) {
            for (at, what) in
                [(modifiers.labels_at, "labels can be matched"), (modifiers.fill_at, "gaps can be filled")]
            {
                if let Some(at) = at.filter(|_| !op.is_set()) {
                    let message = format!("{what} only between two instant vectors");
                    self.problems.push(Problem::new(TYPE, at, message));
                }
            }
            // An empty `on ()` next to a scalar says nothing; a set operator there is refused by the type check.
            matching = None;
        }
        let return_bool = modifiers.return_bool.is_some();
        let binary = Binary { op, op_span, lhs: lhs.expr, rhs: rhs.expr, return_bool, matching };
        Ok(Tree { expr: Expr { kind: ExprKind::Binary(Box::new(binary)), span }, depth, ty })
    }
}
