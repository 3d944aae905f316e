//! What the projection says over gRPC: requests in, queries asked, answers out. No figure is made here.

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

pub use operations::Operations;
pub use statistics::Statistics;
