//! The git command: what a revision has in common with HEAD, and the files of a commit, without a checkout.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Output};

use crate::diagnostic::nearest;
use crate::format::counted;
use crate::source::{FileKind, Files};

use super::Failure;

/// The most links that are followed within a commit.
const MOST_LINKS: usize = 8;

/// A repository, and the flag that it is asked for.
pub(super) struct Git {
    top: PathBuf,
    flag: &'static str,
}

impl Git {
    /// Finds the repository that a folder is in; `instead` is what to do without one.
    pub(super) fn find(folder: &Path, flag: &'static str, instead: &str) -> Result<Self, Failure> {
        let args = ["rev-parse", "--show-toplevel"];
        let output = run(folder, &args).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Failure::new(format!("{flag} needs the git command, which is not installed"))
                .hint(format!("install git, or {instead}")),
            _ => Failure::new(format!("cannot run git: {error}")),
        })?;
        let said = String::from_utf8_lossy(&output.stderr);
        if said.contains("not a git repository") {
            return Err(Failure::new(format!("{flag}: `{}` is not in a Git repository", folder.display()))
                .hint(format!("run it in a clone, or {instead}")));
        }
        let top = String::from_utf8_lossy(&output.stdout);
        let top = top.strip_suffix('\n').unwrap_or(&top);
        if !output.status.success() || top.is_empty() {
            return Err(failed(&args, &output));
        }
        let top = fs::canonicalize(top).map_err(|error| Failure::new(format!("cannot read `{top}`: {error}")))?;
        Ok(Self { top, flag })
    }

    /// Runs git and returns what it writes.
    pub(super) fn output(&self, args: &[&str]) -> Result<Vec<u8>, Failure> {
        let output = self.run(args)?;
        if output.status.success() { Ok(output.stdout) } else { Err(failed(args, &output)) }
    }

    fn run(&self, args: &[&str]) -> Result<Output, Failure> {
        run(&self.top, args).map_err(|error| Failure::new(format!("cannot run git: {error}")))
    }

    /// Returns the commit that a revision and HEAD have in common.
    pub(super) fn merge_base(&self, reference: &str) -> Result<String, Failure> {
        let flag = self.flag;
        // What begins with a dash would be a flag of git.
        let commit = format!("{reference}^{{commit}}");
        let is_known = !reference.starts_with('-')
            && !reference.is_empty()
            && self.run(&["rev-parse", "--verify", "--quiet", &commit])?.status.success();
        if !is_known && self.run(&["rev-parse", "--verify", "--quiet", "--end-of-options", reference])?.status.success()
        {
            let hint = reference.split_once(':').map(|(commit, _)| format!("{flag} {commit}"));
            let kind = match String::from_utf8_lossy(&self.output(&["cat-file", "-t", reference])?).trim() {
                "tree" => "is a folder, not a commit",
                "blob" => "is a file, not a commit",
                _ => "is not a commit",
            };
            let failure = Failure::new(format!("{flag}: `{reference}` {kind}"));
            return Err(hint.map_or(failure.clone(), |hint| failure.hint(hint)));
        }
        if !is_known {
            // `main~3`; what `main^2` asks for is not before the first one.
            let parent = reference.split_once('~').filter(|(_, rest)| rest.chars().all(|c| c.is_ascii_digit()));
            let parent = parent.map(|(start, _)| start);
            if let Some(start) = parent.filter(|start| !start.is_empty() && !start.starts_with('-'))
                && let Some(many) = self.commits(start)?
            {
                return Err(self.too_far(reference, start, many)?);
            }
            let listed = self.output(&["for-each-ref", "--format=%(refname:short)"])?;
            let listed = String::from_utf8_lossy(&listed);
            if let Some(near) = nearest(reference, listed.lines()).first() {
                return Err(Failure::new(format!("{flag}: git knows no revision `{reference}`; near: {near}"))
                    .hint(format!("{flag} {near}")));
            }
            if self.output(&["remote"])?.is_empty() {
                return Err(Failure::new(format!("{flag}: git knows no revision `{reference}`"))
                    .hint("`git log --oneline --all` lists the commits that there are"));
            }
            let fetch = match reference.split_once('/') {
                Some((remote, branch)) if self.is_remote(remote)? => format!("git fetch {remote} {branch}"),
                _ => format!("git fetch origin main, then {flag} origin/main"),
            };
            return Err(Failure::new(format!("{flag}: git knows no revision `{reference}`"))
                .hint(format!("{fetch}; in GitHub Actions give actions/checkout `fetch-depth: 0`")));
        }
        let output = self.run(&["merge-base", reference, "HEAD"])?;
        let base = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if output.status.success() && !base.is_empty() {
            return Ok(base);
        }
        Err(Failure::new(format!("{flag}: `{reference}` and HEAD have no commit in common")).hint(
            "if this clone is shallow: git fetch --unshallow; in GitHub Actions give actions/checkout `fetch-depth: 0`",
        ))
    }

    /// Returns how many commits lead to a revision by their first parents, itself among them; none where there is no such
    /// revision.
    fn commits(&self, reference: &str) -> Result<Option<u64>, Failure> {
        let output = self.run(&["rev-list", "--first-parent", "--count", "--end-of-options", reference, "--"])?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().parse().ok())
    }

    /// Says that a revision is before the first one that there is.
    fn too_far(&self, reference: &str, start: &str, many: u64) -> Result<Failure, Failure> {
        let shallow = self.output(&["rev-parse", "--is-shallow-repository"])?.starts_with(b"true");
        let before = many.saturating_sub(1);
        let (flag, here) = (self.flag, if shallow { " in this shallow clone" } else { "" });
        let failure = Failure::new(format!(
            "{flag}: git knows no revision `{reference}`: {start} has {} before it{here}",
            if before == 0 { "no commit".to_owned() } else { counted(before, "commit") }
        ));
        Ok(match before {
            _ if shallow => {
                failure.hint("git fetch --unshallow; in GitHub Actions give actions/checkout `fetch-depth: 0`")
            }
            0 => failure,
            before => failure.hint(format!("the first one: {flag} {start}~{before}")),
        })
    }

    fn is_remote(&self, name: &str) -> Result<bool, Failure> {
        let output = self.run(&["remote"])?;
        Ok(String::from_utf8_lossy(&output.stdout).lines().any(|line| line == name))
    }

    /// Returns the path of a file from the top of the repository, with `/`; none where it stands elsewhere.
    pub(super) fn below(&self, name: &str) -> Option<String> {
        let whole = fs::canonicalize(name).ok()?;
        let path = whole.strip_prefix(&self.top).ok()?.to_str()?;
        Some(if cfg!(windows) { path.replace('\\', "/") } else { path.to_owned() })
    }

    /// Lists the files of a commit; names are relative to the current folder, as they are on the disk. Cost: one process.
    pub(super) fn files(self, commit: &str) -> Result<Committed, Failure> {
        let listed = self.output(&["ls-tree", "-r", "-z", "--full-tree", commit])?;
        let current = std::env::current_dir().and_then(fs::canonicalize);
        let current = current.map_err(|error| Failure::new(format!("cannot find the current folder: {error}")))?;
        Ok(Committed { entries: entries(&listed), current, git: self, held: RefCell::default() })
    }
}

