//! Finding the files that a user names: paths, folders of rules, globs, standard input.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::diagnostic::nearest;
use crate::input::Source;
use crate::limits;

use super::Failure;

/// One file of rules.
#[derive(Debug)]
pub(crate) struct RuleText {
    /// As it is named in messages.
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// Reads all rule files that paths, folders and globs name, in their order, each once.
pub(crate) fn rule_files(paths: &[String]) -> Result<Vec<RuleText>, Failure> {
    let (texts, failures) = rule_files_and_failures(paths);
    failures.into_iter().next().map_or(Ok(texts), Err)
}

/// Reads the rule files that can be read, and returns why others can not.
pub(crate) fn rule_files_and_failures(paths: &[String]) -> (Vec<RuleText>, Vec<Failure>) {
    let mut names: Vec<String> = Vec::new();
    let mut failures = Vec::new();
    for path in paths {
        match if Path::new(path).is_dir() { folder(path) } else { expand(path) } {
            Ok(found) => names.extend(found),
            Err(failure) => failures.push(failure),
        }
    }
    let mut seen = Vec::new();
    let mut texts = Vec::new();
    for name in names {
        let identity = fs::canonicalize(&name).unwrap_or_else(|_| name.clone().into());
        if seen.contains(&identity) {
            continue;
        }
        seen.push(identity);
        match read_limited(&name) {
            Ok(bytes) => texts.push(RuleText { name, bytes }),
            Err(failure) => failures.push(failure),
        }
    }
    (texts, failures)
}

/// Reads a file of rules up to one byte more than its limit: the loader then refuses it in its own words.
fn read_limited(name: &str) -> Result<Vec<u8>, Failure> {
    if Path::new(name).is_dir() {
        return Err(Failure::new(format!("`{name}` is a folder, expected a file"))
            .hint(format!("for rules, name it itself: -r {name}")));
    }
    let mut bytes = Vec::new();
    let read = File::open(name).and_then(|file| file.take(limits::RULE_FILE_BYTES as u64 + 1).read_to_end(&mut bytes));
    match read {
        Ok(_) => Ok(bytes),
        Err(error) => Err(unreadable(name, &error)),
    }
}

/// Reads a small file of text.
pub(crate) fn text(name: &str) -> Result<String, Failure> {
    let bytes = read_limited(name)?;
    if bytes.len() > limits::RULE_FILE_BYTES {
        return Err(Failure::new(format!("`{name}` has more than {} MiB", limits::RULE_FILE_BYTES >> 20)));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::new(format!("`{name}` is no UTF-8 text: byte {} is wrong", at + 1)).hint("save it as UTF-8")
    })
}

/// Returns the rule files of a folder, by the bytes of their names.
fn folder(path: &str) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path).map_err(|error| unreadable(path, &error))? {
        let file = entry.map_err(|error| unreadable(path, &error))?.path();
        let suffix = file.extension().and_then(|suffix| suffix.to_str());
        if matches!(suffix, Some("yml" | "yaml")) && !file.is_dir() {
            names.push(file.to_string_lossy().into_owned());
        }
    }
    if names.is_empty() {
        return Err(Failure::new(format!("there is no rule file (*.yml, *.yaml) in the folder `{path}`"))
            .hint(format!("for those in folders below: -r '{}/**/*.yml'", path.trim_end_matches('/'))));
    }
    names.sort_unstable();
    Ok(names)
}

/// Returns the recordings that paths and globs name, in their order; `-` is standard input.
pub(crate) fn recordings(paths: &[String]) -> Result<Vec<Box<dyn Source>>, Failure> {
    let mut sources: Vec<Box<dyn Source>> = Vec::new();
    let mut stdin = false;
    for path in paths {
        if path == "-" {
            if stdin {
                return Err(Failure::new("standard input (`-`) is named twice"));
            }
            stdin = true;
            sources.push(Box::new(Stdin::default()));
            continue;
        }
        for name in expand(path)? {
            if Path::new(&name).is_dir() {
                let name = name.trim_end_matches('/');
                return Err(Failure::new(format!("`{name}` is a folder, not a recording"))
                    .hint(format!("name the files in it: '{name}/*.csv'")));
            }
            File::open(&name).map_err(|error| unreadable(&name, &error))?;
            sources.push(Box::new(FileSource { name }));
        }
    }
    Ok(sources)
}

/// Returns how long the files of recordings are together; none if one has no length.
pub(crate) fn length(sources: &[Box<dyn Source>]) -> Option<u64> {
    sources
        .iter()
        .map(|source| fs::metadata(source.name()).ok().filter(fs::Metadata::is_file).map(|facts| facts.len()))
        .sum()
}

