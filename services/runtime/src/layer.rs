//! The frame of the layers around the routes of a server: a layer only says what it does with a call.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tower::Service;

/// The answer to a call, in progress.
pub(crate) type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

/// What answers calls: the routes of a server, with or without layers around them.
pub(crate) trait Answers:
    Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send + 'static>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> Answers for S where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send + 'static>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// What a layer does with a call.
pub(crate) trait CallLayer: Clone {
    /// Answers a call; `inner` is ready for it.
    fn call<S: Answers>(&self, inner: &mut S, request: Request<Body>) -> Answering;

    fn layer<S: Answers>(self, inner: S) -> Layered<Self, S> {
        Layered { layer: self, inner }
    }
}

/// Routes with a layer around them.
#[derive(Clone)]
pub(crate) struct Layered<L, S> {
    layer: L,
    inner: S,
}

impl<L: CallLayer, S: Answers> Service<Request<Body>> for Layered<L, S> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Answering {
        self.layer.call(&mut self.inner, request)
    }
}

/// Takes the instance that is ready for a call, to use it after the call of the layer has returned.
pub(crate) fn take_ready<S: Clone>(inner: &mut S) -> S {
    let next = inner.clone();
    std::mem::replace(inner, next)
}
