//! The endpoint of a service: a validated address, with the certificates to trust and to present.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// PEM files of a TLS client.
#[derive(Clone, Copy, Debug, Default)]
pub struct TlsFiles<'a> {
    /// The authority that signed the services' certificates; if absent, the system's authorities.
    pub ca: Option<&'a Path>,
    /// The client certificate; used with `key`.
    pub cert: Option<&'a Path>,
    /// The private key of the client certificate.
    pub key: Option<&'a Path>,
}

/// Why an address cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// It contains a user, a password or a token.
    #[error("{}", cra_private::url::refusal("leave it out of the address"))]
    UserInUrl,
    /// It is not the address of a service.
    #[error("{0}")]
    BadUrl(String),
    /// A PEM file cannot be read.
    #[error("{path} cannot be read: {source}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

/// The endpoint at `url`. With a token (`carries_token`), a network address must use TLS.
///
/// ```
/// use cra_client::{Bearer, Clients, TlsFiles, endpoint};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let projection = endpoint("http://127.0.0.1:50052", TlsFiles::default(), false).unwrap();
/// // Connects at the first call.
/// let statistics = Clients::new(projection.connect_lazy(), Bearer::Nothing).statistics();
/// # drop(statistics);
///
/// let refused = endpoint("http://cra.example.fr", TlsFiles::default(), true).unwrap_err();
/// assert_eq!(refused.to_string(), "a token would cross the network in clear; use https://");
/// # });
/// ```
pub fn endpoint(url: &str, tls: TlsFiles<'_>, carries_token: bool) -> Result<Endpoint, EndpointError> {
    if cra_private::url::names_user(url) {
        return Err(EndpointError::UserInUrl);
    }
    let bad = |error: &(dyn std::error::Error + 'static)| EndpointError::BadUrl(innermost(error));
    let endpoint = Endpoint::from_shared(url.to_owned()).map_err(|error| bad(&error))?;
    let is_on_this_machine = is_loopback(endpoint.uri().host().unwrap_or_default());
    let endpoint = match endpoint.uri().scheme_str() {
        Some("https") => endpoint.tls_config(read(tls)?).map_err(|error| bad(&error))?,
        Some("http") if carries_token && !is_on_this_machine => {
            let problem = "a token would cross the network in clear; use https://";
            return Err(EndpointError::BadUrl(problem.to_owned()));
        }
        Some("http") => endpoint,
        _ => {
            let problem = "it starts neither with https:// nor with http://";
            return Err(EndpointError::BadUrl(problem.to_owned()));
        }
    };
    Ok(endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT))
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|host| host.is_loopback())
}

fn read(files: TlsFiles<'_>) -> Result<ClientTlsConfig, EndpointError> {
    let read = |path: &Path| {
        fs::read(path).map_err(|source| EndpointError::Unreadable { path: path.to_owned(), source })
    };
    let mut tls = match files.ca {
        Some(path) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(path)?)),
        None => ClientTlsConfig::new().with_native_roots(),
    };
    if let Some((cert, key)) = files.cert.zip(files.key) {
        tls = tls.identity(Identity::from_pem(read(cert)?, read(key)?));
    }
    Ok(tls)
}

/// The innermost cause: the transport's own text is only "transport error".
#[must_use]
pub fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_never_sent_over_the_network_in_clear_text() {
        let refused = endpoint("http://192.0.2.1:50051", TlsFiles::default(), true).unwrap_err();
        assert!(refused.to_string().contains("in clear"), "{refused}");
        for url in ["http://127.0.0.1:50051", "http://localhost:50051", "http://[::1]:50051"] {
            assert!(endpoint(url, TlsFiles::default(), true).is_ok(), "{url}");
        }
        assert!(endpoint("http://192.0.2.1:50051", TlsFiles::default(), false).is_ok());
    }

    #[test]
    fn an_address_with_a_user_is_refused_without_quoting_it() {
        let refused = endpoint("http://user:secret@127.0.0.1:50051", TlsFiles::default(), false).unwrap_err();
        assert!(!refused.to_string().contains("secret"), "{refused}");
    }
}
