//! One run: rules and a recording in, an [`crate::outcome::Outcome`] out.
//!
//! Every command that evaluates rules on a recording goes through [`Replay`], and those that evaluate expressions
//! through [`query()`]; nothing else reads batches, evaluates and evicts. What a caller wants to know meanwhile, an [`Observer`] is shown.
//!
//! ```
//! use alertctl::input::{ReadOptions, Recording, Text};
//! use alertctl::outcome::RunOptions;
//! use alertctl::replay::Replay;
//! use alertctl::rules::RuleSet;
//!
//! let mut rules = RuleSet::default();
//! rules.add("disk.yml", b"groups: [{name: disks, interval: 1m, rules: [{alert: Full, expr: free < 5, for: 2m}]}]");
//! assert!(!rules.diagnostics.has_errors());
//!
//! let csv = "time,host,free\n\
//!            2026-01-05T00:00:00Z,a,9\n\
//!            2026-01-05T00:01:00Z,a,4\n\
//!            2026-01-05T00:02:00Z,a,3\n\
//!            2026-01-05T00:03:00Z,a,3\n\
//!            2026-01-05T00:04:00Z,a,7\n";
//! let mut recording = Recording::open(vec![Text::boxed("disk.csv", csv)], ReadOptions::default())?;
//!
//! let outcome = Replay::new(&rules, RunOptions::default()).run(&mut recording, &mut ())?;
//! for episode in &outcome.episodes {
//!     let fired = episode.activity.fired_at.map(|at| at.to_string());
//!     assert_eq!(fired.as_deref(), Some("2026-01-05T00:03:00Z"));
//!     assert_eq!(episode.ended_at.map(|at| at.to_string()).as_deref(), Some("2026-01-05T00:04:00Z"));
//!     assert_eq!(episode.labels.get("host"), Some("a"));
//! }
//! assert_eq!(outcome.episodes.len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod observer;
mod query;
mod read;
mod recorded;
mod run;
#[cfg(test)]
mod tests;

use thiserror::Error;

use crate::diagnostic::Diagnostics;
use crate::engine::LimitReached;
use crate::input::InputError;
use crate::outcome::Mismatch;
#[cfg(test)]
use crate::outcome::Outcome;

pub use observer::Observer;
pub use query::{Answers, Work, query};
pub use read::{Loaded, load, load_watched, span, survey};
pub use recorded::{Hold, Recorded};
pub(crate) use run::conclude;
pub use run::{Replay, Variants};

/// Why a run has no outcome.
#[derive(Debug, Error)]
pub enum RunError {
    /// The recording cannot be read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// Rules can never be evaluated.
    #[error("{}", .0.sorted().first().map_or("no rules", |first| first.message.as_str()))]
    Rules(Diagnostics),
    /// The options ask for something that neither the rules nor the recording have.
    #[error(transparent)]
    Asked(#[from] Mismatch),
    /// The rules would take too many evaluations or series.
    #[error(transparent)]
    Limit(#[from] LimitReached),
    /// The observer stopped the run.
    #[error("the run was stopped")]
    Stopped,
}

impl RunError {
    /// Returns what to type next, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Input(error) => error.hint(),
            Self::Asked(mismatch) => mismatch.hint(),
            Self::Limit(reached) => Some(reached.hint().to_owned()),
            Self::Rules(_) | Self::Stopped => None,
        }
    }
}
