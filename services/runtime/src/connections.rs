//! Accepted TCP connections: how many at once, and a cut that ends those that outlive the drain.
//!
//! Past the bound a connection is accepted and closed at once: the caller sees UNAVAILABLE and tries
//! elsewhere or later, instead of hanging. Speaks neither HTTP nor gRPC.

use std::convert::Infallible;
use std::io;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::{Connected, TcpConnectInfo};

/// An accept that fails (no file descriptors left, say) fails again at once: without a pause it would spin.
const PAUSE_AFTER_FAILED_ACCEPT: Duration = Duration::from_millis(100);

struct Acceptor {
    listener: TcpListener,
    places: Arc<Semaphore>,
    cut: CancellationToken,
    crowding: Crowding,
}

/// So that a crowd is logged when it begins, not once per connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Crowding {
    Room,
    Full,
}

/// Connections as they come, at most `limit` at once. Cancelling `cut` fails every read and write on them.
pub(crate) fn incoming(
    listener: TcpListener,
    limit: NonZeroU32,
    cut: CancellationToken,
) -> impl Stream<Item = Result<Connection, Infallible>> {
    let limit = usize::try_from(limit.get()).unwrap_or(Semaphore::MAX_PERMITS);
    let places = Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS)));
    let acceptor = Acceptor { listener, places, cut, crowding: Crowding::Room };
    futures::stream::unfold(acceptor, |mut acceptor| async {
        let connection = acceptor.accept().await;
        Some((Ok(connection), acceptor))
    })
}

impl Acceptor {
    async fn accept(&mut self) -> Connection {
        loop {
            let stream = match self.listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(PAUSE_AFTER_FAILED_ACCEPT).await;
                    continue;
                }
            };
            if let Some(place) = self.take_place() {
                return Connection::new(stream, place, self.cut.clone());
            }
        }
    }

    fn take_place(&mut self) -> Option<OwnedSemaphorePermit> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok();
        let crowding = if place.is_some() { Crowding::Room } else { Crowding::Full };
        if crowding == Crowding::Full && self.crowding == Crowding::Room {
            tracing::warn!("`concurrent_connections` is reached: closing new connections until others end");
        }
        self.crowding = crowding;
        place
    }
}

/// One connection, holding its place among the allowed ones.
pub(crate) struct Connection {
    stream: TcpStream,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    fn new(stream: TcpStream, place: OwnedSemaphorePermit, cut: CancellationToken) -> Self {
        // Small answers must not wait for more to send; a socket that refuses works all the same.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY was refused");
        }
        Self { stream, cut: Box::pin(cut.cancelled_owned()), _place: place }
    }

    /// Also registers the task, so that the cut wakes a connection on which nothing happens.
    fn check_cut(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.cut.as_mut().poll(cx) {
            Poll::Ready(()) => {
                Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the drain's deadline passed"))
            }
            Poll::Pending => Ok(()),
        }
    }
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.stream.connect_info()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check_cut(cx)?;
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check_cut(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check_cut(cx)?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
