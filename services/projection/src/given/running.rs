//! A log in a temporary folder, its read models, the running service, and a gate that holds replays.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cra_contracts::v1;
use cra_contracts::v1::operations_service_server::OperationsService as _;
use cra_domain::event::record;
use cra_eventlog::embedded::EmbeddedLog;
use cra_eventlog::{
    AppendError, Appended, EventLog, Expectation, Head, LogEntry, LogIdentity, NewEvent, Position, ReadError,
    RestoreError,
};
use cra_runtime::clock::FixedClock;
use cra_runtime::identity::Callers;
use cra_runtime::shutdown::Shutdown;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use jiff::SignedDuration;
use tempfile::TempDir;
use tokio::sync::{OwnedMutexGuard, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tonic::codegen::BoxStream as Answers;
use tonic::{Request, Status};
use uuid::Uuid;

use super::{RECORDED_AT, at, cra_id};
use crate::Settings;
use crate::follow::Follower;
use crate::generations::{Generation, Generations};
use crate::queries::page::Signer;
use crate::replay::Replayer;
use crate::services::Operations;
use crate::store::Applied;

/// Longer than anything here takes; a passing test does not wait that long.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// A log whose readers stop at a position until the gate is opened.
struct Gated {
    log: Arc<EmbeddedLog>,
    gate: watch::Sender<u64>,
}

#[tonic::async_trait]
impl EventLog for Gated {
    async fn append(&self, event: NewEvent, expectation: Expectation) -> Result<Appended, AppendError> {
        self.log.append(event, expectation).await
    }

    async fn restore(&self, entries: Vec<LogEntry>) -> Result<(), RestoreError> {
        self.log.restore(entries).await
    }

    fn read(&self, after: Position) -> BoxStream<'static, Result<LogEntry, ReadError>> {
        let gate = self.gate.subscribe();
        let through = move |entry: Result<LogEntry, ReadError>| {
            let mut gate = gate.clone();
            async move {
                let position = entry.as_ref().map_or(0, |entry| entry.position.0);
                gate.wait_for(|open| *open >= position).await.expect("the gate stands as long as the log");
                entry
            }
        };
        self.log.read(after).then(through).boxed()
    }

    async fn head(&self) -> Result<Head, ReadError> {
        self.log.head().await
    }

    async fn entry(&self, position: Position) -> Result<Option<LogEntry>, ReadError> {
        self.log.entry(position).await
    }

    async fn history(&self, cra_id: Uuid) -> Result<Vec<LogEntry>, ReadError> {
        self.log.history(cra_id).await
    }

    fn identity(&self) -> LogIdentity {
        self.log.identity()
    }

    fn is_available(&self) -> bool {
        self.log.is_available()
    }
}

/// A projection with its own log, which it follows only on request.
pub(crate) struct Running {
    folder: TempDir,
    log: Arc<EmbeddedLog>,
    gated: Arc<Gated>,
    pub(crate) operations: Operations,
    following: Option<JoinHandle<()>>,
}

impl Running {
    /// A projection that has applied these events.
    pub(crate) async fn of(events: &[v1::CraEvent]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = Arc::new(EmbeddedLog::open(&folder.path().join("log")).unwrap());
        let gated = Arc::new(Gated { log: Arc::clone(&log), gate: watch::Sender::new(u64::MAX) });
        let operations = open(folder.path(), &gated).await;
        let running = Self { folder, log, gated, operations, following: None };
        running.append(events).await;
        running.catch_up().await;
        running
    }

    /// Appends events to the log.
    pub(crate) async fn append(&self, events: &[v1::CraEvent]) {
        append(&self.log, events).await;
    }

    /// Appends a payload that is not an event to the log, for the n-th CRA.
    pub(crate) async fn append_garbage(&self, n: u8) {
        append_payload(&self.log, cra_id(n), Uuid::new_v4(), Bytes::from_static(b"\xffno event")).await;
    }

    /// Appends events in the background, one by one.
    pub(crate) fn appending(&self, events: Vec<v1::CraEvent>) -> JoinHandle<()> {
        let log = Arc::clone(&self.log);
        tokio::spawn(async move { append(&log, &events).await })
    }

    /// Applies all events of the log to the serving generation.
    pub(crate) async fn catch_up(&self) {
        let head = self.head().await;
        self.replayer().fill(&self.serving(), head, |_| {}).await.unwrap();
    }

    pub(crate) async fn head(&self) -> Position {
        self.log.head().await.unwrap().position
    }

    /// Starts to follow the log.
    pub(crate) fn follow(&mut self) {
        let log: Arc<dyn EventLog> = Arc::<EmbeddedLog>::clone(&self.log);
        let Replayer { generations, clock, .. } = self.replayer().clone();
        let follower = Follower { log, generations, clock };
        self.following = Some(tokio::spawn(follower.run(self.operations.shutdown.clone())));
    }

    /// Holds replays at a position.
    pub(crate) fn hold_at(&self, position: u64) {
        self.gated.gate.send_replace(position);
    }

    /// Releases replays.
    pub(crate) fn let_go(&self) {
        self.hold_at(u64::MAX);
    }

    pub(crate) fn replayer(&self) -> &Replayer {
        &self.operations.replayer
    }

    pub(crate) fn generations(&self) -> &Arc<Generations> {
        &self.replayer().generations
    }

    pub(crate) fn serving(&self) -> Arc<Generation> {
        self.generations().serving()
    }

