//! The event log: the one place where facts are kept, in one order, for ever.
//!
//! The port has three parts: [`Append`], [`Read`] and [`Restore`]. A user asks for those that it needs, and a decorator
//! implements those that it changes. The port knows streams and positions, and carries payloads as opaque bytes: what an
//! event means is the domain's business. Two adapters implement it, [`nats`] and [`embedded`]; both pass the suite in
//! `conformance`, conflicts and durability included.
//!
//! ```
//! use cra_eventlog::embedded::EmbeddedLog;
//! use cra_eventlog::{Append as _, AppendError, Expectation, NewEvent, Position, Read as _, StreamId};
//! use uuid::Uuid;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let folder = tempfile::tempdir().unwrap();
//! let log = EmbeddedLog::open(folder.path()).unwrap();
//! let stream = StreamId(Uuid::now_v7());
//! let event = |payload: &'static str| NewEvent {
//!     stream,
//!     event_id: Uuid::now_v7(),
//!     payload: payload.into(),
//!     trace: None,
//! };
//! let first = log.append(event("submitted"), Expectation::NoEvent).await.unwrap();
//! assert_eq!(first.position(), Position(1));
//!
//! // A writer that does not know the first event is refused.
//! let conflict = log.append(event("submitted"), Expectation::NoEvent).await.unwrap_err();
//! assert!(matches!(conflict, AppendError::Conflict { .. }), "{conflict}");
//!
//! log.append(event("corrected"), Expectation::LastAt(first.position())).await.unwrap();
//! let history = log.history(stream).await.unwrap();
//! let payloads: Vec<_> = history.iter().map(|entry| &entry.payload[..]).collect();
//! assert_eq!(payloads, [&b"submitted"[..], b"corrected"]);
//! # });
//! ```
//!
//! Features: `server` (a real server as a child process, for tests and measurements); for tests only, `conformance` (the
//! suite) and `testing` (servers to run it on).

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod embedded;
mod lineage;
pub mod nats;
mod port;
mod position;
#[cfg(any(test, feature = "server"))]
pub mod server;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod trace;

pub use lineage::{
    Forgetting, LogIdentity, Origin, PREDECESSORS_MAX, Predecessor, common_position, forgotten_since,
};
pub use port::{
    Append, AppendError, Appended, Expectation, Fill, Head, LogEntry, NewEvent, PAYLOAD_BYTES_MAX,
    RESTORE_EVENTS_MAX, Read, ReadError, Restore, RestoreError, StreamId,
};
pub use position::Position;
pub use trace::{NotATraceParent, TraceParent};
