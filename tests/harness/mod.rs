//! The test environment: a nats-server and the two services as processes, clients, waiting for conditions, and fault
//! injection; for queries only, the statistics service in the test's process.

pub(crate) mod audit;
mod certificates;
mod clients;
mod contract;
mod curl;
pub(crate) mod deployed;
pub(crate) mod events;
mod eventually;
mod exports;
mod fixtures;
mod folders;
mod in_process;
mod issuer;
mod load;
mod pair;
mod probes;
mod process;
mod proxy;
mod raw;
pub(crate) mod readers;
mod run;
mod small_disk;
mod soak;
mod standalone;

pub(crate) use certificates::{Authority, Certified};
pub(crate) use clients::{
    Ingestion, Operations, Statistics, assert_refused, at_least, connected, counted_cras, imported, record,
    recorded, statistics_at, submit_stream, submitted,
};
pub(crate) use contract::contract;
pub(crate) use curl::{Fetched, Http, curl};
pub(crate) use eventually::{eventually, within};
pub(crate) use exports::{Exported, exported, exported_by, read_export};
pub(crate) use fixtures::{correction, cra_of, new_id, submission, withdrawal, workshop};
pub(crate) use folders::files_below;
pub(crate) use in_process::InProcess;
pub(crate) use issuer::{Issuer, carrying, department, national, of_department};
pub(crate) use load::Load;
pub(crate) use pair::{Pair, service_pair};
pub(crate) use probes::{figure, probed, probes_of, resident};
pub(crate) use process::{Kind, Service, signal};
pub(crate) use proxy::{Direction, Proxy};
pub(crate) use raw::Raw;
pub(crate) use run::{Ended, cra_log, cra_log_json, run_cra, run_to_end, run_to_end_within};
pub(crate) use small_disk::SmallDisk;
pub(crate) use soak::{chance, either};
pub(crate) use standalone::Standalone;
