//! Refuses requests with lists that are too long while they arrive, before they are decoded. The rest of such a request
//! is read and dropped, so that the refusal can give the number of values.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use cra_contracts::bounds::{Exceeded, Scan};
use cra_domain::cra::{Fault, Violation};
use http_body::Body as HttpBody;
use tonic::Status;
use tonic::body::Body;

use crate::bodies::{BodyLayer, NextFrame, wrapped};
use crate::rejection::invalid_argument;

/// Length of the prefix of a message: a compression flag and the length.
const PREFIX_BYTES: usize = 5;

/// The only request of a call, whose lists are counted. Its length has been checked before.
pub(crate) fn request(inner: Body, scan: Scan) -> Body {
    wrapped(Bounded { inner: Some(inner), prefix: Vec::new(), state: State::Scanning { scan, left: 0 } })
}

/// The violations for lists that are too long.
#[must_use]
pub fn violations(exceeded: Vec<Exceeded>) -> Vec<Violation> {
    let fault = |found, max| Fault::TooManyValues { found, max };
    exceeded.into_iter().map(|it| Violation::new(it.field, fault(it.found, it.max))).collect()
}

struct Bounded {
    /// `None` once the request was refused.
    inner: Option<Body>,
    /// Received bytes of the prefix.
    prefix: Vec<u8>,
    state: State,
}

enum State {
    /// Missing bytes of the message; 0 before the prefix is complete.
    Scanning { scan: Scan, left: usize },
    /// The message is complete, or left to the decoder.
    Passing,
}

impl Bounded {
    /// Reads bytes; returns the refusal once the message is complete.
    fn read(&mut self, mut bytes: &[u8]) -> Option<Status> {
        let State::Scanning { scan, left } = &mut self.state else { return None };
        if self.prefix.len() < PREFIX_BYTES {
            let taken = bytes.len().min(PREFIX_BYTES - self.prefix.len());
            self.prefix.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[taken..];
            let [compressed, length @ ..] = *self.prefix.first_chunk::<PREFIX_BYTES>()?;
            *left = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
            if compressed != 0 {
                self.state = State::Passing;
                return None;
            }
        }
        let of_message = bytes.len().min(*left);
        scan.read(&bytes[..of_message]);
        *left -= of_message;
        if *left > 0 {
            return None;
        }
        match std::mem::replace(&mut self.state, State::Passing) {
            State::Scanning { scan, .. } if scan.has_exceeded() => Some(refusal(scan)),
            _ => None,
        }
    }

    fn is_refused(&self) -> bool {
        matches!(&self.state, State::Scanning { scan, .. } if scan.has_exceeded())
    }
}

fn refusal(scan: Scan) -> Status {
    invalid_argument(violations(scan.into_exceeded()).into_iter().map(Into::into).collect())
}

impl BodyLayer for Bounded {
    const MAY_CUT: bool = true;

    fn inner<R>(&self, ask: impl FnOnce(&Body) -> R) -> Option<R> {
        self.inner.as_ref().map(ask)
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> NextFrame {
        loop {
            let Some(inner) = &mut self.inner else { return Poll::Ready(None) };
            let frame = ready!(Pin::new(inner).poll_frame(cx));
            let refused = match &frame {
                Some(Ok(frame)) => frame.data_ref().and_then(|bytes| self.read(bytes)),
                _ => None,
            };
            if let Some(status) = refused {
                self.inner = None;
                return Poll::Ready(Some(Err(status)));
            }
            let is_data = matches!(&frame, Some(Ok(frame)) if frame.is_data());
            if !(is_data && self.is_refused()) {
                return Poll::Ready(frame);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use bytes::Bytes;
    use cra_contracts::bounds::scan_of_method;
    use cra_contracts::v1;
    use futures::stream;
    use http_body::Frame;
    use http_body_util::StreamBody;
    use prost::Message as _;

    use super::*;
    use crate::rejection::violations_of;

    /// The request in frames of a given size.
    fn of_departments(count: usize, frame: usize) -> Body {
        let selection = v1::Selection { department_codes: vec!["35".into(); count], ..Default::default() };
        let message =
            v1::GetStatisticsRequest { selection: Some(selection), ..Default::default() }.encode_to_vec();
        let mut bytes = vec![0];
        bytes.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
        bytes.extend(message);
        let frames: Vec<_> = bytes
            .chunks(frame)
            .map(|bytes| Ok::<_, Status>(Frame::data(Bytes::copy_from_slice(bytes))))
            .collect();
        let scan = scan_of_method("/cra.v1.StatisticsService/GetStatistics").unwrap();
        request(Body::new(StreamBody::new(stream::iter(frames))), scan)
    }

    /// Number of bytes passed on, and the refusal.
    async fn handed_on(mut body: Body) -> (usize, Option<Status>) {
        let mut bytes = 0;
        loop {
            match poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
                Some(Ok(frame)) => bytes += frame.into_data().unwrap().len(),
                Some(Err(status)) => return (bytes, Some(status)),
                None => return (bytes, None),
            }
        }
    }

    #[tokio::test]
    async fn a_request_within_its_limits_passes_unchanged() {
        for frame in [1, 100, 1 << 20] {
            let (bytes, refused) = handed_on(of_departments(1_000, frame)).await;
            assert!(refused.is_none(), "{refused:?}");
            assert!(bytes > 4_000);
        }
    }

    #[tokio::test]
    async fn a_list_that_is_too_long_is_refused_and_not_passed_on_beyond_its_limit() {
        for frame in [1, 100] {
            let (bytes, refused) = handed_on(of_departments(100_000, frame)).await;
            assert!(bytes < 5_000, "{bytes} bytes for the decoder");
            let violations = violations_of(&refused.unwrap());
            assert_eq!(violations.len(), 1);
            assert_eq!(violations[0].field, "selection.department_codes");
            assert_eq!(violations[0].reason, "TOO_MANY_VALUES");
            assert!(violations[0].description.contains("100000"), "{violations:?}");
        }
    }
}
