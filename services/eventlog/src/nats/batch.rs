//! One atomic batch: stored completely or not at all, with one sync of the server.
//!
//! The callers decide which events form a batch, and what an answer means for them.

use async_nats::HeaderMap;
use async_nats::client::Request;
use async_nats::header::{NATS_BATCH_COMMIT, NATS_BATCH_ID, NATS_BATCH_SEQUENCE};
use bytes::Bytes;
use tokio::time::Duration;
use uuid::Uuid;

use super::ack::Ack;
use super::append;
use super::link::Link;

/// The server's limit on a batch.
pub(super) const BATCH_EVENTS_MAX: usize = 1_000;

/// One message of a batch.
pub(super) struct Message {
    pub(super) subject: String,
    pub(super) headers: HeaderMap,
    pub(super) payload: Bytes,
}

/// Publishes the messages; only the last one requests an answer, which is for all of them.
pub(super) async fn publish(
    link: &Link,
    messages: impl ExactSizeIterator<Item = Message>,
    wait: Duration,
) -> Ack {
    let batch_id = Uuid::new_v4().simple().to_string();
    let count = messages.len();
    let sending = link.sending.lock().await;
    for (Message { subject, mut headers, payload }, number) in messages.zip(1..) {
        headers.insert(NATS_BATCH_ID, batch_id.as_str());
        headers.insert(NATS_BATCH_SEQUENCE, number.to_string().as_str());
        if number == count {
            headers.insert(NATS_BATCH_COMMIT, "1");
            drop(sending);
            let request = Request::new().headers(headers).payload(payload).timeout(Some(wait));
            return append::request_ack(link, subject, request).await;
        }
        if let Err(error) = link.client.publish_with_headers(subject, headers, payload).await {
            // A batch without its last message is never stored.
            return Ack::NotStored(error.to_string());
        }
    }
    Ack::NotStored("an empty batch".to_owned())
}
