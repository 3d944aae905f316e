//! The head of a Connect request as that of a gRPC request.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::header::{
    ACCEPT, ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, TE,
    TRANSFER_ENCODING, UPGRADE,
};
use tonic::codegen::http::uri::{PathAndQuery, Uri};
use tonic::codegen::http::{HeaderMap, HeaderValue, Method as HttpMethod, Request, Version};

use super::query::Query;
use super::reply::Reply;
use super::{Codec, Form};
use crate::conditional::Conditional;
use crate::deadline;
use crate::headers;
use crate::messages::{Encoding, Wire};
use crate::protocols::refused::Refused;
use crate::protocols::schema::Served;
use crate::refusals::Cause;

const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("connect-protocol-version");
const TIMEOUT: HeaderName = HeaderName::from_static("connect-timeout-ms");
const STREAM_ENCODING: HeaderName = HeaderName::from_static("connect-content-encoding");
const STREAM_ACCEPTED: HeaderName = HeaderName::from_static("connect-accept-encoding");
/// Digits of a timeout, as the protocol bounds them.
const TIMEOUT_DIGITS_MAX: usize = 10;

/// Headers that say how a request was sent, which a gRPC request is not.
const OF_TRANSPORT: [HeaderName; 9] = [
    ACCEPT,
    ACCEPT_ENCODING,
    CONNECTION,
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// The gRPC request that a Connect request is, and how it is to be replied to.
pub(super) fn translated(
    request: Request<Body>,
    served: &Arc<Served>,
    form: Form,
    header_bytes_max: u32,
) -> Result<(Request<Body>, Reply), Refused> {
    let (mut parts, mut body) = request.into_parts();
    headers::check(&parts, header_bytes_max)
        .map_err(|status| Refused::before_call(Cause::Headers, status))?;
    if let Some(version) = parts.headers.get(PROTOCOL_VERSION).filter(|version| *version != "1") {
        let found = String::from_utf8_lossy(version.as_bytes());
        let message = format!("the header connect-protocol-version is `{found}`; expected 1");
        return Err(malformed(Status::invalid_argument(message)));
    }
    let timeout = parts.headers.get(TIMEOUT).map(timeout).transpose().map_err(malformed)?;
    let (of_messages, accepted) = match form {
        Form::Stream(_) => (STREAM_ENCODING, STREAM_ACCEPTED),
        Form::Single(_) | Form::Query => (CONTENT_ENCODING, ACCEPT_ENCODING),
    };
    let mut encoding = parts.headers.get(of_messages).cloned();
    let codec = match form {
        Form::Single(codec) | Form::Stream(codec) => codec,
        Form::Query => {
            let query = Query::parse(parts.uri.query().unwrap_or_default()).map_err(malformed)?;
            encoding = query.compression.as_deref().and_then(|name| HeaderValue::from_str(name).ok());
            body = Body::new(Full::new(query.message));
            query.codec
        }
    };
    let reply = Reply {
        codec,
        answer: served.answer.clone(),
        encoding: Encoding::accepted_of(&parts.headers, &accepted),
        conditional: (form == Form::Query).then(|| Conditional::of_headers(&parts.headers)),
    };
    let is_of_connect = |name: &HeaderName| {
        OF_TRANSPORT.contains(name)
            || name.as_str().starts_with("grpc-")
            || name.as_str().starts_with("connect-")
    };
    let passed = parts.headers.iter().filter(|(name, _)| !is_of_connect(name));
    let mut headers: HeaderMap = passed.map(|(name, value)| (name.clone(), value.clone())).collect();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(TE, HeaderValue::from_static("trailers"));
    headers.extend(encoding.map(|encoding| (GRPC_ENCODING, encoding)));
    headers.extend(timeout.map(|timeout| (deadline::HEADER_NAME, deadline::written(timeout))));
    parts.headers = headers;
    parts.method = HttpMethod::POST;
    parts.version = Version::HTTP_2;
    parts.uri = Uri::from(PathAndQuery::from_static(served.method.path));
    if let Some(conditional) = &reply.conditional {
        parts.extensions.insert(conditional.clone());
    }
    parts.extensions.insert(Wire {
        encoding: None,
        is_whole: !matches!(form, Form::Stream(_)),
        json: (codec == Codec::Json).then(|| served.request.clone()),
    });
    Ok((Request::from_parts(parts, body), reply))
}

fn malformed(status: Status) -> Refused {
    Refused::before_call(Cause::Malformed, status)
}

fn timeout(value: &HeaderValue) -> Result<Duration, Status> {
    let text = value.to_str().unwrap_or_default();
    let is_number =
        (1..=TIMEOUT_DIGITS_MAX).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_digit());
    let read = text.parse().ok().filter(|_| is_number).map(Duration::from_millis);
    read.ok_or_else(|| {
        let found = String::from_utf8_lossy(value.as_bytes());
        let message = format!(
            "the header connect-timeout-ms is `{found}`; expected milliseconds in at most {TIMEOUT_DIGITS_MAX} digits"
        );
        Status::invalid_argument(message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_a_plain_number_of_milliseconds() {
        for (text, expected) in [("0", Some(0)), ("1500", Some(1_500)), ("9999999999", Some(9_999_999_999))] {
            let read = timeout(&HeaderValue::from_static(text)).ok();
            assert_eq!(read, expected.map(Duration::from_millis), "{text}");
        }
        for text in ["", "-1", "+1", "1.5", "1s", "10000000000", "١"] {
            let refused = timeout(&HeaderValue::from_bytes(text.as_bytes()).unwrap()).unwrap_err();
            assert_eq!(refused.code(), tonic::Code::InvalidArgument, "{text}");
        }
    }
}
