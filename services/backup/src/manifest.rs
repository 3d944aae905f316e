//! The manifest of a backup: its log, its end, its segments and their digests.
//!
//! The link of each segment covers the previous link and all fields of the segment, starting from the log's identity:
//! the last link covers the whole backup, so that no field can be changed alone. Does not read the segment files.

use std::path::Path;

use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use super::BackupError;
use cra_eventlog::{Forgetting, Origin, Predecessor};
use cra_eventlog::{LogIdentity, Position};

/// Format version of manifest and segments.
const FORMAT: u32 = 1;

/// Description of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    format: u32,
    /// The log that the events were read from.
    pub log: LogIdentity,
    /// Position of the last event; [`Position::START`] if there is none.
    pub last_position: Position,
    /// Predecessors of the log, latest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub predecessors: Vec<Predecessor>,
    /// Segments in order, without gaps.
    pub segments: Vec<Segment>,
}

/// One file of events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    /// Position of its first event.
    pub first: Position,
    /// Position of its last event.
    pub last: Position,
    /// Number of events.
    pub events: u64,
    /// Uncompressed size.
    pub bytes: u64,
    /// Size of the file.
    pub file_bytes: u64,
    /// SHA-256 of the file in hexadecimal, as given by `sha256sum`.
    pub sha256: String,
    /// Link of the digest chain up to this segment, in hexadecimal.
    pub link: String,
}

/// Parsed first, because other versions may have other fields.
#[derive(Deserialize)]
struct Version {
    format: u32,
}

impl Manifest {
    /// The manifest of a backup without events.
    pub(super) fn new(log: LogIdentity, predecessors: Vec<Predecessor>) -> Self {
        Self { format: FORMAT, log, predecessors, last_position: Position::START, segments: Vec::new() }
    }

    /// The origin of a log that the backup is restored to.
    #[must_use]
    pub fn origin(&self) -> Origin {
        Origin {
            log: self.log.clone(),
            last_position: self.last_position,
            predecessors: self.predecessors.clone(),
            forgetting: None,
        }
    }

    /// Parses a manifest and checks its consistency.
    pub(super) fn parse(path: &Path, text: &[u8]) -> Result<Self, BackupError> {
        let unsound = |reason: String| BackupError::Manifest { path: path.to_owned(), reason };
        let Version { format } = serde_json::from_slice(text).map_err(|error| unsound(error.to_string()))?;
        if format != FORMAT {
            return Err(unsound(format!("it has format {format}, this program knows {FORMAT}")));
        }
        let manifest: Self = serde_json::from_slice(text).map_err(|error| unsound(error.to_string()))?;
        manifest.check().map_err(unsound)?;
        Ok(manifest)
    }

    pub(super) fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        Ok(text)
    }

    pub(super) fn push(&mut self, mut segment: Segment) {
        segment.link = self.link_of(self.segments.len(), &segment);
        self.last_position = segment.last;
        self.segments.push(segment);
    }

    /// Digest of the whole backup: stored elsewhere, it proves later that nothing was changed.
    #[must_use]
    pub fn chain(&self) -> String {
        self.link_before(self.segments.len())
    }

    /// Size of all files except the manifest.
    #[must_use]
    pub fn file_bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.file_bytes).sum()
    }

    fn check(&self) -> Result<(), String> {
        let mut expected = Position::START.next();
        for (index, segment) in self.segments.iter().enumerate() {
            let Segment { first, last, events, .. } = segment;
            if *first != expected {
                return Err(format!("a segment begins at {first}, expected {expected}"));
            }
            // Untrusted numbers: nothing may be added before it is compared.
            if last < first || *events != last.0 - first.0 + 1 || last.0 == u64::MAX {
                return Err(format!("the segment at {first} claims {events} events up to {last}"));
            }
            if segment.link != self.link_of(index, segment) {
                return Err(format!("the digest chain breaks at the segment at {first}"));
            }
            expected = last.next();
        }
        if self.last_position.next() != expected {
            let segments_end = expected.previous();
            return Err(format!("it ends at {}, its segments at {segments_end}", self.last_position));
        }
        Ok(())
    }

    fn link_before(&self, index: usize) -> String {
        if let Some(segment) = index.checked_sub(1).and_then(|last| self.segments.get(last)) {
            return segment.link.clone();
        }
        let mut start = format!("cra log backup {FORMAT}\n{}\n", self.log.0);
        for Predecessor { log, last_position, forgetting } in &self.predecessors {
            start.extend([&*last_position.to_string(), " ", &log.0, "\n"]);
            if let Some(Forgetting { at, certificate }) = forgetting {
                start.extend(["forgotten ", at, " ", certificate, "\n"]);
            }
        }
        sha256(start.as_bytes())
    }

    fn link_of(&self, index: usize, segment: &Segment) -> String {
        let Segment { first, last, events, bytes, file_bytes, sha256: digest, link: _ } = segment;
        let before = self.link_before(index);
        sha256(format!("{before}\n{first} {last} {events} {bytes} {file_bytes} {digest}\n").as_bytes())
    }
}

