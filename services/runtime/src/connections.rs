//! Accepted connections: how many at once, TLS where it is configured, and a cut that ends those that outlive the
//! drain.
//!
//! Past the bound a connection is accepted and closed at once: the caller sees UNAVAILABLE and tries
//! elsewhere or later, instead of hanging. Speaks neither HTTP nor gRPC.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::io;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::stream::{self, Stream, StreamExt as _};
use ring::digest;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::Connected;

/// An accept that fails (no file descriptors left, say) fails again at once: without a pause it would spin.
const PAUSE_AFTER_FAILED_ACCEPT: Duration = Duration::from_millis(100);

/// How long both sides may take to agree on TLS: a caller that says nothing must not keep its place.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);

/// The certificates and authorities of the moment.
pub(crate) type Tls = watch::Receiver<Arc<ServerConfig>>;

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

/// Connections as they come, at most `limit` at once, those that agree on TLS where it is configured. Cancelling `cut`
/// fails every read and write on them.
pub(crate) fn incoming(
    listener: TcpListener,
    limit: NonZeroU32,
    cut: CancellationToken,
    tls: Option<Tls>,
) -> impl Stream<Item = Result<Connection, Infallible>> {
    let limit = usize::try_from(limit.get()).unwrap_or(Semaphore::MAX_PERMITS).min(Semaphore::MAX_PERMITS);
    let places = Arc::new(Semaphore::new(limit));
    let acceptor = Acceptor { listener, places, cut, crowding: Crowding::Room };
    let accepted = stream::unfold(acceptor, |mut acceptor| async {
        let accepted = acceptor.accept().await;
        Some((accepted, acceptor))
    });
    let connected = accepted.map(move |(stream, place, cut)| {
        let tls = tls.as_ref().map(|tls| TlsAcceptor::from(Arc::clone(&tls.borrow())));
        // A task of its own: agreeing takes both sides' time, and the processor's.
        tokio::spawn(async move { Some(Connection::new(agreed(stream, tls).await?, place, cut)) })
    });
    connected.buffer_unordered(limit).filter_map(|connected| async { connected.ok().flatten().map(Ok) })
}

/// The connection after TLS, where it is configured.
async fn agreed(stream: TcpStream, tls: Option<TlsAcceptor>) -> Option<Io> {
    let Some(tls) = tls else { return Some(Io::Plain(stream)) };
    match timeout(HANDSHAKE_WITHIN, tls.accept(stream)).await {
        Ok(Ok(stream)) => Some(Io::Tls(Box::new(stream))),
        Ok(Err(error)) => {
            tracing::debug!(%error, "a caller did not agree on TLS");
            None
        }
        Err(_) => {
            tracing::debug!("a caller did not agree on TLS in time");
            None
        }
    }
}

impl Acceptor {
    async fn accept(&mut self) -> (TcpStream, OwnedSemaphorePermit, CancellationToken) {
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
                // Small answers must not wait for more to send; a socket that refuses works all the same.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "TCP_NODELAY was refused");
                }
                return (stream, place, self.cut.clone());
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

/// Bytes to and from a caller.
enum Io {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Who is at the other end of a connection; in the extensions of its requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peer {
    /// Where it connects from.
    pub(crate) address: Option<IpAddr>,
    /// SHA-256 of the certificate that it has shown, in hexadecimal.
    pub(crate) certificate: Option<Arc<str>>,
}

/// One connection, holding its place among the allowed ones.
pub(crate) struct Connection {
    io: Io,
    peer: Peer,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    fn new(io: Io, place: OwnedSemaphorePermit, cut: CancellationToken) -> Self {
        let peer = Peer::of(&io);
        Self { io, peer, cut: Box::pin(cut.cancelled_owned()), _place: place }
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

impl Peer {
    fn of(io: &Io) -> Self {
        let (stream, certificates) = match io {
            Io::Plain(stream) => (stream, None),
            Io::Tls(stream) => (stream.get_ref().0, stream.get_ref().1.peer_certificates()),
        };
        let own = certificates.and_then(|chain| chain.first());
        let fingerprint = own.map(|own| {
            let digest = digest::digest(&digest::SHA256, own);
            let in_hexadecimal = digest.as_ref().iter().fold(String::new(), |mut text, byte| {
                let _ = write!(text, "{byte:02x}");
                text
            });
            in_hexadecimal.into()
        });
        Self { address: stream.peer_addr().ok().map(|address| address.ip()), certificate: fingerprint }
    }
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

/// The same call on either kind of connection.
macro_rules! on_io {
    ($io:expr, $stream:ident => $call:expr) => {
        match $io {
            Io::Plain($stream) => $call,
            Io::Tls($stream) => $call,
        }
    };
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check_cut(cx)?;
        on_io!(&mut self.io, stream => Pin::new(stream).poll_read(cx, buffer))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check_cut(cx)?;
        on_io!(&mut self.io, stream => Pin::new(stream).poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check_cut(cx)?;
        on_io!(&mut self.io, stream => Pin::new(stream).poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        on_io!(&self.io, stream => stream.is_write_vectored())
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_io!(&mut self.io, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_io!(&mut self.io, stream => Pin::new(stream).poll_shutdown(cx))
    }
}
