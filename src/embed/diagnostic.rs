//! What is wrong with rules, for the program that brought them.

use std::fmt;

use crate::diagnostic::{Diagnostic as Found, Diagnostics, Severity};
use crate::source::SourceMap;

/// One problem of a rule, a rule file or a query: what it is, where it is, and what to write instead.
///
/// Its [`Display`](fmt::Display) form has all of it, with the line of the text and a caret below:
///
/// ```
/// use alertctl::{NewRule, RuleSet};
///
/// let mut rules = RuleSet::new();
/// let refused = rules.add(NewRule::alert("High", "cpu > 0.9 andd idle")).unwrap_err();
/// let problem = &refused.problems()[0];
/// assert_eq!((problem.file(), problem.line(), problem.column()), ("High: expression", Some(1), Some(11)));
/// assert!(problem.is_error());
/// assert!(problem.to_string().contains("  cpu > 0.9 andd idle\n            ^^^^"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    code: &'static str,
    is_error: bool,
    message: String,
    place: Option<Place>,
    help: Vec<String>,
}

/// Where a problem stands.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    file: String,
    line: u32,
    column: u32,
    /// The line itself, and how many characters of it are wrong.
    text: String,
    width: usize,
}

impl Diagnostic {
    /// Takes a problem off the texts that it points into.
    pub(crate) fn of(found: &Found, sources: &SourceMap) -> Self {
        let place = found.primary.as_ref().map(|mark| {
            let file = sources.file(mark.at.file);
            let (start, end) = (file.position(mark.at.span.start), file.position(mark.at.span.end));
            let text = file.text.lines().nth(start.line as usize - 1).unwrap_or("").to_owned();
            let last = if end.line == start.line { end.column as usize } else { text.chars().count() + 1 };
            let width = last.saturating_sub(start.column as usize).max(1);
            Place { file: file.name.clone(), line: start.line, column: start.column, text, width }
        });
        let is_error = found.severity == Severity::Error;
        Self { code: found.code, is_error, message: found.message.clone(), place, help: found.help.clone() }
    }

    /// Takes problems off the texts that they point into, by place.
    pub(crate) fn all(found: &Diagnostics, sources: &SourceMap) -> Vec<Self> {
        found.sorted().iter().map(|found| Self::of(found, sources)).collect()
    }

    /// Returns the stable word for this kind of problem, such as `promql-syntax`.
    #[must_use]
    pub fn code(&self) -> &str {
        self.code
    }

    /// Returns whether it is an error: the rule is refused because of it. Otherwise it is a warning.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.is_error
    }

    /// Returns what is wrong, in one sentence.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the name of the file; for a rule that was made in code its name and its part, such as `High:
    /// expression`. Empty if the problem has no place in a text.
    #[must_use]
    pub fn file(&self) -> &str {
        self.place.as_ref().map_or("", |place| &place.file)
    }

    /// Returns the line, counted from 1; none if the problem has no place in a text.
    #[must_use]
    pub fn line(&self) -> Option<u32> {
        self.place.as_ref().map(|place| place.line)
    }

    /// Returns the column, counted from 1 in characters; none if the problem has no place in a text.
    #[must_use]
    pub fn column(&self) -> Option<u32> {
        self.place.as_ref().map(|place| place.column)
    }

    /// Walks over the advice on what to write instead, one sentence each.
    pub fn help(&self) -> impl Iterator<Item = &str> {
        self.help.iter().map(String::as_str)
    }
}

/// Formats as `file:line:column: error: message [code]`, the line with a caret, and the help.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.is_error { "error" } else { "warning" };
        if let Some(Place { file, line, column, .. }) = &self.place {
            write!(f, "{file}:{line}:{column}: ")?;
        }
        write!(f, "{word}: {} [{}]", self.message, self.code)?;
        if let Some(Place { text, column, width, .. }) = &self.place {
            // A tab takes as much room below as above.
            let before = text.chars().take(*column as usize - 1);
            let indent: String = before.map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
            write!(f, "\n  {text}\n  {indent}{}", "^".repeat(*width))?;
        }
        self.help.iter().try_for_each(|help| write!(f, "\n  help: {help}"))
    }
}

/// Formats problems, one after the other.
pub(super) fn print(problems: &[Diagnostic], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (at, problem) in problems.iter().enumerate() {
        write!(f, "{}{problem}", if at == 0 { "" } else { "\n" })?;
    }
    Ok(())
}

/// Why rules were refused: everything that is wrong with them. Its [`Display`](fmt::Display) form is what to print.
///
/// ```
/// use alertctl::RuleSet;
///
/// let mut rules = RuleSet::new();
/// let text = "groups:\n- {name: g, rules: [{alert: A, expr: 'up ='}, {exp: up}]}\n";
/// let error = rules.load("disk.yml", text).unwrap_err();
/// assert!(error.problems().len() > 1);
/// assert!(error.to_string().starts_with("disk.yml:2:"));
/// assert!(rules.is_empty());
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct LoadError {
    problems: Vec<Diagnostic>,
}

impl LoadError {
    pub(crate) fn new(problems: Vec<Diagnostic>) -> Self {
        debug_assert!(problems.iter().any(Diagnostic::is_error), "an error is what makes it one");
        Self { problems }
    }

    /// Makes an error of one problem that stands in no text.
    pub(crate) fn of(code: &'static str, message: String, help: &str) -> Self {
        let help = if help.is_empty() { Vec::new() } else { vec![help.to_owned()] };
        Self::new(vec![Diagnostic { code, is_error: true, message, place: None, help }])
    }

    /// Returns the problems, by file and place. At least one is an error; warnings are among them.
    #[must_use]
    pub fn problems(&self) -> &[Diagnostic] {
        &self.problems
    }
}

/// Formats as the problems, one after the other.
impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print(&self.problems, f)
    }
}

/// Formats as [`Display`](fmt::Display) does: what `main` prints when it returns an error is for people.
impl fmt::Debug for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for LoadError {}
