//! Reading by name: from the disk, from a map in a test, from the open buffers of an editor.

use std::fmt;
use std::io;

use crate::diagnostic::nearest;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A pipe or a device: it can be read like a file, but perhaps only once, or without end, and is none to replace.
    Other,
}

/// Files by name. Names are paths with `/`, relative to where the program runs or absolute.
pub trait Files {
    /// Returns what a name stands for; nothing where there is no such file.
    fn kind(&self, name: &str) -> Option<FileKind>;

    /// Reads a file up to a number of bytes.
    ///
    /// # Errors
    /// When it is not there or cannot be read.
    fn read(&self, name: &str, most: u64) -> io::Result<Vec<u8>>;

    /// Returns the names of all that stands in a folder, without the folder's own, in any order.
    ///
    /// # Errors
    /// When it is not there or cannot be read.
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;

    /// Returns the names that match a glob, in any order.
    ///
    /// # Errors
    /// What is wrong with the glob.
    fn matching(&self, glob: &str) -> Result<Vec<String>, String>;

    /// Returns a name that two names of one file share.
    fn identity(&self, name: &str) -> String;
}

/// A file that cannot be had, and what to do next.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FileError {
    /// What is wrong.
    pub message: String,
    /// What to type next, where that is known.
    pub hint: Option<String>,
}

impl FileError {
    /// Says what is wrong.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    /// Adds what to type next.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Says that a file cannot be read.
    pub fn unreadable(files: &dyn Files, name: &str, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => missing(files, name),
            io::ErrorKind::PermissionDenied => {
                Self::new(format!("cannot read `{name}`: permission denied")).hint(format!("look with: ls -l {name}"))
            }
            _ => Self::new(format!("cannot read `{name}`: {error}")),
        }
    }
}

/// Returns a name, or what it matches if it is a glob, sorted by bytes; never nothing.
///
/// # Errors
/// When there is no such file, with the nearest name there is, or the glob matches nothing.
pub fn expand(files: &dyn Files, name: &str) -> Result<Vec<String>, FileError> {
    if files.kind(name).is_some() {
        return Ok(vec![name.to_owned()]);
    }
    if !name.contains(['*', '?', '[']) {
        return Err(missing(files, name));
    }
    let matching = files.matching(name).map_err(|error| FileError::new(format!("`{name}` is not a glob: {error}")));
    let mut names = matching?;
    if names.is_empty() {
        return Err(FileError::new(format!("the glob `{name}` matches no file")).hint(look_into(folder_of(name))));
    }
    names.sort_unstable();
    Ok(names)
}

/// Reads a file up to one byte more than so many, so that the caller can refuse a longer one.
///
/// # Errors
/// When the file cannot be read.
pub fn bytes(files: &dyn Files, name: &str, most: usize) -> Result<Vec<u8>, FileError> {
    if files.kind(name) == Some(FileKind::Folder) {
        return Err(FileError::new(format!("`{name}` is a folder, expected a file"))
            .hint(format!("for rules, name the folder: -r {name}")));
    }
    files.read(name, most as u64 + 1).map_err(|error| FileError::unreadable(files, name, &error))
}

/// Returns the folder that a name names, if it names one, and the rest.
fn split(name: &str) -> (Option<&str>, &str) {
    match name.rsplit_once('/') {
        Some(("", rest)) => (Some("/"), rest),
        Some((folder, rest)) => (Some(folder), rest),
        None => (None, name),
    }
}

fn folder_of(name: &str) -> &str {
    split(name).0.unwrap_or(".")
}

fn look_into(folder: impl fmt::Display) -> String {
    format!("look with: ls {folder}")
}

fn missing(files: &dyn Files, name: &str) -> FileError {
    let error = FileError::new(format!("no such file: `{name}`"));
    let name = name.trim_end_matches('/');
    let (folder, last) = split(name);
    let Ok(mut names) = files.list(folder.unwrap_or(".")) else { return error.hint(look_into(folder_of(name))) };
    names.sort_unstable();
    match nearest(last, names.iter().map(String::as_str)).first() {
        Some(near) => error.hint(match folder {
            Some(folder) => format!("did you mean `{}/{near}`?", folder.trim_end_matches('/')),
            None => format!("did you mean `{near}`?"),
        }),
        None => error.hint(look_into(folder_of(name))),
    }
}

/// Files in memory, for tests.
#[cfg(test)]
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory(pub(crate) std::collections::BTreeMap<String, Vec<u8>>);

#[cfg(test)]
impl Memory {
    /// Makes files that hold their own names.
    pub(crate) fn named(names: &[&str]) -> Self {
        Self(names.iter().map(|name| ((*name).to_owned(), name.as_bytes().to_vec())).collect())
    }
}

#[cfg(test)]
impl Files for Memory {
    fn kind(&self, name: &str) -> Option<FileKind> {
        let folder = format!("{}/", name.trim_end_matches('/'));
        match self.0.contains_key(name) {
            true => Some(FileKind::File),
            false => self.0.keys().any(|file| file.starts_with(&folder)).then_some(FileKind::Folder),
        }
    }

    fn read(&self, name: &str, most: u64) -> io::Result<Vec<u8>> {
        let bytes = self.0.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(bytes.iter().copied().take(usize::try_from(most).unwrap_or(usize::MAX)).collect())
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let folder = format!("{}/", folder.trim_end_matches('/'));
        let names = self.0.keys().filter_map(|name| name.strip_prefix(&folder));
        let mut names: Vec<String> = names.map(|name| name.split('/').next().unwrap_or_default().to_owned()).collect();
        names.dedup();
        Ok(names)
    }

    fn matching(&self, glob: &str) -> Result<Vec<String>, String> {
        let (from, to) = glob.split_once('*').ok_or("no star")?;
        let fits =
            |name: &&String| name.strip_prefix(from).is_some_and(|rest| rest.ends_with(to) && !rest.contains('/'));
        Ok(self.0.keys().filter(fits).cloned().collect())
    }

    fn identity(&self, name: &str) -> String {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_globs_are_found() {
        let files = Memory::named(&["d/b.csv", "d/a.csv", "d/c.txt"]);
        assert_eq!(expand(&files, "d/*.csv"), Ok(vec!["d/a.csv".to_owned(), "d/b.csv".to_owned()]));
        assert_eq!(expand(&files, "d"), Ok(vec!["d".to_owned()]));
        assert_eq!(bytes(&files, "d/c.txt", 4), Ok(b"d/c.t".to_vec()));
    }

    #[test]
    fn what_is_not_there_comes_with_the_next_thing_to_type() {
        let files = Memory::named(&["d/node.yml", "d/long.txt"]);
        let check = |found: Result<(), FileError>, message: &str, hint: &str| {
            let error = found.expect_err("wrong");
            assert_eq!((error.message.as_str(), error.hint.as_deref().unwrap_or("")), (message, hint));
        };
        let find = |name| expand(&files, name).map(|_| ());
        check(find("d/nod.yml"), "no such file: `d/nod.yml`", "did you mean `d/node.yml`?");
        check(find("e/"), "no such file: `e/`", "look with: ls .");
        check(find("d/x"), "no such file: `d/x`", "look with: ls d");
        check(find("d/*.yaml"), "the glob `d/*.yaml` matches no file", "look with: ls d");
        let read = |name| bytes(&files, name, 5).map(|_| ());
        check(read("d"), "`d` is a folder, expected a file", "for rules, name the folder: -r d");
    }
}
