//! Rule files: from text to rules.

mod api;
#[cfg(feature = "input")]
mod called;
pub mod changes;
pub mod comments;
mod find;
mod form;
pub(crate) mod graph;
mod keys;
mod load;
pub(crate) mod loops;
mod manifest;
mod native;
#[cfg(feature = "input")]
mod needed;
mod other;
pub mod pairing;
mod parts;
mod prometheus;
mod quick;
mod rule;
mod set;
mod sound;
pub mod template;
#[cfg(test)]
mod testing;

use std::fmt;

#[cfg(feature = "input")]
pub(crate) use called::called;
pub use find::{RuleText, find, find_names, unread_folders};
pub use load::{load, load_partly};
pub use loops::check_loops;
pub use native::action::{Action, Webhook};
pub use native::unique::check_unique;
#[cfg(feature = "input")]
pub(crate) use needed::needed;
pub use parts::{GroupParts, Part, RuleParts, TextPart};
pub use quick::{Quick, quick};
pub use set::RuleSet;
pub(crate) use sound::Broken;

use crate::promql::ast::Expr;
use crate::source::{FileId, FileSpan, Located};
use crate::time::Millis;

use self::template::Template;

/// The rules of one file.
#[derive(Clone, Debug)]
pub struct RuleFile {
    /// The file.
    pub file: FileId,
    /// The form it is written in.
    pub form: Form,
    /// Its groups, in file order.
    pub groups: Vec<Group>,
}

/// The two forms of rule file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// Groups of rules with expressions, as Prometheus reads them.
    Prometheus,
    /// Thresholds on metrics, named by the key `alertctl`; all of the file is one group.
    Native,
}

/// When the rules of a group are evaluated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Evaluate {
    /// At the run's default interval.
    #[default]
    ByDefault,
    /// At an interval of their own, longer than 0.
    Every(Millis),
    /// At each row of a label set, on that row's values only.
    EveryRow,
    /// At each time at which the recording has a sample, on all series.
    EverySnapshot,
}

impl Evaluate {
    /// Returns the interval that was written, if one was.
    #[must_use]
    pub fn interval(self) -> Option<Millis> {
        match self {
            Self::Every(interval) => Some(interval),
            Self::ByDefault | Self::EveryRow | Self::EverySnapshot => None,
        }
    }
}

/// Formats as the native form writes it; the run's default is `default`.
impl fmt::Display for Evaluate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByDefault => f.write_str("default"),
            Self::Every(interval) => interval.fmt(f),
            Self::EveryRow => f.write_str("each_row"),
            Self::EverySnapshot => f.write_str("each_snapshot"),
        }
    }
}

/// Rules that are evaluated together, one after the other.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its name, unique in its file.
    pub name: Located,
    /// When it is evaluated.
    pub evaluate: Evaluate,
    /// How far before the slot its expressions are evaluated.
    pub query_offset: Option<Millis>,
    /// The most series or alerts one rule may have at once; 0 is no limit.
    pub limit: usize,
    /// Its rules, in file order.
    pub rules: Vec<Rule>,
    /// Where it stands.
    pub at: FileSpan,
    /// Where its parts stand, where they are kept.
    pub parts: Option<Box<GroupParts>>,
}

/// One rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The alert's or recorded metric's name.
    pub name: Located,
    /// What it does.
    pub kind: RuleKind,
    /// The text of its expression and where it stands in the file; spans in `expr` are offsets in it. Of a native
    /// rule it is the text that its keys became.
    pub text: Located,
    /// Its expression.
    pub expr: Expr,
    /// The condition of a native rule and its `for`, as the keys of its file have them: `metric: temp, above: 1.5e9`.
    pub condition: Option<String>,
    /// Labels it sets, the group's overlaid by its own, sorted by name; an empty text removes the label.
    /// Of a recording rule every template is plain text.
    pub labels: Vec<(String, Template)>,
    /// Whether it is evaluated; one that is not stays in reports.
    pub enabled: bool,
    /// What a live system would do when it fires.
    pub actions: Vec<Action>,
    /// Where it stands.
    pub at: FileSpan,
    /// Where its parts stand, where they are kept.
    pub parts: Option<Box<RuleParts>>,
}

impl Rule {
    /// Returns whether one of its templates asks queries, which are known only when it is expanded.
    #[must_use]
    pub fn asks_queries(&self) -> bool {
        let asks = |texts: &[(String, Template)]| texts.iter().any(|(_, text)| text.uses_query());
        let annotations = match &self.kind {
            RuleKind::Record => false,
            RuleKind::Alert { annotations, .. } => asks(annotations),
        };
        annotations || asks(&self.labels)
    }
}

/// The two kinds of rule.
#[derive(Clone, Debug)]
pub enum RuleKind {
    /// Writes the series of its expression under its name.
    Record,
    /// Alerts on each series of its expression.
    Alert {
        /// How long the condition must hold before the alert fires.
        hold: Millis,
        /// How long it goes on firing after the condition is gone.
        keep_firing: Millis,
        /// Texts for people, in file order.
        annotations: Vec<(String, Template)>,
    },
}
