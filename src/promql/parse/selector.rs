//! Metric names and label matchers.

use super::super::ast::BinaryOp;
use super::super::ast::{Expr, ExprKind, Modifiers, Selector, Type};
use super::super::lex::{Kind, Token};
use super::{Parser, Problem, REGEX, Read, Tree};
use crate::labels::{METRIC_NAME, MatchOp, Matcher, RegexpError};

impl Parser<'_> {
    /// Reads what follows a metric name, or the braces that stand alone.
    pub(super) fn selector(&mut self, name: Option<Token>) -> Read<Tree> {
        let start = name.map_or(self.span(), |name| name.span);
        let mut broken = false;
        let mut matchers = Vec::new();
        if self.accept(Kind::LeftBrace).is_some() {
            let before = self.problems.len();
            if self.matcher_list(&mut matchers, Kind::RightBrace).is_err() {
                self.recover(&[Kind::RightBrace])?;
            }
            self.advance();
            broken = self.problems.len() > before;
        }
        let span = start.to(self.last_end());
        if broken {
            return Ok(Tree { ty: Some(Type::Vector), ..Tree::invalid(span) });
        }
        let name = name.map(|name| self.text_of(name.span).to_owned());
        if let Some(name) = &name {
            matchers.push(Matcher::equal(METRIC_NAME, name));
        }
        // Most have one, and a list that grows has room for four.
        matchers.shrink_to_fit();
        let selector = Selector { name, matchers, modifiers: Modifiers::default() };
        Ok(Tree { expr: Expr { kind: ExprKind::Selector(selector), span }, depth: 1, ty: Some(Type::Vector) })
    }

    /// Reads the text of [`super::parse_matchers`].
    pub(super) fn matchers_only(&mut self) -> Read<Vec<Matcher>> {
        let mut matchers = Vec::new();
        let compared = match_op(self.next_kind()).is_some() || self.next_kind() == Kind::Op(BinaryOp::Equal);
        let bare = matches!(self.kind(), Kind::Word(_) | Kind::Str) && compared;
        if bare {
            self.matcher_list(&mut matchers, Kind::End)?;
            return Ok(matchers);
        }
        let name = match self.kind() {
            Kind::Word(_) => Some(self.advance().span),
            _ => None,
        };
        if self.kind() == Kind::LeftBrace {
            self.advance();
            self.matcher_list(&mut matchers, Kind::RightBrace)?;
            self.advance();
        } else if name.is_none() {
            return Err(self.expected_with_help("matchers", "write `{label=\"value\"}`"));
        }
        if let Some(name) = name {
            matchers.push(Matcher::equal(METRIC_NAME, self.text_of(name)));
        }
        if self.kind() != Kind::End {
            return Err(self.expected("the end of the matchers"));
        }
        Ok(matchers)
    }

    /// Reads matchers up to the token that closes them, which is not taken; a comma may stand before it.
    fn matcher_list(&mut self, matchers: &mut Vec<Matcher>, close: Kind) -> Read<()> {
        let closer = if close == Kind::End { "the end" } else { "`}`" };
        while self.kind() != close {
            let matcher = self.matcher(closer)?;
            matchers.extend(matcher);
            if self.kind() != close && self.accept(Kind::Comma).is_none() {
                return Err(self.expected(&format!("`,` or {closer}")));
            }
        }
        Ok(())
    }

    /// Reads `name op "value"` or `"metric"`; none when its parts are there and one of them is wrong.
    fn matcher(&mut self, closer: &str) -> Read<Option<Matcher>> {
        let label = self.token();
        let name = match label.kind {
            Kind::Word(_) => {
                let text = self.text_of(label.span);
                if text.contains(':') {
                    let help = format!("a name with `:` stands in quotes here: `\"{text}\"`");
                    return Err(self.expected_with_help("a label name", help));
                }
                self.advance();
                Some(text.to_owned())
            }
            Kind::Str => {
                self.advance();
                self.string(label)
            }
            _ => return Err(self.expected(&format!("a label name or {closer}"))),
        };
        let Some(op) = match_op(self.kind()) else {
            if label.kind == Kind::Str && matches!(self.kind(), Kind::Comma | Kind::RightBrace | Kind::End) {
                return Ok(name.map(|name| Matcher::equal(METRIC_NAME, name)));
            }
            let what = "`=`, `!=`, `=~` or `!~`";
            return Err(match self.kind() {
                Kind::Op(BinaryOp::Equal) => self.expected_with_help(what, "a label is matched with a single `=`"),
                _ => self.expected(what),
            });
        };
        self.advance();
        if self.kind() != Kind::Str {
            let text = self.text_of(self.span());
            let stop = match self.kind() {
                Kind::Word(_) | Kind::Number => {
                    self.expected_with_help("a string", format!("a value stands in quotes: `\"{text}\"`"))
                }
                _ => self.expected("a string"),
            };
            return Err(stop);
        }
        let value = self.advance();
        let text = self.string(value);
        let (Some(name), Some(text)) = (name, text) else { return Ok(None) };
        match Matcher::new(name, op, text) {
            Ok(matcher) => Ok(Some(matcher)),
            Err(error) => {
                let code = match &error {
                    RegexpError::Syntax { .. } => REGEX,
                    RegexpError::TooLarge { .. } => super::LIMIT,
                };
                self.problems.push(Problem::new(code, value.span, error.to_string()));
                Ok(None)
            }
        }
    }
}

/// Returns the comparison of labels that a token is.
fn match_op(kind: Kind) -> Option<MatchOp> {
    match kind {
        Kind::Assign => Some(MatchOp::Equal),
        Kind::Op(BinaryOp::NotEqual) => Some(MatchOp::NotEqual),
        Kind::RegexMatch => Some(MatchOp::Regex),
        Kind::RegexNot => Some(MatchOp::NotRegex),
        _ => None,
    }
}
