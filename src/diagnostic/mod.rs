//! Problems in a user's files: collected while loading goes on, never thrown.

pub mod codes;
mod nearest;

pub use self::nearest::{Names, nearest};
use crate::source::FileSpan;

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The rule cannot be evaluated.
    Error,
    /// It can, and hardly does what its author meant.
    Warning,
    /// Worth knowing.
    Info,
}

impl Severity {
    /// Returns the word that reports use.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// A stretch of a file and what is to be said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The stretch.
    pub at: FileSpan,
    /// The words next to the caret; may be empty.
    pub text: String,
}

/// A replacement that fixes the problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What is replaced.
    pub at: FileSpan,
    /// By what.
    pub replacement: String,
}

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// A word of [`codes`].
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What was found, in one sentence.
    pub message: String,
    /// Where; absent for a problem of the whole run.
    pub primary: Option<Mark>,
    /// Other places that matter.
    pub related: Vec<Mark>,
    /// What to type instead, a line each.
    pub help: Vec<String>,
    /// Replacements that a tool may apply.
    pub fixes: Vec<Fix>,
    /// The group and rule it is about.
    pub subject: Option<(String, String)>,
}

impl Diagnostic {
    /// Makes an error at a place.
    #[must_use]
    pub fn error(code: &'static str, message: impl Into<String>, at: FileSpan) -> Self {
        Self::new(code, Severity::Error, message).with_mark(at, "")
    }

    /// Makes a warning at a place.
    #[must_use]
    pub fn warning(code: &'static str, message: impl Into<String>, at: FileSpan) -> Self {
        Self::new(code, Severity::Warning, message).with_mark(at, "")
    }

    /// Makes a diagnostic without a place.
    #[must_use]
    pub fn new(code: &'static str, severity: Severity, message: impl Into<String>) -> Self {
        Self {
            code,
            severity,
            message: message.into(),
            primary: None,
            related: Vec::new(),
            help: Vec::new(),
            fixes: Vec::new(),
            subject: None,
        }
    }

    /// Sets the place and the words next to its caret.
    #[must_use]
    pub fn with_mark(mut self, at: FileSpan, text: impl Into<String>) -> Self {
        self.primary = Some(Mark { at, text: text.into() });
        self
    }

    /// Adds another place.
    #[must_use]
    pub fn with_related(mut self, at: FileSpan, text: impl Into<String>) -> Self {
        self.related.push(Mark { at, text: text.into() });
        self
    }

    /// Names the group and the rule that it is about.
    #[must_use]
    pub fn about(mut self, (group, rule): (String, String)) -> Self {
        self.subject = Some((group, rule));
        self
    }

    /// Adds a line that says what to type instead.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }
}

/// The problems of a run, in the order they were found.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    items: Vec<Diagnostic>,
    /// Errors that are counted, not kept.
    errors_left_out: usize,
}

impl Diagnostics {
    /// Adds a problem.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.items.push(diagnostic);
    }

    /// Adds all problems of another collection.
    pub fn extend(&mut self, other: Self) {
        self.items.extend(other.items);
        self.errors_left_out += other.errors_left_out;
    }

    /// Counts errors that are not kept, since there are too many of their kind.
    pub fn leave_out(&mut self, errors: usize) {
        self.errors_left_out += errors;
    }

    /// Returns the problems ordered by file, place and severity, equal ones once; what was left out of a file last.
    #[must_use]
    pub fn sorted(&self) -> Vec<Diagnostic> {
        let mut items = self.items.clone();
        items.sort_by_key(|item| {
            let at = item.primary.as_ref().map(|mark| mark.at);
            (at.map(|at| at.file), item.code == codes::MORE_PROBLEMS, at.map(|at| at.span.start), item.severity)
        });
        items.dedup();
        items
    }

    /// Returns the problems of a severity and worse ones.
    #[must_use]
    pub fn at_least(&self, severity: Severity) -> Self {
        let items = self.items.iter().filter(|item| item.severity <= severity).cloned();
        Self { items: items.collect(), errors_left_out: self.errors_left_out }
    }

    /// Keeps the problems that `keep` takes, which may change them; what is left out is not counted.
    pub fn retain(&mut self, keep: impl FnMut(&mut Diagnostic) -> bool) {
        self.items.retain_mut(keep);
    }

    /// Walks over the problems, in the order they were found.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.items.iter()
    }

    /// Returns how many problems of a severity there are, those left out included.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        let left_out = if severity == Severity::Error { self.errors_left_out } else { 0 };
        self.items.iter().filter(|item| item.severity == severity).count() + left_out
    }

    /// Returns whether there is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.items.iter().any(|item| item.severity == Severity::Error)
    }

    /// Returns whether there is no problem at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}
