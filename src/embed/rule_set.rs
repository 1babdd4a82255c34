//! Rules that a program holds: made in code and loaded from files, under handles that stay valid.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::HashMap;

use crate::diagnostic::codes;
use crate::engine;
use crate::rules::{self, Evaluate, Rule, RuleFile};
#[cfg(feature = "input")]
use crate::source::FileId;
use crate::source::SourceFile;

use super::diagnostic::{Diagnostic, LoadError};
use super::held_rule::{HeldRule, Identity, numbered};
use super::new_rule::NewRule;

/// Identifies one rule. It stays the same whatever happens to other rules, also when the file of the rule is reloaded,
/// and no other rule of the process ever has it.
///
/// ```
/// use alertctl::{Live, NewRule};
///
/// let mut live = Live::new();
/// let high = live.add(NewRule::alert("High", "cpu > 0.9"))?;
/// assert_eq!(live.rules().find("High"), Some(high));
/// assert!(live.set_enabled(high, false));
/// assert!(live.remove(high));
/// assert!(live.rules().get(high).is_none());
/// # Ok::<(), alertctl::LoadError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleHandle(u64);

impl RuleHandle {
    /// Makes one that no rule has.
    pub(super) fn fresh() -> Self {
        Self(fresh())
    }
}

/// Identifies one loaded rule file. It stays the same when the file is reloaded.
///
/// ```
/// use alertctl::Live;
///
/// let mut live = Live::new();
/// let file = live.load("disk.yml", "groups: [{name: disk, rules: [{alert: Full, expr: free < 5}]}]")?;
/// live.reload(file, "groups: [{name: disk, rules: [{alert: Full, expr: free < 9}]}]")?;
/// assert_eq!(live.rules().find_file("disk.yml"), Some(file));
/// assert!(live.unload(file));
/// # Ok::<(), alertctl::LoadError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileHandle(u64);

/// Returns a number that was not given out before.
fn fresh() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Rules, in the order in which they are evaluated: the order in which they were added. A rule sees what rules before
/// it wrote at the same time, and what rules after it wrote at the time before.
///
/// [`Live`](super::Live) has one, with the same methods; `Evaluation` borrows one.
///
/// ```
/// use alertctl::{NewRule, RuleSet};
///
/// let mut rules = RuleSet::new();
/// let high = rules.add(NewRule::alert("High", "cpu > 0.9"))?;
/// let file = rules.load("disk.yml", "groups: [{name: disk, rules: [{alert: Full, expr: free < 5}]}]")?;
/// assert_eq!(rules.iter().map(|rule| rule.name()).collect::<Vec<_>>(), ["High", "Full"]);
///
/// // `Full` is still the same rule, with the same handle.
/// rules.reload(file, "groups: [{name: disk, rules: [{alert: Full, expr: free < 9}]}]")?;
/// assert!(rules.remove(high));
/// assert_eq!(rules.len(), 1);
/// # Ok::<(), alertctl::LoadError>(())
/// ```
#[derive(Clone, Default)]
pub struct RuleSet {
    files: Vec<RuleFile>,
    /// By file.
    held: Vec<Held>,
    /// How many rules have a name.
    names: HashMap<String, usize, foldhash::fast::FixedState>,
    /// Of rules that a program enabled or disabled, or a file that was loaded again.
    switched: HashMap<RuleHandle, Switched, foldhash::fast::FixedState>,
    /// Another number with every change, which no other set has but a copy of this one; 0 while nothing was changed.
    version: u64,
}

/// How a rule was enabled and disabled.
#[derive(Clone, Copy, Default)]
struct Switched {
    /// What the program said last, if it said anything: that holds when its file is loaded again.
    enabled: Option<bool>,
    /// How often it was disabled.
    off: u32,
}

/// What is known of a file besides its rules.
#[derive(Clone)]
struct Held {
    /// Its handle, name and text; none for a rule that was made in code.
    loaded: Option<(FileHandle, SourceFile)>,
    /// Of its rules, in their order.
    rules: Vec<RuleHandle>,
    warnings: Vec<Diagnostic>,
}

