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
    /// Pairs the rules of two sets: by name and labels, by expression, or by how alike they are. Files are known by their
    /// names without the `roots` of both sides.
    #[must_use]
    pub fn of(old: &RuleSet, new: &RuleSet, roots: [&str; 2]) -> Self {
        let (old, new) = (named(old, roots[0]), named(new, roots[1]));
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

fn named(set: &RuleSet, root: &str) -> Vec<Named> {
    let names = set.file_names();
    let names = names.iter().map(|name| name.strip_prefix(root).unwrap_or(name));
    let mut all = Vec::new();
    for (file, short) in set.files.iter().zip(names) {
        for group in &file.groups {
            all.extend(group.rules.iter().map(|rule| Named {
                file: short.to_owned(),
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

#[cfg(test)]
mod tests {
    use super::*;

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
        let pairs = Pairs::of(&old, &new, ["old/", "new/"]);
        assert_eq!(
            (pairs.old_of.as_slice(), pairs.gone.as_slice()),
            ([Some(1), Some(0), None].as_slice(), [2].as_slice())
        );
        let told: Vec<(usize, &str)> =
            pairs.moved.iter().flat_map(|(at, causes)| causes.iter().map(|cause| (*at, cause.text.as_str()))).collect();
        assert_eq!(told, [(0, "renamed from `B`"), (1, "moved from file `a.yml`")]);
    }
    #[test]
    fn a_rule_is_in_another_file_only_where_that_can_be_known() {
        let set = |names: &[&str]| {
            let mut set = RuleSet::default();
            for (at, name) in names.iter().enumerate() {
                set.add(
                    name,
                    format!("groups: [{{name: g{at}, rules: [{{alert: A{at}, expr: x > {at}}}]}}]").as_bytes(),
                );
            }
            set
        };
        let check = |old: &[&str], new: &[&str], roots: [&str; 2], expected: &[&str]| {
            let pairs = Pairs::of(&set(old), &set(new), roots);
            let told: Vec<&str> = pairs.moved.values().flatten().map(|cause| cause.text.as_str()).collect();
            assert_eq!(told, expected, "{old:?} {new:?}");
        };
        check(&["p/a.yml", "p/c.yml"], &["q/a.yml"], ["p/", "q/"], &[]);
        check(&["r/a.yml"], &["r/a.yml", "r/deep/b.yml"], ["", ""], &[]);
        check(&["r/a.yml"], &["r/b.yml"], ["", ""], &["moved from file `r/a.yml`"]);
        check(&["p/a.yml"], &["q/b.yml"], ["p/", "q/"], &["moved from file `a.yml`"]);
        // One file has no place among others.
        check(&["old.yml"], &["new.yml"], ["old.yml", "new.yml"], &[]);
        check(&["old.yml"], &["new/a.yml"], ["old.yml", "new/"], &[]);
    }
}
