//! A log that another one replaces: it is read to its end, sealed against appends, and deleted. Needs the rights of the
//! log's operator.

use async_nats::jetstream::Context;

use super::NatsLog;
use super::metadata;
use super::settings::NatsSettings;
use super::start::Purpose;
use super::start_error::StartError;
use crate::lineage::LogIdentity;
use crate::port::RestoreError;

impl NatsLog {
    /// Like [`NatsLog::connect`], to copy the log: the stream must exist, and may be sealed.
    pub async fn connect_to_copy(settings: NatsSettings) -> Result<Self, StartError> {
        Self::open(NatsSettings { create_stream: false, ..settings }, Purpose::Copy).await
    }

    fn operated(&self) -> Result<&Context, RestoreError> {
        let without = || RestoreError::Refused("the log was not opened to be copied".to_owned());
        self.operated.as_ref().ok_or_else(without)
    }

    /// Closes the stream for good, in favour of another log: the services answer appends with UNAVAILABLE and log which
    /// log replaces it. A sealed stream stays as it is.
    pub async fn seal(&self, successor: &LogIdentity) -> Result<(), RestoreError> {
        let context = self.operated()?;
        let mut config = self.info().await?.config;
        if config.sealed {
            return Ok(());
        }
        config.sealed = true;
        metadata::set_successor(&mut config, Some(successor));
        let sealed = context.update_stream(&config).await;
        let failed = |error| RestoreError::Unavailable(format!("the stream was not sealed: {error}"));
        sealed.map_err(failed)?;
        tracing::info!(stream = config.name, "the stream is sealed");
        Ok(())
    }

    /// Whether the stream is closed for good.
    pub async fn is_sealed(&self) -> Result<bool, RestoreError> {
        Ok(self.info().await?.config.sealed)
    }

    /// The log in favour of which the stream was closed, if it was.
    pub async fn successor(&self) -> Result<Option<LogIdentity>, RestoreError> {
        Ok(metadata::successor(&self.info().await?.config))
    }

    /// Deletes the stream with every event.
    pub async fn destroy(self) -> Result<(), RestoreError> {
        let context = self.operated()?;
        let name = self.info().await?.config.name;
        let deleted = context.delete_stream(&name).await;
        let failed = |error| RestoreError::Unavailable(format!("the stream was not deleted: {error}"));
        deleted.map_err(failed)?;
        tracing::info!(stream = name, "the stream is deleted");
        Ok(())
    }
}
