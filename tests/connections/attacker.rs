//! HTTP/2 frames written byte by byte, for behaviour that no library has.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::address;
use crate::harness::within;

pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// An empty SETTINGS frame, which follows the preface.
pub(super) const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
/// A PING frame, which the peer answers.
pub(super) const PING: &[u8] = &[0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
const GOAWAY: u8 = 7;

/// Longer than every deadline of these tests, on the slowest machine.
const CLOSED_WITHIN: Duration = Duration::from_secs(30);

/// A TCP connection without a library.
pub(super) struct Connection(pub(super) TcpStream);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// With a GOAWAY without error.
    Announced,
    /// Without a GOAWAY.
    Cut,
}

impl Connection {
    pub(super) async fn from(last: u8, to: SocketAddr) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((address(last), 0).into())?;
        Ok(Self(socket.connect(to).await?))
    }

    /// A connection that has sent the HTTP/2 preface.
    pub(super) async fn greeted(last: u8, to: SocketAddr) -> io::Result<Self> {
        let mut connection = Self::from(last, to).await?;
        connection.send(PREFACE).await?;
        connection.send(SETTINGS).await?;
        Ok(connection)
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).await
    }

    /// Starts a call without a token: headers only, with the stream left open.
    pub(super) async fn call(&mut self, stream: u8, path: &str) -> io::Result<()> {
        let mut block = Vec::new();
        for (name, value) in [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", "test"),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
        ] {
            // A literal that is not indexed; lengths below 127 take one byte.
            block.push(0);
            for text in [name, value] {
                block.push(u8::try_from(text.len()).unwrap());
                block.extend(text.as_bytes());
            }
        }
        let mut frame = vec![0, 0, u8::try_from(block.len()).unwrap(), 1, 4, 0, 0, 0, stream];
        frame.extend(block);
        self.send(&frame).await
    }

    /// Sends the last bytes of a stream.
    pub(super) async fn data(&mut self, stream: u8, bytes: &[u8]) -> io::Result<()> {
        let mut frame = vec![0, 0, u8::try_from(bytes.len()).unwrap(), 0, 1, 0, 0, 0, stream];
        frame.extend(bytes);
        self.send(&frame).await
    }

    /// Whether the peer is known to have closed the connection.
    pub(super) fn is_closed(&self) -> bool {
        let mut bytes = [0; 4_096];
        loop {
            match self.0.try_read(&mut bytes) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => return error.kind() != io::ErrorKind::WouldBlock,
            }
        }
    }

    /// Waits until the peer closes the connection, without answering anything.
    pub(super) async fn ended(mut self) -> End {
        within(CLOSED_WITHIN, "the connection is closed", async {
            let mut end = End::Cut;
            while let Ok(Some((kind, payload))) = self.frame().await {
                if kind == GOAWAY && payload.get(4..8) == Some(&[0; 4]) {
                    end = End::Announced;
                }
            }
            end
        })
        .await
    }

    async fn frame(&mut self) -> io::Result<Option<(u8, Vec<u8>)>> {
        let mut header = [0; 9];
        if self.0.read(&mut header[..1]).await? == 0 {
            return Ok(None);
        }
        self.0.read_exact(&mut header[1..]).await?;
        let [high, middle, low, kind, ..] = header;
        let mut payload = vec![0; usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low)];
        self.0.read_exact(&mut payload).await?;
        Ok(Some((kind, payload)))
    }

    /// Sends these bytes repeatedly, with pauses, until the peer has closed the connection.
    pub(super) async fn sends_until_closed(mut self, bytes: &[u8], pause: Duration) {
        within(CLOSED_WITHIN, "the connection is closed", async {
            loop {
                for byte in bytes.chunks(if pause.is_zero() { bytes.len() } else { 1 }) {
                    if self.is_closed() || self.send(byte).await.is_err() {
                        return;
                    }
                    if !pause.is_zero() {
                        // Shorter than any deadline: the connection never counts as silent.
                        let _ = timeout(pause, std::future::pending::<()>()).await;
                    }
                }
            }
        })
        .await;
    }
}
