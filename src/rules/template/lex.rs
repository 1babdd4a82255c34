//! Cuts a template into tokens: plain text, delimiters and the words between them.

use super::TemplateProblem;
use crate::format::go;
use crate::source::Span;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text outside of actions, trimmed as the delimiters next to it ask for.
    Text,
    /// `{{`
    Left,
    /// `}}`
    Right,
    /// `(`
    LeftParen,
    /// `)`
    RightParen,
    /// `|`
    Pipe,
    /// `:=`
    Declare,
    /// `=`
    Assign,
    /// `.`
    Dot,
    /// `.name`
    Field,
    /// `$` or `$name`
    Variable,
    /// A function's name.
    Name,
    /// `if`, `end` and the like.
    Keyword,
    /// `true` or `false`
    Bool,
    /// A number.
    Number,
    /// A character in single quotes.
    Char,
    /// A text in double quotes.
    Quoted,
    /// A text in backquotes.
    Raw,
    /// Any other printable character, such as a comma.
    Other,
    /// The end of the template.
    End,
}

/// A token and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    /// What it is.
    pub(super) kind: Kind,
    /// Where it stands in the template.
    pub(super) span: Span,
    /// Whether white space stands before it.
    pub(super) spaced: bool,
}

const KEYWORDS: [&str; 11] =
    ["block", "break", "continue", "define", "else", "end", "if", "nil", "range", "template", "with"];

/// Returns whether a character is white space inside an action.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// Returns whether a character may be part of a name.
fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// Returns whether the text begins with `-` and white space: the mark of an opening delimiter that trims.
fn trims(text: &str) -> bool {
    text.strip_prefix('-').is_some_and(|rest| rest.starts_with(is_space))
}

/// Returns where the first action of a text begins.
pub(super) fn open(text: &str) -> Option<usize> {
    // Less to begin with than a search for a text of any length.
    text.as_bytes().windows(2).position(|pair| pair == b"{{")
}

