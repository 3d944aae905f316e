//! The audit: who read, changed or requested what, as lines of JSON separate from the log and its filters.
//!
//! Before a handler shows or changes audited data, it starts a record ([`Trail::begin`]), which reserves room in the
//! queue of lines. If the queue is full, because lines cannot be written, the call is refused. So nothing is shown
//! without a record, except after a power cut. The shell completes the record with the call's code (`layer`). Refusals
//! are written up to a limit per client, and counted above it.
//!
//! Contains no free text, no content of a CRA and no token.

pub(crate) mod layer;
mod record;
mod settings;
mod writer;

use std::io;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::{Code, Status};

pub use record::{Kind, Trail};
pub use settings::{AuditSettings, Target};

use crate::allowance::Allowance;
use crate::clients::ClientKey;
use crate::rejection::{Rejection, Retry, Row};
use crate::reload::Reloads;
use writer::{Line, Requests, Sink};

/// Maximum number of queued lines.
const WAITING_MAX: usize = 8_192;
/// How long shutdown waits for the last lines.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// The access cannot be recorded.
const AUDIT_UNAVAILABLE: Row =
    Row { code: Code::Unavailable, reason: "AUDIT_UNAVAILABLE", retry: Retry::AfterMs(1_000) };

/// Why the audit cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("the audit cannot be written to {to} of `audit.to`: {source}")]
pub struct AuditError {
    to: Target,
    source: io::Error,
}

/// The audit of a process; clones share it. The default discards everything.
#[derive(Clone, Default)]
pub struct Audit(Option<Arc<Shared>>);

struct Shared {
    service: &'static str,
    /// Taken at shutdown.
    lines: Mutex<Option<Sender<Line>>>,
    room: Arc<Semaphore>,
    asked: Arc<Requests>,
    writer: Mutex<Option<JoinHandle<()>>>,
    refusals: Allowance<ClientKey>,
    refusals_left_out: AtomicU64,
}

impl Audit {
    /// Opens the audit of a service, which is reopened on SIGHUP. Call it within the tokio runtime.
    pub fn open(settings: &AuditSettings, service: &'static str) -> Result<Self, AuditError> {
        let AuditSettings { to, refusals_per_minute } = settings;
        let refused = |source| AuditError { to: to.clone(), source };
        let Some(sink) = Sink::open(to).map_err(refused)? else {
            tracing::warn!("`audit.to` is `none`: who reads what is not recorded");
            return Ok(Self::default());
        };
        let audit = Self::start(sink, service, *refusals_per_minute).map_err(refused)?;
        if matches!(to, Target::File(_)) {
            audit.reopen_on_signal();
        }
        Ok(audit)
    }

    fn start(sink: Sink, service: &'static str, refusals_per_minute: NonZeroU32) -> io::Result<Self> {
        let (lines, receiver) = mpsc::channel();
        let asked = Arc::<Requests>::default();
        let writer = std::thread::Builder::new().name("audit".to_owned()).spawn({
            let asked = Arc::clone(&asked);
            move || writer::run(sink, &receiver, &asked)
        })?;
        Ok(Self(Some(Arc::new(Shared {
            service,
            lines: Mutex::new(Some(lines)),
            room: Arc::new(Semaphore::new(WAITING_MAX)),
            asked,
            writer: Mutex::new(Some(writer)),
            refusals: Allowance::new(refusals_per_minute),
            refusals_left_out: AtomicU64::new(0),
        }))))
    }

    fn reopen_on_signal(&self) {
        let mut reloads = Reloads::listen();
        let asked = self.0.as_ref().map(|shared| Arc::downgrade(&shared.asked));
        tokio::spawn(async move {
            loop {
                reloads.next().await;
                let Some(asked) = asked.as_ref().and_then(std::sync::Weak::upgrade) else { return };
                asked.reopen.store(true, Ordering::Release);
            }
        });
    }

    /// Writes the queued lines, for a bounded time. Later records are lost: call it after the last call.
    pub async fn close(&self) {
        let Some(shared) = &self.0 else { return };
        shared.asked.leave.store(true, Ordering::Release);
        drop(shared.lines.lock().take());
        let Some(writer) = shared.writer.lock().take() else { return };
        let joined = tokio::task::spawn_blocking(move || drop(writer.join()));
        if tokio::time::timeout(FLUSH_TIMEOUT, joined).await.is_err() {
            tracing::error!("the last lines of the audit could not be written in time");
        }
    }