impl RuleSet {
    /// Makes an empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a rule after all others.
    ///
    /// # Errors
    /// When something is wrong with it, or there is already a rule with its name; nothing is changed then.
    pub fn add(&mut self, rule: NewRule) -> Result<RuleHandle, LoadError> {
        if self.names.contains_key(rule.name()) {
            let message = format!("there is a rule `{}` already", rule.name());
            return Err(LoadError::of(codes::DUPLICATE_ID, message, "remove it first, or take another name"));
        }
        let file = rule.build()?;
        let handle = RuleHandle::fresh();
        self.push(file, Held { loaded: None, rules: vec![handle], warnings: Vec::new() });
        Ok(handle)
    }

    /// Adds the rules of a file after all others; `text` is its content, a Prometheus or native rule file, and messages
    /// call it `name`. Rules of a Prometheus file are evaluated at the interval of their group, rules of a native file
    /// for each label set separately, unless it has `evaluate` with an interval. Several rules of files may have the
    /// same name.
    ///
    /// # Errors
    /// When the text has a mistake, or a file with that name is already loaded; nothing is changed then.
    pub fn load(&mut self, name: &str, text: &str) -> Result<FileHandle, LoadError> {
        if self.held.iter().any(|held| held.loaded.as_ref().is_some_and(|(_, loaded)| loaded.name == name)) {
            let message = format!("`{name}` is loaded already");
            return Err(LoadError::of(codes::DUPLICATE_ID, message, "`reload` puts other rules in its place"));
        }
        let (file, source, warnings) = read(name, text)?;
        let handle = FileHandle(fresh());
        let rules = rules_of(&file).map(|_| RuleHandle::fresh()).collect();
        self.push(file, Held { loaded: Some((handle, source)), rules, warnings });
        Ok(handle)
    }

    /// Replaces the rules of a loaded file by those of its new content. A rule that has the same group, name and labels
    /// as before is still the same rule: it keeps its handle, and its alerts continue while its new condition is true.
    /// What was said of it with [`RuleSet::set_enabled`] still holds.
    ///
    /// # Errors
    /// When the text has a mistake, or no such file is loaded; nothing is changed then.
    pub fn reload(&mut self, file: FileHandle, text: &str) -> Result<(), LoadError> {
        let Some(at) = self.file_at(file) else {
            return Err(LoadError::of(codes::RULE_KIND, "no such file is loaded".to_owned(), "load it"));
        };
        let name = self.held[at].loaded.as_ref().map_or(String::new(), |(_, source)| source.name.clone());
        let (new, source, warnings) = read(&name, text)?;
        let mut known: HashMap<Identity, RuleHandle> = numbered(self.rules_at(at)).collect();
        let before = self.rules_at(at).map(|rule| (rule.handle(), (rule.is_enabled(), rule.is_by_rows()))).collect();
        let groups = new.groups.iter().flat_map(|group| group.rules.iter().map(move |rule| (group, rule)));
        let handle = RuleHandle(0);
        let held = groups.map(|(group, rule)| HeldRule { rule, handle, group, file: Some(&source) });
        let rules = numbered(held).map(|(identity, _)| known.remove(&identity).unwrap_or_else(RuleHandle::fresh));
        let rules = rules.collect();
        self.switched.retain(|rule, _| known.values().all(|gone| gone != rule));
        self.count_names(at, false);
        self.held[at] = Held { loaded: Some((file, source)), rules, warnings };
        self.files[at] = new;
        self.keep_switched(at, &before);
        self.count_names(at, true);
        self.version = fresh();
        Ok(())
    }

    /// Removes a file with its rules; returns whether there was one.
    pub fn unload(&mut self, file: FileHandle) -> bool {
        let at = self.file_at(file);
        at.into_iter().for_each(|at| self.drop_file(at));
        at.is_some()
    }

