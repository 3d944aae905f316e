//! CRAs over one stream of the service: each answer belongs to the CRA whose number it names.

use std::time::Duration;

use cra_client::Clients;
use cra_contracts::v1::{self, submit_cras_response::Outcome};
use futures::stream;
use tokio::time::timeout;
use tonic::Status;

/// Silence of the service while it owes answers.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);

/// Sends CRAs and gives each answer with its number to `take`. Ends early where the stream does.
pub(super) async fn submit(
    clients: &Clients,
    requests: impl Iterator<Item = (u64, v1::SubmitCraRequest)> + Send + 'static,
    mut take: impl FnMut(u64, Outcome),
) -> Result<(), Status> {
    let requests =
        requests.map(|(item, submission)| v1::SubmitCrasRequest { item, submission: Some(submission) });
    let silent = || Status::deadline_exceeded(format!("no answer for {} s", ANSWER_TIMEOUT.as_secs()));
    let mut ingestion = clients.ingestion();
    let opened = timeout(ANSWER_TIMEOUT, ingestion.submit_cras(stream::iter(requests))).await;
    let mut answers = opened.map_err(|_| silent())??.into_inner();
    while let Some(answer) = timeout(ANSWER_TIMEOUT, answers.message()).await.map_err(|_| silent())?? {
        if let Some(outcome) = answer.outcome {
            take(answer.item, outcome);
        }
    }
    Ok(())
}
