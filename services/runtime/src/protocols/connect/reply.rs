//! Answers in gRPC as those of Connect: one answer whole, with its HTTP status; the answers of a stream as they come, and in a
//! last message how it ended.

use bytes::{BufMut as _, Bytes, BytesMut};
use cra_contracts::json;
use futures::stream;
use http_body::Frame;
use http_body_util::{BodyExt as _, Full, StreamBody};
use prost_reflect::{DynamicMessage, MessageDescriptor};
use serde_json::{Map, Value};
use tonic::body::Body;
use tonic::codegen::http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, VARY,
};
use tonic::codegen::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use tonic::{Code, Status};

use super::{Codec, Form};
use crate::conditional::Conditional;
use crate::messages::{Encoding, Framed, framed};
use crate::off_workers::{LARGE_REQUEST_BYTES, off_workers};
use crate::protocols::errors;
use crate::protocols::refused::Refused;

const STREAM_ENCODING: HeaderName = HeaderName::from_static("connect-content-encoding");
/// Answers that are smaller are not compressed.
const COMPRESSED_BYTES_MIN: usize = 1_024;
/// Flags of a message of a stream.
const COMPRESSED: u8 = 1;
const END: u8 = 2;

/// How a call is replied to.
#[derive(Clone)]
pub(super) struct Reply {
    pub(super) codec: Codec,
    pub(super) answer: MessageDescriptor,
    /// A compression that the caller reads.
    pub(super) encoding: Option<Encoding>,
    /// What the caller of a GET has already.
    pub(super) conditional: Option<Conditional>,
}

impl Reply {
    /// The one answer, or the refusal under its HTTP status.
    pub(super) async fn single(self, answer: Response<Body>) -> Response<Body> {
        let (head, body) = answer.into_parts();
        let mut headers = metadata(&head.headers);
        // Only a handler whose caller has the answer ends a call well without one.
        if let Some(conditional) = &self.conditional
            && Status::from_header_map(&head.headers).is_some_and(|status| status.code() == Code::Ok)
        {
            describe(&mut headers, conditional);
            return unchanged(headers);
        }
        let written = match gathered(&head.headers, body).await {
            Ok((message, trailers)) => {
                for (name, value) in &metadata(&trailers) {
                    if let Ok(name) = HeaderName::try_from(format!("trailer-{name}")) {
                        headers.append(name, value.clone());
                    }
                }
                self.written(message).await
            }
            Err(status) => Err(status),
        };
        let (bytes, encoding) = match written {
            Ok(written) => written,
            Err(status) => return Refused::of_call(status).with_headers(headers).into_response(),
        };
        let content_type = match self.codec {
            Codec::Json => "application/json",
            Codec::Proto => "application/proto",
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        if let Some(conditional) = &self.conditional {
            describe(&mut headers, conditional);
        }
        headers
            .extend(encoding.map(|encoding| (CONTENT_ENCODING, HeaderValue::from_static(encoding.name()))));
        let mut response = Response::new(Body::new(Full::new(bytes)));
        *response.headers_mut() = headers;
        response
    }

    /// The answers of a stream, and how it ended. Its HTTP status is 200, whatever happens.
    pub(super) fn stream(self, answer: Response<Body>) -> Response<Body> {
        let (head, body) = answer.into_parts();
        let (codec, encoding) = (self.codec, self.encoding);
        let mut headers = metadata(&head.headers);
        headers.extend(encoding.map(|encoding| (STREAM_ENCODING, HeaderValue::from_static(encoding.name()))));
        // Without answers, the head says how it ended.
        let ended = Status::from_header_map(&head.headers).map(|status| end(&status, &HeaderMap::new()));
        let answers = Answers { body: Some(body), waiting: BytesMut::new(), ended, reply: self };
        let frames = stream::unfold(answers, Answers::next);
        streamed(codec, headers, Body::new(StreamBody::new(frames)))
    }

    /// An answer as it is sent, and how it is compressed.
    async fn written(&self, message: Bytes) -> Result<(Bytes, Option<Encoding>), Status> {
        let (codec, answer, encoding) = (self.codec, self.answer.clone(), self.encoding);
        let is_large = message.len() > LARGE_REQUEST_BYTES;
        off_workers(is_large, move || {
            let bytes = match codec {
                Codec::Proto => message,
                Codec::Json => {
                    let mut read = DynamicMessage::decode(answer, message).map_err(|error| {
                        tracing::error!(%error, "an answer is none of its method");
                        Status::internal("internal error; see the service log")
                    })?;
                    json::write(&mut read).into()
                }
            };
            match encoding.filter(|_| bytes.len() >= COMPRESSED_BYTES_MIN) {
                Some(encoding) => match encoding.compress(&bytes) {
                    Ok(compressed) => Ok((compressed.into(), Some(encoding))),
                    Err(_) => Ok((bytes, None)),
                },
                None => Ok((bytes, None)),
            }
        })
        .await?
    }
}

/// The headers of an answer to a GET, and of the answer that the caller has it.
fn describe(headers: &mut HeaderMap, conditional: &Conditional) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    for name in [AUTHORIZATION, ACCEPT_ENCODING] {
        headers.append(VARY, name.into());
    }
    // The bytes may be compressed, and name the generation that answered.
    headers.extend(conditional.entity_tag(true).map(|tag| (ETAG, tag)));
}

