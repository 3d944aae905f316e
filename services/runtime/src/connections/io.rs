//! The bytes of a connection, in clear or above TLS. Those read until the first request are counted, whatever version of
//! HTTP they are of.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::state::{Deadlines, State};
use crate::identity::ShownCertificate;

/// Who is at the other end of a connection; in the extensions of its requests.
#[derive(Clone, Default)]
pub(crate) struct Peer {
    /// Where it connects from.
    pub(crate) address: Option<IpAddr>,
    /// The certificate that it has shown.
    pub(crate) certificate: Option<Arc<ShownCertificate>>,
}

/// Bytes to and from a caller.
pub(super) enum Bytes {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Bytes {
    /// The certificate that the caller has shown.
    pub(super) fn certificate(&self) -> Option<Arc<ShownCertificate>> {
        let Self::Tls(stream) = self else { return None };
        let chain = stream.get_ref().1.peer_certificates()?;
        ShownCertificate::of(chain).map(Arc::new)
    }
}

/// Bytes of which those until the first request are counted.
pub(super) struct Counted {
    pub(super) bytes: Bytes,
    pub(super) state: Arc<State>,
    pub(super) deadlines: Arc<Deadlines>,
}

/// The same call on either kind of stream.
macro_rules! on_bytes {
    ($bytes:expr, $stream:ident => $call:expr) => {
        match $bytes {
            Bytes::Plain($stream) => $call,
            Bytes::Tls($stream) => $call,
        }
    };
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(on_bytes!(&mut self.bytes, stream => Pin::new(stream).poll_read(cx, buffer)))?;
        if self.state.read(buffer.filled().len() - before, &self.deadlines) {
            Poll::Ready(Ok(()))
        } else {
            let message = "more bytes than a first request needs, and no request";
            Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, message)))
        }
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        on_bytes!(&mut self.bytes, stream => Pin::new(stream).poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        on_bytes!(&mut self.bytes, stream => Pin::new(stream).poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        on_bytes!(&self.bytes, stream => stream.is_write_vectored())
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_bytes!(&mut self.bytes, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_bytes!(&mut self.bytes, stream => Pin::new(stream).poll_shutdown(cx))
    }
}
