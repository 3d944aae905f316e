//! A restore of the stream, closed to everything else: until it is finished, the stream listens to subjects that only a
//! restore publishes to, and stores what comes there under the subjects of the log. Publishes of the services meet no
//! stream, and are answered UNAVAILABLE.
//!
//! The state is the stream's own, so that it outlives the process: a restore that is killed leaves the stream closed.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};

use async_nats::jetstream::Context;
use async_nats::jetstream::stream::{Config, Info, SubjectTransform};
use async_trait::async_trait;

use super::NatsLog;
use super::link::StreamHead;
use super::message::Subjects;
use super::metadata;
use crate::lineage::Origin;
use crate::port::{Position, RestoreError, Restoring};

/// The stream as designed, but for what a restore changes: its subjects and its metadata.
pub(super) fn closed(open: &Config, subject_prefix: &str, origin: &Origin) -> Config {
    let mut config = open.clone();
    let prefix = restore_prefix(subject_prefix);
    config.subjects = vec![format!("{prefix}.*")];
    config.subject_transform = Some(SubjectTransform {
        source: format!("{prefix}.*"),
        destination: format!("{subject_prefix}.{{{{wildcard(1)}}}}"),
    });
    metadata::set_restored(&mut config, Some(&origin.log));
    config
}

/// What the subjects of a restore begin with: nothing that a service may publish to.
fn restore_prefix(subject_prefix: &str) -> String {
    format!("{subject_prefix}-restore")
}

/// What a log needs to be restored.
pub(super) struct Restoration {
    context: Context,
    /// The stream as designed, open to the services.
    designed: Config,
    subject_prefix: String,
    /// Whether entries go to the subjects of a restore.
    is_closed: AtomicBool,
    /// The stream as it was before this process closed it.
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

    /// Where entries are published while the stream is closed.
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

    async fn info(&self) -> Result<Info, RestoreError> {
        self.link.stream.get_info().await.map_err(|error| RestoreError::Unavailable(error.to_string()))
    }
}

#[async_trait]
impl Restoring for NatsLog {
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
                let former = info.config.clone();
                *restoration.former.lock().unwrap_or_else(PoisonError::into_inner) = Some(former);
            }
            Some(_) => {}
        }
        let mut config = closed(&info.config, &restoration.subject_prefix, origin);
        // Before the end, too: a projection that reads along knows of them as soon as it meets the log.
        metadata::set_predecessors(&mut config, &origin.predecessors_of(&head.identity));
        restoration.update(&config).await?;
        restoration.is_closed.store(true, Ordering::Release);
        tracing::info!(stream = config.name, origin = origin.log.0, "the stream is closed for a restore");
        Ok(())
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
