//! Folders of a program's own files: for their owner alone, and with one writer at a time.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{fmt, thread};

use jiff::Timestamp;

use crate::atomic_file::{AtomicFile, is_unfinished};

/// How long [`LockedDir::open`] waits for a former owner: a child process holds the lock of its parent until it runs its
/// own program.
const LOCK_WAIT: Duration = Duration::from_millis(500);
const LOCK_RETRY: Duration = Duration::from_millis(10);
/// Where Linux says how the machine, or the container, is called.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";
/// More of a lock file is not read.
const HOLDER_BYTES_MAX: u64 = 512;
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
    InUse {
        /// The folder.
        dir: PathBuf,
        /// That process, as its lock file says; empty where the file does not say.
        holder: String,
    },
    /// It cannot be made, read or written: the path, and what the system answered.
    Io(PathBuf, io::Error),
}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse { dir, holder } if holder.is_empty() => {
                write!(f, "{} is in use by another process: stop it, or choose another folder", dir.display())
            }
            Self::InUse { dir, holder } => {
                write!(f, "{} is in use by {holder}: stop it, or choose another folder", dir.display())
            }
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for LockError {}

/// A folder with this process as its one writer. Free again when dropped.
#[derive(Debug)]
pub struct LockedDir {
    dir: PathBuf,
    lock: PathBuf,
    held: Mutex<File>,
}

impl LockedDir {
    /// Makes the folder where it is missing, takes it, and removes files that a killed writer never published. `lock` is
    /// the name of the file in it that is locked, and says who holds it. Blocks up to half a second.
    pub fn open(dir: &Path, lock: &str) -> Result<Self, LockError> {
        Self::open_within(LOCK_WAIT, dir, lock)
    }

    /// As [`LockedDir::open`], for folders whose former owner may take longer to leave. Blocks up to `wait`.
    pub fn open_within(wait: Duration, dir: &Path, lock: &str) -> Result<Self, LockError> {
        make_dir(dir).map_err(at(dir))?;
        let lock = dir.join(lock);
        let held = take(wait, dir, &lock)?;
        for entry in fs::read_dir(dir).map_err(at(dir))? {
            let entry = entry.map_err(at(dir))?;
            if entry.file_name().to_str().is_some_and(is_unfinished) {
                fs::remove_file(entry.path()).map_err(at(&entry.path()))?;
            }
        }
        Ok(Self { dir: dir.to_owned(), lock, held: Mutex::new(held) })
    }

    /// Takes the folder again where its lock file was deleted, with the folder or alone. Blocks up to half a second.
    pub fn renew(&self) -> Result<(), LockError> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_at(&held, &self.lock) {
            make_dir(&self.dir).map_err(at(&self.dir))?;
            *held = take(LOCK_WAIT, &self.dir, &self.lock)?;
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

    /// Puts a file in it, in place of one of the same name.
    pub fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        AtomicFile::replace(&self.join(name), bytes)
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> LockError + use<> {
    let path = path.to_owned();
    move |error| LockError::Io(path, error)
}

/// Locks the file, and writes into it who does.
fn take(wait: Duration, dir: &Path, lock: &Path) -> Result<File, LockError> {
    let until = Instant::now() + wait;
    loop {
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(lock)
            .map_err(at(lock))?;
        match file.try_lock() {
            // A former owner may have removed the file that this process opened.
            Ok(()) if is_at(&file, lock) => {
                // The lock holds without it: a full disk must not keep the folder's files from being read.
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

/// Whether the path still leads to the file.
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

/// What the lock file says of its holder: one line.
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
    fn one_writer_at_a_time_and_nothing_is_left_of_a_killed_one() {
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
    fn a_lock_file_that_was_deleted_is_made_and_locked_again() {
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
