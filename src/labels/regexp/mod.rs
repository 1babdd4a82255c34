//! RE2 expressions as Go's `regexp` package reads them: parsed here into the tree of `regex-syntax`, run by
//! `regex-automata`.

mod class;
mod expand;
mod parse;
mod program;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::Arc;

use regex_syntax::hir::literal::Extractor;
use regex_syntax::hir::{Hir, Look};
use thiserror::Error;

use self::parse::{Flags, Parsed};
use self::program::Program;
use crate::limits;

/// Says why a regular expression cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RegexpError {
    /// It is not an expression that RE2 reads.
    #[error("`{pattern}` is not a valid regular expression: {reason}")]
    Syntax {
        /// As it was written, cut for a message.
        pattern: String,
        /// What is wrong and the part that is, in Go's words.
        reason: String,
        /// The bytes of the pattern that are wrong.
        at: Range<usize>,
        /// What to write instead, if that is known.
        help: Option<&'static str>,
    },
    /// Its program would be too large.
    #[error("the regular expression `{pattern}` {}", too_large())]
    TooLarge {
        /// As it was written, cut for a message.
        pattern: String,
    },
}

impl RegexpError {
    /// Returns what is wrong, without the pattern as a whole.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Syntax { reason, .. } => reason.clone(),
            Self::TooLarge { .. } => too_large(),
        }
    }
}

fn too_large() -> String {
    format!("needs more than the limit of {} MiB when compiled", limits::REGEX_BYTES >> 20)
}

/// A regular expression with RE2's meaning.
#[derive(Clone, Debug)]
pub struct Regexp {
    program: Program,
    /// What every text that matches begins with: most texts are refused by it without the program, whose memory would
    /// push that of others out of the cache where thousands of expressions look at one text.
    prefix: Arc<[u8]>,
    /// The name of each group, from group 1 on; two groups may have one name.
    names: Arc<[Option<String>]>,
}

impl Regexp {
    /// Compiles an expression that must match a whole text, where `.` matches a line end too.
    ///
    /// Source: Prometheus' `labels.NewFastRegexMatcher`, which parses the expression alone.
    ///
    /// # Errors
    /// When RE2 does not read it, or it compiles only to more than [`limits::REGEX_BYTES`].
    pub fn anchored(pattern: &str) -> Result<Self, RegexpError> {
        let Parsed { hir, names } = parse::parse(pattern, Flags::DOT_NL)?;
        let prefixes = Extractor::new().extract(&hir);
        let prefix = prefixes.longest_common_prefix().unwrap_or_default().into();
        let whole = Hir::concat(vec![Hir::look(Look::Start), hir, Hir::look(Look::End)]);
        Ok(Self { prefix, ..take(whole, names, pattern)? })
    }

    /// Compiles an expression that must match a whole text as the one of `label_replace` must: written into
    /// `^(?s:...)$` before it is read, so that `a)(b` is two groups.
    ///
    /// Source: Prometheus' `evalLabelReplace`.
    ///
    /// # Errors
    /// As for [`Regexp::anchored`].
    pub fn wrapped(pattern: &str) -> Result<Self, RegexpError> {
        const OPEN: &str = "^(?s:";
        let own = |error| match error {
            RegexpError::Syntax { reason, at, help, .. } => {
                let place = |at: usize| at.saturating_sub(OPEN.len()).min(pattern.len());
                RegexpError::Syntax { pattern: short(pattern), reason, at: place(at.start)..place(at.end), help }
            }
            RegexpError::TooLarge { .. } => RegexpError::TooLarge { pattern: short(pattern) },
        };
        let Parsed { hir, names } = parse::parse(&format!("{OPEN}{pattern})$"), Flags::default()).map_err(own)?;
        take(hir, names, pattern)
    }

    /// Compiles an expression that may match anywhere, with `.` stopping at line ends, as Go's `regexp.Compile` does.
    ///
    /// # Errors
    /// As for [`Regexp::anchored`].
    pub fn unanchored(pattern: &str) -> Result<Self, RegexpError> {
        let Parsed { hir, names } = parse::parse(pattern, Flags::default())?;
        take(hir, names, pattern)
    }

    /// Returns whether the text matches. Cost: linear in the text.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        text.as_bytes().starts_with(&self.prefix) && self.program.get().is_match(text)
    }

    /// Returns the expansion of a replacement (`$1`, `${name}`) for a match of the expression, or none without a match.
    #[must_use]
    pub fn expand(&self, text: &str, replacement: &str) -> Option<String> {
        let program = self.program.get();
        let mut captures = program.create_captures();
        program.captures(text, &mut captures);
        let mut out = String::new();
        captures.is_match().then(|| expand::append(&mut out, replacement, text, &captures, &self.names))?;
        Some(out)
    }

    /// Replaces every match, `$1` and `${name}` in the replacement expanded.
    #[must_use]
    pub fn replace_all(&self, text: &str, replacement: &str) -> String {
        let mut out = String::new();
        let mut done = 0;
        for captures in self.program.get().captures_iter(text) {
            if let Some(found) = captures.get_match() {
                out.push_str(&text[done..found.start()]);
                expand::append(&mut out, replacement, text, &captures, &self.names);
                done = found.end();
            }
        }
        out.push_str(&text[done..]);
        out
    }
}

fn take(hir: Hir, names: Vec<Option<String>>, pattern: &str) -> Result<Regexp, RegexpError> {
    let program = Program::new(hir).map_err(|_| RegexpError::TooLarge { pattern: short(pattern) })?;
    Ok(Regexp { program, prefix: Arc::default(), names: names.into() })
}

/// Cuts a pattern for a message.
fn short(pattern: &str) -> String {
    if pattern.chars().count() <= 120 {
        return pattern.to_owned();
    }
    pattern.chars().take(117).chain("...".chars()).collect()
}
