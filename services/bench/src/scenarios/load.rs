//! Questions while the log is replayed into new read models, the former ones serve, and CRAs are recorded at a steady rate.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::bail;
use cra_contracts::v1;
use tokio::task::JoinSet;

use super::pace::{self, at_rate};
use super::query::times_of;
use super::questions::{Kind, Questions};
use super::submissions::Submissions;
use crate::latency::Latencies;
use crate::report::{Measured, Row, Scenario, Target, float, milliseconds};
use crate::rows::CraRow;
use crate::testbed::Service;
use cra_client::{Clients, within_deadline};

/// What is asked under load.
pub(crate) const KINDS: [Kind; 3] = [Kind::Country, Kind::Department, Kind::Anything];
/// Submissions that are ready at the rate, in seconds: more than the questions take.
const LOADED_SECONDS_MAX: u64 = 120;

/// Times questions under load, and compares each kind with its quiet times.
pub(crate) async fn load(
    ingestion: &Service,
    projection: &Clients,
    submissions: &mut Submissions,
    asked: (&[CraRow], u64),
    quiet: &[(Kind, Latencies)],
    within: Duration,
) -> anyhow::Result<Vec<Row>> {
    let (in_force, seed) = asked;
    // Dropped at the end, which ends both.
    let mut background: JoinSet<anyhow::Result<()>> = JoinSet::new();
    let rate = Arc::<AtomicU64>::default();
    background.spawn(replaying(projection.clone(), Arc::clone(&rate)));
    let client = ingestion.connect().await?.ingestion();
    let requests = submissions.take(pace::PER_SECOND * LOADED_SECONDS_MAX);
    background.spawn(async move {
        let mut calls = JoinSet::new();
        at_rate(requests, |request, _| {
            let mut client = client.clone();
            calls.spawn(async move { client.submit_cra(within_deadline(request)).await.map(|_| ()) });
        })
        .await;
        while let Some(ended) = calls.join_next().await {
            ended??;
        }
        Ok(())
    });
    let mut rows = Vec::new();
    let mut statistics = projection.statistics();
    for kind in KINDS {
        let mut questions = Questions::about(in_force, seed);
        let times = tokio::select! {
            times = times_of(&mut statistics, &mut questions, kind, within) => times?,
            Some(ended) = background.join_next() => {
                ended??;
                bail!("the load ended before the questions");
            }
        };
        let what = format!("{}, while replaying and ingesting", kind.name());
        rows.push(Row::new(Scenario::Load, &*what, Measured::latency(&times)));
        if let Some((_, quiet)) = quiet.iter().find(|(of, _)| *of == kind) {
            let p99 = |times: &Latencies| milliseconds(times.per_mille(990));
            let growth = Measured::Times(p99(&times) / p99(quiet));
            let what = format!("{what}: p99 by the quiet one");
            rows.push(Row::new(Scenario::Load, what, growth).aiming(Target::TimesAtMost(3.0)));
        }
    }
    let per_second = float(rate.load(Ordering::Relaxed));
    let replayed = Measured::Rate { per_second, of: "events" };
    rows.push(Row::new(Scenario::Load, "the replay during these queries", replayed));
    Ok(rows)
}

/// Replays again and again, and reports the rate.
async fn replaying(projection: Clients, rate: Arc<AtomicU64>) -> anyhow::Result<()> {
    loop {
        let request = v1::RebuildRequest { until_position: 0, promote: false };
        let mut progress = projection.operations().rebuild(request).await?.into_inner();
        while let Some(standing) = progress.message().await? {
            rate.store(standing.events_per_second, Ordering::Relaxed);
        }
    }
}
