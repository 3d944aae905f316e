//! The two gRPC services: requests are checked here, decided in `decisions`, recorded by `append`.

mod author;
mod change;
pub(crate) mod ingestion;
mod item_numbers;
mod items;
mod legacy;
pub(crate) mod reference;
mod search;
mod submission;
mod vocabulary;
