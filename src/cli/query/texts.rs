//! The expressions of a command line or a file, and what is wrong with them.

use crate::diagnostic::{Diagnostics, codes};
use crate::limits;
use crate::promql::ast::Expr;
use crate::promql::parse::parse;
use crate::promql::query::{Query, QueryContext, QueryError, QueryOptions};
use crate::source::{self, FileId, SourceMap};

use crate::cli::Failure;
use crate::cli::load::{self, Disk};

/// The name that messages give to an expression of the command line.
const NAME: &str = "<expr>";

/// An expression, and where it stands.
pub(super) struct Text {
    pub(super) text: String,
    /// Where it begins in its file. Unit: bytes.
    start: usize,
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
        let mut sources = SourceMap::default();
        let file = sources.add(NAME, text);
        Self { all: vec![Text::of(text, 0)], sources, file }
    }

    /// Reads a file of expressions, one per line.
    pub(super) fn of_file(path: &str) -> Result<Self, Failure> {
        let bytes = match path {
            load::STDIN => load::stdin(limits::YAML_BYTES)?,
            path => source::bytes(&Disk, path, limits::YAML_BYTES)?,
        };
        let text = String::from_utf8(bytes).map_err(|_| Failure::new(format!("{path}: is not valid UTF-8")))?;
        let mut sources = SourceMap::default();
        let name = if path == load::STDIN { "<stdin>" } else { path };
        let file = sources.add(name, text.as_str());
        let (mut all, mut start) = (Vec::new(), 0);
        for line in text.split_inclusive('\n') {
            let own = line.trim_start_matches('\u{feff}').trim();
            if !own.is_empty() && !own.starts_with('#') {
                let before = line.find(own).unwrap_or(0);
                all.push(Text::of(own, start + before));
            }
            start += line.len();
        }
        if all.is_empty() {
            return Err(
                Failure::new(format!("{name}: holds no expression")).hint("write one per line, such as `up == 0`")
            );
        }
        Ok(Self { all, sources, file })
    }

    /// Finds those that can never be evaluated so.
    pub(super) fn check(&mut self, context: QueryContext, options: &QueryOptions) {
        for text in &mut self.all {
            if let Ok(expr) = &text.expr
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
        let expr = if parsed.problems.is_empty() { Ok(parsed.expr) } else { Err(QueryError::Refused(parsed.problems)) };
        Self { text: text.to_owned(), start, expr }
    }

    /// Says in one line what is wrong: of a mistake with its line and column, as Prometheus does where it cannot read it.
    pub(super) fn words(&self, error: &QueryError) -> String {
        let QueryError::Refused(problems) = error else { return error.to_string() };
        let Some(problem) = problems.first() else { return error.to_string() };
        let mut own = SourceMap::default();
        let file = own.add(NAME, self.text.as_str());
        let at = own.file(file).position(problem.span.start);
        let kind = match problem.code {
            codes::CANNOT_EVALUATE | codes::NOT_SUPPORTED => "",
            _ => "parse error: ",
        };
        format!("{}:{}: {kind}{}", at.line, at.column, problem.message)
    }
}
