//! Rules that have another name, or stand elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use super::{Cause, CauseKind};

/// What a rule is called and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// The file; the same for all where files are not compared.
    pub file: &'a str,
    /// The group; empty where groups have no names of their own.
    pub group: &'a str,
    /// The alert, or the metric that is recorded.
    pub name: &'a str,
}

/// Finds the rules of `now` that have another name or stand in another group than the one of `base` that each was
/// (`base_of`), by their numbers; a group that has another name is told once, at the first of its rules.
#[must_use]
pub fn moved(base: &[Place<'_>], now: &[Place<'_>], base_of: &[Option<usize>]) -> BTreeMap<usize, Vec<Cause>> {
    let mut found: BTreeMap<usize, Vec<Cause>> = BTreeMap::new();
    let mut from: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    let paired: Vec<(usize, &Place<'_>)> =
        (0..now.len()).filter_map(|at| Some((at, &base[base_of.get(at).copied().flatten()?]))).collect();
    for (at, before) in &paired {
        from.entry((now[*at].file, now[*at].group)).or_default().insert(before.group);
    }
    let left: BTreeSet<&str> = now.iter().map(|place| place.group).collect();
    let mut told = BTreeSet::new();
    for (at, before) in paired {
        let place = &now[at];
        let mut differs = |text: String| {
            found.entry(at).or_default().push(Cause { kind: CauseKind::Place, text });
        };
        if before.name != place.name {
            differs(format!("renamed from `{}`", before.name));
        }
        let group = (place.file, place.group);
        if before.group == place.group || before.group.is_empty() || place.group.is_empty() {
            continue;
        }
        if from[&group].len() > 1 || left.contains(before.group) {
            differs(format!("moved from group `{}`", before.group));
        } else if told.insert(group) {
            differs(format!("group renamed from `{}`", before.group));
        }
    }
    found
}

/// Finds the rules of `now` whose group stands in another file than the one of `base` that each was; told once for the
/// rules of one group that come from one file, at the first of them. Files without a name are not compared.
#[must_use]
pub fn moved_files(base: &[Place<'_>], now: &[Place<'_>], base_of: &[Option<usize>]) -> BTreeMap<usize, Cause> {
    let mut told = BTreeSet::new();
    let mut found = BTreeMap::new();
    for (at, place) in now.iter().enumerate() {
        let Some(before) = base_of.get(at).copied().flatten().map(|was| base[was]) else { continue };
        let named = !before.file.is_empty() && !place.file.is_empty();
        if named && before.file != place.file && told.insert((place.file, place.group, before.file)) {
            found.insert(at, Cause { kind: CauseKind::Place, text: format!("moved from file `{}`", before.file) });
        }
    }
    found
}
