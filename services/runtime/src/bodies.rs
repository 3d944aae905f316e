//! HTTP bodies that wrap another body. [`wrapped`] builds all of them: a layer defines how frames pass, while end and
//! length follow from the wrapped body, so that no layer can get them wrong.
//!
//! A refusal before the first answer is headers with a status and an empty body. If a layer hid that end, hyper would
//! send the headers without `END_STREAM` and an empty DATA frame after them, and grpcio and grpc-js would lose the
//! status.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tonic::body::Body;
use tonic::codegen::http::HeaderMap;
use tonic::{Code, Status};

/// The next frame of a body, as [`HttpBody::poll_frame`] gives it.
pub(crate) type NextFrame = Poll<Option<Result<Frame<Bytes>, Status>>>;

/// How frames of a wrapped body pass.
pub(crate) trait BodyLayer: Send + Unpin + 'static {
    /// Whether the layer may end the body early.
    const MAY_CUT: bool = false;

    /// Whether the layer may produce more bytes than the wrapped body.
    const MAY_GROW: bool = false;

    /// The next frame. Not called again after trailers, an error or the end.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> NextFrame;

    /// Queries the wrapped body; `None` once the layer has dropped it.
    fn inner<R>(&self, ask: impl FnOnce(&Body) -> R) -> Option<R>;
}

pub(crate) fn wrapped(layer: impl BodyLayer) -> Body {
    Body::new(Wrapped { layer, has_ended: false })
}

/// The code that ends an answer, in its trailers or in the headers of one without messages.
pub(crate) fn code_of(headers: &HeaderMap) -> Option<Code> {
    headers.get(Status::GRPC_STATUS).map(|code| Code::from_bytes(code.as_bytes()))
}

struct Wrapped<L> {
    layer: L,
    /// Whether the last frame was passed on. A layer that cut the wrapped body may still have trailers to send.
    has_ended: bool,
}

