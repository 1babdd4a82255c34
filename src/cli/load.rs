//! The disk: files by name, and recordings that are opened from it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::input::{Source, Text};
use crate::source::{FileError, FileKind, Files, expand};

use super::Failure;

/// How standard input is named.
pub(crate) const STDIN: &str = "-";

/// The files of this machine.
pub(crate) struct Disk;

impl Files for Disk {
    fn kind(&self, name: &str) -> Option<FileKind> {
        let facts = fs::metadata(name).ok()?;
        Some(match () {
            () if facts.is_dir() => FileKind::Folder,
            () if facts.is_file() => FileKind::File,
            () => FileKind::Other,
        })
    }

    fn read(&self, name: &str, most: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(name)?.take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn matching(&self, glob: &str) -> Result<Vec<String>, String> {
        let found = glob::glob(glob).map_err(|error| error.msg.to_owned())?;
        Ok(found.filter_map(Result::ok).map(|path| path.to_string_lossy().into_owned()).collect())
    }

    fn identity(&self, name: &str) -> String {
        fs::canonicalize(name).map_or_else(|_| name.to_owned(), |path| path.to_string_lossy().into_owned())
    }
}

/// Returns the recordings that paths and globs name, in their order; `-` is standard input.
pub(crate) fn recordings(paths: &[String]) -> Result<Vec<Box<dyn Source>>, Failure> {
    let mut sources: Vec<Box<dyn Source>> = Vec::new();
    let mut stdin = false;
    for path in paths {
        if path == STDIN {
            if stdin {
                return Err(Failure::new("standard input (`-`) is named twice"));
            }
            stdin = true;
            sources.push(Box::new(Stdin::default()));
            continue;
        }
        for name in expand(&Disk, path)? {
            if Path::new(&name).is_dir() {
                let name = name.trim_end_matches('/');
                return Err(Failure::new(format!("`{name}` is a folder, not a recording"))
                    .hint(format!("name the files in it: '{name}/*.csv'")));
            }
            File::open(&name).map_err(|error| FileError::unreadable(&Disk, &name, &error))?;
            sources.push(Box::new(FileSource { name }));
        }
    }
    Ok(sources)
}

/// Reads standard input up to one byte more than so many, so that the caller can refuse a longer one.
pub(crate) fn stdin(most: usize) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = io::stdin().take(most as u64 + 1).read_to_end(&mut bytes);
    read.map(|_| bytes).map_err(|error| Failure::new(format!("cannot read standard input: {error}")))
}

/// Returns how long the files of recordings are together; none if one has no length.
pub(crate) fn length(sources: &[Box<dyn Source>]) -> Option<u64> {
    sources
        .iter()
        .map(|source| fs::metadata(source.name()).ok().filter(fs::Metadata::is_file).map(|facts| facts.len()))
        .sum()
}

/// A recording that can be opened more than once, by whoever has a part in it.
pub(crate) struct Shared(Arc<dyn Source>);

impl Shared {
    /// Takes recordings; what can be read only once is read to its end and held.
    pub(crate) fn all(sources: Vec<Box<dyn Source>>) -> Result<Vec<Self>, Failure> {
        let shared = |source: Box<dyn Source>| -> Result<Self, Failure> {
            if source.reopens() {
                return Ok(Self(Arc::from(source)));
            }
            let mut bytes = Vec::new();
            let read = source.open().and_then(|mut open| open.read_to_end(&mut bytes));
            read.map_err(|error| Failure::new(format!("cannot read `{}`: {error}", source.name())))?;
            Ok(Self(Arc::new(Text::new(source.name(), bytes))))
        };
        sources.into_iter().map(shared).collect()
    }

    /// Returns the recordings for one reading.
    pub(crate) fn again(all: &[Self]) -> Vec<Box<dyn Source>> {
        all.iter().map(|one| -> Box<dyn Source> { Box::new(Self(Arc::clone(&one.0))) }).collect()
    }
}

impl Source for Shared {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        self.0.open()
    }

    fn reopens(&self) -> bool {
        self.0.reopens()
    }
}

struct FileSource {
    name: String,
}

impl Source for FileSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
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

    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
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
