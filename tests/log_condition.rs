//! The condition of the log is monitored beyond the connection: if the stream is missing, changed, lost events or is
//! full, ingestion reports it by its health, its metric and once in its log, and refuses submissions at once.

use std::time::{Duration, Instant};

use async_nats::jetstream;
use async_nats::jetstream::stream::Config;
use cra_eventlog::testing::NatsServer;
use tonic_health::pb::health_check_response::ServingStatus;

use crate::harness::{Pair, Service, eventually, new_id, submission, submitted, workshop};
use crate::metrics::{scraped, value};

const STREAM: &str = "CRA";
const MEASURED: [(&str, &str); 1] = [("TELEMETRY__METRICS_LISTEN", "127.0.0.1:0")];

async fn context(pair: &Pair) -> jetstream::Context {
    jetstream::new(async_nats::connect(pair.nats.url()).await.unwrap())
}

async fn config(context: &jetstream::Context) -> Config {
    context.get_stream(STREAM).await.unwrap().cached_info().config.clone()
}

async fn is(service: &Service, expected: ServingStatus) {
    eventually("health follows the log", async || match service.health().await? {
        found if found == expected => Ok(()),
        found => Err(format!("{found:?}")),
    })
    .await;
}

async fn records(pair: &Pair) -> Result<(), tonic::Status> {
    submitted(&mut pair.ingestion().await, submission(&new_id(), workshop(5))).await.map(drop)
}

/// Asserts that submissions are refused, and that health, metric and log give the reason.
async fn takes_nothing_because(pair: &Pair, because: &str) {
    is(&pair.ingestion, ServingStatus::NotServing).await;
    let refused = records(pair).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unavailable, "{refused}");
    let logged = || pair.ingestion.output().lines().filter(|line| line.contains(because)).count();
    eventually("ingestion says why", async || if logged() > 0 { Ok(()) } else { Err(because.to_owned()) })
        .await;
    assert_eq!(logged(), 1, "{because}: {}", pair.ingestion.output());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_gone_or_changed_is_noticed_while_ingestion_runs() {
    let mut pair = Pair::start().await;
    let context = context(&pair).await;
    records(&pair).await.unwrap();
    let designed = config(&context).await;

    context.delete_stream(STREAM).await.unwrap();
    takes_nothing_because(&pair, "stream CRA is not there any more").await;
    context.create_stream(designed.clone()).await.unwrap();
    is(&pair.ingestion, ServingStatus::Serving).await;
    for _ in 0..3 {
        records(&pair).await.unwrap();
    }

    let forgetful =
        Config { max_messages: 2, discard: jetstream::stream::DiscardPolicy::Old, ..designed.clone() };
    context.update_stream(forgetful).await.unwrap();
    takes_nothing_because(&pair, "max_msgs is 2").await;
    // The configuration is restored, but the lost events are not.
    context.update_stream(designed).await.unwrap();
    takes_nothing_because(&pair, "stream CRA: the events before position 2 are gone").await;
    pair.ingestion.is_unharmed();
}

/// Submits until there is no room; returns how many were recorded.
async fn filled(pair: &Pair) -> usize {
    for recorded in 0..2_000 {
        if let Err(refused) = records(pair).await {
            assert_eq!(refused.code(), tonic::Code::Unavailable, "{refused}");
            return recorded;
        }
    }
    panic!("there was room for everything");
}

/// For longer than any pause between two tries of the first minute, submissions do not change the health.
async fn stays_full(pair: &Pair) {
    let until = Instant::now() + Duration::from_secs(8);
    while Instant::now() < until {
        assert_eq!(pair.ingestion.health().await, Ok(ServingStatus::NotServing));
        assert_eq!(value(&scraped(&pair.ingestion).await, "cra_log_up"), Some(0.0));
        records(pair).await.unwrap_err();
    }
    takes_nothing_because(pair, "have no room for events").await;
}

