//! A problem or note whose place is worked out.

use crate::diagnostic::{Diagnostic, Severity};
use crate::source::SourceMap;
use crate::survey::Hint;

/// A diagnostic whose place is worked out, as machine formats give it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// A stable kebab-case word.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What was found.
    pub message: String,
    /// The file, line and column, the latter two from 1.
    pub place: Option<(String, u32, u32)>,
}

/// A hint about a recording has no place.
impl From<Hint> for Finding {
    fn from(hint: Hint) -> Self {
        let Hint { code, severity, message } = hint;
        Self { code, severity, message, place: None }
    }
}

impl Finding {
    /// Works out the place of a diagnostic.
    #[must_use]
    pub fn new(diagnostic: &Diagnostic, sources: &SourceMap) -> Self {
        let place = diagnostic.primary.as_ref().map(|mark| {
            let position = sources.position(mark.at);
            (sources.file(mark.at.file).name.clone(), position.line, position.column)
        });
        Self { code: diagnostic.code, severity: diagnostic.severity, message: diagnostic.message.clone(), place }
    }
}
