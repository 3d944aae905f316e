//! A connection that closes if its reader is slower than a minimum rate. A reader that stops, or takes a byte now and
//! then, would otherwise hold a page, a file or a permit indefinitely.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// Time during which answers waited for the reader, after which the rate is checked.
const WINDOW: Duration = Duration::from_mins(1);
/// Minimum bytes that a reader takes in a window: 1 KiB a second.
const BYTES_MIN: u64 = 60 * 1_024;

/// A connection that fails with [`io::ErrorKind::TimedOut`] if its reader is too slow.
pub(crate) struct Paced<S> {
    inner: S,
    progress: Progress,
    until: Pin<Box<Sleep>>,
}

/// Bytes written since the last check. Only time in which an answer waited counts: an idle connection is not slow.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    waiting_since: Option<Instant>,
    waited: Duration,
    written: u64,
}

impl Progress {
    /// Fails if a whole window passed in which the reader took too little.
    fn measure(&mut self, now: Instant) -> io::Result<()> {
        if let Some(since) = &mut self.waiting_since {
            self.waited += now.duration_since(*since);
            *since = now;
        }
        if self.waited < WINDOW {
            return Ok(());
        }
        let is_slow = self.written < BYTES_MIN;
        *self = Self { waiting_since: self.waiting_since, ..Self::default() };
        if is_slow { Err(io::ErrorKind::TimedOut.into()) } else { Ok(()) }
    }
}

impl<S> Paced<S> {
    pub(crate) fn new(inner: S) -> Self {
        Self { inner, progress: Progress::default(), until: Box::pin(sleep(WINDOW)) }
    }

    /// Measures the result of a write.
    fn measured(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let now = Instant::now();
        match written {
            Poll::Ready(Ok(bytes)) => {
                self.progress.written += bytes as u64;
                self.progress.measure(now)?;
                self.progress.waiting_since = None;
                Poll::Ready(Ok(bytes))
            }
            Poll::Pending => {
                self.progress.waiting_since.get_or_insert(now);
                self.progress.measure(now)?;
                self.until.as_mut().reset(now + WINDOW.saturating_sub(self.progress.waited));
                // Wakes the connection once the window has passed. Polling at once can only be ready through the
                // granularity of the clock.
                let _ = self.until.as_mut().poll(cx);
                Poll::Pending
            }
            failed @ Poll::Ready(Err(_)) => failed,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, buffer);
        self.measured(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, buffers);
        self.measured(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    /// Writes 1 MiB to a reader that takes so many bytes every second.
    async fn written(bytes_a_second: usize) -> (io::Result<()>, Duration) {
        let (near, mut far) = duplex(1_024);
        tokio::spawn(async move {
            let mut buffer = vec![0; bytes_a_second];
            loop {
                sleep(Duration::from_secs(1)).await;
                if bytes_a_second > 0 && far.read_exact(&mut buffer).await.is_err() {
                    return;
                }
            }
        });
        let started = Instant::now();
        (Paced::new(near).write_all(&vec![0; 1 << 20]).await, started.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_stops_or_takes_a_byte_now_and_then_is_left_and_a_slow_one_is_not() {
        for rate in [0, 1, 500] {
            let (ended, after) = written(rate).await;
            assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut, "{rate}");
            assert!(after <= WINDOW + Duration::from_secs(2), "{rate}: {after:?}");
        }
        assert!(written(8_192).await.0.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_an_answer_is_not_slow() {
        let (near, mut far) = duplex(1_024);
        let mut near = Paced::new(near);
        for _ in 0..5 {
            sleep(Duration::from_hours(1)).await;
            near.write_all(b"a").await.unwrap();
            assert_eq!(far.read_u8().await.unwrap(), b'a');
        }
    }
}
