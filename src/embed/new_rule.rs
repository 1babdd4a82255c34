//! Rules that are written in code.

use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::engine;
use crate::labels::METRIC_NAME;
use crate::promql::ast::{Expr, Type};
use crate::promql::parse::parse;
use crate::rules::template::Template;
use crate::rules::{Evaluate, Form, Group, Rule, RuleFile, RuleKind};
use crate::source::{FileId, FileSpan, Located, SourceMap, Span, TextMap};
use crate::time::Millis;

use super::diagnostic::{self, LoadError};

/// A rule that is written in code. It is checked when it is added to a [`RuleSet`](super::RuleSet) or a
/// [`Live`](super::Live).
///
/// By default it is evaluated at every snapshot, on the newest values of all series. [`NewRule::every`] and
/// [`NewRule::each_label_set`] change that.
///
/// ```
/// use std::time::Duration;
/// use alertctl::{NewRule, RuleSet};
///
/// let mut rules = RuleSet::new();
/// rules.add(NewRule::record("cpu:mean5m", "avg_over_time(cpu[5m])"))?;
/// rules.add(
///     NewRule::alert("CpuHigh", "cpu:mean5m > 0.9")
///         .hold(Duration::from_secs(30))
///         .label("severity", "critical")
///         .annotation("summary", "{{ $labels.host }} is at {{ $value }}"),
/// )?;
/// # Ok::<(), alertctl::LoadError>(())
/// ```
#[derive(Clone, Debug)]
pub struct NewRule {
    name: String,
    expr: String,
    alerts: bool,
    hold: Millis,
    keep_firing: Millis,
    labels: Vec<(String, String)>,
    annotations: Vec<(String, String)>,
    evaluate: Evaluate,
}

impl NewRule {
    /// Makes an alerting rule: it has an alert for each series that the PromQL expression returns, such as `cpu > 0.9`.
    /// The alert has the labels of the series, and `alertname`, which is the name of the rule.
    #[must_use]
    pub fn alert(name: &str, expr: &str) -> Self {
        Self::new(name, expr, true)
    }

    /// Makes a recording rule: it writes the series that the PromQL expression returns as a metric with its name, for
    /// rules that are added after it and for queries.
    #[must_use]
    pub fn record(name: &str, expr: &str) -> Self {
        Self::new(name, expr, false)
    }

    fn new(name: &str, expr: &str, alerts: bool) -> Self {
        Self {
            name: name.to_owned(),
            expr: expr.to_owned(),
            alerts,
            hold: Millis::ZERO,
            keep_firing: Millis::ZERO,
            labels: Vec::new(),
            annotations: Vec::new(),
            evaluate: Evaluate::EverySnapshot,
        }
    }

    /// Sets how long the condition must be true before the alert fires, `for` in a rule file. The default is 0: it
    /// fires at once.
    #[must_use]
    pub fn hold(mut self, span: impl Into<Millis>) -> Self {
        self.hold = span.into();
        self
    }

    /// Sets how long the alert keeps firing once the condition is no longer true, `keep_firing_for` in a rule file. The
    /// default is 0.
    #[must_use]
    pub fn keep_firing(mut self, span: impl Into<Millis>) -> Self {
        self.keep_firing = span.into();
        self
    }

    /// Sets a label of the alerts, or of the series that are written. For an alert the text is a template of
    /// Prometheus, such as `{{ $labels.team }}`. An empty text removes the label.
    #[must_use]
    pub fn label(mut self, name: &str, text: &str) -> Self {
        set(&mut self.labels, name, text);
        self
    }

    /// Sets an annotation, a text for people such as a summary. It is a template of Prometheus, which can show
    /// `{{ $labels.host }}` and `{{ $value }}`; [`Event::annotation`](super::Event::annotation) returns the result.
    #[must_use]
    pub fn annotation(mut self, name: &str, text: &str) -> Self {
        set(&mut self.annotations, name, text);
        self
    }

    /// Evaluates the rule at a fixed interval, as a Prometheus server does, and not at every snapshot: at the multiples
    /// of the interval since the epoch.
    #[must_use]
    pub fn every(mut self, interval: impl Into<Millis>) -> Self {
        self.evaluate = Evaluate::Every(interval.into());
        self
    }

    /// Evaluates the rule for each label set separately, when a series with these labels is set, and only on the values
    /// that are set in this snapshot. An aggregation such as `sum` then never adds up two hosts, and a metric of the
    /// label set that is not set in the snapshot is missing. Rules of a native file are evaluated like this.
    #[must_use]
    pub fn each_label_set(mut self) -> Self {
        self.evaluate = Evaluate::EveryRow;
        self
    }