async fn has_metrics(pair: &Pair, expected: &[(&str, f64)]) {
    eventually("the metrics follow the log", async || {
        let text = scraped(&pair.ingestion).await;
        let found: Vec<_> = expected.iter().map(|(name, _)| (*name, value(&text, name).unwrap())).collect();
        if found == expected { Ok(()) } else { Err(format!("{found:?}")) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_at_its_limit_is_full_until_the_limit_is_raised_and_not_a_moment_in_between() {
    let pair = Pair::start_with(&MEASURED).await;
    let context = context(&pair).await;
    let designed = config(&context).await;
    has_metrics(&pair, &[("cra_log_bytes_limit", 0.0), ("cra_log_events_limit", 0.0)]).await;
    for limited in [
        Config { max_bytes: 50_000, ..designed.clone() },
        Config { max_bytes: 2_000_000, max_messages: 150, ..designed.clone() },
    ] {
        context.update_stream(limited.clone()).await.unwrap();
        let events = u32::try_from(limited.max_messages).map_or(0.0, f64::from);
        let bytes = f64::from(u32::try_from(limited.max_bytes).unwrap());
        has_metrics(&pair, &[("cra_log_bytes_limit", bytes), ("cra_log_events_limit", events)]).await;
        is(&pair.ingestion, ServingStatus::Serving).await;
        let before = pair.ingestion.output().matches("have no room for events").count();
        assert!(filled(&pair).await > 1);
        is(&pair.ingestion, ServingStatus::NotServing).await;
        let until = Instant::now() + Duration::from_secs(8);
        while Instant::now() < until {
            assert_eq!(pair.ingestion.health().await, Ok(ServingStatus::NotServing));
            records(&pair).await.unwrap_err();
        }
        assert_eq!(pair.ingestion.output().matches("have no room for events").count(), before + 1);
        // Nothing is submitted: the limit alone shows that there is room.
        context.update_stream(Config { max_bytes: 4_000_000, max_messages: -1, ..limited }).await.unwrap();
        is(&pair.ingestion, ServingStatus::Serving).await;
        records(&pair).await.unwrap();
    }
    let info = context.get_stream(STREAM).await.unwrap().cached_info().clone();
    let exact = |number: u64| f64::from(u32::try_from(number).unwrap());
    has_metrics(
        &pair,
        &[
            ("cra_log_first_position", 1.0),
            ("cra_log_bytes_limit", 4_000_000.0),
            ("cra_log_bytes", exact(info.state.bytes)),
            ("cra_log_events", exact(info.state.messages)),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_without_room_is_logged_once_and_room_made_in_it_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let small = "accounts { cra { users = [{user: a, password: b}], jetstream { max_file: 200KB } } }\n\
                 no_auth_user: a";
    let nats = NatsServer::start_with(dir.path(), small).unwrap_or_else(|error| panic!("{error}"));
    let mut pair = Pair::start_on(dir, nats, &MEASURED).await;
    // Another stream of the account uses the same limit.
    let context = context(&pair).await;
    let other = Config { name: "OTHER".to_owned(), subjects: vec!["other".to_owned()], ..Config::default() };
    context.create_stream(other).await.unwrap();
    context.publish("other", vec![0; 100_000].into()).await.unwrap().await.unwrap();
    filled(&pair).await;
    takes_nothing_because(&pair, "have no room for events").await;
    stays_full(&pair).await;
    // A process that starts now detects it without a submission.
    pair.ingestion.kill();
    pair.ingestion.start().await;
    is(&pair.ingestion, ServingStatus::NotServing).await;
    let text = scraped(&pair.ingestion).await;
    let [bytes, limit] = ["cra_log_bytes", "cra_log_bytes_limit"].map(|name| value(&text, name).unwrap());
    assert!(bytes > 50_000.0 && limit > 0.0 && bytes / limit > 0.99, "{bytes} of {limit}");

    context.delete_stream("OTHER").await.unwrap();
    is(&pair.ingestion, ServingStatus::Serving).await;
    records(&pair).await.unwrap();
}
