//! Recording: streams of submissions, many callers of one, and a lone caller; each against the plain client with the same
//! bytes and the same sync.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use cra_contracts::v1;
use cra_contracts::v1::ingestion_service_client::IngestionServiceClient;
use cra_contracts::v1::submit_cras_response::Outcome;
use tokio::task::JoinSet;

use super::submissions::Submissions;
use crate::latency::Latencies;
use crate::limits::publish::Publisher;
use crate::report::{Measured, Row, Scenario, Target};
use crate::testbed::{self, Service};
use cra_client::{Calls, within_deadline};

type Ingestion = IngestionServiceClient<Calls>;

/// Streams at once: what they may have under way is more than one write of the log takes.
const STREAMS: usize = 8;
const CALLERS: usize = 64;
/// Connections that the callers share.
const CONNECTIONS: usize = 4;

/// How much is recorded, by the seconds that each kind of measurement may take.
#[derive(Clone, Copy, Debug)]
struct Extent {
    streamed: u64,
    called: u64,
    alone: u64,
}

impl Extent {
    fn of(seconds: u64) -> Self {
        Self {
            streamed: (75_000 * seconds).max(2_000),
            called: (5_000 * seconds).max(640),
            alone: (500 * seconds).max(100),
        }
    }
}

/// Measures a service on its log.
pub(crate) async fn ingest(
    log_url: String,
    ingestion: &Service,
    submissions: &mut Submissions,
    seconds: u64,
    show: impl Fn(&str),
) -> anyhow::Result<Vec<Row>> {
    let extent = Extent::of(seconds);
    let settings = testbed::settings(log_url);
    show("publishing with the plain client");
    let publisher = Publisher::open(&settings).await?;
    let batches = async |submissions: &mut Submissions| {
        publisher.batches(&submissions.messages(extent.streamed)?).await
    };
    let before = batches(submissions).await?;
    show("submitting over streams");
    let taken = streamed(ingestion, submissions.take(extent.streamed)).await?;
    show("publishing with the plain client once more");
    let after = batches(submissions).await?;
    let streamed = Row::new(
        Scenario::Ingest,
        format!("SubmitCras, {STREAMS} streams"),
        Measured::rate(extent.streamed, "CRAs", taken),
    );
    // Before and after: a machine that others use too is not as fast at all times.
    let batches = Measured::rate(2 * extent.streamed, "events", before + after);
    let streamed = streamed
        .limited("raw atomic batches of 1,000, before and after", batches)
        .aiming(Target::RatioAtLeast(0.5));
    let (single_times, taken) = publisher.singles(&submissions.messages(extent.called)?, CALLERS).await?;
    let singles = Measured::rate(extent.called, "events", taken);
    let (lone_publish, _) = publisher.singles(&submissions.messages(extent.alone)?, 1).await?;

    show("submitting from many callers");
    let (times, taken) = called(ingestion, submissions.take(extent.called), CALLERS).await?;
    let what = format!("SubmitCra, {CALLERS} callers");
    let rate = Row::new(Scenario::Ingest, &*what, Measured::rate(extent.called, "CRAs", taken))
        .limited("raw publishes one by one, as many callers", singles)
        .aiming(Target::RatioAtLeast(1.0));
    let many = Row::new(Scenario::Ingest, format!("{what}, each"), Measured::latency(&times))
        .limited("raw publishes one by one, as many callers, each", Measured::latency(&single_times))
        .aiming(Target::P99ByP99AtMost(2.0));

    show("submitting from one caller");
    let (times, _) = called(ingestion, submissions.take(extent.alone), 1).await?;
    let alone = Row::new(Scenario::Ingest, "SubmitCra, a lone caller", Measured::latency(&times))
        .limited("a lone raw publish", Measured::latency(&lone_publish))
        .aiming(Target::RatioAtMost(3.0));
    Ok(vec![streamed, rate, many, alone])
}

/// How long all submissions took over streams, until the last receipt.
pub(super) async fn streamed(
    ingestion: &Service,
    requests: Vec<v1::SubmitCraRequest>,
) -> anyhow::Result<Duration> {
    let share = requests.len().div_ceil(STREAMS);
    let mut clients = Vec::new();
    for share in requests.chunks(share) {
        let items = (1..).zip(share.to_vec());
        let items = items.map(|(item, one)| v1::SubmitCrasRequest { item, submission: Some(one) });
        let items: Vec<_> = items.collect();
        clients.push((ingestion.connect().await?.ingestion(), items));
    }
    let begun = Instant::now();
    let mut streams = JoinSet::new();
    for (mut client, items) in clients {
        streams.spawn(async move {
            let expected = items.len();
            let mut answers = client.submit_cras(tokio_stream::iter(items)).await?.into_inner();
            let mut received = 0;
            while let Some(answer) = answers.message().await? {
                match answer.outcome {
                    Some(Outcome::Receipt(_)) => received += 1,
                    refused => bail!("item {} has no receipt: {refused:?}", answer.item),
                }
            }
            ensure!(received == expected, "{received} receipts for {expected} submissions");
            Ok(())
        });
    }
    while let Some(ended) = streams.join_next().await {
        ended??;
    }
    Ok(begun.elapsed())
}

/// How long each submission took, and all of them, from so many callers that ask one after the other.
async fn called(
    ingestion: &Service,
    requests: Vec<v1::SubmitCraRequest>,
    callers: usize,
) -> anyhow::Result<(Latencies, Duration)> {
    let mut clients: Vec<Ingestion> = Vec::new();
    for _ in 0..CONNECTIONS.min(callers) {
        clients.push(ingestion.connect().await?.ingestion());
    }
    let (requests, next) = (Arc::new(requests), Arc::new(AtomicUsize::new(0)));
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for client in clients.iter().cycle().take(callers) {
        let (mut client, requests, next) = (client.clone(), Arc::clone(&requests), Arc::clone(&next));
        tasks.spawn(async move {
            let mut times = Latencies::new();
            while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                let request = within_deadline(request.clone());
                let begun = Instant::now();
                client.submit_cra(request).await?;
                times.add(begun.elapsed());
            }
            anyhow::Ok(times)
        });
    }
    let mut times = Latencies::new();
    while let Some(ended) = tasks.join_next().await {
        times.merge(&ended??);
    }
    Ok((times, begun.elapsed()))
}
