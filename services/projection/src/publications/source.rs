//! What a publication is counted from.

use cra_eventlog::LogIdentity;

use crate::generations::Generation;

/// Source of a publication; if it changes, the publication is counted again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) definitions: String,
    pub(super) log: LogIdentity,
    /// Number of retried events: each changes the log's state as of earlier instants.
    pub(super) retried: u64,
}

impl Source {
    pub(super) fn of(generation: &Generation) -> Self {
        let description = generation.description();
        Self {
            definitions: description.definitions.clone(),
            log: description.log.clone(),
            retried: generation.retried(),
        }
    }
}
