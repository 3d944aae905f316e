//! What the stream's metadata keep of the log: its predecessors, and whether a restore is under way. The log's operator
//! writes them; the services read them.

use async_nats::jetstream::stream::Config;

use crate::lineage::{self, Predecessor};
use crate::port::LogIdentity;

/// JSON: the logs whose positions the stream goes on with.
const PREDECESSORS: &str = "cra-predecessors";
/// Identity of the log that is being restored; there until the restore is finished.
const RESTORED: &str = "cra-restored";

/// The logs whose positions the stream goes on with, the latest first.
pub(super) fn predecessors(config: &Config) -> Vec<Predecessor> {
    config.metadata.get(PREDECESSORS).map(|text| lineage::decode(text)).unwrap_or_default()
}

/// Notes the stream's predecessors.
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

/// Notes that a log is being restored to the stream, or that none is.
pub(super) fn set_restored(config: &mut Config, log: Option<&LogIdentity>) {
    match log {
        Some(log) => config.metadata.insert(RESTORED.to_owned(), log.0.clone()),
        None => config.metadata.remove(RESTORED),
    };
}
