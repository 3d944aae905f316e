//! Group commit: pending appends are sent as one atomic batch, which costs the server one sync.
//!
//! A batch is stored completely or not at all. If it is refused, its parts are tried, down to single appends: one
//! conflict must neither affect its neighbours nor cost each of them a sync. If the outcome is unknown, each append is
//! sent alone. Waiting appends and batches are bounded.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use futures::future::join_all;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::{Duration, Instant};

use super::ack::Ack;
use super::append::{self, Append};
use super::batch::{self, BATCH_EVENTS_MAX, Message};
use super::link::Link;
use super::message::{self, Subjects};
use crate::port::{AppendError, Appended};
use crate::position::Position;

/// Maximum number of pending appends; further ones are refused at once.
pub(super) const PENDING_APPENDS_MAX: usize = 16_384;
/// Smaller groups are sent as single appends: a batch costs the server 2.3 ms of overhead, a single append 0.4 ms
/// (measured with `sync_interval: always`; 32 in a batch took 3.4 ms, 1,000 took 22 ms).
const BATCH_APPENDS_MIN: usize = 8;
/// Number of parts in which a refused batch is tried again.
const SPLIT_WAYS: usize = 10;
/// Payload size at which a group is closed.
const GROUP_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Maximum number of concurrent groups. While these wait for the server's sync, the next one is collected.
const GROUPS_IN_FLIGHT_MAX: usize = 2;
/// How long a batch waits for its answer before its appends are sent singly.
const BATCH_WAIT: Duration = Duration::from_millis(1_500);

type Outcome = Result<Appended, AppendError>;

pub(super) struct Pending {
    pub(super) append: Append,
    /// If the caller has gone, the answer is dropped, but the append is sent.
    pub(super) answer: oneshot::Sender<Outcome>,
}

/// Sends pending appends until every sender is dropped.
pub(super) async fn run(link: Link, subjects: Subjects, mut pending: mpsc::Receiver<Pending>) {
    let in_flight = Arc::new(Semaphore::new(GROUPS_IN_FLIGHT_MAX));
    let mut held = VecDeque::new();
    loop {
        // The semaphore is never closed.
        let Ok(permit) = Arc::clone(&in_flight).acquire_owned().await else {
            return;
        };
        let first = match held.pop_front() {
            Some(first) => first,
            None => match pending.recv().await {
                Some(first) => first,
                None => return,
            },
        };
        let group = gather(first, &mut held, &mut pending);
        let (link, subjects) = (link.clone(), subjects.clone());
        tokio::spawn(async move {
            commit(&link, &subjects, group).await;
            drop(permit);
        });
    }
}

/// Collects pending appends, one per stream: inside a batch the server checks a subject against stored events, so a second
/// append of the same stream must be in the next group.
fn gather(
    first: Pending,
    held: &mut VecDeque<Pending>,
    pending: &mut mpsc::Receiver<Pending>,
) -> Vec<Pending> {
    let mut streams = HashSet::from([first.append.event.stream]);
    let mut bytes = first.append.event.payload.len();
    let mut group = vec![first];
    let mut waiting = std::mem::take(held);
    while group.len() < BATCH_EVENTS_MAX && bytes < GROUP_BYTES_MAX && held.len() < BATCH_EVENTS_MAX {
        let Some(next) = waiting.pop_front().or_else(|| pending.try_recv().ok()) else {
            break;
        };
        if streams.insert(next.append.event.stream) {
            bytes += next.append.event.payload.len();
            group.push(next);
        } else {
            held.push_back(next);
        }
    }
    held.append(&mut waiting);
    group
}

async fn commit(link: &Link, subjects: &Subjects, group: Vec<Pending>) {
    let now = Instant::now();
    let (group, late): (Vec<_>, Vec<_>) =
        group.into_iter().partition(|pending| pending.append.deadline > now);
    for pending in late {
        answer(pending, Err(AppendError::Unavailable("it waited too long to be sent".to_owned())));
    }
    let mut parts = VecDeque::from([group]);
    let mut alone = Vec::new();
    while let Some(part) = parts.pop_front() {
        // Without a connection each append fails separately.
        if part.len() < BATCH_APPENDS_MIN || !link.is_up() {
            alone.extend(part.into_iter().map(|pending| (pending, false)));
            continue;
        }
        match batch(link, subjects, &part).await {
            Ack::Stored(last) => answer_batch(part, last),
            Ack::WrongLastSequence | Ack::Refused(_) | Ack::NotStored(_) | Ack::NoStream(_) => {
                split(part, &mut parts);
            }
            Ack::NoRoom(reason) => {
                for pending in part {
                    answer(pending, Err(AppendError::Unavailable(reason.clone())));
                }
            }
            Ack::Unknown(reason) => {
                tracing::warn!(
                    reason,
                    appends = part.len(),
                    "a batch was not acknowledged: sending its appends singly"
                );
                alone.extend(part.into_iter().map(|pending| (pending, true)));
            }
        }
    }
    join_all(alone.into_iter().map(|(pending, sent)| async move {
        let outcome = append::append_one(link, subjects, &pending.append, sent).await;
        answer(pending, outcome);
    }))
    .await;
}

