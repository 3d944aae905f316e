//! Ends streams: with the grant (its expiry, its key, the caller's certificate), at the maximum lifetime, or if one
//! side stalls or reads too slowly. Independently of the handler, the stream ends here, with a status that gives the
//! reason.
//!
//! A client's messages end with an error, so that the handler answers what it has read; answers end with trailers. A
//! separate task detects a reader that has stopped, because the next answer is then never polled: the source of answers
//! is dropped, and the reader gets the reason when it continues.

use std::num::NonZeroU64;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{self, BoxFuture};
use http_body::{Body as HttpBody, Frame};
use parking_lot::Mutex;
use tokio::task::AbortHandle;
use tokio::time::{Instant, Sleep, sleep, sleep_until};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::HeaderMap;

use crate::bodies::{BodyLayer, NextFrame, wrapped};
use crate::rejection::{Rejection, STREAM_STALLED};

/// The latest end of a stream and its status; clones end together. Must not be polled after that.
#[derive(Clone)]
pub(crate) struct End(future::Shared<BoxFuture<'static, Status>>);

impl End {
    /// Ends with the status of a future.
    pub(crate) fn when(ends: impl Future<Output = Status> + Send + 'static) -> Self {
        Self(ends.boxed().shared())
    }

    /// The same end, delayed.
    pub(crate) fn later(self, delay: Duration) -> Self {
        Self::when(async move {
            let status = self.await;
            sleep(delay).await;
            status
        })
    }
}

impl Future for End {
    type Output = Status;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Status> {
        self.0.poll_unpin(cx)
    }
}

/// Required progress of streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SlowReaderLimits {
    /// How long a side may neither send nor receive.
    pub(crate) stalled_after: Duration,
    /// Minimum number of bytes per second that a reader must accept, averaged over as long a time in which answers
    /// waited.
    pub(crate) least_bytes_per_second: NonZeroU64,
}

/// A client's messages, guarded.
pub(crate) fn requests(inner: Body, end: End, stalled_after: Duration) -> Body {
    let silence = Box::pin(sleep(stalled_after));
    wrapped(Requests { inner: Some(inner), end, stalled_after, silence, is_silent: false })
}

struct Requests {
    /// `None` once it was ended.
    inner: Option<Body>,
    end: End,
    stalled_after: Duration,
    silence: Pin<Box<Sleep>>,
    /// Whether the next message was requested and has not arrived: only then is the client late.
    is_silent: bool,
}

impl BodyLayer for Requests {
    const MAY_CUT: bool = true;

