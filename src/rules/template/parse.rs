//! Builds the tree of a template from its tokens.

use super::TemplateProblem;
use super::lex::{Kind, Token, lex};
use super::literal;
use super::tree::{Branches, Call, Node, Range, Tree};
use crate::limits;
use crate::source::Span;

/// The variables that Prometheus declares before every template.
pub(super) const GIVEN: [&str; 5] = ["$", "$labels", "$externalLabels", "$externalURL", "$value"];

/// Builds the tree of a template.
///
/// Source: Go's `text/template/parse`; beyond it, wrong numbers of arguments and assignments to variables that do not
/// exist are reported here already.
///
/// # Errors
/// All unknown names and wrong calls, or what was found up to the first place that has no meaning.
pub(super) fn parse(text: &str) -> Result<Tree, Vec<TemplateProblem>> {
    let tokens = lex(text).map_err(|problem| vec![problem])?;
    let mut parser = Parser {
        text,
        tokens,
        at: 0,
        variables: GIVEN.to_vec(),
        problems: Vec::new(),
        defined: Vec::new(),
        depth: 0,
        loops: 0,
    };
    match parser.template() {
        Ok(root) if parser.problems.is_empty() => Ok(Tree { root, defined: parser.defined }),
        Ok(_) => Err(parser.problems),
        Err(problem) => {
            parser.problems.push(problem);
            Err(parser.problems)
        }
    }
}

pub(super) type Parsed<T> = Result<T, TemplateProblem>;

/// What ended a list of nodes.
enum Stop {
    End,
    Else(Span),
}

/// A template that is being read.
pub(super) struct Parser<'t> {
    pub(super) text: &'t str,
    pub(super) tokens: Vec<Token>,
    pub(super) at: usize,
    /// Variables in scope, with their `$`.
    pub(super) variables: Vec<&'t str>,
    pub(super) problems: Vec<TemplateProblem>,
    defined: Vec<(String, Vec<Node>)>,
    /// How many actions and parentheses are open.
    depth: usize,
    /// How many loops are open.
    loops: usize,
}

/// Makes a problem; an empty help is none.
pub(super) fn problem(span: Span, message: impl Into<String>, help: &str) -> TemplateProblem {
    TemplateProblem { span, message: message.into(), help: (!help.is_empty()).then(|| help.to_owned()) }
}

impl<'t> Parser<'t> {
    /// Returns the token to be read next; the last one, [`Kind::End`], again and again.
    pub(super) fn peek(&self) -> Token {
        let last = Token { kind: Kind::End, span: Span::new(self.text.len(), self.text.len()), spaced: false };
        self.tokens.get(self.at).copied().unwrap_or(last)
    }

    pub(super) fn next(&mut self) -> Token {
        let token = self.peek();
        self.at += 1;
        token
    }

