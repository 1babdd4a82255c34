//! What other values of a rule's parameters would have done: `for`, `keep_firing_for`, thresholds and windows.
//!
//! [`Plan`] finds what is asked for in the rules, [`run`] evaluates all values in as few readings of a recording as memory
//! allows, one where it can, and counts what each of them gives. [`incidents`] judges that by when something really was wrong.
//!
//! Nothing is evaluated or counted in a way of its own. Variants of the expression are rules of the engine, which
//! share what they have in common; their conditions are collected, and alerts made of them for each `for`. Thresholds
//! of the comparison that decides the value need no rules of their own: what is beyond one is among what is beyond
//! the mildest.

pub mod ask;
pub mod incidents;
mod levels;
mod literal;
pub mod pareto;
pub mod plan;
pub mod run;
mod variants;

use thiserror::Error;

pub use plan::Plan;
pub use run::{Judged, NeverTrue, Row, Swept};

/// Why values cannot be tried.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{message}")]
pub struct SweepError {
    /// What is wrong.
    pub message: String,
    /// What to type next.
    pub hint: Option<String>,
}

impl SweepError {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}
