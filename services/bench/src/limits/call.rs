//! A unary call that does nothing: the health check, on the channel of the questions. No answer can be faster.

use std::time::{Duration, Instant};

use cra_client::{Clients, within_deadline};
use tonic_health::pb::HealthCheckRequest;

use crate::latency::Latencies;

const CALLS_MIN: u64 = 100;
const CALLS_MAX: u64 = 10_000;

/// How long each call takes, one after the other.
pub(crate) async fn call_limit(clients: &Clients, within: Duration) -> anyhow::Result<Latencies> {
    let mut health = clients.health();
    let mut latencies = Latencies::new();
    let begun = Instant::now();
    while latencies.count() < CALLS_MIN || (latencies.count() < CALLS_MAX && begun.elapsed() < within) {
        let request = within_deadline(HealthCheckRequest::default());
        let begun = Instant::now();
        health.check(request).await?;
        latencies.add(begun.elapsed());
    }
    Ok(latencies)
}