/// Returns the path, or what it matches if it is a glob; never nothing.
fn expand(path: &str) -> Result<Vec<String>, Failure> {
    if Path::new(path).exists() {
        return Ok(vec![path.to_owned()]);
    }
    if !path.contains(['*', '?', '[']) {
        return Err(missing(path));
    }
    let matches = glob::glob(path)
        .map_err(|error| Failure::new(format!("`{path}` is no glob: {}", error.msg)))?
        .filter_map(Result::ok)
        .map(|found| found.to_string_lossy().into_owned());
    let mut names: Vec<String> = matches.collect();
    if names.is_empty() {
        return Err(Failure::new(format!("the glob `{path}` matches no file")).hint(hint_for_folder(path)));
    }
    names.sort_unstable();
    Ok(names)
}

fn hint_for_folder(path: &str) -> String {
    let folder = Path::new(path).parent().filter(|folder| !folder.as_os_str().is_empty());
    format!("look with: ls {}", folder.unwrap_or(Path::new(".")).display())
}

fn missing(path: &str) -> Failure {
    let failure = Failure::new(format!("there is no file `{path}`"));
    let parent = Path::new(path).parent().filter(|parent| !parent.as_os_str().is_empty());
    let Ok(entries) = fs::read_dir(parent.unwrap_or(Path::new("."))) else {
        return failure.hint(hint_for_folder(path));
    };
    let name = Path::new(path).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut names: Vec<String> =
        entries.filter_map(Result::ok).map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    match nearest(&name, names.iter().map(String::as_str)).first() {
        Some(near) => failure.hint(format!(
            "did you mean `{}`?",
            parent.map_or_else(|| (*near).into(), |parent| parent.join(near)).display()
        )),
        None => failure.hint(hint_for_folder(path)),
    }
}

fn unreadable(path: &str, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::NotFound => missing(path),
        io::ErrorKind::PermissionDenied => Failure::new(format!("`{path}` can not be read: permission denied"))
            .hint(format!("look with: ls -l {path}")),
        _ => Failure::new(format!("`{path}` can not be read: {error}")),
    }
}

struct FileSource {
    name: String,
}

impl Source for FileSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn open(&self) -> io::Result<Box<dyn Read>> {
        Ok(Box::new(File::open(&self.name)?))
    }

    fn reopens(&self) -> bool {
        fs::metadata(&self.name).is_ok_and(|facts| facts.is_file())
    }
}

#[derive(Default)]
struct Stdin {
    opened: AtomicBool,
}

impl Source for Stdin {
    fn name(&self) -> &str {
        "-"
    }

    fn open(&self) -> io::Result<Box<dyn Read>> {
        if self.opened.swap(true, Ordering::Relaxed) {
            return Err(io::Error::other("standard input can be read only once"));
        }
        Ok(Box::new(io::stdin()))
    }

    fn reopens(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_of(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for file in files {
            fs::write(folder.path().join(file), file).expect("a file");
        }
        folder
    }

    fn names(folder: &tempfile::TempDir, paths: &[&str]) -> Result<Vec<String>, String> {
        let root = folder.path().to_string_lossy().into_owned();
        let paths: Vec<String> = paths.iter().map(|path| format!("{root}/{path}")).collect();
        let found = rule_files(&paths).map_err(|failure| failure.to_string().replace(&root, "DIR"))?;
        Ok(found.into_iter().map(|file| file.name.replace(&format!("{root}/"), "")).collect())
    }

    #[test]
    fn folders_and_globs_are_sorted_and_files_come_once() {
        let folder = folder_of(&["b.yml", "a.yaml", "B.yml", "c.txt"]);
        assert_eq!(names(&folder, &["", "b.yml"]), Ok(["B.yml", "a.yaml", "b.yml"].map(str::to_owned).to_vec()));
        assert_eq!(names(&folder, &["*.yml"]), Ok(["B.yml", "b.yml"].map(str::to_owned).to_vec()));
    }

    #[test]
    fn what_matches_nothing_is_told_with_the_next_thing_to_type() {
        let folder = folder_of(&["node.yml"]);
        let check = |path: &str, expected: &str| assert_eq!(names(&folder, &[path]), Err(expected.to_owned()));
        check("nod.yml", "error: there is no file `DIR/nod.yml`\nhint: did you mean `DIR/node.yml`?");
        check("*.yaml", "error: the glob `DIR/*.yaml` matches no file\nhint: look with: ls DIR");
        let empty = folder_of(&["a.txt"]);
        let error = names(&empty, &[""]).expect_err("no rules");
        assert!(error.starts_with("error: there is no rule file (*.yml, *.yaml) in the folder"), "{error}");
    }

    #[test]
    fn a_folder_is_no_recording() {
        let folder = folder_of(&["a.csv"]);
        let path = folder.path().to_string_lossy().into_owned();
        let error = recordings(std::slice::from_ref(&path)).err().map(|failure| failure.to_string()).expect("a folder");
        assert_eq!(
            error,
            format!("error: `{path}` is a folder, not a recording\nhint: name the files in it: '{path}/*.csv'")
        );
        assert_eq!(recordings(&[format!("{path}/*.csv"), "-".to_owned()]).map(|found| found.len()).ok(), Some(2));
    }
}
