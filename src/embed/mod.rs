//! What a program that embeds the engine holds in its hands.

mod alert;
mod diagnostic;
#[cfg(feature = "input")]
mod episode;
#[cfg(feature = "input")]
mod evaluation;
mod held_rule;
mod live;
mod new_rule;
mod rule_set;

pub use self::alert::{AlertState, Cause, Fault};
pub use self::diagnostic::{Diagnostic, LoadError};
#[cfg(feature = "input")]
pub use self::episode::Episode;
#[cfg(feature = "input")]
pub use self::evaluation::{Evaluation, EvaluationError, EvaluationOutcome};
pub use self::held_rule::HeldRule;
#[cfg(feature = "profile")]
pub(crate) use self::live::Held;
pub use self::live::{Alert, AlertKey, Event, Live, LiveOptions, QueryError, RestoreError, Series, Snapshot, Value};
pub use self::new_rule::NewRule;
pub use self::rule_set::{FileHandle, RuleHandle, RuleSet};
