//! Which files a command reads and writes: no output may take the place of an input, or of another output.
//!
//! Files are compared, not their names: two spellings of a path, links, and files behind standard input and output are
//! the same file where device and inode say so. A file that does not exist yet is known by its folder and name.

use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use crate::rules;
use crate::source::expand;

use super::Failure;
use super::load::Disk;

/// The most links that are followed, as the system does.
const MOST_LINKS: usize = 40;

/// What tells one file from another.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Identity {
    /// A file that exists: its device and inode.
    #[cfg(unix)]
    Inode(u64, u64),
    /// A file that does not exist yet: its folder, and its name in it.
    #[cfg(unix)]
    New(u64, u64, std::ffi::OsString),
    /// A path without links, where the system has no inodes.
    #[cfg(not(unix))]
    Path(String),
}

struct Claim {
    /// What it is, with its name: "the recording `a.csv`".
    what: String,
    identity: Identity,
    /// The flag that may replace it.
    replaced_by: Option<&'static str>,
}

/// The regular files that a command reads and writes.
#[derive(Default)]
pub(crate) struct Claims {
    read: Vec<Claim>,
    written: Vec<Claim>,
}

impl Claims {
    /// Takes the rule files that paths, folders and globs name.
    pub(crate) fn rules(mut self, paths: &[String]) -> Self {
        for name in rules::find_names(&Disk, paths).0 {
            self = self.reads("the rule file", &name);
        }
        self
    }

    /// Takes the recordings that paths and globs name; `-` is standard input.
    pub(crate) fn recordings<'a>(mut self, paths: impl IntoIterator<Item = &'a String>) -> Self {
        for path in paths {
            if path == "-" {
                let what = "the recording on standard input".to_owned();
                let identity = stream(&io::stdin());
                self.read.extend(identity.map(|identity| Claim { what, identity, replaced_by: None }));
            }
            for name in expand(&Disk, path).unwrap_or_default() {
                self = self.reads("the recording", &name);
            }
        }
        self
    }

    /// Takes a file that is read; what does not exist is refused elsewhere.
    pub(crate) fn reads(mut self, what: &str, path: &str) -> Self {
        let what = format!("{what} `{path}`");
        self.read.extend(of_path(Path::new(path)).map(|identity| Claim { what, identity, replaced_by: None }));
        self
    }

    /// Lets the file that was named last be replaced by a flag: it is read whole before.
    pub(crate) fn replaced_by(mut self, flag: &'static str) -> Self {
        if let Some(last) = self.read.last_mut() {
            last.replaced_by = Some(flag);
        }
        self
    }

    /// Takes a file that a flag writes, if it names one.
    pub(crate) fn writes(mut self, flag: &str, path: Option<&Path>) -> Self {
        let Some(path) = path else { return self };
        let what = format!("{flag} `{}`", path.display());
        self.written.extend(of_path(path).map(|identity| Claim { what, identity, replaced_by: None }));
        self
    }

    /// Refuses outputs that would destroy an input or another output.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if let Some(stdout) = stream(&io::stdout()) {
            if let Some(read) = self.read.iter().find(|read| read.identity == stdout) {
                let message = format!("standard output is {}, which the shell may have emptied already", read.what);
                return Err(Failure::new(message).hint("redirect standard output to another file"));
            }
            if let Some(written) = self.written.iter().find(|written| written.identity == stdout) {
                return Err(same(&written.what, "standard output"));
            }
        }
        for (at, written) in self.written.iter().enumerate() {
            let allowed = |read: &Claim| read.replaced_by.is_some_and(|flag| written.what.starts_with(flag));
            let destroyed = self.read.iter().find(|read| read.identity == written.identity && !allowed(read));
            if let Some(read) = destroyed {
                return Err(Failure::new(format!("{} would overwrite {}", written.what, read.what))
                    .hint("write to another file"));
            }
            if let Some(other) = self.written[..at].iter().find(|other| other.identity == written.identity) {
                return Err(same(&other.what, &written.what));
            }
        }
        Ok(())
    }
}

fn same(one: &str, other: &str) -> Failure {
    Failure::new(format!("{one} and {other} are the same file")).hint("give each output a file of its own")
}

