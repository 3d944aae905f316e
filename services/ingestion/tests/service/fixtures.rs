//! A running service, its log, a settable clock, and valid requests.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use cra_contracts::v1 as pb;
use cra_eventlog::embedded::EmbeddedLog;
use cra_eventlog::{
    Append, AppendError, Appended, Expectation, Head, LogEntry, LogIdentity, NewEvent, Position, Read,
    ReadError, StreamId,
};
use cra_ingestion::{Limits, Settings, serve};
use cra_runtime::clock::FixedClock;
use cra_runtime::identity::{Claims, Identity, OneOrMany, PerimeterClaim, SigningKey, key_set};
use cra_runtime::listen;
use cra_runtime::serve::DrainOutcome;
use cra_runtime::shutdown::Shutdown;
use futures::stream::BoxStream;
use jiff::Timestamp;
use pb::ingestion_service_client::IngestionServiceClient;
use pb::reference_service_client::ReferenceServiceClient;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tonic::transport::Channel;

pub(crate) const MONDAY: &str = "2024-03-04T10:00:00Z";
pub(crate) const TUESDAY: &str = "2024-03-05T10:00:00Z";

#[repr(u8)]
pub(crate) enum Mode {
    Up,
    /// It reports that it cannot accept appends.
    Down,
    /// Appends are recorded, but their acknowledgements are lost.
    Unconfirmed,
    /// Another writer always writes first.
    Contended,
}

/// The embedded log, with simulated network failures and a gate before each append.
pub(crate) struct TestLog {
    inner: EmbeddedLog,
    mode: AtomicU8,
    pub(crate) gate: Semaphore,
    /// The reads of the log, by kind.
    reads: Mutex<Vec<&'static str>>,
}

impl TestLog {
    pub(crate) fn set(&self, mode: Mode) {
        self.mode.store(mode as u8, Ordering::SeqCst);
    }

    /// The reads since the last call, by the port's method names.
    pub(crate) fn reads(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.reads.lock().unwrap())
    }

    fn was_read(&self, how: &'static str) {
        self.reads.lock().unwrap().push(how);
    }

    fn is(&self, mode: Mode) -> bool {
        self.mode.load(Ordering::SeqCst) == mode as u8
    }
}

#[async_trait]
impl Append for TestLog {
    async fn append(&self, event: NewEvent, expectation: Expectation) -> Result<Appended, AppendError> {
        let _open = self.gate.acquire().await.unwrap();
        if self.is(Mode::Contended) {
            return Err(AppendError::Conflict { expected: expectation, actual: Some(Position(1)) });
        }
        let appended = self.inner.append(event, expectation).await?;
        if self.is(Mode::Unconfirmed) {
            return Err(AppendError::OutcomeUnknown("simulated by the test".to_owned()));
        }
        Ok(appended)
    }
}

#[async_trait]
impl Read for TestLog {
    fn read(&self, after: Position) -> BoxStream<'static, Result<LogEntry, ReadError>> {
        self.was_read("read");
        self.inner.read(after)
    }

    async fn head(&self) -> Result<Head, ReadError> {
        self.inner.head().await
    }

    async fn entry(&self, position: Position) -> Result<Option<LogEntry>, ReadError> {
        self.was_read("entry");
        self.inner.entry(position).await
    }

    async fn history(&self, stream: StreamId) -> Result<Vec<LogEntry>, ReadError> {
        self.was_read("history");
        self.inner.history(stream).await
    }

    fn identity(&self) -> LogIdentity {
        self.inner.identity()
    }

    fn is_available(&self) -> bool {
        !self.is(Mode::Down)
    }
}

/// A running service with everything a test needs.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) log: Arc<TestLog>,
    pub(crate) clock: FixedClock,
    pub(crate) shutdown: Shutdown,
    pub(crate) outcome: JoinHandle<anyhow::Result<DrainOutcome>>,
    _dir: tempfile::TempDir,
}

/// A service on a new log, on a Monday morning.
pub(crate) async fn service() -> Running {
    service_with(Limits::default()).await
}

pub(crate) async fn service_with(limits: Limits) -> Running {
    started(limits, Identity::not_configured())
}

