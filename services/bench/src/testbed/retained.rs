//! Filled logs, retained from one measurement to the next: filling ten million events takes minutes. A retained log is copied
//! before it is used, so that every measurement begins with the same log.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use cra_eventlog::server::STORE_DIR;
use serde::{Deserialize, Serialize};

use super::disk::copy;
use crate::generator::{self, Generator};

/// What a filled log holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) events: u64,
    /// Of all events, as they were encoded.
    pub(crate) payload_bytes: u64,
}

/// The folder of one log.
pub(super) struct RetainedData(PathBuf);

impl RetainedData {
    /// The folder of that data below another one.
    pub(super) fn of(keep: &Path, generator: &Generator) -> Self {
        let (seed, cras) = (generator.seed(), generator.cras());
        Self(keep.join(format!("log-v{}-seed-{seed}-cras-{cras}", generator::VERSION)))
    }

    /// What the log holds; `None` if none is retained.
    pub(super) fn manifest(&self) -> anyhow::Result<Option<Manifest>> {
        let file = self.0.join("manifest.json");
        match fs::read(&file) {
            Ok(bytes) => {
                let read = serde_json::from_slice(&bytes);
                read.map(Some)
                    .with_context(|| format!("{} cannot be read: delete its folder", file.display()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| file.display().to_string()),
        }
    }

    /// Copies the log to where a server will serve it.
    pub(super) fn copy_to(&self, dir: &Path) -> io::Result<()> {
        copy(&self.0.join(STORE_DIR), &dir.join(STORE_DIR))
    }

    /// Retains the log of a server that has stopped: whole, or not at all.
    pub(super) fn retain(&self, dir: &Path, manifest: &Manifest) -> anyhow::Result<()> {
        let partial = self.0.with_extension("tmp");
        if partial.exists() {
            fs::remove_dir_all(&partial)?;
        }
        copy(&dir.join(STORE_DIR), &partial.join(STORE_DIR))?;
        fs::write(partial.join("manifest.json"), serde_json::to_vec_pretty(manifest)?)?;
        fs::rename(partial, &self.0)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_retained_whole_and_found_by_its_seed_and_size_only() {
        let (keep, served) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let folder = served.path().join(STORE_DIR).join("jetstream");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("1.blk"), b"events").unwrap();
        let manifest = Manifest { events: 7, payload_bytes: 2_100 };
        let retained = RetainedData::of(keep.path(), &Generator::new(1, 7));
        assert_eq!(retained.manifest().unwrap(), None);
        retained.retain(served.path(), &manifest).unwrap();
        assert_eq!(retained.manifest().unwrap(), Some(manifest));
        assert_eq!(RetainedData::of(keep.path(), &Generator::new(2, 7)).manifest().unwrap(), None);
        assert_eq!(RetainedData::of(keep.path(), &Generator::new(1, 8)).manifest().unwrap(), None);

        let again = tempfile::tempdir().unwrap();
        retained.copy_to(again.path()).unwrap();
        let copied = again.path().join(STORE_DIR).join("jetstream/1.blk");
        assert_eq!(fs::read(copied).unwrap(), b"events");
    }
}
