//! Backups of the embedded log: export, restore, resumption, and detection of every kind of damage.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use tempfile::TempDir;

use super::*;
use cra_eventlog::conformance::{entry, event, new_stream};
use cra_eventlog::embedded::EmbeddedLog;
use cra_eventlog::{Append as _, Expectation, Read, Restore as _};

struct Fixture {
    dir: TempDir,
    log: Arc<EmbeddedLog>,
}

impl Fixture {
    async fn with_events(events: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let log = Arc::new(EmbeddedLog::open(&dir.path().join("log")).unwrap());
        let fixture = Self { dir, log };
        fixture.append(events).await;
        fixture
    }

    async fn append(&self, events: u64) {
        let appends =
            (0..events).map(|_| self.log.append(event(new_stream(), "event"), Expectation::NoEvent));
        for appended in futures::future::join_all(appends).await {
            let _ = appended.unwrap();
        }
    }

    fn backup(&self) -> PathBuf {
        self.dir.path().join("backup")
    }

    async fn export(&self) -> Result<Manifest, BackupError> {
        export(&*self.log, &self.backup(), |_| {}).await
    }

    /// Exports repeatedly, each time after more events.
    async fn exported(times: u64) -> Self {
        let fixture = Self::with_events(0).await;
        for _ in 0..times {
            fixture.append(30).await;
            fixture.export().await.unwrap();
        }
        fixture
    }

    fn another_log(&self) -> EmbeddedLog {
        EmbeddedLog::open(&self.dir.path().join("another")).unwrap()
    }
}

async fn all_of(log: &dyn Read) -> Vec<String> {
    let head = log.head().await.unwrap().position;
    let mut entries = log.read(Position::START);
    let mut all = Vec::new();
    for position in 1..=head.0 {
        all.push(format!("{:?}", next_entry(&mut entries, Position(position)).await.unwrap()));
    }
    all
}

/// The lock is left out: it names the second of its last use.
fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|file| file.unwrap())
        .filter(|file| file.file_name() != "export.lock")
        .map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap()))
        .collect();
    files.sort();
    files
}

#[tokio::test]
async fn a_restored_log_has_every_event_and_a_repeated_import_changes_nothing() {
    let fixture = Fixture::exported(3).await;
    let restored = fixture.another_log();
    for skipped in [0, 90] {
        let mut last = Progress::default();
        let manifest = import(&restored, &fixture.backup(), |progress| last = progress).await.unwrap();
        assert_eq!((manifest.segments.len(), manifest.last_position), (3, Position(90)));
        assert_eq!((last.position, last.skipped, last.events()), (Position(90), skipped, 90 - skipped));
    }
    assert_eq!(all_of(&restored).await, all_of(&*fixture.log).await);
}

#[tokio::test]
async fn a_repeated_export_adds_only_new_events() {
    let fixture = Fixture::exported(2).await;
    let before = files(&fixture.backup());
    fixture.export().await.unwrap();
    assert_eq!(files(&fixture.backup()), before, "nothing is new");
    fixture.append(5).await;
    let manifest = fixture.export().await.unwrap();
    assert_eq!((manifest.segments.len(), manifest.segments[2].events), (3, 5));
    let after = files(&fixture.backup());
    for (name, content) in before.iter().filter(|(name, _)| name.starts_with("events-")) {
        assert!(after.contains(&(name.clone(), content.clone())), "{name} changed");
    }
}

#[tokio::test]
async fn an_empty_log_can_be_backed_up() {
    let fixture = Fixture::exported(0).await;
    let manifest = fixture.export().await.unwrap();
    assert_eq!((manifest.last_position, manifest.segments.len()), (Position::START, 0));
    assert_eq!(import(&fixture.another_log(), &fixture.backup(), |_| {}).await.unwrap(), manifest);
}

#[tokio::test]
async fn the_files_of_an_interrupted_export_are_ignored_and_the_next_one_resumes() {
    let fixture = Fixture::exported(1).await;
    let before = folder::manifest(&fixture.backup()).unwrap().unwrap();
    // Interrupted while writing a segment, then between the segment and the manifest.
    fs::write(fixture.backup().join("segment.part"), "half").unwrap();
    fs::write(fixture.backup().join("manifest.part"), "half").unwrap();
    fs::write(fixture.backup().join("events-00000000000000000031.zst"), "whole or not").unwrap();
    assert_eq!(verify(&fixture.backup(), |_| {}, |_| {}).await.unwrap(), before);
    fixture.append(10).await;
    assert_eq!(fixture.export().await.unwrap().last_position, Position(40));
    let mut positions = Vec::new();
    verify(&fixture.backup(), |entry| positions.push(entry.position.0), |_| {}).await.unwrap();
    assert_eq!(positions, (1..=40).collect::<Vec<_>>());
}

