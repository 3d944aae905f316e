//! Records a confirmed file in the background. Lines without an outcome are sent again under the same ids, until the
//! service has been unavailable for too long.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use cra_client::{Clients, is_transient};
use cra_contracts::v1::submit_cras_response::Outcome;
use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::check::of_refusal;
use super::exchange::submit;
use super::registry::{Import, Phase};

/// Pause between two streams.
const RETRY_DELAY: Duration = Duration::from_secs(1);
/// Number of consecutive streams without an outcome after which the recording stops.
const FAILED_STREAMS_MAX: usize = 30;

/// Records every line without an outcome, with the credentials of the person who confirmed.
pub(super) async fn record(clients: Clients, import: Arc<Import>, turns: Arc<Semaphore>) {
    // The semaphore is never closed.
    let _turn = turns.acquire_owned().await;
    let mut fruitless = 0;
    let phase = loop {
        let pending = import.progress().pending.clone();
        if pending.is_empty() {
            break Phase::Done;
        }
        let before = pending.len();
        let (source, taker) = (Arc::clone(&import), Arc::clone(&import));
        let requests = pending
            .into_iter()
            .filter_map(move |index| Some((index as u64, source.lines.get(index)?.request.clone())));
        let mut reported = HashSet::new();
        let sent = submit(&clients, requests, |item, outcome| {
            let index = usize::try_from(item).unwrap_or(usize::MAX);
            if reported.insert(index) {
                take(&taker, index, &outcome);
            }
        })
        .await;
        if let Err(status) = &sent {
            tracing::warn!(code = ?status.code(), message = status.message(), "an import was interrupted");
        }
        let is_refused = matches!(&sent, Err(status) if !is_passing(status));
        fruitless = if import.progress().pending.len() < before { 0 } else { fruitless + 1 };
        if is_refused || fruitless >= FAILED_STREAMS_MAX {
            break Phase::Interrupted;
        }
        if !import.progress().pending.is_empty() {
            sleep(RETRY_DELAY).await;
        }
    };
    import.progress().phase = phase;
}

/// Whether the same stream may succeed later.
fn is_passing(status: &tonic::Status) -> bool {
    use tonic::Code;
    !matches!(status.code(), Code::Unauthenticated | Code::PermissionDenied | Code::Unimplemented)
}

/// Records the outcome of a line in the progress.
fn take(import: &Import, index: usize, outcome: &Outcome) {
    let Some(line) = import.lines.get(index) else { return };
    let refused = match outcome {
        Outcome::Refusal(refusal) if is_transient(refusal) => return,
        Outcome::Refusal(refusal) => of_refusal(&import.sheets, line, refusal),
        Outcome::Receipt(_) => Vec::new(),
    };
    let mut progress = import.progress();
    let Ok(found) = progress.pending.binary_search(&index) else { return };
    progress.pending.remove(found);
    match outcome {
        Outcome::Receipt(receipt) if receipt.duplicate => {
            progress.already += 1;
            progress.withdrawn += u64::from(receipt.withdrawn);
        }
        Outcome::Receipt(_) => progress.recorded += 1,
        Outcome::Refusal(_) => {
            progress.refused += 1;
            progress.problems.extend(refused);
        }
    }
}
