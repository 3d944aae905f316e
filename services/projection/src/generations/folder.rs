//! The folders of the generations, which of them serves and which is being filled. Knows names and files, not what is
//! in them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use cra_private::{AtomicFile, make_dir, own_dir};
use jiff::Timestamp;

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

/// The data folder of a projection.
pub(super) struct Folder {
    data: PathBuf,
}

impl Folder {
    pub(super) fn open(data: PathBuf) -> io::Result<Self> {
        make_dir(&data)?;
        own_dir(&data.join(GENERATIONS))?;
        match fs::remove_dir_all(data.join(PASSING)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        Ok(Self { data })
    }

    pub(super) fn data(&self) -> &Path {
        &self.data
    }

    /// Where a generation is that does not outlive the process.
    pub(super) fn passing(&self, name: &str) -> PathBuf {
        self.data.join(PASSING).join(name)
    }

    pub(super) fn path_of(&self, name: &str) -> PathBuf {
        self.data.join(GENERATIONS).join(name)
    }

    /// The generation that served last, if its folder is there.
    pub(super) fn serving(&self) -> Option<String> {
        self.named(SERVING)
    }

    /// Makes a generation the one that serves from now on, also after a crash.
    pub(super) fn serve(&self, name: &str) -> io::Result<()> {
        self.name(SERVING, name)
    }

    /// The generation that was being filled, if its folder is there.
    pub(super) fn filling(&self) -> Option<String> {
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

    fn named(&self, role: &str) -> Option<String> {
        let name = fs::read_to_string(self.data.join(GENERATIONS).join(role)).ok()?;
        let name = name.trim().to_owned();
        (!name.is_empty() && self.path_of(&name).is_dir()).then_some(name)
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
        make_dir(&generations)?;
        let probe = generations.join("room");
        let written = fs::write(&probe, vec![1; ROOM_BYTES]);
        let removed = fs::remove_file(&probe);
        written.and(removed)
    }

    pub(super) fn bytes_of(&self, name: &str) -> u64 {
        bytes_below(&self.path_of(name))
    }
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
