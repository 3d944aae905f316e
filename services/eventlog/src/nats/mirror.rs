//! A mirror of the log on other servers, and how it becomes the log: with every event at its position, and the mirrored log as
//! its predecessor.
//!
//! Two streams never take appends at once. While the source answers, it is closed first, so that it has an end, and the mirror
//! is opened once it has that end; without the source, the operator decides. Needs the rights of the log's operator.

use async_nats::jetstream::Context;
use async_nats::jetstream::stream::{Config, External, Info, Source};
use tokio::time::{Duration, Instant, sleep};

use super::connection;
use super::metadata;
use super::metadata::StreamHead;
use super::settings::NatsSettings;
use super::start;
use super::start_error::StartError;
use crate::lineage::{LogIdentity, Origin};
use crate::position::Position;

/// A mirror that gets no event for this long will not catch up.
const STANDSTILL_MAX: Duration = Duration::from_secs(15);
const CHECK_INTERVAL: Duration = Duration::from_millis(200);
/// A source that does not answer for this long is away.
const SOURCE_WAIT: Duration = Duration::from_secs(5);

/// How far a mirror is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorState {
    /// The mirrored log, as its mirror notes it.
    pub source: Option<LogIdentity>,
    /// Position of the mirror's last event.
    pub position: Position,
    /// Events that the source has beyond that, as the mirror's servers learned last.
    pub lag: u64,
}

/// A mirror that became the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activated {
    /// The log that it is now.
    pub log: LogIdentity,
    /// The last position that it has in common with the mirrored log: with its source, where that is noted, else its own last one.
    pub position: Position,
    /// The log whose positions it continues; `None` where the mirror does not note it and the source is away.
    pub source: Option<LogIdentity>,
}

/// Why there is no mirror, or why it does not become the log.
#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    /// The servers, or a stream.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Servers did not answer, or refused.
    #[error("{what} failed: {reason}")]
    Server {
        /// What they were asked to do.
        what: &'static str,
        /// What was answered.
        reason: String,
    },
    /// The stream is something else.
    #[error(
        "stream {0} is no mirror: make one with `cra log mirror`, or name another stream with --nats-stream"
    )]
    NotAMirror(String),
    /// The stream is a mirror already, of something else.
    #[error("stream {stream} mirrors another stream: {of}")]
    MirrorsAnother {
        /// The mirror.
        stream: String,
        /// What it mirrors.
        of: String,
    },
    /// Nothing is known of the source.
    #[error(
        "the mirrored log does not answer: {reason}; the mirror is at position {position}. If the source is lost, and stays away, \
         run it again with --without-source: events that the source took after that position are then lost"
    )]
    SourceAway {
        /// What was answered.
        reason: String,
        /// The mirror's last position.
        position: Position,
    },
    /// The mirror does not follow.
    #[error(
        "the mirror is at position {position}, and the source ends at {end}: it lags by {} events and gets none; the source takes events \
         again, nothing was changed",
        end.0.saturating_sub(position.0)
    )]
    Behind {
        /// The mirror's last position.
        position: Position,
        /// The source's last position.
        end: Position,
    },
    /// The mirror holds other events than its source.
    #[error("the mirror is not one of this source: {0}; make a new mirror")]
    Differs(String),
}

/// The servers of one stream.
struct Servers {
    context: Context,
    stream: String,
}

impl Servers {
    async fn of(settings: &NatsSettings) -> Result<Self, MirrorError> {
        let (client, _) = connection::connect(settings).await?;
        start::check_version(&client.server_info().version)?;
        let mut context = settings.context(client).map_err(StartError::Settings)?;
        context.set_timeout(Duration::from_millis(settings.request_timeout_ms));
        Ok(Self { context, stream: settings.stream.clone() })
    }

    /// The servers that a mirror gets its events from, asked through its own domain.
    fn of_source(&self, source: &Source) -> Self {
        let client = self.context.client();
        let mut context = match &source.external {
            Some(external) => async_nats::jetstream::with_prefix(client, &external.api_prefix),
            None => self.context.clone(),
        };
        context.set_timeout(SOURCE_WAIT);
        Self { context, stream: source.name.clone() }
    }

