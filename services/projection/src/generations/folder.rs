//! The folders of the generations, and which of them serves. Knows names and files, not what is in them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

const GENERATIONS: &str = "generations";
/// Where the generation that could not be used is kept for those who ask why; only the last one is.
const SET_ASIDE: &str = "set-aside";
/// Names the generation that serves.
const SERVING: &str = "serving";

/// The data folder of a projection.
pub(super) struct Folder {
    data: PathBuf,
}

impl Folder {
    pub(super) fn open(data: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(data.join(GENERATIONS))?;
        Ok(Self { data })
    }

    pub(super) fn data(&self) -> &Path {
        &self.data
    }

    pub(super) fn path_of(&self, name: &str) -> PathBuf {
        self.data.join(GENERATIONS).join(name)
    }

    /// The generation that served last, if its folder is there.
    pub(super) fn serving(&self) -> Option<String> {
        let name = fs::read_to_string(self.data.join(GENERATIONS).join(SERVING)).ok()?;
        let name = name.trim().to_owned();
        (!name.is_empty() && self.path_of(&name).is_dir()).then_some(name)
    }

    /// Makes a generation the one that serves from now on, also after a crash.
    pub(super) fn serve(&self, name: &str) -> io::Result<()> {
        let folder = self.data.join(GENERATIONS);
        let new = folder.join("serving.new");
        let file = fs::File::create(&new)?;
        io::Write::write_all(&mut &file, name.as_bytes())?;
        file.sync_all()?;
        fs::rename(new, folder.join(SERVING))
    }

    /// A name that no generation has.
    pub(super) fn new_name(&self, now: Timestamp) -> String {
        let stamp = now.strftime("%Y%m%dT%H%M%SZ").to_string();
        let names = (0_u32..).map(|n| if n == 0 { stamp.clone() } else { format!("{stamp}-{n}") });
        names.into_iter().find(|name| !self.path_of(name).exists()).unwrap_or(stamp)
    }

    /// Takes a generation out of the way, and drops the one that was there.
    pub(super) fn set_aside(&self, name: &str) -> Result<(), crate::store::StoreError> {
        let aside = self.data.join(SET_ASIDE);
        if aside.exists() {
            fs::remove_dir_all(&aside)?;
        }
        fs::create_dir_all(&aside)?;
        fs::rename(self.path_of(name), aside.join(name))?;
        Ok(())
    }

    pub(super) fn bytes_of(&self, name: &str) -> u64 {
        bytes_below(&self.path_of(name))
    }
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