impl<L: BodyLayer> HttpBody for Wrapped<L> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> NextFrame {
        if self.has_ended {
            return Poll::Ready(None);
        }
        let next = self.layer.poll_next(cx);
        if let Poll::Ready(frame) = &next {
            self.has_ended = !matches!(frame, Some(Ok(frame)) if frame.is_data());
        }
        next
    }

    fn is_end_stream(&self) -> bool {
        self.has_ended || self.layer.inner(HttpBody::is_end_stream).unwrap_or(false)
    }

    fn size_hint(&self) -> SizeHint {
        if self.is_end_stream() {
            return SizeHint::with_exact(0);
        }
        if L::MAY_GROW {
            return SizeHint::default();
        }
        let whole = self.layer.inner(HttpBody::size_hint).unwrap_or_default();
        if !L::MAY_CUT {
            return whole;
        }
        // The layer may end it at any frame: only the upper bound is valid.
        let mut hint = SizeHint::new();
        if let Some(upper) = whole.upper() {
            hint.set_upper(upper);
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use futures::stream;
    use http_body_util::{Full, StreamBody};
    use tonic::codegen::http::Response;

    use super::*;
    use crate::audit::layer::recorded;
    use crate::bounded;
    use crate::bounded_stream::{self, End};
    use crate::connections;
    use crate::messages::{self, Refusal};
    use crate::metrics::{Metrics, Rpcs};

    const LONG: Duration = Duration::from_hours(1);
    const PACE: bounded_stream::SlowReaderLimits = bounded_stream::SlowReaderLimits {
        stalled_after: LONG,
        least_bytes_per_second: std::num::NonZeroU64::MIN,
    };

    fn end() -> End {
        End::when(async {
            tokio::time::sleep(LONG).await;
            Status::unauthenticated("over")
        })
    }

    fn measured(body: Body) -> Body {
        let rpcs = Rpcs::new(&Metrics::default(), &[]).unwrap();
        rpcs.begin("/", &HeaderMap::new()).answered(Response::new(body)).into_body()
    }

    fn scan() -> cra_contracts::bounds::Scan {
        cra_contracts::bounds::scan_of_method("/cra.v1.StatisticsService/GetStatistics").unwrap()
    }

    /// Name of a wrapper, whether it may cut the body, and the wrapper.
    type Layer = (&'static str, bool, fn(Body) -> Body);

    /// Every wrapper of the runtime; `tests/layers.rs` checks that no other type is a body.
    const LAYERS: [Layer; 9] = [
        ("a request with bounds", true, |body| bounded::request(body, scan())),
        ("a recorded answer", false, recorded),
        ("a client's messages", true, |body| bounded_stream::requests(body, end(), LONG)),
        ("answers of a stream", true, |body| bounded_stream::answers(body, end(), PACE, None)),
        ("a measured answer", false, measured),
        ("an answer of a connection", false, connections::counted),
        ("messages with limits", true, messages::unlimited),
        ("answers unless refused", true, |body| messages::unless_refused(body, Refusal::default())),
        ("answers, measured", true, |body| measured(bounded_stream::answers(body, end(), PACE, None))),
    ];

    fn of_frames(frames: Vec<Result<Frame<Bytes>, Status>>) -> Body {
        Body::new(StreamBody::new(stream::iter(frames)))
    }

    async fn next(body: &mut Body) -> Option<Result<Frame<Bytes>, Status>> {
        poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await
    }

    #[tokio::test]
    async fn an_ended_body_has_ended_through_every_layer() {
        for (name, _, wrap) in LAYERS {
            let mut body = wrap(Body::empty());
            assert!(body.is_end_stream(), "{name}");
            assert_eq!(body.size_hint().exact(), Some(0), "{name}");
            assert!(next(&mut body).await.is_none(), "{name}");
        }
    }

    #[tokio::test]
    async fn a_body_ends_at_its_trailers_through_every_layer() {
        for (name, _, wrap) in LAYERS {
            let frames = vec![
                Ok(Frame::data(Bytes::from_static(b"\0\0\0\0\x04text"))),
                Ok(Frame::trailers(HeaderMap::new())),
                Ok(Frame::data(Bytes::from_static(b"never sent"))),
            ];
            let mut body = wrap(of_frames(frames));
            assert!(!body.is_end_stream(), "{name}");
            assert!(next(&mut body).await.unwrap().unwrap().is_data(), "{name}");
            assert!(!body.is_end_stream(), "{name}: the trailers are to come");
            assert!(next(&mut body).await.unwrap().unwrap().is_trailers(), "{name}");
            assert!(body.is_end_stream(), "{name}");
            assert!(next(&mut body).await.is_none(), "{name}");
        }
    }

    #[tokio::test]
    async fn a_failing_body_ends_with_its_error_through_every_layer() {
        for (name, _, wrap) in LAYERS {
            let mut body = wrap(of_frames(vec![Err(Status::internal("broken"))]));
            assert!(next(&mut body).await.unwrap().is_err(), "{name}");
            assert!(body.is_end_stream(), "{name}");
            assert!(next(&mut body).await.is_none(), "{name}");
        }
    }

    #[tokio::test]
    async fn an_exact_length_is_passed_on_only_by_layers_that_cannot_cut() {
        for (name, may_cut, wrap) in LAYERS {
            let hint = wrap(Body::new(Full::new(Bytes::from_static(b"12345")))).size_hint();
            assert_eq!(hint.upper(), Some(5), "{name}");
            assert_eq!(hint.lower(), if may_cut { 0 } else { 5 }, "{name}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn answers_that_were_cut_have_not_ended_before_their_status_is_sent() {
        let waiting = StreamBody::new(stream::pending::<Result<Frame<Bytes>, Status>>());
        let mut body = measured(bounded_stream::answers(Body::new(waiting), end(), PACE, None));
        assert!(!body.is_end_stream());
        let last = next(&mut body).await.unwrap().unwrap();
        let status = Status::from_header_map(last.trailers_ref().unwrap()).unwrap();
        assert_eq!(status.code(), tonic::Code::Unauthenticated);
        assert!(body.is_end_stream());
    }
}
