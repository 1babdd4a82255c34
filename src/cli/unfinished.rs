//! Files that are written under another name until they are whole, and that a signal takes away.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::NamedTempFile;

/// The files that are not whole yet. Files come, go and get their names under this lock, so that whoever holds it for
/// good knows that none is left.
static ALL: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn all() -> MutexGuard<'static, Vec<PathBuf>> {
    ALL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes all unfinished files, and lets no other begin or get its name while the guard lives: for a process that is
/// about to end.
pub(super) fn abandon() -> impl Sized {
    let mut files = all();
    for path in files.drain(..) {
        // One that cannot be removed stays: there is nobody to tell.
        let _ = fs::remove_file(path);
    }
    files
}

/// A file that is not whole yet; it goes away when dropped.
pub(super) struct Unfinished {
    file: Option<NamedTempFile>,
    path: PathBuf,
}

impl Unfinished {
    /// Makes a file next to the one that it becomes, with the rights of the old one or the usual ones.
    pub(super) fn new(folder: &Path, permissions: Option<fs::Permissions>) -> io::Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".alertctl-");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        let mut files = all();
        let file = builder.tempfile_in(folder)?;
        let path = file.path().to_owned();
        files.push(path.clone());
        drop(files);
        if let Some(permissions) = permissions {
            file.as_file().set_permissions(permissions)?;
        }
        Ok(Self { file: Some(file), path })
    }

    /// Gives the file its name, in place of what has it.
    pub(super) fn persist(mut self, path: &Path) -> io::Result<()> {
        let _held = all();
        let Some(file) = self.file.take() else { return Ok(()) };
        file.persist(path).map(|_| ()).map_err(|error| error.error)
    }
}

impl Write for Unfinished {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.as_mut().map_or(Ok(bytes.len()), |file| file.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), NamedTempFile::flush)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let mut files = all();
        self.file = None;
        files.retain(|path| *path != self.path);
    }
}
