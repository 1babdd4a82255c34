//! What a program that embeds the engine holds in its hands.

mod alert;
mod diagnostic;
mod new_rule;
mod rule_set;

pub use self::alert::{AlertState, Cause, Fault};
pub use self::diagnostic::{Diagnostic, LoadError};
pub use self::new_rule::NewRule;
pub use self::rule_set::{FileHandle, HeldRule, RuleHandle, RuleSet};
