//! Plain HTTP: files at `/v1/export/CONTENT.FORMAT`, and OpenAPI at `/openapi.json`.
//!
//! The address of a file becomes a call of `StatisticsService.Export` before it is admitted, and the answer of that call
//! becomes the file after: scopes, perimeters, limits, deadlines, audit, metrics and traces are those of the call. Knows
//! that method and no other; what may be asked is decided by its handler. The query is read when the request's message is
//! wanted, which is after admission.

mod answer;
pub(crate) mod document;
mod gzip;
mod problem;
mod question;

use cra_contracts::files::{self, ADDRESS};
use tonic::body::Body;
use tonic::codegen::http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, TE, TRANSFER_ENCODING};
use tonic::codegen::http::request::Parts;
use tonic::codegen::http::uri::{PathAndQuery, Uri};
use tonic::codegen::http::{HeaderValue, Method, Request, StatusCode, Version};
use tonic::{Code, Status};

use crate::conditional::Conditional;
use crate::identity::access;
use crate::layer::{Answering, Answers};
use crate::refusals::Cause;

use problem::Problem;
use question::Question;

/// The method that files are answers of.
const EXPORT: &str = "/cra.v1.StatisticsService/Export";
/// Headers that would describe the gRPC call, or a body that is not read.
const REMOVED_HEADERS: [HeaderName; 6] = [
    CONTENT_LENGTH,
    TRANSFER_ENCODING,
    CONTENT_TYPE,
    TE,
    HeaderName::from_static("grpc-encoding"),
    HeaderName::from_static("grpc-accept-encoding"),
];

/// The plain HTTP of a process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Files {
    serves_exports: bool,
}

impl Files {
    /// Of a process with these methods: files are served where their method is.
    pub(crate) fn of(tables: &[&'static [access::Method]]) -> Self {
        Self { serves_exports: access::find(tables, EXPORT).is_some() }
    }

    /// The call at an address of plain HTTP.
    pub(crate) fn call_at(self, path: &str) -> Option<&'static str> {
        if path == access::DOCUMENT {
            return Some(access::DOCUMENT);
        }
        let name = path.strip_prefix(ADDRESS).filter(|_| self.serves_exports)?;
        files::named(name).map(|_| EXPORT)
    }

    /// What a request asks of plain HTTP; `None` where its address is none of plain HTTP.
    pub(crate) fn request_at(self, request: &Request<Body>) -> Option<FileRequest> {
        let path = request.uri().path();
        let name = path.strip_prefix(ADDRESS).filter(|_| self.serves_exports);
        if name.is_none() && path != access::DOCUMENT {
            return None;
        }
        let asked = match name {
            None => Ok(What::Document),
            Some(name) => match files::named(name) {
                Some(file) => Ok(What::File(Question::new(file, request.uri().query()))),
                None => Err(no_such_file(name)),
            },
        };
        Some(FileRequest(asked.and_then(|asked| check_request(request).map(|()| asked))))
    }
}

/// What a plain request asks for, or why it is refused whatever it asks for.
pub(crate) struct FileRequest(Result<What, Problem>);

enum What {
    Document,
    File(Question),
}

impl FileRequest {
    /// Answers the request by a gRPC call of `inner`, which is ready.
    pub(crate) fn answer(self, inner: &mut impl Answers, request: Request<Body>) -> Answering {
        let what = match self.0 {
            Ok(what) => what,
            Err(problem) => return Box::pin(async { Ok(problem.into_response()) }),
        };
        // A body is not read: nothing of it is kept.
        let (parts, _) = request.into_parts();
        let is_head = parts.method == Method::HEAD;
        match what {
            What::Document => {
                let answer = inner.call(Request::from_parts(parts, Body::empty()));
                Box::pin(async move { Ok(document::plain(answer.await?, is_head)) })
            }
            What::File(question) => {
                let takes_gzip = gzip::is_accepted(&parts.headers) && question.is_text();
                let (request, conditional) = call_of(parts, &question);
                let asked = answer::FileQuery { question, conditional, is_head, takes_gzip };
                let answer = inner.call(request);
                Box::pin(async move { Ok(answer::file(answer.await?, asked).await) })
            }
        }
    }
}

/// Whether the request can be answered at all, whatever it asks for.
fn check_request(request: &Request<Body>) -> Result<(), Problem> {
    if request.version() < Version::HTTP_11 {
        let message = "HTTP/1.0 cannot show that a file ended early; use HTTP/1.1 or HTTP/2";
        return Err(Problem::new(
            Cause::Protocol,
            StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            Status::unimplemented(message),
        ));
    }
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(());
    }
    let message = "found another method; expected GET or HEAD";
    let problem = Problem::new(Cause::Method, StatusCode::METHOD_NOT_ALLOWED, Status::unimplemented(message));
    Err(problem.with(ALLOW, HeaderValue::from_static("GET, HEAD")))
}

fn no_such_file(name: &str) -> Problem {
    let known: Vec<String> = files::names().collect();
    let name: String = name.chars().take(60).collect();
    let message = format!("there is no file {name}; expected one of {}", known.join(", "));
    Problem::new(Cause::Path, StatusCode::NOT_FOUND, Status::new(Code::NotFound, message))
}

/// The call that a file is the answer of. The query stays in the address: its length counts as that of a header.
fn call_of(mut parts: Parts, question: &Question) -> (Request<Body>, Conditional) {
    let address = match parts.uri.query() {
        Some(query) => PathAndQuery::try_from(format!("{EXPORT}?{query}")).ok(),
        None => None,
    };
    let mut uri = parts.uri.into_parts();
    uri.path_and_query = Some(address.unwrap_or_else(|| PathAndQuery::from_static(EXPORT)));
    // Its parts are those of an address that was read.
    parts.uri = Uri::from_parts(uri).unwrap_or_else(|_| Uri::from_static(EXPORT));
    parts.method = Method::POST;
    let conditional = Conditional::of_headers(&parts.headers);
    for name in REMOVED_HEADERS {
        parts.headers.remove(name);
    }
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    parts.headers.insert(TE, HeaderValue::from_static("trailers"));
    parts.extensions.insert(conditional.clone());
    (Request::from_parts(parts, question.body()), conditional)
}

#[cfg(test)]
mod tests;
