//! What follows a selector or subquery: `[..]`, `offset`, `@`, `anchored` and `smoothed`.

use super::super::ast::{At, Edges, Expr, ExprKind, Modifiers, Subquery, Type, UnaryOp};
use super::super::lex::{Keyword, Kind};
use super::duration::Deep;
use super::{Parser, Problem, Read, SYNTAX, Stop, TYPE, Tree};
use crate::source::Span;
use crate::time::Timestamp;

impl Parser<'_> {
    /// Reads all that follows an operand and belongs to it.
    pub(super) fn postfix(&mut self, mut tree: Tree) -> Read<Tree> {
        loop {
            tree = match self.kind() {
                Kind::LeftBracket => self.brackets(tree)?,
                Kind::At => self.at(tree)?,
                Kind::Word(Some(Keyword::Offset)) => self.offset(tree)?,
                Kind::Word(Some(Keyword::Anchored)) => self.edges(tree, Edges::Anchored),
                Kind::Word(Some(Keyword::Smoothed)) => self.edges(tree, Edges::Smoothed),
                _ => return Ok(tree),
            };
        }
    }

    fn brackets(&mut self, tree: Tree) -> Read<Tree> {
        let open = self.advance().span;
        match self.window(open) {
            Ok((range, None, close)) => self.range(tree, range, open.to(close)),
            Ok((range, Some(step), close)) => self.subquery(tree, range, step, close),
            Err(Stop) => {
                self.recover(&[Kind::RightBracket])?;
                Ok(Tree::invalid(tree.expr.span.to(self.advance().span)))
            }
        }
    }

    /// Reads `range]`, `range:]` or `range:step]`; the middle is none without a colon.
    fn window(&mut self, open: Span) -> Read<(Deep, Option<Option<Deep>>, Span)> {
        if self.kind() == Kind::End {
            self.problems.push(Problem::new(SYNTAX, open, "this `[` is never closed"));
            return Err(Stop);
        }
        let range = match self.kind() {
            Kind::RightBracket | Kind::Colon => return Err(self.expected("a duration such as `5m` inside `[ ]`")),
            _ => self.positive_duration()?,
        };
        if self.accept(Kind::Colon).is_none() {
            let close = self.expect(Kind::RightBracket, "`]`, or `:` and a step")?;
            return Ok((range, None, close.span));
        }
        if let Some(close) = self.accept(Kind::RightBracket) {
            return Ok((range, Some(None), close.span));
        }
        let step = self.positive_duration()?;
        let close = self.expect(Kind::RightBracket, "`]`")?;
        Ok((range, Some(Some(step)), close.span))
    }

    fn range(&mut self, tree: Tree, (range, range_depth): Deep, brackets: Span) -> Read<Tree> {
        let span = tree.expr.span.to(brackets);
        if tree.ty.is_none() || tree.expr.kind == ExprKind::Invalid {
            return Ok(Tree::invalid(span));
        }
        let ExprKind::Selector(selector) = tree.expr.kind else {
            let written = self.text_of(brackets);
            let inner = written.trim_end_matches(']');
            let message = "a range stands only after a metric or matchers".to_owned();
            let help = format!("over an expression, write a subquery: `{inner}:]`");
            self.problems.push(Problem::new(SYNTAX, brackets, message).with_help(help));
            return Ok(Tree::invalid(span));
        };
        for (set, word) in [(selector.modifiers.offset.is_some(), "offset"), (selector.modifiers.at.is_some(), "@")] {
            if set {
                let message = format!("the range stands before `{word}`");
                let help = format!("write `metric{} {word} ..`", self.text_of(brackets));
                self.problems.push(Problem::new(SYNTAX, brackets, message).with_help(help));
            }
        }
        let depth = self.limit_depth(1 + tree.depth.max(range_depth), span)?;
        let kind = ExprKind::Range { selector, selector_span: tree.expr.span, range };
        Ok(Tree { expr: Expr { kind, span }, depth, ty: Some(Type::Matrix) })
    }

    fn subquery(&mut self, tree: Tree, range: Deep, step: Option<Deep>, close: Span) -> Read<Tree> {
        let span = tree.expr.span.to(close);
        let (range, range_depth) = range;
        let (step, step_depth) = step.map_or((None, 0), |(step, depth)| (Some(step), depth));
        let depth = self.limit_depth(1 + tree.depth.max(range_depth).max(step_depth), span)?;
        let subquery = Subquery { expr: tree.expr, range, step, modifiers: Modifiers::default() };
        let kind = ExprKind::Subquery(Box::new(subquery));
        Ok(Tree { expr: Expr { kind, span }, depth, ty: Some(Type::Matrix) })
    }

    fn offset(&mut self, mut tree: Tree) -> Read<Tree> {
        let word = self.advance().span;
        let (duration, depth) = self.offset_duration()?;
        if let Some(modifiers) = self.modifiable(&mut tree, word)
            && modifiers.offset.replace(duration).is_some()
        {
            self.problems.push(Problem::new(SYNTAX, word, "`offset` is there already"));
        }
        self.modified(tree, depth)
    }

    fn at(&mut self, mut tree: Tree) -> Read<Tree> {
        let sign = self.advance().span;
        let at = self.at_time()?;
        if let Some(modifiers) = self.modifiable(&mut tree, sign)
            && modifiers.at.replace(at).is_some()
        {
            self.problems.push(Problem::new(SYNTAX, sign, "`@` is there already"));
        }
        self.modified(tree, 0)
    }

    fn at_time(&mut self) -> Read<At> {
        if let Some(keyword @ (Keyword::Start | Keyword::End)) = self.keyword() {
            self.advance();
            self.expect(Kind::LeftParen, "`()`")?;
            self.expect(Kind::RightParen, "`)`")?;
            return Ok(if keyword == Keyword::Start { At::Start } else { At::End });
        }
        let start = self.span();
        let sign = self.accept_sign();
        let seconds = self.number("a time in seconds, `start()` or `end()`")?;
        let seconds = if matches!(sign, Some((UnaryOp::Minus, _))) { -seconds } else { seconds };
        let millis = (seconds * 1000.0).round();
        // There is no time beyond 2^63 milliseconds.
        if millis.is_nan() || millis.abs() >= 9_223_372_036_854_775_807.0 {
            let span = start.to(self.last_end());
            let message = format!("`{}` is out of range: not a time", self.text_of(span));
            self.problems.push(Problem::new(SYNTAX, span, message));
            return Ok(At::Time(Timestamp(0)));
        }
        Ok(At::Time(Timestamp(millis as i64)))
    }

    fn edges(&mut self, mut tree: Tree, edges: Edges) -> Tree {
        let word = self.advance().span;
        let text = self.text_of(word);
        if matches!(tree.expr.kind, ExprKind::Subquery(_)) {
            let message = format!("`{text}` has no place after a subquery");
            self.problems.push(Problem::new(SYNTAX, word, message));
        } else if let Some(modifiers) = self.modifiable(&mut tree, word)
            && modifiers.edges.replace(edges).is_some_and(|before| before != edges)
        {
            self.problems.push(Problem::new(SYNTAX, word, "`anchored` and `smoothed` exclude each other"));
        }
        tree.expr.span = tree.expr.span.to(word);
        tree
    }

    /// Takes the modifier just read into the tree's span.
    fn modified(&mut self, mut tree: Tree, depth: usize) -> Read<Tree> {
        tree.expr.span = tree.expr.span.to(self.last_end());
        tree.depth = self.limit_depth(tree.depth.max(depth + 1), tree.expr.span)?;
        Ok(tree)
    }

    /// Returns the modifiers of a selector or subquery, or says that only those have any.
    fn modifiable<'a>(&mut self, tree: &'a mut Tree, word: Span) -> Option<&'a mut Modifiers> {
        match &mut tree.expr.kind {
            ExprKind::Selector(selector) | ExprKind::Range { selector, .. } => Some(&mut selector.modifiers),
            ExprKind::Subquery(subquery) => Some(&mut subquery.modifiers),
            ExprKind::Invalid => None,
            kind => {
                let text = self.text_of(word);
                let message = format!("`{text}` stands only after a metric, a range or a subquery");
                let mut problem = Problem::new(TYPE, word, message);
                if matches!(kind, ExprKind::Call { .. } | ExprKind::Aggregate(_) | ExprKind::Paren(_)) {
                    problem =
                        problem.with_help("write it inside the parentheses, right after the metric or its `[..]`");
                }
                problem.code = SYNTAX;
                self.problems.push(problem);
                None
            }
        }
    }
}