    async fn info(&self) -> Result<Info, MirrorError> {
        let found = self.context.get_stream(&self.stream).await;
        found
            .map(|stream| stream.cached_info().clone())
            .map_err(|error| failed("asking for the stream", &error))
    }

    async fn update(&self, config: &Config) -> Result<Info, MirrorError> {
        self.context.update_stream(config).await.map_err(|error| failed("changing the stream", &error))
    }

    /// What is stored at a position, as far as two logs can be compared by it.
    async fn event(&self, position: Position) -> Result<(String, Vec<u8>), MirrorError> {
        let failed = |error: &dyn std::error::Error| failed("reading an event", &error);
        let stream = self.context.get_stream_no_info(&self.stream).await.map_err(|error| failed(&error))?;
        let message = stream.get_raw_message(position.0).await.map_err(|error| failed(&error))?;
        Ok((message.subject.to_string(), message.payload.to_vec()))
    }
}

fn failed(what: &'static str, error: &impl ToString) -> MirrorError {
    MirrorError::Server { what, reason: error.to_string() }
}

/// Makes a mirror of the log in the JetStream domain `source_domain`, or, without one, in that of the mirror; one that is there
/// is left as it is. `settings` are those of the mirror; both streams begin their subjects alike.
pub async fn mirror(
    settings: &NatsSettings,
    source_domain: Option<&str>,
    source_stream: &str,
) -> Result<MirrorState, MirrorError> {
    let servers = Servers::of(settings).await?;
    let external = source_domain
        .map(|domain| External { api_prefix: format!("$JS.{domain}.API"), delivery_prefix: None });
    let of = Source { name: source_stream.to_owned(), external, ..Source::default() };
    if let Ok(info) = servers.info().await {
        return match &info.config.mirror {
            Some(found) if is_same(found, &of) => Ok(state(&info)),
            Some(found) => {
                Err(MirrorError::MirrorsAnother { stream: servers.stream, of: found.name.clone() })
            }
            None => Err(MirrorError::NotAMirror(servers.stream)),
        };
    }
    let source = servers.of_source(&of).info().await?;
    let mut config = Config {
        subjects: Vec::new(),
        allow_atomic_publish: false,
        mirror: Some(of),
        ..start::designed(settings)
    };
    metadata::set_predecessors(&mut config, &metadata::predecessors(&source.config));
    metadata::set_mirrored(&mut config, Some(&StreamHead::from(&source).identity));
    let made = servers.context.create_stream(&config).await;
    made.map_err(|error| failed("making the mirror", &error))?;
    Ok(state(&servers.info().await?))
}

fn is_same(found: &Source, wanted: &Source) -> bool {
    let prefix = |source: &Source| source.external.as_ref().map(|external| external.api_prefix.clone());
    found.name == wanted.name && prefix(found) == prefix(wanted)
}

fn state(info: &Info) -> MirrorState {
    MirrorState {
        source: metadata::mirrored(&info.config),
        position: StreamHead::from(info).last,
        lag: info.mirror.as_ref().map_or(0, |mirror| mirror.lag),
    }
}

