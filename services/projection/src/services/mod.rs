//! What the projection says over gRPC: requests in, queries asked, answers out. No figure is made here.

mod export;
mod operations;
mod statistics;

pub use operations::Operations;
pub use statistics::Statistics;