    pub(super) fn written(&self, token: Token) -> &'t str {
        self.text.get(token.span.range()).unwrap_or_default()
    }

    fn is_keyword(&self, token: Token, keyword: &str) -> bool {
        token.kind == Kind::Keyword && self.written(token) == keyword
    }

    pub(super) fn unexpected<T>(&self, token: Token, place: &str) -> Parsed<T> {
        let (found, help) = match (token.kind, self.written(token)) {
            (Kind::Right, _) => ("the end of the action".to_owned(), ""),
            (Kind::End, _) => ("the end of the template".to_owned(), ""),
            (Kind::Other, c @ ("<" | ">" | "!")) => (format!("`{c}`"), "compare with `lt a b`, `gt a b` or `ne a b`"),
            (Kind::Other, c @ ("*" | "/" | "+")) => {
                (format!("`{c}`"), "templates have no arithmetic: compute it in the expression")
            }
            (Kind::Other, "&") => ("`&`".to_owned(), "write `and a b`"),
            (Kind::Other, "{") => ("`{`".to_owned(), "end the action with `}}` before the next one begins"),
            (Kind::Keyword, "define") => ("`define`".to_owned(), "move it outside of all other actions"),
            (_, written) => (format!("`{written}`"), ""),
        };
        Err(problem(token.span, format!("unexpected {found} {place}"), help))
    }

    /// Runs a step one level deeper.
    pub(super) fn deeper<T>(&mut self, span: Span, step: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= limits::TEMPLATE_NESTING {
            let message = format!("nested deeper than the limit of {}", limits::TEMPLATE_NESTING);
            return Err(problem(span, message, "take the nested part apart with variables"));
        }
        self.depth += 1;
        let result = step(self);
        self.depth -= 1;
        result
    }

    fn template(&mut self) -> Parsed<Vec<Node>> {
        let mut root = Vec::new();
        loop {
            let token = self.peek();
            let after = self.tokens.get(self.at + 1).copied();
            if token.kind == Kind::End {
                return Ok(root);
            }
            if token.kind == Kind::Left && after.is_some_and(|after| self.is_keyword(after, "define")) {
                self.at += 2;
                self.define(token.span)?;
                continue;
            }
            if let Some(stop) = self.node(&mut root)? {
                let (span, word) = match stop {
                    Stop::End => (self.tokens[self.at - 2].span, "end"),
                    Stop::Else(span) => (span, "else"),
                };
                let help = "remove it, or open what it belongs to with `if`, `with` or `range`";
                return Err(problem(span, format!("unexpected `{word}`"), help));
            }
        }
    }

    /// Reads the rest of a `define`.
    fn define(&mut self, open: Span) -> Parsed<()> {
        let token = self.next();
        let name = self.name(token, "as the name of a template")?;
        let close = self.next();
        if close.kind != Kind::Right {
            return self.unexpected(close, "after the name of a template");
        }
        self.definition(open, token.span, name, "define")
    }

    /// Reads the body of a named template, which sees no variable but `$`.
    fn definition(&mut self, open: Span, name_at: Span, name: String, what: &str) -> Parsed<()> {
        let outer = std::mem::replace(&mut self.variables, vec!["$"]);
        let loops = std::mem::take(&mut self.loops);
        let body = self.list(open, what);
        self.variables = outer;
        self.loops = loops;
        let (body, stop) = body?;
        if let Stop::Else(span) = stop {
            return Err(problem(span, format!("a `{what}` has no `else`"), ""));
        }
        match self.defined.iter_mut().find(|(other, _)| *other == name) {
            Some((_, old)) if is_blank(old) => *old = body,
            Some(_) if is_blank(&body) => {}
            Some(_) => {
                let message = format!("the template `{name}` is defined twice");
                self.problems.push(problem(name_at, message, "give one of them another name"));
            }
            None => self.defined.push((name, body)),
        }
        Ok(())
    }

    fn name(&mut self, token: Token, place: &str) -> Parsed<String> {
        match token.kind {
            Kind::Quoted | Kind::Raw => self.text_of(token),
            _ => self.unexpected(token, place),
        }
    }

    pub(super) fn text_of(&self, token: Token) -> Parsed<String> {
        let written = self.written(token);
        if token.kind == Kind::Raw {
            return Ok(written.trim_matches('`').replace('\r', ""));
        }
        literal::quoted(written).map_err(|message| problem(token.span, message, "write `\\\\` for a backslash"))
    }

    /// Reads nodes up to an `end` or `else`.
    fn list(&mut self, open: Span, what: &str) -> Parsed<(Vec<Node>, Stop)> {
        self.deeper(open, |parser| {
            let mut nodes = Vec::new();
            loop {
                if parser.peek().kind == Kind::End {
                    let message = format!("unclosed `{what}`");
                    return Err(problem(open, message, "close it with `{{ end }}`"));
                }
                if let Some(stop) = parser.node(&mut nodes)? {
                    return Ok((nodes, stop));
                }
            }
        })
    }

    /// Reads one text or action; of an `end` or `else` it says so.
    fn node(&mut self, nodes: &mut Vec<Node>) -> Parsed<Option<Stop>> {
        let token = self.next();
        match token.kind {
            Kind::Text => {
                nodes.push(Node::Text(self.written(token).to_owned()));
                Ok(None)
            }
            Kind::Left => self.action(nodes),
            _ => self.unexpected(token, "here"),
        }
    }

    fn action(&mut self, nodes: &mut Vec<Node>) -> Parsed<Option<Stop>> {
        let token = self.peek();
        let keyword = if token.kind == Kind::Keyword { self.written(token) } else { "" };
        if !matches!(keyword, "" | "nil" | "define") {
            self.at += 1;
        }
        let node = match keyword {
            "end" => {
                self.close("after `end`")?;
                return Ok(Some(Stop::End));
            }
            "else" => {
                let next = self.peek();
                if !self.is_keyword(next, "if") && !self.is_keyword(next, "with") {
                    self.close("after `else`")?;
                }
                return Ok(Some(Stop::Else(token.span)));
            }
            "if" => Node::If(self.branches(token.span, "if")?),
            "with" => Node::With(self.branches(token.span, "with")?),
            "range" => Node::Range(self.range(token.span)?),
            "template" => Node::Call(self.call()?),
            "block" => Node::Call(self.block(token.span)?),
            "break" | "continue" => {
                self.close(&format!("after `{keyword}`"))?;
                if self.loops == 0 {
                    self.problems.push(problem(token.span, format!("a `{keyword}` outside of any `range`"), ""));
                }
                if keyword == "break" { Node::Break } else { Node::Continue }
            }
            _ => Node::Action(self.pipe("action", Kind::Right)?),
        };
        nodes.push(node);
        Ok(None)
    }

    fn close(&mut self, place: &str) -> Parsed<()> {
        let token = self.next();
        if token.kind == Kind::Right { Ok(()) } else { self.unexpected(token, place) }
    }

    /// Reads the rest of an `if` or `with`, all branches of it.
    fn branches(&mut self, open: Span, what: &'static str) -> Parsed<Branches> {
        let scope = self.variables.len();
        let mut result = Branches { branches: Vec::new(), otherwise: Vec::new() };
        loop {
            let pipe = self.pipe(what, Kind::Right)?;
            let (body, stop) = self.list(open, what)?;
            result.branches.push((pipe, body));
            let Stop::Else(span) = stop else { break };
            let next = self.peek();
            if self.is_keyword(next, what) {
                self.at += 1;
                continue;
            }
            result.otherwise = self.otherwise(open, span, what)?;
            break;
        }
        self.variables.truncate(scope);
        Ok(result)
    }

    /// Reads what stands between a bare `else` and its `end`.
    fn otherwise(&mut self, open: Span, span: Span, what: &str) -> Parsed<Vec<Node>> {
        let next = self.peek();
        if next.kind == Kind::Keyword && matches!(self.written(next), "if" | "with") && next.span.start > span.start {
            let word = self.written(next);
            let directly = self.text.get(span.end as usize..next.span.start as usize).unwrap_or_default();
            if directly.trim().is_empty() {
                let help = format!("write `{{{{ else }}}}{{{{ {word} .. }}}}..{{{{ end }}}}`");
                return Err(problem(next.span, format!("`else {word}` does not belong to a `{what}`"), &help));
            }
        }
        match self.list(open, what)? {
            (body, Stop::End) => Ok(body),
            (_, Stop::Else(span)) => Err(problem(span, format!("a second `else` in one `{what}`"), "")),
        }
    }

    /// Reads the rest of a `range`.
    fn range(&mut self, open: Span) -> Parsed<Range> {
        let scope = self.variables.len();
        let pipe = self.pipe("range", Kind::Right)?;
        self.loops += 1;
        let body = self.list(open, "range");
        self.loops -= 1;
        let (body, stop) = body?;
        let otherwise = match stop {
            Stop::End => Vec::new(),
            Stop::Else(span) => self.otherwise(open, span, "range")?,
        };
        self.variables.truncate(scope);
        Ok(Range { pipe, body, otherwise })
    }

    /// Reads the rest of a `template`.
    fn call(&mut self) -> Parsed<Call> {
        let token = self.next();
        let name = self.name(token, "as the name of a template")?;
        let pipe = if self.peek().kind == Kind::Right {
            self.at += 1;
            None
        } else {
            Some(self.pipe("template", Kind::Right)?)
        };
        Ok(Call { at: token.span.start, name, pipe })
    }

    /// Reads the rest of a `block`, its body included.
    fn block(&mut self, open: Span) -> Parsed<Call> {
        let token = self.next();
        let name = self.name(token, "as the name of a block")?;
        let pipe = self.pipe("block", Kind::Right)?;
        self.definition(open, token.span, name.clone(), "block")?;
        Ok(Call { at: token.span.start, name, pipe: Some(pipe) })
    }
}

/// Returns whether a template's body is nothing but white space.
fn is_blank(nodes: &[Node]) -> bool {
    nodes.iter().all(|node| matches!(node, Node::Text(text) if text.trim().is_empty()))
}
