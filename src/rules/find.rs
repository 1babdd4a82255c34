//! Finding the rule files that paths, folders and globs name.

use std::collections::BTreeSet;

use crate::limits;
use crate::source::{FileError, FileKind, Files, bytes, expand};

/// How many names are looked at in the folders below one that was named, at most.
const LOOKED_AT: usize = 1_000;

/// A rule file that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleText {
    /// As it is named in messages.
    pub name: String,
    /// What it holds; one byte more than the limit where it is longer, which the loader then refuses.
    pub bytes: Vec<u8>,
}

/// The byte order mark, which texts are kept without.
const MARK: &[u8] = "\u{feff}".as_bytes();

impl RuleText {
    /// Returns what the file is to hold for another text, its byte order mark included if it has one.
    #[must_use]
    pub fn rewritten(&self, text: &str) -> Vec<u8> {
        let mark = if self.bytes.starts_with(MARK) { MARK } else { &[] };
        [mark, text.as_bytes()].concat()
    }
}

/// Returns the rule files that paths, folders (their `*.yml`, `*.yaml`, and `*.json` with groups) and globs name, in their order, those named
/// twice as often; and why others cannot be found. Pipes and devices are found by their own names only.
pub fn find_names(files: &dyn Files, paths: &[String]) -> (Vec<String>, Vec<FileError>) {
    let (mut names, mut errors) = (Vec::new(), Vec::new());
    for path in paths {
        let is_folder = files.kind(path) == Some(FileKind::Folder);
        let is_glob = !is_folder && files.kind(path).is_none();
        let found = match is_folder {
            true => folder(files, path, &mut errors),
            false if is_glob => expand(files, path).and_then(|found| only_files(files, path, found)),
            false => expand(files, path),
        };
        match found.map(|found| if is_folder || is_glob { without_others(files, found) } else { found }) {
            Ok(found) => names.extend(found),
            Err(error) => errors.push(error),
        }
    }
    (names, errors)
}

/// Reads the rule files that [`find_names`] returns, each once; and returns why others cannot be read.
pub fn find(files: &dyn Files, paths: &[String]) -> (Vec<RuleText>, Vec<FileError>) {
    let (names, mut errors) = find_names(files, paths);
    let (mut seen, mut texts) = (Vec::new(), Vec::new());
    for name in names {
        let identity = files.identity(&name);
        if seen.contains(&identity) {
            continue;
        }
        seen.push(identity);
        match bytes(files, &name, limits::YAML_BYTES) {
            Ok(bytes) => texts.push(RuleText { name, bytes }),
            Err(error) => errors.push(error),
        }
    }
    (texts, errors)
}

/// Returns the folders that paths name, each with those below it in which rule files stand that no path names, by the
/// bytes of their names. Cost: reads at most `LOOKED_AT` names, those of hidden folders not.
pub fn unread_folders(files: &dyn Files, paths: &[String]) -> Vec<(String, Vec<String>)> {
    let read: Vec<String> = find_names(files, paths).0.iter().map(|name| files.identity(name)).collect();
    let is_file = |name: &str| files.kind(name) == Some(FileKind::File);
    let mut left = LOOKED_AT;
    let mut unread = Vec::new();
    for path in paths.iter().filter(|path| files.kind(path) == Some(FileKind::Folder)) {
        let (mut folders, mut below) = (vec![path.clone()], Vec::new());
        // A link to a folder above would go on without end.
        let mut seen = BTreeSet::from([files.identity(path)]);
        while let Some(parent) = folders.pop() {
            let mut names = files.list(&parent).unwrap_or_default();
            names.sort_unstable();
            names.truncate(left);
            left -= names.len();
            let names: Vec<String> =
                names.iter().filter(|name| !name.starts_with('.')).map(|name| within(&parent, name)).collect();
            let mut is_new_folder =
                |name: &&String| files.kind(name) == Some(FileKind::Folder) && seen.insert(files.identity(name));
            let new: Vec<String> = names.iter().filter(|name| is_new_folder(name)).cloned().collect();
            folders.extend(new.into_iter().rev());
            let is_unread = |name: &&String| {
                let is_yaml = name.ends_with(".yml") || name.ends_with(".yaml");
                is_yaml && is_file(name) && has_rules(files, name) && !read.contains(&files.identity(name))
            };
            if parent != *path && names.iter().any(|name| is_unread(&name)) {
                below.push(parent);
            }
        }
        if !below.is_empty() {
            unread.push((path.trim_end_matches('/').to_owned(), below));
        }
    }
    unread
}