/// Returns where a path stood before files were renamed, which are listed as `git diff --name-status -z` does; of a
/// folder, where all that came into it under the names they had stood.
fn renamed(listed: &str, path: &str) -> Option<String> {
    let mut parts = listed.split('\0');
    let mut found: Option<String> = None;
    while let (Some(_), Some(old), Some(new)) = (parts.next(), parts.next(), parts.next()) {
        let before = match new.strip_prefix(path) {
            Some("") => old,
            Some(rest) if rest.starts_with('/') => match old.strip_suffix(rest) {
                Some(folder) => folder,
                None => continue,
            },
            _ => continue,
        };
        if found.as_ref().is_some_and(|found| found != before) {
            return None;
        }
        found = Some(before.to_owned());
    }
    found
}

/// Runs git in a folder.
fn run(folder: &Path, args: &[&str]) -> io::Result<Output> {
    let mut command = Command::new("git");
    // Paths are names, not patterns; nothing is locked or written; messages are those in English.
    command.arg("--literal-pathspecs").args(args).current_dir(folder);
    command.envs([("GIT_OPTIONAL_LOCKS", "0"), ("LC_ALL", "C")]);
    command.output()
}

/// Returns the failure of a git command that should have worked, in its own words.
fn failed(args: &[&str], output: &Output) -> Failure {
    let said = String::from_utf8_lossy(&output.stderr);
    let mut lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    let why = lines.next().unwrap_or("it gave no reason").trim_start_matches("fatal: ");
    let failure = Failure::new(format!("`git {}` failed: {why}", args.first().unwrap_or(&"")));
    // A folder of another user is refused, and git says what to type.
    lines.find(|line| line.starts_with("git ")).map_or(failure.clone(), |line| failure.hint(line))
}

