//! Folders of a program's own files: for their owner alone, and with one writer at a time.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::atomic_file::{AtomicFile, is_unfinished};

/// How long [`LockedDir::open`] waits for a former owner: a child process holds the lock of its parent until it runs its
/// own program.
const LOCK_WAIT: Duration = Duration::from_millis(500);
const LOCK_RETRY: Duration = Duration::from_millis(10);
#[cfg(unix)]
const OWNER_ONLY: u32 = 0o700;

/// Makes a folder and those above it that are missing, mode 0700. One that exists stays as its owner made it: it may be a
/// working directory, or hold files of others.
pub fn make_dir(dir: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, OWNER_ONLY);
    builder.create(dir)
}

/// As [`make_dir`], and makes the folder 0700 where it exists. Only for folders that hold a program's own files and nothing
/// else: an earlier version left them open.
pub fn own_dir(dir: &Path) -> io::Result<()> {
    make_dir(dir)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if fs::metadata(dir)?.permissions().mode() & 0o077 != 0 {
            match fs::set_permissions(dir, fs::Permissions::from_mode(OWNER_ONLY)) {
                // A mounted volume belongs to whoever mounted it; what is made inside is 0700 and 0600 all the same.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
                set => set?,
            }
        }
    }
    Ok(())
}

/// Why a folder has no owner now.
#[derive(Debug)]
pub enum LockError {
    /// Another process writes in it.
    InUse,
    /// It cannot be made, read or written: the path, and what the system answered.
    Io(PathBuf, io::Error),
}

/// A folder with this process as its one writer. Free again when dropped.
#[derive(Debug)]
pub struct LockedDir {
    dir: PathBuf,
    _lock: File,
}

impl LockedDir {
    /// Makes the folder where it is missing, takes it, and removes files that a killed writer never published. `lock` is
    /// the name of the file in it that is locked. Blocks up to half a second.
    pub fn open(dir: &Path, lock: &str) -> Result<Self, LockError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |error| LockError::Io(path, error)
        };
        make_dir(dir).map_err(at(dir))?;
        let path = dir.join(lock);
        let lock = File::options().create(true).truncate(false).write(true).open(&path).map_err(at(&path))?;
        let until = Instant::now() + LOCK_WAIT;
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if Instant::now() < until => thread::sleep(LOCK_RETRY),
                Err(TryLockError::WouldBlock) => return Err(LockError::InUse),
                Err(TryLockError::Error(error)) => return Err(at(&path)(error)),
            }
        }
        for entry in fs::read_dir(dir).map_err(at(dir))? {
            let entry = entry.map_err(at(dir))?;
            if entry.file_name().to_str().is_some_and(is_unfinished) {
                fs::remove_file(entry.path()).map_err(at(&entry.path()))?;
            }
        }
        Ok(Self { dir: dir.to_owned(), _lock: lock })
    }

    /// The path of a file in it.
    #[must_use]
    pub fn join(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Puts a file in it, in place of one of the same name.
    pub fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        AtomicFile::replace(&self.join(name), bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_writer_at_a_time_and_nothing_is_left_of_a_killed_one() {
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("a/b");
        let locked = LockedDir::open(&dir, "lock").unwrap();
        assert!(matches!(LockedDir::open(&dir, "lock"), Err(LockError::InUse)));
        locked.replace("kept", b"1").unwrap();
        fs::write(dir.join(".cra-abc.part"), "half").unwrap();
        drop(locked);
        let _locked = LockedDir::open(&dir, "lock").unwrap();
        let mut names: Vec<_> = fs::read_dir(&dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["kept", "lock"]);
    }

    #[cfg(unix)]
    #[test]
    fn folders_are_for_their_owner_those_of_an_earlier_version_too() {
        use std::os::unix::fs::PermissionsExt as _;

        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let parent = tempfile::tempdir().unwrap();
        let within = parent.path().join("made/within");
        make_dir(&within).unwrap();
        assert_eq!([mode(&within), mode(within.parent().unwrap())], [0o700; 2]);
        let wide = parent.path().join("wide");
        fs::create_dir(&wide).unwrap();
        fs::set_permissions(&wide, fs::Permissions::from_mode(0o755)).unwrap();
        make_dir(&wide).unwrap();
        assert_eq!(mode(&wide), 0o755);
        own_dir(&wide).unwrap();
        assert_eq!(mode(&wide), 0o700);
    }
}