/// Returns the path of what stands in a folder.
fn within(folder: &str, name: &str) -> String {
    format!("{}/{name}", folder.trim_end_matches('/'))
}

/// Returns whether a file has a line with which rules begin.
fn has_rules(files: &dyn Files, name: &str) -> bool {
    let begins = |line: &[u8]| line.starts_with(b"groups:") || line.starts_with(b"alertctl:");
    bytes(files, name, limits::YAML_BYTES).is_ok_and(|bytes| bytes.split(|byte| *byte == b'\n').any(begins))
}

/// Returns the rule files of a folder, by the bytes of their names.
fn folder(files: &dyn Files, path: &str, errors: &mut Vec<FileError>) -> Result<Vec<String>, FileError> {
    let listed = files.list(path).map_err(|error| FileError::unreadable(files, path, &error))?;
    let parent = path.trim_end_matches('/');
    let is_rules = |name: &String| [".yml", ".yaml", ".json"].iter().any(|ending| name.ends_with(ending));
    let mut names: Vec<String> = listed.iter().filter(|name| is_rules(name)).map(|name| within(path, name)).collect();
    // What is no text was made one, and is no name of a file any more.
    let is_lost = |name: &String| name.contains('\u{fffd}') && files.kind(name).is_none();
    errors.extend(names.iter().filter(|name| is_lost(name)).map(|name| {
        FileError::new(format!("cannot read `{name}`: its name is not UTF-8")).hint("give it another name")
    }));
    names.retain(|name| files.kind(name) == Some(FileKind::File));
    names.retain(|name| !name.ends_with(".json") || has_groups(files, name));
    names.retain(|name| !is_configuration(files, name));
    if names.is_empty() && errors.is_empty() {
        return Err(FileError::new(format!("there is no rule file (*.yml, *.yaml, *.json) in the folder `{path}`"))
            .hint(format!("for those in folders below: '{parent}/**/*.y*ml'")));
    }
    names.sort_unstable();
    Ok(names)
}

/// Leaves out the folders, pipes and devices that a glob matches.
fn only_files(files: &dyn Files, glob: &str, mut names: Vec<String>) -> Result<Vec<String>, FileError> {
    let folder = names.iter().find(|name| files.kind(name) == Some(FileKind::Folder)).cloned();
    names.retain(|name| files.kind(name) == Some(FileKind::File));
    match folder {
        _ if !names.is_empty() => Ok(names),
        Some(folder) => Err(FileError::new(format!("the glob `{glob}` matches only folders"))
            .hint(format!("name the folder for the rule files in it, or its files: '{folder}/*.yml'"))),
        None => Err(FileError::new(format!("the glob `{glob}` matches only what is not a regular file"))),
    }
}

/// Leaves out the manifests of other resources, such as services, and configurations of the check that lie next to files
/// with rules; all of them stay where nothing else does.
fn without_others(files: &dyn Files, names: Vec<String>) -> Vec<String> {
    let has = |bytes: &[u8], part: &str| memchr::memmem::find(bytes, part.as_bytes()).is_some();
    let is_other = |name: &String| {
        bytes(files, name, limits::YAML_BYTES).is_ok_and(|bytes| {
            has(&bytes, "apiVersion:") && has(&bytes, "kind:") && !has(&bytes, "groups:") && !has(&bytes, "alertctl:")
        })
    };
    let kept: Vec<String> =
        names.iter().filter(|name| !is_other(name) && !is_configuration(files, name)).cloned().collect();
    if kept.is_empty() { names } else { kept }
}

