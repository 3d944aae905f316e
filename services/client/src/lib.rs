//! Reaching the two services over gRPC: the address of a service checked, its channel, the token that each call carries,
//! and a typed client per service. The command line and the pages share it.
//!
//! Does not say what went wrong in words for a user: its callers do, each for its readers. Does not retry.

mod bearer;
mod endpoint;

use std::time::Duration;

use cra_contracts::v1::ingestion_service_client::IngestionServiceClient;
use cra_contracts::v1::operations_service_client::OperationsServiceClient;
use cra_contracts::v1::reference_service_client::ReferenceServiceClient;
use cra_contracts::v1::statistics_service_client::StatisticsServiceClient;
use tonic::Request;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic_health::pb::health_client::HealthClient;

pub use bearer::{Bearer, TokenError};
pub use endpoint::{EndpointError, TlsFiles, endpoint, innermost};

/// Of a unary call; leaves time to wait for a position of the log.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// Answers with every commune's postal codes, or a long history, stay below.
const MESSAGE_BYTES_MAX: usize = 16 * 1_024 * 1_024;

/// A channel on which every call carries the token.
pub type Calls = InterceptedService<Channel, Bearer>;

/// The clients of one service's API over one channel; clones share the channel.
#[derive(Clone, Debug)]
pub struct Clients(Calls);

impl Clients {
    /// Calls over this channel, each with what `bearer` says.
    #[must_use]
    pub fn new(channel: Channel, bearer: Bearer) -> Self {
        Self(InterceptedService::new(channel, bearer))
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

    /// Words and communes.
    #[must_use]
    pub fn reference(&self) -> ReferenceServiceClient<Calls> {
        ReferenceServiceClient::new(self.0.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    /// The projection's state and its replays.
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
