//! The gRPC shell on real sockets, around a small service of the contract.

// Helpers of tests, which the lint does not take for tests.
#![allow(clippy::unwrap_used)]

mod drain;
mod probe;
mod serving;
