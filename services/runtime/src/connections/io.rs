//! The bytes of a connection, in clear text or above TLS. Bytes read before the first request are counted, for every
//! version of HTTP.

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

/// The peer of a connection; in the extensions of its requests.
#[derive(Clone, Default)]
pub(crate) struct Peer {
    pub(crate) address: Option<IpAddr>,
    pub(crate) certificate: Option<Arc<ShownCertificate>>,
}

/// Bytes to and from a caller.
pub(super) enum Bytes {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Bytes {
    pub(super) fn certificate(&self) -> Option<Arc<ShownCertificate>> {
        let Self::Tls(stream) = self else { return None };
        let chain = stream.get_ref().1.peer_certificates()?;
        ShownCertificate::of(chain).map(Arc::new)
    }
}

/// A stream that counts bytes until the first request.
pub(super) struct Counted {
    pub(super) bytes: Bytes,
    pub(super) state: Arc<State>,
    pub(super) deadlines: Arc<Deadlines>,
}

/// Forwards a call to either kind of stream.
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
