//! The protocols over which one port answers the contract: gRPC, and what becomes a gRPC call here, so that everything
//! behind, from the audit to the handlers, meets gRPC alone. The head of a request decides which protocol it speaks.
//!
//! gRPC needs HTTP/2; the others are answered over HTTP/1.1, too. No method is known by its name; files ([`crate::files`]) are calls of one.

mod connect;
mod cors;
mod errors;
mod guard;
mod refused;
mod schema;
mod unread;

use std::sync::Arc;

use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::header::CONTENT_TYPE;
use tonic::codegen::http::{HeaderMap, Method as HttpMethod, Request, Response, Version};
use tonic_web::GrpcWebLayer;
use tower::util::{Either, option_layer};
use tower::{Layer as _, Service as _};
use tower_http::cors::CorsLayer;

use crate::files::Files;
use crate::identity::Callers;
use crate::identity::access::{Method, Shape};
use crate::layer::{self, Answering, Answers, CallLayer};
use crate::refusals::{Cause, Refusals, Requester};
use crate::settings::ServerSettings;

use connect::Form;
use guard::Guard;
use refused::Refused;
use schema::{Schema, Served};
use unread::Readers;

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
    guarding: Guarding,
    cors: Option<CorsLayer>,
    switching: Switching,
}

impl Protocols {
    /// The protocols of a server with these rows, whose callers are known or not.
    pub(crate) fn new(
        settings: &ServerSettings,
        callers: Callers,
        tables: &[&'static [Method]],
        refusals: Refusals,
    ) -> Self {
        let (served, files) = (Arc::new(Schema::of(tables)), Files::of(tables));
        let header_bytes_max = settings.max_header_bytes.get();
        let switching = Switching { served: Arc::clone(&served), files, header_bytes_max };
        let guard = Arc::new(Guard::new(&settings.browsers, callers));
        let guarding = Guarding { guard, readers: Readers::new(), served, files, refusals };
        Self { guarding, cors: cors::layer(&settings.browsers.allowed_origins), switching }
    }

    /// The protocols around a server that speaks gRPC.
    pub(crate) fn layer<S: Answers>(self, inner: S) -> impl Answers + use<S> {
        let Self { cors, guarding, switching } = self;
        guarding.layer(option_layer(cors).layer(switching.layer(inner)))
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

/// Whether a request is gRPC of its caller's own.
fn is_native_grpc(request: &Request<Body>) -> bool {
    request.version() >= Version::HTTP_2 && Protocol::of(request.headers()) == Some(Protocol::Grpc)
}

/// Refuses what no caller of the service sends, before anything looks at it, and records every request that is refused
/// before it is a call.
#[derive(Clone)]
struct Guarding {
    guard: Arc<Guard>,
    readers: Readers,
    served: Arc<Schema>,
    files: Files,
    refusals: Refusals,
}

impl CallLayer for Guarding {
    fn call<S: Answers>(&self, inner: &mut S, request: Request<Body>) -> Answering {
        // Clients of gRPC read an answer that comes before they have sent everything.
        if is_native_grpc(&request) {
            return Box::pin(inner.call(request));
        }
        let (head, body) = request.into_parts();
        let (body, unread) = unread::watched(body);
        let request = Request::from_parts(head, body);
        let (readers, refusals) = (self.readers.clone(), self.refusals.clone());
        let (served, files, by) = (Arc::clone(&self.served), self.files, Requester::of(&request));
        let answered = match self.guard.check(&request) {
            Ok(()) => Either::Left(inner.call(request)),
            Err(refused) => Either::Right(refused),
        };
        Box::pin(async move {
            let response = match answered {
                Either::Left(answer) => answer.await?,
                Either::Right(refused) => refused.into_response(),
            };
            let call_at = |path: &str| {
                let method = served.find(path).map(|served| served.method.path);
                method.or_else(|| files.call_at(path))
            };
            refusals.record(&response, &by, call_at);
            unread.read(&readers);
            Ok(response)
        })
    }
}

/// Leads each request to what answers its protocol.
#[derive(Clone)]
struct Switching {
    served: Arc<Schema>,
    files: Files,
    header_bytes_max: u32,
}

impl CallLayer for Switching {
    fn call<S: Answers>(&self, inner: &mut S, request: Request<Body>) -> Answering {
        if let Some(asked) = self.files.request_at(&request) {
            return asked.answer(inner, request);
        }
        let served = self.served.find(request.uri().path());
        match Protocol::of(request.headers()) {
            Some(Protocol::Grpc) if request.version() < Version::HTTP_2 => {
                answer(Refused::grpc_over_http_1().into_response())
            }
            Some(Protocol::Grpc) => Box::pin(inner.call(request)),
            Some(Protocol::GrpcWeb) if request.method() == HttpMethod::POST => {
                match served.filter(|served| served.method.shape == Shape::Both) {
                    Some(served) => answer(not_by_grpc_web(served, request.headers())),
                    None => Box::pin(GrpcWebLayer::new().layer(layer::take_ready(inner)).call(request)),
                }
            }
            _ => {
                let known = served.ok_or_else(|| Refused::not_served(request.uri().path()));
                match known.and_then(|served| Ok((Form::of(&request, served)?, served))) {
                    Ok((form, served)) => connect::call(inner, served, form, request, self.header_bytes_max),
                    Err(refused) => answer(refused.into_response()),
                }
            }
        }
    }
}

fn answer(response: Response<Body>) -> Answering {
    Box::pin(async { Ok(response) })
}

/// The refusal of a stream of requests, which browsers cannot send.
fn not_by_grpc_web(served: &Served, headers: &HeaderMap) -> Response<Body> {
    let method = &served.method;
    let name = method.path.trim_start_matches('/');
    let instead =
        method.one_by_one.map(|name| format!("call {name} for each of them, or ")).unwrap_or_default();
    let message = format!(
        "{name} takes requests as they come, which gRPC-Web cannot carry; {instead}use gRPC over HTTP/2"
    );
    let refused = Refused::before_call(Cause::Protocol, Status::unimplemented(message));
    refused.into_answer(|status| {
        let mut response = status.clone().into_http();
        if let Some(content_type) = headers.get(CONTENT_TYPE) {
            response.headers_mut().insert(CONTENT_TYPE, content_type.clone());
        }
        response
    })
}

#[cfg(test)]
mod tests;
