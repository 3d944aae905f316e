//! The port on NATS JetStream: one stream, one subject per stream of events.
//!
//! Writers are serialised by the server's expected last sequence per subject; its deduplication window is not used.
//! Nothing is ever deleted, purged or changed: the stream denies it, and this adapter has no such operation.

mod ack;
mod advice;
mod append;
mod batch;
mod condition;
mod connection;
mod group;
mod link;
mod login;
mod message;
mod metadata;
mod mirror;
mod pull_batches;
mod read;
mod restore;
mod restore_config;
mod restoring;
mod retiring;
mod room;
mod settings;
mod start;
mod start_error;

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::stream::{RawMessageError, RawMessageErrorKind};
use async_nats::jetstream::{self, Context};
use async_trait::async_trait;
use backon::{ConstantBuilder, Retryable as _};
use futures::stream::{self, BoxStream, StreamExt as _};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use self::append::Append;
use self::condition::Condition;
use self::connection::Watched;
use self::group::Pending;
use self::link::Link;
use self::message::{HEADERS_BYTES_MAX, Subjects};
use self::metadata::StreamHead;
use self::read::Reader;
use self::restoring::Restoration;
use self::room::AccountRoom;
use self::start::{Purpose, Server};
use crate::lineage::{LogIdentity, Origin};
use crate::port::{
    self, AppendError, Appended, Expectation, Fill, Head, LogEntry, NewEvent, PAYLOAD_BYTES_MAX, Read,
    ReadError, StreamId,
};
use crate::position::Position;

pub use self::mirror::{Activated, MirrorError, MirrorState, activate, mirror};
pub use self::pull_batches::{BatchSize, READ_AHEAD_MAX};
pub use self::settings::{NatsSettings, Slot};
pub use self::start_error::StartError;
pub use cra_private::Secret;

/// How long a read is retried while the servers elect a leader, which takes about a second.
const READ_PATIENCE: Duration = Duration::from_secs(2);
const READ_RETRY: ConstantBuilder =
    ConstantBuilder::new().with_delay(Duration::from_millis(100)).without_max_times();

/// The log on a NATS server or cluster. Dropping it lets pending appends finish.
pub struct NatsLog {
    link: Link,
    subjects: Subjects,
    pending: mpsc::Sender<Pending>,
    append_timeout: Duration,
    /// While it exists, the stream's condition is checked.
    _open: Arc<()>,
    batch_size: BatchSize,
    /// Only for a log that was opened for a restore.
    restoration: Option<Restoration>,
    /// Only of a log that was opened to be copied.
    operated: Option<Context>,
}

impl NatsLog {
    /// Connects, checks the server's version, creates the stream if it is missing, and checks its configuration.
    pub async fn connect(settings: NatsSettings) -> Result<Self, StartError> {
        Self::open(settings, Purpose::Use).await
    }

    /// Like [`NatsLog::connect`], for a restore: a missing stream is created closed to the services, and a stream with
    /// an unfinished restore is accepted. Needs the rights of the log's operator.
    pub async fn connect_to_restore(settings: NatsSettings, origin: &Origin) -> Result<Self, StartError> {
        Self::open(NatsSettings { create_stream: true, ..settings }, Purpose::Restore(origin)).await
    }

    async fn open(settings: NatsSettings, purpose: Purpose<'_>) -> Result<Self, StartError> {
        let settings = settings.of_slot();
        let (client, Watched { state, denied }) = connection::connect(&settings).await?;
        let server = client.server_info();
        start::check_version(&server.version)?;
        if server.max_payload < PAYLOAD_BYTES_MAX + HEADERS_BYTES_MAX {
            tracing::warn!(
                max_payload = server.max_payload,
                "the server's maximum message size is below the log's"
            );
        }
        // The connected server does not know about another server's JetStream.
        let has_jetstream = server.jetstream || settings.domain.is_some() || settings.api_prefix.is_some();
        let mut context = settings.context(client.clone()).map_err(StartError::Settings)?;
        context.set_timeout(Duration::from_millis(settings.request_timeout_ms));
        let explains = Server { has_jetstream, denied: denied.clone() };
        let info = start::provision(&context, &settings, purpose, &explains).await?;
        let stream = context
            .get_stream_no_info(&settings.stream)
            .await
            .map_err(|error| StartError::Settings(error.to_string()))?;
        let head = StreamHead::from(&info);
        tracing::info!(
            url = settings.url,
            server = server.version,
            head = head.last.0,
            identity = head.identity.0,
            "log open"
        );
        let link = Link {
            client,
            stream,
            state,
            condition: Condition::sound_of(head.identity, room::fill(&info, None), server.server_id),
            sending: Arc::default(),
        };
        let open = Arc::new(());
        let designed = start::designed(&settings);
        let (mut restoration, mut operated) = (None, None);
        match purpose {
            Purpose::Restore(_) => {
                restoration = Some(Restoration::new(context, designed.clone(), &settings.subject_prefix));
            }
            Purpose::Copy => operated = Some(context),
            Purpose::Use => {
                let account = AccountRoom::new(context, denied);
                tokio::spawn(link.clone().watch_condition(account, designed, Arc::downgrade(&open)));
            }
        }
        let subjects = Subjects::new(&settings.subject_prefix);
        let (pending, receiver) = mpsc::channel(group::PENDING_APPENDS_MAX);
        tokio::spawn(group::run(link.clone(), subjects.clone(), receiver));
        Ok(Self {
            link,
            subjects,
            pending,
            append_timeout: settings.append_timeout(),
            _open: open,
            batch_size: Arc::new(|| READ_AHEAD_MAX),
            restoration,
            operated,
        })
    }