    /// Removes a rule, made in code or loaded from a file; returns whether there was one.
    pub fn remove(&mut self, rule: RuleHandle) -> bool {
        let Some((at, place)) = self.place(rule) else { return false };
        if self.held[at].loaded.is_none() {
            self.drop_file(at);
            return true;
        }
        self.count_names(at, false);
        let gone = self.held[at].rules.remove(place);
        self.switched.remove(&gone);
        let mut number = 0..;
        let groups = &mut self.files[at].groups;
        groups.iter_mut().for_each(|group| group.rules.retain(|_| number.next() != Some(place)));
        self.count_names(at, true);
        self.version = fresh();
        true
    }

    /// Enables or disables a rule: one that is disabled stays where it is, and is not evaluated. Returns whether there
    /// is such a rule.
    pub fn set_enabled(&mut self, rule: RuleHandle, enabled: bool) -> bool {
        let Some((at, place)) = self.place(rule) else { return false };
        let switched = self.switched.entry(rule).or_default();
        switched.enabled = Some(enabled);
        let mut rules = self.files[at].groups.iter_mut().flat_map(|group| &mut group.rules);
        if let Some(rule) = rules.nth(place).filter(|rule| rule.enabled != enabled) {
            rule.enabled = enabled;
            switched.off += u32::from(!enabled);
            self.version = fresh();
        }
        true
    }

    /// Keeps rules of a file that was loaded again as the program set them. A rule that the file disables now, or has
    /// evaluated for each label set or not any more, begins anew.
    fn keep_switched(&mut self, at: usize, before: &HashMap<RuleHandle, (bool, bool)>) {
        let groups = self.files[at].groups.iter_mut();
        let rules = groups.flat_map(|group| {
            let by_rows = group.evaluate == Evaluate::EveryRow;
            group.rules.iter_mut().map(move |rule| (by_rows, rule))
        });
        for ((by_rows, rule), handle) in rules.zip(&self.held[at].rules) {
            if let Some(enabled) = self.switched.get(handle).and_then(|switched| switched.enabled) {
                rule.enabled = enabled;
            }
            let was = before.get(handle);
            if was.is_some_and(|(was_enabled, was_by_rows)| *was_enabled && !rule.enabled || *was_by_rows != by_rows) {
                self.switched.entry(*handle).or_default().off += 1;
            }
        }
    }

