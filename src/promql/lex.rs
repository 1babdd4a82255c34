//! Splits an expression into tokens; never fails, what cannot be read is a token of its own.

use crate::source::Span;

use super::ast::{AggregateOp, BinaryOp};

/// A piece of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    /// What it is.
    pub(crate) kind: Kind,
    /// Where it stands.
    pub(crate) span: Span,
}

/// The kinds of token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A name, and the keyword that it may also be; inside braces all names are just names.
    Word(Option<Keyword>),
    /// Begins like a number: a number, a duration or neither.
    Number,
    /// A string with both quotes.
    Str,
    /// A string without an end.
    UnclosedStr,
    /// An operator made of symbols.
    Op(BinaryOp),
    /// `=`
    Assign,
    /// `=~`
    RegexMatch,
    /// `!~`
    RegexNot,
    /// `@`
    At,
    /// `,`
    Comma,
    /// `:` between brackets; elsewhere it belongs to a name.
    Colon,
    /// `(`
    LeftParen,
    /// `)`
    RightParen,
    /// `{`
    LeftBrace,
    /// `}`
    RightBrace,
    /// `[`
    LeftBracket,
    /// `]`
    RightBracket,
    /// A character that PromQL does not know.
    Unknown,
    /// The end of the text; stands right after the last token.
    End,
}

/// The words with a meaning; they are read in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keyword {
    And,
    Or,
    Unless,
    Atan2,
    Aggregate(AggregateOp),
    Offset,
    Anchored,
    Smoothed,
    By,
    Without,
    On,
    Ignoring,
    GroupLeft,
    GroupRight,
    Fill,
    FillLeft,
    FillRight,
    Bool,
    Start,
    End,
    Step,
    Range,
    MaxOf,
    MinOf,
    /// `inf` or `nan`.
    Number,
}

/// Returns the keyword that a word is.
fn keyword(word: &str) -> Option<Keyword> {
    /// How long `count_values` is, the longest keyword. Unit: bytes.
    const LONGEST: usize = 12;
    const WORDS: [(&str, Keyword); 25] = [
        ("and", Keyword::And),
        ("or", Keyword::Or),
        ("unless", Keyword::Unless),
        ("atan2", Keyword::Atan2),
        ("offset", Keyword::Offset),
        ("anchored", Keyword::Anchored),
        ("smoothed", Keyword::Smoothed),
        ("by", Keyword::By),
        ("without", Keyword::Without),
        ("on", Keyword::On),
        ("ignoring", Keyword::Ignoring),
        ("group_left", Keyword::GroupLeft),
        ("group_right", Keyword::GroupRight),
        ("fill", Keyword::Fill),
        ("fill_left", Keyword::FillLeft),
        ("fill_right", Keyword::FillRight),
        ("bool", Keyword::Bool),
        ("start", Keyword::Start),
        ("end", Keyword::End),
        ("step", Keyword::Step),
        ("range", Keyword::Range),
        ("max_of", Keyword::MaxOf),
        ("min_of", Keyword::MinOf),
        ("inf", Keyword::Number),
        ("nan", Keyword::Number),
    ];
    if word.len() > LONGEST {
        return None;
    }
    let known = WORDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, keyword)| *keyword);
    let aggregate = || AggregateOp::ALL.iter().find(|(_, name)| name.eq_ignore_ascii_case(word));
    known.or_else(|| aggregate().map(|(op, _)| Keyword::Aggregate(*op)))
}

