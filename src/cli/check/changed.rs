//! `--changed-since`: the lines of rule files that a change touches, from the git command.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::cli::Failure;
use crate::cli::git::{Git, folder_of};

/// What is new in one file.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Lines {
    /// All of it.
    Whole,
    /// The first and the last line of each stretch, in order.
    Some(Vec<(u32, u32)>),
}

/// The lines that were added or changed in some files.
#[derive(Clone, Debug, Default)]
pub(super) struct Changed {
    files: BTreeMap<String, Lines>,
}

impl Changed {
    /// Asks git what changed in files since the merge base of a revision and HEAD, up to the files as they are on the
    /// disk. The repository is that of the first file; files outside it count as new. Cost: a handful of processes, and one for each of the files that changed.
    pub(super) fn since(reference: &str, names: &[&str]) -> Result<Self, Failure> {
        let folder = names.first().map_or_else(|| PathBuf::from("."), |name| folder_of(name));
        let git = Git::find(&folder, "--changed-since", "leave --changed-since out to see all problems")?;
        let base = git.merge_base(reference)?;
        let listed = git.output(&["diff", "--name-status", "-z", "--find-renames", "--no-relative", &base, "--"])?;
        let entries = entries(&listed);
        let tracked = git.output(&["ls-files", "-z", "--full-name"])?;
        let tracked: BTreeSet<&[u8]> = tracked.split(|byte| *byte == 0).collect();
        let mut files = BTreeMap::new();
        for name in names {
            let path = git.below(name);
            let lines = match path.as_deref().filter(|path| tracked.contains(path.as_bytes())) {
                None => Some(Lines::Whole),
                Some(path) => match entries.get(path) {
                    None => None,
                    Some(None) => Some(Lines::Whole),
                    Some(Some(old)) => {
                        let mut args = vec!["diff", "--unified=0", "--inter-hunk-context=0", "--find-renames"];
                        args.extend(["--no-relative", "--no-color", "--no-ext-diff", "--no-textconv", "--text"]);
                        args.extend([base.as_str(), "--", old]);
                        if old != path {
                            args.push(path);
                        }
                        Some(Lines::Some(hunks(&String::from_utf8_lossy(&git.output(&args)?))))
                    }
                },
            };
            files.extend(lines.map(|lines| ((*name).to_owned(), lines)));
        }
        Ok(Self { files })
    }

    /// Returns whether one of the files changed.
    pub(super) fn any(&self) -> bool {
        !self.files.is_empty()
    }

    /// Returns whether one of the lines of a file, from the first to the last, is new.
    pub(super) fn touches(&self, name: &str, first: u32, last: u32) -> bool {
        match self.files.get(name) {
            None => false,
            Some(Lines::Whole) => true,
            Some(Lines::Some(stretches)) => {
                let at = stretches.partition_point(|(_, end)| *end < first);
                stretches.get(at).is_some_and(|(start, _)| *start <= last)
            }
        }
    }
}

/// Reads `git diff --name-status -z`: the files that there are now, each with its name before, if it had one.
fn entries(listed: &[u8]) -> BTreeMap<String, Option<String>> {
    let mut fields = listed.split(|byte| *byte == 0).map(|field| String::from_utf8_lossy(field).into_owned());
    let mut entries = BTreeMap::new();
    while let Some(status) = fields.next().filter(|status| !status.is_empty()) {
        let Some(path) = fields.next() else { break };
        match status.as_bytes()[0] {
            b'A' => entries.insert(path, None),
            b'R' | b'C' => fields.next().and_then(|new| entries.insert(new, Some(path))),
            b'D' => None,
            _ => entries.insert(path.clone(), Some(path)),
        };
    }
    entries
}

/// Reads the new lines from the heads of the hunks of a patch of one file: `@@ -1,2 +3,4 @@`; of lines that are gone,
/// those around them.
fn hunks(patch: &str) -> Vec<(u32, u32)> {
    let new = |line: &str| {
        let new = line.strip_prefix("@@ -")?.split(' ').nth(1)?.strip_prefix('+')?;
        let (start, lines) = new.split_once(',').unwrap_or((new, "1"));
        let (start, lines) = (start.parse::<u32>().ok()?, lines.parse::<u32>().ok()?);
        // Where lines are gone, the one before and the one after them are what changed.
        Some(if lines > 0 { (start, start + lines - 1) } else { (start, start + 1) })
    };
    patch.lines().filter_map(new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_lines_are_those_of_hunks() {
        let patch = "diff --git a/r b/r\n--- a/r\n+++ b/r\n@@ -1 +1 @@ g\n-a\n+@@ -9 +9 @@\n@@ -5,0 +6,3 @@\n+x\n@@ -9,2 +12,0 @@\n";
        assert_eq!(hunks(patch), [(1, 1), (6, 8), (12, 13)]);
    }

    #[test]
    fn a_place_is_touched_where_it_meets_new_lines() {
        let lines = Lines::Some(vec![(2, 3), (8, 8)]);
        let files = [("a.yml".to_owned(), lines), ("new.yml".to_owned(), Lines::Whole)];
        let changed = Changed { files: files.into() };
        let check = |name: &str, first: u32, last: u32, expected: bool| {
            assert_eq!(changed.touches(name, first, last), expected, "{name} {first} {last}");
        };
        check("a.yml", 1, 1, false);
        check("a.yml", 1, 2, true);
        check("a.yml", 3, 3, true);
        check("a.yml", 4, 7, false);
        check("a.yml", 4, 9, true);
        check("a.yml", 9, 20, false);
        check("new.yml", 70, 70, true);
        check("old.yml", 1, 99, false);
    }

    #[test]
    fn the_list_of_files_has_old_and_new_names() {
        let listed = b"M\0a b.yml\0R090\0old.yml\0new.yml\0A\0added.yml\0D\0gone.yml\0";
        let found = entries(listed);
        let found: Vec<(&str, Option<&str>)> = found.iter().map(|(new, old)| (new.as_str(), old.as_deref())).collect();
        assert_eq!(found, [("a b.yml", Some("a b.yml")), ("added.yml", None), ("new.yml", Some("old.yml"))]);
    }
}
