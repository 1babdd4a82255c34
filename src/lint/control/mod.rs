//! What is shown of what was found: a configuration, comments in rule files, flags, and a baseline of known findings.

pub mod baseline;
pub mod comments;
mod config;
mod find;
pub mod names;
pub mod paths;
mod pint;
#[cfg(test)]
mod tests;
mod values;
mod words;

pub use find::Configs;

use crate::diagnostic::codes::{self, About};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::lint::policy::Firings;
use crate::rules::RuleSet;
use crate::time::Day;

use self::comments::Comments;
use self::names::is_controllable;
use super::needs_data;
use super::subject::Subject;

/// What controls a run.
#[derive(Clone, Debug)]
pub struct Control {
    /// The configurations.
    pub configs: Configs,
    /// Codes that are shown whatever a configuration says, and however mild they are.
    pub enabled: Vec<&'static str>,
    /// Codes that are not shown.
    pub disabled: Vec<&'static str>,
    /// The day by which snoozes are over or not.
    pub today: Day,
    /// Whether rules are looked at with a recording.
    pub has_data: bool,
}

impl Control {
    /// Reads the comments of rule files.
    #[must_use]
    pub fn comments(&self, rules: &RuleSet) -> Comments {
        Comments::read(rules, self.today)
    }

    /// Looks at rules as the policies of their configurations ask. Cost: rules times policies.
    #[must_use]
    pub fn policies(&self, subject: &Subject<'_>, comments: &Comments, firings: &Firings) -> Diagnostics {
        let mut numbers = Vec::with_capacity(subject.all.len());
        let mut policies = Vec::new();
        for (at, file) in subject.rules.files.iter().enumerate() {
            policies.push(self.configs.policies(subject.rules.file_name(file)));
            let groups = file.groups.iter().enumerate();
            let all = groups.flat_map(|(group, rules)| rules.rules.iter().map(move |_| group)).enumerate();
            numbers.extend(all.map(|(rule, group)| (at, (group, rule))));
        }
        let mut found = Vec::new();
        for place in subject.places() {
            let (file, numbers) = numbers[place.number];
            policies[file].iter().for_each(|policy| policy.look(&place, numbers, (comments, firings), &mut found));
        }
        let mut all = Diagnostics::default();
        found.into_iter().for_each(|one| all.push(one));
        all
    }

    /// Leaves out what comments, the configuration and flags silence, gives the rest the severity that the configuration
    /// says, and adds what is wrong with comments. Errors of loading stay.
    pub fn settle(&self, rules: &mut RuleSet, comments: Comments) {
        let mut found = std::mem::take(&mut rules.diagnostics);
        comments.apply(rules, &mut found, self.today, &|code| self.ran(code));
        found.retain(|one| {
            if is_certain(one) {
                return true;
            }
            let file = one.primary.as_ref().map(|mark| rules.sources.file(mark.at.file).name.as_str());
            match file.and_then(|file| self.configs.level(one.code, file)) {
                Some(Some(severity)) => one.severity = severity,
                Some(None) if !self.enabled.contains(&one.code) => return false,
                Some(None) | None => {}
            }
            !self.disabled.contains(&one.code)
        });
        rules.diagnostics = found;
    }

    /// Leaves out what is milder than `least` and not asked for by its code.
    pub fn show(&self, found: &mut Diagnostics, least: Severity) {
        found.retain(|one| one.severity <= least || self.enabled.contains(&one.code));
    }

    /// Returns whether a code is looked for in this run.
    #[must_use]
    pub fn ran(&self, code: &str) -> bool {
        let about = codes::find(code).map(|code| code.about);
        let looked = match about {
            Some(About::DataLint | About::Run) => self.has_data,
            Some(About::Policy) => self.configs.has_policies(),
            Some(About::Loading | About::Lint | About::Control) => self.has_data || !needs_data(code),
            None => false,
        };
        looked && !self.disabled.contains(&code)
    }
}

/// Returns whether a finding is an error for which a file cannot be read, which nothing silences.
#[must_use]
pub fn is_certain(one: &Diagnostic) -> bool {
    one.severity == Severity::Error && codes::find(one.code).is_some_and(|code| !is_controllable(code))
}
