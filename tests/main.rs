//! The guarantees of the pair, each proved on real processes: nats-server, cra-ingestion and cra-projection.
//! One file per guarantee.

// Helpers of tests, which the lint does not take for tests.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod backup;
mod command_line;
mod configuration;
mod conformance;
mod corrections;
mod cut_connection;
mod harness;
mod imports;
mod kill_projection;
mod layers;
mod naive;
mod nats_restart;
mod one_id;
mod reading;
mod recomputation;
mod shutdown;