/// Splits a text into tokens, the last of which is [`Kind::End`]. Cost: linear in the text.
pub(crate) fn lex(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { text, at: 0, in_brackets: false };
    let mut tokens: Vec<Token> = Vec::with_capacity(text.len() / 4);
    loop {
        lexer.skip_blank();
        let start = lexer.at;
        let Some(first) = text[start..].chars().next() else { break };
        let kind = lexer.token(first);
        tokens.push(Token { kind, span: Span::new(start, lexer.at) });
    }
    let end = tokens.last().map_or(0, |token| token.span.end as usize);
    tokens.push(Token { kind: Kind::End, span: Span::new(end, end) });
    tokens
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    /// Whether a `[` is open, where `:` stands alone.
    in_brackets: bool,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    /// Skips white space and comments.
    fn skip_blank(&mut self) {
        while let Some(byte) = self.peek(0) {
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' => self.at += 1,
                b'#' => self.at += self.rest().find(['\n', '\r']).unwrap_or(self.rest().len()),
                _ => break,
            }
        }
    }

    /// Takes one token that begins with `first`.
    fn token(&mut self, first: char) -> Kind {
        match first {
            '"' | '\'' | '`' => self.string(first as u8),
            '0'..='9' => self.number(),
            '.' if self.peek(1).is_some_and(|byte| byte.is_ascii_digit()) => self.number(),
            'a'..='z' | 'A'..='Z' | '_' => self.word(),
            ':' if !self.in_brackets => self.word(),
            _ => self.symbol(first),
        }
    }

    fn symbol(&mut self, first: char) -> Kind {
        let (kind, len) = match (first, self.peek(1)) {
            ('=', Some(b'=')) => (Kind::Op(BinaryOp::Equal), 2),
            ('=', Some(b'~')) => (Kind::RegexMatch, 2),
            ('!', Some(b'=')) => (Kind::Op(BinaryOp::NotEqual), 2),
            ('!', Some(b'~')) => (Kind::RegexNot, 2),
            ('<', Some(b'=')) => (Kind::Op(BinaryOp::LessEqual), 2),
            ('<', Some(b'/')) => (Kind::Op(BinaryOp::TrimUpper), 2),
            ('>', Some(b'=')) => (Kind::Op(BinaryOp::GreaterEqual), 2),
            ('>', Some(b'/')) => (Kind::Op(BinaryOp::TrimLower), 2),
            ('=', _) => (Kind::Assign, 1),
            ('<', _) => (Kind::Op(BinaryOp::Less), 1),
            ('>', _) => (Kind::Op(BinaryOp::Greater), 1),
            ('+', _) => (Kind::Op(BinaryOp::Add), 1),
            ('-', _) => (Kind::Op(BinaryOp::Sub), 1),
            ('*', _) => (Kind::Op(BinaryOp::Mul), 1),
            ('/', _) => (Kind::Op(BinaryOp::Div), 1),
            ('%', _) => (Kind::Op(BinaryOp::Mod), 1),
            ('^', _) => (Kind::Op(BinaryOp::Pow), 1),
            ('@', _) => (Kind::At, 1),
            (',', _) => (Kind::Comma, 1),
            (':', _) => (Kind::Colon, 1),
            ('(', _) => (Kind::LeftParen, 1),
            (')', _) => (Kind::RightParen, 1),
            ('{', _) => (Kind::LeftBrace, 1),
            ('}', _) => (Kind::RightBrace, 1),
            ('[', _) => (Kind::LeftBracket, 1),
            (']', _) => (Kind::RightBracket, 1),
            (other, _) => (Kind::Unknown, other.len_utf8()),
        };
        match kind {
            Kind::LeftBracket => self.in_brackets = true,
            Kind::RightBracket => self.in_brackets = false,
            _ => {}
        }
        self.at += len;
        kind
    }

    /// Takes a name.
    fn word(&mut self) -> Kind {
        let colon = !self.in_brackets;
        let goes_on = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || (colon && byte == b':');
        let len = self.rest().bytes().position(|byte| !goes_on(byte));
        let word = &self.rest()[..len.unwrap_or(self.rest().len())];
        let mut keyword = keyword(word);
        self.at += word.len();
        if matches!(keyword, Some(Keyword::Fill | Keyword::FillLeft | Keyword::FillRight)) {
            // A metric may be called `fill`: the keyword is only the one with a parenthesis.
            let opens = self.rest().trim_start_matches([' ', '\t', '\n', '\r']).starts_with('(');
            keyword = keyword.filter(|_| opens);
        }
        Kind::Word(keyword)
    }

    /// Takes all that hangs together after a digit: the parser says whether it is a number, a duration or neither.
    fn number(&mut self) -> Kind {
        let bytes = self.rest().as_bytes();
        let hex = bytes.len() > 1 && bytes[0] == b'0' && bytes[1].eq_ignore_ascii_case(&b'x');
        let mut len = 0;
        while let Some(byte) = bytes.get(len) {
            let signed_exponent =
                || !hex && matches!(byte, b'+' | b'-') && len > 0 && bytes[len - 1].eq_ignore_ascii_case(&b'e');
            if !(byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_') || signed_exponent()) {
                break;
            }
            len += 1;
        }
        self.at += len;
        Kind::Number
    }

    fn string(&mut self, quote: u8) -> Kind {
        let bytes = self.rest().as_bytes();
        let raw = quote == b'`';
        let mut len = 1;
        let mut kind = Kind::UnclosedStr;
        while let Some(byte) = bytes.get(len) {
            match *byte {
                b'\\' if !raw && bytes.get(len + 1).is_some_and(|next| *next != b'\n') => len += 1,
                b'\n' if !raw => break,
                byte if byte == quote => {
                    kind = Kind::Str;
                    len += 1;
                    break;
                }
                _ => {}
            }
            len += 1;
        }
        let mut end = (self.at + len).min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end += 1;
        }
        self.at = end;
        kind
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let tokens = lex(text);
        let texts: Vec<&str> = tokens.iter().map(|token| &text[token.span.range()]).collect();
        assert_eq!(texts[..texts.len() - 1], *expected, "{text}");
        assert_eq!(tokens.last().map(|token| token.kind), Some(Kind::End));
    }

    #[test]
    fn texts_fall_into_tokens() {
        check(
            "rate(a:b{c=~\"d\"}[5m:1m])",
            &["rate", "(", "a:b", "{", "c", "=~", "\"d\"", "}", "[", "5m", ":", "1m", "]", ")"],
        );
        check("1e+5-0x1e-5", &["1e+5", "-", "0x1e", "-", "5"]);
        check("a # comment\n</ b", &["a", "</", "b"]);
        check(r#""a\"b" 'c"' `\`"#, &[r#""a\"b""#, r#"'c"'"#, r"`\`"]);
        check("a é ;", &["a", "é", ";"]);
        check("", &[]);
    }

    #[test]
    fn keywords_are_found_in_any_case() {
        let kinds = |text: &str| lex(text).iter().map(|token| token.kind).collect::<Vec<_>>();
        assert_eq!(kinds("SUM")[0], Kind::Word(Some(Keyword::Aggregate(AggregateOp::Sum))));
        assert_eq!(kinds("Inf")[0], Kind::Word(Some(Keyword::Number)));
        assert_eq!(kinds("fill + fill (1)")[0], Kind::Word(None));
        assert_eq!(kinds("fill + fill (1)")[2], Kind::Word(Some(Keyword::Fill)));
    }

    #[test]
    fn a_string_without_end_stops_at_the_line() {
        assert_eq!(lex("\"abc\nd")[0], Token { kind: Kind::UnclosedStr, span: Span::new(0, 4) });
        assert_eq!(lex("\"abc\\")[0], Token { kind: Kind::UnclosedStr, span: Span::new(0, 5) });
        assert_eq!(lex("\"é\\é")[0], Token { kind: Kind::UnclosedStr, span: Span::new(0, 6) });
    }
}
