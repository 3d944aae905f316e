//! Restore of the stream, exclusively: until it is finished, the stream listens to subjects that only a restore
//! publishes to, and stores their messages under the subjects of the log. Publishes of the services find no stream and
//! are answered UNAVAILABLE.
//!
//! The state is stored in the stream, so that it outlives the process: a killed restore leaves the stream closed.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};

use async_nats::jetstream::Context;
use async_nats::jetstream::stream::{Config, Info};
use async_trait::async_trait;
use futures::stream::StreamExt as _;

use super::NatsLog;
use super::message::Subjects;
use super::metadata;
use super::metadata::StreamHead;
use super::restore_config::{closed, restore_prefix};
use crate::lineage::{self, Origin};
use crate::port::{LogEntry, Restore, RestoreError};
use crate::position::Position;

/// State of a log that is open for a restore.
pub(super) struct Restoration {
    context: Context,
    /// The designed configuration, open to the services.
    designed: Config,
    subject_prefix: String,
    /// Whether entries are published to the subjects of a restore.
    is_closed: AtomicBool,
    /// The configuration before this process closed the stream.
    former: Mutex<Option<Config>>,
}

impl Restoration {
    pub(super) fn new(context: Context, designed: Config, subject_prefix: &str) -> Self {
        Self {
            context,
            designed,
            subject_prefix: subject_prefix.to_owned(),
            is_closed: AtomicBool::new(false),
            former: Mutex::default(),
        }
    }

    /// The subjects for publishing while the stream is closed.
    pub(super) fn subjects(&self) -> Option<Subjects> {
        self.is_closed.load(Ordering::Acquire).then(|| Subjects::new(&restore_prefix(&self.subject_prefix)))
    }

    async fn update(&self, config: &Config) -> Result<(), RestoreError> {
        let updated = self.context.update_stream(config).await;
        updated.map(drop).map_err(|error| RestoreError::OutcomeUnknown(error.to_string()))
    }
}

impl NatsLog {
    fn restoration(&self) -> Result<&Restoration, RestoreError> {
        let without = || RestoreError::Refused("the log was not opened for a restore".to_owned());
        self.restoration.as_ref().ok_or_else(without)
    }

    /// Fails if another stream of the servers is the log that replaced the origin in order to forget: the restore would
    /// bring back what was forgotten.
    async fn check_not_forgotten(&self, origin: &Origin, own: &str) -> Result<(), RestoreError> {
        let mut streams = self.restoration()?.context.streams();
        while let Some(found) = streams.next().await {
            let found = found.map_err(|error| RestoreError::Unavailable(error.to_string()))?;
            let predecessors = metadata::predecessors(&found.config);
            if let Some(forgetting) = lineage::forgotten_since(&predecessors, &origin.log)
                && found.config.name != own
            {
                return Err(RestoreError::Refused(format!(
                    "the stream {} replaced the log {} in order to forget, at {}, and this would bring back what was forgotten: \
                     restore a backup of the newer log",
                    found.config.name, origin.log.0, forgetting.at
                )));
            }
        }
        Ok(())
    }

    pub(super) async fn info(&self) -> Result<Info, RestoreError> {
        self.link.stream.get_info().await.map_err(|error| RestoreError::Unavailable(error.to_string()))
    }
}

#[async_trait]
impl Restore for NatsLog {
    async fn begin(&self, origin: &Origin) -> Result<(), RestoreError> {
        let restoration = self.restoration()?;
        let info = self.info().await?;
        let head = StreamHead::from(&info);
        match metadata::restored(&info.config) {
            Some(log) if log != origin.log && head.last > Position::START => {
                return Err(RestoreError::of_another_origin(&log));
            }
            None if head.last >= origin.last_position => return Ok(()),
            None => {
                self.check_not_forgotten(origin, &info.config.name).await?;
                let former = info.config.clone();
                *restoration.former.lock().unwrap_or_else(PoisonError::into_inner) = Some(former);
            }
            Some(_) => self.check_not_forgotten(origin, &info.config.name).await?,
        }
        let mut config = closed(&info.config, &restoration.subject_prefix, origin);
        // Before the end, so that a projection that follows the restore knows the predecessors at once.
        metadata::set_predecessors(&mut config, &origin.predecessors_of(&head.identity));
        restoration.update(&config).await?;
        restoration.is_closed.store(true, Ordering::Release);
        tracing::info!(stream = config.name, origin = origin.log.0, "the stream is closed for a restore");
        Ok(())
    }

    async fn restore(&self, entries: Vec<LogEntry>) -> Result<(), RestoreError> {
        let closed = self.restoration.as_ref().and_then(Restoration::subjects);
        let subjects = closed.as_ref().unwrap_or(&self.subjects);
        super::restore::restore(&self.link, subjects, entries, self.append_timeout).await
    }

    async fn finish(&self, origin: &Origin) -> Result<(), RestoreError> {
        let restoration = self.restoration()?;
        let found = self.info().await?;
        let mut config = found.config.clone();
        config.subjects.clone_from(&restoration.designed.subjects);
        config.subject_transform = None;
        metadata::set_restored(&mut config, None);
        metadata::set_predecessors(&mut config, &origin.predecessors_of(&StreamHead::from(&found).identity));
        let is_open = config.subjects == found.config.subjects;
        if !is_open || config.metadata != found.config.metadata {
            restoration.update(&config).await?;
        }
        restoration.is_closed.store(false, Ordering::Release);
        Ok(())
    }

    async fn abandon(&self) -> Result<(), RestoreError> {
        let restoration = self.restoration()?;
        let former = restoration.former.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(former) = former {
            restoration.update(&former).await?;
            restoration.is_closed.store(false, Ordering::Release);
        }
        Ok(())
    }
}