    /// Walks over the rules, in the order in which they are evaluated.
    pub fn iter(&self) -> impl Iterator<Item = HeldRule<'_>> {
        (0..self.files.len()).flat_map(|at| self.rules_at(at))
    }

    /// Returns a rule; none if it was removed.
    #[must_use]
    pub fn get(&self, rule: RuleHandle) -> Option<HeldRule<'_>> {
        let (at, place) = self.place(rule)?;
        self.rules_at(at).nth(place)
    }

    /// Returns the first rule with a name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<RuleHandle> {
        let found = self.names.contains_key(name).then(|| self.iter().find(|rule| rule.name() == name));
        found.flatten().map(|rule| rule.handle)
    }

    /// Returns the loaded file with a name.
    #[must_use]
    pub fn find_file(&self, name: &str) -> Option<FileHandle> {
        let named = |held: &&Held| held.loaded.as_ref().is_some_and(|(_, source)| source.name == name);
        self.held.iter().find(named).and_then(|held| held.loaded.as_ref()).map(|(handle, _)| *handle)
    }

    /// Returns the number of rules.
    #[must_use]
    pub fn len(&self) -> usize {
        self.held.iter().map(|held| held.rules.len()).sum()
    }

    /// Returns whether there is no rule.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Walks over the warnings about the files that are loaded: what is suspicious in them, but not an error.
    pub fn warnings(&self) -> impl Iterator<Item = &Diagnostic> {
        self.held.iter().flat_map(|held| &held.warnings)
    }

    /// Returns what an engine is built of.
    pub(super) fn files(&self) -> &[RuleFile] {
        &self.files
    }

    /// Returns the rules with the texts that they stand in, for a run: in the order of [`RuleSet::iter`]. A rule that
    /// was made in code stands in the text of its expression.
    #[cfg(feature = "input")]
    pub(super) fn to_rules(&self) -> rules::RuleSet {
        let mut set = rules::RuleSet::default();
        for (file, held) in self.files.iter().zip(&self.held) {
            let made =
                || rules_of(file).next().map(|rule| (format!("{}: expression", rule.name.text), &rule.text.text));
            let id = match &held.loaded {
                Some((_, source)) => set.sources.add(source.name.clone(), source.text.clone()),
                None => made().map_or(FileId(0), |(name, text)| set.sources.add(name, text.as_str())),
            };
            let mut file = file.clone();
            renumber(&mut file, id);
            set.files.push(file);
        }
        set
    }

    /// Returns a number that changes with every change.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// Returns how often a rule was disabled.
    pub(super) fn life(&self, rule: RuleHandle) -> u32 {
        self.switched.get(&rule).map_or(0, |switched| switched.off)
    }

    /// Walks over the rules with what makes each the same one later.
    pub(super) fn identities(&self) -> impl Iterator<Item = (Identity, RuleHandle)> {
        numbered(self.iter())
    }

    fn push(&mut self, file: RuleFile, held: Held) {
        self.files.push(file);
        self.held.push(held);
        self.count_names(self.files.len() - 1, true);
        self.version = fresh();
    }

    fn drop_file(&mut self, at: usize) {
        self.count_names(at, false);
        self.files.remove(at);
        let Held { rules, .. } = self.held.remove(at);
        self.switched.retain(|rule, _| !rules.contains(rule));
        self.version = fresh();
    }

    /// Counts the names of a file's rules, or counts them off.
    fn count_names(&mut self, at: usize, there: bool) {
        for rule in rules_of(&self.files[at]) {
            let name = &rule.name.text;
            if there {
                *self.names.entry_ref(name.as_str()).or_insert(0) += 1;
            } else if let Some(count) = self.names.get_mut(name) {
                *count -= 1;
                if *count == 0 {
                    self.names.remove(name);
                }
            }
        }
    }

    fn file_at(&self, file: FileHandle) -> Option<usize> {
        self.held.iter().position(|held| held.loaded.as_ref().is_some_and(|(handle, _)| *handle == file))
    }

    /// Returns the number of a rule's file, and its place there.
    fn place(&self, rule: RuleHandle) -> Option<(usize, usize)> {
        let place = |held: &Held| held.rules.iter().position(|handle| *handle == rule);
        self.held.iter().enumerate().find_map(|(at, held)| Some((at, place(held)?)))
    }

    /// Walks over the rules of a file.
    fn rules_at(&self, at: usize) -> impl Iterator<Item = HeldRule<'_>> {
        let Held { loaded, rules, .. } = &self.held[at];
        let file = loaded.as_ref().map(|(_, source)| source);
        let groups = self.files[at].groups.iter();
        let all = groups.flat_map(|group| group.rules.iter().map(move |rule| (group, rule)));
        all.zip(rules).map(move |((group, rule), handle)| HeldRule { rule, handle: *handle, group, file })
    }
}

impl fmt::Debug for RuleSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

fn rules_of(file: &RuleFile) -> impl Iterator<Item = &Rule> {
    file.groups.iter().flat_map(|group| &group.rules)
}

/// Has all that a file holds stand in a text of another number.
#[cfg(feature = "input")]
fn renumber(rules: &mut RuleFile, file: FileId) {
    rules.file = file;
    for group in &mut rules.groups {
        (group.name.file, group.at.file) = (file, file);
        for rule in &mut group.rules {
            (rule.name.file, rule.text.file, rule.at.file) = (file, file, file);
        }
    }
}

