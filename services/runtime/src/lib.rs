//! What every process of the pair shares: reading the configuration, logs, metrics, traces, the listener, the gRPC shell
//! with health, reflection, limits and drain, the clock, and how a refusal is written on the wire.
//!
//! Knows nothing of CRAs, of the event log or of either service; a service composes these parts in its
//! `run(config, shutdown)`. Identity (TLS, bearer tokens) is not here yet: see [`listen`].

mod answered;
pub mod args;
pub mod clock;
pub mod config;
mod connections;
pub mod deadline;
pub mod health;
pub mod in_flight;
pub mod listen;
pub mod metrics;
pub mod process;
pub mod rejection;
pub mod secret;
pub mod serve;
pub mod shutdown;
pub mod telemetry;
pub mod traces;
pub mod version;