/// Returns a path with the link at its end followed, also one that leads to no file yet.
pub(super) fn followed(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let Ok(target) = fs::read_link(&path) else { break };
        // A target that is not absolute is meant from the link's folder.
        path = path.parent().map_or_else(|| target.clone(), |folder| folder.join(&target));
    }
    path
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Returns what tells a file from others; nothing for folders, devices and pipes, and where no file can be.
fn of_path(path: &Path) -> Option<Identity> {
    match fs::metadata(path) {
        Ok(facts) => of_file(&facts, path),
        Err(_) => of_new(&followed(path)),
    }
}

#[cfg(unix)]
fn of_file(facts: &Metadata, _: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    facts.is_file().then(|| Identity::Inode(facts.dev(), facts.ino()))
}

#[cfg(unix)]
fn of_new(path: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    let name = path.file_name()?;
    let name = if cfg!(target_vendor = "apple") { name.to_ascii_lowercase() } else { name.to_owned() };
    let folder = fs::metadata(folder(path)).ok()?;
    Some(Identity::New(folder.dev(), folder.ino(), name))
}

/// Returns what tells the file behind a standard stream from others.
#[cfg(unix)]
fn stream(stream: &impl std::os::fd::AsFd) -> Option<Identity> {
    let file = File::from(stream.as_fd().try_clone_to_owned().ok()?);
    of_file(&file.metadata().ok()?, Path::new("-"))
}

#[cfg(not(unix))]
fn of_file(facts: &Metadata, path: &Path) -> Option<Identity> {
    let whole = fs::canonicalize(path).ok().filter(|_| facts.is_file())?;
    Some(Identity::Path(whole.to_string_lossy().to_lowercase()))
}

#[cfg(not(unix))]
fn of_new(path: &Path) -> Option<Identity> {
    let whole = fs::canonicalize(folder(path)).ok()?.join(path.file_name()?);
    Some(Identity::Path(whole.to_string_lossy().to_lowercase()))
}

#[cfg(not(unix))]
fn stream<S>(_: &S) -> Option<Identity> {
    let _: Option<File> = None;
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn files_are_compared_not_their_names() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::write(at("a.csv"), "a").expect("written");
        fs::create_dir(at("sub")).expect("made");
        fs::hard_link(at("a.csv"), at("hard")).expect("a link");
        std::os::unix::fs::symlink(at("a.csv"), at("soft")).expect("a link");
        std::os::unix::fs::symlink("later.csv", at("dangling")).expect("a link");
        let check = |written: &[&str], expected: Option<&str>| {
            let mut claims = Claims::default().reads("the recording", &at("a.csv").to_string_lossy());
            for name in written {
                claims = claims.writes("--out", Some(&at(name)));
            }
            let found = claims.check().err().map(|failure| failure.to_string());
            let found = found.map(|text| text.replace(&format!("{}/", folder.path().display()), ""));
            let first = found.as_deref().and_then(|text| text.lines().next());
            assert_eq!(first, expected, "{written:?}");
        };
        check(&["b.csv", "c.csv"], None);
        for name in ["a.csv", "./a.csv", "sub/../a.csv", "hard", "soft"] {
            check(&[name], Some(&format!("error: --out `{name}` would overwrite the recording `a.csv`")));
        }
        check(&["b.csv", "sub/../b.csv"], Some("error: --out `b.csv` and --out `sub/../b.csv` are the same file"));
        check(&["later.csv", "dangling"], Some("error: --out `later.csv` and --out `dangling` are the same file"));
        check(&["none/b.csv", "b.csv"], None);
    }

    #[test]
    fn what_is_read_whole_before_may_be_replaced() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let path = file.path();
        let claims = || Claims::default().reads("the baseline", &path.to_string_lossy()).replaced_by("--save-baseline");
        assert!(claims().writes("--save-baseline", Some(path)).check().is_ok());
        assert!(claims().writes("--out", Some(path)).check().is_err());
    }

    #[test]
    fn devices_are_no_files_to_destroy() {
        let null = Path::new("/dev/null");
        let claims = Claims::default().reads("the recording", "/dev/null").writes("--out", Some(null));
        assert!(claims.writes("--folded", Some(null)).check().is_ok());
    }
}
