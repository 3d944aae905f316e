//! Lists of requests are bounded: every repeated field of every request of the contract is refused beyond its limit,
//! with its path, what was found and what is allowed. The fields are read from the descriptors, so that a field added
//! later is tested too.

use bytes::Bytes;
use cra_contracts::FILE_DESCRIPTOR_SET;
use cra_fixtures::requests::{filled, lists};
use cra_runtime::identity::access::Shape;
use cra_runtime::rejection::violations_of;
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, Kind, Value};
use tonic::client::Grpc;
use tonic::transport::Channel;
use tonic::{Request, Status};

use crate::harness::{Pair, Raw, connected, contract};

/// The refusal of a list: its path and the message.
type Refused = Option<(String, String)>;

fn bound_of(field: &FieldDescriptor) -> usize {
    match field.kind() {
        Kind::Enum(of) => 2 * of.values().len(),
        Kind::String if field.name().ends_with("_ids") || field.name() == "commune_codes" => 5_000,
        _ => 1_000,
    }
}

fn one(field: &FieldDescriptor) -> Value {
    match field.kind() {
        Kind::Enum(_) => Value::EnumNumber(1),
        Kind::String => Value::String("35".to_owned()),
        Kind::Bytes => Value::Bytes(Bytes::from_static(b"35")),
        Kind::Message(of) => Value::Message(DynamicMessage::new(of)),
        Kind::Uint64 => Value::U64(1),
        Kind::Uint32 => Value::U32(1),
        other => panic!("a list of {other:?}: say how one value is made"),
    }
}

/// Sends one request. Returns the violation of a list that is too long.
async fn refused_by(channel: Channel, path: &str, shape: Shape, message: Vec<u8>) -> Refused {
    let mut grpc = Grpc::new(channel);
    grpc.ready().await.unwrap();
    let uri = path.parse().unwrap();
    let of_status = |status: &Status| {
        let violation = violations_of(status).into_iter().find(|it| it.reason == "TOO_MANY_VALUES")?;
        assert_eq!(status.code(), tonic::Code::InvalidArgument);
        assert!(!violation.localized_message.is_empty());
        Some((violation.field, violation.description))
    };
    match shape {
        Shape::Single => {
            grpc.unary(Request::new(message), uri, Raw).await.err().and_then(|it| of_status(&it))
        }
        Shape::Answers => match grpc.server_streaming(Request::new(message), uri, Raw).await {
            Ok(answers) => answers.into_inner().message().await.err().and_then(|it| of_status(&it)),
            Err(status) => of_status(&status),
        },
        Shape::Both => {
            let items = tokio_stream::iter([message]);
            let mut answers = grpc.streaming(Request::new(items), uri, Raw).await.unwrap().into_inner();
            let answer: Bytes = answers.message().await.unwrap().expect("every item is answered");
            assert!(answers.message().await.unwrap().is_none(), "a refused item does not end the stream");
            of_item(path, &answer)
        }
    }
}

/// The refusal of an item.
fn of_item(path: &str, answer: &[u8]) -> Refused {
    let refusal = if path.ends_with("SubmitCras") {
        use cra_contracts::v1::submit_cras_response::Outcome;
        match cra_contracts::v1::SubmitCrasResponse::decode(answer).unwrap().outcome {
            Some(Outcome::Refusal(refusal)) => refusal,
            _ => return None,
        }
    } else {
        use cra_contracts::v1::import_legacy_cras_response::Outcome;
        match cra_contracts::v1::ImportLegacyCrasResponse::decode(answer).unwrap().outcome {
            Some(Outcome::Refusal(refusal)) => refusal,
            _ => return None,
        }
    };
    let violation = refusal.violations.into_iter().find(|it| it.reason == "TOO_MANY_VALUES")?;
    Some((violation.field, violation.description))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_list_of_every_request_is_refused_beyond_its_bound_with_path_found_and_allowed() {
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
    let pair = Pair::start().await;
    let of_ingestion = connected(pair.ingestion.address()).await.unwrap();
    let of_projection = connected(pair.projection.address()).await.unwrap();
    let mut list_count = 0;
    for (path, shape) in contract() {
        let (service, method) = path[1..].split_once('/').unwrap();
        let service_of = pool.get_service_by_name(service).unwrap();
        let input = service_of.methods().find(|it| it.name() == method).unwrap().input();
        let is_ingestion = service.ends_with("IngestionService") || service.ends_with("ReferenceService");
        let channel = if is_ingestion { &of_ingestion } else { &of_projection };
        for fields in lists(&input) {
            let bound = bound_of(fields.last().unwrap());
            let names: Vec<_> = fields.iter().map(FieldDescriptor::name).collect();
            let names = names.join(".");
            let name = names.strip_prefix("submission.").unwrap_or(&names);
            let send = async |count| {
                let message =
                    filled(input.clone(), &fields, &|field| vec![one(field); count]).encode_to_vec();
                refused_by(channel.clone(), &path, shape, message).await
            };
            let (field, description) =
                send(bound + 1).await.unwrap_or_else(|| panic!("{path} {name}: taken"));
            assert_eq!(field, name, "{path}");
            for number in [bound, bound + 1] {
                assert!(description.contains(&number.to_string()), "{path} {name}: {description}");
            }
            assert_eq!(send(bound).await, None, "{path} {name}: refused at its bound");
            list_count += 1;
        }
    }
    // A selection alone has fifteen lists, and nine requests contain one.
    assert!(list_count >= 9 * 15, "only {list_count} lists");
}
