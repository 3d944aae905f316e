//! Texts for people, from the contract's messages: pure functions of the message and the terminal's capabilities.
//! Performs no I/O and computes no figure: every number comes from a service.

pub(crate) mod breakdown;
pub(crate) mod change;
pub(crate) mod communes;
pub(crate) mod comparison;
mod cra;
pub(crate) mod cross;
pub(crate) mod doubles;
pub(crate) mod forget;
mod frame;
pub(crate) mod history;
pub(crate) mod import;
mod labels;
pub(crate) mod log;
pub(crate) mod parked;
pub(crate) mod person;
pub(crate) mod records;
pub(crate) mod replay;
pub(crate) mod rows;
pub(crate) mod series;
pub(crate) mod statistics;
pub(crate) mod status;
pub(crate) mod submission;
mod table;
pub(crate) mod text;
pub(crate) mod watch;
