//! Every call of the contract with every scope: only those that grant it admit it.

use std::collections::{BTreeMap, BTreeSet};

use cra_runtime::identity::Scope;
use cra_runtime::identity::access::{Method, Shape};
use cra_runtime::rejection::reason_of;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

use crate::harness::{Issuer, Pair, carrying, connected, contract, national};

/// The scopes that admit each call, from the guide for platforms; empty if it needs no token.
const NEEDED: [(&str, &[&str]); 26] = [
    ("IngestionService/SubmitCra", &["cra:submit"]),
    ("IngestionService/SubmitCras", &["cra:submit"]),
    ("IngestionService/CorrectCra", &["cra:correct"]),
    ("IngestionService/WithdrawCra", &["cra:correct"]),
    ("IngestionService/ImportLegacyCras", &["cra:import"]),
    ("IngestionService/GetCraHistory", &["cra:read"]),
    ("ReferenceService/GetVocabulary", &[]),
    ("ReferenceService/SearchCommunes", &[]),
    ("StatisticsService/GetStatistics", &["statistics:read", "statistics:public"]),
    ("StatisticsService/GetTimeSeries", &["statistics:read", "statistics:public"]),
    ("StatisticsService/ListBreakdown", &["statistics:read", "statistics:public"]),
    ("StatisticsService/GetCrossTable", &["statistics:read"]),
    ("StatisticsService/WatchStatistics", &["statistics:read"]),
    ("StatisticsService/ListCras", &["cra:read"]),
    ("StatisticsService/GetCra", &["cra:read"]),
    ("StatisticsService/ListLikelyDoubles", &["cra:read"]),
    ("StatisticsService/FollowCras", &["cra:read"]),
    ("StatisticsService/Export", &["statistics:read", "cra:read"]),
    ("OperationsService/GetStatus", &["operations"]),
    ("OperationsService/Rebuild", &["operations"]),
    ("OperationsService/Promote", &["operations"]),
    ("OperationsService/Verify", &["operations"]),
    ("OperationsService/ListParkedEvents", &["operations"]),
    ("OperationsService/RetryParkedEvents", &["operations"]),
    ("OperationsService/Pause", &["operations"]),
    ("OperationsService/Resume", &["operations"]),
];

#[test]
fn every_method_of_the_contract_has_its_row_and_there_is_no_other_row() {
    let rows = cra_ingestion::METHODS.iter().chain(cra_projection::METHODS);
    let rows: BTreeMap<_, _> = rows.map(|Method { path, shape, .. }| ((*path).to_owned(), *shape)).collect();
    assert_eq!(rows, contract());
    let tested: BTreeSet<_> = NEEDED.iter().map(|(name, _)| format!("/cra.v1.{name}")).collect();
    assert_eq!(tested, contract().into_keys().collect());
}

/// Calls a method with an empty message; returns its error, if any.
async fn called(channel: &Channel, path: &str, shape: Shape, request: Request<()>) -> Option<Status> {
    let mut grpc = Grpc::new(channel.clone());
    grpc.ready().await.unwrap();
    let path: PathAndQuery = path.parse().unwrap();
    let codec = ProstCodec::<(), ()>::default();
    match shape {
        Shape::Single => grpc.unary(request, path, codec).await.err(),
        Shape::Answers => grpc.server_streaming(request, path, codec).await.err(),
        Shape::Both => {
            let request = request.map(|()| tokio_stream::empty());
            grpc.streaming(request, path, codec).await.err()
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_call_is_let_in_by_its_scopes_alone_and_by_no_token_only_where_it_needs_none() {
    let issuer = Issuer::new();
    let pair = Pair::start_trusting(&issuer, &[]).await;
    let ingestion = connected(pair.ingestion.address()).await.unwrap();
    let projection = connected(pair.projection.address()).await.unwrap();
    let shapes = contract();
    for (name, scopes) in NEEDED {
        let path = format!("/cra.v1.{name}");
        let is_of_ingestion = name.starts_with("Ingestion") || name.starts_with("Reference");
        let channel = if is_of_ingestion { &ingestion } else { &projection };
        let reason = async |request| {
            let ended = called(channel, &path, shapes[&path], request).await;
            ended.map(|status| (status.code(), reason_of(&status).unwrap_or_default()))
        };
        let without = reason(Request::new(())).await;
        let required = Some((Code::Unauthenticated, "TOKEN_REQUIRED".to_owned()));
        assert_eq!(without == required, !scopes.is_empty(), "{name} without a token: {without:?}");
        let missing = Some((Code::PermissionDenied, "SCOPE_MISSING".to_owned()));
        for scope in Scope::ALL {
            let token = issuer.token(scope.name(), &national());
            let ended = reason(carrying(&token, ())).await;
            let is_enough = scopes.is_empty() || scopes.contains(&scope.name());
            // An export without a content does not determine which of its scopes it needs.
            let is_let_in = ended != missing || (name.ends_with("/Export") && is_enough);
            assert_eq!(is_let_in, is_enough, "{name} with {}: {ended:?}", scope.name());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_reflection_need_no_token_and_what_is_not_served_has_no_answer() {
    use tonic_reflection::pb::v1::ServerReflectionRequest;
    use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
    use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;

    let issuer = Issuer::new();
    let pair = Pair::start_trusting(&issuer, &[]).await;
    let channel = connected(pair.ingestion.address()).await.unwrap();
    let list = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut reflection = ServerReflectionClient::new(channel.clone());
    let answers = reflection.server_reflection_info(tokio_stream::iter([list])).await;
    assert!(answers.unwrap().into_inner().message().await.unwrap().is_some());

    for path in ["/cra.v1.StatisticsService/GetStatistics", "/cra.v1.IngestionService/DeleteCra"] {
        let ended = called(&channel, path, Shape::Single, Request::new(())).await.unwrap();
        assert_eq!(ended.code(), Code::Unimplemented, "{path}");
    }
}
