//! Answers of a stream on their way to the caller.

use cra_runtime::in_flight::Permit;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use tonic::codegen::BoxStream;

use crate::queries::Answers;

/// The stream of the answers, each of which is `looked_at` first; it holds its permit until it ends.
pub(super) fn streamed<T: Send + 'static>(
    answers: Answers<T>,
    permit: Permit,
    looked_at: impl Fn(&T) + Send + 'static,
) -> BoxStream<T> {
    Box::pin(ReceiverStream::new(answers).map(move |answer| {
        let _kept = &permit;
        answer.inspect(&looked_at).map_err(Status::from)
    }))
}
