//! Fair shares: whatever one client holds of a limit, another one is served. For each limit a hostile client takes all
//! that it can, and an honest client is still answered.

use std::time::Duration;

use cra_contracts::v1 as pb;
use cra_runtime::rejection::reason_of;
use tokio::task::JoinSet;
use tokio_stream::StreamExt as _;
use tonic::{Code, Request, Status};

use super::{SOON, narrow};
use crate::harness::{
    Issuer, Kind, Pair, assert_refused, at_least, carrying, cra_of, eventually, national, new_id, run_to_end,
    submission, within,
};

/// Number of CRAs in the log: their export exceeds what is buffered ahead of a reader.
const CRAS: u64 = 2_000;

/// A pair with room for four clients of each kind, and the tokens of a hostile and an honest client.
struct Trial {
    pair: Pair,
    hostile: String,
    honest: String,
}

impl Trial {
    async fn begin(settings: &[(&str, &str)]) -> Self {
        let issuer = Issuer::new();
        let both =
            [("SERVER__PER_CLIENT__CALLS_IN_FLIGHT", "2"), ("SERVER__PER_CLIENT__STREAMS_IN_FLIGHT", "2")];
        let trust = issuer.settings();
        let trust = trust.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let both: Vec<_> = trust.chain(both).chain(settings.iter().copied()).collect();
        let of_ingestion = [("LIMITS__CALLS_IN_FLIGHT", "8"), ("LIMITS__STREAMS_IN_FLIGHT", "8")];
        let of_projection = [
            ("LIMITS__QUERIES_IN_FLIGHT", "8"),
            ("LIMITS__QUESTIONS_WAITING", "8"),
            ("LIMITS__STREAMS_OPEN", "8"),
            ("LIMITS__EXPORTS_IN_FLIGHT", "8"),
        ];
        let pair =
            Pair::start_apart(&[&both[..], &of_ingestion].concat(), &[&both[..], &of_projection].concat())
                .await;
        let token =
            |client: &str| issuer.token_for(client, "cra:submit cra:read statistics:read", &national(), 600);
        Self { hostile: token("hostile"), honest: token("honest"), pair }
    }

    /// Records CRAs, and waits until the projection counts them.
    async fn record(&self) {
        let cras = (0..CRAS).map(|item| pb::SubmitCrasRequest {
            item,
            submission: Some(submission(&new_id(), cra_of(u32::try_from(item).unwrap()))),
        });
        let cras = tokio_stream::iter(cras.collect::<Vec<_>>());
        let answers = self.pair.ingestion().await.submit_cras(carrying(&self.honest, cras)).await.unwrap();
        assert_eq!(answers.into_inner().collect::<Vec<_>>().await.len() as u64, CRAS);
        self.is_counted(&self.honest, CRAS).await.unwrap();
    }

    /// Requests statistics at a position.
    async fn is_counted(&self, token: &str, min_position: u64) -> Result<(), Status> {
        self.pair.statistics().await.get_statistics(at(token, min_position)).await.map(drop)
    }

    async fn is_submitted(&self, token: &str) -> Result<(), Status> {
        let request = carrying(token, submission(&new_id(), cra_of(1)));
        self.pair.ingestion().await.submit_cra(request).await.map(drop)
    }
}

fn at(token: &str, min_position: u64) -> Request<pb::GetStatisticsRequest> {
    let consistency = at_least(min_position);
    carrying(token, pb::GetStatisticsRequest { consistency, ..Default::default() })
}

fn file(token: &str) -> Request<pb::ExportRequest> {
    let (content, format) = (pb::ExportContent::Cras.into(), pb::ExportFormat::Ndjson.into());
    carrying(token, pb::ExportRequest { content, format, ..Default::default() })
}

