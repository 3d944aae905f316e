//! The calls with tonic, reported as the programs of `tests/readers` report theirs.

use crate::harness::Raw;
use std::time::Duration;

use cra_runtime::identity::access::Shape;
use cra_runtime::rejection::code_name;
use prost::Message as _;
use serde_json::{Value, json};
use tokio::sync::{mpsc::UnboundedSender, watch};
use tokio_stream::StreamExt as _;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use tonic_types::pb;

use super::callers::Order;
use super::cases::Case;

pub(super) async fn run(
    cases: Vec<Case>,
    order: Order,
    report: UnboundedSender<Value>,
    resumed: watch::Receiver<bool>,
) {
    let channel = async |address: &str| {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        endpoint.initial_stream_window_size(65_535).connect().await.unwrap()
    };
    let mut channels = std::collections::BTreeMap::new();
    for case in cases {
        if !channels.contains_key(&case.address) {
            channels.insert(case.address.clone(), channel(&case.address).await);
        }
        let call = ask(channels[&case.address].clone(), case, report.clone(), resumed.clone());
        match order {
            Order::InTurn => call.await,
            Order::Together => drop(tokio::spawn(call)),
        }
    }
}

async fn ask(channel: Channel, case: Case, report: UnboundedSender<Value>, resumed: watch::Receiver<bool>) {
    let mut answers = 0;
    let mut status = Status::ok("");
    for _ in 0..case.tries {
        answers = 0;
        let ended = call(channel.clone(), &case, &mut answers, &report, resumed.clone()).await;
        status = ended.err().unwrap_or_else(|| Status::ok(""));
        if code_name(status.code()) == case.code {
            break;
        }
    }
    let details = pb::Status::decode(status.details()).unwrap().details;
    let details: Vec<_> = details.iter().map(|detail| decoded(&detail.type_url, &detail.value)).collect();
    let (code, message) = (code_name(status.code()), status.message());
    let line = json!({
        "ended": case.name, "code": code, "message": message, "answers": answers, "details": details,
    });
    // An error means that the test has ended.
    let _ = report.send(line);
}

async fn call(
    channel: Channel,
    case: &Case,
    answers: &mut u64,
    report: &UnboundedSender<Value>,
    mut resumed: watch::Receiver<bool>,
) -> Result<(), Status> {
    let mut grpc = Grpc::new(channel).max_encoding_message_size(usize::MAX);
    grpc.ready().await.map_err(|error| Status::unknown(error.to_string()))?;
    let path = case.path.parse().unwrap();
    let mut messages = case.messages();
    let mut stream = if case.shape == Shape::Both {
        let messages = tokio_stream::iter(messages);
        if case.keeps_open {
            let messages = messages.chain(tokio_stream::pending());
            grpc.streaming(request(case, messages), path, Raw).await?.into_inner()
        } else {
            grpc.streaming(request(case, messages), path, Raw).await?.into_inner()
        }
    } else {
        let request = request(case, messages.next().unwrap());
        if case.shape == Shape::Single {
            return grpc.unary(request, path, Raw).await.map(drop);
        }
        grpc.server_streaming(request, path, Raw).await?.into_inner()
    };
    while stream.message().await?.is_some() {
        *answers += 1;
        if *answers == 1 {
            let _ = report.send(json!({"began": case.name}));
            if case.pauses {
                resumed.wait_for(|resumed| *resumed).await.unwrap();
            }
        }
    }
    Ok(())
}

fn request<T>(case: &Case, message: T) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(token) = &case.token {
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    }
    if let Some((name, value)) = &case.header {
        request.metadata_mut().insert(*name, value.parse().unwrap());
    }
    if let Some(timeout_s) = case.timeout_s {
        request.set_timeout(Duration::from_secs(timeout_s));
    }
    request
}

/// A detail as JSON without empty fields, as the other libraries write it.
fn decoded(type_url: &str, value: &[u8]) -> Value {
    fn read<T: prost::Message + Default>(value: &[u8]) -> T {
        T::decode(value).unwrap()
    }
    let localized =
        |pb::LocalizedMessage { locale, message }| non_empty(json!({"locale": locale, "message": message}));
    let kind = type_url.strip_prefix("type.googleapis.com/").unwrap();
    let value = match kind.strip_prefix("google.rpc.").unwrap() {
        "BadRequest" => {
            let violations = read::<pb::BadRequest>(value).field_violations;
            let violations = violations.into_iter().map(|violation| {
                non_empty(json!({
                    "field": violation.field,
                    "description": violation.description,
                    "reason": violation.reason,
                    "localizedMessage": violation.localized_message.map(localized),
                }))
            });
            non_empty(json!({"fieldViolations": violations.collect::<Vec<_>>()}))
        }
        "ErrorInfo" => {
            let pb::ErrorInfo { reason, domain, metadata } = read(value);
            non_empty(json!({"reason": reason, "domain": domain, "metadata": metadata}))
        }
        "LocalizedMessage" => localized(read(value)),
        "ResourceInfo" => {
            let pb::ResourceInfo { resource_type, resource_name, owner, description } = read(value);
            non_empty(json!({
                "resourceType": resource_type, "resourceName": resource_name,
                "owner": owner, "description": description,
            }))
        }
        "RetryInfo" => {
            let delay = read::<pb::RetryInfo>(value).retry_delay.unwrap_or_default();
            let delay = Duration::try_from(delay).unwrap();
            json!({"retryDelayMs": u64::try_from(delay.as_millis()).unwrap()})
        }
        other => panic!("a detail of a kind that the guide for clients does not name: {other}"),
    };
    json!({"type": kind, "value": value})
}

/// An object without empty values.
fn non_empty(mut object: Value) -> Value {
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    };
    object.as_object_mut().unwrap().retain(|_, value| !is_empty(value));
    object
}
