//! Folders of a program's own files: readable by their owner only, with one writer at a time.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::atomic_file::{AtomicFile, is_unfinished};

/// How long [`LockedDir::open`] waits for a previous owner. A child process holds the lock of its parent until it
/// executes its own program.
const LOCK_TIMEOUT: Duration = Duration::from_millis(500);
const LOCK_RETRY: Duration = Duration::from_millis(10);
/// Linux's file with the name of the machine or container.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";
/// Maximum number of bytes read from a lock file.
const HOLDER_BYTES_MAX: u64 = 512;
#[cfg(unix)]
const OWNER_ONLY: u32 = 0o700;

/// Creates a folder and its missing parents, mode 0700. An existing folder keeps its mode: it may be a working
/// directory, or hold files of others.
pub fn make_dir(dir: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, OWNER_ONLY);
    builder.create(dir)
}

/// Like [`make_dir`], but sets the mode 0700 on an existing folder too. Only for folders that hold nothing but the
/// program's own files: an earlier version left them open.
pub fn own_dir(dir: &Path) -> io::Result<()> {
    make_dir(dir)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if fs::metadata(dir)?.permissions().mode() & 0o077 != 0 {
            match fs::set_permissions(dir, fs::Permissions::from_mode(OWNER_ONLY)) {
                // A mounted volume may belong to another user; the files inside are still 0700 and 0600.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
                set => set?,
            }
        }
    }
    Ok(())
}

/// Why a folder cannot be locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has locked it.
    #[error(
        "{} is in use by {}: stop it, or choose another folder",
        dir.display(),
        if holder.is_empty() { "another process" } else { holder }
    )]
    InUse {
        /// The folder.
        dir: PathBuf,
        /// That process, as described in the lock file; empty if it is not described.
        holder: String,
    },
    /// The folder cannot be created, read or written: the path and the system's error.
    #[error("{}: {}", .0.display(), .1)]
    Io(PathBuf, io::Error),
}

/// A folder that this process has locked as its only writer. Dropping it releases the lock.
#[derive(Debug)]
pub struct LockedDir {
    dir: PathBuf,
    lock: PathBuf,
    file: Mutex<File>,
}

impl LockedDir {
    /// Creates the folder if it is missing, locks it, and removes temporary files of killed writers. `lock` is the name
    /// of the lock file in it, which describes its holder. Blocks up to half a second.
    pub fn open(dir: &Path, lock: &str) -> Result<Self, LockError> {
        Self::open_within(LOCK_TIMEOUT, dir, lock)
    }

    /// Like [`LockedDir::open`], for folders whose previous owner may need longer to exit. Blocks up to `timeout`.
    pub fn open_within(timeout: Duration, dir: &Path, lock: &str) -> Result<Self, LockError> {
        make_dir(dir).map_err(at(dir))?;
        let lock = dir.join(lock);
        let file = take(timeout, dir, &lock)?;
        for entry in fs::read_dir(dir).map_err(at(dir))? {
            let entry = entry.map_err(at(dir))?;
            if entry.file_name().to_str().is_some_and(is_unfinished) {
                fs::remove_file(entry.path()).map_err(at(&entry.path()))?;
            }
        }
        Ok(Self { dir: dir.to_owned(), lock, file: Mutex::new(file) })
    }

    /// Locks the folder again after its lock file, or the whole folder, was deleted. Blocks up to half a second.
    pub fn renew(&self) -> Result<(), LockError> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_at(&file, &self.lock) {
            make_dir(&self.dir).map_err(at(&self.dir))?;
            *file = take(LOCK_TIMEOUT, &self.dir, &self.lock)?;
        }
        Ok(())
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// The path of a file in it.
    #[must_use]
    pub fn join(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Writes or replaces a file in the folder, atomically.
    pub fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        AtomicFile::replace(&self.join(name), bytes)
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> LockError + use<> {
    let path = path.to_owned();
    move |error| LockError::Io(path, error)
}

/// Locks the file and describes the holder in it.
fn take(timeout: Duration, dir: &Path, lock: &Path) -> Result<File, LockError> {
    let until = Instant::now() + timeout;
    loop {
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(lock)
            .map_err(at(lock))?;
        match file.try_lock() {
            // A previous owner may have removed the file that this process opened.
            Ok(()) if is_at(&file, lock) => {
                // The lock works without the description: a full disk must not prevent reading.
                let _ = file.set_len(0).and_then(|()| file.write_all(this_process().as_bytes()));
                return Ok(file);
            }
            Ok(()) => {}
            Err(TryLockError::WouldBlock) if Instant::now() < until => thread::sleep(LOCK_RETRY),
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::InUse { dir: dir.to_owned(), holder: holder(&file) });
            }
            Err(TryLockError::Error(error)) => return Err(at(lock)(error)),
        }
    }
}

/// Whether the path still refers to the open file.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let (Ok(open), Ok(named)) = (file.metadata(), fs::metadata(path)) else { return false };
    (open.dev(), open.ino()) == (named.dev(), named.ino())
}

#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

/// Description of this process for the lock file: one line.
fn this_process() -> String {
    let program = std::env::current_exe().ok().and_then(|path| Some(path.file_name()?.to_owned()));
    let program = program.map_or_else(|| "a process".to_owned(), |name| name.to_string_lossy().into_owned());
    let host = fs::read_to_string(HOST_NAME).unwrap_or_default();
    let host = if host.trim().is_empty() { String::new() } else { format!(" on host {}", host.trim()) };
    // Whole seconds: the line is for people.
    let since = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ");
    format!("{program} (pid {}{host}, since {since})", std::process::id())
}

fn holder(lock: &File) -> String {
    let mut line = Vec::new();
    let _ = lock.take(HOLDER_BYTES_MAX).read_to_end(&mut line);
    String::from_utf8_lossy(&line).chars().filter(|char| !char.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_writer_at_a_time_and_temporary_files_of_a_killed_one_are_removed() {
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("a/b");
        let locked = LockedDir::open(&dir, "lock").unwrap();
        let refused = LockedDir::open(&dir, "lock").unwrap_err();
        assert!(matches!(refused, LockError::InUse { .. }));
        assert!(refused.to_string().contains(&format!("(pid {}", std::process::id())), "{refused}");
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

    #[test]
    fn a_deleted_lock_file_is_created_and_locked_again() {
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("a");
        let locked = LockedDir::open(&dir, "lock").unwrap();
        fs::remove_dir_all(&dir).unwrap();
        locked.renew().unwrap();
        assert!(matches!(LockedDir::open(&dir, "lock"), Err(LockError::InUse { .. })));
        fs::remove_file(dir.join("lock")).unwrap();
        let other = LockedDir::open(&dir, "lock").unwrap();
        assert!(matches!(locked.renew(), Err(LockError::InUse { .. })));
        drop(other);
        locked.renew().unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn folders_are_private_to_their_owner_even_those_of_an_earlier_version() {
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
