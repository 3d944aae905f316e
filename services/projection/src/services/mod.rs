//! What the projection says over gRPC: requests in, queries asked, answers out. No figure is made here.

mod operations;
mod statistics;

pub use operations::Operations;
pub use statistics::Statistics;
