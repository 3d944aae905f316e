//! Opening the embedded log outside `cra standalone`.

use anyhow::Context as _;
use cra_eventlog::embedded::{EmbeddedLog, OpenError};

/// Adds what to do if another process has opened the log.
pub(super) fn unused(opened: Result<EmbeddedLog, OpenError>) -> anyhow::Result<EmbeddedLog> {
    match opened {
        Err(error @ OpenError::InUse { .. }) => {
            Err(error).context("stop the `cra standalone` that uses it first")
        }
        opened => Ok(opened?),
    }
}
