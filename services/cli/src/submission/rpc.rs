//! The two RPCs that take a stream of items: what each makes of an item, and what its answers say.

use cra_contracts::v1;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::Outcome;
use super::content::Document;
use crate::client::Connection;

/// A call that takes items and answers each by its number.
pub(crate) trait Rpc {
    /// What an item of the file holds.
    type Content: Clone;
    type Request: Send + 'static;
    type Answer;

    /// That the item came with.
    fn id(content: &Self::Content) -> &str;

    /// The item under a number, which no other of the stream has.
    fn request(&self, item: u64, content: Self::Content) -> Self::Request;

    fn open(
        connection: &Connection,
        requests: ReceiverStream<Self::Request>,
    ) -> impl Future<Output = Result<Streaming<Self::Answer>, Status>>;

    /// The number that is answered, and how; none when the answer says nothing.
    fn outcome(answer: Self::Answer) -> Option<(u64, Outcome)>;
}

/// Whether the service records what it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Record,
    ValidateOnly,
}

/// `SubmitCras`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Submit {
    pub(crate) mode: Mode,
}

impl Rpc for Submit {
    type Content = v1::SubmitCraRequest;
    type Request = v1::SubmitCrasRequest;
    type Answer = v1::SubmitCrasResponse;

    fn id(content: &Self::Content) -> &str {
        &content.cra_id
    }

    fn request(&self, item: u64, mut submission: Self::Content) -> Self::Request {
        submission.validate_only |= self.mode == Mode::ValidateOnly;
        v1::SubmitCrasRequest { item, submission: Some(submission) }
    }

    async fn open(
        connection: &Connection,
        requests: ReceiverStream<Self::Request>,
    ) -> Result<Streaming<Self::Answer>, Status> {
        Ok(connection.ingestion().submit_cras(requests).await?.into_inner())
    }

    fn outcome(answer: Self::Answer) -> Option<(u64, Outcome)> {
        use v1::submit_cras_response::Outcome as Answer;
        let outcome = match answer.outcome? {
            Answer::Receipt(receipt) => Outcome::Received { receipt, notes: Vec::new() },
            Answer::Refusal(refusal) => Outcome::Refused(refusal),
        };
        Some((answer.item, outcome))
    }
}

/// `ImportLegacyCras`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Import {
    /// That all documents were written with; 0 where each document says which.
    pub(crate) form_version: u32,
}

impl Rpc for Import {
    type Content = Document;
    type Request = v1::ImportLegacyCrasRequest;
    type Answer = v1::ImportLegacyCrasResponse;

    fn id(content: &Self::Content) -> &str {
        &content.legacy_id
    }

    fn request(&self, item: u64, Document { legacy_id, text }: Self::Content) -> Self::Request {
        let form_version = self.form_version;
        v1::ImportLegacyCrasRequest { item, legacy_id, form_version, document: text.into() }
    }

    async fn open(
        connection: &Connection,
        requests: ReceiverStream<Self::Request>,
    ) -> Result<Streaming<Self::Answer>, Status> {
        Ok(connection.ingestion().import_legacy_cras(requests).await?.into_inner())
    }

    fn outcome(answer: Self::Answer) -> Option<(u64, Outcome)> {
        use v1::import_legacy_cras_response::Outcome as Answer;
        let outcome = match answer.outcome? {
            Answer::Receipt(receipt) => Outcome::Received { receipt, notes: answer.notes },
            Answer::Refusal(refusal) => Outcome::Refused(refusal),
        };
        Some((answer.item, outcome))
    }
}
