//! A disk that a test can fill.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Pair;

/// A small separate disk; unmounted when dropped.
pub(crate) struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` if the user may not mount one.
    pub(crate) fn at(folder: &Path) -> Option<Self> {
        fs::create_dir_all(folder).unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=12m", "tmpfs"]).arg(folder).output();
        if mounted.is_ok_and(|mounted| mounted.status.success()) {
            return Some(Self(folder.to_owned()));
        }
        // To the stream itself: the test runner shows what is printed of failed tests only.
        let _ = writeln!(std::io::stderr(), "SKIPPED a test of a full disk: `mount -t tmpfs` needs root");
        None
    }

    /// A pair whose projection keeps its read models on a small disk and does not run.
    pub(crate) async fn of_projection() -> Option<(Pair, Self)> {
        let mut pair = Pair::start().await;
        pair.projection.kill();
        fs::remove_dir_all(pair.read_models()).unwrap();
        let disk = Self::at(&pair.read_models())?;
        Some((pair, disk))
    }

    pub(crate) fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }

    /// Uses up the free space.
    pub(crate) fn fill(&self) {
        let full = fs::write(self.ballast(), vec![1; 64 << 20]).unwrap_err();
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a process may still hold its files.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
