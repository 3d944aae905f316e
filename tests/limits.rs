//! Limits per client, and overload: excess callers receive a retry delay, others are answered, and no acknowledged
//! change is lost.

mod fair_shares;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use cra_contracts::v1 as pb;
use cra_runtime::rejection::{reason_of, retry_delay_of};
use tokio::task::JoinSet;
use tokio_stream::StreamExt as _;
use tonic::transport::Endpoint;
use tonic::{Code, Status};

use crate::harness::{
    Ingestion, Issuer, Pair, Statistics, assert_refused, carrying, connected, cra_of, eventually, national,
    new_id, statistics_at, submission, submit_stream, within, workshop,
};

const SOON: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_calls_too_often_gets_a_retry_delay_and_another_is_answered() {
    let issuer = Issuer::new();
    let limits = [("SERVER__PER_CLIENT__CALLS_PER_SECOND", "1"), ("SERVER__PER_CLIENT__BURST_CALLS", "5")];
    let pair = Pair::start_trusting(&issuer, &limits).await;
    let mut client = pair.statistics().await;
    let token = |client: &str| issuer.token_for(client, "statistics:read", &national(), 600);
    let (eager, other) = (token("eager"), token("other"));
    let mut refused = Vec::new();
    for _ in 0..20 {
        let request = carrying(&eager, pb::GetStatisticsRequest::default());
        refused.extend(client.get_statistics(request).await.err());
    }
    assert!(refused.len() >= 10, "only {} of 20 were refused", refused.len());
    for status in &refused {
        assert_refused(status, Code::ResourceExhausted, "RATE_LIMITED");
    }
    client.get_statistics(carrying(&other, pb::GetStatisticsRequest::default())).await.unwrap();
    let delay = retry_delay_of(refused.last().unwrap()).unwrap();
    assert!(delay <= Duration::from_secs(1), "{delay:?}");
    tokio::time::sleep(delay).await;
    client.get_statistics(carrying(&eager, pb::GetStatisticsRequest::default())).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_at_its_lifetime_and_another_continues() {
    let issuer = Issuer::new();
    let pair = Pair::start_trusting(&issuer, &[("SERVER__PER_CLIENT__STREAM_LIFETIME_S", "2")]).await;
    let mut client = pair.statistics().await;
    let token = issuer.token("statistics:read", &national());
    for _ in 0..2 {
        let watch = client.watch_statistics(carrying(&token, pb::WatchStatisticsRequest::default())).await;
        let mut watch = watch.unwrap().into_inner();
        assert!(watch.message().await.unwrap().is_some());
        let ended = within(SOON, "the stream ends", async { watch.next().await.unwrap().unwrap_err() }).await;
        assert_refused(&ended, Code::ResourceExhausted, "STREAM_LIFETIME");
        assert!(retry_delay_of(&ended).is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_sends_nothing_is_cut() {
    let pair = Pair::start_with(&[("SERVER__STALLED_AFTER_S", "2")]).await;
    let mut client = pair.ingestion().await;
    let (sender, requests) = tokio::sync::mpsc::channel(1);
    let requests = tokio_stream::wrappers::ReceiverStream::new(requests);
    let mut answers = client.submit_cras(requests).await.unwrap().into_inner();
    for item in 1..=2 {
        let submission = Some(submission(&new_id(), workshop(5)));
        sender.send(pb::SubmitCrasRequest { item, submission }).await.unwrap();
        assert!(answers.message().await.unwrap().is_some());
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
    let ended = within(SOON, "the stream ends", async { answers.next().await.unwrap().unwrap_err() }).await;
    assert_refused(&ended, Code::Aborted, "STREAM_STALLED");
}

/// A connection with a small window, so that little is sent ahead of the reader.
async fn narrow(address: SocketAddr) -> Statistics {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    Statistics::new(endpoint.initial_stream_window_size(65_535).connect().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_takes_nothing_is_cut_and_releases_its_permit() {
    let issuer = Issuer::new();
    let limits = [("SERVER__STALLED_AFTER_S", "2"), ("SERVER__PER_CLIENT__STREAMS_IN_FLIGHT", "1")];
    let pair = Pair::start_trusting(&issuer, &limits).await;
    let token = issuer.token("cra:submit cra:read", &national());
    // More than the window of a reader.
    let many = (1..=1_500).map(|item| pb::SubmitCrasRequest {
        item,
        submission: Some(submission(&new_id(), cra_of(u32::try_from(item).unwrap()))),
    });
    let many = tokio_stream::iter(many.collect::<Vec<_>>());
    let answers = pair.ingestion().await.submit_cras(carrying(&token, many)).await.unwrap();
    let answers: Vec<_> = answers.into_inner().collect().await;
    assert_eq!(answers.len(), 1_500);

    let follow = || carrying(&token, pb::FollowCrasRequest::default());
    let (mut slow, mut other) =
        (narrow(pair.projection.address()).await, narrow(pair.projection.address()).await);
    let mut stalled = slow.follow_cras(follow()).await.unwrap().into_inner();
    let refused = other.follow_cras(follow()).await.expect_err("the client has one permit for streams");
    assert_eq!(reason_of(&refused).as_deref(), Some("BUSY"));
    eventually("the permit is released", async || match other.follow_cras(follow()).await {
        Ok(_) => Ok(()),
        Err(status) => Err(status.to_string()),
    })
    .await;
    // Buffered answers arrive first, then the reason for the end.
    let ended = within(SOON, "the reader learns why", async {
        loop {
            match stalled.next().await.unwrap() {
                Ok(_) => {}
                Err(status) => return status,
            }
        }
    });
    assert_eq!(reason_of(&ended.await).as_deref(), Some("STREAM_STALLED"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_larger_than_allowed_ends_with_a_status_and_a_smaller_one_is_whole() {
    let pair = Pair::start_apart(&[], &[("LIMITS__EXPORT_BYTES_MAX", "20000")]).await;
    let mut client = pair.ingestion().await;
    let cras = (0..300).map(|number| submission(&new_id(), cra_of(number)));
    let receipts = submit_stream(&mut client, tokio_stream::iter(cras.collect::<Vec<_>>())).await;
    let position = receipts.iter().map(|receipt| receipt.position).max().unwrap();
    let mut statistics = pair.statistics().await;
    statistics_at(&mut statistics, position).await;
    let mut export = async |advisor_ids: Vec<String>| -> Result<(), Status> {
        let (content, format) = (pb::ExportContent::Cras.into(), pb::ExportFormat::Ndjson.into());
        let selection = Some(pb::Selection { advisor_ids, ..Default::default() });
        let request = pb::ExportRequest { selection, content, format, ..Default::default() };
        let mut parts = statistics.export(request).await?.into_inner();
        while parts.message().await?.is_some() {}
        Ok(())
    };
    let ended = export(vec![]).await.unwrap_err();
    assert_refused(&ended, Code::ResourceExhausted, "EXPORT_TOO_LARGE");
    export(vec!["nobody".to_owned()]).await.unwrap();
}

/// Maximum number of concurrent calls of the service.
const CAPACITY: usize = 32;
/// Number of concurrent callers, each with one call.
const CALLERS: usize = 10 * CAPACITY;
const CRAS_PER_CALLER: u32 = 8;

/// The observations of one caller.
struct Observed {
    receipts: Vec<pb::Receipt>,
    /// Latencies of accepted tries.
    latencies: Vec<Duration>,
    /// Latencies of refused tries, with their status.
    refused: Vec<(Duration, Status)>,
}

/// Records some CRAs, each repeated until it has its receipt, respecting retry delays.
async fn insist(address: SocketAddr, caller: u32) -> Observed {
    let mut client = Ingestion::new(connected(address).await.unwrap());
    let mut seen = Observed { receipts: Vec::new(), latencies: Vec::new(), refused: Vec::new() };
    for number in 0..CRAS_PER_CALLER {
        let request = submission(&new_id(), cra_of(caller * CRAS_PER_CALLER + number));
        loop {
            let began = Instant::now();
            match client.submit_cra(request.clone()).await {
                Ok(answer) => {
                    seen.latencies.push(began.elapsed());
                    seen.receipts.push(answer.into_inner().receipt.unwrap());
                    break;
                }
                Err(status) => {
                    let took = began.elapsed();
                    // Earlier than the retry delay, to keep up the pressure.
                    tokio::time::sleep(retry_delay_of(&status).unwrap_or_default() / 10).await;
                    seen.refused.push((took, status));
                }
            }
        }
    }
    seen
}

fn p99(mut took: Vec<Duration>) -> Duration {
    took.sort_unstable();
    took[took.len() * 99 / 100]
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_times_the_capacity_is_shed_at_once_and_what_is_taken_is_fast_and_never_lost() {
    let capacity = CAPACITY.to_string();
    let pair = Pair::start_apart(&[("LIMITS__CALLS_IN_FLIGHT", &capacity)], &[]).await;
    let mut callers = JoinSet::new();
    for caller in 0..u32::try_from(CALLERS).unwrap() {
        callers.spawn(insist(pair.ingestion.address(), caller));
    }
    let (mut receipts, mut latencies, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    while let Some(seen) = callers.join_next().await {
        let seen = seen.unwrap();
        receipts.extend(seen.receipts);
        latencies.extend(seen.latencies);
        refused.extend(seen.refused);
    }
    assert!(refused.len() > CALLERS, "only {} were shed", refused.len());
    for (_, status) in &refused {
        assert_refused(status, Code::ResourceExhausted, "BUSY");
        assert!(retry_delay_of(status).is_some());
    }
    let (accepted, shed) = (p99(latencies), p99(refused.iter().map(|(took, _)| *took).collect()));
    eprintln!("{} shed; p99 of those taken {accepted:?}, of those shed {shed:?}", refused.len());
    // A fifth of it on this machine, with other tests running.
    assert!(accepted < Duration::from_secs(1) && shed < Duration::from_secs(1), "{accepted:?}, {shed:?}");

    let expected = CALLERS as u64 * u64::from(CRAS_PER_CALLER);
    let positions: BTreeSet<_> = receipts.iter().map(|receipt| receipt.position).collect();
    assert_eq!(positions, (1..=expected).collect(), "each receipt is an event, and each event has one");
    let mut statistics = pair.statistics().await;
    let counted = statistics_at(&mut statistics, expected).await;
    assert_eq!(counted.cras, expected);
    let acts: u64 = (0..u32::try_from(expected).unwrap()).map(|number| u64::from(2 + number % 97)).sum();
    assert_eq!(counted.acts, acts);
}