/// Returns whether a file is a configuration of the check: by its name, and by what it says.
fn is_configuration(files: &dyn Files, name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or(name);
    matches!(last, "alertctl.yml" | "alertctl.yaml")
        && bytes(files, name, limits::YAML_BYTES).is_ok()
        && !has_rules(files, name)
}

/// Returns whether a JSON file has groups: a folder may hold dashboards and baselines, too.
fn has_groups(files: &dyn Files, name: &str) -> bool {
    bytes(files, name, limits::YAML_BYTES).is_ok_and(|bytes| memchr::memmem::find(&bytes, b"\"groups\"").is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Memory;

    fn names(files: &Memory, paths: &[&str]) -> Result<Vec<String>, String> {
        let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
        let (texts, errors) = find(files, &paths);
        match errors.into_iter().next() {
            Some(error) => Err(error.message),
            None => Ok(texts.into_iter().map(|text| text.name).collect()),
        }
    }

    #[test]
    fn folders_and_globs_are_sorted_and_files_come_once() {
        let files = Memory::named(&["d/b.yml", "d/a.yaml", "d/B.yml", "d/c.txt", "d/e/f.yml"]);
        let of = |expected: &[&str]| Ok(expected.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(names(&files, &["d/", "d/b.yml"]), of(&["d/B.yml", "d/a.yaml", "d/b.yml"]));
        assert_eq!(names(&files, &["d/*.yml"]), of(&["d/B.yml", "d/b.yml"]));
    }

    #[test]
    fn json_files_of_a_folder_are_those_with_groups() {
        let mut files = Memory::named(&["d/a.yml", "d/package.json"]);
        files.0.insert("d/rules.json".to_owned(), b"{\"groups\": []}".to_vec());
        assert_eq!(names(&files, &["d"]), Ok(vec!["d/a.yml".to_owned(), "d/rules.json".to_owned()]));
    }

    #[test]
    fn manifests_of_other_resources_are_passed_over() {
        let mut files = Memory::named(&["d/a.yml"]);
        files.0.insert("d/service.yaml".to_owned(), b"apiVersion: v1\nkind: Service\n".to_vec());
        for path in ["d", "d/*"] {
            assert_eq!(names(&files, &[path]), Ok(vec!["d/a.yml".to_owned()]), "{path}");
        }
        assert_eq!(names(&files, &["d/service.yaml"]), Ok(vec!["d/service.yaml".to_owned()]));
    }

    #[test]
    fn configurations_are_passed_over() {
        let mut files = Memory::named(&["d/a.yml", "d/alertctl.yml"]);
        for path in ["d", "d/*"] {
            assert_eq!(names(&files, &[path]), Ok(vec!["d/a.yml".to_owned()]), "{path}");
        }
        files.0.insert("d/alertctl.yml".to_owned(), b"alertctl: 1\nrules: []\n".to_vec());
        assert_eq!(names(&files, &["d"]).map(|names| names.len()), Ok(2));
    }

    #[test]
    fn folders_below_are_told_of_where_rules_stand_in_them() {
        let mut files = Memory::named(&["d/a.yml", "d/e/values.yml", "d/.git/b.yml", "d/f/g/c.yml"]);
        for name in ["d/.git/b.yml", "d/f/g/c.yml"] {
            files.0.insert(name.to_owned(), b"# rules\ngroups: []\n".to_vec());
        }
        let unread = |paths: &[&str]| {
            let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
            unread_folders(&files, &paths)
        };
        assert_eq!(unread(&["d/"]), [("d".to_owned(), vec!["d/f/g".to_owned()])]);
        assert_eq!(unread(&["d", "d/f/g"]), []);
        assert_eq!(unread(&["d/a.yml"]), []);
    }

    #[test]
    fn a_folder_without_rules_is_an_error() {
        let files = Memory::named(&["d/a.txt", "d/e/f.yml"]);
        let error = "there is no rule file (*.yml, *.yaml, *.json) in the folder `d`";
        assert_eq!(names(&files, &["d"]), Err(error.to_owned()));
    }
}
