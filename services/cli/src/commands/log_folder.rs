//! Opening the embedded log outside `cra standalone`.

use std::path::Path;

use anyhow::Context as _;
use cra_eventlog::embedded::{EmbeddedLog, OpenError};

use super::pair::LOG;

/// Opens the log of a data folder, which must hold one.
pub(super) async fn open(data: &Path) -> anyhow::Result<EmbeddedLog> {
    anyhow::ensure!(
        data.join(LOG).is_dir(),
        "{} holds no log: name the folder that was given to `cra standalone --data`",
        data.display()
    );
    open_with(data, EmbeddedLog::open).await
}

/// Opens the log of a data folder as `opened` does. Adds what to do if another process has opened it.
pub(super) async fn open_with(
    data: &Path,
    opened: fn(&Path) -> Result<EmbeddedLog, OpenError>,
) -> anyhow::Result<EmbeddedLog> {
    let folder = data.join(LOG);
    match tokio::task::spawn_blocking(move || opened(&folder)).await? {
        Err(error @ OpenError::InUse { .. }) => {
            Err(error).context("stop the `cra standalone` that uses it first")
        }
        opened => Ok(opened?),
    }
}
