//! What the stream says of itself: its head, and the metadata that the log's operator writes: the log's predecessors, and
//! whether a restore is in progress.

use async_nats::jetstream::stream::{Config, Info};

use crate::lineage::{self, LogIdentity, Predecessor};
use crate::position::Position;

/// JSON: the logs whose positions the stream continues.
const PREDECESSORS: &str = "cra-predecessors";
/// Identity of the log being restored; present until the restore is finished.
const RESTORED: &str = "cra-restored";
/// Of a mirror: identity of the log that it mirrors.
const MIRRORED: &str = "cra-mirrored";
/// Of a log that was closed: identity of the former mirror that takes its place.
const SUCCESSOR: &str = "cra-successor";

#[derive(Clone, Debug)]
pub(super) struct StreamHead {
    pub(super) identity: LogIdentity,
    pub(super) predecessors: Vec<Predecessor>,
    pub(super) first: Position,
    pub(super) last: Position,
}

impl From<&Info> for StreamHead {
    fn from(info: &Info) -> Self {
        Self {
            identity: LogIdentity(format!("nats/{}/{}", info.config.name, info.created)),
            predecessors: predecessors(&info.config),
            first: Position(info.state.first_sequence),
            last: Position(info.state.last_sequence),
        }
    }
}

/// The logs whose positions the stream continues, latest first.
pub(super) fn predecessors(config: &Config) -> Vec<Predecessor> {
    config.metadata.get(PREDECESSORS).map(|text| lineage::decode(text)).unwrap_or_default()
}

pub(super) fn set_predecessors(config: &mut Config, predecessors: &[Predecessor]) {
    if predecessors.is_empty() {
        config.metadata.remove(PREDECESSORS);
    } else {
        config.metadata.insert(PREDECESSORS.to_owned(), lineage::encode(predecessors));
    }
}

/// The log that is being restored to the stream.
pub(super) fn restored(config: &Config) -> Option<LogIdentity> {
    config.metadata.get(RESTORED).cloned().map(LogIdentity)
}

/// Sets or clears the log that is being restored to the stream.
pub(super) fn set_restored(config: &mut Config, log: Option<&LogIdentity>) {
    set(config, RESTORED, log);
}

/// The log that a mirror mirrors.
pub(super) fn mirrored(config: &Config) -> Option<LogIdentity> {
    config.metadata.get(MIRRORED).cloned().map(LogIdentity)
}

/// Notes which log a mirror mirrors, or that the stream is none any more.
pub(super) fn set_mirrored(config: &mut Config, log: Option<&LogIdentity>) {
    set(config, MIRRORED, log);
}

/// The log that takes the place of a closed one.
pub(super) fn successor(config: &Config) -> Option<LogIdentity> {
    config.metadata.get(SUCCESSOR).cloned().map(LogIdentity)
}

/// Notes which log takes the stream's place, or that none does.
pub(super) fn set_successor(config: &mut Config, log: Option<&LogIdentity>) {
    set(config, SUCCESSOR, log);
}

fn set(config: &mut Config, key: &str, log: Option<&LogIdentity>) {
    match log {
        Some(log) => config.metadata.insert(key.to_owned(), log.0.clone()),
        None => config.metadata.remove(key),
    };
}
