//! The rules of a run: files in order, the texts they came from, and what was found in them.

use crate::diagnostic::{Diagnostics, Severity};
use crate::source::SourceMap;

use super::keys::Reading;
use super::load::load_each;
use super::{Group, Quick, Rule, RuleFile, loops, native, quick};

/// Rule files that are evaluated together.
///
/// ```
/// use alertctl::rules::RuleSet;
///
/// let mut rules = RuleSet::default();
/// rules.add("disk.yml", b"groups: [{name: disks, rules: [{alert: Full, expr: free < 5, for: 1m}]}]");
/// assert!(!rules.diagnostics.has_errors());
/// assert_eq!(rules.rules().count(), 1);
/// ```
#[derive(Clone, Debug, Default)]
pub struct RuleSet {
    /// The files without errors, in the order they were added.
    pub files: Vec<RuleFile>,
    /// Their texts.
    pub sources: SourceMap,
    /// What was found wrong with them.
    pub diagnostics: Diagnostics,
    /// Whether keys that mean nothing in Prometheus' form are left out of the files that are added, with a warning, and
    /// not refused.
    pub ignore_unknown_fields: bool,
    /// Whether the files that are added keep where the parts of their rules and groups stand.
    pub keep_parts: bool,
}

impl RuleSet {
    /// Adds a rule file of either form; `name` stands for it in messages. A file with errors adds no rules.
    pub fn add(&mut self, name: &str, bytes: &[u8]) {
        self.add_all([(name, bytes)]);
    }

    /// Adds rule files like [`RuleSet::add`], each by its name and bytes.
    pub fn add_all<'a>(&mut self, files: impl IntoIterator<Item = (&'a str, &'a [u8])>) {
        let loaded = self.load(files);
        self.files.extend(loaded.into_iter().filter(|(_, errors)| *errors == 0).map(|(file, _)| file));
    }

    /// Adds a rule file like [`RuleSet::add`], and keeps the rules that could be read even when there are errors. Such
    /// a set is for looking at, not for evaluating.
    pub fn add_partly(&mut self, name: &str, bytes: &[u8]) {
        self.add_all_partly([(name, bytes)]);
    }

    /// Adds rule files like [`RuleSet::add_partly`], each by its name and bytes.
    pub fn add_all_partly<'a>(&mut self, files: impl IntoIterator<Item = (&'a str, &'a [u8])>) {
        let loaded = self.load(files);
        self.files.extend(loaded.into_iter().map(|(file, _)| file));
    }

    fn load<'a>(&mut self, files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Vec<(RuleFile, usize)> {
        let files: Vec<(&str, &[u8])> = files.into_iter().collect();
        let reading = Reading { ignore_unknown_fields: self.ignore_unknown_fields, keep_parts: self.keep_parts };
        load_each(&mut self.sources, &files, reading, &mut self.diagnostics)
    }

    /// Adds an alert for each PromQL expression, see [`quick`].
    pub fn add_expressions(&mut self, expressions: &[String], common: &Quick) {
        if !expressions.is_empty() {
            self.files.extend(quick(&mut self.sources, expressions, common, &mut self.diagnostics));
        }
    }

    /// Finds names that must be unique over all files and are not, once all were added.
    pub fn check_unique(&mut self) {
        native::unique::check_unique(&self.files, &mut self.diagnostics);
    }

    /// Finds recording rules that read only what they write themselves, once all files were added.
    pub fn check_loops(&mut self) {
        loops::check_loops(&self.files, &mut self.diagnostics);
    }

    /// Walks over the groups of all files, in order, each with its file.
    pub fn groups(&self) -> impl Iterator<Item = (&RuleFile, &Group)> {
        self.files.iter().flat_map(|file| file.groups.iter().map(move |group| (file, group)))
    }

    /// Walks over the rules of all groups, in order, each with the number of its group. The place of a rule in this
    /// walk is its number in a run ([`crate::rules::RuleFile`]s are numbered through).
    pub fn rules(&self) -> impl Iterator<Item = (usize, &Rule)> {
        self.groups().enumerate().flat_map(|(at, (_, group))| group.rules.iter().map(move |rule| (at, rule)))
    }

    /// Returns whether there is no rule.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules().next().is_none()
    }

    /// Returns the names of the files, in order.
    #[must_use]
    pub fn file_names(&self) -> Vec<String> {
        self.files.iter().map(|file| self.file_name(file).to_owned()).collect()
    }

    /// Returns the name of one of the files.
    #[must_use]
    pub fn file_name(&self, file: &RuleFile) -> &str {
        &self.sources.file(file.file).name
    }

    /// Returns how many problems of a severity were found.
    #[must_use]
    pub fn count(&self, severity: Severity) -> u64 {
        self.diagnostics.count(severity) as u64
    }
}
