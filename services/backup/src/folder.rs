//! The folder of a backup: one writer at a time, atomically written files, and the files that may exist.
//!
//! Every call blocks briefly.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use cra_private::{LockError, LockedDir};

use super::manifest::{Manifest, Segment, file_name};
use super::segment::Draft;
use super::{BackupError, at};

const MANIFEST: &str = "manifest.json";
/// Locked while an export writes.
const LOCK: &str = "export.lock";
/// Maximum size of a manifest: room for some 40,000 segments, or two billion events.
const MANIFEST_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// A locked backup folder. Dropping it releases the lock.
pub(super) struct Folder(LockedDir);

impl Folder {
    /// Creates the folder if it is missing, and locks it.
    pub(super) fn open(dir: &Path) -> Result<Self, BackupError> {
        LockedDir::open(dir, LOCK).map(Self).map_err(|error| match error {
            LockError::InUse { dir, holder } => BackupError::InUse { dir, holder },
            LockError::Io(path, error) => at(&path)(error),
        })
    }

    /// Writes a segment, then replaces the manifest by one that lists it.
    pub(super) fn add(&self, manifest: &mut Manifest, draft: &Draft) -> Result<Segment, BackupError> {
        // A file left under that name by an interrupted export was never part of the backup.
        let segment = draft.write(&self.0.join(&draft.file_name()))?;
        manifest.push(segment.clone());
        self.save(manifest)?;
        Ok(segment)
    }

    /// Replaces the manifest. Everything that it lists is already durable.
    pub(super) fn save(&self, manifest: &Manifest) -> Result<(), BackupError> {
        let path = self.0.join(MANIFEST);
        let text = manifest.to_json().map_err(|error| at(&path)(error.into()))?;
        self.0.replace(MANIFEST, &text).map_err(at(&path))
    }
}

/// Deletes a backup, the manifest last, and the folder if nothing else is in it.
pub(super) fn delete(dir: &Path, manifest: &Manifest) -> Result<(), BackupError> {
    let folder = Folder::open(dir)?;
    for name in manifest.segments.iter().map(Segment::file_name).chain([MANIFEST.to_owned()]) {
        let path = folder.0.join(&name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(at(&path)(error)),
            _ => {}
        }
    }
    drop(folder);
    match fs::remove_file(dir.join(LOCK)).and_then(|()| fs::remove_dir(dir)) {
        Err(error) if error.kind() != ErrorKind::DirectoryNotEmpty => Err(at(dir)(error)),
        _ => Ok(()),
    }
}

/// The valid manifest of a backup in a folder; `None` if no backup was started. An error if there are unlisted
/// segments, except the one that an interrupted export may leave.
pub(super) fn manifest(dir: &Path) -> Result<Option<Manifest>, BackupError> {
    let path = dir.join(MANIFEST);
    let manifest = match File::open(&path) {
        Ok(file) => {
            let mut text = Vec::new();
            file.take(MANIFEST_BYTES_MAX + 1).read_to_end(&mut text).map_err(at(&path))?;
            if text.len() as u64 > MANIFEST_BYTES_MAX {
                let reason = format!("it has more than {MANIFEST_BYTES_MAX} bytes");
                return Err(BackupError::Manifest { path, reason });
            }
            Some(Manifest::parse(&path, &text)?)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(at(&path)(error)),
    };
    let left_over = manifest.as_ref().map(|manifest| file_name(manifest.last_position.next()));
    for name in segment_names(dir)? {
        let is_listed = manifest.as_ref().is_some_and(|manifest| {
            manifest.segments.binary_search_by(|segment| segment.file_name().cmp(&name)).is_ok()
        });
        if !is_listed && left_over.as_ref() != Some(&name) {
            return Err(BackupError::Unlisted { path: dir.join(name) });
        }
    }
    Ok(manifest)
}

fn segment_names(dir: &Path) -> Result<Vec<String>, BackupError> {
    let mut names = Vec::new();
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(names),
        entries => entries.map_err(at(dir))?,
    };
    for entry in entries {
        let name = entry.map_err(at(dir))?.file_name();
        let is_segment = Path::new(&name).extension() == Some(OsStr::new("zst"));
        if let Some(name) = name.to_str().filter(|name| is_segment && name.starts_with("events-")) {
            names.push(name.to_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}
