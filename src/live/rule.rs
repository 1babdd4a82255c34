//! Rules that are written in code.

use thiserror::Error;

use crate::diagnostic::Diagnostic;
use crate::promql::ast::{Expr, Type};
use crate::promql::parse::parse;
use crate::rules::template::Template;
use crate::rules::{Rule, RuleKind};
use crate::source::{FileId, FileSpan, Located, Span, TextMap};
use crate::time::Millis;

/// Says why a rule or a file of rules is not taken.
#[derive(Clone, Debug, Error)]
pub enum LiveError {
    /// The expression cannot be evaluated.
    #[error("the expression of `{name}`: {message}")]
    Expression {
        /// The rule.
        name: String,
        /// What is wrong.
        message: String,
    },
    /// A label or annotation is no template.
    #[error("`{label}` of `{name}`: {message}")]
    Template {
        /// The rule.
        name: String,
        /// The label or annotation.
        label: String,
        /// What is wrong.
        message: String,
    },
    /// There is a rule of that name.
    #[error("there is a rule `{0}` already; remove it first")]
    Exists(String),
    /// Rules cannot be read or evaluated.
    #[error("{}", .0.first().map_or("no rules", |first| first.message.as_str()))]
    Rules(Vec<Diagnostic>),
}

/// A rule that is written in code. It is evaluated at every snapshot of each label set.
#[derive(Clone, Debug)]
pub struct NewRule {
    pub(super) rule: Rule,
}

impl NewRule {
    /// Makes a rule that alerts on each series of an expression.
    ///
    /// # Errors
    /// When the expression cannot be evaluated.
    pub fn alert(name: &str, expr: &str) -> Result<Self, LiveError> {
        Self::new(
            name,
            expr,
            RuleKind::Alert { hold: Millis::ZERO, keep_firing: Millis::ZERO, annotations: Vec::new() },
        )
    }

    /// Makes a rule that writes the series of an expression under its name.
    ///
    /// # Errors
    /// When the expression cannot be evaluated.
    pub fn record(name: &str, expr: &str) -> Result<Self, LiveError> {
        Self::new(name, expr, RuleKind::Record)
    }

    fn new(name: &str, text: &str, kind: RuleKind) -> Result<Self, LiveError> {
        let expr = expression(name, text)?;
        let at = FileSpan { file: FileId(0), span: Span::default() };
        let (labels, actions) = (Vec::new(), Vec::new());
        let rule = Rule {
            name: located(name),
            kind,
            text: located(text),
            expr,
            condition: None,
            labels,
            enabled: true,
            actions,
            at,
        };
        Ok(Self { rule })
    }

    /// Sets how long the condition must hold before the alert fires.
    #[must_use]
    pub fn hold(mut self, span: Millis) -> Self {
        if let RuleKind::Alert { hold, .. } = &mut self.rule.kind {
            *hold = span;
        }
        self
    }

    /// Sets how long the alert goes on firing after the condition is gone.
    #[must_use]
    pub fn keep_firing(mut self, span: Millis) -> Self {
        if let RuleKind::Alert { keep_firing, .. } = &mut self.rule.kind {
            *keep_firing = span;
        }
        self
    }

    /// Sets the label `severity`.
    #[must_use]
    pub fn severity(mut self, severity: &str) -> Self {
        self.set_label("severity", Template::literal(severity));
        self
    }

    /// Sets a label; its text is a template, but of a rule that records.
    ///
    /// # Errors
    /// When the text is no template.
    pub fn label(mut self, name: &str, text: &str) -> Result<Self, LiveError> {
        let template = match &self.rule.kind {
            RuleKind::Alert { .. } => self.template(name, text)?,
            RuleKind::Record => Template::literal(text),
        };
        self.set_label(name, template);
        Ok(self)
    }

    /// Sets a text for people, a template; rules that record have none.
    ///
    /// # Errors
    /// When the text is no template.
    pub fn annotation(mut self, name: &str, text: &str) -> Result<Self, LiveError> {
        let template = self.template(name, text)?;
        if let RuleKind::Alert { annotations, .. } = &mut self.rule.kind {
            annotations.retain(|(held, _)| held != name);
            annotations.push((name.to_owned(), template));
        }
        Ok(self)
    }

    fn set_label(&mut self, name: &str, template: Template) {
        let labels = &mut self.rule.labels;
        labels.retain(|(held, _)| held != name);
        labels.push((name.to_owned(), template));
        labels.sort_by(|a, b| a.0.cmp(&b.0));
    }

    fn template(&self, label: &str, text: &str) -> Result<Template, LiveError> {
        Template::parse(text).map_err(|problems| LiveError::Template {
            name: self.rule.name.text.clone(),
            label: label.to_owned(),
            message: problems.first().map_or_else(String::new, |problem| problem.message.clone()),
        })
    }
}

fn expression(name: &str, text: &str) -> Result<Expr, LiveError> {
    let parsed = parse(text);
    let wrong = |message: String| LiveError::Expression { name: name.to_owned(), message };
    if let Some(problem) = parsed.problems.first() {
        return Err(wrong(problem.message.clone()));
    }
    match parsed.expr.ty() {
        Type::Scalar | Type::Vector => Ok(parsed.expr),
        ty => Err(wrong(format!("it is a {}: a rule needs an instant vector or a scalar", ty.words()))),
    }
}

pub(super) fn located(text: &str) -> Located {
    let map = TextMap::verbatim(0, 0);
    Located { text: text.to_owned(), file: FileId(0), span: Span::default(), map }
}
