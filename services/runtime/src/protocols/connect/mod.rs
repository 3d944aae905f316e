//! The Connect protocol (connectrpc.com/docs/protocol): a request in JSON or encoded, over HTTP/1.1 or HTTP/2, becomes a gRPC
//! request, and the gRPC answer a Connect answer.
//!
//! Only the head is read here. The body is received, inflated and read from JSON where a gRPC request's messages are received
//! (`messages`), after the call was admitted, under the same limits. Answers of streams are framed again as they come.

mod head;
mod query;
mod reply;

use std::sync::Arc;

use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::header::CONTENT_TYPE;
use tonic::codegen::http::{HeaderMap, Method as HttpMethod, Request, StatusCode, Version};

use super::refused::Refused;
use super::schema::Served;
use crate::identity::access::Shape;
use crate::layer::{Answering, Answers};
use crate::refusals::Cause;

/// Content types of methods with one request and one answer, and of those with streams.
const OF_SINGLE: &str = "application/json, application/proto, application/grpc, application/grpc-web";
const OF_STREAMS: &str =
    "application/connect+json, application/connect+proto, application/grpc, application/grpc-web";

/// How messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    Json,
    Proto,
}

/// How a request comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// By GET, with its message in the query.
    Query,
    /// The body is the message.
    Single(Codec),
    /// The body is messages with their lengths, as are the answers.
    Stream(Codec),
}

impl Form {
    /// The form of a request, by its head; the refusal of one that has none.
    pub(super) fn of(request: &Request<Body>, served: &Served) -> Result<Self, Refused> {
        match *request.method() {
            HttpMethod::GET if served.is_read => return Ok(Self::Query),
            HttpMethod::POST => {}
            _ => return Err(Refused::method_not_allowed(if served.is_read { "GET, POST" } else { "POST" })),
        }
        let is_single = served.method.shape == Shape::Single;
        let form = Self::of_content(request.headers());
        let Some(form) = form.filter(|form| matches!(form, Self::Single(_)) == is_single) else {
            return Err(Refused::media_type(if is_single { OF_SINGLE } else { OF_STREAMS }));
        };
        if served.method.shape == Shape::Both && request.version() < Version::HTTP_2 {
            return Err(bidirectional_over_http_1(served));
        }
        Ok(form)
    }

    fn of_content(headers: &HeaderMap) -> Option<Self> {
        let mut types = headers.get_all(CONTENT_TYPE).iter();
        let (Some(content_type), None) = (types.next(), types.next()) else { return None };
        let content_type = content_type.to_str().ok()?.to_ascii_lowercase();
        let (name, parameter) = content_type.split_once(';').unwrap_or((&content_type, ""));
        let is_stream = match name.trim() {
            "application/json" => return in_utf8(parameter).then_some(Self::Single(Codec::Json)),
            "application/proto" => false,
            "application/connect+json" => return in_utf8(parameter).then_some(Self::Stream(Codec::Json)),
            "application/connect+proto" => true,
            _ => return None,
        };
        let form = if is_stream { Self::Stream(Codec::Proto) } else { Self::Single(Codec::Proto) };
        parameter.is_empty().then_some(form)
    }
}

/// Whether the parameter of a content type says nothing, or that the text is in UTF-8.
fn in_utf8(parameter: &str) -> bool {
    matches!(parameter.trim(), "" | "charset=utf-8" | "charset=\"utf-8\"")
}

fn bidirectional_over_http_1(served: &Served) -> Refused {
    let name = served.method.path.trim_start_matches('/');
    let instead = served.method.one_by_one.map(|name| format!(", or call {name} for each of them"));
    let message = format!(
        "{name} takes requests as they come while it answers, which HTTP/1.1 cannot carry; use HTTP/2{}",
        instead.unwrap_or_default()
    );
    let status = Status::unimplemented(message);
    Refused::new(Cause::Protocol, StatusCode::HTTP_VERSION_NOT_SUPPORTED, status)
}

/// Calls a method of a server that speaks gRPC.
pub(super) fn call(
    inner: &mut impl Answers,
    served: &Arc<Served>,
    form: Form,
    request: Request<Body>,
    header_bytes_max: u32,
) -> Answering {
    let is_single = served.method.shape == Shape::Single;
    match head::translated(request, served, form, header_bytes_max) {
        Ok((request, reply)) => {
            let answer = inner.call(request);
            Box::pin(async move {
                let answer = answer.await?;
                Ok(if is_single { reply.single(answer).await } else { reply.stream(answer) })
            })
        }
        Err(refused) if is_single => Box::pin(async { Ok(refused.into_response()) }),
        Err(refused) => {
            let answer = reply::refused_stream(form, refused);
            Box::pin(async { Ok(answer) })
        }
    }
}

#[cfg(test)]
mod tests {
    use tonic::codegen::http::HeaderValue;

    use super::*;

    #[test]
    fn the_content_type_says_how_messages_are_written_and_whether_they_have_lengths() {
        let of = |text: &'static str| {
            Form::of_content(&HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(text))]))
        };
        for (text, expected) in [
            ("application/json", Some(Form::Single(Codec::Json))),
            ("application/json; charset=utf-8", Some(Form::Single(Codec::Json))),
            ("Application/JSON;charset=UTF-8", Some(Form::Single(Codec::Json))),
            ("application/json; charset=latin1", None),
            ("application/proto", Some(Form::Single(Codec::Proto))),
            ("application/proto; x=y", None),
            ("application/connect+json", Some(Form::Stream(Codec::Json))),
            ("application/connect+proto", Some(Form::Stream(Codec::Proto))),
            ("application/x-www-form-urlencoded", None),
            ("text/plain", None),
            ("", None),
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
    }
}
