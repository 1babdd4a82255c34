//! Walks through a template's tree and writes its text.

use super::functions::Context;
use super::print::Printer;
use super::tree::{Branches, Call, Command, Node, Operand, Pipe, Range, Tree};
use super::value::Value;
use super::{Query, Share, TemplateData};
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
    share: Share,
    query: &mut Query<'d>,
) -> Result<String, String> {
    let mut variables = vec![("$", Value::Data)];
    variables.push(("$labels", Value::Labels(data.labels.clone())));
    variables.push(("$externalLabels", Value::Labels(data.external_labels.clone())));
    variables.push(("$externalURL", Value::text(data.external_url)));
    variables.push(("$value", Value::from(data.value)));
    let mut walker = Walker {
        text,
        tree,
        context: Context { data, query },
        out: String::new(),
        variables,
        share,
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
pub(super) enum Place<'t> {
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

/// A walk in progress.
pub(super) struct Walker<'t, 'd, 'q> {
    pub(super) text: &'t str,
    pub(super) tree: &'t Tree,
    pub(super) context: Context<'d, 'q>,
    pub(super) out: String,
    pub(super) variables: Vec<(&'t str, Value)>,
    /// What may be done.
    pub(super) share: Share,
    /// The steps that were taken so far.
    pub(super) steps: usize,
    /// How many named templates are being walked through.
    pub(super) calls: usize,
    /// How many blocks, parentheses and templates are open.
    pub(super) open: usize,
    /// The named template that is being walked through.
    pub(super) name: Option<&'t str>,
    pub(super) at: Option<Place<'t>>,
}

impl<'t> Walker<'t, '_, '_> {
    /// Makes an error of its words and the place where the walk is.
    pub(super) fn error(&self, words: &str) -> String {
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

    pub(super) fn fail<T>(&self, words: &str) -> Result<T, String> {
        Err(self.error(words))
    }

    /// Counts work done. Unit: steps, of which one makes up to 64 bytes.
    pub(super) fn spend(&mut self, bytes: usize) -> Result<(), String> {
        self.steps += 1 + bytes / 64;
        if self.steps > self.share.steps {
            return self.fail(&format!("more than the limit of {} steps", self.share.steps));
        }
        Ok(())
    }

    fn write(&mut self, text: &str) -> Result<(), String> {
        if self.out.len() + text.len() > self.share.bytes {
            return self.fail(&format!("a text longer than the limit of {} bytes", self.share.bytes));
        }
        self.out.push_str(text);
        self.spend(text.len())
    }

    /// Runs a step with one more block, parenthesis or template open.
    pub(super) fn deeper<T>(&mut self, step: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
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
        let (name, body) = self.defined(&call.name)?;
        let dot = match &call.pipe {
            Some(pipe) => self.pipe(dot, pipe)?,
            None => Value::Nothing,
        };
        self.body(name, body, dot)
    }

    /// Expands a named template to a text.
    pub(super) fn template_text(&mut self, name: &str, dot: Value) -> Result<Value, String> {
        let (name, body) = self.defined(name)?;
        let outer = std::mem::take(&mut self.out);
        let done = self.deeper(|walker| walker.body(name, body, dot));
        let text = std::mem::replace(&mut self.out, outer);
        done.map(|()| Value::text(text.as_str()))
    }

    fn defined(&self, name: &str) -> Result<(&'t str, &'t [Node]), String> {
        match self.tree.defined.iter().find(|(defined, _)| defined == name) {
            Some(_) if self.calls >= limits::TEMPLATE_DEPTH => {
                self.fail(&format!("exceeded maximum template depth ({})", limits::TEMPLATE_DEPTH))
            }
            Some((name, body)) => Ok((name, body)),
            None => self.fail(&format!("template {} not defined", Quoted(name))),
        }
    }

    fn body(&mut self, name: &'t str, body: &'t [Node], dot: Value) -> Result<(), String> {
        let outer = std::mem::replace(&mut self.variables, vec![("$", dot.clone())]);
        let outer_name = self.name.replace(name);
        self.calls += 1;
        self.list(&dot, body)?;
        self.calls -= 1;
        self.variables = outer;
        self.name = outer_name;
        Ok(())
    }

    pub(super) fn assign(&mut self, name: &str, value: Value) -> Result<(), String> {
        match self.variables.iter_mut().rev().find(|(known, _)| *known == name) {
            Some((_, slot)) => {
                *slot = value;
                Ok(())
            }
            None => self.fail(&format!("undefined variable: {name}")),
        }
    }
}
