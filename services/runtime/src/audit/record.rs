//! The audit record of one call, and the lines written from it.

use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::Mutex;
use ring::digest;
use serde::Serialize;
use serde_json::{Map, Value};
use tonic::{Code, Request, Status};

use super::{Audit, Room};
use crate::addresses::Network;
use crate::clients::ClientKey;
use crate::connections::Peer;
use crate::identity::access::Shape;
use crate::identity::{Caller, hexadecimal};
use crate::rejection::code_name;

/// Length of a perimeter's digest in bytes: enough to compare perimeters.
const PERIMETER_DIGEST_BYTES: usize = 16;

/// Kind of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Personal lists, or figures by advisor or structure, were read.
    Read,
    /// A CRA was corrected or withdrawn.
    Change,
    /// The service was operated.
    Operation,
    /// A call was refused.
    Refusal,
}

/// Progress of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Phase {
    Begin,
    End,
}

/// The audit trail of a call, in the extensions of its request; clones belong to the same call. The default records
/// nothing.
#[derive(Clone, Default)]
pub struct Trail(Option<Arc<Mutex<PendingRecord>>>);

struct PendingRecord {
    audit: Audit,
    call: String,
    peer: Peer,
    trace: Option<String>,
    caller: Option<Arc<Caller>>,
    kind: Kind,
    about: Map<String, Value>,
    rows: u64,
    /// Reserved when the record was started.
    room: Option<Room>,
    is_stream: bool,
}

impl Trail {
    pub(super) fn new(audit: Audit, call: &str, peer: Peer, trace: Option<String>) -> Self {
        if audit.0.is_none() {
            return Self::default();
        }
        Self(Some(Arc::new(Mutex::new(PendingRecord {
            audit,
            call: call.trim_start_matches("/cra.v1.").to_owned(),
            peer,
            trace,
            caller: None,
            kind: Kind::Refusal,
            about: Map::new(),
            rows: 0,
            room: None,
            is_stream: false,
        }))))
    }

    /// The trail of a request.
    #[must_use]
    pub fn of<T>(request: &Request<T>) -> Self {
        request.extensions().get::<Self>().cloned().unwrap_or_default()
    }

    /// Sets the caller and the shape of the call.
    pub(crate) fn called_by(&self, caller: &Arc<Caller>, shape: Shape) {
        if let Some(draft) = &self.0 {
            let mut draft = draft.lock();
            draft.caller = Some(Arc::clone(caller));
            draft.is_stream = shape != Shape::Single;
        }
    }

    /// Starts the record of a call, or refuses it. Call it before anything is shown or changed. For a stream, its start
    /// and its end are recorded.
    pub fn begin(&self, kind: Kind) -> Result<(), Status> {
        let Some(draft) = &self.0 else { return Ok(()) };
        let mut draft = draft.lock();
        draft.room = draft.audit.room(if draft.is_stream { 2 } else { 1 })?;
        draft.kind = kind;
        Ok(())
    }

    /// Adds a property of the call: ids, codes and numbers, no free text.
    pub fn about(&self, name: &str, value: impl Into<Value>) {
        if let Some(draft) = &self.0 {
            draft.lock().about.insert(name.to_owned(), value.into());
        }
    }

    /// Adds to the number of shown rows.
    pub fn add_rows(&self, rows: usize) {
        if let Some(draft) = &self.0 {
            let mut draft = draft.lock();
            draft.rows = draft.rows.saturating_add(rows as u64);
        }
    }

    /// Records that a stream's answers start.
    pub(super) fn streams(&self) {
        let Some(draft) = &self.0 else { return };
        let mut draft = draft.lock();
        if draft.is_stream && draft.room.is_some() {
            let line = draft.line(Some(Phase::Begin), Code::Ok, 0);
            if let Some(room) = &mut draft.room {
                room.write(line);
            }
        }
    }

    /// Records that the call has ended.
    pub(super) fn ends(&self, code: Code) {
        let Some(draft) = &self.0 else { return };
        let mut draft = draft.lock();
        if !draft.is_recorded(code) {
            return;
        }
        if is_refusal(code) {
            // A stream that was refused at once has no start.
            draft.kind = Kind::Refusal;
            draft.room = draft.audit.room_of_refusal(draft.client());
        }
        let Some(mut room) = draft.room.take() else { return };
        let left_out = match draft.kind {
            Kind::Refusal => room.shared.refusals_left_out.swap(0, std::sync::atomic::Ordering::Relaxed),
            _ => 0,
        };
        let phase = (draft.is_stream && draft.kind != Kind::Refusal).then_some(Phase::End);
        let line = draft.line(phase, code, left_out);
        room.write(line);
    }
}

/// Whether a call with this code has shown and changed nothing.
fn is_refusal(code: Code) -> bool {
    matches!(
        code,
        Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::ResourceExhausted
            | Code::FailedPrecondition
            | Code::OutOfRange
            | Code::Unimplemented
            | Code::Unauthenticated
    )
}

impl PendingRecord {
    /// Whether a call with this code is recorded: audited calls, and calls refused for lack of rights.
    fn is_recorded(&self, code: Code) -> bool {
        self.room.is_some()
            || matches!(code, Code::Unauthenticated | Code::PermissionDenied | Code::ResourceExhausted)
    }

    fn client(&self) -> ClientKey {
        match &self.caller {
            Some(caller) => ClientKey::Named(caller.client_id.clone()),
            None => ClientKey::Address(self.peer.address.map(Network::of)),
        }
    }

    fn line(&self, phase: Option<Phase>, code: Code, left_out: u64) -> Vec<u8> {
        let caller = self.caller.as_deref();
        let service = self.audit.0.as_ref().map_or("", |shared| shared.service);
        let line = Recorded {
            audit: self.kind,
            time: Timestamp::now().to_string(),
            service,
            call: &self.call,
            phase,
            code: code_name(code),
            client: caller.map_or("", |caller| &caller.client_id),
            subject: caller.map_or("", |caller| &caller.subject),
            perimeter: caller.map(perimeter_digest),
            token: caller.map_or("", |caller| &caller.token_id),
            peer: self.peer.address.map(|address| address.to_string()),
            certificate: self.peer.certificate.as_ref().map(|shown| &**shown.in_hexadecimal()),
            about: &self.about,
            rows: self.rows,
            trace: self.trace.as_deref(),
            left_out,
        };
        // Texts and numbers always have a JSON form.
        serde_json::to_vec(&line).unwrap_or_default()
    }
}

/// A line of the audit.
#[derive(Serialize)]
struct Recorded<'a> {
    /// First field, so that audit lines can be recognised among others.
    audit: Kind,
    time: String,
    service: &'static str,
    call: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    phase: Option<Phase>,
    code: &'static str,
    client: &'a str,
    subject: &'a str,
    /// Digest of the perimeter; `None` if the caller is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    perimeter: Option<String>,
    #[serde(skip_serializing_if = "str::is_empty")]
    token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<String>,
    /// SHA-256 of the caller's certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<&'a str>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    about: &'a Map<String, Value>,
    rows: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<&'a str>,
    /// Number of refusals above the limit since the last written one.
    #[serde(skip_serializing_if = "is_zero")]
    left_out: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde wants it
fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn perimeter_digest(caller: &Caller) -> String {
    let digest = digest::digest(&digest::SHA256, caller.perimeter.canonical().as_bytes());
    let mut text = hexadecimal(digest.as_ref());
    text.truncate(2 * PERIMETER_DIGEST_BYTES);
    text
}
