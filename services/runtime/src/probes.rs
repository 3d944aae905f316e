//! Metrics and health of a process from its start, on the address of the metrics, even while the service waits. Health
//! is `NOT_SERVING` until the service sets it.

use std::net::SocketAddr;

use cra_private::Expiring;

use crate::health::Health;
use crate::metrics::{ExposeError, Exposed, Metrics, MetricsError, Watched, expose};

/// Metrics and health of a service, served until this is dropped.
pub struct Probes {
    /// The metrics; a service adds its own.
    pub metrics: Metrics,
    /// The health of each service of the process.
    pub health: Health,
    _exposed: Option<Exposed>,
    _ends: Watched,
}

/// Why they cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ProbesError {
    /// A metric cannot be registered; a bug.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// The address cannot be listened on.
    #[error(transparent)]
    Expose(#[from] ExposeError),
}

impl Probes {
    /// Probes of a process called `service` with the gRPC services `names`, answered on an address where there is one. Among the
    /// figures are the ends of files.
    pub async fn open(
        service: &'static str,
        names: impl IntoIterator<Item = &'static str>,
        address: Option<SocketAddr>,
        files: Vec<Expiring>,
    ) -> Result<Self, ProbesError> {
        let metrics = Metrics::of(service)?;
        let health = Health::of(names).await;
        metrics.watch_health(&health)?;
        let exposed = match address {
            Some(address) => Some(expose(address, metrics.clone(), health.clone()).await?),
            None => None,
        };
        let ends = metrics.watch_ends(files).await?;
        Ok(Self { metrics, health, _exposed: exposed, _ends: ends })
    }
}
