//! Rule files: from text to rules.

mod fields;
mod load;
mod problems;
pub mod prometheus;
mod rule;
mod scalar;
pub mod template;
mod yaml;

pub use load::load;

use crate::promql::ast::Expr;
use crate::source::{FileId, FileSpan, Located};
use crate::time::Millis;

use self::template::Template;

/// The rules of one file.
#[derive(Clone, Debug)]
pub struct RuleFile {
    /// The file.
    pub file: FileId,
    /// Its groups, in file order.
    pub groups: Vec<Group>,
}

/// Rules that are evaluated together, one after the other.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its name, unique in its file.
    pub name: Located,
    /// How often it is evaluated; the run's default when absent.
    pub interval: Option<Millis>,
    /// How far before the slot its expressions are evaluated.
    pub query_offset: Option<Millis>,
    /// The most series or alerts one rule may have at once; 0 is no limit.
    pub limit: usize,
    /// Its rules, in file order.
    pub rules: Vec<Rule>,
    /// Where it stands.
    pub at: FileSpan,
}

/// One rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The alert's or recorded metric's name.
    pub name: Located,
    /// What it does.
    pub kind: RuleKind,
    /// The text of its expression and where it stands in the file; spans in `expr` are offsets in it.
    pub text: Located,
    /// Its expression.
    pub expr: Expr,
    /// Labels it sets, the group's overlaid by its own, sorted by name; an empty text removes the label.
    /// Of a recording rule every template is plain text.
    pub labels: Vec<(String, Template)>,
    /// Where it stands.
    pub at: FileSpan,
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
