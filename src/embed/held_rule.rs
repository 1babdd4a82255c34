//! One rule of a set, and what makes it the same one later.

use std::fmt;

use hashbrown::HashMap;

use crate::rules::{Evaluate, Group, Rule, RuleKind};
use crate::source::SourceFile;

use super::rule_set::RuleHandle;

/// One rule of a [`RuleSet`](super::RuleSet), to look at.
///
/// ```
/// use alertctl::{NewRule, RuleSet};
///
/// let mut rules = RuleSet::new();
/// rules.add(NewRule::alert("High", "cpu > 0.9"))?;
/// rules.load("disk.yml", "groups:\n- {name: disk, rules: [{alert: Full, expr: free < 5}]}\n")?;
/// let found: Vec<_> = rules.iter().map(|rule| (rule.name(), rule.expr(), rule.line())).collect();
/// assert_eq!(found, [("High", "cpu > 0.9", None), ("Full", "free < 5", Some(2))]);
/// # Ok::<(), alertctl::LoadError>(())
/// ```
#[derive(Clone, Copy)]
pub struct HeldRule<'a> {
    pub(super) rule: &'a Rule,
    pub(super) handle: RuleHandle,
    pub(super) group: &'a Group,
    pub(super) file: Option<&'a SourceFile>,
}

impl<'a> HeldRule<'a> {
    /// Returns the handle of the rule.
    #[must_use]
    pub fn handle(&self) -> RuleHandle {
        self.handle
    }

    /// Returns the name of the alert, or of the metric that the rule writes.
    #[must_use]
    pub fn name(&self) -> &'a str {
        &self.rule.name.text
    }

    /// Returns the PromQL expression; for a rule of a native file, the one that it was translated to.
    #[must_use]
    pub fn expr(&self) -> &'a str {
        &self.rule.text.text
    }

    /// Returns whether it is an alerting rule; otherwise it writes a metric.
    #[must_use]
    pub fn is_alert(&self) -> bool {
        matches!(self.rule.kind, RuleKind::Alert { .. })
    }

    /// Returns whether it is evaluated; see [`set_enabled`](super::RuleSet::set_enabled).
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.rule.enabled
    }

    /// Returns the name of the file that it was loaded from; none for a rule that was made in code.
    #[must_use]
    pub fn file(&self) -> Option<&'a str> {
        self.file.map(|file| file.name.as_str())
    }

    /// Returns the line of that file on which it begins, counted from 1; none for a rule that was made in code.
    #[must_use]
    pub fn line(&self) -> Option<u32> {
        self.file.map(|file| file.position(self.rule.at.span.start).line)
    }

    /// Returns whether it is evaluated for each label set by itself.
    pub(super) fn is_by_rows(&self) -> bool {
        self.group.evaluate == Evaluate::EveryRow
    }

    /// Returns what it is to a file that is loaded again: rules with equal ones are one, in their order.
    pub(super) fn identity(&self) -> Identity {
        let Rule { name, labels, .. } = self.rule;
        let labels = labels.iter().map(|(name, text)| (name.clone(), text.text().to_owned())).collect();
        Identity {
            file: self.file().unwrap_or("").to_owned(),
            group: if self.file.is_some() { self.group.name.text.clone() } else { String::new() },
            alerts: self.is_alert(),
            name: name.text.clone(),
            labels,
            nth: 0,
        }
    }
}

impl fmt::Debug for HeldRule<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?})", self.name(), self.handle)
    }
}

/// What makes a rule the same one, in a file that changed or a process that was started again.
///
/// Source: Prometheus' `Group.CopyState`, which goes by file, group, name and labels.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    pub file: String,
    pub group: String,
    pub alerts: bool,
    pub name: String,
    pub labels: Vec<(String, String)>,
    /// Its place among rules that are equal so far.
    pub nth: u32,
}

/// Numbers rules that are otherwise equal.
pub(super) fn numbered<'a>(rules: impl Iterator<Item = HeldRule<'a>>) -> impl Iterator<Item = (Identity, RuleHandle)> {
    let mut counts: HashMap<Identity, u32> = HashMap::new();
    rules.map(move |rule| {
        let identity = rule.identity();
        let count = counts.entry(identity.clone()).or_insert(0);
        let nth = std::mem::replace(count, *count + 1);
        (Identity { nth, ..identity }, rule.handle)
    })
}
