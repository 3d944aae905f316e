//! The report file of an import: one JSON object per line for each refused, unreadable or repaired document, in the
//! file's order, written immediately. A resumed run continues its report.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use serde_json::Value;

use crate::submission::checkpoint::ReportReached;

#[derive(Debug)]
pub(super) struct Report {
    file: File,
    reached: ReportReached,
}

impl Report {
    /// Opens the report at a path: truncated to the progress of the earlier run if it is that run's report, otherwise
    /// to zero.
    pub(super) fn open(path: &Path, earlier: Option<&ReportReached>) -> io::Result<Self> {
        let path = std::path::absolute(path)?;
        let earlier = earlier.filter(|earlier| earlier.path == path);
        let mut file = OpenOptions::new().create(true).write(true).truncate(false).open(&path)?;
        let length = file.metadata()?.len();
        // Lines written after the earlier run's last checkpoint are written again.
        let bytes = earlier.map_or(0, |earlier| earlier.bytes).min(length);
        file.set_len(bytes)?;
        file.seek(SeekFrom::Start(bytes))?;
        Ok(Self { file, reached: ReportReached { path, bytes } })
    }

    /// Writes one line and flushes it.
    pub(super) fn write(&mut self, value: &Value) -> io::Result<()> {
        let line = cra_contracts::json::line(value) + "\n";
        self.file.write_all(line.as_bytes())?;
        self.reached.bytes += line.len() as u64;
        Ok(())
    }

    /// The number of complete lines, for a later run.
    pub(super) fn reached(&self) -> &ReportReached {
        &self.reached
    }

    pub(super) fn path(&self) -> &Path {
        &self.reached.path
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(path: &Path) -> String {
        std::fs::read_to_string(path).unwrap()
    }

    #[test]
    fn a_later_run_continues_at_the_checkpoint_and_repeats_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report.ndjson");
        std::fs::write(&path, "what stood here\n").unwrap();
        let mut first = Report::open(&path, None).unwrap();
        first.write(&json!(1)).unwrap();
        let checkpoint = first.reached().clone();
        first.write(&json!(2)).unwrap();
        assert_eq!(text(&path), "1\n2\n");

        let mut second = Report::open(&path, Some(&checkpoint)).unwrap();
        second.write(&json!(3)).unwrap();
        assert_eq!(text(&path), "1\n3\n");
    }

    #[test]
    fn the_report_of_another_run_is_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report.ndjson");
        std::fs::write(&path, "0\n0\n0\n").unwrap();
        let elsewhere = ReportReached { path: dir.path().join("other.ndjson"), bytes: 2 };
        Report::open(&path, Some(&elsewhere)).unwrap();
        assert_eq!(text(&path), "");
    }
}
