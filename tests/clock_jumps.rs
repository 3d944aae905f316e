//! Jumps of a clock, in both directions and by years, affect neither the log's order nor the figures: positions
//! increase, the log's time never decreases, and no lag is negative.

use std::net::Ipv4Addr;
use std::sync::Arc;

use cra_contracts::v1 as pb;
use cra_eventlog::embedded::EmbeddedLog;
use cra_eventlog::{Position, Read as _};
use cra_runtime::clock::FixedClock;
use cra_runtime::identity::Identity;
use cra_runtime::listen;
use cra_runtime::shutdown::Shutdown;
use jiff::Timestamp;
use tokio_stream::StreamExt as _;

use crate::harness::{Ingestion, Operations, Statistics, audit, connected, cra_of, record};
use cra_oracle as oracle;

/// Times of ingestion's clock, one CRA each.
const JUMPS: [&str; 9] = [
    "2026-03-01T10:00:00Z",
    "2026-03-01T10:00:05Z",
    "2026-02-27T23:59:59.999999999Z",
    "2026-03-01T10:00:05Z",
    "2035-01-01T00:00:00Z",
    "2026-03-02T08:00:00Z",
    "2024-12-31T22:30:00Z",
    "2035-01-01T00:00:00.000000001Z",
    "2026-03-03T08:00:00Z",
];
/// Times of the projection's clock, repeated.
const APPLIED: [&str; 4] =
    ["2026-03-01T10:00:01Z", "2035-06-01T00:00:00Z", "2020-01-01T00:00:00Z", "2026-03-02T00:00:00Z"];
const MUCH_LATER: &str = "2040-01-01T00:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn message(time: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: time.as_second(), nanos: time.subsec_nanosecond() }
}

/// Both services in this process, each with its own clock.
struct Jumping {
    ingestion: Ingestion,
    statistics: Statistics,
    operations: Operations,
    recording: FixedClock,
    applying: FixedClock,
    log: Arc<EmbeddedLog>,
    shutdown: Shutdown,
    served: [tokio::task::JoinHandle<()>; 2],
    _dir: tempfile::TempDir,
}

impl Jumping {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let log: Arc<EmbeddedLog> = Arc::new(EmbeddedLog::open(&dir.path().join("log")).unwrap());
        let (recording, applying) = (FixedClock::at(at(JUMPS[0])), FixedClock::at(at(APPLIED[0])));
        let shutdown = Shutdown::new();
        let bind = || listen::bind((Ipv4Addr::LOCALHOST, 0).into(), Identity::not_configured());
        let (for_ingestion, for_projection) =
            (bind().unwrap().open().unwrap(), bind().unwrap().open().unwrap());
        let addresses = [for_ingestion.address(), for_projection.address()];
        let settings =
            cra_projection::Settings { data: dir.path().join("read-models"), ..Default::default() };
        let (own_log, clock, stop) = (Arc::clone(&log), Arc::new(recording.clone()), shutdown.clone());
        let ingesting = tokio::spawn(async move {
            let settings = cra_ingestion::Settings::default();
            let _ = cra_ingestion::serve(for_ingestion, own_log, clock, &settings, stop).await.unwrap();
        });
        let (own_log, clock, stop) = (Arc::clone(&log), Arc::new(applying.clone()), shutdown.clone());
        let projecting = tokio::spawn(async move {
            let _ = cra_projection::serve(for_projection, own_log, clock, settings, stop).await.unwrap();
        });
        Self {
            ingestion: Ingestion::new(connected(addresses[0]).await.unwrap()),
            statistics: Statistics::new(connected(addresses[1]).await.unwrap()),
            operations: Operations::new(connected(addresses[1]).await.unwrap()),
            recording,
            applying,
            log,
            shutdown,
            served: [ingesting, projecting],
            _dir: dir,
        }
    }

    async fn ask(&mut self, consistency: pb::Consistency) -> (pb::Statistics, pb::Snapshot) {
        let request = pb::GetStatisticsRequest {
            consistency: Some(consistency),
            ..pb::GetStatisticsRequest::default()
        };
        let answer = self.statistics.get_statistics(request).await.unwrap().into_inner();
        (answer.statistics.unwrap(), answer.snapshot.unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_that_jump_disturb_neither_the_order_nor_the_figures_nor_the_logs_time() {
    let mut jumping = Jumping::start().await;
    for (number, (now, applied_at)) in (0..).zip(JUMPS.iter().zip(APPLIED.iter().cycle())) {
        jumping.recording.set(at(now));
        jumping.applying.set(at(applied_at));
        let receipt = record(&mut jumping.ingestion, cra_of(number)).await;
        assert_eq!(receipt.position, u64::from(number) + 1, "in the order they came");
        assert_eq!(receipt.recorded_at, Some(message(at(now))));
        jumping.ask(pb::Consistency { min_position: receipt.position, ..Default::default() }).await;
        let status =
            jumping.operations.get_status(pb::GetStatusRequest::default()).await.unwrap().into_inner();
        let behind = at(applied_at).as_millisecond() - at(now).as_millisecond();
        // Rounded down to the millisecond, at least 0.
        let lag_ms = u64::try_from(behind).unwrap_or(0);
        assert!(status.lag_ms <= lag_ms && status.lag_ms + 1 >= lag_ms, "{} for {behind}", status.lag_ms);
    }

    let head = JUMPS.len() as u64;
    let events: Vec<_> = jumping.log.read(Position::START).take(JUMPS.len()).collect().await;
    let entries: Vec<_> = events.into_iter().map(Result::unwrap).collect();
    let events = audit::events(&entries);
    audit::equals(&mut jumping.statistics, &events, head).await;

    jumping.applying.set(at(MUCH_LATER));
    let mut latest = Timestamp::MIN;
    for (position, now) in (1..).zip(JUMPS) {
        latest = latest.max(at(now));
        let as_of = pb::Consistency { as_of_position: position, ..Default::default() };
        let (figures, snapshot) = jumping.ask(as_of).await;
        assert_eq!(snapshot.recorded_at, Some(message(latest)), "the log's time at {position}");
        assert_eq!(figures.cras, position);
    }
    for now in JUMPS {
        // The last position whose log time is not later.
        let mut reached = Timestamp::MIN;
        let times = JUMPS.iter().map(|recorded| {
            reached = reached.max(at(recorded));
            reached
        });
        let expected = times.take_while(|time| *time <= at(now)).count();
        let as_of = pb::Consistency { as_of_time: Some(message(at(now))), ..Default::default() };
        let (figures, snapshot) = jumping.ask(as_of).await;
        assert_eq!(snapshot.position, expected as u64, "as of {now}");
        assert_eq!(
            figures,
            oracle::statistics(&events[..expected], &pb::Selection::default()),
            "as of {now}"
        );
    }
    jumping.shutdown.begin();
    for served in jumping.served {
        served.await.unwrap();
    }
}
