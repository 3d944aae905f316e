//! Forgetting. A log is immutable, so a new log is written without what is to be forgotten. Every other fact keeps its
//! position, ids and time.
//!
//! [`Rules`] describe what is to be forgotten. [`Copying`] writes the new log and verifies it event by event. Its
//! [`Certificate`] records what was done and by whom. [`verify`] compares the two logs again before the old one is
//! destroyed.

mod act;
mod certificate;
mod compare;
mod copy;
mod draws;
mod encoding;
mod figures;
mod names;
mod plan;
mod random;
mod rewrite;
mod rules;
#[cfg(test)]
mod tests;

pub use act::{Act, GrantedBy};
pub use certificate::{Certificate, LogDigest, Rewritten};
pub use compare::Mismatch;
pub use copy::{Copying, Done, ForgetError, Order, Stage, forget_names, has_names, origin, verify};
pub use figures::SelectionsCompared;
pub use rules::{Rules, RulesError};
