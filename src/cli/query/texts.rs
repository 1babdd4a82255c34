//! The expressions of a command line or a file, and what is wrong with them.

use std::borrow::Cow;

use crate::diagnostic::{Diagnostics, codes};
use crate::limits;
use crate::promql::ast::{DurationExpr, DurationKind, Expr, ExprKind, Type};
use crate::promql::parse::{Problem, parse};
use crate::promql::query::{Query, QueryContext, QueryError, QueryOptions};
use crate::report::query::json::ErrorType;
use crate::source::{self, FileId, FileKind, Files, SourceMap, Span};

use crate::cli::Failure;
use crate::cli::load::{self, Disk};

/// The name that messages give to an expression of the command line.
const NAME: &str = "<expr>";

/// An expression, and where it stands.
pub(super) struct Text {
    pub(super) text: String,
    /// Where it begins in its file. Unit: bytes.
    start: usize,
    /// What it evaluates to, as far as it could be read.
    pub(super) ty: Type,
    /// Whether it could be read.
    is_read: bool,
    /// What was read, or why it cannot be evaluated.
    pub(super) expr: Result<Expr, QueryError>,
}

/// All expressions.
pub(super) struct Texts {
    pub(super) all: Vec<Text>,
    pub(super) sources: SourceMap,
    file: FileId,
}

impl Texts {
    /// Takes the expression of the command line.
    pub(super) fn one(text: &str) -> Self {
        let text = text.trim_start();
        let mut sources = SourceMap::default();
        let file = sources.add(NAME, text);
        Self { all: vec![Text::of(text, 0)], sources, file }
    }

    /// Reads a file of expressions, one per line.
    pub(super) fn of_file(path: &str) -> Result<Self, Failure> {
        if path != load::STDIN && Disk.kind(path) == Some(FileKind::Folder) {
            return Err(Failure::new(format!("`{path}` is a folder, expected a file of expressions"))
                .hint("write one expression per line to a file: --expr-file exprs.txt"));
        }
        let bytes = match path {
            load::STDIN => load::stdin(limits::YAML_BYTES)?,
            path => source::bytes(&Disk, path, limits::YAML_BYTES)?,
        };
        let (mut text, mut all) = (String::with_capacity(bytes.len()), Vec::new());
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (shown, start) = (String::from_utf8_lossy(line), text.len());
            let own = shown.trim_start_matches('\u{feff}').trim();
            if !own.is_empty() && !own.starts_with('#') {
                let before = shown.find(own).unwrap_or(0);
                let read = Text::of(own, start + before);
                all.push(if matches!(shown, Cow::Borrowed(_)) { read } else { read.not_utf8() });
            }
            text.push_str(&shown);
        }
        let mut sources = SourceMap::default();
        let name = if path == load::STDIN { "<stdin>" } else { path };
        let file = sources.add(name, text);
        if all.is_empty() {
            return Err(
                Failure::new(format!("{name}: holds no expression")).hint("write one per line, such as `up == 0`")
            );
        }
        Ok(Self { all, sources, file })
    }

    /// Finds those that can never be evaluated so, whatever the steps of a range are.
    pub(super) fn check(&mut self, context: QueryContext, options: &QueryOptions) {
        for text in &mut self.all {
            if let Ok(expr) = &text.expr
                && (context == QueryContext::Instant || !depends_on_steps(expr))
                && let Err(error) = Query::of(expr, context, options)
            {
                text.expr = Err(error);
            }
        }
    }

    /// Returns what is wrong with those that cannot be evaluated.
    pub(super) fn problems(&self) -> Diagnostics {
        let mut found = Diagnostics::default();
        for text in &self.all {
            if let Err(error) = &text.expr {
                found.extend(self.diagnose(text, error));
            }
        }
        found
    }

    /// Returns where one of them stands: file and line.
    pub(super) fn place(&self, text: &Text) -> String {
        let file = self.sources.file(self.file);
        let start = u32::try_from(text.start).unwrap_or(u32::MAX);
        format!("{}:{}", file.name, file.position(start).line)
    }

    /// Returns what is wrong with one of them, with its place.
    pub(super) fn diagnose(&self, text: &Text, error: &QueryError) -> Diagnostics {
        error.diagnostics(self.file, text.start)
    }
}

