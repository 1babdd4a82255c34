//! Where results go: standard output, files that appear whole or not at all, devices and pipes.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::report::check::Root;

use super::flags::Format;
use super::flags::output::{OutFormat, Target};
use super::unfinished::Unfinished;
use super::{Failure, claims};

/// One place and the format that goes there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Output<F = Format> {
    pub(crate) format: F,
    /// None is standard output.
    pub(crate) path: Option<PathBuf>,
}

/// Returns where results go: to each `--out`, and to standard output where a format was asked for or nothing else is.
pub(crate) fn outputs<F: OutFormat + Copy>(
    targets: &[Target<F>],
    asked: Option<F>,
    usual: F,
) -> Result<Vec<Output<F>>, Failure> {
    let format = asked.unwrap_or(usual);
    let mut outputs: Vec<Output<F>> = Vec::new();
    for target in targets {
        if outputs.iter().any(|other| other.path == target.path) {
            let place = target.path.as_deref().map_or("-".into(), |path| path.to_string_lossy());
            return Err(Failure::new(format!("--out names `{place}` twice")).hint("give each --out a file of its own"));
        }
        // What is wrong with the place is reported before the work.
        target.path.as_deref().map_or(Ok(()), check_place)?;
        outputs.push(Output { format: target.format.unwrap_or(format), path: target.path.clone() });
    }
    let shown = outputs.iter().any(|output| output.path.is_none());
    if !shown && (asked.is_some() || outputs.is_empty()) {
        outputs.push(Output { format, path: None });
    }
    if outputs.iter().any(|output| output.path.is_none()) {
        check_stdout()?;
    }
    Ok(outputs)
}

/// Returns the file that a flag names; `-` is standard output, as nothing is.
pub(crate) fn file(path: &Option<PathBuf>) -> Option<&Path> {
    path.as_deref().filter(|path| *path != Path::new("-"))
}

/// Names the files that were written, for a line on standard error where standard output shows nothing.
pub(crate) fn wrote<F>(outputs: &[Output<F>]) -> Option<String> {
    let paths: Option<Vec<String>> =
        outputs.iter().map(|output| output.path.as_ref().map(|path| format!("`{}`", path.display()))).collect();
    // With no output at all, the command wrote what it shows by itself.
    paths.filter(|paths| !paths.is_empty()).map(|paths| format!("results written to {}", paths.join(", ")))
}

/// Whether standard output was closed when the process began.
static STDOUT_CLOSED: AtomicBool = AtomicBool::new(false);

/// Records that standard output was closed when the process began: nothing written to it would arrive.
pub(crate) fn stdout_is_closed() {
    STDOUT_CLOSED.store(true, Ordering::Relaxed);
}

/// Refuses to write to a standard output that is closed.
pub(crate) fn check_stdout() -> Result<(), Failure> {
    if STDOUT_CLOSED.load(Ordering::Relaxed) {
        return Err(Failure::new("standard output is closed, so the results would be lost")
            .hint("redirect it to a file, or to /dev/null if only the exit code matters"));
    }
    Ok(())
}

pub(crate) fn unwritable_stdout(error: &io::Error) -> Failure {
    Failure::new(format!("cannot write to standard output: {error}"))
}

/// Writes one output. A regular file is replaced when all of it is written, and stays as it was if that fails.
///
/// A closed pipe on standard output is no failure: whoever read it had enough.
pub(crate) fn write<F>(output: &Output<F>, content: Content<'_>) -> Result<(), Failure> {
    write_to(output.path.as_deref(), content)
}

/// Writes to a path as [`write`] does, or to standard output.
pub(crate) fn write_to(path: Option<&Path>, content: Content<'_>) -> Result<(), Failure> {
    let Some(path) = path else {
        check_stdout()?;
        let mut out = BufWriter::new(io::stdout().lock());
        let written = content(&mut out).and_then(|()| out.flush());
        // What is still buffered after a failure must not be tried again when the buffer is dropped.
        let _ = out.into_parts();
        return match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Err(error) => Err(unwritable_stdout(&error)),
            Ok(()) => Ok(()),
        };
    };
    let failed = |error: io::Error| unwritable(path, &error);
    match fs::metadata(path) {
        Ok(facts) if facts.is_dir() => Err(folder(path)),
        Ok(facts) if !facts.is_file() => straight(path, content).map_err(failed),
        // A link stays a link: what it points at is replaced.
        Ok(facts) => {
            let place = fs::canonicalize(path).map_err(failed)?;
            whole(&place, Some(facts.permissions()), content).map_err(failed)
        }
        Err(_) => whole(&claims::followed(path), None, content).map_err(failed),
    }
}

pub(crate) type Content<'a> = &'a mut dyn FnMut(&mut dyn Write) -> io::Result<()>;

fn straight(path: &Path, content: Content<'_>) -> io::Result<()> {
    let mut out = BufWriter::new(OpenOptions::new().write(true).open(path)?);
    content(&mut out)?;
    out.flush()
}

