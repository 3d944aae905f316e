//! The folders of the generations: which one serves and which one is being built. Knows names and files, not their
//! content.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cra_eventlog::LogIdentity;
use cra_private::{AtomicFile, LockedDir, make_dir, own_dir};
use jiff::Timestamp;

use crate::store::StoreError;

const GENERATIONS: &str = "generations";
/// Folder of the last quarantined generations, for diagnosis.
const SET_ASIDE: &str = "set-aside";
/// Generations that are kept there: damage that returns can be compared, and the disk keeps room for those in use.
const KEPT_ASIDE: usize = 3;
/// File with the log that the read models follow, and since when.
const FOLLOWED: &str = "followed-log";
/// File in a generation: the log that it is computed from, also readable where its store is damaged.
const LOG_FILE: &str = "of-log";
/// Folder of scratch generations, which belong to a running check.
const PASSING: &str = "passing";
/// File with the name of the serving generation.
const SERVING: &str = "serving";
/// File with the name of the generation being built: a restarted process resumes it.
const FILLING: &str = "filling";

/// Space that a disk must have before a generation is created: a failing database uses memory until the process ends.
const ROOM_BYTES: usize = 1 << 20;

/// Lock file of the process that has its read models in the folder; describes it.
const LOCK: &str = "lock";
/// How long to wait for a previous process, which may be shutting down.
const LOCK_WAIT: Duration = Duration::from_secs(5);
/// Maximum number of files opened at once to check that they are readable.
const OPENED_MAX: usize = 256;

/// The data folder of a projection, locked by this process until it is dropped.
pub struct DataFolder {
    data: LockedDir,
}

impl DataFolder {
    /// Locks the folder; creates it if it is missing. Blocks, up to five seconds while another process has locked it.
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

    /// Why the system does not allow reading and writing a generation; `None` if it does, or if files are missing.
    /// Opens all of its files at once, as the storage library does.
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

    /// Folder of a scratch generation, which does not outlive the process.
    pub(super) fn passing(&self, name: &str) -> PathBuf {
        self.data.join(PASSING).join(name)
    }

    pub(super) fn path_of(&self, name: &str) -> PathBuf {
        self.data.join(GENERATIONS).join(name)
    }

    /// The generation that served last, if its folder exists.
    pub(super) fn serving(&self) -> io::Result<Option<String>> {
        self.named(SERVING)
    }

    /// Makes a generation the serving one, durably.
    pub(super) fn serve(&self, name: &str) -> io::Result<()> {
        self.name(SERVING, name)
    }

    /// The generation that was being built, if its folder exists.
    pub(super) fn filling(&self) -> io::Result<Option<String>> {
        self.named(FILLING)
    }

    /// Records that a generation is being built.
    pub(super) fn fill(&self, name: &str) -> io::Result<()> {
        self.name(FILLING, name)
    }