/// Returns the folder that a file stands in, links followed; of one that is not there, the nearest folder that is.
pub(super) fn folder_of(name: &str) -> PathBuf {
    let path = fs::canonicalize(name).unwrap_or_else(|_| PathBuf::from(name));
    if path.is_dir() {
        return path;
    }
    let mut folders = path.ancestors().skip(1).filter(|folder| folder.is_dir());
    folders.next().map_or_else(|| PathBuf::from("."), Path::to_owned)
}

/// What stands at a path of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    /// The name of its content.
    object: String,
    /// Whether the content is the path of another file.
    is_link: bool,
}

/// Reads `git ls-tree -r -z`: the files by their paths from the top; submodules have none.
fn entries(listed: &[u8]) -> BTreeMap<String, Entry> {
    let entry = |line: &[u8]| {
        let line = String::from_utf8_lossy(line);
        let (facts, path) = line.split_once('\t')?;
        let mut facts = facts.split(' ');
        let (mode, kind, object) = (facts.next()?, facts.next()?, facts.next()?);
        let entry = Entry { object: object.to_owned(), is_link: mode == "120000" };
        (kind == "blob").then(|| (path.to_owned(), entry))
    };
    listed.split(|byte| *byte == 0).filter_map(entry).collect()
}

/// The files of a commit.
pub(super) struct Committed {
    git: Git,
    /// By path from the top, with `/`.
    entries: BTreeMap<String, Entry>,
    /// The current folder, links followed.
    current: PathBuf,
    /// The contents that were read.
    held: RefCell<BTreeMap<String, Vec<u8>>>,
}

impl Committed {
    /// Returns the path from the top that a name stands for, links within the commit followed; empty for the top itself,
    /// nothing outside of the repository.
    fn path(&self, name: &str) -> Option<String> {
        let whole = normal(&self.current.join(name));
        // A folder on the way may be a link, on the disk as in the commit.
        let whole = match whole.strip_prefix(&self.git.top) {
            Ok(_) => whole,
            Err(_) => fs::canonicalize(&whole).ok()?,
        };
        let below = whole.strip_prefix(&self.git.top).ok()?.to_str()?;
        let mut path = if cfg!(windows) { below.replace('\\', "/") } else { below.to_owned() };
        for _ in 0..MOST_LINKS {
            let Some((link, entry)) = self.link_in(&path) else { break };
            let target = String::from_utf8(self.content(&entry.object).ok()?).ok()?;
            let rest = path[link.len()..].trim_start_matches('/').to_owned();
            let folder = link.rsplit_once('/').map_or("", |(folder, _)| folder);
            let followed = normal(&Path::new("/").join(folder).join(target).join(rest));
            path = followed.strip_prefix("/").ok()?.to_str()?.to_owned();
        }
        Some(path)
    }

    /// Returns the first link on the way to a path.
    fn link_in(&self, path: &str) -> Option<(String, &Entry)> {
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        ends.map(|end| &path[..end]).find_map(|way| {
            let entry = self.entries.get(way).filter(|entry| entry.is_link)?;
            Some((way.to_owned(), entry))
        })
    }

