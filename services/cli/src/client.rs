//! Connections to the services: one channel each, opened before the first call, with a token if configured and a
//! deadline on every call.
//!
//! Errors are English, for operators; faults of a form are shown with the service's French messages. There are no
//! retries: submissions carry ids, so a command can safely be run again.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use cra_client::{Bearer, Clients, EndpointError, TlsFiles, TokenError, innermost, is_permanent};
use cra_contracts::v1::ingestion_service_client::IngestionServiceClient;
use cra_contracts::v1::operations_service_client::OperationsServiceClient;
use cra_contracts::v1::reference_service_client::ReferenceServiceClient;
use cra_contracts::v1::statistics_service_client::StatisticsServiceClient;
use cra_runtime::rejection;
use tonic::{Code, Response, Status};
use tonic_health::pb::health_client::HealthClient;

pub(crate) use cra_client::{Calls, within_deadline};

use crate::args::{CredentialArgs, EndpointArgs};
use crate::render::text::printable;

pub(crate) use crate::service::Service;

/// Why a call has no usable answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error(
        "`{url}` is not an address of the {service}: {problem}; expected, for example, http://127.0.0.1:50051 \
         with {}", service.flag()
    )]
    BadUrl { service: Service, url: String, problem: String },
    #[error("{}: {}", .0.flag(), cra_private::url::refusal("give --token-file, or --cert with --key, instead"))]
    UserInUrl(Service),
    #[error("{path} cannot be read: {source}", path = path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error(
        "cannot reach the {service} at {url}: {problem}\n\
         start both services with `cra standalone`, or `{}` alone, or say where it is with {}",
        service.binary(), service.flag()
    )]
    Unreachable { service: Service, url: String, problem: String },
    #[error("the {service} at {url} {}", reported(status))]
    Answered { service: Service, url: String, status: Box<Status> },
}

impl ClientError {
    /// Whether a retry may succeed: the service is unavailable or busy, or the connection broke. The transport reports
    /// a broken connection under various codes, always with its cause.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::BadUrl { .. } | Self::UserInUrl(_) | Self::Unreadable { .. } => false,
            Self::Unreachable { .. } => true,
            Self::Answered { status, .. } => {
                let away = matches!(
                    status.code(),
                    Code::Unavailable | Code::ResourceExhausted | Code::DeadlineExceeded | Code::Cancelled
                );
                // A permanent abort, such as the position of another log, has no retry delay.
                let passes = status.code() == Code::Aborted && rejection::retry_delay_of(status).is_some();
                let lasts = rejection::reason_of(status).is_some_and(|reason| is_permanent(&reason));
                (away && !lasts) || passes || std::error::Error::source(&**status).is_some()
            }
        }
    }

    /// Whether a position is of a log that was replaced in order to forget: no event is lost, and a copy begins anew.
    pub(crate) fn was_forgotten(&self) -> bool {
        matches!(self, Self::Answered { status, .. } if rejection::fact_of(status, "forgotten_at").is_some())
    }

    /// When the service asks to be called again, if it does.
    pub(crate) fn retry_delay(&self) -> Option<Duration> {
        match self {
            Self::Answered { status, .. } => rejection::retry_delay_of(status),
            Self::BadUrl { .. } | Self::UserInUrl(_) | Self::Unreadable { .. } | Self::Unreachable { .. } => {
                None
            }
        }
    }

    /// Whether the service answered `NOT_FOUND`.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Answered { status, .. } if status.code() == Code::NotFound)
    }
}