    /// Records that no generation is being built.
    pub(super) fn filled(&self) -> io::Result<()> {
        match fs::remove_file(self.data.join(GENERATIONS).join(FILLING)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn named(&self, role: &str) -> io::Result<Option<String>> {
        let name = match fs::read_to_string(self.data.join(GENERATIONS).join(role)) {
            Ok(name) => name.trim().to_owned(),
            // Missing, or not a text: damage; no generation can be opened.
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

    /// Since when the read models follow a log; durably now, if they followed another one before.
    pub(super) fn follow(&self, log: &LogIdentity, now: Timestamp) -> io::Result<Timestamp> {
        let path = self.data.join(FOLLOWED);
        let known = fs::read_to_string(&path).unwrap_or_default();
        let known = known.split_once('\n').filter(|(_, followed)| *followed == log.0);
        if let Some(since) = known.and_then(|(since, _)| since.parse().ok()) {
            return Ok(since);
        }
        AtomicFile::replace(&path, format!("{now}\n{}", log.0).as_bytes())?;
        Ok(now)
    }

    /// Every generation on disk, oldest first.
    pub(super) fn names(&self) -> io::Result<Vec<String>> {
        let mut names = names_in(&self.data.join(GENERATIONS))?;
        names.sort();
        Ok(names)
    }

    /// A name that no generation has, in quarantine neither; names sort by time of creation.
    pub(super) fn new_name(&self, now: Timestamp) -> io::Result<String> {
        let stamp = now.strftime("%Y%m%dT%H%M%SZ").to_string();
        let mut names = Vec::new();
        for folder in [GENERATIONS, PASSING, SET_ASIDE] {
            names.extend(names_in(&self.data.join(folder))?);
        }
        let last_of_the_second = names
            .into_iter()
            .filter_map(|name| match name.strip_prefix(&stamp)? {
                "" => Some(0),
                number => number.strip_prefix('-')?.parse::<u32>().ok(),
            })
            .max();
        Ok(last_of_the_second.map_or(stamp.clone(), |last| format!("{stamp}-{:04}", last + 1)))
    }

    /// Moves a generation into quarantine, which retains the latest ones.
    pub(super) fn quarantine(&self, name: &str) -> io::Result<()> {
        while self.drop_oldest_quarantined(KEPT_ASIDE - 1)? {}
        let aside = self.data.join(SET_ASIDE);
        own_dir(&aside)?;
        match fs::rename(self.path_of(name), aside.join(name)) {
            // It was removed: there is nothing to keep.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            renamed => renamed,
        }
    }

    /// Drops the oldest generation that was taken out of the way, where there are more than `most`.
    fn drop_oldest_quarantined(&self, most: usize) -> io::Result<bool> {
        let aside = self.data.join(SET_ASIDE);
        let mut names = names_in(&aside)?;
        names.sort();
        match names.first() {
            Some(oldest) if names.len() > most => fs::remove_dir_all(aside.join(oldest)).map(|()| true),
            _ => Ok(false),
        }
    }

    /// Removes the quarantined generations of other logs than `log`; returns how many there were. One whose log is unknown
    /// counts as another's.
    pub(super) fn drop_quarantined_of_others(&self, log: &LogIdentity) -> io::Result<usize> {
        let aside = self.data.join(SET_ASIDE);
        let mut dropped = 0;
        for name in names_in(&aside)? {
            let folder = aside.join(&name);
            if log_of(&folder).as_ref() != Some(log) {
                fs::remove_dir_all(&folder)?;
                dropped += 1;
            }
        }
        Ok(dropped)
    }

    /// Fails when the disk takes no new generation, though all but the latest that were taken out of the way are dropped.
    pub(super) fn check_room(&self) -> io::Result<()> {
        loop {
            match self.probe_room() {
                Err(error)
                    if error.kind() == io::ErrorKind::StorageFull && self.drop_oldest_quarantined(1)? => {}
                outcome => return outcome,
            }
        }
    }

    fn probe_room(&self) -> io::Result<()> {
        let generations = self.data.join(GENERATIONS);
        // The folder may have been deleted, with its lock.
        self.data.renew().map_err(io::Error::other)?;
        make_dir(&generations)?;
        let probe = generations.join("room");
        let written = fs::write(&probe, vec![1; ROOM_BYTES]);
        let removed = fs::remove_file(&probe);
        written.and(removed)
    }

    /// Removes the files of a closed generation.
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

/// Records in the folder of a generation which log it is computed from.
pub(super) fn name_log(generation: &Path, log: &LogIdentity) -> io::Result<()> {
    AtomicFile::replace(&generation.join(LOG_FILE), log.0.as_bytes())
}

/// The log that the generation in a folder is computed from, if known.
fn log_of(generation: &Path) -> Option<LogIdentity> {
    fs::read_to_string(generation.join(LOG_FILE)).ok().map(LogIdentity)
}

/// Opens every file below a folder for reading and writing, and keeps them open.
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

/// Names of the folders in a folder; empty if it does not exist.
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

/// Total size of the files below a folder; vanishing files count 0.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations_created_and_quarantined_within_one_second_have_different_names() {
        let dir = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(dir.path()).unwrap();
        let now: Timestamp = "2026-11-27T12:50:30Z".parse().unwrap();
        for _ in 0..5 {
            let name = folder.new_name(now).unwrap();
            fs::create_dir(folder.path_of(&name)).unwrap();
            fs::write(folder.path_of(&name).join("heap"), name.as_bytes()).unwrap();
            folder.quarantine(&name).unwrap();
        }
        let mut quarantined = names_in(&folder.data.join(SET_ASIDE)).unwrap();
        quarantined.sort();
        assert_eq!(quarantined, ["20261127T125030Z-0002", "20261127T125030Z-0003", "20261127T125030Z-0004"]);
        assert_eq!(folder.new_name(now).unwrap(), "20261127T125030Z-0005");
    }

    #[test]
    fn a_log_is_followed_since_it_was_first_followed() {
        let dir = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(dir.path()).unwrap();
        let log = |name: &str| LogIdentity(name.to_owned());
        let at = |second| Timestamp::from_second(second).unwrap();
        for (name, now, since) in [("old", 1, 1), ("old", 2, 1), ("new", 3, 3), ("new", 4, 3)] {
            assert_eq!(folder.follow(&log(name), at(now)).unwrap(), at(since), "{name} at {now}");
        }
    }

    #[test]
    fn quarantined_generations_of_other_logs_are_dropped_and_those_of_the_log_stay() {
        let dir = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(dir.path()).unwrap();
        let log = |name: &str| LogIdentity(name.to_owned());
        for (name, of) in [("1", Some("old")), ("2", None), ("3", Some("new"))] {
            fs::create_dir(folder.path_of(name)).unwrap();
            if let Some(of) = of {
                name_log(&folder.path_of(name), &log(of)).unwrap();
            }
            folder.quarantine(name).unwrap();
        }
        assert_eq!(folder.drop_quarantined_of_others(&log("new")).unwrap(), 2);
        assert_eq!(names_in(&folder.data.join(SET_ASIDE)).unwrap(), ["3"]);
    }
}