impl Segment {
    /// Name of its file; names sort like positions.
    #[must_use]
    pub fn file_name(&self) -> String {
        file_name(self.first)
    }
}

/// File name of the segment that starts at a position.
pub(super) fn file_name(first: Position) -> String {
    format!("events-{:020}.zst", first.0)
}

/// SHA-256 in hexadecimal digits.
pub(super) fn sha256(bytes: &[u8]) -> String {
    let mut context = Context::new(&SHA256);
    context.update(bytes);
    let digits =
        context.finish().as_ref().iter().flat_map(|byte| [byte >> 4, byte & 0xf]).collect::<Vec<_>>();
    digits.into_iter().filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(first: u64, last: u64) -> Segment {
        Segment {
            first: Position(first),
            last: Position(last),
            events: last - first + 1,
            bytes: 1_000,
            file_bytes: 300,
            sha256: sha256(&first.to_be_bytes()),
            link: String::new(),
        }
    }

    fn manifest() -> Manifest {
        let forgetting =
            Forgetting { at: "2026-01-15T03:00:00Z".to_owned(), certificate: r#"{"format":1}"#.to_owned() };
        let earlier = Predecessor {
            log: LogIdentity("log/0".to_owned()),
            last_position: Position(77),
            forgetting: Some(forgetting),
        };
        let mut manifest = Manifest::new(LogIdentity("log/1".to_owned()), vec![earlier]);
        for (first, last) in [(1, 500), (501, 502), (503, 900)] {
            manifest.push(segment(first, last));
        }
        manifest
    }

    fn parse(text: &[u8]) -> Result<Manifest, String> {
        Manifest::parse(Path::new("m"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_manifest_is_parsed_as_it_was_written_even_an_empty_one() {
        for manifest in [manifest(), Manifest::new(LogIdentity("log/1".to_owned()), Vec::new())] {
            assert_eq!(parse(&manifest.to_json().unwrap()).unwrap(), manifest);
        }
    }

    #[test]
    fn any_change_of_a_manifest_is_detected() {
        let text = manifest().to_json().unwrap();
        for index in 0..text.len() {
            if !text[index].is_ascii_alphanumeric() {
                continue;
            }
            let mut changed = text.clone();
            changed[index] = if changed[index] == b'7' { b'8' } else { b'7' };
            assert!(parse(&changed).is_err(), "byte {index} of\n{}", String::from_utf8_lossy(&changed));
        }
    }

    #[test]
    fn missing_swapped_and_foreign_segments_are_detected() {
        let mut missing = manifest();
        missing.segments.remove(1);
        let mut end_missing = manifest();
        end_missing.segments.pop();
        let mut swapped = manifest();
        swapped.segments.swap(0, 1);
        let other = Manifest { log: LogIdentity("log/2".to_owned()), ..manifest() };
        let newer = Manifest { format: 2, ..manifest() };
        for (changed, reported) in [
            (missing, "begins at 503, expected 501"),
            (end_missing, "it ends at 900, its segments at 502"),
            (swapped, "begins at 501, expected 1"),
            (other, "the digest chain breaks at the segment at 1"),
            (newer, "it has format 2"),
        ] {
            let error = parse(&changed.to_json().unwrap()).unwrap_err();
            assert!(error.contains(reported), "{error}");
        }
        assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