fn unchanged(headers: HeaderMap) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    *response.headers_mut() = headers;
    response
}

/// The refusal of a stream before it began.
pub(super) fn refused_stream(form: Form, refused: Refused) -> Response<Body> {
    let codec = if form == Form::Stream(Codec::Proto) { Codec::Proto } else { Codec::Json };
    refused.into_answer(|status| {
        let end = end(status, &HeaderMap::new());
        streamed(codec, HeaderMap::new(), Body::new(Full::new(end)))
    })
}

fn streamed(codec: Codec, mut headers: HeaderMap, body: Body) -> Response<Body> {
    let content_type = match codec {
        Codec::Json => "application/connect+json",
        Codec::Proto => "application/connect+proto",
    };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    let mut response = Response::new(body);
    *response.headers_mut() = headers;
    response
}

/// What a handler added to a head or to trailers: not what gRPC itself says in them.
fn metadata(headers: &HeaderMap) -> HeaderMap {
    let is_added = |name: &HeaderName| *name != CONTENT_TYPE && !name.as_str().starts_with("grpc-");
    let added = headers.iter().filter(|(name, _)| is_added(name));
    added.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The message of an answer, and its trailers; or what it was refused with.
async fn gathered(head: &HeaderMap, mut body: Body) -> Result<(Bytes, HeaderMap), Status> {
    let mut trailers = HeaderMap::new();
    let mut status = Status::from_header_map(head);
    let mut bytes = BytesMut::new();
    while status.is_none()
        && let Some(frame) = body.frame().await
    {
        match frame?.into_data() {
            Ok(data) => bytes.extend_from_slice(&data),
            Err(frame) => {
                trailers = frame.into_trailers().unwrap_or_default();
                status = Some(status_of(&trailers));
            }
        }
    }
    match status.unwrap_or_else(|| status_of(&trailers)) {
        ended if ended.code() != Code::Ok => Err(ended),
        _ => match Framed::take(&mut bytes) {
            Some(answer) => Ok((answer.message(), trailers)),
            None => Err(status_of(&HeaderMap::new())),
        },
    }
}

fn status_of(trailers: &HeaderMap) -> Status {
    Status::from_header_map(trailers).unwrap_or_else(|| {
        tracing::error!("an answer has no message or no status");
        Status::internal("internal error; see the service log")
    })
}

/// The answers of a stream that are to come.
struct Answers {
    /// `None` once the end was sent.
    body: Option<Body>,
    /// Bytes that came and are not framed again.
    waiting: BytesMut,
    /// The last message, once it is known.
    ended: Option<Bytes>,
    reply: Reply,
}

impl Answers {
    /// The next message, framed as Connect does.
    async fn next(mut self) -> Option<(Result<Frame<Bytes>, Status>, Self)> {
        self.body.as_ref()?;
        let framed = loop {
            if self.ended.is_none()
                && let Some(answer) = Framed::take(&mut self.waiting)
            {
                match self.reply.written(answer.message()).await {
                    Ok((bytes, encoding)) => {
                        let flag = if encoding.is_some() { COMPRESSED } else { 0 };
                        break framed(flag, bytes.len(), |framed| framed.put_slice(&bytes));
                    }
                    Err(status) => self.ended = Some(end(&status, &HeaderMap::new())),
                }
            }
            if let Some(end) = self.ended.take() {
                self.body = None;
                break end;
            }
            self.ended = match self.body.as_mut()?.frame().await {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => {
                        self.waiting.extend_from_slice(&data);
                        None
                    }
                    Err(frame) => {
                        let trailers = frame.into_trailers().unwrap_or_default();
                        Some(end(&status_of(&trailers), &metadata(&trailers)))
                    }
                },
                Some(Err(status)) => Some(end(&status, &HeaderMap::new())),
                None => Some(end(&status_of(&HeaderMap::new()), &HeaderMap::new())),
            };
        };
        Some((Ok(Frame::data(framed)), self))
    }
}

/// The message that ends a stream.
fn end(status: &Status, metadata: &HeaderMap) -> Bytes {
    let mut end = Map::new();
    if status.code() != Code::Ok {
        end.insert("error".to_owned(), errors::in_json(status));
    }
    let mut values = Map::new();
    for name in metadata.keys() {
        let of_name = metadata.get_all(name).iter();
        let texts: Vec<Value> =
            of_name.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned().into()).collect();
        values.insert(name.as_str().to_owned(), texts.into());
    }
    if !values.is_empty() {
        end.insert("metadata".to_owned(), values.into());
    }
    let end = Value::Object(end).to_string();
    framed(END, end.len(), |framed| framed.put_slice(end.as_bytes()))
}
