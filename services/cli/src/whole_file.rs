//! A file that appears whole or not at all: written beside its place under another name, then renamed.
//!
//! Dropped before [`Draft::publish`], it leaves nothing. Only a killed process leaves the other name behind.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

/// Whether a file that is there already may be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existing {
    Keep,
    Replace,
}

/// A file being written.
pub(crate) struct Draft {
    file: NamedTempFile<File>,
    path: PathBuf,
}

impl Draft {
    /// Begins the file that will be at `path`.
    pub(crate) fn begin(path: &Path) -> io::Result<Self> {
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let mut builder = Builder::new();
        builder.prefix(".cra-").suffix(".part");
        // As any new file: the user's umask decides, where there is one.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        Ok(Self { file: builder.tempfile_in(directory)?, path: path.to_owned() })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    /// Makes the file appear, on the disk with all of its bytes.
    pub(crate) fn publish(self, existing: Existing) -> io::Result<()> {
        self.file.as_file().sync_all()?;
        let published = match existing {
            Existing::Keep => self.file.persist_noclobber(&self.path),
            Existing::Replace => self.file.persist(&self.path),
        };
        published.map(|_| ()).map_err(|error| error.error)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn draft(path: &Path, text: &str) -> Draft {
        let mut draft = Draft::begin(path).unwrap();
        draft.write(text.as_bytes()).unwrap();
        draft
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn the_file_appears_with_all_of_its_bytes_and_nothing_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.csv");
        let draft = draft(&path, "all");
        assert!(!path.exists());
        draft.publish(Existing::Keep).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "all");
        assert_eq!(names(directory.path()), ["a.csv"]);
    }

    #[test]
    fn a_draft_that_is_given_up_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        drop(draft(&directory.path().join("a.csv"), "half"));
        assert!(names(directory.path()).is_empty());
    }

    #[test]
    fn a_file_that_is_there_is_replaced_only_when_that_was_asked() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.csv");
        fs::write(&path, "before").unwrap();
        let error = draft(&path, "after").publish(Existing::Keep).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "before");
        draft(&path, "after").publish(Existing::Replace).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "after");
        assert_eq!(names(directory.path()), ["a.csv"]);
    }
}