fn is_busy(status: &Status) -> bool {
    status.code() == Code::ResourceExhausted && reason_of(status).as_deref() == Some("BUSY")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_waits_for_what_may_come_keeps_no_other_from_its_answer() {
    let trial = Trial::begin(&[("SERVER__REQUEST_TIMEOUT_MS", "20000")]).await;
    trial.is_submitted(&trial.honest).await.unwrap();
    trial.is_counted(&trial.honest, 1).await.unwrap();
    // The position may exist in the log, which does not answer.
    trial.pair.signal_log("-STOP");
    let mut waiting = JoinSet::new();
    for _ in 0..16 {
        let (mut statistics, request) = (trial.pair.statistics().await, at(&trial.hostile, 1_000));
        waiting.spawn(async move { statistics.get_statistics(request).await.unwrap_err() });
    }
    // All but the two that it may have are refused.
    for _ in 0..14 {
        let refused = within(SOON, "the others are refused", waiting.join_next()).await.unwrap().unwrap();
        assert!(is_busy(&refused), "{refused:?}");
    }
    trial.is_counted(&trial.honest, 1).await.unwrap();
    let mut still = waiting.len();
    assert_eq!(still, 2, "two wait");
    trial.pair.signal_log("-CONT");
    while let Some(ended) = waiting.join_next().await {
        let ended = ended.unwrap();
        assert!(matches!(ended.code(), Code::DeadlineExceeded | Code::OutOfRange), "{ended:?}");
        still -= 1;
    }
    assert_eq!(still, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_beyond_the_head_is_refused_at_once_and_one_of_a_receipt_is_waited_for() {
    let trial = Trial::begin(&[]).await;
    let request = carrying(&trial.honest, submission(&new_id(), cra_of(1)));
    let receipt =
        trial.pair.ingestion().await.submit_cra(request).await.unwrap().into_inner().receipt.unwrap();
    trial.is_counted(&trial.honest, receipt.position).await.unwrap();
    let mut queries = JoinSet::new();
    for _ in 0..2 {
        let (mut statistics, request) =
            (trial.pair.statistics().await, at(&trial.honest, receipt.position + 1));
        queries.spawn(async move { statistics.get_statistics(request).await.unwrap_err() });
    }
    while let Some(refused) = queries.join_next().await {
        let refused = refused.unwrap();
        assert_refused(&refused, Code::OutOfRange, "PAST_THE_HEAD");
    }
    // Each receipt is queried at once, while others query beyond the head.
    for number in 0..50 {
        let request = carrying(&trial.honest, submission(&new_id(), cra_of(number)));
        let receipt =
            trial.pair.ingestion().await.submit_cra(request).await.unwrap().into_inner().receipt.unwrap();
        let beyond = trial.is_counted(&trial.hostile, receipt.position + 1_000);
        let (own, beyond) = tokio::join!(trial.is_counted(&trial.honest, receipt.position), beyond);
        own.unwrap();
        assert_eq!(beyond.unwrap_err().code(), Code::OutOfRange);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_no_file_to_its_end_keeps_no_other_from_a_file() {
    let trial = Trial::begin(&[]).await;
    trial.record().await;
    let mut exports = Vec::new();
    for _ in 0..2 {
        let mut slow = narrow(trial.pair.projection.address()).await;
        exports.push(slow.export(file(&trial.hostile)).await.unwrap().into_inner());
    }
    let mut more = narrow(trial.pair.projection.address()).await;
    assert!(is_busy(&more.export(file(&trial.hostile)).await.unwrap_err()));
    let mut whole = trial.pair.statistics().await.export(file(&trial.honest)).await.unwrap().into_inner();
    while whole.message().await.unwrap().is_some() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_opens_streams_keeps_no_other_from_watching_or_submitting() {
    let trial = Trial::begin(&[]).await;
    let (mut watched, mut written) = (Vec::new(), Vec::new());
    for number in 0..8 {
        let watch = carrying(&trial.hostile, pb::WatchStatisticsRequest::default());
        let opened = trial.pair.statistics().await.watch_statistics(watch).await;
        assert_eq!(opened.is_ok(), number < 2, "stream {number}");
        watched.extend(opened);
        let items = carrying(&trial.hostile, tokio_stream::pending::<pb::SubmitCrasRequest>());
        let opened = trial.pair.ingestion().await.submit_cras(items).await;
        assert_eq!(opened.is_ok(), number < 2, "stream {number}");
        written.extend(opened);
    }
    let watch = carrying(&trial.honest, pb::WatchStatisticsRequest::default());
    let mut watch = trial.pair.statistics().await.watch_statistics(watch).await.unwrap().into_inner();
    assert!(watch.message().await.unwrap().is_some());
    let items = pb::SubmitCrasRequest { item: 1, submission: Some(submission(&new_id(), cra_of(1))) };
    let items = carrying(&trial.honest, tokio_stream::iter([items]));
    let mut answers = trial.pair.ingestion().await.submit_cras(items).await.unwrap().into_inner();
    assert!(answers.message().await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_whose_writes_hang_keeps_no_other_from_being_answered() {
    let trial = Trial::begin(&[("SERVER__REQUEST_TIMEOUT_MS", "20000")]).await;
    trial.pair.signal_log("-STOP");
    let mut hanging = JoinSet::new();
    for _ in 0..8 {
        let mut ingestion = trial.pair.ingestion().await;
        let request = carrying(&trial.hostile, submission(&new_id(), cra_of(1)));
        hanging.spawn(async move { ingestion.submit_cra(request).await.map(drop) });
    }
    for _ in 0..6 {
        let refused = within(SOON, "the others are refused", hanging.join_next()).await.unwrap().unwrap();
        assert!(is_busy(&refused.unwrap_err()));
    }
    trial.pair.signal_log("-CONT");
    trial.is_submitted(&trial.honest).await.unwrap();
    while let Some(ended) = hanging.join_next().await {
        let _ = ended.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_takes_less_than_the_least_rate_is_cut_and_an_honest_one_reads_to_the_end() {
    let rate = [("SERVER__STALLED_AFTER_S", "2"), ("SERVER__LEAST_BYTES_PER_SECOND", "1000000")];
    let trial = Trial::begin(&rate).await;
    trial.record().await;
    let mut slow = narrow(trial.pair.projection.address()).await;
    let follow =
        |token: &str| carrying(token, pb::FollowCrasRequest { stop_at_head: true, ..Default::default() });
    let mut slow = slow.follow_cras(follow(&trial.hostile)).await.unwrap().into_inner();
    let reading = async {
        loop {
            match slow.next().await {
                Some(Ok(_)) => tokio::time::sleep(Duration::from_millis(20)).await,
                Some(Err(status)) => return status,
                None => panic!("the slow reader was not cut"),
            }
        }
    };
    let ended = within(SOON * 4, "the slow reader is cut", reading).await;
    assert_eq!(reason_of(&ended).as_deref(), Some("STREAM_STALLED"), "{ended:?}");
    let mut whole =
        trial.pair.statistics().await.follow_cras(follow(&trial.honest)).await.unwrap().into_inner();
    let mut changes = 0;
    while whole.message().await.unwrap().is_some() {
        changes += 1;
    }
    assert!(changes >= CRAS, "{changes} changes");
    eventually("the permit is given back", async || {
        let opened = narrow(trial.pair.projection.address()).await.export(file(&trial.hostile)).await;
        opened.map(drop).map_err(|status| status.to_string())
    })
    .await;
}

#[test]
fn settings_that_give_one_client_more_than_a_quarter_are_refused_at_start() {
    let issuer = Issuer::new();
    let trust = issuer.settings();
    for (kind, name, value, named) in [
        (Kind::Projection, "CRA_LIMITS__QUERIES_IN_FLIGHT", "255", "limits.queries_in_flight"),
        (Kind::Projection, "CRA_LIMITS__EXPORTS_IN_FLIGHT", "3", "limits.exports_in_flight"),
        (
            Kind::Ingestion,
            "CRA_SERVER__PER_CLIENT__STREAMS_IN_FLIGHT",
            "9",
            "server.per_client.streams_in_flight",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let trust = trust.iter().map(|(name, value)| (format!("CRA_{name}"), value.as_str()));
        let trust: Vec<_> = trust.collect();
        let mut settings: Vec<_> = trust.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        settings.extend([(name, value), ("CRA_LISTEN", "127.0.0.1:0")]);
        run_to_end(kind, folder.path(), &[], &settings).failed().reports(named);
    }
}
