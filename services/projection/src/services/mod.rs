//! The projection's gRPC services: parse requests, run queries, encode answers. No figure is computed here.

mod admit;
mod audited;
mod export;
mod faults;
mod grant;
mod listing;
mod operations;
mod published;
mod replay;
mod statistics;
mod stream;

pub use admit::Admission;
pub(crate) use operations::Operations;
pub use statistics::Statistics;