#[tokio::test]
async fn every_damage_of_a_segment_is_detected_by_all_commands_and_nothing_is_overwritten() {
    let fixture = Fixture::exported(3).await;
    let victim = fixture.backup().join("events-00000000000000000031.zst");
    let sound = fs::read(&victim).unwrap();
    let other = fs::read(fixture.backup().join("events-00000000000000000001.zst")).unwrap();
    let mut flipped = sound.clone();
    flipped[sound.len() / 2] ^= 1;
    for damaged in
        [None, Some(flipped), Some(sound[..sound.len() - 1].to_vec()), Some(other), Some(Vec::new())]
    {
        match &damaged {
            Some(bytes) => fs::write(&victim, bytes).unwrap(),
            None => fs::remove_file(&victim).unwrap(),
        }
        let before = files(&fixture.backup());
        fixture.append(1).await;
        let restored = EmbeddedLog::open(&tempfile::tempdir().unwrap().path().join("log")).unwrap();
        for error in [
            fixture.export().await.unwrap_err(),
            verify(&fixture.backup(), |_| {}, |_| {}).await.unwrap_err(),
            import(&restored, &fixture.backup(), |_| {}).await.unwrap_err(),
        ] {
            assert!(matches!(error, BackupError::Segment { first: Position(31), .. }), "{error}");
            assert!(error.to_string().contains("events-00000000000000000031.zst"), "{error}");
        }
        assert_eq!(files(&fixture.backup()), before);
    }
}

#[tokio::test]
async fn a_manifest_that_is_missing_older_or_of_another_log_is_detected() {
    let fixture = Fixture::exported(1).await;
    let manifest = fixture.backup().join("manifest.json");
    let older = fs::read(&manifest).unwrap();
    for _ in 0..2 {
        fixture.append(10).await;
        fixture.export().await.unwrap();
    }
    fs::write(&manifest, &older).unwrap();
    let error = fixture.export().await.unwrap_err();
    assert!(
        matches!(&error, BackupError::Unlisted { path } if path.ends_with("events-00000000000000000041.zst"))
    );
    fs::remove_file(&manifest).unwrap();
    assert!(matches!(fixture.export().await.unwrap_err(), BackupError::Unlisted { .. }));
    fs::write(&manifest, "{").unwrap();
    assert!(matches!(fixture.export().await.unwrap_err(), BackupError::Manifest { .. }));

    let nothing = import(&fixture.another_log(), &fixture.dir.path().join("none"), |_| {}).await;
    assert!(matches!(nothing, Err(BackupError::NoBackup(_))));
    let other = Fixture::exported(1).await;
    let error = export(&*other.log, &Fixture::exported(1).await.backup(), |_| {}).await.unwrap_err();
    assert!(matches!(error, BackupError::OtherLog { .. }), "{error}");
}

#[tokio::test]
async fn only_one_export_writes_to_a_folder() {
    let fixture = Fixture::exported(1).await;
    let folder = folder::Folder::open(&fixture.backup()).unwrap();
    assert!(matches!(fixture.export().await.unwrap_err(), BackupError::InUse { .. }));
    drop(folder);
    fixture.export().await.unwrap();
}

#[tokio::test]
async fn a_log_with_other_events_is_left_unchanged() {
    let fixture = Fixture::exported(1).await;
    let other = Fixture::with_events(1).await;
    let error = import(&*other.log, &fixture.backup(), |_| {}).await.unwrap_err();
    assert!(matches!(error, BackupError::Differs { position: Position(1), .. }), "{error}");
    assert_eq!(other.log.head().await.unwrap().position, Position(1), "nothing was appended");
    other.append(40).await;
    let error = import(&*other.log, &fixture.backup(), |_| {}).await.unwrap_err();
    assert!(matches!(error, BackupError::LogGoesOn { log: Position(41), backup: Position(30) }), "{error}");
}