    /// The permit for a replay, once it is free.
    pub(crate) async fn place(&self) -> OwnedMutexGuard<()> {
        timeout(SOON, Arc::clone(&self.replayer().place).lock_owned()).await.unwrap()
    }

    /// Waits until a generation has reached a position.
    pub(crate) async fn reached(generation: &Generation, position: u64) {
        let mut applied = generation.watch();
        let holds = |applied: &Option<Applied>| {
            applied.as_ref().is_some_and(|applied| applied.position.0 >= position)
        };
        timeout(SOON, applied.wait_for(holds)).await.unwrap().unwrap();
    }

    /// Another generation than the serving one, once it has reached a position.
    pub(crate) async fn other_at(&self, position: u64) -> Arc<Generation> {
        let other = eventually("a generation is beside", || self.generations().all().get(1).cloned()).await;
        Self::reached(&other, position).await;
        other
    }

    /// Starts a replay.
    pub(crate) async fn rebuild(
        &self,
        until_position: u64,
        promote: bool,
    ) -> Result<Answers<v1::RebuildResponse>, Status> {
        let request = v1::RebuildRequest { until_position, promote };
        Ok(self.operations.rebuild(Request::new(request)).await?.into_inner())
    }

    /// Runs a replay: returns its last answer.
    pub(crate) async fn rebuilt(&self, until_position: u64, promote: bool) -> v1::RebuildResponse {
        last(self.rebuild(until_position, promote).await.unwrap()).await.unwrap()
    }

    /// Runs a check: returns its last answer.
    pub(crate) async fn verified(&self) -> v1::VerifyResponse {
        let checked = self.operations.verify(Request::new(v1::VerifyRequest {})).await.unwrap();
        last(checked.into_inner()).await.unwrap()
    }

    pub(crate) async fn promote(&self, generation: &str) -> Result<String, Status> {
        let request = v1::PromoteRequest { generation: generation.to_owned() };
        Ok(self.operations.promote(Request::new(request)).await?.into_inner().former_generation)
    }

    pub(crate) async fn status(&self) -> v1::GetStatusResponse {
        self.operations.get_status(Request::new(v1::GetStatusRequest {})).await.unwrap().into_inner()
    }

    /// Stops the process abruptly, and starts it again on the same folder.
    pub(crate) async fn restarted(self) -> Self {
        let Self { folder, log, gated, operations, following } = self;
        operations.shutdown.begin();
        if let Some(following) = following {
            following.await.unwrap();
        }
        let generations = Arc::downgrade(&operations.replayer.generations);
        drop(operations);
        eventually("everything is released", || (generations.strong_count() == 0).then_some(())).await;
        gated.gate.send_replace(u64::MAX);
        let operations = open(folder.path(), &gated).await;
        Self { folder, log, gated, operations, following: None }
    }

    /// Names in the folder of the generations.
    pub(crate) fn on_disk(&self) -> Vec<String> {
        names_in(&self.folder.path().join("data/generations"))
    }

    /// Names of the scratch generations.
    pub(crate) fn passing(&self) -> Vec<String> {
        names_in(&self.folder.path().join("data/passing"))
    }

    /// Names of the quarantined generations.
    pub(crate) fn set_aside(&self) -> Vec<String> {
        names_in(&self.folder.path().join("data/set-aside"))
    }
}

/// The last answer of a stream, or its error.
pub(crate) async fn last<T>(mut answers: Answers<T>) -> Result<T, Status> {
    let mut last = None;
    while let Some(answer) = timeout(SOON, answers.next()).await.unwrap() {
        last = Some(answer?);
    }
    Ok(last.unwrap())
}

/// Waits for a condition.
pub(crate) async fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = look() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, looking).await.unwrap_or_else(|_| panic!("not in time: {what}"))
}

async fn open(folder: &Path, gated: &Arc<Gated>) -> Operations {
    let clock = Arc::new(FixedClock::at(at(RECORDED_AT)));
    let log: Arc<dyn EventLog> = Arc::<Gated>::clone(gated);
    let settings = Settings { data: folder.join("data"), ..Settings::default() };
    let taken = crate::folder(&settings).await.unwrap();
    let generations = crate::open(taken, &log, &*clock, &settings).await.unwrap();
    Operations {
        replayer: Replayer {
            log,
            generations,
            clock,
            place: Arc::default(),
            filling: Arc::default(),
            background: tokio::runtime::Handle::current(),
            questions: crate::queries_in_flight(&Settings::default()),
        },
        callers: Callers::Anyone,
        signer: Signer::with_random_secret(SignedDuration::from_hours(1)).unwrap(),
        shutdown: Shutdown::new(),
    }
}

async fn append(log: &EmbeddedLog, events: &[v1::CraEvent]) {
    for event in events {
        let (cra_id, event_id) = (event.cra_id.parse().unwrap(), event.event_id.parse().unwrap());
        append_payload(log, cra_id, event_id, record::encode(event)).await;
    }
}

async fn append_payload(log: &EmbeddedLog, cra_id: Uuid, event_id: Uuid, payload: Bytes) {
    let history = log.history(cra_id).await.unwrap();
    let expectation =
        history.last().map_or(Expectation::NoEvent, |entry| Expectation::LastAt(entry.position));
    let appended =
        log.append(NewEvent { cra_id, event_id, payload, trace: None }, expectation).await.unwrap();
    assert!(matches!(appended, Appended::Executed(_)), "{event_id} was there");
}

fn names_in(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
