//! The guarantees of the pair, each proved on real processes: nats-server, cra-ingestion and cra-projection; what
//! concerns answers alone, on the service within this process. One file or folder per guarantee.

// Helpers of tests, which the lint does not take for tests.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod as_people_write;
mod backup;
mod bad_questions;
mod bench;
mod bounds;
mod changes;
mod clients;
mod clock_jumps;
mod cluster;
mod command_line;
mod configuration;
mod conformance;
mod connections;
mod copy;
mod corrections;
mod cut_connection;
mod damaged_read_models;
mod deployment;
mod doubles;
mod exports;
mod exports_memory;
mod foreign_events;
mod guide;
mod harness;
mod hostile;
mod hostile_texts;
mod identity;
mod imports;
mod kill_projection;
mod kills;
mod layers;
mod leaving;
mod limits;
mod log_condition;
mod log_servers;
mod lost_log;
mod metrics;
mod naive;
mod nats_restart;
mod one_id;
mod private_files;
mod production;
mod public_figures;
mod reading;
mod recomputation;
mod replay;
mod round_trip;
mod scale_out;
mod secrecy;
mod shutdown;
mod stalls;
mod traces;
