//! Reading a whole stream with the plain client: as the log's reader asks for it, and nothing done with it.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use async_nats::jetstream::{
    self,
    consumer::pull,
    consumer::{AckPolicy, DeliverPolicy, ReplayPolicy},
};
use cra_eventlog::nats::NatsSettings;
use futures::StreamExt as _;

// As the reader of `cra_eventlog::nats` asks.
const BATCH_EVENTS_MAX: usize = 10_000;
const BATCH_BYTES_MAX: usize = 32 * 1024 * 1024;
const BATCH_EXPIRES: Duration = Duration::from_secs(10);
const HEARTBEAT: Duration = Duration::from_secs(2);

/// How long it takes to read so many events from the first on.
pub(crate) async fn consume_limit(settings: &NatsSettings, events: u64) -> anyhow::Result<Duration> {
    let client = async_nats::connect(&settings.url).await?;
    let stream = jetstream::new(client).get_stream_no_info(&settings.stream).await?;
    let begun = Instant::now();
    let config = pull::Config {
        deliver_policy: DeliverPolicy::All,
        ack_policy: AckPolicy::None,
        replay_policy: ReplayPolicy::Instant,
        memory_storage: true,
        num_replicas: 1,
        ..pull::Config::default()
    };
    let consumer = stream.create_consumer(config).await?;
    let messages = consumer
        .stream()
        .max_messages_per_batch(BATCH_EVENTS_MAX)
        .max_bytes_per_batch(BATCH_BYTES_MAX)
        .expires(BATCH_EXPIRES)
        .heartbeat(HEARTBEAT);
    let mut messages = messages.messages().await?;
    for expected in 1..=events {
        let message = messages.next().await.context("the stream ended")??;
        if expected == events {
            let info = message.info().map_err(|error| anyhow::anyhow!("no position: {error}"))?;
            ensure!(info.stream_sequence == events, "{} came where {events} had to", info.stream_sequence);
        }
    }
    Ok(begun.elapsed())
}
