//! Calls of functions, aggregations and the labels they group by.

use super::super::ast::{Aggregate, AggregateOp, Expr, ExprKind, Grouping};
use super::super::check;
use super::super::functions::{FUNCTIONS, function_named};
use super::super::lex::{Keyword, Kind};
use super::super::literal::NO_TEXT;
use super::{FUNCTION, Parser, Problem, Read, SYNTAX, Stop, TYPE, Tree};
use crate::diagnostic::nearest;
use crate::source::Span;

impl Parser<'_> {
    /// Reads `function(args)`.
    pub(super) fn call(&mut self) -> Read<Tree> {
        let name = self.advance().span;
        let (args, inner, close) = self.arguments()?;
        let span = name.to(close);
        let depth = self.limit_depth(inner + 1, span)?;
        let Some(function) = function_named(self.text_of(name)) else {
            self.unknown_function(name);
            for arg in &args {
                check::check(arg, &mut self.problems);
            }
            return Ok(Tree::invalid(span));
        };
        let kind = ExprKind::Call { function, name, args };
        Ok(Tree { expr: Expr { kind, span }, depth, ty: Some(function.returns) })
    }

    fn unknown_function(&mut self, name: Span) {
        let text = self.text_of(name);
        let aggregations = AggregateOp::ALL.iter().map(|(_, name)| *name);
        let near = nearest(text, FUNCTIONS.iter().map(|function| function.name).chain(aggregations));
        let mut problem =
            Problem::new(FUNCTION, name, format!("unknown function `{}`", super::super::literal::short(text)));
        if let Some(first) = near.first() {
            let same = first.eq_ignore_ascii_case(text);
            let near = near.iter().take(if same { 1 } else { near.len() });
            let near: Vec<String> = near.map(|name| format!("`{name}`")).collect();
            problem = problem.with_help(format!("did you mean {}?", near.join(" or ")));
        }
        self.problems.push(problem);
    }

    /// Reads `(a, b)`; returns the arguments, the depth of the deepest and where the `)` stands.
    fn arguments(&mut self) -> Read<(Vec<Expr>, usize, Span)> {
        let open = self.expect(Kind::LeftParen, "`(`")?.span;
        let mut args = Vec::new();
        let mut depth = 0;
        if let Some(close) = self.accept(Kind::RightParen) {
            return Ok((args, depth, close.span));
        }
        loop {
            let start = self.span();
            match self.expr(0) {
                Ok(arg) => {
                    depth = depth.max(arg.depth);
                    args.push(arg.expr);
                }
                Err(Stop) => {
                    self.recover(&[Kind::Comma, Kind::RightParen])?;
                    args.push(Tree::invalid(start).expr);
                }
            }
            if !matches!(self.kind(), Kind::Comma | Kind::RightParen) {
                if self.kind() == Kind::End {
                    self.unclosed(open);
                } else {
                    self.after_operand("`,` or `)`");
                }
                self.recover(&[Kind::Comma, Kind::RightParen])?;
            }
            let token = self.advance();
            if token.kind == Kind::RightParen {
                return Ok((args, depth, token.span));
            }
            if self.kind() == Kind::RightParen {
                let problem = Problem::new(SYNTAX, token.span, "a `,` needs another argument after it");
                self.problems.push(problem);
                // Stands for what is missing, so that the number of arguments is not told to be wrong as well.
                args.push(Tree::invalid(token.span).expr);
                return Ok((args, depth, self.advance().span));
            }
        }
    }

    /// Reads `op (args)` with `by (..)` or `without (..)` before or after the arguments.
    pub(super) fn aggregate(&mut self, op: AggregateOp) -> Read<Tree> {
        let op_span = self.advance().span;
        let mut grouping = self.grouping()?;
        if self.kind() != Kind::LeftParen {
            let help = format!("write `{} by (label) (..)`", op.name());
            return Err(self.expected_with_help("`(` and what is aggregated", help));
        }
        let known = self.problems.len();
        let (args, inner, close) = self.arguments()?;
        if op == AggregateOp::CountValues
            && let Some(label) = args.first().map(|arg| arg.span.start)
        {
            self.name_label(known, label);
        }
        let mut span = op_span.to(close);
        if grouping.is_none() {
            grouping = self.grouping()?;
            span = span.to(self.last_end());
        }
        let depth = self.limit_depth(inner + 1, span)?;
        let expected = if op.param().is_some() { 2 } else { 1 };
        if args.len() != expected {
            // What could not be read may stand for any number of arguments.
            if args.iter().all(|arg| arg.kind != ExprKind::Invalid) {
                self.wrong_count(op, args.len(), span);
            }
            for arg in &args {
                check::check(arg, &mut self.problems);
            }
            return Ok(Tree::invalid(span));
        }
        let mut args = args.into_iter();
        let param = if expected == 2 { args.next() } else { None };
        let expr = args.next().unwrap_or(Tree::invalid(span).expr);
        let kind = ExprKind::Aggregate(Box::new(Aggregate { op, op_span, param, expr, grouping }));
        Ok(Tree { expr: Expr { kind, span }, depth, ty: Some(super::Type::Vector) })
    }

    /// Says of a string that is no text, where it begins, that it is no name of a label: in Prometheus' words.
    fn name_label(&mut self, known: usize, start: u32) {
        for at in known..self.problems.len() {
            let Problem { span, message, .. } = &self.problems[at];
            if span.start == start && message == NO_TEXT {
                let message = format!("invalid label name {}", self.text_of(*span));
                self.problems[at].message = message;
            }
        }
    }

    fn wrong_count(&mut self, op: AggregateOp, found: usize, span: Span) {
        let name = op.name();
        let (count, form) = match op {
            AggregateOp::CountValues => ("2 arguments", format!("`{name}(\"label\", metric)`")),
            AggregateOp::Quantile => ("2 arguments", format!("`{name}(0.9, metric)`")),
            AggregateOp::LimitRatio => ("2 arguments", format!("`{name}(0.5, metric)`")),
            op if op.param().is_some() => ("2 arguments", format!("`{name}(3, metric)`")),
            _ => ("1 argument", format!("`{name}(metric)`")),
        };
        let message = format!("`{name}` takes {count}, found {found}");
        self.problems.push(Problem::new(TYPE, span, message).with_help(format!("write {form}")));
    }

    fn grouping(&mut self) -> Read<Option<Grouping>> {
        let without = match self.keyword() {
            Some(Keyword::By) => false,
            Some(Keyword::Without) => true,
            _ => return Ok(None),
        };
        self.advance();
        let start = self.token().span;
        let labels = self.label_list()?.into_iter().map(|(label, _)| label).collect();
        Ok(Some(Grouping { without, labels, span: start.to(self.last_end()) }))
    }

    /// Reads `(a, "b.c", d)`; a comma may stand at the end.
    pub(super) fn label_list(&mut self) -> Read<Vec<(String, Span)>> {
        self.expect(Kind::LeftParen, "`(` and label names")?;
        let mut labels = Vec::new();
        while self.accept(Kind::RightParen).is_none() {
            let token = self.token();
            match token.kind {
                Kind::Word(Some(Keyword::Without | Keyword::Number)) => {
                    let help = format!("a label of that name is written `\"{}\"`", self.text_of(token.span));
                    return Err(self.expected_with_help("a label name", help));
                }
                Kind::Word(_) => {
                    self.advance();
                    labels.push((self.text_of(token.span).to_owned(), token.span));
                }
                Kind::Str => {
                    self.advance();
                    let label = self.string(token).ok_or(Stop)?;
                    if label.is_empty() {
                        self.problems.push(Problem::new(SYNTAX, token.span, "a label name is never empty"));
                    }
                    labels.push((label, token.span));
                }
                _ => return Err(self.expected("a label name or `)`")),
            }
            if self.kind() != Kind::RightParen {
                self.expect(Kind::Comma, "`,` or `)`")?;
            }
        }
        Ok(labels)
    }
}