/// Makes a mirror the log. With its source, that is closed first, and the mirror must reach its end; without it, the mirror is
/// taken as it is. Run again, it continues; a mirror that became the log stays as it is.
pub async fn activate(settings: &NatsSettings, without_source: bool) -> Result<Activated, MirrorError> {
    let servers = Servers::of(settings).await?;
    let found = servers.info().await?;
    let head = StreamHead::from(&found);
    let designed = start::designed(settings);
    let Some(of) = found.config.mirror.clone() else {
        let is_the_log = start::differences(&found.config, &designed).is_empty();
        return match head.predecessors.first() {
            Some(source) if is_the_log => {
                let (source, position) = (source.log.clone(), source.last_position);
                Ok(Activated { log: head.identity, position, source: Some(source) })
            }
            _ => Err(MirrorError::NotAMirror(servers.stream)),
        };
    };
    // Before anything is changed.
    check(&opened(&found.config, &designed), &designed)?;
    let noted = metadata::mirrored(&found.config);
    let (source, position) = if without_source {
        (noted, head.last)
    } else {
        let closed = Closed::by(servers.of_source(&of), &head, noted.as_ref(), settings).await?;
        let source = StreamHead::from(&closed.info);
        match reached(&servers, &closed.servers, source.last).await {
            Ok(()) => (Some(source.identity), source.last),
            Err(error) => {
                closed.reopen().await?;
                return Err(error);
            }
        }
    };
    let predecessors = metadata::predecessors(&found.config);
    let origin =
        source.clone().map(|log| Origin { log, last_position: position, predecessors, forgetting: None });
    let mut config = opened(&found.config, &designed);
    let of_origin = origin.map(|origin| origin.predecessors_of(&head.identity)).unwrap_or_default();
    metadata::set_predecessors(&mut config, &of_origin);
    let updated = servers.update(&config).await?;
    check(&updated.config, &designed)?;
    Ok(Activated { log: head.identity, position, source })
}

/// The configuration of a mirror that became the log.
fn opened(mirror: &Config, designed: &Config) -> Config {
    let mut config = mirror.clone();
    config.mirror = None;
    config.subjects.clone_from(&designed.subjects);
    config.allow_atomic_publish = true;
    metadata::set_mirrored(&mut config, None);
    config
}

fn check(config: &Config, designed: &Config) -> Result<(), MirrorError> {
    let differences = start::differences(config, designed);
    if differences.is_empty() {
        return Ok(());
    }
    Err(StartError::StreamDiffers { stream: config.name.clone(), differences }.into())
}

/// A source that takes no more events.
struct Closed {
    servers: Servers,
    /// As it was.
    former: Config,
    /// As it is, with its end.
    info: Info,
}

impl Closed {
    /// Closes the source of a mirror, or finds it closed by an earlier try.
    async fn by(
        servers: Servers,
        mirror: &StreamHead,
        noted: Option<&LogIdentity>,
        settings: &NatsSettings,
    ) -> Result<Self, MirrorError> {
        let found = servers
            .info()
            .await
            .map_err(|error| MirrorError::SourceAway { reason: error.to_string(), position: mirror.last })?;
        let head = StreamHead::from(&found);
        if let Some(noted) = noted.filter(|noted| **noted != head.identity) {
            return Err(MirrorError::Differs(format!("it mirrors {}, found {}", noted.0, head.identity.0)));
        }
        let mut config = found.config.clone();
        config.subjects = vec![format!("{}-closed.*", settings.subject_prefix)];
        metadata::set_successor(&mut config, Some(&mirror.identity));
        let mut former = found.config;
        former.subjects.clone_from(&start::designed(settings).subjects);
        metadata::set_successor(&mut former, None);
        servers.update(&config).await?;
        // Appends that were under way before are stored, or refused.
        let info = servers.info().await?;
        Ok(Self { servers, former, info })
    }

    async fn reopen(self) -> Result<(), MirrorError> {
        self.servers.update(&self.former).await.map(drop)
    }
}

/// Waits until the mirror has the source's last event.
async fn reached(mirror: &Servers, source: &Servers, end: Position) -> Result<(), MirrorError> {
    let (mut position, mut moved_at) = (Position::START, Instant::now());
    loop {
        let last = StreamHead::from(&mirror.info().await?).last;
        if last > end {
            return Err(MirrorError::Differs(format!("it is at position {last}, the source ends at {end}")));
        }
        if last == end {
            break;
        }
        if last > position {
            (position, moved_at) = (last, Instant::now());
        } else if moved_at.elapsed() >= STANDSTILL_MAX {
            return Err(MirrorError::Behind { position: last, end });
        }
        sleep(CHECK_INTERVAL).await;
    }
    if end > Position::START && mirror.event(end).await? != source.event(end).await? {
        return Err(MirrorError::Differs(format!("the events at position {end} are not the same")));
    }
    Ok(())
}
