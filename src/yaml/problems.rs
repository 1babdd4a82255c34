//! Collects the problems of one file.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Diagnostic, Diagnostics, Severity, codes};
use crate::limits::DIAGNOSTICS_PER_CODE;
use crate::source::{FileId, FileSpan, Located, Span};

/// The longest message; a longer one repeats a monstrous text of the file. Unit: characters.
const MESSAGE_CHARS: usize = 400;

/// The problems of one file on their way to the run's: at most so many of one code, the rest counted.
#[derive(Debug)]
pub(crate) struct Problems<'a> {
    file: FileId,
    subject: Option<(String, String)>,
    within: Option<Located>,
    errors: usize,
    to: To<'a>,
}

/// Where problems go.
#[derive(Debug)]
enum To<'a> {
    Run {
        found: BTreeMap<&'static str, usize>,
        shown: BTreeSet<(&'static str, Option<Span>, String)>,
        diagnostics: &'a mut Diagnostics,
    },
    /// Nowhere yet: they are those of a part of the file.
    Part(Vec<Diagnostic>),
}

/// The place of a file that problems of its parts are counted in.
#[derive(Clone, Debug)]
pub(crate) struct Ground {
    file: FileId,
    within: Option<Located>,
}

impl Ground {
    /// Begins the problems of a part of the file, to be taken over by [`Problems::take`].
    pub(crate) fn part(&self) -> Problems<'static> {
        let to = To::Part(Vec::new());
        Problems { file: self.file, subject: None, within: self.within.clone(), errors: 0, to }
    }
}

impl<'a> Problems<'a> {
    /// Begins with none.
    pub(crate) fn new(file: FileId, diagnostics: &'a mut Diagnostics) -> Self {
        Self {
            file,
            subject: None,
            within: None,
            errors: 0,
            to: To::Run { found: BTreeMap::new(), shown: BTreeSet::new(), diagnostics },
        }
    }

    /// Returns what parts of the file begin with.
    pub(crate) fn ground(&self) -> Ground {
        Ground { file: self.file, within: self.within.clone() }
    }

    /// Takes the problems of a part, as if they had been found here.
    pub(crate) fn take(&mut self, part: Problems<'_>) {
        self.subject = None;
        if let To::Part(found) = part.to {
            found.into_iter().for_each(|diagnostic| self.push(diagnostic));
        }
    }

    /// Returns the file.
    pub(crate) fn file(&self) -> FileId {
        self.file
    }

    /// Returns how many errors there were.
    pub(crate) fn errors(&self) -> usize {
        self.errors
    }

    /// Sets the group and rule that the following problems are about.
    pub(crate) fn set_subject(&mut self, subject: Option<(String, String)>) {
        self.subject = subject;
    }

    /// Sets the scalar of the file that all places are counted in; none is the file itself. Returns the one before.
    pub(super) fn set_within(&mut self, text: Option<Located>) -> Option<Located> {
        std::mem::replace(&mut self.within, text)
    }

    /// Returns a place in the file.
    pub(crate) fn at(&self, span: Span) -> FileSpan {
        self.within.as_ref().map_or(FileSpan { file: self.file, span }, |text| text.at(span))
    }

    /// Adds a problem; what an alias repeats is reported once.
    pub(crate) fn push(&mut self, mut diagnostic: Diagnostic) {
        self.errors += usize::from(diagnostic.severity == Severity::Error);
        let subject = || self.subject.clone();
        let (all, shown, diagnostics) = match &mut self.to {
            To::Run { found, shown, diagnostics } => (found, shown, diagnostics),
            To::Part(found) => {
                diagnostic.subject = diagnostic.subject.or_else(subject);
                found.push(diagnostic);
                return;
            }
        };
        if let Some((cut, _)) = diagnostic.message.char_indices().nth(MESSAGE_CHARS) {
            diagnostic.message.truncate(cut);
            diagnostic.message.push_str(" ..");
        }
        let span = diagnostic.primary.as_ref().map(|mark| mark.at.span);
        let key = (diagnostic.code, span, diagnostic.message.clone());
        if shown.contains(&key) {
            return;
        }
        let found = all.entry(diagnostic.code).or_default();
        *found += 1;
        if *found <= DIAGNOSTICS_PER_CODE {
            shown.insert(key);
            diagnostic.subject = diagnostic.subject.or_else(subject);
            diagnostics.push(diagnostic);
        } else if diagnostic.severity == Severity::Error {
            diagnostics.leave_out(1);
        }
    }

    /// Adds an error at a place of the file.
    pub(crate) fn error(&mut self, code: &'static str, message: impl Into<String>, span: Span) {
        self.push(Diagnostic::error(code, message, self.at(span)));
    }

    /// Adds an error that says what to type instead.
    pub(crate) fn error_with_help(
        &mut self,
        code: &'static str,
        message: impl Into<String>,
        span: Span,
        help: impl Into<String>,
    ) {
        self.push(Diagnostic::error(code, message, self.at(span)).with_help(help));
    }

    /// Adds a warning at a place of the file.
    pub(crate) fn warning(&mut self, code: &'static str, message: impl Into<String>, span: Span) {
        self.push(Diagnostic::warning(code, message, self.at(span)));
    }

    /// Says how many problems were left out and returns the number of errors, those included.
    pub(crate) fn finish(self) -> usize {
        let To::Run { found, diagnostics, .. } = self.to else { return self.errors };
        for (code, found) in found {
            if found > DIAGNOSTICS_PER_CODE {
                let more = found - DIAGNOSTICS_PER_CODE;
                let at = FileSpan { file: self.file, span: Span::default() };
                diagnostics.push(
                    Diagnostic::new(
                        codes::MORE_PROBLEMS,
                        Severity::Info,
                        format!("and {more} more of `{code}` in this file"),
                    )
                    .with_mark(at, ""),
                );
            }
        }
        self.errors
    }
}
