//! The protocols over which one port answers the contract: gRPC, and what becomes a gRPC call here, so that everything
//! behind, from the audit to the handlers, meets gRPC alone. The head of a request decides which protocol it speaks.
//!
//! gRPC needs HTTP/2; the others are answered over HTTP/1.1, too. No method is known by its name; files ([`crate::files`]) are calls of one.

mod cors;
mod guard;
mod refused;

use std::convert::Infallible;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::header::CONTENT_TYPE;
use tonic::codegen::http::{HeaderMap, Method as HttpMethod, Request, Response, Version};
use tonic_web::GrpcWebLayer;
use tower::util::{Either, option_layer};
use tower::{Layer, Service};
use tower_http::cors::{Cors, CorsLayer};

use crate::files::Files;
use crate::identity::Callers;
use crate::identity::access::{self, Method, Shape};
use crate::settings::BrowserSettings;

use guard::Guard;
use refused::Refused;

/// The content types of gRPC-Web; `tonic-web` takes these alone.
const GRPC_WEB: [&[u8]; 4] = [
    b"application/grpc-web",
    b"application/grpc-web+proto",
    b"application/grpc-web-text",
    b"application/grpc-web-text+proto",
];
const GRPC: &[u8] = b"application/grpc";

/// Puts the protocols in front of a server that speaks gRPC.
#[derive(Clone)]
pub(crate) struct Protocols {
    guard: Arc<Guard>,
    cors: Option<CorsLayer>,
    /// The rows of everything that is served.
    tables: Arc<[&'static [Method]]>,
}

impl Protocols {
    /// The protocols of a server whose callers are known or not.
    pub(crate) fn new(settings: &BrowserSettings, callers: Callers, tables: Vec<&'static [Method]>) -> Self {
        Self {
            guard: Arc::new(Guard::new(settings, callers)),
            cors: cors::layer(&settings.allowed_origins),
            tables: tables.into(),
        }
    }
}

impl<S: Clone> Layer<S> for Protocols {
    type Service = Guarding<Either<Cors<Switching<S>>, Switching<S>>>;

    fn layer(&self, inner: S) -> Self::Service {
        let (tables, files) = (Arc::clone(&self.tables), Files::of(&self.tables));
        let switch = Switching { inner, tables, files };
        Guarding { inner: option_layer(self.cors.clone()).layer(switch), guard: Arc::clone(&self.guard) }
    }
}

/// A protocol, as the head of a request shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Grpc,
    GrpcWeb,
}

impl Protocol {
    /// `None` where the content type is of no protocol.
    fn of(headers: &HeaderMap) -> Option<Self> {
        let content_type = headers.get(CONTENT_TYPE)?.as_bytes();
        if GRPC_WEB.contains(&content_type) {
            return Some(Self::GrpcWeb);
        }
        match content_type.strip_prefix(GRPC)? {
            [] | [b'+' | b';', ..] => Some(Self::Grpc),
            _ => None,
        }
    }
}

type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

/// Refuses what no caller of the service sends, before anything looks at it.
#[derive(Clone)]
pub(crate) struct Guarding<S> {
    inner: S,
    guard: Arc<Guard>,
}

impl<S> Service<Request<Body>> for Guarding<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Answering {
        match self.guard.check(&request) {
            Ok(()) => Box::pin(self.inner.call(request)),
            Err(refused) => answer(refused.into_response()),
        }
    }
}

/// Leads each request to what answers its protocol.
#[derive(Clone)]
pub(crate) struct Switching<S> {
    inner: S,
    tables: Arc<[&'static [Method]]>,
    files: Files,
}

impl<S> Service<Request<Body>> for Switching<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Answering {
        let next = self.inner.clone();
        // The one that was asked whether it is ready takes the call.
        let mut inner = mem::replace(&mut self.inner, next);
        if let Some(asked) = self.files.asked(&request) {
            return asked.answer(inner, request);
        }
        let method = access::find(&self.tables, request.uri().path());
        match Protocol::of(request.headers()) {
            Some(Protocol::Grpc) if request.version() < Version::HTTP_2 => {
                answer(Refused::grpc_over_http_1().into_response())
            }
            Some(Protocol::Grpc) => Box::pin(inner.call(request)),
            Some(Protocol::GrpcWeb) if request.method() == HttpMethod::POST => {
                match method.filter(|method| method.shape == Shape::Both) {
                    Some(method) => answer(not_by_grpc_web(&method, request.headers())),
                    None => Box::pin(GrpcWebLayer::new().layer(inner).call(request)),
                }
            }
            _ => answer(Refused::of_no_protocol(&request, method.is_some()).into_response()),
        }
    }
}

fn answer(response: Response<Body>) -> Answering {
    Box::pin(async { Ok(response) })
}

/// The refusal of a stream of requests, which browsers cannot send.
fn not_by_grpc_web(method: &Method, headers: &HeaderMap) -> Response<Body> {
    let name = method.path.trim_start_matches('/');
    let instead =
        method.one_by_one.map(|name| format!("call {name} for each of them, or ")).unwrap_or_default();
    let message = format!(
        "{name} takes requests as they come, which gRPC-Web cannot carry; {instead}use gRPC over HTTP/2"
    );
    let mut response = Status::unimplemented(message).into_http();
    if let Some(content_type) = headers.get(CONTENT_TYPE) {
        response.headers_mut().insert(CONTENT_TYPE, content_type.clone());
    }
    response
}

#[cfg(test)]
mod tests {
    use tonic::codegen::http::HeaderValue;

    use super::*;

    fn of(content_type: &'static str) -> Option<Protocol> {
        Protocol::of(&HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]))
    }

    #[test]
    fn the_content_type_alone_decides_on_the_protocol() {
        for grpc in ["application/grpc", "application/grpc+proto", "application/grpc;charset=utf-8"] {
            assert_eq!(of(grpc), Some(Protocol::Grpc), "{grpc}");
        }
        for web in ["application/grpc-web", "application/grpc-web-text+proto"] {
            assert_eq!(of(web), Some(Protocol::GrpcWeb), "{web}");
        }
        for other in
            ["", "application/grpcish", "application/grpc-web+json", "text/plain", "APPLICATION/GRPC"]
        {
            assert_eq!(of(other), None, "{other}");
        }
        assert_eq!(Protocol::of(&HeaderMap::new()), None);
    }
}