    /// Sets how many events readers request at a time, instead of [`READ_AHEAD_MAX`]. The server sends a batch at once
    /// and occupies a core; smaller batches are slower to read.
    #[must_use]
    pub fn with_batch_size(self, batch_size: BatchSize) -> Self {
        Self { batch_size, ..self }
    }

    fn check_size(&self, event: &NewEvent) -> Result<(), AppendError> {
        let size_bytes = event.payload.len();
        let taken_bytes =
            self.link.client.max_payload().saturating_sub(HEADERS_BYTES_MAX).min(PAYLOAD_BYTES_MAX);
        if size_bytes > taken_bytes {
            return Err(AppendError::Refused(format!("{size_bytes} bytes, expected at most {taken_bytes}")));
        }
        Ok(())
    }

    /// Retries while the servers cannot answer temporarily; not without a connection.
    async fn with_retry<T, F>(&self, ask: impl Fn() -> F) -> Result<T, ReadError>
    where
        F: Future<Output = Result<T, ReadError>>,
    {
        let deadline = Instant::now() + READ_PATIENCE;
        let may_pass = |error: &ReadError| {
            matches!(error, ReadError::Unavailable(_)) && self.link.is_up() && Instant::now() < deadline
        };
        ask.retry(READ_RETRY)
            .when(may_pass)
            .notify(|error, _| tracing::debug!(%error, "the log is temporarily unreadable"))
            .await
    }

    async fn read_history(&self, stream: StreamId) -> Result<Vec<LogEntry>, ReadError> {
        let subject = self.subjects.of(stream);
        // All reads ask the leader. The last event first: it bounds the history, and most streams are new.
        let Some(last) = self.stored(self.link.stream.get_last_raw_message_by_subject(&subject).await)?
        else {
            return Ok(Vec::new());
        };
        let mut entries: Vec<LogEntry> = Vec::new();
        loop {
            let after = entries.last().map_or(Position::START, |entry| entry.position);
            let next = self.link.stream.get_first_raw_message_by_subject(&subject, after.next().0).await;
            match self.stored(next)? {
                Some(entry) if entry.position < last.position => entries.push(entry),
                _ => break,
            }
        }
        entries.push(last);
        Ok(entries)
    }

    fn stored(
        &self,
        message: Result<jetstream::message::StreamMessage, RawMessageError>,
    ) -> Result<Option<LogEntry>, ReadError> {
        match message {
            Ok(message) => self.subjects.stored(message).map(Some),
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(ReadError::Unavailable(error.to_string())),
        }
    }
}

#[async_trait]
impl port::Append for NatsLog {
    async fn append(&self, event: NewEvent, expectation: Expectation) -> Result<Appended, AppendError> {
        if !self.link.is_up() {
            return Err(AppendError::Unavailable("disconnected".to_owned()));
        }
        if let Some(fault) = self.link.condition.refusal(Instant::now()) {
            return Err(AppendError::Unavailable(fault));
        }
        self.check_size(&event)?;
        let deadline = Instant::now() + self.append_timeout;
        let (answer, outcome) = oneshot::channel();
        // From here on the sending task owns the append: the caller may go.
        self.pending.try_send(Pending { append: Append { event, expectation, deadline }, answer }).map_err(
            |error| {
                AppendError::Unavailable(match error {
                    mpsc::error::TrySendError::Full(_) => "too many appends are pending".to_owned(),
                    mpsc::error::TrySendError::Closed(_) => "the log is closed".to_owned(),
                })
            },
        )?;
        outcome.await.unwrap_or_else(|_| Err(AppendError::OutcomeUnknown("the log is closed".to_owned())))
    }
}

#[async_trait]
impl Read for NatsLog {
    fn read(&self, after: Position) -> BoxStream<'static, Result<LogEntry, ReadError>> {
        let reader =
            Reader::new(self.link.clone(), self.subjects.clone(), after, Arc::clone(&self.batch_size));
        // Boxed, because it is large and moved with every event.
        let reader = Box::new(reader);
        stream::unfold(reader, |mut reader| async move { reader.next().await.map(|next| (next, reader)) })
            .boxed()
    }

    async fn head(&self) -> Result<Head, ReadError> {
        self.with_retry(|| async {
            let info = self.link.stream.get_info().await;
            let head = StreamHead::from(&info.map_err(|error| ReadError::Unavailable(error.to_string()))?);
            Ok(Head { identity: head.identity, position: head.last, predecessors: head.predecessors })
        })
        .await
    }

    async fn entry(&self, position: Position) -> Result<Option<LogEntry>, ReadError> {
        // The server has no sequence 0.
        if position == Position::START {
            return Ok(None);
        }
        self.with_retry(|| async { self.stored(self.link.stream.get_raw_message(position.0).await) }).await
    }

    async fn history(&self, stream: StreamId) -> Result<Vec<LogEntry>, ReadError> {
        self.with_retry(|| self.read_history(stream)).await
    }

    fn identity(&self) -> LogIdentity {
        self.link.condition.identity()
    }

    fn is_available(&self) -> bool {
        self.link.is_up() && self.link.condition.is_sound()
    }

    fn is_readable(&self) -> bool {
        self.link.is_up() && self.link.condition.is_as_designed()
    }

    fn fill(&self) -> Option<Fill> {
        Some(self.link.condition.fill())
    }
}
