//! Client side of both services over gRPC: validated addresses, channels, credentials of each call, and a typed client
//! per service. Shared by the command line and the pages.
//!
//! Errors are not phrased for users: each caller does that for its readers. There are no retries.

mod bearer;
mod endpoint;
mod refusals;

use std::time::Duration;

use cra_contracts::v1::ingestion_service_client::IngestionServiceClient;
use cra_contracts::v1::operations_service_client::OperationsServiceClient;
use cra_contracts::v1::reference_service_client::ReferenceServiceClient;
use cra_contracts::v1::statistics_service_client::StatisticsServiceClient;
use tonic::metadata::AsciiMetadataValue;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Request, Status};
use tonic_health::pb::health_client::HealthClient;

pub use bearer::{Bearer, TokenError};
pub use endpoint::{EndpointError, TlsFiles, endpoint, innermost};
pub use refusals::{is_permanent, is_transient};

/// Deadline of a unary call; leaves time to wait for a position of the log.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// Above the largest answers: every commune with its postal codes, or a long history.
const MESSAGE_BYTES_MAX: usize = 16 * 1_024 * 1_024;

/// A channel that adds the credentials to every call.
pub type Calls = InterceptedService<Channel, Carried>;

/// What every call carries: the credentials, and the trace that it belongs to.
#[derive(Clone, Debug)]
pub struct Carried {
    bearer: Bearer,
    traceparent: Option<AsciiMetadataValue>,
}

impl Interceptor for Carried {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(traceparent) = &self.traceparent {
            request.metadata_mut().insert("traceparent", traceparent.clone());
        }
        self.bearer.call(request)
    }
}

/// The clients of one service over one channel; clones share the channel.
#[derive(Clone, Debug)]
pub struct Clients(Calls);

impl Clients {
    /// Calls over this channel, with the credentials of `bearer`.
    #[must_use]
    pub fn new(channel: Channel, bearer: Bearer) -> Self {
        Self::of_trace(channel, bearer, None)
    }

    /// Like [`Clients::new`], for calls that belong to a trace, with the value of its header `traceparent` (W3C Trace
    /// Context). A value that no header takes is left out.
    #[must_use]
    pub fn of_trace(channel: Channel, bearer: Bearer, traceparent: Option<&str>) -> Self {
        let traceparent = traceparent.and_then(|text| text.parse().ok());
        Self(InterceptedService::new(channel, Carried { bearer, traceparent }))
    }

    /// Submissions, corrections, imports and histories.
    #[must_use]
    pub fn ingestion(&self) -> IngestionServiceClient<Calls> {
        IngestionServiceClient::new(self.0.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    /// Figures, lists and files.
    #[must_use]
    pub fn statistics(&self) -> StatisticsServiceClient<Calls> {
        StatisticsServiceClient::new(self.0.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    /// Vocabulary and communes.
    #[must_use]
    pub fn reference(&self) -> ReferenceServiceClient<Calls> {
        ReferenceServiceClient::new(self.0.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    /// State of the projection, and replays.
    #[must_use]
    pub fn operations(&self) -> OperationsServiceClient<Calls> {
        OperationsServiceClient::new(self.0.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    /// The health of the process.
    #[must_use]
    pub fn health(&self) -> HealthClient<Calls> {
        HealthClient::new(self.0.clone())
    }
}

/// A unary request under the deadline of [`CALL_TIMEOUT`].
pub fn within_deadline<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(CALL_TIMEOUT);
    request
}
