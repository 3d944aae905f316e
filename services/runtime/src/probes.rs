//! What is asked of a process from its start on, whatever it waits for: its figures and its health, on the address of the
//! metrics. Health says `NOT_SERVING` until the service sets it.

use std::net::SocketAddr;

use crate::health::Health;
use crate::metrics::{ExposeError, Exposed, Metrics, MetricsError, expose};

/// Figures and health of a service, answered until this is dropped.
pub struct Probes {
    /// The figures; a service adds its own.
    pub metrics: Metrics,
    /// The health of each service that the process has.
    pub health: Health,
    _exposed: Option<Exposed>,
}

/// Why they cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum ProbesError {
    /// A figure cannot be kept; a mistake in the build.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// The address cannot be listened on.
    #[error(transparent)]
    Expose(#[from] ExposeError),
}

impl Probes {
    /// Probes of a process called `service` with the gRPC services `names`, answered on an address where there is one.
    pub async fn open(
        service: &'static str,
        names: impl IntoIterator<Item = &'static str>,
        address: Option<SocketAddr>,
    ) -> Result<Self, ProbesError> {
        let metrics = Metrics::of(service)?;
        let health = Health::of(names).await;
        metrics.watch_health(&health)?;
        let exposed = match address {
            Some(address) => Some(expose(address, metrics.clone(), health.clone()).await?),
            None => None,
        };
        Ok(Self { metrics, health, _exposed: exposed })
    }
}
