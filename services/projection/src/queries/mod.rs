//! Queries of the read models: at which position, over which facts, to which figures.

mod breakdown;
mod changes;
mod consistency;
mod cra;
mod cross_table;
mod doubles;
mod error;
mod export;
mod follow;
mod history;
mod list;
mod log_head;
pub mod page;
pub(crate) mod scan;
mod series;
mod statistics;
mod watch;

use std::sync::Arc;

use cra_contracts::v1;
use cra_domain::event::timestamp_message;
use cra_eventlog::Position;

pub use breakdown::{Breakdown, BreakdownPage, breakdown};
pub use consistency::{Consistency, wait_until};
pub use cra::{CraState, cra};
pub use cross_table::{Axes, CrossTable, cross_table};
pub use doubles::{DoublesPage, doubles};
pub use error::QueryError;
pub use export::{Export, ExportSpec, check_export, export};
pub use follow::{Answers, Follow, follow};
pub use history::Claim;
pub use list::{CraPage, list};
pub use log_head::{LogHead, head};
pub use series::time_series;
pub use statistics::statistics;
pub use watch::{Watch, watch, watch_interval};

use crate::generations::Generation;
use cra_analytics::columns::{self, Columns};
use cra_analytics::fact::instant;

/// The state that an answer shows: one generation at one position.
#[derive(Clone)]
pub struct Snapshot {
    /// The generation.
    pub generation: Arc<Generation>,
    /// The position; [`Position::START`] shows the empty log.
    pub position: Position,
    /// The log's time there, in nanoseconds since 1970; `None` for an empty log.
    pub recorded_at: Option<i64>,
    /// The facts: those up to that position, and possibly later ones.
    pub facts: columns::Snapshot,
    /// The columns, with their indexes.
    pub columns: Arc<Columns>,
}

impl Snapshot {
    /// The current state of a generation; `None` if it no longer serves.
    #[must_use]
    pub fn now(generation: Arc<Generation>) -> Option<Self> {
        let columns = generation.columns_in_memory()?;
        let facts = columns.snapshot();
        let recorded_at = facts.watermark().map(|watermark| watermark.recorded_at);
        Some(Self { position: Position(facts.position()), recorded_at, facts, columns, generation })
    }

    /// The snapshot in the contract's form.
    #[must_use]
    pub fn to_message(&self) -> v1::Snapshot {
        v1::Snapshot {
            position: self.position.0,
            // A log without readable events has no time.
            recorded_at: self
                .recorded_at
                .filter(|at| *at != i64::MIN)
                .map(|at| timestamp_message(instant(at))),
            generation: self.generation.name().to_owned(),
            definitions: self.generation.description().definitions.clone(),
            log: self.generation.description().log.0.clone(),
            publication: None,
        }
    }
}

#[cfg(test)]
mod stream_tests;
