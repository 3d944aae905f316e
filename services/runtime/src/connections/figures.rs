//! Metrics of connections: open, refused and closed ones. Labels are fixed.

use std::sync::Arc;

use prometheus::IntCounter;

use super::registry::{Full, Registry};
use super::state::Cause;
use crate::metrics::{Metrics, MetricsError};

/// Counts connections; clones share the metrics.
#[derive(Clone)]
pub(super) struct Figures {
    refused: Arc<[IntCounter]>,
    closed: Arc<[IntCounter]>,
}

impl Figures {
    pub(super) fn new(metrics: &Metrics, registry: &Registry) -> Result<Self, MetricsError> {
        let help = "Connections that were closed at once because the bound of all, or of their address, was reached.";
        let refused = metrics.causes::<Full>("cra_connections_refused_total", help)?;
        let help = "Connections that were served and have ended, by cause.";
        let closed = metrics.causes::<Cause>("cra_connections_closed_total", help)?;
        let (open, limit) = (registry.clone(), registry.limit());
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX).into();
        metrics
            .computed_gauge("cra_connections", "Connections that are open.", move || number(open.len()))?;
        let help = "Connections that may be open at once.";
        metrics.computed_gauge("cra_connections_limit", help, move || number(limit))?;
        Ok(Self { refused, closed })
    }

    pub(super) fn refused(&self, full: Full) {
        self.refused[full as usize].inc();
    }

    pub(super) fn closed(&self, cause: Cause) {
        self.closed[cause as usize].inc();
    }
}
