//! The words of messages about tokens that stand in the wrong place.

use super::super::lex::{Keyword, Kind, Token};
use super::super::literal::short;
use super::{Parser, Problem, SYNTAX, Stop};

impl Parser<'_> {
    /// Says that something else was expected where the token stands.
    pub(super) fn expected(&mut self, what: &str) -> Stop {
        let token = self.token();
        let problem = match self.unreadable(token) {
            Some(problem) => problem,
            None => Problem::new(SYNTAX, token.span, format!("expected {what}, found {}", self.found(token))),
        };
        self.problems.push(problem);
        Stop
    }

    /// Says that something else was expected, and what to write.
    pub(super) fn expected_with_help(&mut self, what: &str, help: impl Into<String>) -> Stop {
        let stop = self.expected(what);
        if let Some(problem) = self.problems.last_mut() {
            problem.help.get_or_insert(help.into());
        }
        stop
    }

    /// Says what may follow an operand: an operator or `close`.
    pub(super) fn after_operand(&mut self, close: &str) -> Stop {
        let joined = if close.starts_with("`,`") { "," } else { " or" };
        let what = format!("an operator{joined} {close}");
        let before = self.at.checked_sub(1).map(|at| self.tokens[at]);
        let word = before.map_or("", |token| self.text_of(token.span));
        match (self.kind(), before.map(|token| token.kind)) {
            (Kind::Assign, _) => self.expected_with_help(&what, "values are compared with `==`"),
            (Kind::RegexMatch | Kind::RegexNot, _) => {
                self.expected_with_help(&what, "regular expressions match labels, inside `{ }`")
            }
            (Kind::Word(_) | Kind::LeftBrace, Some(Kind::Word(Some(Keyword::Aggregate(_))))) => {
                self.expected_with_help(&what, format!("an aggregation has parentheses: `{word}(..)`"))
            }
            (Kind::Word(Some(keyword)), _) => match modifier_place(keyword) {
                Some(help) => self.expected_with_help(&what, help),
                None => self.expected(&what),
            },
            (Kind::RightParen, _) => self.expected_with_help(&what, "no `(` is open here"),
            _ => self.expected(&what),
        }
    }

    /// Names a token for a message.
    fn found(&self, token: Token) -> String {
        let text = short(self.text_of(token.span));
        match token.kind {
            Kind::End => "the end of the expression".to_owned(),
            Kind::Str => format!("the string {text}"),
            Kind::Word(Some(keyword)) if keyword != Keyword::Number => format!("the keyword `{text}`"),
            _ => format!("`{text}`"),
        }
    }

    /// Returns the problem of a token that is wrong wherever it stands.
    fn unreadable(&self, token: Token) -> Option<Problem> {
        let text = self.text_of(token.span);
        match token.kind {
            Kind::UnclosedStr => {
                let quote = text.chars().next().unwrap_or('"');
                let mut message = format!("the string {} has no closing {quote}", short(text));
                if quote != '`' {
                    message.push_str(" on its line");
                }
                Some(Problem::new(SYNTAX, token.span, message))
            }
            Kind::Unknown => {
                let problem = Problem::new(SYNTAX, token.span, format!("`{text}` has no meaning in PromQL"));
                let first = text.chars().next().unwrap_or(' ');
                Some(match first {
                    '\u{2018}'..='\u{201f}' => problem.with_help("strings stand in plain quotes: `\"..\"`"),
                    '!' => problem.with_help("not equal is written `!=`, does not match `!~`"),
                    '&' | '|' => problem.with_help("the set operators are `and`, `or` and `unless`"),
                    first if first.is_alphabetic() => problem.with_help(
                        "a name with other characters than A-Z, 0-9, _ stands in quotes inside braces: `{\"..\"}`",
                    ),
                    _ => problem,
                })
            }
            _ => None,
        }
    }
}

/// Says where a keyword would have its place.
fn modifier_place(keyword: Keyword) -> Option<&'static str> {
    match keyword {
        Keyword::By | Keyword::Without => Some("it belongs to an aggregation: `sum by (label) (..)`"),
        Keyword::On | Keyword::Ignoring => Some("it stands right after a binary operator: `a / on (label) b`"),
        Keyword::GroupLeft | Keyword::GroupRight => Some("it stands after `on (..)` or `ignoring (..)`"),
        Keyword::Bool => Some("it stands right after a comparison: `a == bool b`"),
        _ => None,
    }
}
