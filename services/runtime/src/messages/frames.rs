//! Messages as gRPC frames them: a flag, a length, the bytes; taken out of the frames of a body, which may cut them anywhere.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use http_body::{Body as HttpBody, Frame};
use tonic::Status;
use tonic::body::Body;

/// Compressed flag and length.
pub(crate) const HEADER_BYTES: usize = 5;

/// A whole message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Framed {
    /// 1 for a compressed message.
    pub(crate) flag: u8,
    /// Flag, length and message.
    bytes: Bytes,
}

impl Framed {
    /// Takes the first message, once all of it has arrived.
    pub(crate) fn take(waiting: &mut BytesMut) -> Option<Self> {
        let [flag, length @ ..] = *waiting.first_chunk::<HEADER_BYTES>()?;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        let whole = length.checked_add(HEADER_BYTES).filter(|whole| *whole <= waiting.len())?;
        Some(Self { flag, bytes: waiting.split_to(whole).freeze() })
    }

    /// The message without flag and length.
    pub(crate) fn message(mut self) -> Bytes {
        self.bytes.advance(HEADER_BYTES);
        self.bytes
    }

    /// As it arrived.
    pub(super) fn into_frame(self) -> Frame<Bytes> {
        Frame::data(self.bytes)
    }
}

/// A message behind its flag and length; `length` is that of what `write` appends.
pub(crate) fn framed(flag: u8, length: usize, write: impl FnOnce(&mut BytesMut)) -> Bytes {
    let mut framed = BytesMut::with_capacity(HEADER_BYTES + length);
    framed.put_u8(flag);
    // Every message is below its limit, which is below four GiB.
    framed.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    write(&mut framed);
    framed.freeze()
}

/// Reads the messages of a request's body one by one.
pub(super) struct Incoming {
    /// `None` once it has ended or was refused.
    body: Option<Body>,
    /// Received bytes that were not handed on.
    waiting: BytesMut,
}

/// What a body has next.
pub(super) enum Next {
    Message(Framed),
    /// Anything else, to be passed on as it is.
    Passed(Option<Result<Frame<Bytes>, Status>>),
}

impl Incoming {
    pub(super) fn new(body: Body) -> Self {
        Self { body: Some(body), waiting: BytesMut::new() }
    }

    /// Drops the body and what was received of it.
    pub(super) fn close(&mut self) {
        self.body = None;
        self.waiting = BytesMut::new();
    }

    /// The body, unless received bytes are still to be handed on, whatever has become of it.
    pub(super) fn body(&self) -> Option<&Body> {
        self.body.as_ref().filter(|_| self.waiting.is_empty())
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        loop {
            if let Some(message) = Framed::take(&mut self.waiting) {
                return Poll::Ready(Next::Message(message));
            }
            let Some(body) = &mut self.body else { return Poll::Ready(Next::Passed(None)) };
            let passed = match ready!(Pin::new(body).poll_frame(cx)).map(|frame| frame.map(Frame::into_data))
            {
                Some(Ok(Ok(data))) => {
                    self.waiting.extend_from_slice(&data);
                    continue;
                }
                Some(Ok(Err(other))) => Some(Ok(other)),
                Some(Err(status)) => Some(Err(status)),
                None => {
                    self.body = None;
                    // The codec reports an incomplete message.
                    let rest = std::mem::take(&mut self.waiting).freeze();
                    (!rest.is_empty()).then_some(Ok(Frame::data(rest)))
                }
            };
            return Poll::Ready(Next::Passed(passed));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_taken_whole_and_the_rest_waits() {
        let message = |flag, text: &'static [u8]| framed(flag, text.len(), |bytes| bytes.put_slice(text));
        let both = [message(0, b"one"), message(1, b"")].concat();
        for cut in 0..=both.len() {
            let (first, second) = both.split_at(cut);
            let mut waiting = BytesMut::from(first);
            let mut taken: Vec<_> = std::iter::from_fn(|| Framed::take(&mut waiting)).collect();
            waiting.extend_from_slice(second);
            taken.extend(std::iter::from_fn(|| Framed::take(&mut waiting)));
            let taken: Vec<_> = taken.into_iter().map(|it| (it.flag, it.message())).collect();
            assert_eq!(taken, [(0, Bytes::from_static(b"one")), (1, Bytes::new())], "cut at {cut}");
            assert!(waiting.is_empty());
        }
        assert_eq!(Framed::take(&mut BytesMut::from(&[0, 255, 255, 255, 255, 7][..])), None);
    }
}
