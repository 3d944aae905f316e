//! Reading files once, in order, from the disk. No start that needs their content can be faster.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const CHUNK_BYTES: usize = 1 << 20;

/// How long it takes to read every file below a folder, none of which is in the memory of the system before.
pub(crate) fn read_limit(folder: &Path) -> io::Result<Duration> {
    drop_from_memory(folder)?;
    let begun = Instant::now();
    let mut chunk = vec![0; CHUNK_BYTES];
    for path in files_below(folder)? {
        let mut file = File::open(path)?;
        while file.read(&mut chunk)? > 0 {}
    }
    Ok(begun.elapsed())
}

/// Writes the files below a folder to the disk, and asks the system to hold none of them in its memory.
pub(crate) fn drop_from_memory(folder: &Path) -> io::Result<()> {
    for path in files_below(folder)? {
        let file = File::open(path)?;
        file.sync_all()?;
        #[cfg(target_os = "linux")]
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)?;
    }
    Ok(())
}

fn files_below(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            files.extend(files_below(&entry.path())?);
        } else {
            files.push(entry.path());
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_in_every_folder_below() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("below")).unwrap();
        std::fs::write(folder.path().join("below/file"), vec![1; 3 * CHUNK_BYTES]).unwrap();
        assert_eq!(files_below(folder.path()).unwrap(), [folder.path().join("below/file")]);
        assert!(read_limit(folder.path()).unwrap() > Duration::ZERO);
    }
}