/// Cuts a template into tokens, the last of which is [`Kind::End`].
///
/// Source: Go's `text/template/parse`.
///
/// # Errors
/// The first place that cannot be read.
pub(super) fn lex(text: &str) -> Result<Vec<Token>, TemplateProblem> {
    let mut lexer = Lexer { text, at: 0, tokens: Vec::new(), spaced: false, parens: Vec::new(), trim: false };
    lexer.run()?;
    Ok(lexer.tokens)
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    tokens: Vec<Token>,
    spaced: bool,
    /// Where the parentheses open now stand.
    parens: Vec<usize>,
    /// Whether the closing delimiter just read trims the text after it.
    trim: bool,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn push(&mut self, kind: Kind, start: usize) {
        self.tokens.push(Token { kind, span: Span::new(start, self.at), spaced: self.spaced });
        self.spaced = false;
    }

    fn problem<T>(&self, start: usize, message: String, help: &str) -> Result<T, TemplateProblem> {
        let help = (!help.is_empty()).then(|| help.to_owned());
        Err(TemplateProblem { span: Span::new(start, self.at.max(start + 1).min(self.text.len())), message, help })
    }

    fn run(&mut self) -> Result<(), TemplateProblem> {
        loop {
            let open = open(self.rest()).map(|found| self.at + found);
            self.plain(open);
            let Some(open) = open else { break };
            self.at = open + 2;
            if trims(self.rest()) {
                self.at += 2;
            }
            if self.rest().starts_with("/*") {
                self.comment(open)?;
            } else {
                self.tokens.push(Token { kind: Kind::Left, span: Span::new(open, open + 2), spaced: false });
                self.action(open)?;
            }
        }
        self.at = self.text.len();
        self.push(Kind::End, self.at);
        Ok(())
    }

    /// Takes the text up to the next action, or to the end.
    fn plain(&mut self, open: Option<usize>) {
        let mut piece = &self.text[self.at..open.unwrap_or(self.text.len())];
        let mut start = self.at;
        if std::mem::take(&mut self.trim) {
            let kept = piece.trim_start_matches(is_space);
            start += piece.len() - kept.len();
            piece = kept;
        }
        if open.is_some_and(|open| trims(&self.text[open + 2..])) {
            piece = piece.trim_end_matches(is_space);
        }
        self.at = start + piece.len();
        self.spaced = false;
        if !piece.is_empty() {
            self.push(Kind::Text, start);
        }
    }

    /// Takes a closing delimiter, with its mark of trimming, if one stands here.
    fn close(&mut self) -> bool {
        if self.rest().starts_with("}}") {
            self.at += 2;
            return true;
        }
        if self.rest().starts_with("-}}") && self.text[..self.at].ends_with(is_space) {
            self.at += 3;
            self.trim = true;
            return true;
        }
        false
    }

    fn comment(&mut self, open: usize) -> Result<(), TemplateProblem> {
        let Some(end) = self.rest()[2..].find("*/") else {
            return self.problem(open, "unclosed comment".to_owned(), "end it with `*/}}`");
        };
        self.at += end + 4;
        let after = self.at;
        self.skip_space();
        let trimmed = self.rest().starts_with("-}}");
        if self.at - after > usize::from(trimmed) || !self.close() {
            return self.problem(
                open,
                "a comment must fill its action".to_owned(),
                "write `{{/* .. */}}` with nothing else inside the braces",
            );
        }
        Ok(())
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches(is_space).len();
    }

    /// Takes all tokens of an action, its closing delimiter included.
    fn action(&mut self, open: usize) -> Result<(), TemplateProblem> {
        self.parens.clear();
        loop {
            let before = self.at;
            self.skip_space();
            self.spaced = self.at > before;
            let start = self.at;
            if self.close() {
                if let Some(paren) = self.parens.pop() {
                    self.at = paren + 1;
                    return self.problem(paren, "unclosed `(`".to_owned(), "");
                }
                self.push(Kind::Right, start);
                return Ok(());
            }
            let Some(c) = self.rest().chars().next() else {
                self.at = (open + 2).min(self.text.len());
                return self.problem(open, "unclosed action".to_owned(), "end it with `}}`");
            };
            self.at += c.len_utf8();
            self.token(c, start)?;
        }
    }

    fn token(&mut self, c: char, start: usize) -> Result<(), TemplateProblem> {
        match c {
            ':' if self.rest().starts_with('=') => {
                self.at += 1;
                self.push(Kind::Declare, start);
            }
            ':' => return self.problem(start, "a `:` without its `=`".to_owned(), "declare with `$name := value`"),
            '=' if self.rest().starts_with('=') => {
                self.at += 1;
                return self.problem(start, "templates have no `==`".to_owned(), "write `eq a b`");
            }
            '=' => self.push(Kind::Assign, start),
            '|' => self.push(Kind::Pipe, start),
            '"' => self.quoted('"', Kind::Quoted, start)?,
            '\'' => self.quoted('\'', Kind::Char, start)?,
            '`' => {
                let Some(end) = self.rest().find('`') else {
                    return self.problem(start, "unclosed string in backquotes".to_owned(), "");
                };
                self.at += end + 1;
                self.push(Kind::Raw, start);
            }
            '$' => self.word(Kind::Variable, start)?,
            '.' if !self.rest().starts_with(|c: char| c.is_ascii_digit()) => {
                if self.rest().starts_with(is_word) {
                    self.word(Kind::Field, start)?;
                } else {
                    self.terminator(start)?;
                    self.push(Kind::Dot, start);
                }
            }
            '.' | '+' | '-' | '0'..='9' => self.number(c, start)?,
            c if is_word(c) => {
                self.word(Kind::Name, start)?;
                if let Some(token) = self.tokens.last_mut() {
                    let word = &self.text[start..self.at];
                    if KEYWORDS.contains(&word) {
                        token.kind = Kind::Keyword;
                    } else if matches!(word, "true" | "false") {
                        token.kind = Kind::Bool;
                    }
                }
            }
            '(' => {
                self.parens.push(start);
                self.push(Kind::LeftParen, start);
            }
            ')' => {
                if self.parens.pop().is_none() {
                    return self.problem(start, "a `)` without its `(`".to_owned(), "");
                }
                self.push(Kind::RightParen, start);
            }
            ' '..='~' => self.push(Kind::Other, start),
            c => return self.problem(start, format!("unexpected `{}` in an action", go::visible(c)), ""),
        }
        Ok(())
    }

    /// Takes the rest of a name and checks that something that may follow a name follows.
    fn word(&mut self, kind: Kind, start: usize) -> Result<(), TemplateProblem> {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches(is_word).len();
        self.terminator(start)?;
        self.push(kind, start);
        Ok(())
    }

    fn terminator(&mut self, start: usize) -> Result<(), TemplateProblem> {
        match self.rest().chars().next() {
            None | Some('.' | ',' | '|' | ':' | '=' | ')' | '(' | '}') => Ok(()),
            Some(c) if is_space(c) => Ok(()),
            Some(c) => {
                let word = &self.text[start..self.at];
                self.at += c.len_utf8();
                let help = if c == '-' {
                    "names with other characters are read with `index`, as in `index $labels \"a-b\"`"
                } else {
                    "put a space between them"
                };
                self.problem(start, format!("`{}` right after `{word}`", go::visible(c)), help)
            }
        }
    }

    /// Takes the rest of a text or character in quotes, escapes kept.
    fn quoted(&mut self, quote: char, kind: Kind, start: usize) -> Result<(), TemplateProblem> {
        let mut escaped = false;
        for (at, c) in self.rest().char_indices() {
            match c {
                '\n' => break,
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                c if c == quote => {
                    self.at += at + 1;
                    self.push(kind, start);
                    return Ok(());
                }
                _ => {}
            }
        }
        let what = if quote == '"' { "string" } else { "character in single quotes" };
        let help = if quote == '"' { "" } else { "write strings in double quotes or backquotes" };
        self.problem(start, format!("unclosed {what}"), help)
    }

    /// Takes the rest of a number; whether it is one is decided where its value is read.
    fn number(&mut self, first: char, start: usize) -> Result<(), TemplateProblem> {
        let mut last = first;
        for (at, c) in self.rest().char_indices() {
            let exponent = matches!(last, 'e' | 'E' | 'p' | 'P') && matches!(c, '+' | '-');
            let hex = self.text[start..].trim_start_matches(['+', '-']).starts_with(['0']);
            let sign = exponent && (!hex || matches!(last, 'p' | 'P') || !self.text[start..].contains(['x', 'X']));
            if !(is_word(c) || c == '.' || sign) {
                self.at += at;
                self.push(Kind::Number, start);
                return Ok(());
            }
            last = c;
        }
        self.at = self.text.len();
        self.push(Kind::Number, start);
        Ok(())
    }
}
