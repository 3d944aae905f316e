//! The folders of the generations, which of them serves and which is being filled. Knows names and files, not what is
//! in them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cra_private::{AtomicFile, LockedDir, make_dir, own_dir};
use jiff::Timestamp;

use crate::store::StoreError;

const GENERATIONS: &str = "generations";
/// Where the generation that could not be used is kept for those who ask why; only the last one is.
const SET_ASIDE: &str = "set-aside";
/// Where generations are that go with the check that made them.
const PASSING: &str = "passing";
/// Names the generation that serves.
const SERVING: &str = "serving";
/// Names the generation that is being filled: a process that is killed meanwhile goes on with it.
const FILLING: &str = "filling";

/// What a disk must take before a generation is begun: a database that fails costs memory until the process ends.
const ROOM_BYTES: usize = 1 << 20;

/// Locked by the process that keeps its read models in the folder, and says which that is.
const LOCK: &str = "lock";
/// How long a former process of the folder, which may be leaving, is waited for.
const LOCK_WAIT: Duration = Duration::from_secs(5);
/// Files opened at once to see whether the system lets them be read.
const OPENED_MAX: usize = 256;

/// The data folder of a projection: of this process alone until it is dropped.
pub struct DataFolder {
    data: LockedDir,
}

impl DataFolder {
    /// Takes the folder, which is made if it is not there. Blocks, up to five seconds while another process has it.
    pub fn open(data: &Path) -> Result<Self, StoreError> {
        let data = LockedDir::open_within(LOCK_WAIT, data, LOCK)?;
        own_dir(&data.join(GENERATIONS))?;
        match fs::remove_dir_all(data.join(PASSING)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        Ok(Self { data })
    }

    pub(super) fn data(&self) -> &Path {
        self.data.path()
    }

    /// Why the system does not let a generation be read and written whole; `None` when it does, or when files are missing.
    /// Holds all of its files open at once, as the storage library does.
    pub(super) fn obstacle(&self, name: &str) -> Option<io::Error> {
        let is_missing = |error: &io::Error| {
            matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory
            )
        };
        let opened = open_all(&self.path_of(name), &mut Vec::new());
        opened.and_then(|()| self.check_room()).err().filter(|error| !is_missing(error))
    }

    /// Where a generation is that does not outlive the process.
    pub(super) fn passing(&self, name: &str) -> PathBuf {
        self.data.join(PASSING).join(name)
    }

    pub(super) fn path_of(&self, name: &str) -> PathBuf {
        self.data.join(GENERATIONS).join(name)
    }

    /// The generation that served last, if its folder is there.
    pub(super) fn serving(&self) -> io::Result<Option<String>> {
        self.named(SERVING)
    }

    /// Makes a generation the one that serves from now on, also after a crash.
    pub(super) fn serve(&self, name: &str) -> io::Result<()> {
        self.name(SERVING, name)
    }

    /// The generation that was being filled, if its folder is there.
    pub(super) fn filling(&self) -> io::Result<Option<String>> {
        self.named(FILLING)
    }

    /// Says that a generation is being filled.
    pub(super) fn fill(&self, name: &str) -> io::Result<()> {
        self.name(FILLING, name)
    }

    /// Says that no generation is being filled.
    pub(super) fn filled(&self) -> io::Result<()> {
        match fs::remove_file(self.data.join(GENERATIONS).join(FILLING)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn named(&self, role: &str) -> io::Result<Option<String>> {
        let name = match fs::read_to_string(self.data.join(GENERATIONS).join(role)) {
            Ok(name) => name.trim().to_owned(),
            // Not there, or no text: damage, of which nothing can be opened.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        match fs::metadata(self.path_of(&name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            found => Ok(found.is_ok_and(|found| found.is_dir() && !name.is_empty()).then_some(name)),
        }
    }

    fn name(&self, role: &str, name: &str) -> io::Result<()> {
        AtomicFile::replace(&self.data.join(GENERATIONS).join(role), name.as_bytes())
    }

    /// Every generation on disk, oldest first.
    pub(super) fn names(&self) -> io::Result<Vec<String>> {
        let mut names = names_in(&self.data.join(GENERATIONS))?;
        names.sort();
        Ok(names)
    }

    /// A name that no generation has; names sort by when they were given.
    pub(super) fn new_name(&self, now: Timestamp) -> io::Result<String> {
        let stamp = now.strftime("%Y%m%dT%H%M%SZ").to_string();
        let names = self.names()?.into_iter().chain(names_in(&self.data.join(PASSING))?);
        let last_of_the_second = names
            .filter_map(|name| match name.strip_prefix(&stamp)? {
                "" => Some(0),
                number => number.strip_prefix('-')?.parse::<u32>().ok(),
            })
            .max();
        Ok(last_of_the_second.map_or(stamp.clone(), |last| format!("{stamp}-{:04}", last + 1)))
    }

    /// Takes a generation out of the way, and drops the one that was there.
    pub(super) fn set_aside(&self, name: &str) -> io::Result<()> {
        let aside = self.data.join(SET_ASIDE);
        if aside.exists() {
            fs::remove_dir_all(&aside)?;
        }
        own_dir(&aside)?;
        match fs::rename(self.path_of(name), aside.join(name)) {
            // Somebody removed it: nothing is left to keep.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            renamed => renamed,
        }
    }

    /// Tells when the disk takes no new generation.
    pub(super) fn check_room(&self) -> io::Result<()> {
        let generations = self.data.join(GENERATIONS);
        // The folder may have been deleted, with its lock.
        self.data.renew().map_err(io::Error::other)?;
        make_dir(&generations)?;
        let probe = generations.join("room");
        let written = fs::write(&probe, vec![1; ROOM_BYTES]);
        let removed = fs::remove_file(&probe);
        written.and(removed)
    }

    /// Removes the files of a generation that is not open.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        match fs::remove_dir_all(self.path_of(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    pub(super) fn bytes_of(&self, name: &str) -> u64 {
        bytes_below(&self.path_of(name))
    }
}

/// Opens every file below a folder, for reading and writing, and keeps them open.
fn open_all(folder: &Path, opened: &mut Vec<fs::File>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_all(&entry.path(), opened)?;
        } else if opened.len() < OPENED_MAX {
            opened.push(fs::File::options().read(true).write(true).open(entry.path())?);
        }
    }
    Ok(())
}

/// Names of the folders in a folder; none where it is not there.
fn names_in(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            names.extend(entry.file_name().into_string().ok());
        }
    }
    Ok(names)
}

/// Bytes of all files below a folder; files that vanish meanwhile count nothing.
fn bytes_below(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes_below(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}
