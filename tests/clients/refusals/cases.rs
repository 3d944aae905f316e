//! One refused call, and what its caller must receive.

use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cra_contracts::json as proto_json;
use cra_runtime::identity::PerimeterClaim;
use cra_runtime::identity::access::{Needs, Shape};
use prost::Message as _;
use prost_reflect::{DynamicMessage, MethodDescriptor};
use serde_json::{Value, json};

use crate::harness::{Issuer, Pair, contract, national};

/// Every scope of the services except that of public figures.
pub(super) const SCOPES: &str = "cra:submit cra:correct cra:import cra:read statistics:read operations";

/// A call, and its expected end.
#[derive(Clone, Debug)]
pub(super) struct Case {
    /// Name of the case, the same for every caller.
    pub(super) name: String,
    pub(super) address: String,
    pub(super) path: String,
    pub(super) shape: Shape,
    requests: Vec<Request>,
    /// How often the requests are sent.
    repeat: usize,
    /// Whether the client keeps its side open after its requests.
    pub(super) keeps_open: bool,
    /// Whether the client stops reading after the first answer, until it is resumed.
    pub(super) pauses: bool,
    /// Maximum number of calls, until one ends with the expected code.
    pub(super) tries: u32,
    pub(super) token: Option<String>,
    pub(super) header: Option<(&'static str, String)>,
    pub(super) timeout_s: Option<u64>,
    /// Canonical gRPC code.
    pub(super) code: &'static str,
    /// Reason of the refusal or of one of its violations; empty for an error of the transport.
    pub(super) reason: &'static str,
    /// Whether answers precede the end.
    pub(super) has_answers: bool,
}

#[derive(Clone, Debug)]
enum Request {
    Bytes(Vec<u8>),
    Zeros(usize),
}

impl Case {
    /// The messages that the client sends.
    pub(super) fn messages(&self) -> impl Iterator<Item = Vec<u8>> + Send + use<> {
        let once = self.requests.clone().into_iter().map(|request| match request {
            Request::Bytes(bytes) => bytes,
            Request::Zeros(count) => vec![0; count],
        });
        std::iter::repeat_n(once.collect::<Vec<_>>(), self.repeat).flatten()
    }

    /// The case in the form that the programs of `tests/readers` read.
    pub(super) fn in_json(&self) -> Value {
        let requests = self.requests.iter().map(|request| match request {
            Request::Bytes(bytes) => json!({"bytes": STANDARD.encode(bytes)}),
            Request::Zeros(count) => json!({"zeros": count}),
        });
        let mut metadata = match &self.token {
            Some(token) => json!({"authorization": format!("Bearer {token}")}),
            None => json!({}),
        };
        if let Some((name, value)) = &self.header {
            metadata[*name] = value.as_str().into();
        }
        let shape = match self.shape {
            Shape::Single => "single",
            Shape::Answers => "answers",
            Shape::Both => "both",
        };
        json!({
            "name": self.name, "address": self.address, "path": self.path, "shape": shape,
            "requests": requests.collect::<Vec<_>>(), "repeat": self.repeat, "keeps_open": self.keeps_open,
            "pauses": self.pauses, "tries": self.tries, "metadata": metadata, "timeout_s": self.timeout_s,
            "code": self.code,
        })
    }

    /// Whether each request is a message of its method; for a method without a description, whether it is empty.
    pub(super) fn is_of_messages(&self) -> bool {
        let method = self.path.strip_prefix("/cra.v1.").and_then(described);
        self.requests.iter().all(|request| match (request, &method) {
            (Request::Bytes(bytes), Some(method)) => {
                DynamicMessage::decode(method.input(), bytes.as_slice()).is_ok()
            }
            (Request::Bytes(bytes), None) => bytes.is_empty(),
            (Request::Zeros(_), _) => false,
        })
    }

    pub(super) fn of(mut self, request: Vec<u8>) -> Self {
        self.requests = vec![Request::Bytes(request)];
        self
    }

    /// A message of `count` bytes.
    pub(super) fn of_zeros(mut self, count: usize) -> Self {
        self.requests = vec![Request::Zeros(count)];
        self
    }

