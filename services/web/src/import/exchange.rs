//! CRAs over one stream of the service: each answer belongs to the CRA whose number it names.

use std::time::Duration;

use cra_client::Clients;
use cra_contracts::v1::{self, submit_cras_response::Outcome};
use futures::stream;
use tokio::time::timeout;
use tonic::Status;

/// Silence of the service while it owes answers.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);
/// Codes of refusals that say nothing of the CRA: the same one may be recorded later.
const PASSING: [&str; 5] = ["UNAVAILABLE", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED", "CANCELLED", "ABORTED"];
/// A reason under such a code that does not pass.
const LASTING: &str = "EVENT_REFUSED";

/// Whether the same CRA may be recorded later as it is.
pub(super) fn may_pass(refusal: &v1::Refusal) -> bool {
    PASSING.contains(&refusal.code.as_str()) && refusal.reason != LASTING
}

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
