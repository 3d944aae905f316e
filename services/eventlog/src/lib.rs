//! The event log: the one place where facts are kept, in one order, for ever.
//!
//! [`EventLog`] is the port. It knows streams, subjects and positions, and carries payloads as opaque
//! bytes: what an event means is the domain's business. Two adapters implement it, [`nats`] and
//! [`embedded`]; both pass the suite in `conformance`, conflicts and durability included.
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

pub use lineage::{LogIdentity, Origin, PREDECESSORS_MAX, Predecessor, common_position};
pub use port::{
    AppendError, Appended, EventLog, Expectation, Fill, Head, LogEntry, NewEvent, PAYLOAD_BYTES_MAX,
    RESTORE_EVENTS_MAX, ReadError, RestoreError, Restoring,
};
pub use position::Position;
pub use trace::{NotATraceParent, TraceParent};
