//! Reads expressions: tokens to a typed tree, with every problem that was found.

mod binary;
mod call;
mod duration;
mod expr;
mod found;
mod postfix;
mod selector;

use crate::labels::Matcher;
use crate::limits;
use crate::source::Span;

use super::ast::{Expr, ExprKind, Type};
use super::check;
use super::lex::{Keyword, Kind, Token, lex};

/// The most problems that are reported for one expression.
const MOST_PROBLEMS: usize = 20;

/// What is wrong with an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// A word of [`crate::diagnostic::codes`].
    pub code: &'static str,
    /// The words that are wrong. Unit: byte offsets in the expression.
    pub span: Span,
    /// What was expected and what was found, in one sentence.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl Problem {
    /// Makes a problem without help.
    pub(crate) fn new(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self { code, span, message: message.into(), help: None }
    }

    /// Adds what to write instead.
    #[must_use]
    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

pub(crate) use crate::diagnostic::codes::{
    PROMQL_FUNCTION as FUNCTION, PROMQL_LIMIT as LIMIT, PROMQL_REGEX as REGEX, PROMQL_SYNTAX as SYNTAX,
    PROMQL_TYPE as TYPE,
};

/// What reading an expression gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    /// The tree; the parts with problems may be [`ExprKind::Invalid`].
    pub expr: Expr,
    /// What is wrong, in the order of the text; empty for a good expression.
    pub problems: Vec<Problem>,
}

/// Reads and type-checks an expression of PromQL 3.14, all experimental syntax included. Cost: linear in the text.
///
/// Source: Prometheus 3.14's lexer, grammar and type check.
#[must_use]
pub fn parse(text: &str) -> Parsed {
    if text.len() > limits::EXPR_BYTES {
        let span = Span::new(0, 0);
        let message = format!(
            "the expression has {} KiB, more than the limit of {} KiB",
            text.len() >> 10,
            limits::EXPR_BYTES >> 10
        );
        let problems = vec![Problem::new(LIMIT, span, message)];
        return Parsed { expr: Expr { kind: ExprKind::Invalid, span }, problems };
    }
    let mut parser = Parser::new(text);
    let expr = parser.whole().unwrap_or(Expr { kind: ExprKind::Invalid, span: Span::new(0, text.len()) });
    let mut problems = parser.problems;
    check::check(&expr, &mut problems);
    problems.sort_by_key(|problem| problem.span.start);
    problems.dedup();
    problems.truncate(MOST_PROBLEMS);
    Parsed { expr, problems }
}

/// Reads conditions on labels: `{a="b", c=~"d"}`, the same without braces, or a metric name with or without them.
///
/// # Errors
/// The first problem of the text.
pub fn parse_matchers(text: &str) -> Result<Vec<Matcher>, Problem> {
    let mut parser = Parser::new(text);
    let matchers = parser.matchers_only();
    match parser.problems.into_iter().next() {
        Some(problem) => Err(problem),
        None => Ok(matchers.unwrap_or_default()),
    }
}

/// Says that reading cannot go on here; the problem has been reported. Brackets around it may go on after their end.
#[derive(Clone, Copy, Debug)]
struct Stop;

type Read<T> = Result<T, Stop>;

/// A part of the tree while it grows.
#[derive(Debug)]
struct Tree {
    expr: Expr,
    /// How many nodes are on the longest way down.
    depth: usize,
    /// What it evaluates to; none when it holds a problem.
    ty: Option<Type>,
}

impl Tree {
    fn leaf(kind: ExprKind, span: Span) -> Self {
        let expr = Expr { kind, span };
        let ty = (expr.kind != ExprKind::Invalid).then(|| expr.ty());
        Self { expr, depth: 1, ty }
    }

    fn invalid(span: Span) -> Self {
        Self { expr: Expr { kind: ExprKind::Invalid, span }, depth: 1, ty: None }
    }
}