    fn inner<R>(&self, ask: impl FnOnce(&Body) -> R) -> Option<R> {
        self.inner.as_ref().map(ask)
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> NextFrame {
        let Some(inner) = &mut self.inner else { return Poll::Ready(None) };
        if let Poll::Ready(frame) = Pin::new(inner).poll_frame(cx) {
            self.is_silent = false;
            return Poll::Ready(frame);
        }
        if !self.is_silent {
            self.is_silent = true;
            let until = Instant::now() + self.stalled_after;
            self.silence.as_mut().reset(until);
        }
        let status = if let Poll::Ready(status) = self.end.poll_unpin(cx) {
            status
        } else {
            ready!(self.silence.as_mut().poll(cx));
            stalled("nothing was sent", self.stalled_after)
        };
        self.inner = None;
        Poll::Ready(Some(Err(status)))
    }
}

fn stalled(what: &str, after: Duration) -> Status {
    let message = format!("{what} for {} s; begin a new stream", after.as_secs());
    Rejection::new(STREAM_STALLED, message).into()
}

/// Resources of a call until it has ended, such as permits; dropping it releases them.
pub(crate) type Held = Option<Box<dyn Send + Sync>>;

fn slow(rate: u64, pace: SlowReaderLimits) -> Status {
    let SlowReaderLimits { stalled_after, least_bytes_per_second: least } = pace;
    let seconds = stalled_after.as_secs();
    let message = format!(
        "answers were read at {rate} bytes per second for {seconds} s, expected at least {least}; start a new stream, and read it faster"
    );
    Rejection::new(STREAM_STALLED, message)
        .with("bytes_per_second", rate.to_string())
        .with("least_bytes_per_second", least.to_string())
        .into()
}

/// Answers of a stream within its limits; its resources are released when it ends.
pub(crate) fn answers(inner: Body, end: End, pace: SlowReaderLimits, held: Held) -> Body {
    let shared = Shared { inner: Some(inner), held, untaken_since: None, taking: Taking::default() };
    let shared = Arc::new(Mutex::new(shared));
    let watchdog = tokio::spawn(watch(Arc::clone(&shared), pace.stalled_after)).abort_handle();
    wrapped(Answers { shared, watchdog, end, pace })
}

struct Answers {
    shared: Arc<Mutex<Shared>>,
    watchdog: AbortHandle,
    end: End,
    pace: SlowReaderLimits,
}

/// What a reader accepted since the last measurement. Only time in which an answer waited counts: a stream with nothing
/// to send is not slow.
#[derive(Clone, Copy, Debug, Default)]
struct Taking {
    time: Duration,
    bytes: u64,
}

impl Taking {
    /// The rate in bytes per second, if it is due to be measured and below the minimum.
    fn too_slow(&mut self, pace: SlowReaderLimits) -> Option<u64> {
        if self.time < pace.stalled_after {
            return None;
        }
        let Self { time, bytes } = std::mem::take(self);
        let time_ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
        let rate = bytes.saturating_mul(1_000) / time_ms;
        (rate < pace.least_bytes_per_second.get()).then_some(rate)
    }
}

struct Shared {
    /// `None` once it was ended.
    inner: Option<Body>,
    held: Held,
    /// When the last answer was passed on without a request for the next one.
    untaken_since: Option<Instant>,
    taking: Taking,
}

impl Shared {
    fn cut(&mut self) {
        self.inner = None;
        self.held = None;
    }
}

/// Ends a stream whose reader has stopped; the reader may continue at any time until then.
async fn watch(shared: Arc<Mutex<Shared>>, stalled_after: Duration) {
    loop {
        let wake_at = {
            let mut shared = shared.lock();
            let now = Instant::now();
            match shared.untaken_since {
                Some(since) if since + stalled_after <= now => {
                    shared.cut();
                    return;
                }
                Some(since) => since + stalled_after,
                None => now + stalled_after,
            }
        };
        sleep_until(wake_at).await;
    }
}

impl BodyLayer for Answers {
    const MAY_CUT: bool = true;

    fn inner<R>(&self, ask: impl FnOnce(&Body) -> R) -> Option<R> {
        self.shared.lock().inner.as_ref().map(ask)
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> NextFrame {
        let ended = self.end.poll_unpin(cx);
        let shared = Arc::clone(&self.shared);
        let mut shared = shared.lock();
        if let Some(since) = shared.untaken_since.take() {
            shared.taking.time += since.elapsed();
        }
        let too_slow = shared.taking.too_slow(self.pace);
        let status = match (&mut shared.inner, ended) {
            (None, _) => stalled("no answer was taken", self.pace.stalled_after),
            (Some(_), Poll::Ready(status)) => status,
            (Some(inner), Poll::Pending) => {
                if let Some(rate) = too_slow {
                    let status = slow(rate, self.pace);
                    shared.cut();
                    return Poll::Ready(Some(Ok(Frame::trailers(trailers(&status)))));
                }
                let polled = Pin::new(inner).poll_frame(cx);
                if let Poll::Ready(frame) = &polled {
                    let bytes = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref());
                    shared.taking.bytes += bytes.map_or(0, |bytes| bytes.len() as u64);
                    shared.untaken_since = Some(Instant::now());
                }
                return polled;
            }
        };
        shared.cut();
        Poll::Ready(Some(Ok(Frame::trailers(trailers(&status)))))
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        self.watchdog.abort();
        self.shared.lock().cut();
    }
}

/// The trailers that end an answer with a status.
pub(crate) fn trailers(status: &Status) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    if status.add_header(&mut trailers).is_err() {
        // If the message or a detail cannot be encoded, the code still can.
        let _ = Status::new(status.code(), "").add_header(&mut trailers);
    }
    trailers
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use bytes::Bytes;
    use futures::StreamExt as _;
    use http_body_util::StreamBody;
    use tokio_stream::wrappers::ReceiverStream;

    use super::*;

    const LONG: Duration = Duration::from_hours(1);

    fn pace(stalled_after: Duration) -> SlowReaderLimits {
        SlowReaderLimits { stalled_after, least_bytes_per_second: NonZeroU64::MIN }
    }