fn bearer(credentials: &CredentialArgs) -> Result<Bearer, TokenError> {
    match (&credentials.token, &credentials.token_file) {
        (Some(token), _) => Bearer::of_token(token.expose()),
        (None, Some(file)) => Ok(Bearer::File(file.clone())),
        (None, None) => Ok(Bearer::Nothing),
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Connection {
    service: Service,
    url: String,
    clients: Clients,
}

impl Connection {
    /// Opens the channel to a service, with the endpoints and credentials of the command line.
    pub(crate) async fn to(service: Service, endpoints: &EndpointArgs) -> Result<Self, ClientError> {
        let url = match service {
            Service::Ingestion => &endpoints.ingestion_url,
            Service::Projection => &endpoints.projection_url,
        };
        Self::open_as(service, url, &endpoints.credentials).await
    }

    /// Like [`Connection::to`], for a service without identity.
    pub(crate) async fn open(service: Service, url: &str) -> Result<Self, ClientError> {
        Self::open_as(service, url, &CredentialArgs::default()).await
    }

    async fn open_as(service: Service, url: &str, credentials: &CredentialArgs) -> Result<Self, ClientError> {
        let bad = |problem: String| ClientError::BadUrl { service, url: url.to_owned(), problem };
        let bearer = bearer(credentials).map_err(|error| bad(error.to_string()))?;
        let CredentialArgs { ca, cert, key, .. } = credentials;
        let tls = TlsFiles { ca: ca.as_deref(), cert: cert.as_deref(), key: key.as_deref() };
        let endpoint = cra_client::endpoint(url, tls, bearer.carries_token());
        let endpoint = endpoint.map_err(|error| match error {
            EndpointError::UserInUrl => ClientError::UserInUrl(service),
            EndpointError::BadUrl(problem) => bad(problem),
            EndpointError::Unreadable { path, source } => ClientError::Unreadable { path, source },
        })?;
        let channel = endpoint.connect().await.map_err(|error| ClientError::Unreachable {
            service,
            url: url.to_owned(),
            problem: innermost(&error),
        })?;
        Ok(Self { service, url: url.to_owned(), clients: Clients::new(channel, bearer) })
    }

    pub(crate) fn ingestion(&self) -> IngestionServiceClient<Calls> {
        self.clients.ingestion()
    }

    pub(crate) fn statistics(&self) -> StatisticsServiceClient<Calls> {
        self.clients.statistics()
    }

    pub(crate) fn reference(&self) -> ReferenceServiceClient<Calls> {
        self.clients.reference()
    }

    pub(crate) fn operations(&self) -> OperationsServiceClient<Calls> {
        self.clients.operations()
    }

    pub(crate) fn health(&self) -> HealthClient<Calls> {
        self.clients.health()
    }

    /// The answer to a call, or an error that names the service.
    pub(crate) fn answer<T>(&self, answer: Result<Response<T>, Status>) -> Result<T, ClientError> {
        answer.map(Response::into_inner).map_err(|status| self.failure(status))
    }

    pub(crate) fn failure(&self, status: Status) -> ClientError {
        ClientError::Answered { service: self.service, url: self.url.clone(), status: Box::new(status) }
    }
}

/// Describes a status to the operator, followed by each violation for the person who filled in the form.
fn reported(status: &Status) -> String {
    let did = match status.code() {
        Code::InvalidArgument => "refused the request",
        Code::NotFound => "did not find it",
        Code::PermissionDenied | Code::Unauthenticated => "refused access",
        Code::DeadlineExceeded | Code::Cancelled => "did not answer in time",
        Code::Unavailable => "is not available",
        Code::ResourceExhausted => "is busy",
        Code::Unimplemented => "does not offer this (is it the other service's address?)",
        _ => "failed",
    };
    let name = rejection::reason_of(status).unwrap_or_else(|| rejection::code_name(status.code()).to_owned());
    let mut text = format!("{did} ({}): {}", printable(&name), printable(status.message()));
    if let Some(french) = rejection::french_of(status) {
        text += &format!("\n  {}", printable(&french));
    }
    for violation in rejection::violations_of(status) {
        let message = match violation.localized_message.as_str() {
            "" => &violation.description,
            french => french,
        };
        let (field, reason) = (printable(&violation.field), printable(&violation.reason));
        text += &format!("\n  {field} ({reason}): {}", printable(message));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use cra_runtime::rejection::{Violation, invalid_argument};

    #[tokio::test]
    async fn an_unreachable_service_is_reported_with_its_url_and_what_to_start() {
        // Bound and closed again, so that no process listens on the port.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = format!("http://127.0.0.1:{port}");
        let error = Connection::open(Service::Projection, &url).await.unwrap_err().to_string();
        assert!(error.contains(&url) && error.contains("refused"), "{error}");
        assert!(error.contains("cra standalone") && error.contains("--projection-url"), "{error}");
    }

    #[tokio::test]
    async fn a_malformed_address_is_reported_with_its_flag() {
        for url in ["127.0.0.1:50051", "ftp://example.org", "not a url"] {
            let error = Connection::open(Service::Ingestion, url).await.unwrap_err();
            assert!(matches!(error, ClientError::BadUrl { .. }), "{url}: {error}");
            assert!(error.to_string().contains("--ingestion-url"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_token_is_never_sent_in_clear_text() {
        let credentials = CredentialArgs { token: Some("secret".into()), ..CredentialArgs::default() };
        let url = "http://192.0.2.1:50051";
        let error = Connection::open_as(Service::Ingestion, url, &credentials).await.unwrap_err();
        assert!(matches!(error, ClientError::BadUrl { .. }), "{error}");
        assert!(error.to_string().contains("in clear") && !error.to_string().contains("secret"), "{error}");
    }

    #[test]
    fn temporary_failures_are_retried_and_refusals_are_not() {
        let failed = |status: Status| ClientError::Answered {
            service: Service::Projection,
            url: "http://127.0.0.1:50052".to_owned(),
            status: Box::new(status),
        };
        for status in [
            Status::invalid_argument(""),
            Status::out_of_range(""),
            Status::unimplemented(""),
            Status::permission_denied(""),
            Status::internal("internal error"),
        ] {
            assert!(!failed(status.clone()).may_pass(), "{status}");
        }
        for status in [Status::unavailable(""), Status::resource_exhausted(""), Status::cancelled("")] {
            assert!(failed(status.clone()).may_pass(), "{status}");
        }
        let busy = rejection::Rejection::new(rejection::BUSY, "busy");
        assert_eq!(failed(busy.into()).retry_delay(), Some(Duration::from_secs(1)));
    }

    #[test]
    fn violations_are_shown_with_path_reason_and_french_message() {
        let status = invalid_argument(vec![Violation {
            field: "selection.themes[0]".to_owned(),
            reason: "UNKNOWN_VALUE".into(),
            description: "no such theme".to_owned(),
            localized_message: "Cette thématique n’existe pas.\u{1b}[31m".to_owned(),
        }]);
        let text = reported(&status);
        assert!(text.contains("selection.themes[0] (UNKNOWN_VALUE): Cette thématique"), "{text}");
        assert!(!text.contains('\u{1b}'), "control characters of a service must not reach the terminal");
    }
}