/// Reads a rule file, and tries whether its rules can be evaluated; returns it with its text and its warnings.
fn read(name: &str, text: &str) -> Result<(RuleFile, SourceFile, Vec<Diagnostic>), LoadError> {
    let mut set = rules::RuleSet::default();
    set.add_partly(name, text.as_bytes());
    set.check_unique();
    let refused = engine::check(&set);
    set.diagnostics.extend(refused);
    let problems = Diagnostic::all(&set.diagnostics, &set.sources);
    match set.files.pop() {
        Some(file) if !set.diagnostics.has_errors() => {
            let source = set.sources.file(file.file).clone();
            Ok((file, source, problems))
        }
        _ => Err(LoadError::new(problems)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "groups: [{name: g, rules: [{alert: A, expr: up}, {record: b, expr: up}, {alert: A, expr: c}]}]";

    fn names(rules: &RuleSet) -> Vec<&str> {
        rules.iter().map(|rule| rule.name()).collect()
    }

    #[test]
    fn handles_stay_while_rules_come_and_go() {
        let mut rules = RuleSet::new();
        let first = rules.add(NewRule::alert("First", "up")).expect("a rule");
        let file = rules.load("two.yml", TWO).expect("rules");
        let last = rules.add(NewRule::alert("Last", "up")).expect("a rule");
        assert_eq!(names(&rules), ["First", "A", "b", "A", "Last"]);
        let b = rules.find("b").expect("there");
        assert!(rules.remove(first) && !rules.remove(first));
        assert_eq!((rules.find("b"), rules.find("Last")), (Some(b), Some(last)));
        assert!(rules.remove(b) && rules.find("b").is_none());
        assert_eq!((names(&rules), rules.len()), (vec!["A", "A", "Last"], 3));
        assert!(rules.set_enabled(last, false) && !rules.set_enabled(b, true));
        assert!(!rules.get(last).expect("there").is_enabled());
        assert!(rules.unload(file) && !rules.unload(file));
        assert_eq!(names(&rules), ["Last"]);
    }

    #[test]
    fn a_rule_that_is_as_it_was_stays_the_same() {
        let mut rules = RuleSet::new();
        let file = rules.load("two.yml", TWO).expect("rules");
        let before: Vec<RuleHandle> = rules.iter().map(|rule| rule.handle()).collect();
        let changed =
            "groups: [{name: g, rules: [{record: n, expr: x}, {alert: A, expr: d}, {alert: A, expr: up, for: 1m}]}]";
        rules.reload(file, changed).expect("rules");
        let after: Vec<RuleHandle> = rules.iter().map(|rule| rule.handle()).collect();
        assert_eq!((after[1], after[2]), (before[0], before[2]));
        assert!(!before.contains(&after[0]) && rules.find("b").is_none());
        let (first, _) = (after[1], rules.set_enabled(after[1], false));
        rules.reload(file, TWO).expect("rules");
        assert!(!rules.get(first).expect("there").is_enabled());
        let other_group = "groups: [{name: h, rules: [{alert: A, expr: d}]}]";
        rules.reload(file, other_group).expect("rules");
        assert_ne!(rules.iter().next().map(|rule| rule.handle()), Some(before[0]));
    }

    #[test]
    fn what_is_refused_changes_nothing() {
        let mut rules = RuleSet::new();
        let file = rules.load("two.yml", TWO).expect("rules");
        assert!(rules.load("two.yml", TWO).is_err());
        assert!(rules.add(NewRule::alert("A", "up")).is_err());
        let version = rules.version();
        let error = rules.reload(file, "groups: [{name: g, rules: [{alert: A, expr: 'up['}]}]").expect_err("bad");
        assert_eq!((error.problems()[0].file(), error.problems()[0].line()), ("two.yml", Some(1)));
        let expr = "double_exponential_smoothing(up[5m], 7.00, 0.5)";
        let text = format!("groups: [{{name: g, rules: [{{alert: I, expr: '{expr}'}}]}}]");
        assert!(rules.load("more.yml", &text).is_err());
        assert_eq!((names(&rules), rules.version()), (vec!["A", "b", "A"], version));
    }
}
