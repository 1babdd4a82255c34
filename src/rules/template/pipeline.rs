//! Reads pipelines: commands, their words, and the variables that they set.

use super::functions;
use super::lex::{Kind, Token};
use super::literal;
use super::parse::{GIVEN, Parsed, Parser, problem};
use super::tree::{Command, Operand, Pipe, Term};
use crate::diagnostic::nearest;
use crate::source::Span;

impl<'t> Parser<'t> {
    /// Reads a pipeline and the token that ends it.
    pub(super) fn pipe(&mut self, what: &str, end: Kind) -> Parsed<Pipe> {
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
        let mut names: Vec<&'t str> = Vec::new();
        while self.peek().kind == Kind::Variable {
            let token = self.next();
            let name = self.written(token);
            let next = self.peek();
            match next.kind {
                Kind::Declare | Kind::Assign => {
                    self.at += 1;
                    names.push(name);
                    pipe.assigns = next.kind == Kind::Assign;
                    if pipe.assigns {
                        for at in (start..self.at).step_by(2) {
                            let token = self.tokens[at];
                            self.check_variable(token);
                        }
                    }
                    self.variables.extend(&names);
                    pipe.variables = names.into_iter().map(str::to_owned).collect();
                    return Ok(());
                }
                Kind::Other if self.written(next) == "," => {
                    self.at += 1;
                    names.push(name);
                    if what != "range" || names.len() > 1 {
                        return Err(problem(next.span, "only a `range` sets two variables, and never more", ""));
                    }
                }
                _ => break,
            }
        }
        if names.is_empty() {
            self.at = start;
            return Ok(());
        }
        let token = self.peek();
        self.unexpected(token, "between the variables of a `range`")
    }

    fn check_variable(&mut self, token: Token) {
        let name = self.written(token);
        if self.variables.contains(&name) {
            return;
        }
        let known = self.variables.iter().copied().filter(|known| known.len() > 1);
        let near = nearest(name, known);
        let help = match near.first() {
            Some(near) => format!("did you mean `{near}`?"),
            None if GIVEN.contains(&name) => "named templates see only `$` and `.`: pass what they need".to_owned(),
            None => format!("declare it with `{{{{ {name} := .. }}}}` before, in the same or an outer block"),
        };
        self.problems.push(problem(token.span, format!("undefined variable `{name}`"), &help));
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
            return Err(problem(first.span, "missing command", ""));
        }
        if !matches!(command.words[0].term, Term::Function(_))
            && stage > 0
            && !matches!(command.words[0].term, Term::Field(_) | Term::Variable(..) | Term::Chain(..))
            && !matches!(command.words[0].term, Term::Pipe(_))
        {
            let help = "a function must follow `|`; it gets the value before it as its last argument";
            return Err(problem(first.span.to(end), "not a function", help));
        }
        Ok(command)
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
                    // Stands in until the problem is reported.
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
            ("call", _) => "templates of alerts cannot call values".to_owned(),
            (_, Some(near)) => format!("did you mean `{near}`?"),
            _ => "use Go's own template functions, or those of Prometheus' template reference".to_owned(),
        };
        self.problems.push(problem(token.span, format!("unknown function `{name}`"), &help));
    }
}
