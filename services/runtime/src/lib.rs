//! What all processes share: configuration, logs, metrics, traces, the listener, the gRPC shell with health,
//! reflection, limits and drain, the clock, and the encoding of refusals.
//!
//! Knows nothing of the event log or of either service, and of CRAs only their perimeters; a service composes these
//! parts in its `run(config, shutdown)`.

pub mod addresses;
mod admission;
mod allocator;
mod allowance;
pub mod args;
pub mod audit;
pub mod background;
mod bodies;
pub mod bounded;
mod bounded_stream;
pub mod clients;
pub mod clock;
pub mod conditional;
pub mod config;
mod connections;
mod counts;
pub mod deadline;
mod deadline_layer;
pub mod descriptors;
mod files;
mod headers;
pub mod health;
pub mod hosts;
pub mod identity;
pub mod in_flight;
mod layer;
pub mod listen;
mod messages;
pub mod metrics;
pub mod off_workers;
pub mod probes;
pub mod process;
mod protocols;
mod refusals;
pub mod rejection;
pub mod reload;
pub mod serve;
mod settings;
pub mod shutdown;
pub mod telemetry;
pub mod terminal;
pub mod traces;
pub mod version;
mod without_token;