fn whole(path: &Path, permissions: Option<fs::Permissions>, content: Content<'_>) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = Unfinished::new(folder, permissions)?;
    let mut out = BufWriter::new(&mut file);
    content(&mut out)?;
    out.flush()?;
    drop(out);
    file.persist(path)
}

/// Returns the top of the repository that the current folder is in, which is known by its `.git`.
pub(crate) fn root() -> Root {
    let current = env::current_dir().unwrap_or_default();
    let top = current.ancestors().find(|folder| folder.join(".git").exists()).unwrap_or(&current);
    Root { top: top.to_owned(), current: current.clone() }
}

/// Refuses a place where nothing can be written.
pub(crate) fn check_place(path: &Path) -> Result<(), Failure> {
    if path.is_dir() {
        return Err(folder(path));
    }
    missing_folder(path).map_or(Ok(()), |folder| Err(no_folder(folder)))
}

fn folder(path: &Path) -> Failure {
    Failure::new(format!("`{}` is a folder, expected a file", path.display()))
        .hint(format!("name a file in it: {}/report.json", path.display().to_string().trim_end_matches('/')))
}

/// Returns the folder of a path, if it is not there.
fn missing_folder(path: &Path) -> Option<&Path> {
    path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists())
}

fn no_folder(folder: &Path) -> Failure {
    let folder = folder.display();
    Failure::new(format!("no such folder: `{folder}`")).hint(format!("create it first: mkdir -p {folder}"))
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    if let Some(folder) = missing_folder(path) {
        return no_folder(folder);
    }
    // An error that was wrapped on its way names a temporary file, which is no news to anybody.
    let reason = if error.raw_os_error().is_some() { error.to_string() } else { error.kind().to_string() };
    let reason = if error.kind() == io::ErrorKind::Other { error.to_string() } else { reason };
    Failure::new(format!("cannot write `{}`: {reason}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(folder: &tempfile::TempDir, name: &str) -> Output {
        Output { format: Format::Json, path: Some(folder.path().join(name)) }
    }

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().expect("a folder");
        let output = file(&folder, "report.json");
        write(&output, &mut |out| out.write_all(b"one")).expect("written");
        let failed = write(&output, &mut |out| {
            out.write_all(b"two")?;
            Err(io::Error::other("the disk is full"))
        });
        assert!(failed.is_err_and(|failure| failure.to_string().contains("the disk is full")));
        assert_eq!(fs::read(folder.path().join("report.json")).expect("there"), b"one");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }

    #[test]
    fn files_are_named_where_all_is_written_to_them() {
        let of = |path: Option<&str>| Output { format: Format::Json, path: path.map(Into::into) };
        assert_eq!(wrote(&[of(Some("a.json")), of(Some("b"))]).as_deref(), Some("results written to `a.json`, `b`"));
        assert_eq!(wrote(&[of(Some("a.json")), of(None)]), None);
        assert_eq!(wrote::<Format>(&[]), None);
    }

    #[test]
    fn devices_are_written_straight() {
        let output = Output { format: Format::Csv, path: Some("/dev/null".into()) };
        write(&output, &mut |out| out.write_all(b"x")).expect("written");
        let full = Output { format: Format::Csv, path: Some("/dev/full".into()) };
        assert!(!Path::new("/dev/full").exists() || write(&full, &mut |out| out.write_all(b"x")).is_err());
    }

    #[test]
    fn wrong_places_are_reported() {
        let folder = tempfile::tempdir().expect("a folder");
        let check = |name: &str, expected: &str| {
            let failure = write(&file(&folder, name), &mut |out| out.write_all(b"x")).expect_err("wrong");
            assert!(failure.to_string().contains(expected), "{failure}");
        };
        check("", "is a folder");
        check("none/report.json", "mkdir -p");
    }

    #[test]
    fn formats_come_from_the_target_or_the_flag() {
        let check = |out: &[&str], asked: Option<Format>, expected: &[(Format, Option<&str>)]| {
            let targets: Vec<Target<Format>> = out.iter().map(|text| text.parse().expect("a target")).collect();
            let found = outputs(&targets, asked, Format::Table).expect("distinct");
            let found: Vec<_> =
                found.iter().map(|output| (output.format, output.path.as_deref().and_then(Path::to_str))).collect();
            assert_eq!(found, expected, "{out:?}");
        };
        let (csv, json, table) = (Format::Csv, Format::Json, Format::Table);
        check(&[], None, &[(table, None)]);
        check(&[], Some(json), &[(json, None)]);
        check(&["a.csv", "-", "b"], Some(json), &[(csv, Some("a.csv")), (json, None), (json, Some("b"))]);
        check(&["a.csv"], None, &[(csv, Some("a.csv"))]);
        check(&["a.csv"], Some(json), &[(csv, Some("a.csv")), (json, None)]);
        let twice = ["a.csv".parse().expect("a target"), "a.csv".parse().expect("a target")];
        assert!(outputs::<Format>(&twice, None, Format::Table).is_err());
    }
}
