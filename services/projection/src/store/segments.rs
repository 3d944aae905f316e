//! The sealed segments of a generation as files: a copy of what its facts give, so that a start need not seal them again.
//! Their checksum detects an incomplete file; they are not flushed.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use cra_analytics::columns::SegmentStore;

const FOLDER: &str = "segments";

/// One file per segment, named after its number.
pub(crate) struct SegmentFiles(PathBuf);

impl SegmentFiles {
    /// Files below the folder of a generation; their folder is created with the first.
    pub(super) fn of(generation: &Path) -> Self {
        Self(generation.join(FOLDER))
    }

    fn path(&self, number: usize) -> PathBuf {
        self.0.join(number.to_string())
    }

    /// Removes the file of a segment, durably: its facts are about to change.
    pub(crate) fn remove(&self, number: usize) -> io::Result<()> {
        match fs::remove_file(self.path(number)) {
            Ok(()) => File::open(&self.0)?.sync_all(),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Removes the files from a number on: their events were not written before the process ended.
    pub(super) fn remove_from(&self, number: usize) -> io::Result<()> {
        let files = match fs::read_dir(&self.0) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            files => files?,
        };
        for file in files {
            let found = file?.file_name().to_str().and_then(|name| name.parse().ok());
            if let Some(later) = found.filter(|found| *found >= number) {
                self.remove(later)?;
            }
        }
        Ok(())
    }
}

impl SegmentStore for SegmentFiles {
    fn read(&self, number: usize) -> Option<Vec<u8>> {
        fs::read(self.path(number)).ok()
    }

    fn write(&self, number: usize, bytes: &[u8]) {
        let path = self.path(number);
        let written = fs::write(&path, bytes).or_else(|error| match error.kind() {
            // Not with its parents: those of a deleted generation must not come back.
            ErrorKind::NotFound => fs::create_dir(&self.0).and_then(|()| fs::write(&path, bytes)),
            _ => Err(error),
        });
        if let Err(error) = written {
            // What was written of it takes space that a full disk lacks.
            let _ = fs::remove_file(&path);
            tracing::warn!(path = %path.display(), error = %error, "a segment was not stored: the next start seals it again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_removed_by_number_and_from_a_number_on() {
        let generation = tempfile::tempdir().unwrap();
        let files = SegmentFiles::of(generation.path());
        files.remove_from(0).unwrap();
        files.remove(0).unwrap();
        for number in [0, 1, 2, 10] {
            files.write(number, &[7]);
        }
        files.remove(1).unwrap();
        files.remove_from(2).unwrap();
        let kept: Vec<_> = (0..=10).filter(|number| files.read(*number).is_some()).collect();
        assert_eq!(kept, [0]);
    }

    #[test]
    fn a_segment_does_not_bring_a_deleted_generation_back() {
        let parent = tempfile::tempdir().unwrap();
        let generation = parent.path().join("generation");
        SegmentFiles::of(&generation).write(0, &[7]);
        assert!(!generation.exists());
    }
}
