//! Evaluates pipelines: commands, their arguments, fields and functions.

use super::exec::{Place, Walker};
use super::fields::{self, Member};
use super::functions::{Function, Run, Type};
use super::tree::{Command, Operand, Pipe, Term};
use super::value::Value;
use crate::limits;

type Evaluated = Result<Value, String>;

impl<'t> Walker<'t, '_, '_> {
    /// Evaluates a pipeline and sets its variables.
    pub(super) fn pipe(&mut self, dot: &Value, pipe: &'t Pipe) -> Evaluated {
        self.at = Some(Place::Pipe(pipe));
        let mut last = None;
        for command in &pipe.commands {
            last = Some(self.command(dot, command, last)?);
        }
        let value = last.unwrap_or(Value::Nothing);
        for name in &pipe.variables {
            if pipe.assigns {
                self.assign(name, value.clone())?;
            } else {
                self.variables.push((name, value.clone()));
            }
        }
        Ok(value)
    }

    fn command(&mut self, dot: &Value, command: &'t Command, last: Option<Value>) -> Evaluated {
        self.spend(0)?;
        let Some((first, args)) = command.words.split_first() else { return Ok(Value::Nothing) };
        let with_args = !args.is_empty() || last.is_some();
        match &first.term {
            Term::Function(function) => {
                self.at = Some(Place::Operand(first));
                self.function(dot, function, Place::Command(command), args, last)
            }
            Term::Pipe(pipe) => {
                self.refuse_arguments(first, with_args)?;
                self.deeper(|walker| walker.pipe(dot, pipe))
            }
            Term::Field(_) | Term::Variable(..) | Term::Chain(..) => self.path(dot, first, args, last),
            _ => {
                self.at = Some(Place::Operand(first));
                self.refuse_arguments(first, with_args)?;
                match &first.term {
                    Term::Nil => self.fail("nil is not a command"),
                    _ => Ok(constant(dot, first)),
                }
            }
        }
    }

    fn refuse_arguments(&self, word: &Operand, with_args: bool) -> Result<(), String> {
        if !with_args {
            return Ok(());
        }
        let word = match &word.term {
            Term::Pipe(pipe) => pipe.to_string(),
            _ => word.to_string(),
        };
        self.fail(&format!("can't give argument to non-function {word}"))
    }

    /// Evaluates fields of the dot, of a variable or of a value in parentheses; the last may be a method.
    fn path(&mut self, dot: &Value, word: &'t Operand, args: &'t [Operand], last: Option<Value>) -> Evaluated {
        self.at = Some(Place::Operand(word));
        let (mut value, fields) = match &word.term {
            Term::Field(fields) => (dot.clone(), fields),
            Term::Variable(name, fields) => {
                let found = self.variables.iter().rev().find(|(known, _)| known == name);
                let Some(value) = found.map(|(_, value)| value.clone()) else {
                    return self.fail(&format!("undefined variable: {name}"));
                };
                if fields.is_empty() {
                    self.refuse_arguments(word, !args.is_empty() || last.is_some())?;
                }
                (value, fields)
            }
            Term::Chain(inner, fields) => {
                let value = match &inner.term {
                    Term::Pipe(pipe) => self.deeper(|walker| walker.pipe(dot, pipe))?,
                    Term::Function(function) => self.function(dot, function, Place::Operand(inner), &[], None)?,
                    _ => constant(dot, inner),
                };
                (value, fields)
            }
            _ => return Ok(constant(dot, word)),
        };
        let mut last = last;
        for (at, field) in fields.iter().enumerate() {
            let (args, last) = if at + 1 == fields.len() { (args, last.take()) } else { (&[][..], None) };
            value = self.field(dot, &value, field, args, last)?;
        }
        Ok(value)
    }

    fn field(&mut self, dot: &Value, of: &Value, name: &str, args: &'t [Operand], last: Option<Value>) -> Evaluated {
        match fields::member(self.context.data, of, name) {
            Member::Value(_, words) if !args.is_empty() || last.is_some() => self.fail(&format!("{name} {words}")),
            Member::Value(value, _) => Ok(value),
            Member::Missing(words) => self.fail(&words),
            Member::Method(method, param) => {
                let given = args.len() + usize::from(last.is_some());
                let wanted = usize::from(param.is_some());
                let param = param.unwrap_or(Type::Any);
                if given != wanted {
                    return self.fail(&format!("wrong number of args for {name}: want {wanted} got {given}"));
                }
                let mut values = Vec::with_capacity(given);
                for arg in args {
                    values.push(self.argument(dot, arg, param)?);
                }
                if let Some(last) = last {
                    values.push(self.checked(last, param)?);
                }
                let value = fields::run(method, of, &values);
                self.spend(value.size())?;
                Ok(value)
            }
        }
    }

