//! The answer of an export as a file: the header of the file as headers, its chunks as the body. A file that breaks off
//! breaks its connection (HTTP/1.1) or is reset (HTTP/2): what came of it is not taken for whole.

use bytes::{Bytes, BytesMut};
use cra_contracts::v1::export_response::Part;
use cra_contracts::v1::{ExportHeader, ExportResponse};
use futures::stream;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use prost::Message as _;
use tonic::body::Body;
use tonic::codegen::http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_TYPE, ETAG,
    VARY, X_CONTENT_TYPE_OPTIONS,
};
use tonic::codegen::http::{HeaderMap, HeaderValue, Response, StatusCode};
use tonic::{Code, Status};

use super::gzip::Gzip;
use super::problem::Problem;
use super::question::Question;
use crate::conditional::Conditional;
use crate::messages::Framed;

/// What was asked, and how the answer may be sent.
pub(super) struct FileQuery {
    pub(super) question: Question,
    pub(super) conditional: Conditional,
    pub(super) is_head: bool,
    pub(super) takes_gzip: bool,
}

/// The file that an export answered, or why there is none.
pub(super) async fn file(answer: Response<Body>, asked: FileQuery) -> Response<Body> {
    match start(answer).await {
        Err(status) => Problem::of(status).into_response_naming(|field| asked.question.parameter_of(field)),
        Ok(ExportStart::Unchanged) => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            describe(response.headers_mut(), &asked);
            response
        }
        Ok(ExportStart::File(header, chunks)) => sent(*header, chunks, &asked),
    }
}

/// How an export began.
enum ExportStart {
    /// The caller has it.
    Unchanged,
    File(Box<ExportHeader>, Messages),
}

async fn start(answer: Response<Body>) -> Result<ExportStart, Status> {
    let (head, body) = answer.into_parts();
    if let Some(status) = Status::from_header_map(&head.headers) {
        return if status.code() == Code::Ok { Ok(ExportStart::Unchanged) } else { Err(status) };
    }
    let mut messages = Messages { body, bytes: BytesMut::new() };
    match messages.next().await? {
        None => Ok(ExportStart::Unchanged),
        Some(ExportResponse { part: Some(Part::Header(header)) }) => {
            Ok(ExportStart::File(Box::new(header), messages))
        }
        Some(_) => Err(Status::internal("the file has no header")),
    }
}

fn sent(header: ExportHeader, messages: Messages, asked: &FileQuery) -> Response<Body> {
    let gzip = asked.takes_gzip.then(Gzip::new);
    // Without a length also for HEAD: how long the file is shows when it is written.
    let chunks = stream::try_unfold(Some(Sending { messages, gzip }).filter(|_| !asked.is_head), next_frame);
    let mut response = Response::new(Body::new(StreamBody::new(Box::pin(chunks))));
    let headers = response.headers_mut();
    describe(headers, asked);
    let disposition = format!("attachment; filename=\"{}\"", header.file_name);
    for (name, value) in [(CONTENT_TYPE, header.media_type), (CONTENT_DISPOSITION, disposition)] {
        // Both are plain letters, see the names of files.
        headers.extend(HeaderValue::try_from(value).ok().map(|value| (name, value)));
    }
    if asked.takes_gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// The headers of a file and of the answer that it is unchanged.
fn describe(headers: &mut HeaderMap, asked: &FileQuery) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    for name in [AUTHORIZATION, ACCEPT_ENCODING] {
        headers.append(VARY, name.into());
    }
    // Compressed and plain bytes are two representations of one content.
    headers.extend(asked.conditional.entity_tag(asked.takes_gzip).map(|tag| (ETAG, tag)));
}

/// A file on its way.
struct Sending {
    messages: Messages,
    gzip: Option<Gzip>,
}

async fn next_frame(sending: Option<Sending>) -> Result<Option<(Frame<Bytes>, Option<Sending>)>, Status> {
    let Some(mut sending) = sending else { return Ok(None) };
    let failed = |error: std::io::Error| Status::internal(error.to_string());
    loop {
        let next = match sending.messages.next().await {
            Ok(next) => next,
            Err(status) => {
                tracing::info!(code = ?status.code(), message = status.message(), "a file ended early");
                return Err(status);
            }
        };
        let Some(message) = next else {
            let Some(gzip) = sending.gzip.take() else { return Ok(None) };
            return Ok(Some((Frame::data(gzip.finish().map_err(failed)?), None)));
        };
        let Some(Part::Chunk(chunk)) = message.part else {
            return Err(Status::internal("a file has one header, and then chunks"));
        };
        let bytes = match &mut sending.gzip {
            Some(gzip) => gzip.push(&chunk).map_err(failed)?,
            None => chunk,
        };
        if !bytes.is_empty() {
            return Ok(Some((Frame::data(bytes), Some(sending))));
        }
    }
}

/// The messages of an answer.
struct Messages {
    body: Body,
    /// What has come of the next ones.
    bytes: BytesMut,
}

impl Messages {
    /// `None` once the call has ended well; any other end is an error.
    async fn next(&mut self) -> Result<Option<ExportResponse>, Status> {
        loop {
            if let Some(message) = self.whole()? {
                return Ok(Some(message));
            }
            let Some(frame) = self.body.frame().await else {
                return Err(Status::unknown("the answer ended without a status"));
            };
            match frame?.into_data() {
                Ok(data) => self.bytes.extend_from_slice(&data),
                Err(frame) => {
                    let status = frame.trailers_ref().and_then(Status::from_header_map);
                    let status =
                        status.unwrap_or_else(|| Status::unknown("the answer ended without a status"));
                    return if status.code() == Code::Ok { Ok(None) } else { Err(status) };
                }
            }
        }
    }

    /// The next message, if all of it has come.
    fn whole(&mut self) -> Result<Option<ExportResponse>, Status> {
        let Some(answer) = Framed::take(&mut self.bytes) else { return Ok(None) };
        if answer.flag != 0 {
            return Err(Status::internal("the answer is compressed"));
        }
        let read = ExportResponse::decode(answer.message());
        read.map(Some).map_err(|error| Status::internal(error.to_string()))
    }
}
