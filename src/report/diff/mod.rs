//! Two sets of rules on one recording, in the formats that they are shown in: for people ([`table`]), for a comment on a
//! pull request ([`markdown`]), as annotations of its lines ([`github`]), and everything as one object ([`json`]).

pub mod github;
pub mod json;
pub mod markdown;
pub mod table;
mod words;

use crate::format::Clock;

/// How much is shown, and how.
#[derive(Clone, Debug)]
pub struct View {
    /// Writes instants.
    pub clock: Clock,
    /// The width of the terminal, if it is one. Unit: columns.
    pub width: Option<usize>,
    /// Whether colours may be used.
    pub color: bool,
    /// The most rows of one table; 0 shows all.
    pub limit: usize,
    /// What the old rules are called.
    pub before: String,
    /// What the new rules are called.
    pub after: String,
}

impl View {
    fn rows(&self) -> usize {
        if self.limit == 0 { usize::MAX } else { self.limit }
    }
}

/// The most rows of one table where nothing is said.
pub const ROWS: usize = 20;

pub use words::headline;
