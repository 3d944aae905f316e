//! The service on a real socket and an embedded log, as its clients see it.

// Helpers of tests, which the lint does not recognise as tests.
#![allow(clippy::unwrap_used)]

mod change;
mod conformance;
mod drain;
mod fixtures;
mod history;
mod import;
mod outage;
mod reference;
mod stream;
mod submit;