    /// Returns the path that was renamed to a name since the commit, as git finds it, with the name as it is on the disk.
    pub(super) fn renamed_from(&self, name: &str, commit: &str) -> Option<String> {
        let args = ["diff", "--name-status", "--find-renames", "--diff-filter=R", "-z", "--no-ext-diff", commit];
        let listed = self.git.output(&args).ok()?;
        // Of a glob, what stands before its first wildcard was renamed.
        let parts: Vec<&str> = name.split('/').collect();
        let fixed = parts.iter().take_while(|part| !is_wild(part)).count();
        let (start, rest) = (parts[..fixed].join("/"), parts[fixed..].join("/"));
        let start = if fixed == 0 { "." } else { start.as_str() };
        let before = renamed(&String::from_utf8_lossy(&listed), &self.git.below(start)?)?;
        let whole = self.git.top.join(&before);
        let shown = whole.strip_prefix(&self.current).map_or_else(|_| whole.to_str(), Path::to_str)?;
        self.kind(shown)?;
        Some(if rest.is_empty() { shown.to_owned() } else { format!("{shown}/{rest}") })
    }

    /// Returns what stands below a folder: the rests of paths.
    fn below<'a>(&'a self, folder: &str) -> impl Iterator<Item = &'a str> {
        let start = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let from = self.entries.range(start.clone()..);
        from.map(|(path, _)| path.as_str()).map_while(move |path| path.strip_prefix(start.as_str()))
    }

    fn content(&self, object: &str) -> io::Result<Vec<u8>> {
        if let Some(held) = self.held.borrow().get(object) {
            return Ok(held.clone());
        }
        let bytes =
            self.git.output(&["cat-file", "blob", object]).map_err(|failure| io::Error::other(failure.message))?;
        self.held.borrow_mut().insert(object.to_owned(), bytes.clone());
        Ok(bytes)
    }
}

impl Files for Committed {
    fn kind(&self, name: &str) -> Option<FileKind> {
        let path = self.path(name)?;
        match self.entries.contains_key(&path) {
            true => Some(FileKind::File),
            false => self.below(&path).next().map(|_| FileKind::Folder),
        }
    }

    fn read(&self, name: &str, most: u64) -> io::Result<Vec<u8>> {
        let entry = self.path(name).and_then(|path| self.entries.get(&path)).ok_or(io::ErrorKind::NotFound)?;
        let mut bytes = self.content(&entry.object)?;
        bytes.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        Ok(bytes)
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let path = self.path(folder).ok_or(io::ErrorKind::NotFound)?;
        let mut names: Vec<String> =
            self.below(&path).map(|rest| rest.split('/').next().unwrap_or_default().to_owned()).collect();
        names.dedup();
        if names.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(names) }
    }

    /// Names are written as the glob is: what stands before its first part with a wildcard is kept.
    fn matching(&self, glob: &str) -> Result<Vec<String>, String> {
        let parts: Vec<&str> = glob.split('/').collect();
        let fixed = parts.iter().take_while(|part| !is_wild(part)).count();
        let (start, rest) = (parts[..fixed].join("/"), parts[fixed..].join("/"));
        let pattern = glob::Pattern::new(&rest).map_err(|error| error.msg.to_owned())?;
        let folder = match start.as_str() {
            "" if glob.starts_with('/') => "/",
            "" => ".",
            start => start,
        };
        let Some(path) = self.path(folder) else { return Ok(Vec::new()) };
        let options = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::new() };
        let found = self.below(&path).filter(|below| pattern.matches_with(below, options));
        let head = if fixed == 0 { String::new() } else { format!("{start}/") };
        Ok(found.map(|below| format!("{head}{below}")).collect())
    }

    fn identity(&self, name: &str) -> String {
        self.path(name).unwrap_or_else(|| name.to_owned())
    }
}

/// Returns whether a part of a path is a pattern.
fn is_wild(part: &str) -> bool {
    part.contains(['*', '?', '['])
}

