//! Walks through a template's tree and writes its text.

use super::fields::{self, Member};
use super::functions::{Context, Function, Run, Type};
use super::print::Printer;
use super::tree::{Branches, Call, Command, Node, Operand, Pipe, Range, Term, Tree};
use super::value::Value;
use super::{Query, TemplateData};
use crate::labels::Quoted;
use crate::limits;

/// The declarations that Prometheus puts before every template; columns in errors count them.
const PROLOGUE: &str = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}\
                        {{$externalURL := .ExternalURL}}{{$value := .Value}}";

/// Expands a template.
///
/// # Errors
/// Prometheus' words, place included.
pub(super) fn expand<'d>(
    text: &str,
    tree: &Tree,
    data: &'d TemplateData<'d>,
    query: &mut Query<'d>,
) -> Result<String, String> {
    let mut variables = vec![("$", Value::Data)];
    variables.push(("$labels", Value::Labels(data.labels.clone())));
    variables.push(("$externalLabels", Value::Labels(data.external_labels.clone())));
    variables.push(("$externalURL", Value::text(data.external_url)));
    variables.push(("$value", Value::Float(data.value)));
    let mut walker = Walker {
        text,
        tree,
        context: Context { data, query },
        out: String::new(),
        variables,
        steps: 0,
        calls: 0,
        open: 0,
        name: None,
        at: None,
    };
    match walker.list(&Value::Data, &tree.root) {
        Ok(_) => Ok(walker.out),
        Err(words) => Err(format!("error executing template __alert_{}: {words}", data.alert)),
    }
}