    pub(super) fn times(mut self, repeat: usize) -> Self {
        self.repeat = repeat;
        self
    }

    pub(super) fn until_refused(mut self, tries: u32) -> Self {
        self.tries = tries;
        self
    }

    pub(super) fn carrying(mut self, token: Option<String>) -> Self {
        self.token = token;
        self
    }

    /// More metadata than `server.max_header_bytes`.
    pub(super) fn with_large_headers(mut self) -> Self {
        self.header = Some(("x-large", "7".repeat(17 * 1_024)));
        self
    }

    pub(super) fn with_shape(mut self, shape: Shape) -> Self {
        self.shape = shape;
        self
    }

    /// The same case with another path, which becomes its name.
    pub(super) fn at(mut self, path: &str) -> Self {
        (self.name, self.path) = (path.to_owned(), path.to_owned());
        self
    }

    pub(super) fn kept_open(mut self) -> Self {
        self.keeps_open = true;
        self
    }

    pub(super) fn paused(mut self) -> Self {
        self.pauses = true;
        self
    }

    /// The end follows an answer.
    pub(super) fn after_answers(mut self) -> Self {
        self.has_answers = true;
        self
    }

    pub(super) fn ends(mut self, code: &'static str, reason: &'static str) -> Self {
        (self.code, self.reason) = (code, reason);
        self.name = format!("{} {code} {reason}", self.name);
        self
    }
}

pub(super) struct Table {
    pub(super) issuer: Arc<Issuer>,
    pub(super) caller: &'static str,
    ingestion: SocketAddr,
    projection: SocketAddr,
}

impl Table {
    pub(super) fn new(pair: &Pair, issuer: &Arc<Issuer>, caller: &'static str) -> Self {
        let (ingestion, projection) = (pair.ingestion.address(), pair.projection.address());
        Self { issuer: Arc::clone(issuer), caller, ingestion, projection }
    }

    /// A call of a method, such as `StatisticsService/Export`, with all rights and an empty request. Each method uses
    /// another client, so that limits per client do not interfere.
    pub(super) fn case(&self, method: &str) -> Case {
        let path = format!("/cra.v1.{method}");
        let is_of_ingestion = ["Ingestion", "Reference"].iter().any(|service| method.starts_with(service));
        let address = if is_of_ingestion { self.ingestion } else { self.projection };
        Case {
            name: method.to_owned(),
            address: address.to_string(),
            shape: contract().get(&path).copied().unwrap_or(Shape::Single),
            path,
            requests: vec![Request::Bytes(Vec::new())],
            repeat: 1,
            keeps_open: false,
            pauses: false,
            tries: 1,
            header: None,
            token: Some(self.token(method, &national(), 600)),
            timeout_s: None,
            code: "",
            reason: "",
            has_answers: false,
        }
    }

    /// A token with all rights, for a client that only this caller uses.
    pub(super) fn token(&self, client: &str, perimeter: &PerimeterClaim, valid_s: i64) -> String {
        self.issuer.token_for(&self.client(client), SCOPES, perimeter, valid_s)
    }

    /// The client that a token names.
    pub(super) fn client(&self, client: &str) -> String {
        format!("{}/{client}", self.caller)
    }
}

/// The scopes of which a method needs one; empty if it needs no token.
pub(super) fn scopes_of(path: &str) -> Vec<&'static str> {
    let mut rows = cra_ingestion::METHODS.iter().chain(cra_projection::METHODS);
    match rows.find(|method| method.path == path).unwrap().needs {
        Needs::Nothing => Vec::new(),
        Needs::AnyOf(scopes) => scopes.iter().map(|scope| scope.name()).collect(),
    }
}

/// A method of the contract, such as `StatisticsService/Export`.
fn described(method: &str) -> Option<MethodDescriptor> {
    let (service, name) = method.split_once('/')?;
    let service = proto_json::descriptors().get_service_by_name(&format!("cra.v1.{service}"))?;
    service.methods().find(|method| method.name() == name)
}

/// A request of a method in the contract's JSON, on the wire.
pub(super) fn encoded(method: &str, request: Value) -> Vec<u8> {
    DynamicMessage::deserialize(described(method).unwrap().input(), request).unwrap().encode_to_vec()
}