    /// Returns the name of the rule.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Makes a rule file of one group of it.
    pub(super) fn build(&self) -> Result<RuleFile, LoadError> {
        let mut building = Building { name: &self.name, sources: SourceMap::default(), found: Diagnostics::default() };
        building.check_names(self);
        let (text, expr) = building.expression(&self.expr);
        let template = |building: &mut Building<'_>, what: &str, (name, text): &(String, String)| {
            building.check_part(what, name);
            let template = if self.alerts { building.template(what, name, text) } else { Template::literal(text) };
            (name.clone(), template)
        };
        let mut labels: Vec<(String, Template)> =
            self.labels.iter().map(|label| template(&mut building, "label", label)).collect();
        labels.sort_by(|a, b| a.0.cmp(&b.0));
        let annotations = self.annotations.iter().map(|text| template(&mut building, "annotation", text)).collect();
        let Building { sources, found, .. } = building;
        if found.has_errors() {
            return Err(LoadError::new(diagnostic::Diagnostic::all(&found, &sources)));
        }
        let kind = if self.alerts {
            RuleKind::Alert { hold: self.hold, keep_firing: self.keep_firing, annotations }
        } else {
            RuleKind::Record
        };
        let (name, at) = (located(&self.name), FileSpan { file: FileId(0), span: Span::default() });
        let rule = Rule {
            name: name.clone(),
            kind,
            text,
            expr,
            condition: None,
            labels,
            enabled: true,
            actions: Vec::new(),
            at,
            parts: None,
        };
        let group =
            Group { name, evaluate: self.evaluate, query_offset: None, limit: 0, rules: vec![rule], at, parts: None };
        Ok(RuleFile { file: FileId(0), form: Form::Prometheus, groups: vec![group] })
    }
}

fn set(texts: &mut Vec<(String, String)>, name: &str, text: &str) {
    texts.retain(|(held, _)| held != name);
    texts.push((name.to_owned(), text.to_owned()));
}

/// A rule while it is checked: the texts that it brings, and what is wrong with them.
struct Building<'a> {
    name: &'a str,
    sources: SourceMap,
    found: Diagnostics,
}

impl Building<'_> {
    /// Records a problem that stands in no text.
    fn error(&mut self, code: &'static str, message: String, help: &str) {
        let problem = Diagnostic::new(code, crate::diagnostic::Severity::Error, message);
        self.found.push(if help.is_empty() { problem } else { problem.with_help(help) });
    }

    fn check_names(&mut self, rule: &NewRule) {
        let NewRule { name, alerts, hold, keep_firing, annotations, evaluate, .. } = rule;
        let what = if *alerts { "alert" } else { "recorded metric" };
        if name.is_empty() {
            self.error(codes::RULE_KIND, format!("this {what} has no name"), "give it one, such as `CpuHigh`");
        } else if name.chars().any(char::is_control) || name.trim().is_empty() {
            let message = format!("the name {name:?} of the {what} has control characters, or nothing but blanks");
            self.error(codes::RECORD_NAME, message, "use letters, digits and `_`");
        } else if !alerts && !is_metric_name(name) {
            let message = format!("`{name}` is no name of a metric");
            self.error(codes::RECORD_NAME, message, "use letters, digits, `_` and `:`, with no digit first");
        }
        for (span, word) in [(hold, "hold"), (keep_firing, "keep_firing")] {
            if span.0 < 0 {
                self.error(codes::DURATION, format!("`{word}` of `{name}` is {span}, less than 0s"), "");
            } else if span.0 > 0 && !alerts {
                let message = format!("`{name}` writes a metric, and has `{word}`");
                self.error(codes::RECORDING_RULE_KEY, message, "only an alert has it");
            }
        }
        if !alerts && !annotations.is_empty() {
            let message = format!("`{name}` writes a metric, and has an annotation");
            self.error(codes::RECORDING_RULE_KEY, message, "only an alert has one");
        }
        if matches!(evaluate, Evaluate::Every(interval) if interval.0 <= 0) {
            self.error(codes::DURATION, format!("`every` of `{name}` must be longer than 0s"), "");
        }
    }

    /// Checks the name of a label or annotation.
    fn check_part(&mut self, what: &str, name: &str) {
        let code = if what == "label" { codes::LABEL_NAME } else { codes::ANNOTATION_NAME };
        if name.is_empty() {
            self.error(
                code,
                format!("{} of `{}` has no name", if what == "label" { "a label" } else { "an annotation" }, self.name),
                "",
            );
        } else if name.chars().any(char::is_control) {
            self.error(code, format!("the name {name:?} of a {what} of `{}` has control characters", self.name), "");
        } else if what == "label" && name == METRIC_NAME {
            let message = format!("`__name__` of `{}` cannot be set as a label", self.name);
            self.error(code, message, "a rule that writes a metric is named after it");
        }
    }

    /// Adds a text that problems may point into.
    fn text(&mut self, part: &str, text: &str) -> Located {
        Located { file: self.sources.add(format!("{}: {part}", self.name), text), ..located(text) }
    }

    /// Reads the expression, and tries whether it can be evaluated.
    fn expression(&mut self, text: &str) -> (Located, Expr) {
        let text = self.text("expression", text);
        let parsed = parse(&text.text);
        let mut problems = parsed.problems;
        if problems.is_empty() {
            match parsed.expr.ty() {
                Type::Scalar | Type::Vector => problems = engine::refused(&parsed.expr),
                ty => {
                    let words = ty.words();
                    let message = format!("this expression is a {words}: a rule needs an instant vector or a scalar");
                    self.found.push(Diagnostic::error(codes::RULE_TYPE, message, text.at(parsed.expr.span)));
                }
            }
        }
        for problem in problems {
            let mut found = Diagnostic::error(problem.code, problem.message, text.at(problem.span));
            found.help.extend(problem.help);
            self.found.push(found);
        }
        (Located { file: FileId(0), ..text }, parsed.expr)
    }

    fn template(&mut self, what: &str, name: &str, text: &str) -> Template {
        Template::parse(text).unwrap_or_else(|problems| {
            let text = self.text(&format!("{what} {name}"), text);
            for problem in problems {
                let mut found = Diagnostic::error(codes::TEMPLATE, problem.message, text.at(problem.span));
                found.help.extend(problem.help);
                self.found.push(found);
            }
            Template::literal("")
        })
    }
}