    fn function(
        &mut self,
        dot: &Value,
        function: &Function,
        place: Place<'t>,
        args: &'t [Operand],
        last: Option<Value>,
    ) -> Evaluated {
        let given = args.len() + usize::from(last.is_some());
        let least = function.params.len();
        if given < least || (given > least && function.rest.is_none()) {
            let words = if function.rest.is_some() { "at least " } else { "" };
            return self.fail(&format!("wrong number of args for {}: want {words}{least} got {given}", function.name));
        }
        let run = match function.run {
            Run::Call(run) => run,
            Run::Template => {
                let name = self.argument(dot, &args[0], Type::Text)?;
                let data = match (args.get(1), last) {
                    (Some(arg), _) => self.argument(dot, arg, Type::Any)?,
                    (None, last) => last.unwrap_or(Value::Nothing),
                };
                self.at = Some(place);
                return self.template_text(name.as_text().unwrap_or_default(), data);
            }
            Run::And | Run::Or => {
                let until = matches!(function.run, Run::Or);
                let mut value = Value::Nothing;
                for arg in args {
                    value = self.argument(dot, arg, Type::Any)?;
                    if value.is_true() == until {
                        return Ok(value);
                    }
                }
                return Ok(last.unwrap_or(value));
            }
        };
        let wanted = |at: usize| function.params.get(at).copied().or(function.rest).unwrap_or(Type::Any);
        let mut values = Vec::with_capacity(args.len() + 1);
        for (at, arg) in args.iter().enumerate() {
            values.push(self.argument(dot, arg, wanted(at))?);
        }
        if let Some(last) = last {
            values.push(self.checked(last, wanted(args.len()))?);
        }
        let read = values.iter().fold(0, |sum: usize, value| sum.saturating_add(value.size()));
        self.spend(read.saturating_add(function.fixed_bytes()))?;
        let result = run(&mut self.context, &values);
        match result {
            Ok(value) => {
                self.spend(value.size())?;
                if value.size() > limits::TEMPLATE_BYTES {
                    return self.fail(&format!("a text longer than the limit of {} bytes", limits::TEMPLATE_BYTES));
                }
                Ok(value)
            }
            Err(words) => {
                self.at = Some(place);
                self.fail(&format!("error calling {}: {words}", function.name))
            }
        }
    }

    /// Evaluates an argument and checks its type.
    fn argument(&mut self, dot: &Value, arg: &'t Operand, wanted: Type) -> Evaluated {
        self.spend(0)?;
        self.at = Some(Place::Operand(arg));
        let value = match &arg.term {
            Term::Dot => dot.clone(),
            Term::Nil if matches!(wanted, Type::Text | Type::Duration) => {
                return self.fail(&format!("cannot assign nil to {}", wanted.name()));
            }
            Term::Nil => Value::Nothing,
            Term::Field(_) | Term::Variable(..) | Term::Chain(..) => self.path(dot, arg, &[], None)?,
            Term::Pipe(pipe) => self.deeper(|walker| walker.pipe(dot, pipe))?,
            Term::Function(function) => self.function(dot, function, Place::Operand(arg), &[], None)?,
            Term::Text(..) if wanted == Type::Text => return Ok(constant(dot, arg)),
            _ => match wanted {
                Type::Any => return Ok(constant(dot, arg)),
                Type::Text => return self.fail(&format!("expected string; found {arg}")),
                wanted => return self.fail(&format!("can't handle {arg} for arg of type {}", wanted.name())),
            },
        };
        self.checked(value, wanted)
    }

    /// Checks that a value has the type of the argument it is to be.
    fn checked(&self, value: Value, wanted: Type) -> Evaluated {
        match (wanted, &value) {
            (Type::Any, _) | (Type::Text, Value::Text(_)) => Ok(value),
            (Type::Samples, Value::Samples(_))
            | (Type::Sample, Value::Sample(_))
            | (Type::Duration, Value::Duration(_)) => Ok(value),
            (Type::Text | Type::Duration, Value::Nothing) => {
                self.fail(&format!("invalid value; expected {}", wanted.name()))
            }
            (_, Value::Nothing) => Ok(value),
            (wanted, value) => {
                self.fail(&format!("wrong type for value; expected {}; got {}", wanted.name(), value.type_name()))
            }
        }
    }
}

/// Returns the value of a word that needs no evaluation.
fn constant(dot: &Value, word: &Operand) -> Value {
    match &word.term {
        Term::Dot => dot.clone(),
        Term::Bool(value) => Value::Bool(*value),
        Term::Int(value, _) => Value::Int(*value),
        Term::Float(value, _) => Value::Float(*value),
        Term::Text(text, _) => Value::text(text.as_str()),
        _ => Value::Nothing,
    }
}