struct Parser<'t> {
    text: &'t str,
    tokens: Vec<Token>,
    at: usize,
    problems: Vec<Problem>,
    /// How many calls of [`Parser::expr`] and [`Parser::duration`] are open.
    nesting: usize,
    /// Whether a limit was met: nothing more is read then.
    over: bool,
}

impl<'t> Parser<'t> {
    fn new(text: &'t str) -> Self {
        Self { text, tokens: lex(text), at: 0, problems: Vec::new(), nesting: 0, over: false }
    }

    /// Reads the whole text as one expression.
    fn whole(&mut self) -> Read<Expr> {
        if self.kind() == Kind::End {
            let message = "expected an expression, found nothing";
            self.problems.push(Problem::new(SYNTAX, self.span(), message));
            return Err(Stop);
        }
        let tree = self.expr(0)?;
        if self.kind() != Kind::End {
            self.after_operand("the end of the expression");
        }
        Ok(tree.expr)
    }

    fn token(&self) -> Token {
        // The last token is the end, which is never passed.
        self.tokens[self.at]
    }

    fn kind(&self) -> Kind {
        self.token().kind
    }

    fn span(&self) -> Span {
        self.token().span
    }

    fn keyword(&self) -> Option<Keyword> {
        match self.kind() {
            Kind::Word(keyword) => keyword,
            _ => None,
        }
    }

    /// Returns the kind of the token after this one.
    fn next_kind(&self) -> Kind {
        self.tokens.get(self.at + 1).map_or(Kind::End, |token| token.kind)
    }

    fn text_of(&self, span: Span) -> &'t str {
        self.text.get(span.range()).unwrap_or("")
    }

    /// Returns where the token before this one ends.
    fn last_end(&self) -> Span {
        let end = self.at.checked_sub(1).map_or(0, |at| self.tokens[at].span.end);
        Span { start: end, end }
    }

    /// Takes the token.
    fn advance(&mut self) -> Token {
        let token = self.token();
        if token.kind != Kind::End {
            self.at += 1;
        }
        token
    }

    /// Takes the token if it is of a kind.
    fn accept(&mut self, kind: Kind) -> Option<Token> {
        (self.kind() == kind).then(|| self.advance())
    }

    /// Takes a token of a kind, or says that `what` was expected.
    fn expect(&mut self, kind: Kind, what: &str) -> Read<Token> {
        match self.accept(kind) {
            Some(token) => Ok(token),
            None => Err(self.expected(what)),
        }
    }

    /// Goes on to a token of one of the kinds, over whole pairs of brackets; returns whether it was reached.
    fn skip_to(&mut self, kinds: &[Kind]) -> bool {
        let mut open = 0_usize;
        loop {
            let kind = self.kind();
            if open == 0 && kinds.contains(&kind) {
                return true;
            }
            match kind {
                Kind::End => return false,
                Kind::LeftParen | Kind::LeftBrace | Kind::LeftBracket => open += 1,
                Kind::RightParen | Kind::RightBrace | Kind::RightBracket => match open.checked_sub(1) {
                    Some(less) => open = less,
                    None => return false,
                },
                _ => {}
            }
            self.advance();
        }
    }

    /// Goes on after a problem inside brackets: to one of the kinds, unless all is over.
    fn recover(&mut self, kinds: &[Kind]) -> Read<()> {
        if self.over || self.problems.len() >= MOST_PROBLEMS || !self.skip_to(kinds) {
            return Err(Stop);
        }
        Ok(())
    }

    /// Refuses a tree that is too deep.
    fn limit_depth(&mut self, depth: usize, span: Span) -> Read<usize> {
        if depth <= limits::EXPR_DEPTH {
            return Ok(depth);
        }
        if !self.over {
            let message = format!("the expression is nested more than {} deep, which is the limit", limits::EXPR_DEPTH);
            let help = "a chain of operators counts too; parentheses halve it: `(a + b) + (c + d)`";
            self.problems.push(Problem::new(LIMIT, span, message).with_help(help));
            self.over = true;
        }
        Err(Stop)
    }
}

#[cfg(test)]
mod tests;