/// What errors name as their place.
#[derive(Clone, Copy)]
enum Place<'t> {
    Pipe(&'t Pipe),
    Command(&'t Command),
    Operand(&'t Operand),
    Call(&'t Call),
}

/// How a list of nodes was left.
#[derive(Clone, Copy, PartialEq)]
enum Flow {
    Done,
    Break,
    Continue,
}

struct Walker<'t, 'd, 'q> {
    text: &'t str,
    tree: &'t Tree,
    context: Context<'d, 'q>,
    out: String,
    variables: Vec<(&'t str, Value)>,
    /// What was done so far, against [`limits::TEMPLATE_STEPS`].
    steps: usize,
    /// How many named templates are being walked through.
    calls: usize,
    /// How many blocks, parentheses and templates are open.
    open: usize,
    /// The named template that is being walked through.
    name: Option<&'t str>,
    at: Option<Place<'t>>,
}

type Evaluated = Result<Value, String>;

impl<'t> Walker<'t, '_, '_> {
    /// Makes an error of its words and the place where the walk is.
    fn error(&self, words: &str) -> String {
        let alert = format!("__alert_{}", self.context.data.alert);
        let (at, shown) = match self.at {
            None => return format!("template: {alert}: {words}"),
            Some(Place::Pipe(pipe)) => (pipe.at, pipe.to_string()),
            Some(Place::Command(command)) => (command.at, command.to_string()),
            Some(Place::Operand(operand)) => (operand.at, operand.to_string()),
            Some(Place::Call(call)) => (call.at, call.to_string()),
        };
        let before = &self.text.as_bytes()[..(at as usize).min(self.text.len())];
        let line = 1 + memchr::memchr_iter(b'\n', before).count();
        let column = match memchr::memrchr(b'\n', before) {
            Some(end) => before.len() - end - 1,
            None => before.len() + PROLOGUE.len(),
        };
        let name = Quoted(self.name.unwrap_or(&alert)).to_string();
        format!("template: {alert}:{line}:{column}: executing {name} at <{shown}>: {words}")
    }

    fn fail<T>(&self, words: &str) -> Result<T, String> {
        Err(self.error(words))
    }

    /// Counts work done. Unit: steps, of which one makes up to 64 bytes.
    fn spend(&mut self, bytes: usize) -> Result<(), String> {
        self.steps += 1 + bytes / 64;
        if self.steps > limits::TEMPLATE_STEPS {
            return self.fail(&format!("more than the limit of {} steps", limits::TEMPLATE_STEPS));
        }
        Ok(())
    }

    fn write(&mut self, text: &str) -> Result<(), String> {
        if self.out.len() + text.len() > limits::TEMPLATE_BYTES {
            return self.fail(&format!("a text longer than the limit of {} bytes", limits::TEMPLATE_BYTES));
        }
        self.out.push_str(text);
        self.spend(text.len())
    }

    /// Runs a step with one more block, parenthesis or template open.
    fn deeper<T>(&mut self, step: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
        if self.open >= limits::TEMPLATE_STACK {
            return self.fail(&format!("nested deeper than the limit of {}", limits::TEMPLATE_STACK));
        }
        self.open += 1;
        let result = step(self);
        self.open -= 1;
        result
    }

    fn list(&mut self, dot: &Value, nodes: &'t [Node]) -> Result<Flow, String> {
        for node in nodes {
            self.spend(0)?;
            let flow = match node {
                Node::Text(text) => {
                    self.write(text)?;
                    Flow::Done
                }
                Node::Action(pipe) => {
                    self.action(dot, pipe)?;
                    Flow::Done
                }
                Node::If(branches) => self.deeper(|walker| walker.branches(dot, branches, false))?,
                Node::With(branches) => self.deeper(|walker| walker.branches(dot, branches, true))?,
                Node::Range(range) => self.deeper(|walker| walker.range(dot, range))?,
                Node::Call(call) => {
                    self.deeper(|walker| walker.call(dot, call))?;
                    Flow::Done
                }
                Node::Break => Flow::Break,
                Node::Continue => Flow::Continue,
            };
            if flow != Flow::Done {
                return Ok(flow);
            }
        }
        Ok(Flow::Done)
    }

    fn action(&mut self, dot: &Value, pipe: &'t Pipe) -> Result<(), String> {
        let value = self.pipe(dot, pipe)?;
        if !pipe.variables.is_empty() {
            return Ok(());
        }
        if let Some(text) = value.as_text() {
            return self.write(text);
        }
        let mut printer = Printer::new(self.context.data);
        printer.show(&value);
        self.write(&printer.out)
    }

    fn branches(&mut self, dot: &Value, branches: &'t Branches, with: bool) -> Result<Flow, String> {
        let scope = self.variables.len();
        for (pipe, body) in &branches.branches {
            let value = self.pipe(dot, pipe)?;
            if value.is_true() {
                let flow = self.list(if with { &value } else { dot }, body);
                self.variables.truncate(scope);
                return flow;
            }
        }
        let flow = self.list(dot, &branches.otherwise);
        self.variables.truncate(scope);
        flow
    }

    fn range(&mut self, dot: &Value, range: &'t Range) -> Result<Flow, String> {
        let scope = self.variables.len();
        let value = self.pipe(dot, &range.pipe)?;
        let mark = self.variables.len();
        let mut any = false;
        let mut turn = |walker: &mut Self, index: Value, element: Value| {
            any = true;
            Ok::<_, String>(walker.turn(range, mark, index, element)? == Flow::Break)
        };
        match &value {
            Value::Nothing => {}
            Value::Labels(labels) => {
                for (name, value) in labels.iter() {
                    if turn(self, Value::text(name), Value::text(value))? {
                        break;
                    }
                }
            }
            Value::Args(args) => {
                for (name, value) in &args.values {
                    if turn(self, Value::text(name.as_str()), value.clone())? {
                        break;
                    }
                }
            }
            Value::Samples(samples) => {
                let count = samples.borrow().len();
                for at in 0..count {
                    let Some(sample) = samples.borrow().get(at).cloned() else { break };
                    let index = Value::Int(i64::try_from(at).unwrap_or(i64::MAX));
                    if turn(self, index, Value::Sample(sample))? {
                        break;
                    }
                }
            }
            Value::Int(_) | Value::Byte(_) => {
                let (count, make): (i64, fn(i64) -> Value) = match value {
                    Value::Byte(count) => (i64::from(count), |at| Value::Byte(at.to_le_bytes()[0])),
                    Value::Int(count) => (count, Value::Int),
                    _ => (0, Value::Int),
                };
                if range.pipe.variables.len() > 1 {
                    return self.fail(&format!("can't use {count} to iterate over more than one variable"));
                }
                for at in 0..count {
                    if turn(self, Value::Nothing, make(at))? {
                        break;
                    }
                }
            }
            other => {
                let mut printer = Printer::new(self.context.data);
                printer.show(other);
                return self.fail(&format!("range can't iterate over {}", printer.out));
            }
        }
        let flow = if any { Flow::Done } else { self.list(dot, &range.otherwise)? };
        self.variables.truncate(scope);
        Ok(flow)
    }

    /// Walks once through the body of a loop.
    fn turn(&mut self, range: &'t Range, mark: usize, index: Value, element: Value) -> Result<Flow, String> {
        let values = match range.pipe.variables.len() {
            0 => vec![],
            1 => vec![element.clone()],
            _ => vec![index, element.clone()],
        };
        for (at, (name, value)) in range.pipe.variables.iter().zip(values).enumerate() {
            if range.pipe.assigns {
                self.assign(name, value)?;
            } else if let Some(slot) = self.variables.get_mut(mark - range.pipe.variables.len() + at) {
                slot.1 = value;
            }
        }
        let flow = self.list(&element, &range.body);
        self.variables.truncate(mark);
        self.spend(0)?;
        flow
    }

    fn call(&mut self, dot: &Value, call: &'t Call) -> Result<(), String> {
        self.at = Some(Place::Call(call));
        let Some((name, body)) = self.tree.defined.iter().find(|(name, _)| *name == call.name) else {
            return self.fail(&format!("template {} not defined", Quoted(&call.name)));
        };
        if self.calls >= limits::TEMPLATE_DEPTH {
            return self.fail(&format!("exceeded maximum template depth ({})", limits::TEMPLATE_DEPTH));
        }
        let dot = match &call.pipe {
            Some(pipe) => self.pipe(dot, pipe)?,
            None => Value::Nothing,
        };
        let outer = std::mem::replace(&mut self.variables, vec![("$", dot.clone())]);
        let outer_name = self.name.replace(name);
        self.calls += 1;
        self.list(&dot, body)?;
        self.calls -= 1;
        self.variables = outer;
        self.name = outer_name;
        Ok(())
    }

    fn assign(&mut self, name: &str, value: Value) -> Result<(), String> {
        match self.variables.iter_mut().rev().find(|(known, _)| *known == name) {
            Some((_, slot)) => {
                *slot = value;
                Ok(())
            }
            None => self.fail(&format!("undefined variable: {name}")),
        }
    }

    fn pipe(&mut self, dot: &Value, pipe: &'t Pipe) -> Evaluated {
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
            Member::Method(method, wanted) => {
                let given = args.len() + usize::from(last.is_some());
                if given != wanted {
                    return self.fail(&format!("wrong number of args for {name}: want {wanted} got {given}"));
                }
                let mut values = Vec::with_capacity(given);
                for arg in args {
                    values.push(self.argument(dot, arg, Type::Text)?);
                }
                if let Some(last) = last {
                    values.push(self.checked(last, Type::Text)?);
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
        let run = match function.run {
            Run::Call(run) => run,
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
        // The parser has counted the arguments.
        let wanted = |at: usize| function.params.get(at).copied().or(function.rest).unwrap_or(Type::Any);
        let mut values = Vec::with_capacity(args.len() + 1);
        for (at, arg) in args.iter().enumerate() {
            values.push(self.argument(dot, arg, wanted(at))?);
        }
        if let Some(last) = last {
            values.push(self.checked(last, wanted(args.len()))?);
        }
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
            Term::Nil if wanted == Type::Text => return self.fail("cannot assign nil to string"),
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
            (Type::Samples, Value::Samples(_)) | (Type::Sample, Value::Sample(_)) => Ok(value),
            (Type::Text, Value::Nothing) => self.fail("invalid value; expected string"),
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
