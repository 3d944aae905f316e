//! The report of an import: one JSON object per line for each document that was refused, unreadable or repaired, in
//! the file's order, written as it is told. A run that goes on from an earlier one goes on in its report too.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use serde_json::Value;

use crate::submission::checkpoint::ReportReached;

/// An open report.
#[derive(Debug)]
pub(super) struct Report {
    file: File,
    reached: ReportReached,
}

impl Report {
    /// The report at a path: as long as an earlier run had reached, if it is that one's, else empty.
    pub(super) fn open(path: &Path, earlier: Option<&ReportReached>) -> io::Result<Self> {
        let path = std::path::absolute(path)?;
        let earlier = earlier.filter(|earlier| earlier.path == path);
        let mut file = OpenOptions::new().create(true).write(true).truncate(false).open(&path)?;
        let length = file.metadata()?.len();
        // What was written after the earlier run's last checkpoint is told again.
        let bytes = earlier.map_or(0, |earlier| earlier.bytes).min(length);
        file.set_len(bytes)?;
        file.seek(SeekFrom::Start(bytes))?;
        Ok(Self { file, reached: ReportReached { path, bytes } })
    }

    /// Writes one line, at once.
    pub(super) fn write(&mut self, value: &Value) -> io::Result<()> {
        let line = cra_contracts::json::line(value) + "\n";
        self.file.write_all(line.as_bytes())?;
        self.reached.bytes += line.len() as u64;
        Ok(())
    }

    /// Whole lines written, for a later run.
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
    fn a_later_run_goes_on_where_the_checkpoint_was_and_tells_nothing_twice() {
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
    fn the_report_of_another_run_is_begun_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report.ndjson");
        std::fs::write(&path, "0\n0\n0\n").unwrap();
        let elsewhere = ReportReached { path: dir.path().join("other.ndjson"), bytes: 2 };
        Report::open(&path, Some(&elsewhere)).unwrap();
        assert_eq!(text(&path), "");
    }
}