fn split(part: Vec<Pending>, parts: &mut VecDeque<Vec<Pending>>) {
    let size = part.len().div_ceil(SPLIT_WAYS);
    let mut rest = part.into_iter();
    loop {
        let next: Vec<_> = rest.by_ref().take(size).collect();
        if next.is_empty() {
            return;
        }
        parts.push_back(next);
    }
}

/// Publishes the group as one atomic batch.
async fn batch(link: &Link, subjects: &Subjects, group: &[Pending]) -> Ack {
    let messages = group.iter().map(|Pending { append, .. }| Message {
        subject: subjects.of(append.event.stream),
        headers: message::headers(&append.event, append.expectation),
        payload: append.event.payload.clone(),
    });
    batch::publish(link, messages, BATCH_WAIT).await
}

/// The messages of a batch have consecutive positions, ending at the acknowledged one.
fn answer_batch(group: Vec<Pending>, last: Position) {
    let count = group.len() as u64;
    for (pending, index) in group.into_iter().zip(1..) {
        answer(pending, Ok(Appended::Executed(Position(last.0 - count + index))));
    }
}

fn answer(pending: Pending, outcome: Outcome) {
    // The caller may have gone.
    let _ = pending.answer.send(outcome);
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use uuid::Uuid;

    use super::*;
    use crate::port::{Expectation, NewEvent, StreamId};

    fn pending(stream: u128, size_bytes: usize) -> (Pending, oneshot::Receiver<Outcome>) {
        let event = NewEvent {
            stream: StreamId(Uuid::from_u128(stream)),
            event_id: Uuid::new_v4(),
            payload: Bytes::from(vec![0; size_bytes]),
            trace: None,
        };
        let (answer, outcome) = oneshot::channel();
        let append = Append { event, expectation: Expectation::NoEvent, deadline: Instant::now() };
        (Pending { append, answer }, outcome)
    }

    fn streams(group: impl IntoIterator<Item = Pending>) -> Vec<u128> {
        group.into_iter().map(|pending| pending.append.event.stream.0.as_u128()).collect()
    }

    #[tokio::test]
    async fn a_second_append_of_a_stream_waits_for_the_next_group() {
        let (sender, mut receiver) = mpsc::channel(8);
        for stream in [2, 1, 3, 2] {
            assert!(sender.try_send(pending(stream, 1).0).is_ok());
        }
        let mut held = VecDeque::new();
        let group = gather(pending(1, 1).0, &mut held, &mut receiver);
        assert_eq!(streams(group), [1, 2, 3]);
        let first = held.pop_front().unwrap();
        let next = gather(first, &mut held, &mut receiver);
        assert_eq!(streams(next), [1, 2]);
        assert!(held.is_empty());
    }

    #[tokio::test]
    async fn a_group_is_closed_at_its_size_and_leaves_the_rest_pending() {
        let (sender, mut receiver) = mpsc::channel(8);
        for stream in 2..=4 {
            assert!(sender.try_send(pending(stream, GROUP_BYTES_MAX / 2).0).is_ok());
        }
        let mut held = VecDeque::new();
        let group = gather(pending(1, GROUP_BYTES_MAX / 2).0, &mut held, &mut receiver);
        assert_eq!(streams(group), [1, 2]);
        assert_eq!(receiver.len(), 2);
    }

    #[test]
    fn a_refused_batch_is_split_in_order_and_without_loss() {
        let (group, _outcomes): (Vec<_>, Vec<_>) = (1..=25).map(|stream| pending(stream, 1)).unzip();
        let mut parts = VecDeque::new();
        split(group, &mut parts);
        assert_eq!(parts.iter().map(Vec::len).max(), Some(3));
        assert_eq!(streams(parts.into_iter().flatten()), (1..=25).collect::<Vec<_>>());
    }

    #[test]
    fn a_batch_is_answered_in_its_order_up_to_the_acknowledged_position() {
        let (group, outcomes): (Vec<_>, Vec<_>) = (1..=3).map(|stream| pending(stream, 1)).unzip();
        answer_batch(group, Position(10));
        let positions: Vec<u64> = outcomes
            .into_iter()
            .map(|mut outcome| outcome.try_recv().unwrap().unwrap().position().0)
            .collect();
        assert_eq!(positions, [8, 9, 10]);
    }
}
