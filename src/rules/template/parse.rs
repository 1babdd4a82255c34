//! Builds the tree of a template from its tokens.

use super::TemplateProblem;
use super::functions::{self, Function};
use super::lex::{Kind, Token, lex};
use super::literal;
use super::tree::{Branches, Call, Command, Node, Operand, Pipe, Range, Term, Tree};
use crate::diagnostic::nearest;
use crate::limits;
use crate::source::Span;

/// The variables that Prometheus declares before every template.
const GIVEN: [&str; 5] = ["$", "$labels", "$externalLabels", "$externalURL", "$value"];

/// Builds the tree of a template.
///
/// Source: Go's `text/template/parse`; beyond it, wrong numbers of arguments and assignments to variables that do not
/// exist are told here already.
///
/// # Errors
/// All unknown names and wrong calls, or what was found up to the first place that has no meaning.
pub(super) fn parse(text: &str) -> Result<Tree, Vec<TemplateProblem>> {
    let tokens = lex(text).map_err(|problem| vec![problem])?;
    let mut parser = Parser {
        text,
        tokens,
        at: 0,
        variables: GIVEN.iter().map(|name| (*name).to_owned()).collect(),
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

type Parsed<T> = Result<T, TemplateProblem>;

/// What ended a list of nodes.
enum Stop {
    End,
    Else(Span),
}

struct Parser<'t> {
    text: &'t str,
    tokens: Vec<Token>,
    at: usize,
    /// Variables in scope, with their `$`.
    variables: Vec<String>,
    problems: Vec<TemplateProblem>,
    defined: Vec<(String, Vec<Node>)>,
    /// How many actions and parentheses are open.
    depth: usize,
    /// How many loops are open.
    loops: usize,
}

fn problem(span: Span, message: impl Into<String>, help: &str) -> TemplateProblem {
    TemplateProblem { span, message: message.into(), help: (!help.is_empty()).then(|| help.to_owned()) }
}

impl<'t> Parser<'t> {
    /// Returns the token to be read next; the last one, [`Kind::End`], again and again.
    fn peek(&self) -> Token {
        let last = Token { kind: Kind::End, span: Span::new(self.text.len(), self.text.len()), spaced: false };
        self.tokens.get(self.at).copied().unwrap_or(last)
    }

    fn next(&mut self) -> Token {
        let token = self.peek();
        self.at += 1;
        token
    }

    fn written(&self, token: Token) -> &'t str {
        self.text.get(token.span.range()).unwrap_or_default()
    }

    fn is_keyword(&self, token: Token, keyword: &str) -> bool {
        token.kind == Kind::Keyword && self.written(token) == keyword
    }

    fn unexpected<T>(&self, token: Token, place: &str) -> Parsed<T> {
        let (found, help) = match (token.kind, self.written(token)) {
            (Kind::Right, _) => ("the end of the action".to_owned(), ""),
            (Kind::End, _) => ("the end of the template".to_owned(), ""),
            (Kind::Other, c @ ("<" | ">" | "!")) => (format!("`{c}`"), "compare with `lt a b`, `gt a b` or `ne a b`"),
            (Kind::Other, c @ ("*" | "/" | "+")) => {
                (format!("`{c}`"), "templates have no arithmetic: compute it in the expression")
            }
            (Kind::Other, "&") => ("`&`".to_owned(), "write `and a b`"),
            (Kind::Other, "{") => ("`{`".to_owned(), "an action ends with `}}` before the next one begins"),
            (Kind::Keyword, "define") => ("`define`".to_owned(), "definitions stand outside of all other actions"),
            (_, written) => (format!("`{written}`"), ""),
        };
        Err(problem(token.span, format!("{found} has no meaning {place}"), help))
    }

    /// Runs a step one level deeper.
    fn deeper<T>(&mut self, span: Span, step: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
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
                return Err(problem(span, format!("an `{word}` that belongs to nothing"), help));
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
        let outer = std::mem::replace(&mut self.variables, vec!["$".to_owned()]);
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

    fn text_of(&self, token: Token) -> Parsed<String> {
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
                    let message = format!("this `{what}` is never ended");
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
            (_, Stop::Else(span)) => Err(problem(span, format!("a second `else` of one `{what}`"), "")),
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

    /// Reads a pipeline and the token that ends it.
    fn pipe(&mut self, what: &str, end: Kind) -> Parsed<Pipe> {
        let first = self.peek();
        let mut pipe = Pipe { at: first.span.start, variables: Vec::new(), assigns: false, commands: Vec::new() };
        self.variables(&mut pipe, what)?;
        loop {
            let token = self.peek();
            if token.kind == end {
                self.at += 1;
                if pipe.commands.is_empty() {
                    let span = Span::new(first.span.start as usize, token.span.end as usize);
                    let message = if what == "action" {
                        "an empty action".to_owned()
                    } else {
                        format!("`{what}` without a value")
                    };
                    return Err(problem(span, message, ""));
                }
                return Ok(pipe);
            }
            let command = self.command(pipe.commands.len())?;
            pipe.commands.push(command);
        }
    }

    /// Reads the variables that a pipeline sets, if it does.
    fn variables(&mut self, pipe: &mut Pipe, what: &str) -> Parsed<()> {
        let start = self.at;
        while self.peek().kind == Kind::Variable {
            let token = self.next();
            let name = self.written(token).to_owned();
            let next = self.peek();
            match next.kind {
                Kind::Declare | Kind::Assign => {
                    self.at += 1;
                    pipe.variables.push(name);
                    pipe.assigns = next.kind == Kind::Assign;
                    if pipe.assigns {
                        for at in (start..self.at).step_by(2) {
                            let token = self.tokens[at];
                            self.check_variable(token);
                        }
                    }
                    self.variables.extend(pipe.variables.iter().cloned());
                    return Ok(());
                }
                Kind::Other if self.written(next) == "," => {
                    self.at += 1;
                    pipe.variables.push(name);
                    if what != "range" || pipe.variables.len() > 1 {
                        return Err(problem(next.span, "only a `range` sets two variables, and never more", ""));
                    }
                }
                _ => break,
            }
        }
        if pipe.variables.is_empty() {
            self.at = start;
            return Ok(());
        }
        let token = self.peek();
        self.unexpected(token, "between the variables of a `range`")
    }

    fn check_variable(&mut self, token: Token) {
        let name = self.written(token);
        if self.variables.iter().any(|known| known == name) {
            return;
        }
        let known = self.variables.iter().map(String::as_str).filter(|known| known.len() > 1);
        let near = nearest(name, known);
        let help = match near.first() {
            Some(near) => format!("did you mean `{near}`?"),
            None if GIVEN.contains(&name) => {
                "named templates see only `$` and `.`: hand over what they need".to_owned()
            }
            None => format!("declare it with `{{{{ {name} := .. }}}}` before, in the same or an outer block"),
        };
        self.problems.push(problem(token.span, format!("there is no variable `{name}` here"), &help));
    }

    /// Reads a command of a pipeline, and the `|` after it.
    fn command(&mut self, stage: usize) -> Parsed<Command> {
        let first = self.peek();
        let mut command = Command { at: first.span.start, words: Vec::new() };
        loop {
            let token = self.peek();
            match token.kind {
                Kind::Right | Kind::RightParen => break,
                Kind::Pipe => {
                    self.at += 1;
                    break;
                }
                _ if !command.words.is_empty() && !token.spaced => {
                    return self.unexpected(token, "right after a value; values are separated by spaces");
                }
                _ => {}
            }
            let operand = self.operand(command.words.len(), stage)?;
            command.words.push(operand);
        }
        let end = self.tokens.get(self.at.saturating_sub(1)).map_or(first.span, |token| token.span);
        if command.words.is_empty() {
            return Err(problem(first.span, "a command is missing here", ""));
        }
        if let Term::Function(function) = command.words[0].term {
            self.check_count(function, first.span, command.words.len() - 1 + usize::from(stage > 0));
        } else if stage > 0
            && !matches!(command.words[0].term, Term::Field(_) | Term::Variable(..) | Term::Chain(..))
            && !matches!(command.words[0].term, Term::Pipe(_))
        {
            let help = "after a `|` stands a function, which gets the value before it as its last argument";
            return Err(problem(first.span.to(end), "this is no function", help));
        }
        Ok(command)
    }

    fn check_count(&mut self, function: &Function, span: Span, given: usize) {
        let least = function.params.len();
        if given == least || (given > least && function.rest.is_some()) {
            return;
        }
        let words = |count: usize| format!("{count} argument{}", if count == 1 { "" } else { "s" });
        let more = if function.rest.is_some() { "at least " } else { "" };
        let message = format!("`{}` takes {more}{} and gets {given}", function.name, words(least));
        let help = "a value before `|` is the last argument";
        self.problems.push(problem(span, message, help));
    }

    /// Reads one word of a command and the fields attached to it.
    fn operand(&mut self, word: usize, stage: usize) -> Parsed<Operand> {
        let token = self.peek();
        let mut operand = self.term()?;
        let fields_from = self.at;
        let mut fields = Vec::new();
        while self.peek().kind == Kind::Field && !self.peek().spaced {
            let field = self.next();
            fields.push(self.written(field)[1..].to_owned());
        }
        if let Term::Function(function) = operand.term {
            if word > 0 || !fields.is_empty() {
                self.check_count(function, token.span, 0);
            }
        }
        if fields.is_empty() {
            return Ok(operand);
        }
        let at = self.tokens[fields_from].span.start;
        match &mut operand.term {
            Term::Field(own) | Term::Variable(_, own) => {
                own.extend(fields);
                operand.at = at;
                Ok(operand)
            }
            Term::Function(_) | Term::Pipe(_) => Ok(Operand { at, term: Term::Chain(Box::new(operand), fields) }),
            _ => {
                let span = self.tokens[fields_from].span;
                let help = if stage + word == 0 { "" } else { "put a space before it" };
                Err(problem(span, format!("`{}` has no fields", self.written(token)), help))
            }
        }
    }

    fn term(&mut self) -> Parsed<Operand> {
        let token = self.next();
        let written = self.written(token);
        let wrong = |message| problem(token.span, message, "");
        let term = match token.kind {
            Kind::Dot => Term::Dot,
            Kind::Field => Term::Field(vec![written[1..].to_owned()]),
            Kind::Variable => {
                self.check_variable(token);
                Term::Variable(written.to_owned(), Vec::new())
            }
            Kind::Bool => Term::Bool(written == "true"),
            Kind::Keyword if written == "nil" => Term::Nil,
            Kind::Number => literal::number(written).map_err(wrong)?,
            Kind::Char => Term::Int(literal::character(written).map_err(wrong)?, written.to_owned()),
            Kind::Quoted | Kind::Raw => Term::Text(self.text_of(token)?, written.to_owned()),
            Kind::Name => match functions::find(written) {
                Some(function) => Term::Function(function),
                None => {
                    self.unknown_function(token);
                    // Stands in until the problem is told.
                    Term::Field(Vec::new())
                }
            },
            Kind::LeftParen => {
                let pipe = self.deeper(token.span, |parser| parser.pipe("parentheses", Kind::RightParen))?;
                return Ok(Operand { at: pipe.at, term: Term::Pipe(Box::new(pipe)) });
            }
            _ => return self.unexpected(token, "as a value"),
        };
        Ok(Operand { at: token.span.start, term })
    }

    fn unknown_function(&mut self, token: Token) {
        let name = self.written(token);
        let near = nearest(name, functions::names().chain(["$value", "$labels"]));
        let help = match (name, near.first()) {
            ("tmpl", _) => "`tmpl` is for console pages; use `template \"name\" value`".to_owned(),
            ("call", _) => "nothing in an alert's template can be called".to_owned(),
            (_, Some(near)) => format!("did you mean `{near}`?"),
            _ => "Prometheus offers Go's own functions and those of its template reference, no others".to_owned(),
        };
        self.problems.push(problem(token.span, format!("there is no function `{name}`"), &help));
    }
}

/// Tells whether a template's body is nothing but white space.
fn is_blank(nodes: &[Node]) -> bool {
    nodes.iter().all(|node| matches!(node, Node::Text(text) if text.trim().is_empty()))
}
