//! The question that a file's address asks, as the request of a gRPC call.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use bytes::{BufMut as _, Bytes};
use cra_contracts::files;
use cra_contracts::query::{Cause, QueryFault};
use cra_contracts::v1::{ExportContent, ExportFormat, ExportRequest};
use futures::stream;
use http_body::Frame;
use http_body_util::StreamBody;
use prost::Message as _;
use tonic::Status;
use tonic::body::Body;

use crate::messages::framed;
use crate::rejection::{Violation, invalid_argument};

/// A file, and which parameters of its address say what; clones share what was read.
#[derive(Clone, Debug)]
pub(super) struct Question {
    content: ExportContent,
    format: ExportFormat,
    query: Option<Arc<str>>,
    /// Parameters as they were written, by the path of their field, once the query was read.
    written: Arc<OnceLock<HashMap<String, String>>>,
}

impl Question {
    pub(super) fn new((content, format): (ExportContent, ExportFormat), query: Option<&str>) -> Self {
        Self { content, format, query: query.map(Arc::from), written: Arc::default() }
    }

    /// Whether the file is a text, which is worth compressing.
    pub(super) fn is_text(&self) -> bool {
        matches!(self.format, ExportFormat::Csv | ExportFormat::Ndjson)
    }

    /// The body of the call: its message is made when it is wanted.
    pub(super) fn body(&self) -> Body {
        let question = self.clone();
        let message = stream::once(async move { question.message().map(Frame::data) });
        Body::new(StreamBody::new(Box::pin(message)))
    }

    /// One message, as gRPC frames it.
    fn message(&self) -> Result<Bytes, Status> {
        let request =
            self.request().map_err(|faults| invalid_argument(faults.into_iter().map(violation).collect()))?;
        Ok(framed(0, request.encoded_len(), |bytes| bytes.put_slice(&request.encode_to_vec())))
    }

    fn request(&self) -> Result<ExportRequest, Vec<QueryFault>> {
        let query = files::parameters().read::<ExportRequest>(self.query.as_deref().unwrap_or_default())?;
        let _ = self.written.set(query.written);
        Ok(ExportRequest { content: self.content.into(), format: self.format.into(), ..query.message })
    }

    /// The parameter that a fault's field was written as.
    pub(super) fn parameter_of(&self, field: &str) -> String {
        let path = field.split('[').next().unwrap_or(field);
        let written = self.written.get().and_then(|written| written.get(path)).cloned();
        let own = || {
            let mut all = files::parameters().all().iter();
            all.find(|parameter| parameter.path() == path).map(|parameter| parameter.name().to_owned())
        };
        written.or_else(own).unwrap_or_else(|| field.to_owned())
    }
}

/// A fault of the address, as every fault of a request is reported.
fn violation(fault: QueryFault) -> Violation {
    let QueryFault { cause, fault } = fault;
    let name = &fault.path;
    let french = match cause {
        Cause::Unknown => format!("Le paramètre « {name} » n'existe pas{}", end(fault.meant.as_ref())),
        Cause::Repeated => format!("Le paramètre « {name} » ne peut être donné qu'une fois."),
        Cause::Encoding => format!("Le paramètre « {name} » n'est pas un texte correctement encodé."),
        Cause::Value => format!(
            "La valeur {} du paramètre « {name} » n'est pas reconnue{}",
            fault.found,
            end(fault.meant.as_ref())
        ),
    };
    let meant = fault.meant.as_ref().map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
    let description = format!("found {}, expected {}{meant}", fault.found, fault.expected);
    Violation { reason: reason(cause).into(), description, localized_message: french, field: fault.path }
}

/// The end of a French sentence.
fn end(meant: Option<&String>) -> String {
    meant.map_or_else(|| ".".to_owned(), |meant| format!(" ; vouliez-vous dire « {meant} » ?"))
}

fn reason(cause: Cause) -> &'static str {
    let row = |reason: &'static str| reason;
    match cause {
        Cause::Encoding => row("PARAMETER_MALFORMED"),
        Cause::Unknown => row("PARAMETER_UNKNOWN"),
        Cause::Repeated => row("PARAMETER_REPEATED"),
        Cause::Value => row("PARAMETER_INVALID"),
    }
}
