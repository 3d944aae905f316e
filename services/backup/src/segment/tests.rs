//! A segment is read as it was written, and any other content of its file is detected.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

/// CRA, event id, payload, time.
type Parts = (Option<u128>, Option<u128>, Vec<u8>, i64);

fn parts() -> impl Strategy<Value = Parts> {
    let id = || prop::option::of(any::<u128>());
    (id(), id(), prop::collection::vec(any::<u8>(), 0..200), any::<i64>())
}

fn entry_of((position, (stream, event_id, payload, time)): (u64, Parts)) -> LogEntry {
    LogEntry {
        position: Position(position),
        stream: stream.map(|id| StreamId(Uuid::from_u128(id))),
        event_id: event_id.map(Uuid::from_u128),
        payload: payload.into(),
        appended_at: Timestamp::from_nanosecond(i128::from(time)).unwrap(),
        trace: None,
    }
}

fn arbitrary_entries() -> impl Strategy<Value = Vec<LogEntry>> {
    (1_u64..1 << 40, prop::collection::vec(parts(), 1..40))
        .prop_map(|(first, entries)| (first..).zip(entries).map(entry_of).collect())
}

struct Written {
    dir: TempDir,
    segment: Segment,
}

impl Written {
    fn of(entries: &[LogEntry]) -> Self {
        let mut draft = Draft::new(entries[0].position);
        for entry in entries {
            draft.push(entry).unwrap();
        }
        let dir = tempfile::tempdir().unwrap();
        let segment = draft.write(&dir.path().join("segment")).unwrap();
        Self { dir, segment }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("segment")
    }

    /// Its unpacked entries.
    fn raw(&self) -> Vec<u8> {
        zstd::decode_all(fs::read(self.path()).unwrap().as_slice()).unwrap()
    }

    /// Packs other entries, with a manifest that matches their bytes: only the content is wrong.
    fn repack(&mut self, raw: &[u8]) {
        let packed = zstd::encode_all(raw, 1).unwrap();
        fs::write(self.path(), &packed).unwrap();
        self.segment.sha256 = sha256(&packed);
        self.segment.file_bytes = packed.len() as u64;
        self.segment.bytes = raw.len() as u64;
    }

    /// The error of reading it.
    fn reported(&self) -> String {
        let error = read(&self.path(), &self.segment).unwrap_err();
        let positions = format!("positions {} to {}", self.segment.first, self.segment.last);
        let reported = error.to_string();
        assert!(matches!(error, BackupError::Segment { .. }) && reported.contains(&positions), "{reported}");
        reported
    }
}

fn entries(count: u64) -> Vec<LogEntry> {
    (7..7 + count)
        .map(|position| cra_eventlog::conformance::entry(position, Some(StreamId(Uuid::new_v4())), "payload"))
        .collect()
}

proptest! {
    #[test]
    fn a_segment_is_read_as_it_was_written(entries in arbitrary_entries()) {
        let written = Written::of(&entries);
        prop_assert_eq!(written.segment.events, entries.len() as u64);
        let read = read(&written.path(), &written.segment).unwrap();
        prop_assert_eq!(format!("{read:?}"), format!("{entries:?}"));
    }

    #[test]
    fn any_flipped_bit_and_any_truncation_is_detected(
        entries in arbitrary_entries(), offset in any::<prop::sample::Index>(), bit in 0..8_u32,
    ) {
        let written = Written::of(&entries);
        let packed = fs::read(written.path()).unwrap();
        let offset = offset.index(packed.len());
        let mut flipped = packed.clone();
        flipped[offset] ^= 1 << bit;
        fs::write(written.path(), &flipped).unwrap();
        prop_assert!(written.reported().contains("its SHA-256 is"));
        fs::write(written.path(), &packed[..offset]).unwrap();
        prop_assert!(written.reported().contains("bytes, the manifest says"));
    }

    /// Even with matching digests: nothing panics, and no event is read at another position than its own.
    #[test]
    fn any_content_of_a_segment_is_read_in_order_or_refused(
        entries in arbitrary_entries(), offset in any::<prop::sample::Index>(), bit in 0..8_u32, cut in any::<bool>(),
    ) {
        let mut written = Written::of(&entries);
        let mut raw = written.raw();
        let offset = offset.index(raw.len());
        if cut { raw.truncate(offset) } else { raw[offset] ^= 1 << bit }
        written.repack(&raw);
        if let Ok(read) = read(&written.path(), &written.segment) {
            let positions = |entries: &[LogEntry]| entries.iter().map(|entry| entry.position).collect::<Vec<_>>();
            prop_assert_eq!(positions(&read), positions(&entries));
        }
    }

    #[test]
    fn random_bytes_are_not_a_segment(noise in prop::collection::vec(any::<u8>(), 0..300), packed in any::<bool>()) {
        let mut written = Written::of(&entries(3));
        if packed {
            written.repack(&noise);
        } else {
            fs::write(written.path(), &noise).unwrap();
            written.segment.sha256 = sha256(&noise);
            written.segment.file_bytes = noise.len() as u64;
        }
        written.reported();
    }
}

#[test]
fn entries_out_of_order_missing_or_surplus_are_reported_with_their_position() {
    let one = Written::of(&entries(1)).raw().len() - MAGIC.len();
    let raw = Written::of(&entries(3)).raw();
    let (head, body) = raw.split_at(MAGIC.len());
    let of = |numbers: &[usize]| {
        let parts = numbers.iter().map(|number| &body[number * one..(number + 1) * one]);
        [head].into_iter().chain(parts).collect::<Vec<_>>().concat()
    };
    for (numbers, reported) in [
        (&[1, 0, 2][..], "it has position 8, expected 7"),
        (&[0, 2], "it has position 9, expected 8"),
        (&[0, 1], "it ends before position 9"),
        (&[0, 1, 2, 2], "it has position 9, expected 10"),
        (&[], "it ends before position 7"),
    ] {
        let mut written = Written::of(&entries(3));
        written.repack(&of(numbers));
        assert!(written.reported().contains(reported), "{numbers:?}: {}", written.reported());
    }
}

#[test]
fn a_missing_file_and_one_that_unpacks_to_more_are_refused() {
    let mut written = Written::of(&entries(3));
    written.segment.bytes -= 1;
    assert!(written.reported().contains("does not unpack to the"));
    fs::remove_file(written.path()).unwrap();
    assert!(written.reported().contains("it is missing"));
}

#[test]
fn a_draft_accepts_only_the_next_event_and_is_full_at_its_limits() {
    let mut draft = Draft::new(Position(7));
    let next = entries(2);
    assert!(draft.push(&next[1]).unwrap_err().contains("position 8, expected 7"));
    draft.push(&next[0]).unwrap();
    assert!(!draft.is_full());
    let large = LogEntry { payload: vec![0; SEGMENT_BYTES_MAX - 100].into(), ..next[1].clone() };
    draft.push(&large).unwrap();
    assert!(draft.is_full());
    let too_large =
        LogEntry { position: Position(9), payload: vec![0; ENTRY_BYTES_MAX].into(), ..next[0].clone() };
    assert!(draft.push(&too_large).unwrap_err().contains("at most"));

    let mut many = Draft::new(Position(7));
    for entry in entries(SEGMENT_EVENTS_MAX) {
        assert!(!many.is_full());
        many.push(&entry).unwrap();
    }
    assert!(many.is_full());
}
