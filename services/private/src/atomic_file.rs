//! A file that appears completely or not at all, even after a power cut, and that only its owner can read.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

/// Prefix and suffix of the temporary name.
const PREFIX: &str = ".cra-";
const SUFFIX: &str = ".part";

/// What to do if the file already exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Keep it, and fail with [`io::ErrorKind::AlreadyExists`].
    Keep,
    /// Replace it.
    Replace,
}

/// A file being written, mode 0600, under a temporary name in its final folder.
///
/// If it is dropped before [`AtomicFile::publish`], it is removed. Only a killed process leaves the temporary file
/// behind; [`LockedDir::open`](crate::LockedDir::open) removes those.
#[derive(Debug)]
pub struct AtomicFile {
    file: NamedTempFile<File>,
    path: PathBuf,
}

impl AtomicFile {
    /// Creates the temporary file for `path`. The folder must exist.
    pub fn begin(path: &Path) -> io::Result<Self> {
        let file = Builder::new().prefix(PREFIX).suffix(SUFFIX).tempfile_in(folder_of(path))?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Replaces the file at `path` with these bytes.
    pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
        Self::write_whole(path, bytes, Existing::Replace)
    }

    /// Writes a file with these bytes at `path`.
    pub fn write_whole(path: &Path, bytes: &[u8], existing: Existing) -> io::Result<()> {
        let mut file = Self::begin(path)?;
        file.write_all(bytes)?;
        file.publish(existing)
    }

    /// Renames the file to its final name. The bytes are durable before the rename, and the name is durable when this
    /// returns.
    pub fn publish(self, existing: Existing) -> io::Result<()> {
        self.file.as_file().sync_all()?;
        let published = match existing {
            Existing::Keep => self.file.persist_noclobber(&self.path),
            Existing::Replace => self.file.persist(&self.path),
        };
        published.map_err(|error| error.error)?;
        sync_folder(folder_of(&self.path))
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Whether a name is that of an unpublished temporary file.
pub(crate) fn is_unfinished(name: &str) -> bool {
    name.starts_with(PREFIX) && name.ends_with(SUFFIX)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Fsyncs the folder so that the rename is durable. Errors of file systems that cannot sync folders are ignored.
fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        Err(error)
            if !matches!(
                error.kind(),
                io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied
            ) =>
        {
            return Err(error);
        }
        _ => {}
    }
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    fn started(path: &Path, text: &str) -> AtomicFile {
        let mut file = AtomicFile::begin(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    #[test]
    fn the_file_appears_with_all_of_its_bytes_and_nothing_else_appears() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.csv");
        let file = started(&path, "all");
        assert!(!path.exists());
        file.publish(Existing::Keep).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "all");
        assert_eq!(names(directory.path()), ["a.csv"]);
    }

    #[test]
    fn an_abandoned_file_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        drop(started(&directory.path().join("a.csv"), "half"));
        assert!(names(directory.path()).is_empty());
    }

    #[test]
    fn an_existing_file_is_replaced_only_on_request() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.csv");
        fs::write(&path, "before").unwrap();
        let error = AtomicFile::write_whole(&path, b"after", Existing::Keep).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "before");
        AtomicFile::replace(&path, b"after").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "after");
        assert_eq!(names(directory.path()), ["a.csv"]);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_the_file_even_if_it_replaces_a_public_one() {
        use std::os::unix::fs::PermissionsExt as _;

        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.csv");
        fs::write(&path, "before").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        AtomicFile::replace(&path, b"after").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
