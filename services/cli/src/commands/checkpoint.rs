//! Checkpoint of a follower, stored in a file: the request that resumes the stream, as JSON of the contract.
//!
//! It includes the selection, because a position of one selection is meaningless in another.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use cra_contracts::{json, v1};
use cra_private::AtomicFile;

/// Position of a follower.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) position: u64,
    /// The log and history of the position, as sent by the service; empty if it sent none.
    pub(super) log: String,
}

pub(super) struct Checkpoint {
    path: PathBuf,
}

impl Checkpoint {
    pub(super) fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// The stored position; `None` if the file does not exist yet.
    pub(super) fn place(&self, selection: &v1::Selection) -> anyhow::Result<Option<Place>> {
        let path = self.path.display();
        let text = match std::fs::read_to_string(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.with_context(|| format!("the checkpoint {path} cannot be read"))?,
        };
        let kept: v1::FollowCrasRequest = json::parse(&text)
            .with_context(|| format!("{path} is not a checkpoint; delete it to start from --after"))?;
        let same = kept.selection.as_ref().unwrap_or(&v1::Selection::default()) == selection;
        anyhow::ensure!(
            same,
            "the checkpoint {path} was written for another selection; use the same flags, or another file"
        );
        Ok(Some(Place { position: kept.after_position, log: kept.log }))
    }

    /// Stores a position atomically: a reader finds the previous one or this one.
    pub(super) fn save(&self, selection: &v1::Selection, place: &Place) -> anyhow::Result<()> {
        let request = v1::FollowCrasRequest {
            selection: Some(selection.clone()),
            after_position: place.position,
            stop_at_head: false,
            log: place.log.clone(),
        };
        let text = format!("{}\n", json::to_value(&request));
        AtomicFile::replace(&self.path, text.as_bytes())
            .with_context(|| format!("the checkpoint {} cannot be written", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_theme(theme: i32) -> v1::Selection {
        v1::Selection { themes: vec![theme], ..v1::Selection::default() }
    }

    #[test]
    fn the_last_stored_position_is_found_again() {
        let directory = tempfile::tempdir().unwrap();
        let checkpoint = Checkpoint::at(&directory.path().join("place.json"));
        for selection in [v1::Selection::default(), of_theme(3)] {
            let checkpoint = Checkpoint::at(&directory.path().join(format!("{}", selection.themes.len())));
            assert_eq!(checkpoint.place(&selection).unwrap(), None);
            let last = Place { position: u64::MAX, log: "log#2#".to_owned() };
            checkpoint.save(&selection, &Place { position: 7, ..Place::default() }).unwrap();
            checkpoint.save(&selection, &last).unwrap();
            assert_eq!(checkpoint.place(&selection).unwrap(), Some(last));
        }
        assert_eq!(checkpoint.place(&of_theme(3)).unwrap(), None);
    }

    #[test]
    fn a_checkpoint_of_another_selection_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let checkpoint = Checkpoint::at(&directory.path().join("place.json"));
        checkpoint.save(&of_theme(3), &Place::default()).unwrap();
        let error = checkpoint.place(&of_theme(4)).unwrap_err().to_string();
        assert!(error.contains("another selection") && error.contains("place.json"), "{error}");
    }

    #[test]
    fn a_file_that_is_not_a_checkpoint_is_refused_and_left_unchanged() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("place.json");
        for text in ["", "12", "{\"position\": 3}"] {
            std::fs::write(&path, text).unwrap();
            let error = Checkpoint::at(&path).place(&v1::Selection::default()).unwrap_err();
            assert!(error.to_string().contains("is not a checkpoint"), "{error}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn a_missing_directory_is_reported() {
        let error = Checkpoint::at(Path::new("/nowhere/at/all/place.json"))
            .save(&v1::Selection::default(), &Place::default())
            .unwrap_err();
        assert!(error.to_string().contains("/nowhere/at/all/place.json"), "{error}");
    }
}