    /// A body with sent frames; ends when the sender is dropped.
    fn sent() -> (tokio::sync::mpsc::Sender<u8>, Body) {
        let (sender, receiver) = tokio::sync::mpsc::channel(8);
        let frames = ReceiverStream::new(receiver);
        let frames = frames.map(|byte| Ok::<_, Status>(Frame::data(Bytes::from(vec![byte]))));
        (sender, Body::new(StreamBody::new(frames)))
    }

    fn end(after: Duration) -> End {
        End::when(async move {
            sleep(after).await;
            Status::unauthenticated("over")
        })
    }

    async fn next(body: &mut Body) -> Option<Result<Frame<Bytes>, Status>> {
        poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await
    }

    fn code_of(frame: &Frame<Bytes>) -> tonic::Code {
        Status::from_header_map(frame.trailers_ref().unwrap()).unwrap().code()
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_sends_nothing_is_told_so_and_one_that_is_not_read_is_not() {
        let (sender, body) = sent();
        let mut guarded = requests(body, end(LONG), Duration::from_mins(1));
        for _ in 0..3 {
            sender.send(7).await.unwrap();
            // The handler is slow, not the client.
            sleep(Duration::from_secs(100)).await;
            assert!(next(&mut guarded).await.unwrap().unwrap().is_data());
        }
        let asked = Instant::now();
        let stalled = next(&mut guarded).await.unwrap().unwrap_err();
        assert_eq!(stalled.code(), tonic::Code::Aborted);
        assert_eq!(asked.elapsed().as_secs(), 60);
        assert!(next(&mut guarded).await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn both_sides_end_when_the_grant_does() {
        let (_sender, body) = sent();
        let mut guarded = requests(body, end(Duration::from_secs(5)), LONG);
        assert_eq!(next(&mut guarded).await.unwrap().unwrap_err().code(), tonic::Code::Unauthenticated);

        let (sender, body) = sent();
        let mut guarded = answers(body, end(Duration::from_secs(5)), pace(LONG), None);
        sender.send(7).await.unwrap();
        assert!(next(&mut guarded).await.unwrap().unwrap().is_data());
        let last = next(&mut guarded).await.unwrap().unwrap();
        assert_eq!(code_of(&last), tonic::Code::Unauthenticated);
        assert!(next(&mut guarded).await.is_none());
        assert!(sender.is_closed(), "the source of answers is dropped");
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_takes_nothing_frees_what_it_holds_and_learns_why() {
        let (sender, body) = sent();
        let mut guarded = answers(body, end(LONG), pace(Duration::from_mins(1)), None);
        sender.send(7).await.unwrap();
        assert!(next(&mut guarded).await.unwrap().unwrap().is_data());
        sender.closed().await;
        let last = next(&mut guarded).await.unwrap().unwrap();
        assert_eq!(code_of(&last), tonic::Code::Aborted);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_takes_less_than_the_least_rate_is_cut_and_learns_why() {
        for (bytes_per_second, is_cut) in [(2, false), (20, true)] {
            let (sender, body) = sent();
            let bytes_per_second_min = NonZeroU64::new(bytes_per_second).unwrap();
            let pace = SlowReaderLimits {
                stalled_after: Duration::from_mins(1),
                least_bytes_per_second: bytes_per_second_min,
            };
            let mut guarded = answers(body, end(LONG), pace, None);
            tokio::spawn(async move { while sender.send(7).await.is_ok() {} });
            let mut last = None;
            // Three times a second, for twice the averaging time.
            for _ in 0..360 {
                let frame = next(&mut guarded).await.unwrap().unwrap();
                if frame.is_trailers() {
                    last = Some(code_of(&frame));
                    break;
                }
                sleep(Duration::from_millis(333)).await;
            }
            assert_eq!(last.is_some(), is_cut, "at least {bytes_per_second}");
            assert!(last.is_none_or(|code| code == tonic::Code::Aborted));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_waits_is_not_one_that_stalls() {
        let (sender, body) = sent();
        let mut guarded = answers(body, end(LONG), pace(Duration::from_mins(1)), None);
        let waiting = async { next(&mut guarded).await.unwrap().unwrap().is_data() };
        let (came, ()) = tokio::join!(waiting, async {
            sleep(Duration::from_mins(10)).await;
            sender.send(7).await.unwrap();
        });
        assert!(came);
    }
}
