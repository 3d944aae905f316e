//! How soon a submission counts: from when it is sent until statistics that must hold it are answered, at a steady rate.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use cra_contracts::v1;
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, spawn_blocking};

use super::asked::Statistics;
use super::pace::{self, Ingestion, at_rate};
use super::submissions::Submissions;
use crate::latency::Latencies;
use crate::limits::sync::{SYNCED, SyncedWrites};
use crate::report::{Measured, Row, Scenario, Target};
use crate::testbed::Service;
use cra_client::within_deadline;

/// Calls under way; the projection takes no more questions at once.
const UNDER_WAY_MAX: usize = 200;

/// The statistics of a platform hold what its user submitted, when it shows the next page. On a disk that stalls, the services
/// may add so much: a submission is answered after the log's server has written it.
const P99_MS_MAX: f64 = 20.0;

/// Measures a pair on one log in a folder, for so many seconds; `when` says what else the machine does.
pub(crate) async fn visible(
    (ingestion, projection): (&Service, &Service),
    folder: &Path,
    submissions: &mut Submissions,
    seconds: u64,
    when: &str,
) -> anyhow::Result<Row> {
    let (submit, ask) = (ingestion.connect().await?.ingestion(), projection.connect().await?.statistics());
    let synced = SyncedWrites::start(folder)?;
    let permits = Arc::new(Semaphore::new(UNDER_WAY_MAX));
    let mut calls = JoinSet::new();
    at_rate(submissions.take(pace::PER_SECOND * seconds), |request, due| {
        let (submit, ask, permits) = (submit.clone(), ask.clone(), Arc::clone(&permits));
        calls.spawn(async move {
            let _permit = permits.acquire().await?;
            counted(submit, ask, request).await?;
            anyhow::Ok(due.elapsed())
        });
    })
    .await;
    let mut times = Latencies::new();
    while let Some(ended) = calls.join_next().await {
        times.add(ended??);
    }
    let what = format!("from a submission to statistics that hold it, {}/s{when}", pace::PER_SECOND);
    let synced = Measured::latency(&spawn_blocking(|| synced.stop()).await??);
    let row = Row::new(Scenario::Visible, what, Measured::latency(&times)).limited(SYNCED, synced);
    Ok(row.aiming(Target::P99MsAtMost(P99_MS_MAX)).aiming(Target::P99MsBeyondAtMost(P99_MS_MAX)))
}

/// Submits, and asks for the author's statistics with it.
async fn counted(
    mut submit: Ingestion,
    mut ask: Statistics,
    request: v1::SubmitCraRequest,
) -> anyhow::Result<()> {
    let advisor_ids = request.cra.iter().map(|cra| cra.advisor_id.clone()).collect();
    let receipt = submit.submit_cra(within_deadline(request)).await?.into_inner().receipt;
    let position = receipt.context("an answer without receipt")?.position;
    let question = v1::GetStatisticsRequest {
        selection: Some(v1::Selection { advisor_ids, ..v1::Selection::default() }),
        consistency: Some(v1::Consistency { min_position: position, ..v1::Consistency::default() }),
    };
    let answer = ask.get_statistics(within_deadline(question)).await?.into_inner();
    let shown = answer.snapshot.context("an answer without snapshot")?.position;
    anyhow::ensure!(shown >= position, "an answer of {shown} where {position} had to be");
    Ok(())
}
