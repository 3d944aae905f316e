//! The folder of a backup: one writer at a time, files that appear whole, and what may stand in it.
//!
//! Every call blocks, shortly.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::manifest::{Manifest, Segment, file_name};
use super::segment::Draft;
use super::{BackupError, at};

const MANIFEST: &str = "manifest.json";
/// Held while an export writes.
const LOCK: &str = "export.lock";
/// How long a folder that is just being let go is waited for: also a process that is being started has the lock of the one
/// that starts it, until it runs its program.
const LOCK_WAIT: Duration = Duration::from_millis(500);
const LOCK_RETRY: Duration = Duration::from_millis(10);
/// Added to a name while the file is written.
const WRITING: &str = "part";
/// Largest manifest that is read: room for some 40,000 segments, or two billion events.
const MANIFEST_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// A backup's folder, to write in. Free again when dropped.
pub(super) struct Folder {
    dir: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder where it is missing.
    pub(super) fn open(dir: &Path) -> Result<Self, BackupError> {
        fs::create_dir_all(dir).map_err(at(dir))?;
        let path = dir.join(LOCK);
        let lock = File::options().create(true).truncate(false).write(true).open(&path).map_err(at(&path))?;
        let until = Instant::now() + LOCK_WAIT;
        let locked = loop {
            match lock.try_lock() {
                Err(TryLockError::WouldBlock) if Instant::now() < until => thread::sleep(LOCK_RETRY),
                locked => break locked,
            }
        };
        match locked {
            Ok(()) => Ok(Self { dir: dir.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(BackupError::InUse(dir.to_owned())),
            Err(TryLockError::Error(error)) => Err(at(&path)(error)),
        }
    }

    /// Puts a segment in its place, then the manifest that names it in place of the last one.
    pub(super) fn add(&self, manifest: &mut Manifest, draft: &Draft) -> Result<Segment, BackupError> {
        let writing = self.dir.join(format!("segment.{WRITING}"));
        let segment = draft.write(&writing)?;
        let path = self.dir.join(segment.file_name());
        // What an interrupted export left there was never part of the backup.
        fs::rename(&writing, &path).map_err(at(&path))?;
        manifest.push(segment.clone());
        self.keep(manifest)?;
        Ok(segment)
    }

    /// Puts the manifest in place of the last one. All that it names is on the disk before.
    pub(super) fn keep(&self, manifest: &Manifest) -> Result<(), BackupError> {
        let path = self.dir.join(MANIFEST);
        let writing = path.with_extension(WRITING);
        let text = manifest.to_json().map_err(|error| at(&path)(error.into()))?;
        self.sync()?;
        let mut file = File::create(&writing).map_err(at(&writing))?;
        file.write_all(&text).and_then(|()| file.sync_all()).map_err(at(&writing))?;
        fs::rename(&writing, &path).map_err(at(&path))?;
        self.sync()
    }

    /// Names, too, survive a power cut.
    fn sync(&self) -> Result<(), BackupError> {
        #[cfg(unix)]
        File::open(&self.dir).and_then(|dir| dir.sync_all()).map_err(at(&self.dir))?;
        Ok(())
    }
}

/// The manifest of the backup in a folder, sound in itself; `None` where no backup was begun. An error when there are
/// segments it does not name, but for the one that an interrupted export leaves behind.
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
