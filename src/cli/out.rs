//! Where results go: standard output, files that appear whole or not at all, devices and pipes.

use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::Failure;
use super::flags::{Format, OutArgs};

/// One place and the format that goes there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Output {
    pub(crate) format: Format,
    /// None is standard output.
    pub(crate) path: Option<PathBuf>,
}

/// Returns where results go: to each `--out`, or else to standard output.
pub(crate) fn outputs(args: &OutArgs) -> Result<Vec<Output>, Failure> {
    let OutArgs { out, format } = args;
    if out.is_empty() {
        return Ok(vec![Output { format: *format, path: None }]);
    }
    let mut outputs: Vec<Output> = Vec::new();
    for target in out {
        if outputs.iter().any(|other| other.path == target.path) {
            let place = target.path.as_deref().map_or("-".into(), |path| path.to_string_lossy());
            return Err(Failure::new(format!("--out names `{place}` twice")));
        }
        // What is wrong with the place is told before the work.
        target.path.as_deref().map_or(Ok(()), check_place)?;
        outputs.push(Output { format: target.format.unwrap_or(*format), path: target.path.clone() });
    }
    Ok(outputs)
}

/// Writes one output. A regular file is replaced when all of it is written, and stays as it was if that fails.
///
/// A closed pipe on standard output is no failure: whoever read it had enough.
pub(crate) fn write(output: &Output, content: Content<'_>) -> Result<(), Failure> {
    write_to(output.path.as_deref(), content)
}

/// Writes to a path as [`write`] does, or to standard output.
pub(crate) fn write_to(path: Option<&Path>, content: Content<'_>) -> Result<(), Failure> {
    let Some(path) = path else {
        let mut out = BufWriter::new(io::stdout().lock());
        let written = content(&mut out).and_then(|()| out.flush());
        // What is still buffered after a failure must not be tried again when the buffer is dropped.
        let _ = out.into_parts();
        return match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Err(error) => Err(Failure::new(format!("standard output can not be written: {error}"))),
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
        Err(_) => whole(path, None, content).map_err(failed),
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
    let file = new_file(folder, permissions)?;
    let mut out = BufWriter::new(file);
    content(&mut out)?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.persist(path).map(|_| ()).map_err(|error| error.error)
}

/// Makes a file beside the one that it becomes, with the rights of the old one or the usual ones.
fn new_file(folder: &Path, permissions: Option<fs::Permissions>) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".alertctl-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let file = builder.tempfile_in(folder)?;
    if let Some(permissions) = permissions {
        file.as_file().set_permissions(permissions)?;
    }
    Ok(file)
}

/// Tells of a place in which nothing can be written.
pub(crate) fn check_place(path: &Path) -> Result<(), Failure> {
    if path.is_dir() {
        return Err(folder(path));
    }
    missing_folder(path).map_or(Ok(()), |folder| Err(no_folder(folder)))
}

fn folder(path: &Path) -> Failure {
    Failure::new(format!("--out `{}` is a folder", path.display())).hint("name a file in it")
}

/// Returns the folder of a path, if it is not there.
fn missing_folder(path: &Path) -> Option<&Path> {
    path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists())
}

fn no_folder(folder: &Path) -> Failure {
    let folder = folder.display();
    Failure::new(format!("--out: there is no folder `{folder}`")).hint(format!("make it first: mkdir -p {folder}"))
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    if let Some(folder) = missing_folder(path) {
        return no_folder(folder);
    }
    // An error that was wrapped on its way names a temporary file, which is no news to anybody.
    let reason = if error.raw_os_error().is_some() { error.to_string() } else { error.kind().to_string() };
    let reason = if error.kind() == io::ErrorKind::Other { error.to_string() } else { reason };
    Failure::new(format!("`{}` can not be written: {reason}", path.display()))
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
    fn devices_are_written_straight() {
        let output = Output { format: Format::Csv, path: Some("/dev/null".into()) };
        write(&output, &mut |out| out.write_all(b"x")).expect("written");
        let full = Output { format: Format::Csv, path: Some("/dev/full".into()) };
        assert!(!Path::new("/dev/full").exists() || write(&full, &mut |out| out.write_all(b"x")).is_err());
    }

    #[test]
    fn wrong_places_are_told() {
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
        let out = ["a.csv", "-", "b"].iter().map(|text| text.parse().expect("a target")).collect();
        let args = OutArgs { out, format: Format::Json };
        let formats: Vec<Format> = outputs(&args).expect("distinct").into_iter().map(|output| output.format).collect();
        assert_eq!(formats, [Format::Csv, Format::Json, Format::Json]);
        let twice = OutArgs { out: vec![args.out[0].clone(), args.out[0].clone()], ..args };
        assert!(outputs(&twice).is_err());
    }
}
