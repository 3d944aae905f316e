//! The condition of the log is monitored beyond the connection: if the stream is missing, changed, lost events or is
//! full, ingestion reports it by its health, its metric and once in its log, and refuses submissions at once.

use async_nats::jetstream;
use async_nats::jetstream::stream::Config;
use cra_eventlog::testing::NatsServer;
use tonic_health::pb::health_check_response::ServingStatus;

use crate::harness::{Pair, Service, eventually, new_id, submission, submitted, workshop};
use crate::metrics::{scraped, value};

const STREAM: &str = "CRA";

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
    let said = || pair.ingestion.output().lines().filter(|line| line.contains(because)).count();
    eventually("ingestion says why", async || if said() > 0 { Ok(()) } else { Err(because.to_owned()) })
        .await;
    assert_eq!(said(), 1, "{because}: {}", pair.ingestion.output());
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

#[tokio::test(flavor = "multi_thread")]
async fn a_log_without_room_is_said_once_and_not_with_every_submission() {
    let dir = tempfile::tempdir().unwrap();
    let small = "accounts { cra { users = [{user: a, password: b}], jetstream { max_file: 200KB } } }\n\
                 no_auth_user: a";
    let nats = NatsServer::start_with(dir.path(), small).unwrap_or_else(|error| panic!("{error}"));
    let pair = Pair::start_on(dir, nats, &[("TELEMETRY__METRICS_LISTEN", "127.0.0.1:0")]).await;
    let mut ended = Ok(());
    for _ in 0..2_000 {
        ended = records(&pair).await;
        if ended.is_err() {
            break;
        }
    }
    assert!(ended.is_err(), "there was room for everything");
    takes_nothing_because(&pair, "have no room for events").await;
    for _ in 0..50 {
        records(&pair).await.unwrap_err();
    }
    takes_nothing_because(&pair, "have no room for events").await;
    assert_eq!(value(&scraped(&pair.ingestion).await, "cra_log_up"), Some(0.0));
}