    /// Reserves room for lines, or refuses the call. If the audit is off, no room is needed.
    fn room(&self, lines: u32) -> Result<Option<Room>, Status> {
        let Some(shared) = &self.0 else { return Ok(None) };
        let permits = Arc::clone(&shared.room).try_acquire_many_owned(lines);
        permits.map(|permits| Some(Room { shared: Arc::clone(shared), permits })).map_err(|_| {
            let message = "this call must be audited, and the audit cannot be written now; retry later";
            Rejection::new(AUDIT_UNAVAILABLE, message).into()
        })
    }

    /// Room for a refusal of a client below its limit; above it, the refusal is counted.
    fn room_of_refusal(&self, client: ClientKey) -> Option<Room> {
        let shared = self.0.as_ref()?;
        let now = Instant::now();
        let room = match shared.refusals.wait(&client, now) {
            None => {
                shared.refusals.add(client, now);
                self.room(1).ok().flatten()
            }
            Some(_) => None,
        };
        if room.is_none() {
            shared.refusals_left_out.fetch_add(1, Ordering::Relaxed);
        }
        room
    }
}

/// Reserved room in the queue of lines.
struct Room {
    shared: Arc<Shared>,
    permits: OwnedSemaphorePermit,
}

impl Room {
    /// Queues a line; its room is released when it is written.
    fn write(&mut self, mut line: Vec<u8>) {
        line.push(b'\n');
        if let Some(lines) = &*self.shared.lines.lock() {
            let _ = lines.send(Line { bytes: line, room: self.permits.split(1) });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::connections::Peer;
    use crate::identity::Caller;
    use crate::identity::access::Shape;
    use crate::rejection::reason_of;

    fn audit(to: &str) -> Audit {
        let sink = Sink::open(&Target::File(PathBuf::from(to))).unwrap().unwrap();
        Audit::start(sink, "test", NonZeroU32::new(2).unwrap()).unwrap()
    }

    fn trail(audit: &Audit) -> Trail {
        Trail::new(audit.clone(), "/cra.v1.StatisticsService/ListCras", Peer::default(), None)
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn while_the_disk_is_full_lines_are_queued_up_to_the_limit_and_then_audited_calls_are_refused() {
        let audit = audit("/dev/full");
        for _ in 0..WAITING_MAX {
            let trail = trail(&audit);
            trail.begin(Kind::Read).unwrap();
            trail.ends(Code::Ok);
        }
        let refused = trail(&audit).begin(Kind::Read).unwrap_err();
        assert_eq!(refused.code(), Code::Unavailable);
        assert_eq!(reason_of(&refused).as_deref(), Some("AUDIT_UNAVAILABLE"));
        audit.close().await;
    }

    #[tokio::test]
    async fn a_call_without_a_record_is_written_only_if_refused_and_counted_above_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit");
        let audit = audit(path.to_str().unwrap());
        trail(&audit).ends(Code::Ok);
        trail(&audit).ends(Code::InvalidArgument);
        for _ in 0..5 {
            trail(&audit).ends(Code::PermissionDenied);
        }
        let stream = trail(&audit);
        stream.called_by(&Arc::new(Caller::unknown()), Shape::Answers);
        stream.begin(Kind::Read).unwrap();
        stream.streams();
        stream.add_rows(3);
        stream.ends(Code::Cancelled);
        audit.close().await;
        let text = std::fs::read_to_string(&path).unwrap();
        let reported: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let reported: Vec<_> =
            reported.iter().map(|it| (it["audit"].as_str().unwrap(), it["code"].as_str().unwrap())).collect();
        let denied = ("refusal", "PERMISSION_DENIED");
        assert_eq!(reported, [denied, denied, ("read", "OK"), ("read", "CANCELLED")], "{text}");
        assert!(text.contains(r#""phase":"begin""#) && text.contains(r#""phase":"end""#), "{text}");
        assert_eq!(audit.0.unwrap().refusals_left_out.load(Ordering::Relaxed), 3);
    }
}
