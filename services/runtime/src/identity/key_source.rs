//! Reads the issuer's key set from a file, or over http(s) with a small client. Blocks: call it on a blocking thread.
//! Follows no redirects; at most a mebibyte within ten seconds.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::{Error as PemError, PemObject as _};
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

use super::settings::KeySource;

const SET_BYTES_MAX: u64 = 1_024 * 1_024;
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a key set could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file cannot be read.
    #[error("`identity.tokens.jwks_file`: the key set {path} cannot be read: {source}")]
    File {
        /// Path of the key set.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The authorities of the address cannot be read.
    #[error("`identity.tokens.jwks_ca_file`: the certificates in {path} cannot be read: {source}")]
    Authority {
        /// Path of the PEM file.
        path: PathBuf,
        /// The fault of the file.
        source: PemError,
    },
    /// The address did not return a key set.
    #[error("{url} gave no key set: {source}")]
    Fetch {
        /// The address.
        url: String,
        /// The error.
        source: Box<ureq::Error>,
    },
}

pub(super) enum Source {
    File(PathBuf),
    Url { url: String, agent: Agent },
}

impl Source {
    pub(super) fn open(source: KeySource) -> Result<Self, SourceError> {
        match source {
            KeySource::File(path) => Ok(Self::File(path)),
            KeySource::Url { url, ca_file } => Ok(Self::Url { agent: agent(ca_file.as_deref())?, url }),
        }
    }

    pub(super) fn read(&self) -> Result<Vec<u8>, SourceError> {
        match self {
            Self::File(path) => {
                fs::read(path).map_err(|source| SourceError::File { path: path.clone(), source })
            }
            Self::Url { url, agent } => {
                let fetched = agent.get(url).call().and_then(|mut answer| {
                    answer.body_mut().with_config().limit(SET_BYTES_MAX).read_to_vec()
                });
                fetched.map_err(|source| SourceError::Fetch { url: url.clone(), source: Box::new(source) })
            }
        }
    }
}

fn agent(ca_file: Option<&Path>) -> Result<Agent, SourceError> {
    let roots = match ca_file {
        Some(path) => {
            authorities(path).map_err(|source| SourceError::Authority { path: path.to_owned(), source })?
        }
        None => rustls_native_certs::load_native_certs().certs,
    };
    let roots: Vec<_> = roots.iter().map(|root| Certificate::from_der(root).to_owned()).collect();
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(default_provider()))
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .build();
    let config = Agent::config_builder()
        .timeout_global(Some(FETCH_TIMEOUT))
        // A redirect could lead from https to http, or to an internal address.
        .max_redirects(0)
        .tls_config(tls)
        .build();
    Ok(config.new_agent())
}

fn authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, PemError> {
    CertificateDer::pem_file_iter(path)?.collect()
}