impl Text {
    fn of(text: &str, start: usize) -> Self {
        let parsed = parse(text);
        let (ty, is_read) = (parsed.expr.ty(), parsed.problems.is_empty());
        let expr = if is_read { Ok(parsed.expr) } else { Err(QueryError::Refused(parsed.problems)) };
        Self { text: text.to_owned(), start, ty, is_read, expr }
    }

    /// Refuses what holds bytes that are no text, each stretch of which stands in it as `\u{fffd}`.
    fn not_utf8(self) -> Self {
        let at = self.text.find(char::REPLACEMENT_CHARACTER).unwrap_or(0);
        let span = Span::new(at, at + char::REPLACEMENT_CHARACTER.len_utf8());
        let message = "this is not valid UTF-8".to_owned();
        let problem = Problem { code: codes::PROMQL_SYNTAX, span, message, help: None };
        Self { is_read: false, expr: Err(QueryError::Refused(vec![problem])), ..self }
    }

    /// Returns what kind of error Prometheus' API gives: mistakes that show before anything is evaluated are not those of
    /// its evaluation.
    ///
    /// Source: Prometheus' `web/api/v1`: what `NewInstantQuery` and `NewRangeQuery` refuse is bad data, what comes of
    /// running them an error of execution.
    pub(super) fn error_type(&self, error: &QueryError) -> ErrorType {
        let has_steps = matches!(self.ty, Type::Scalar | Type::Vector);
        match error {
            QueryError::Refused(problems) => {
                let is_duration = problems.first().is_some_and(|problem| problem.code == codes::PROMQL_DURATION);
                let runs = self.is_read && has_steps && !is_duration;
                if runs { ErrorType::Execution } else { ErrorType::BadData }
            }
            QueryError::Range(_) => ErrorType::BadData,
            QueryError::TooLarge | QueryError::Failed { .. } => ErrorType::Execution,
        }
    }

    /// Says in one line what is wrong: of a mistake with its line and column, as Prometheus does where it cannot read it.
    pub(super) fn words(&self, error: &QueryError) -> String {
        let QueryError::Refused(problems) = error else { return error.to_string() };
        // An evaluation that fails says no place.
        let is_bad = self.error_type(error) == ErrorType::BadData;
        let Some(problem) = problems.first().filter(|_| is_bad) else { return error.to_string() };
        let mut own = SourceMap::default();
        let file = own.add(NAME, self.text.as_str());
        let at = own.file(file).position(problem.span.start);
        let kind = match problem.code {
            codes::CANNOT_EVALUATE => "",
            _ => "parse error: ",
        };
        format!("{}:{}: {kind}{}", at.line, at.column, problem.message)
    }
}

/// Returns whether `step()` or `range()` decides how long a duration of an expression is: then that is known only with
/// the steps of the query.
fn depends_on_steps(expr: &Expr) -> bool {
    let mut any = false;
    expr.walk(&mut |part| {
        let (durations, modifiers) = match &part.kind {
            ExprKind::Selector(selector) => ([None, None], &selector.modifiers),
            ExprKind::Range { selector, range, .. } => ([Some(range), None], &selector.modifiers),
            ExprKind::Subquery(subquery) => ([Some(&subquery.range), subquery.step.as_ref()], &subquery.modifiers),
            _ => return,
        };
        any |= durations.into_iter().flatten().chain(&modifiers.offset).any(reads_steps);
    });
    any
}

fn reads_steps(duration: &DurationExpr) -> bool {
    match &duration.kind {
        DurationKind::Step | DurationKind::Range => true,
        DurationKind::Literal { .. } => false,
        DurationKind::Unary(_, inner) | DurationKind::Paren(inner) => reads_steps(inner),
        DurationKind::Binary(_, a, b) | DurationKind::MinOf(a, b) | DurationKind::MaxOf(a, b) => {
            reads_steps(a) || reads_steps(b)
        }
    }
}
