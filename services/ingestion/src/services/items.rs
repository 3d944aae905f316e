//! One answer per item of a stream, in order of completion: a limited number of items is processed concurrently, and no
//! more are read until one is answered.
//!
//! Whatever ends the reading (the client, a malformed message, the drain), all read items are answered before the
//! stream ends; after a failure or a drain it ends with a status.

use std::num::NonZeroU16;
use std::sync::{Arc, OnceLock};

use cra_runtime::rejection::{DRAINING, Rejection};
use cra_runtime::shutdown::Shutdown;
use futures::stream::{self, BoxStream, Stream, StreamExt as _};
use tonic::Status;

/// Answers `requests`, at most `in_flight` concurrently, until they end or `shutdown` begins.
pub(super) fn answers<S, Q, A, H, F>(
    requests: S,
    in_flight: NonZeroU16,
    shutdown: Shutdown,
    answer: H,
) -> BoxStream<'static, Result<A, Status>>
where
    S: Stream<Item = Result<Q, Status>> + Send + Unpin + 'static,
    Q: Send + 'static,
    A: Send + 'static,
    H: FnMut(Q) -> F + Send + 'static,
    F: Future<Output = A> + Send + 'static,
{
    let end = Arc::new(OnceLock::new());
    let last = Arc::clone(&end);
    // Boxed, because it is large and moved with every item.
    let reading = Box::new(Reading { requests, shutdown, end });
    stream::unfold(reading, Reading::next)
        .map(answer)
        .buffer_unordered(usize::from(in_flight.get()))
        .map(Ok)
        // Polled after the last answer, when it is known how the reading ended.
        .chain(stream::once(async move { last.get().cloned() }).filter_map(|end| async move { end.map(Err) }))
        .boxed()
}

struct Reading<S> {
    requests: S,
    shutdown: Shutdown,
    /// Why the reading ended before the client's end.
    end: Arc<OnceLock<Status>>,
}

impl<S, Q> Reading<S>
where
    S: Stream<Item = Result<Q, Status>> + Unpin,
{
    async fn next(mut self: Box<Self>) -> Option<(Q, Box<Self>)> {
        let next = tokio::select! {
            biased;
            () = self.shutdown.requested() => Some(Err(draining())),
            next = self.requests.next() => next,
        };
        match next? {
            Ok(request) => Some((request, self)),
            Err(status) => {
                let _ = self.end.set(status);
                None
            }
        }
    }
}

fn draining() -> Status {
    let message = "the service is shutting down; resend the items without an answer, with the same ids";
    Rejection::new(DRAINING, message).into()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use cra_runtime::rejection::reason_of;
    use tonic::Code;

    use super::*;

    const TWO: NonZeroU16 = NonZeroU16::new(2).unwrap();

    fn unpack(answers: Vec<Result<u64, Status>>) -> (Vec<u64>, Option<Status>) {
        let mut end = None;
        let mut answered = Vec::new();
        for answer in answers {
            match answer {
                Ok(item) => answered.push(item),
                Err(status) => end = Some(status),
            }
        }
        answered.sort_unstable();
        (answered, end)
    }

    #[tokio::test(start_paused = true)]
    async fn answers_come_as_they_are_ready_and_no_more_than_the_bound_are_read_ahead() {
        let read = Arc::new(AtomicUsize::new(0));
        let (pulled, seen) = (Arc::clone(&read), Arc::clone(&read));
        let requests = stream::iter([40_u64, 10, 20, 30]).map(move |delay_ms| {
            pulled.fetch_add(1, Ordering::SeqCst);
            Ok(delay_ms)
        });
        let mut answers = answers(requests, TWO, Shutdown::new(), |delay_ms| async move {
            tokio::time::sleep(Duration::from_millis(delay_ms)).await;
            delay_ms
        });
        assert_eq!(answers.next().await.unwrap().unwrap(), 10);
        assert_eq!(seen.load(Ordering::SeqCst), 2);
        let (rest, end) = unpack(answers.collect().await);
        assert_eq!(rest, [20, 30, 40]);
        assert!(end.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_broken_message_ends_the_stream_after_the_answers_to_those_before_it() {
        let requests = stream::iter([Ok(1_u64), Ok(2), Err(Status::out_of_range("too large")), Ok(3)]);
        let answers = answers(requests, TWO, Shutdown::new(), |item| async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            item
        });
        let (answered, end) = unpack(answers.collect().await);
        assert_eq!(answered, [1, 2]);
        assert_eq!(end.unwrap().code(), Code::OutOfRange);
    }

    #[tokio::test(start_paused = true)]
    async fn at_the_drain_what_was_read_is_answered_and_the_stream_ends_with_the_reason() {
        let shutdown = Shutdown::new();
        let requests = stream::iter([Ok(1_u64)]).chain(stream::pending());
        let mut answers = answers(requests, TWO, shutdown.clone(), |item| async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            item
        });
        let (first, ()) = tokio::join!(answers.next(), async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            shutdown.begin();
        });
        assert_eq!(first.unwrap().unwrap(), 1);
        let end = answers.next().await.unwrap().unwrap_err();
        assert_eq!(reason_of(&end).as_deref(), Some("DRAINING"));
        assert!(answers.next().await.is_none());
    }
}
