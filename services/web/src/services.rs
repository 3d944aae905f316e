//! Clients of the two services, which send the token of the browser's request.

use axum::http::{HeaderMap, header};
use cra_client::{Bearer, Clients, EndpointError, TlsFiles};
use cra_runtime::traces;
use tonic::Status;
use tonic::transport::Channel;

use crate::caller::Caller;
use crate::fault::Fault;
use crate::settings::{Settings, TokenHeader};

const BEARER: &str = "Bearer ";

/// Channels to the services. They connect on first use, and reconnect after a failure.
#[derive(Clone, Debug)]
pub(crate) struct Services {
    ingestion: Channel,
    projection: Channel,
    token_from: Option<TokenHeader>,
}

impl Services {
    /// Must be called within the tokio runtime.
    pub(crate) fn new(settings: &Settings) -> Result<Self, EndpointError> {
        let files = &settings.services;
        let tls = TlsFiles {
            ca: files.ca_file.as_deref(),
            cert: files.cert_file.as_deref(),
            key: files.key_file.as_deref(),
        };
        let token_from = settings.identity.token_from;
        let channel = |url| -> Result<Channel, EndpointError> {
            Ok(cra_client::endpoint(url, tls, token_from.is_some())?.connect_lazy())
        };
        let ingestion = channel(&files.ingestion_url)?;
        Ok(Self { ingestion, projection: channel(&files.projection_url)?, token_from })
    }

    /// Client of ingestion, with the token of this request.
    pub(crate) fn ingestion(&self, headers: &HeaderMap) -> Result<Clients, Fault> {
        self.clients(&self.ingestion, headers)
    }

    /// Client of the projection, with the token of this request.
    pub(crate) fn projection(&self, headers: &HeaderMap) -> Result<Clients, Fault> {
        self.clients(&self.projection, headers)
    }

    /// Continues the trace of the page.
    fn clients(&self, channel: &Channel, headers: &HeaderMap) -> Result<Clients, Fault> {
        let traceparent = traces::traceparent();
        Ok(Clients::of_trace(channel.clone(), self.bearer(headers)?, traceparent.as_deref()))
    }

    /// The claims of this request's token, unverified.
    pub(crate) fn caller(&self, headers: &HeaderMap) -> Caller {
        self.token(headers).map(Caller::of_token).unwrap_or_default()
    }

    fn bearer(&self, headers: &HeaderMap) -> Result<Bearer, Fault> {
        if self.token_from.is_none() {
            return Ok(Bearer::Nothing);
        }
        let token = self.token(headers).ok_or(Fault::NoToken)?;
        Bearer::of_token(token).map_err(|_| Fault::NoToken)
    }

    fn token<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let token = match self.token_from? {
            TokenHeader::Authorization => text(header::AUTHORIZATION.as_str()).and_then(without_scheme),
            TokenHeader::XForwardedAccessToken => text("x-forwarded-access-token"),
        };
        token.filter(|token| !token.trim().is_empty())
    }
}

/// The token after `Bearer`, in any case.
fn without_scheme(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_at_checked(BEARER.len())?;
    scheme.eq_ignore_ascii_case(BEARER).then_some(token)
}

/// The answer of a service, or its error as a fault.
pub(crate) fn answer<T>(answer: Result<tonic::Response<T>, Status>) -> Result<T, Fault> {
    answer.map(tonic::Response::into_inner).map_err(|status| Fault::Refused(Box::new(status)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_of_a_token_is_read_in_any_case_and_no_other_scheme_is() {
        assert_eq!(without_scheme("Bearer abc"), Some("abc"));
        assert_eq!(without_scheme("bearer abc"), Some("abc"));
        for other in ["Basic abc", "Bearerabc", "", "Bearé abc"] {
            assert_eq!(without_scheme(other), None, "{other}");
        }
    }
}
