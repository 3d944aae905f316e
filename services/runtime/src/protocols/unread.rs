//! The rest of a request's body once its answer is known: it is read and dropped for a while. A body that is left unread makes
//! HTTP/1.1 close the connection under a client that still sends, and HTTP/2 reset its stream: clients then lose the answer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body::Body as HttpBody;
use http_body_util::BodyExt as _;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tonic::body::Body;

use crate::bodies::{BodyLayer, NextFrame, wrapped};

/// Bodies whose rest is read at once; of further ones it is not.
const BODIES_MAX: usize = 256;
/// Bytes that are read of a rest: twice the largest message, by default.
const BYTES_MAX: usize = 8 * 1_024 * 1_024;
/// How long a rest is read.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// Reads the rests of bodies; clones share the bound.
#[derive(Clone)]
pub(super) struct Readers(Arc<Semaphore>);

impl Readers {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(BODIES_MAX)))
    }
}

/// Where a body is left by what reads it.
pub(super) struct Unread(Arc<Mutex<Option<Body>>>);

/// A body that is not lost when what reads it drops it before its end.
pub(super) fn watched(body: Body) -> (Body, Unread) {
    let left = Arc::new(Mutex::new(None));
    let watched = wrapped(UnreadBody { body: Some(body), left: Arc::clone(&left) });
    (watched, Unread(left))
}

impl Unread {
    /// Reads what has been left, where there is room for it.
    pub(super) fn read(self, readers: &Readers) {
        let left = self.0.lock().take();
        let Some((mut body, permit)) = left.zip(Arc::clone(&readers.0).try_acquire_owned().ok()) else {
            return;
        };
        tokio::spawn(async move {
            let _permit = permit;
            let mut bytes = 0;
            let reading = async {
                while let Some(Ok(frame)) = body.frame().await
                    && bytes <= BYTES_MAX
                {
                    bytes += frame.data_ref().map_or(0, bytes::Bytes::len);
                }
            };
            // What does not come in time is left unread.
            let _ = tokio::time::timeout(READ_TIMEOUT, reading).await;
        });
    }
}

struct UnreadBody {
    /// `None` once it has ended.
    body: Option<Body>,
    left: Arc<Mutex<Option<Body>>>,
}

impl BodyLayer for UnreadBody {
    const MAY_CUT: bool = false;

    fn inner<R>(&self, ask: impl FnOnce(&Body) -> R) -> Option<R> {
        self.body.as_ref().map(ask)
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> NextFrame {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let next = Pin::new(body).poll_frame(cx);
        if matches!(&next, Poll::Ready(None | Some(Err(_)))) {
            self.body = None;
        }
        next
    }
}

impl Drop for UnreadBody {
    fn drop(&mut self) {
        if let Some(body) = self.body.take().filter(|body| !body.is_end_stream()) {
            *self.left.lock() = Some(body);
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures::StreamExt as _;
    use http_body::Frame;
    use http_body_util::StreamBody;
    use tokio::sync::mpsc::Sender;
    use tokio_stream::wrappers::ReceiverStream;
    use tonic::Status;

    use super::*;

    /// A body of frames of 64 KiB that the test sends, left unread.
    fn left() -> (Sender<()>, Unread) {
        let (sender, receiver) = tokio::sync::mpsc::channel(1);
        let frame = Bytes::from(vec![0; 64 * 1_024]);
        let frames = ReceiverStream::new(receiver).map(move |()| Ok::<_, Status>(Frame::data(frame.clone())));
        let (body, unread) = watched(Body::new(StreamBody::new(frames)));
        drop(body);
        (sender, unread)
    }

    /// How many frames are read until the body is dropped.
    async fn frames_read(sender: &Sender<()>) -> usize {
        let mut frames = 0;
        while sender.send(()).await.is_ok() {
            frames += 1;
        }
        frames
    }

    #[tokio::test]
    async fn the_rest_of_a_body_that_was_dropped_is_read_up_to_its_bound() {
        let (sender, unread) = left();
        unread.read(&Readers::new());
        let whole = BYTES_MAX / (64 * 1_024);
        let read = frames_read(&sender).await;
        // One frame passes the bound, and two may wait in between.
        assert!((whole..=whole + 3).contains(&read), "{read} frames");
    }

    #[tokio::test(start_paused = true)]
    async fn a_rest_that_does_not_come_is_given_up() {
        let (sender, unread) = left();
        unread.read(&Readers::new());
        let began = tokio::time::Instant::now();
        sender.send(()).await.unwrap();
        sender.closed().await;
        assert_eq!(began.elapsed(), READ_TIMEOUT);
    }

    #[tokio::test]
    async fn beyond_the_bound_of_bodies_a_rest_is_dropped_at_once_and_permits_come_back() {
        let readers = Readers::new();
        let waiting: Vec<_> = (0..BODIES_MAX)
            .map(|_| {
                let (sender, unread) = left();
                unread.read(&readers);
                sender
            })
            .collect();
        let (sender, unread) = left();
        unread.read(&readers);
        assert!(sender.is_closed(), "one more than may be read");
        drop(waiting);
        while readers.0.available_permits() < BODIES_MAX {
            tokio::task::yield_now().await;
        }
        let (sender, unread) = left();
        unread.read(&readers);
        sender.send(()).await.unwrap();
    }

    #[tokio::test]
    async fn a_body_that_has_ended_leaves_nothing() {
        let (mut body, unread) = watched(Body::empty());
        assert!(body.frame().await.is_none());
        drop(body);
        assert!(unread.0.lock().is_none());
    }
}
