//! Writing the same bytes with the plain client, durably: one by one, and in atomic batches. No way into the log can be
//! faster.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use async_nats::HeaderMap;
use async_nats::header::{NATS_BATCH_COMMIT, NATS_BATCH_ID, NATS_BATCH_SEQUENCE};
use async_nats::jetstream::{self, publish::PublishAck, response::Response};
use bytes::Bytes;
use cra_eventlog::nats::{NatsLog, NatsSettings};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::latency::Latencies;

/// The server's own bound on a batch.
const BATCH_EVENTS: usize = 1_000;
/// Batches under way: the server always has one to write.
const CONCURRENT_BATCHES: usize = 2;

/// What is written: subject and payload of each event.
pub(crate) type Messages = Arc<Vec<(String, Bytes)>>;

/// Where the limit is measured: a stream like the log's, on the same server.
pub(crate) struct Publisher {
    client: async_nats::Client,
    context: jetstream::Context,
    prefix: String,
}

impl Publisher {
    /// Makes the stream, by the log's own means, so that it is configured the same.
    pub(crate) async fn open(settings: &NatsSettings) -> anyhow::Result<Self> {
        let prefix = "limit".to_owned();
        let stream =
            NatsSettings { stream: "LIMIT".to_owned(), subject_prefix: prefix.clone(), ..settings.clone() };
        NatsLog::connect(stream).await.context("the stream of the limit cannot be made")?;
        let client = async_nats::connect(&settings.url).await?;
        Ok(Self { context: jetstream::new(client.clone()), client, prefix })
    }

    /// Publishes one by one, from so many callers at once; how long each took, and all of them.
    pub(crate) async fn singles(
        &self,
        messages: &Messages,
        callers: usize,
    ) -> anyhow::Result<(Latencies, Duration)> {
        let next = Arc::new(AtomicUsize::new(0));
        let begun = Instant::now();
        let mut tasks = JoinSet::new();
        for _ in 0..callers {
            let (context, messages) = (self.context.clone(), Arc::clone(messages));
            let (next, prefix) = (Arc::clone(&next), self.prefix.clone());
            tasks.spawn(async move {
                let mut times = Latencies::new();
                while let Some((name, payload)) = messages.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let begun = Instant::now();
                    context.publish(format!("{prefix}.{name}"), payload.clone()).await?.await?;
                    times.add(begun.elapsed());
                }
                anyhow::Ok(times)
            });
        }
        let mut times = Latencies::new();
        while let Some(done) = tasks.join_next().await {
            times.merge(&done??);
        }
        Ok((times, begun.elapsed()))
    }

    /// Publishes in atomic batches; how long all of them took.
    pub(crate) async fn batches(&self, messages: &Messages) -> anyhow::Result<Duration> {
        let next = Arc::new(AtomicUsize::new(0));
        let begun = Instant::now();
        let mut tasks = JoinSet::new();
        for _ in 0..CONCURRENT_BATCHES {
            let (client, messages) = (self.client.clone(), Arc::clone(messages));
            let (next, prefix) = (Arc::clone(&next), self.prefix.clone());
            tasks.spawn(async move {
                let batches = messages.chunks(BATCH_EVENTS);
                while let Some(batch) = batches.clone().nth(next.fetch_add(1, Ordering::Relaxed)) {
                    publish(&client, &prefix, batch).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(done) = tasks.join_next().await {
            done??;
        }
        Ok(begun.elapsed())
    }
}

async fn publish(client: &async_nats::Client, prefix: &str, batch: &[(String, Bytes)]) -> anyhow::Result<()> {
    let id = Uuid::new_v4().simple().to_string();
    for ((name, payload), number) in batch.iter().zip(1..) {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_BATCH_ID, id.as_str());
        headers.insert(NATS_BATCH_SEQUENCE, number.to_string().as_str());
        let subject = format!("{prefix}.{name}");
        if number < batch.len() {
            client.publish_with_headers(subject, headers, payload.clone()).await?;
            continue;
        }
        headers.insert(NATS_BATCH_COMMIT, "1");
        let answer = client.request_with_headers(subject, headers, payload.clone()).await?;
        let answer: Response<PublishAck> = serde_json::from_slice(&answer.payload)?;
        ensure!(matches!(answer, Response::Ok(_)), "a batch was refused: {answer:?}");
    }
    Ok(())
}
