//! Random calls that fit the contract's types: every field of every request with numbers at their limits, texts of
//! every kind, lists, nested messages.

use std::collections::BTreeMap;
use std::time::Duration;

use prost::Message as _;
use prost::encoding::{WireType, encode_key, encode_varint};
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FileDescriptorSet};
use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _};
use tonic::client::Grpc;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

use crate::harness::{
    Pair, Raw, chance, connected, cra_of, either, new_id, statistics_at, submission, submit_stream,
};

/// Maximum nesting of messages.
const DEPTH_MAX: u32 = 4;
/// Maximum number of answers read of a stream.
const ANSWERS_MAX: usize = 3;
/// Some streams send nothing until something happens.
const ANSWER_WITHIN: Duration = Duration::from_millis(50);
/// Some calls wait indefinitely.
const CALL_WITHIN: Duration = Duration::from_millis(300);

const NUMBERS: [u64; 10] =
    [0, 1, 2, 9, 100, 1 << 31, u32::MAX as u64, i64::MAX as u64, u64::MAX - 1, u64::MAX];
const TEXTS: [&str; 16] = [
    "",
    "a",
    "é\u{301}\u{0}\u{202e}",
    "35238",
    "35",
    "75056",
    "2024-02-29",
    "2024-02-30",
    "9999-12-31",
    "-9999-01-01",
    "5a1c7c0e-7d0f-4f5e-9d0a-2b8c1f6e4d11",
    "conseiller-1",
    "-acts",
    "month",
    "😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀",
    "gAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
];

struct Method {
    path: String,
    takes: String,
    streams: bool,
}

/// The contract: messages by full name, and the methods of its services.
fn contract() -> (BTreeMap<String, DescriptorProto>, Vec<Method>) {
    let (mut messages, mut methods) = (BTreeMap::new(), Vec::new());
    for file in FileDescriptorSet::decode(cra_contracts::FILE_DESCRIPTOR_SET).unwrap().file {
        let package = file.package().to_owned();
        for message in file.message_type {
            messages.insert(format!(".{package}.{}", message.name()), message);
        }
        for service in file.service.iter().filter(|_| package == "cra.v1") {
            methods.extend(service.method.iter().map(|method| Method {
                path: format!("/{package}.{}/{}", service.name(), method.name()),
                takes: method.input_type().to_owned(),
                streams: method.client_streaming() || method.server_streaming(),
            }));
        }
    }
    (messages, methods)
}

/// A random message of a type.
fn some(
    messages: &BTreeMap<String, DescriptorProto>,
    name: &str,
    depth: u32,
    chance: &mut StdRng,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Nested types are left empty.
    let Some(message) = messages.get(name).filter(|_| depth <= DEPTH_MAX) else { return bytes };
    for field in &message.field {
        let number = u32::try_from(field.number()).unwrap();
        // Most fields are left empty: otherwise nearly every query would be refused for its faults.
        let times = match (chance.random_range(0..4), field.label()) {
            (0, Label::Repeated) => chance.random_range(1..4),
            (0, _) => 1,
            _ => 0,
        };
        for _ in 0..times {
            let length_delimited = |content: &[u8], bytes: &mut Vec<u8>| {
                encode_key(number, WireType::LengthDelimited, bytes);
                encode_varint(content.len() as u64, bytes);
                bytes.extend_from_slice(content);
            };
            match field.r#type() {
                Type::String => length_delimited(one_of(&TEXTS, chance).as_bytes(), &mut bytes),
                Type::Bytes => {
                    let mut content = vec![0; chance.random_range(0..64)];
                    chance.fill_bytes(&mut content);
                    length_delimited(&content, &mut bytes);
                }
                Type::Message => {
                    let content = some(messages, field.type_name(), depth + 1, chance);
                    length_delimited(&content, &mut bytes);
                }
                // Words of the vocabulary are small numbers.
                Type::Enum => varint(number, chance.random_range(0..12), &mut bytes),
                _ => varint(number, one_of(&NUMBERS, chance), &mut bytes),
            }
        }
    }
    bytes
}

fn one_of<T: Copy>(values: &[T], chance: &mut StdRng) -> T {
    values[chance.random_range(0..values.len())]
}

fn varint(number: u32, value: u64, bytes: &mut Vec<u8>) {
    encode_key(number, WireType::Varint, bytes);
    encode_varint(value, bytes);
}

/// How a call ends, within the time limit.
async fn ended(channel: &Channel, method: &Method, items: Vec<Vec<u8>>) -> Result<(), Status> {
    let mut grpc = Grpc::new(channel.clone());
    grpc.ready().await.map_err(|error| Status::unknown(error.to_string()))?;
    let path = method.path.parse().unwrap();
    let mut items = items.into_iter();
    if !method.streams {
        let mut request = Request::new(items.next().unwrap());
        request.set_timeout(CALL_WITHIN);
        return grpc.unary(request, path, Raw).await.map(drop);
    }
    let mut answers = grpc.streaming(Request::new(tokio_stream::iter(items)), path, Raw).await?.into_inner();
    for _ in 0..ANSWERS_MAX {
        match tokio::time::timeout(ANSWER_WITHIN, answers.message()).await {
            Ok(Ok(Some(_))) => {}
            Ok(Ok(None)) | Err(_) => break,
            Ok(Err(status)) => return Err(status),
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_of_the_contracts_types_meets_a_fault_of_a_service() {
    let (messages, methods) = contract();
    let mut pair = Pair::start().await;
    let mut chance = chance();
    let (ingestion, projection) = (
        connected(pair.ingestion.address()).await.unwrap(),
        connected(pair.projection.address()).await.unwrap(),
    );
    let cras = tokio_stream::iter((0..20).map(|number| submission(&new_id(), cra_of(number))));
    let receipts = submit_stream(&mut pair.ingestion().await, cras).await;
    let last = receipts.iter().map(|receipt| receipt.position).max().unwrap();
    statistics_at(&mut pair.statistics().await, last).await;
    let mut answered = BTreeMap::<&str, u32>::new();
    for _ in 0..either(25, 250) {
        for method in &methods {
            let is_of_ingestion = ["Ingestion", "Reference"].iter().any(|name| method.path.contains(name));
            let channel = if is_of_ingestion { &ingestion } else { &projection };
            // Server streams take one request, client streams several.
            let count = if method.takes.ends_with("CrasRequest") && is_of_ingestion { 3 } else { 1 };
            let items: Vec<_> = (0..count).map(|_| some(&messages, &method.takes, 0, &mut chance)).collect();
            match ended(channel, method, items.clone()).await {
                Ok(()) => *answered.entry(&method.path).or_default() += 1,
                Err(status) => {
                    let is_a_fault = matches!(status.code(), Code::Internal | Code::Unknown);
                    assert!(!is_a_fault, "{} of {items:x?}: {status:?}", method.path);
                }
            }
        }
    }
    eprintln!("answered: {answered:?}");
    pair.ingestion.is_unharmed();
    pair.projection.is_unharmed();
    for output in [pair.ingestion.output(), pair.projection.output()] {
        assert!(!output.contains("panicked"), "{output}");
    }
}