/// Returns whether an expression can name a metric without quotes. A name made in code is held to that: a typing error
/// is likelier than the wish for blanks in a name.
fn is_metric_name(name: &str) -> bool {
    let fits =
        |(at, c): (usize, char)| c.is_ascii_alphabetic() || c == '_' || c == ':' || (at > 0 && c.is_ascii_digit());
    name.chars().enumerate().all(fits)
}

/// Returns a text that stands in a file of its own.
fn located(text: &str) -> Located {
    let span = Span::new(0, text.len());
    Located { text: text.to_owned(), file: FileId(0), span, map: TextMap::verbatim(0, span.end) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(rule: NewRule) -> Vec<String> {
        let error = rule.build().map(|_| ()).expect_err("a bad rule");
        error.problems().iter().map(|problem| format!("{} {}", problem.code(), problem.message())).collect()
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let rule = NewRule::record("bad name!\n", "cpu >")
            .hold(Millis(-1))
            .label("__name__", "x")
            .label("", "x")
            .annotation("summary", "x")
            .every(Millis(0));
        let codes: Vec<String> =
            refused(rule).iter().map(|told| told.split(' ').next().unwrap_or("").to_owned()).collect();
        let expected =
            ["record-name", "duration", "recording-rule-key", "duration", "label-name", "label-name", "promql-syntax"];
        assert_eq!(codes, expected);
        assert_eq!(refused(NewRule::alert("", "up"))[0], "rule-kind this alert has no name");
        assert_eq!(refused(NewRule::record("", "up")).len(), 1);
        assert_eq!(refused(NewRule::record("9a", "up")).len(), 1);
        assert!(NewRule::alert("Disk full!", "up").build().is_ok(), "alerts have any name");
    }

    #[test]
    fn what_a_rule_cannot_use_is_refused() {
        let refused_later = "double_exponential_smoothing(cpu[5m], 7.00, 0.5)";
        for expr in ["cpu[5m]", "'text'", refused_later, "rate(cpu)", ""] {
            assert_eq!(refused(NewRule::alert("A", expr)).len(), 1, "{expr}");
        }
        let template = NewRule::alert("A", "up").annotation("summary", "{{ $labels.host }");
        let error = template.build().map(|_| ()).expect_err("a bad template");
        assert_eq!(error.problems()[0].file(), "A: annotation summary");
        assert!(NewRule::record("a", "up").label("x", "{{ not a template").build().is_ok(), "a plain text");
    }
}
