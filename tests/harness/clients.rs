//! Clients of both services, with generous deadlines, and the most common calls.

use std::net::SocketAddr;
use std::time::Duration;

use cra_contracts::v1 as pb;
use cra_runtime::rejection::reason_of;
use pb::import_legacy_cras_response::Outcome as ImportOutcome;
use pb::ingestion_service_client::IngestionServiceClient;
use pb::operations_service_client::OperationsServiceClient;
use pb::statistics_service_client::StatisticsServiceClient;
use pb::submit_cras_response::Outcome as SubmitOutcome;
use tokio_stream::{Stream, StreamExt as _};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use super::{eventually, new_id, submission};

pub(crate) type Ingestion = IngestionServiceClient<Channel>;
pub(crate) type Statistics = StatisticsServiceClient<Channel>;
pub(crate) type Operations = OperationsServiceClient<Channel>;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const CALL_TIMEOUT: Duration = Duration::from_mins(1);

pub(crate) async fn connected(address: SocketAddr) -> Result<Channel, String> {
    Endpoint::from_shared(format!("http://{address}"))
        .unwrap()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(CALL_TIMEOUT)
        .connect()
        .await
        .map_err(|error| format!("{address}: {error}"))
}

pub(crate) async fn submitted(
    ingestion: &mut Ingestion,
    request: pb::SubmitCraRequest,
) -> Result<pb::Receipt, Status> {
    let answer = ingestion.submit_cra(request).await?;
    Ok(answer.into_inner().receipt.unwrap())
}

/// Records a CRA under a new id.
pub(crate) async fn record(ingestion: &mut Ingestion, cra: pb::Cra) -> pb::Receipt {
    submitted(ingestion, submission(&new_id(), cra)).await.unwrap()
}

/// Submits CRAs over one stream; all must be recorded.
pub(crate) async fn submit_stream(
    ingestion: &mut Ingestion,
    submissions: impl Stream<Item = pb::SubmitCraRequest> + Send + 'static,
) -> Vec<pb::Receipt> {
    let mut item = 0;
    let requests = submissions.map(move |submission| {
        item += 1;
        pb::SubmitCrasRequest { item, submission: Some(submission) }
    });
    let mut answers = ingestion.submit_cras(requests).await.unwrap().into_inner();
    let mut receipts = Vec::new();
    while let Some(answer) = answers.message().await.unwrap() {
        match answer.outcome.unwrap() {
            SubmitOutcome::Receipt(receipt) => receipts.push(receipt),
            SubmitOutcome::Refusal(refusal) => panic!("item {} was refused: {refusal:?}", answer.item),
        }
    }
    receipts
}

/// Imports documents; all must be recorded.
pub(crate) async fn imported(
    ingestion: &mut Ingestion,
    requests: Vec<pb::ImportLegacyCrasRequest>,
) -> Vec<pb::Receipt> {
    let expected = requests.len();
    let answers = ingestion.import_legacy_cras(tokio_stream::iter(requests)).await.unwrap();
    let mut answers = answers.into_inner();
    let mut receipts = Vec::new();
    while let Some(answer) = answers.message().await.unwrap() {
        match answer.outcome.unwrap() {
            ImportOutcome::Receipt(receipt) => receipts.push(receipt),
            ImportOutcome::Refusal(refusal) => panic!("item {} was refused: {refusal:?}", answer.item),
        }
    }
    assert_eq!(receipts.len(), expected, "every item is answered");
    receipts
}

/// The consistency of an answer that covers the log up to a position, as requests hold it.
#[allow(clippy::unnecessary_wraps)]
pub(crate) fn at_least(min_position: u64) -> Option<pb::Consistency> {
    Some(pb::Consistency { min_position, ..pb::Consistency::default() })
}

/// Asserts the code and the reason of a refusal.
#[track_caller]
pub(crate) fn assert_refused(status: &Status, code: Code, reason: &str) {
    let found = (status.code(), reason_of(status));
    assert_eq!((found.0, found.1.as_deref()), (code, Some(reason)), "{status:?}");
}

/// The events of one CRA in the log.
pub(crate) async fn recorded(ingestion: &mut Ingestion, cra_id: &str) -> Result<Vec<pb::CraEvent>, Status> {
    let request = pb::GetCraHistoryRequest { cra_id: cra_id.to_owned() };
    Ok(ingestion.get_cra_history(request).await?.into_inner().events)
}

/// The statistics of everything, once the projection has applied this position.
pub(crate) async fn statistics_at(statistics: &mut Statistics, min_position: u64) -> pb::Statistics {
    let request = pb::GetStatisticsRequest {
        consistency: at_least(min_position),
        ..pb::GetStatisticsRequest::default()
    };
    let answer = statistics.get_statistics(request).await.unwrap();
    answer.into_inner().statistics.unwrap()
}

/// CRAs counted once the projection has applied every event of the log.
pub(crate) async fn counted_cras(projection: SocketAddr) -> u64 {
    let channel = connected(projection).await.unwrap();
    let operations = Operations::new(channel.clone());
    eventually("everything recorded is counted", async || {
        let status =
            operations.clone().get_status(pb::GetStatusRequest::default()).await.unwrap().into_inner();
        if status.applied_position >= status.log_position { Ok(()) } else { Err(format!("{status:?}")) }
    })
    .await;
    let answer = Statistics::new(channel).get_statistics(pb::GetStatisticsRequest::default()).await.unwrap();
    answer.into_inner().statistics.unwrap().cras
}
