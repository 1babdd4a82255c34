//! Which rules of two sets are one, and what their texts say that changed.

use std::collections::BTreeMap;

use crate::rules::changes::{Cause, Place, moved, moved_files};
use crate::rules::pairing::{Known, pair};
use crate::rules::{Form, RuleKind, RuleSet};

/// Which rules belong together. Rules are numbered as they stand in their set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pairs {
    /// By new rule: the old one.
    pub old_of: Vec<Option<usize>>,
    /// The old rules that are no more.
    pub gone: Vec<usize>,
    /// By new rule that has another name or place: how it was called, and where it stood.
    pub moved: BTreeMap<usize, Vec<Cause>>,
}

/// A rule as it is paired.
struct Named {
    file: String,
    group: String,
    name: String,
    records: bool,
    labels: Vec<(String, String)>,
    expr: String,
}

impl Pairs {
    /// Pairs the rules of two sets: by name and labels, by expression, or by how alike they are.
    #[must_use]
    pub fn of(old: &RuleSet, new: &RuleSet) -> Self {
        let (old, new) = (named(old), named(new));
        let old_of = pair(&known(&old), &known(&new));
        let mut gone: Vec<usize> = (0..old.len()).collect();
        gone.retain(|at| !old_of.contains(&Some(*at)));
        let (before, now) = (places(&old), places(&new));
        let mut moved = moved(&before, &now, &old_of);
        for (at, cause) in moved_files(&before, &now, &old_of) {
            moved.entry(at).or_default().push(cause);
        }
        Self { old_of, gone, moved }
    }
}

impl Named {
    fn known(&self) -> Known<'_> {
        let Self { file, group, name, records, labels, expr } = self;
        Known { file, group, name, records: *records, labels, expr }
    }

    fn place(&self) -> Place<'_> {
        Place { file: &self.file, group: &self.group, name: &self.name }
    }
}

fn known(rules: &[Named]) -> Vec<Known<'_>> {
    rules.iter().map(Named::known).collect()
}

fn places(rules: &[Named]) -> Vec<Place<'_>> {
    rules.iter().map(Named::place).collect()
}

fn named(set: &RuleSet) -> Vec<Named> {
    let names = short_names(&set.file_names());
    let mut all = Vec::new();
    for (file, short) in set.files.iter().zip(&names) {
        for group in &file.groups {
            all.extend(group.rules.iter().map(|rule| Named {
                file: short.clone(),
                // The group of a native file is called after the file.
                group: if file.form == Form::Native { String::new() } else { group.name.text.clone() },
                name: rule.name.text.clone(),
                records: matches!(rule.kind, RuleKind::Record),
                labels: rule.labels.iter().map(|(name, text)| (name.clone(), text.text().to_owned())).collect(),
                expr: rule.expr.to_string(),
            }));
        }
    }
    all
}

/// Returns the names of files without the folder that all of them stand in, since each side has its own; of one file
/// nothing is left.
fn short_names(names: &[String]) -> Vec<String> {
    let [first, rest @ ..] = names else { return Vec::new() };
    if rest.is_empty() {
        return vec![String::new()];
    }
    let same =
        |length: &usize| rest.iter().all(|name| name.as_bytes().get(..*length) == first.as_bytes().get(..*length));
    let ends = first.match_indices('/').map(|(at, _)| at + 1);
    let common = ends.filter(same).max().unwrap_or(0);
    names.iter().map(|name| name[common..].to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_from_the_folder_they_share() {
        let check = |names: &[&str], expected: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(short_names(&names), expected);
        };
        check(&[], &[]);
        check(&["old/a.yml"], &[""]);
        check(&["old/a.yml", "old/b/c.yml"], &["a.yml", "b/c.yml"]);
        check(&["a.yml", "b.yml"], &["a.yml", "b.yml"]);
        check(&["old/aa.yml", "old/ab.yml"], &["aa.yml", "ab.yml"]);
    }

    #[test]
    fn a_rule_is_known_under_another_name_and_in_another_place() {
        let set = |files: &[(&str, &str)]| {
            let mut set = RuleSet::default();
            files.iter().for_each(|(name, text)| set.add(name, text.as_bytes()));
            set
        };
        let old = set(&[
            ("old/a.yml", "groups: [{name: g, rules: [{alert: A, expr: x > 1}, {alert: B, expr: y > 1}]}]"),
            ("old/b.yml", "groups: [{name: h, rules: [{alert: C, expr: z > 1}]}]"),
        ]);
        let new = set(&[
            ("new/a.yml", "groups: [{name: g, rules: [{alert: Z, expr: y > 1}]}]"),
            (
                "new/b.yml",
                "groups: [{name: g, rules: [{alert: A, expr: x > 2}]}, {name: k, rules: [{alert: N, expr: up}]}]",
            ),
        ]);
        let pairs = Pairs::of(&old, &new);
        assert_eq!(
            (pairs.old_of.as_slice(), pairs.gone.as_slice()),
            ([Some(1), Some(0), None].as_slice(), [2].as_slice())
        );
        let told: Vec<(usize, &str)> =
            pairs.moved.iter().flat_map(|(at, causes)| causes.iter().map(|cause| (*at, cause.text.as_str()))).collect();
        assert_eq!(told, [(0, "renamed from `B`"), (1, "moved from file `a.yml`")]);
    }
}