/// A service that trusts the tokens of a key.
pub(crate) async fn service_trusting(key: &SigningKey) -> Running {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), key_set(&[key]).to_string()).unwrap();
    let settings =
        serde_json::json!({"tokens": {"issuer": "issuer", "audience": "cra", "jwks_file": file.path()}});
    let identity = Identity::open(&serde_json::from_value(settings).unwrap()).await.unwrap();
    started(Limits::default(), identity)
}

/// A token for a perimeter, valid for ten minutes.
pub(crate) fn token(key: &SigningKey, scope: &str, perimeter: PerimeterClaim) -> String {
    let claims = Claims {
        iss: "issuer".to_owned(),
        aud: OneOrMany::One("cra".to_owned()),
        exp: Timestamp::now().as_second() + 600,
        azp: Some("platform".to_owned()),
        scope: OneOrMany::One(scope.to_owned()),
        perimeter: Some(perimeter),
        ..Claims::default()
    };
    key.sign(&claims).unwrap()
}

fn started(limits: Limits, identity: Identity) -> Running {
    let dir = tempfile::tempdir().unwrap();
    let inner = EmbeddedLog::open(dir.path()).unwrap();
    let gate = Semaphore::new(1_000);
    let (mode, reads) = (AtomicU8::new(Mode::Up as u8), Mutex::default());
    let log = Arc::new(TestLog { inner, mode, gate, reads });
    let clock = FixedClock::at(instant(MONDAY));
    let listener = listen::bind("127.0.0.1:0".parse().unwrap(), identity).unwrap().open().unwrap();
    let address = listener.address();
    let shutdown = Shutdown::new();
    let outcome = tokio::spawn({
        let (log, clock, shutdown) = (Arc::clone(&log), Arc::new(clock.clone()), shutdown.clone());
        let settings = Settings { limits, ..Settings::default() };
        async move { serve(listener, log, clock, &settings, shutdown).await }
    });
    Running { address, log, clock, shutdown, outcome, _dir: dir }
}

impl Running {
    pub(crate) async fn channel(&self) -> Channel {
        Channel::from_shared(format!("http://{}", self.address)).unwrap().connect().await.unwrap()
    }

    pub(crate) async fn ingestion(&self) -> IngestionServiceClient<Channel> {
        IngestionServiceClient::new(self.channel().await)
    }

    pub(crate) async fn reference(&self) -> ReferenceServiceClient<Channel> {
        ReferenceServiceClient::new(self.channel().await)
    }

    /// Number of events in the log.
    pub(crate) async fn events(&self) -> u64 {
        self.log.head().await.unwrap().position.0
    }

    /// Fails the test after a timeout.
    pub(crate) async fn drained(&mut self) -> DrainOutcome {
        let outcome = tokio::time::timeout(Duration::from_secs(20), &mut self.outcome).await;
        outcome.expect("the service did not end").unwrap().unwrap()
    }
}

pub(crate) fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A workshop without day and number of participants.
pub(crate) fn form() -> pb::Cra {
    pb::Cra {
        date: String::new(),
        participants: None,
        duration: Some(pb::Duration { band: pb::DurationBand::OneHourOrMore.into(), minutes: Some(60) }),
        ..cra_fixtures::workshop(5)
    }
}

/// The id of the CRA of this number.
pub(crate) fn cra_id(number: u128) -> String {
    uuid::Uuid::from_u128(number).to_string()
}

/// A submission of [`form`].
pub(crate) fn submission(number: u128) -> pb::SubmitCraRequest {
    pb::SubmitCraRequest { cra_id: cra_id(number), cra: Some(form()), validate_only: false }
}

/// The withdrawal of a CRA at a revision.
pub(crate) fn withdrawal(number: u128, expected_revision: u64) -> pb::WithdrawCraRequest {
    pb::WithdrawCraRequest { cra_id: cra_id(number), expected_revision, reason: "saisi deux fois".into() }
}

/// A submission with another theme.
pub(crate) fn other_content(number: u128) -> pb::SubmitCraRequest {
    let cra = pb::Cra { themes: vec![pb::Theme::Budget.into()], ..form() };
    pb::SubmitCraRequest { cra: Some(cra), ..submission(number) }
}
