//! A parsed template, and how its pieces are written in the words of errors.

use std::fmt;

use super::functions::Function;

/// A parsed template: its own nodes and the templates it defines.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tree {
    /// What the template itself consists of.
    pub(super) root: Vec<Node>,
    /// Named templates, in the order of their definition.
    pub(super) defined: Vec<(String, Vec<Node>)>,
}

/// Something that is walked through in order.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    /// Plain text.
    Text(String),
    /// A pipeline whose value is printed, unless it declares a variable.
    Action(Pipe),
    /// `if` with its `else if` branches.
    If(Branches),
    /// `with` with its `else with` branches.
    With(Branches),
    /// `range`.
    Range(Range),
    /// `template`, or the place of a `block`.
    Call(Call),
    /// `break`
    Break,
    /// `continue`
    Continue,
}

/// Conditions with bodies, the first true one of which counts.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Branches {
    /// Conditions and bodies, in order; a variable of a condition is seen by all that follow.
    pub(super) branches: Vec<(Pipe, Vec<Node>)>,
    /// What stands after the bare `else`.
    pub(super) otherwise: Vec<Node>,
}

/// A loop.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Range {
    /// What is gone through, with up to two variables.
    pub(super) pipe: Pipe,
    /// What is done for each element.
    pub(super) body: Vec<Node>,
    /// What is done without elements.
    pub(super) otherwise: Vec<Node>,
}

/// The call of a named template.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Call {
    /// Where the name stands. Unit: bytes.
    pub(super) at: u32,
    /// The name.
    pub(super) name: String,
    /// What its dot is.
    pub(super) pipe: Option<Pipe>,
}

/// Commands, each of which gets the value of the one before as its last argument.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pipe {
    /// Where it begins. Unit: bytes.
    pub(super) at: u32,
    /// Variables that it sets.
    pub(super) variables: Vec<String>,
    /// Whether the variables exist already (`=`, not `:=`).
    pub(super) assigns: bool,
    /// The commands, in order.
    pub(super) commands: Vec<Command>,
}

/// A value, or a function or method with its arguments.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Command {
    /// Where it begins. Unit: bytes.
    pub(super) at: u32,
    /// The words of it, never none.
    pub(super) words: Vec<Operand>,
}

/// One word of a command.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Operand {
    /// Where errors say it stands: at the first further field of a chain of fields. Unit: bytes.
    pub(super) at: u32,
    /// What it is.
    pub(super) term: Term,
}

/// What a word is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Term {
    /// A function's name.
    Function(&'static Function),
    /// `.`
    Dot,
    /// `nil`
    Nil,
    /// `true` or `false`
    Bool(bool),
    /// A whole number and how it is written.
    Int(i64, String),
    /// A number with a point or exponent and how it is written.
    Float(f64, String),
    /// A text and how it is written.
    Text(String, String),
    /// `.a.b`
    Field(Vec<String>),
    /// `$x.a.b`: the name with its `$`, and fields.
    Variable(String, Vec<String>),
    /// A pipeline in parentheses.
    Pipe(Box<Pipe>),
    /// `(..).a.b` or `function.a.b`.
    Chain(Box<Operand>, Vec<String>),
}

impl fmt::Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.variables.is_empty() {
            write!(f, "{} {} ", self.variables.join(", "), if self.assigns { "=" } else { ":=" })?;
        }
        for (at, command) in self.commands.iter().enumerate() {
            if at > 0 {
                f.write_str(" | ")?;
            }
            write!(f, "{command}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, word) in self.words.iter().enumerate() {
            if at > 0 {
                f.write_str(" ")?;
            }
            match &word.term {
                Term::Pipe(pipe) => write!(f, "({pipe})")?,
                _ => write!(f, "{word}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = match &self.term {
            Term::Function(function) => return f.write_str(function.name),
            Term::Dot => return f.write_str("."),
            Term::Nil => return f.write_str("nil"),
            Term::Bool(value) => return write!(f, "{value}"),
            Term::Int(_, written) | Term::Float(_, written) | Term::Text(_, written) => return f.write_str(written),
            Term::Pipe(pipe) => return write!(f, "{pipe}"),
            Term::Field(fields) => fields,
            Term::Variable(name, fields) => {
                f.write_str(name)?;
                fields
            }
            Term::Chain(inner, fields) => {
                match &inner.term {
                    Term::Pipe(pipe) => write!(f, "({pipe})")?,
                    _ => write!(f, "{inner}")?,
                }
                fields
            }
        };
        fields.iter().try_for_each(|field| write!(f, ".{field}"))
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{{template {}", crate::labels::Quoted(&self.name))?;
        if let Some(pipe) = &self.pipe {
            write!(f, " {pipe}")?;
        }
        f.write_str("}}")
    }
}
