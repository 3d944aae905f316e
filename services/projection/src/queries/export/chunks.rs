//! The bounded channel between a blocking writer and the caller. The writer waits for the caller, and ends if the
//! caller has gone or reads nothing for too long.

use std::io::{self, Write};
use std::mem;
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::queries::QueryError;

/// Size of a chunk; the last one is shorter.
const CHUNK_BYTES: usize = 64 * 1024;
/// Number of chunks written ahead of the caller.
const CHUNKS_AHEAD: usize = 4;
/// How long the caller may read nothing.
const TAKEN_WITHIN: Duration = Duration::from_mins(1);

/// The writing end; blocks: use it on a blocking thread.
pub(super) struct Chunks {
    buffer: Vec<u8>,
    sender: mpsc::Sender<Bytes>,
    runtime: Handle,
    /// Why no chunk can be sent: format writers in between may report it in their own terms.
    failure: Option<QueryError>,
}

/// Creates both ends. Call it within the runtime.
pub(super) fn channel() -> (Chunks, mpsc::Receiver<Bytes>) {
    let (sender, receiver) = mpsc::channel(CHUNKS_AHEAD);
    let (buffer, runtime) = (Vec::with_capacity(CHUNK_BYTES), Handle::current());
    (Chunks { buffer, sender, runtime, failure: None }, receiver)
}

impl Chunks {
    /// Sends the rest if the file was written completely, or returns why it was not.
    pub(super) fn end(mut self, written: Result<(), QueryError>) -> Result<(), QueryError> {
        let ended = written.and_then(|()| self.send().map_err(QueryError::Export));
        match self.failure {
            Some(failure) => Err(failure),
            None => ended,
        }
    }

    fn send(&mut self) -> io::Result<()> {
        let chunk = mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK_BYTES));
        if chunk.is_empty() {
            return Ok(());
        }
        let sent = self.runtime.block_on(timeout(TAKEN_WITHIN, self.sender.send(chunk.into())));
        let failure = match sent {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(_)) => QueryError::Cancelled,
            Err(_) => QueryError::NotTaken(TAKEN_WITHIN.as_secs()),
        };
        let reported = io::Error::other(failure.to_string());
        self.failure = Some(failure);
        Err(reported)
    }
}

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(failure) = &self.failure {
            return Err(io::Error::other(failure.to_string()));
        }
        let taken = bytes.len().min(CHUNK_BYTES - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        if self.buffer.len() == CHUNK_BYTES {
            self.send()?;
        }
        Ok(taken)
    }

    /// Does nothing: writers flush often, and chunks are sent when they are full.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn the_bytes_come_in_order_in_full_chunks_and_a_rest() {
        let (mut chunks, mut taken) = channel();
        let bytes: Vec<u8> = (0..3 * CHUNK_BYTES + 7).map(|n| u8::try_from(n % 251).unwrap()).collect();
        let sent = bytes.clone();
        let writing = tokio::task::spawn_blocking(move || {
            let written = sent.chunks(1_000).try_for_each(|piece| chunks.write_all(piece));
            chunks.end(written.map_err(QueryError::Export))
        });
        let mut received = Vec::new();
        while let Some(chunk) = taken.recv().await {
            received.push(chunk);
        }
        writing.await.unwrap().unwrap();
        assert_eq!(
            received.iter().map(Bytes::len).collect::<Vec<_>>(),
            [CHUNK_BYTES, CHUNK_BYTES, CHUNK_BYTES, 7]
        );
        assert!(received.concat() == bytes);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_writer_whose_caller_has_left_ends() {
        let (mut chunks, receiver) = channel();
        drop(receiver);
        let writing = tokio::task::spawn_blocking(move || {
            let written = loop {
                if let Err(error) = chunks.write_all(&[0; 1_000]) {
                    break Err(QueryError::Export(error));
                }
            };
            chunks.end(written)
        });
        assert!(matches!(writing.await.unwrap(), Err(QueryError::Cancelled)));
    }
}