#[tokio::test]
async fn an_interrupted_import_resumes_after_comparing_existing_events() {
    let fixture = Fixture::exported(2).await;
    let (mut segments, restored) = (Vec::new(), fixture.another_log());
    verify(&fixture.backup(), |entry| segments.push(entry.clone()), |_| {}).await.unwrap();
    restored.restore(segments[..17].to_vec()).await.unwrap();
    let mut last = Progress::default();
    import(&restored, &fixture.backup(), |progress| last = progress).await.unwrap();
    assert_eq!((last.skipped, last.events()), (17, 43));
    assert_eq!(all_of(&restored).await, all_of(&*fixture.log).await);
}

#[tokio::test]
async fn an_interrupted_import_keeps_the_log_closed_to_services_and_to_another_backup() {
    let fixture = Fixture::exported(2).await;
    let mut entries = Vec::new();
    let origin =
        verify(&fixture.backup(), |entry| entries.push(entry.clone()), |_| {}).await.unwrap().origin();
    let dir = fixture.dir.path().join("another");
    let restored = EmbeddedLog::open_to_restore(&dir).unwrap();
    restored.begin(&origin).await.unwrap();
    restored.restore(entries[..17].to_vec()).await.unwrap();
    drop(restored);
    let error = EmbeddedLog::open(&dir).err().unwrap().to_string();
    assert!(error.contains(&origin.log.0) && error.contains("cra log import"), "{error}");

    let restored = EmbeddedLog::open_to_restore(&dir).unwrap();
    let other = import(&restored, &Fixture::exported(1).await.backup(), |_| {}).await.unwrap_err();
    assert!(matches!(other, BackupError::NotClosed(_)), "{other}");
    import(&restored, &fixture.backup(), |_| {}).await.unwrap();
    drop(restored);
    let restored = EmbeddedLog::open(&dir).unwrap();
    let head = restored.head().await.unwrap();
    assert_eq!(head.predecessors, origin.predecessors_of(&head.identity));
    assert_eq!(head.predecessors[0].last_position, Position(60));
}

#[tokio::test]
async fn an_import_that_wrote_nothing_leaves_the_log_open() {
    let fixture = Fixture::exported(1).await;
    let dir = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(dir.path()).unwrap();
    let _ = log.append(event(new_stream(), "another"), Expectation::NoEvent).await.unwrap();
    import(&log, &fixture.backup(), |_| {}).await.unwrap_err();
    drop(log);
    assert_eq!(EmbeddedLog::open(dir.path()).unwrap().head().await.unwrap().predecessors, []);
}

#[tokio::test]
async fn each_field_that_differs_is_named() {
    let expected = entry(5, Some(new_stream()), "payload");
    let later = expected.appended_at + jiff::SignedDuration::from_nanos(1);
    for (other, reported) in [
        (LogEntry { position: Position(6), ..expected.clone() }, "the position"),
        (LogEntry { stream: None, ..expected.clone() }, "the stream"),
        (LogEntry { event_id: None, ..expected.clone() }, "the event id"),
        (LogEntry { payload: Bytes::from_static(b"payloaD"), ..expected.clone() }, "the payload"),
        (LogEntry { appended_at: later, ..expected.clone() }, "the time"),
    ] {
        let error = super::import::compare(&expected, &other).unwrap_err();
        assert!(matches!(error, BackupError::Differs { what, .. } if what == reported), "{error}");
    }
    super::import::compare(&expected, &expected).unwrap();
}

#[tokio::test]
async fn a_log_that_lost_its_end_is_detected_and_its_backup_kept() {
    let fixture = Fixture::exported(1).await;
    let mut manifest = folder::manifest(&fixture.backup()).unwrap().unwrap();
    manifest.log = fixture.another_log().head().await.unwrap().identity;
    let mut shorter = Manifest::new(manifest.log.clone(), Vec::new());
    for segment in manifest.segments {
        shorter.push(segment);
    }
    folder::Folder::open(&fixture.backup()).unwrap().save(&shorter).unwrap();
    let error = export(&fixture.another_log(), &fixture.backup(), |_| {}).await.unwrap_err();
    assert!(
        matches!(error, BackupError::LogLostItsEnd { log: Position(0), backup: Position(30) }),
        "{error}"
    );
}
