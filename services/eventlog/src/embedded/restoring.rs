//! Restore of the embedded log: a stored marker closes it to all other writers until the restore is finished.

use std::io;

use async_trait::async_trait;
use tokio::sync::oneshot;

use super::store::{Lineage, WriteBatch};
use super::writer::{PendingRestore, Work};
use super::{EmbeddedLog, WRITER_GONE, lock};
use crate::lineage::Origin;
use crate::port::{LogEntry, Read as _, Restore, RestoreError, restored_range};
use crate::position::Position;

impl EmbeddedLog {
    async fn keep(&self, lineage: Lineage) -> Result<(), RestoreError> {
        let mut batch = WriteBatch::default();
        batch.set_lineage(&lineage);
        let store = lock(&self.shared.store).clone();
        let written = tokio::task::spawn_blocking(move || store.write(batch)).await;
        let written = written.unwrap_or_else(|error| Err(io::Error::other(error)));
        written.map_err(|error| RestoreError::OutcomeUnknown(error.to_string()))?;
        *lock(&self.lineage) = lineage;
        Ok(())
    }
}

#[async_trait]
impl Restore for EmbeddedLog {
    async fn begin(&self, origin: &Origin) -> Result<(), RestoreError> {
        let (head, lineage) = (*self.head.borrow(), lock(&self.lineage).clone());
        match &lineage.restored {
            Some(log) if *log == origin.log => Ok(()),
            Some(log) if head > Position::START => Err(RestoreError::of_another_origin(log)),
            None if head >= origin.last_position => Ok(()),
            _ => {
                self.keep(Lineage { restored: Some(origin.log.clone()), ..lineage.clone() }).await?;
                *lock(&self.former_lineage) = Some(lineage);
                Ok(())
            }
        }
    }

    async fn restore(&self, entries: Vec<LogEntry>) -> Result<(), RestoreError> {
        restored_range(&entries)?;
        let (answer, outcome) = oneshot::channel();
        self.hand_over(Work::Restore(PendingRestore { entries, answer }))
            .map_err(RestoreError::Unavailable)?;
        outcome.await.unwrap_or_else(|_| Err(RestoreError::OutcomeUnknown(WRITER_GONE.to_owned())))
    }

    async fn finish(&self, origin: &Origin) -> Result<(), RestoreError> {
        let lineage = Lineage { predecessors: origin.predecessors_of(&self.identity()), restored: None };
        if *lock(&self.lineage) == lineage {
            return Ok(());
        }
        self.keep(lineage).await
    }

    async fn abandon(&self) -> Result<(), RestoreError> {
        let former = lock(&self.former_lineage).take();
        match former {
            Some(former) => self.keep(former).await,
            None => Ok(()),
        }
    }
}