/// Takes `.` and `..` out of an absolute path.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A commit of files; `name -> target` is a link.
    fn commit(current: &str, files: &[&str]) -> Committed {
        let (mut entries, mut held) = (BTreeMap::new(), BTreeMap::new());
        for file in files {
            let (path, target) = file.split_once(" -> ").unwrap_or((file, ""));
            let object = format!("object of {path}");
            held.insert(object.clone(), if target.is_empty() { path } else { target }.as_bytes().to_vec());
            entries.insert(path.to_owned(), Entry { object, is_link: !target.is_empty() });
        }
        let git = Git { top: "/repo".into(), flag: "--base" };
        Committed { git, entries, current: current.into(), held: RefCell::new(held) }
    }

    #[test]
    fn files_and_folders_of_a_commit_have_the_names_of_the_disk() {
        let files = commit("/repo/team", &["rules/a.yml", "team/rules/b.yml", "team/c.yml", "team/now -> ../rules"]);
        let check = |name: &str, expected: Option<FileKind>| assert_eq!(files.kind(name), expected, "{name}");
        check("c.yml", Some(FileKind::File));
        check("./rules/../c.yml", Some(FileKind::File));
        check("/repo/team/c.yml", Some(FileKind::File));
        check("rules", Some(FileKind::Folder));
        check("rules/", Some(FileKind::Folder));
        check(".", Some(FileKind::Folder));
        check("../rules/a.yml", Some(FileKind::File));
        check("now", Some(FileKind::Folder));
        check("now/a.yml", Some(FileKind::File));
        check("rule", None);
        check("../../elsewhere/c.yml", None);
        assert_eq!(files.list("now").ok(), Some(vec!["a.yml".to_owned()]));
        assert_eq!(files.read("now/a.yml", 7).ok(), Some(b"rules/a".to_vec()));
        assert!(files.read("rules", 7).is_err() && files.list("none").is_err());
        assert_eq!(files.identity("now/a.yml"), files.identity("/repo/rules/a.yml"));
    }

    #[test]
    fn globs_match_the_paths_of_a_commit() {
        let files =
            commit("/repo/team", &["a.yml", "team/b.yml", "team/rules/c.yml", "team/rules/d/e.yml", "x[1]/f.yml"]);
        let check = |glob: &str, expected: &[&str]| {
            let found = files.matching(glob).expect(glob);
            assert_eq!(found, expected, "{glob}");
        };
        check("*.yml", &["b.yml"]);
        check("rules/*.yml", &["rules/c.yml"]);
        check("./rules/**/*.yml", &["./rules/c.yml", "./rules/d/e.yml"]);
        check("../*.yml", &["../a.yml"]);
        check("/repo/*/b.yml", &["/repo/team/b.yml"]);
        check("none/*.yml", &[]);
        assert!(files.matching("a[").is_err());
    }

    #[test]
    fn where_a_path_stood_is_found_among_renames() {
        let check = |listed: &str, path: &str, expected: Option<&str>| {
            assert_eq!(renamed(listed, path).as_deref(), expected, "{listed} {path}");
        };
        let listed = "R100\0rules/a.yml\0rr/a.yml\0R090\0rules/b/c.yml\0rr/b/c.yml\0R100\0x.md\0y.md\0";
        check(listed, "rr", Some("rules"));
        check(listed, "rr/a.yml", Some("rules/a.yml"));
        check(listed, "r", None);
        check(listed, "none", None);
        check("R100\0p/a.yml\0rr/a.yml\0R100\0q/b.yml\0rr/b.yml\0", "rr", None);
        check("", "rr", None);
    }

    #[test]
    fn the_list_of_a_commit_is_read() {
        let listed = b"100644 blob aa\ta b.yml\x00120000 blob bb\tlink\x00160000 commit cc\tsub\0";
        let found: Vec<(String, Entry)> = entries(listed).into_iter().collect();
        let entry = |object: &str, is_link| Entry { object: object.to_owned(), is_link };
        assert_eq!(found, [("a b.yml".to_owned(), entry("aa", false)), ("link".to_owned(), entry("bb", true))]);
    }
}
