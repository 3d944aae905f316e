//! The service's certificate and the authorities of its callers' certificates: read at start, read again when the files
//! change, used for connections made from then on.
//!
//! TLS 1.2 and 1.3, `h2` only. Does not accept connections.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use tokio::sync::watch;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::{Error as PemError, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use tokio_rustls::rustls::{Error as RustlsError, RootCertStore, ServerConfig};

use super::settings::TlsSettings;

/// Why certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{path} cannot be read: {source}")]
    Unreadable {
        /// Its path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file holds no such thing in PEM.
    #[error("{path} holds no {expected} in PEM: {source}")]
    NotPem {
        /// Its path.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
        /// What is wrong with it.
        source: PemError,
    },
    /// A file holds nothing.
    #[error("{path} holds no certificate")]
    Empty {
        /// Its path.
        path: PathBuf,
    },
    /// Certificate and key do not belong together, or are of no use.
    #[error("the certificate {path} cannot be used with its key: {source}")]
    Unusable {
        /// Path of the certificate.
        path: PathBuf,
        /// What is wrong with them.
        source: RustlsError,
    },
    /// The authorities are of no use.
    #[error("the authorities in {path} cannot be used: {source}")]
    Authorities {
        /// Their path.
        path: PathBuf,
        /// What is wrong with them.
        source: VerifierBuilderError,
    },
    /// Reading was ended.
    #[error("reading the certificates was ended")]
    Ended,
}

/// What the files hold, to know when they changed.
#[derive(Clone, PartialEq, Eq)]
struct Files {
    cert: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

/// Reads the files, and watches them while the receiver is held.
pub(super) async fn open(settings: TlsSettings) -> Result<watch::Receiver<Arc<ServerConfig>>, TlsError> {
    let (settings, files, config) = read(settings, None).await?;
    let config = config.ok_or(TlsError::Ended)?;
    let (sender, receiver) = watch::channel(config);
    tokio::spawn(keep_fresh(settings, files, sender));
    Ok(receiver)
}

async fn keep_fresh(mut settings: TlsSettings, mut files: Files, sender: watch::Sender<Arc<ServerConfig>>) {
    let every = Duration::from_secs(settings.reload_s.get().into());
    loop {
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = sender.closed() => return,
        }
        match read(settings.clone(), Some(files.clone())).await {
            Ok((same_settings, read, config)) => {
                (settings, files) = (same_settings, read);
                if let Some(config) = config {
                    tracing::info!(file = %settings.cert_file.display(), "new certificates serve from now on");
                    sender.send_replace(config);
                }
            }
            // Half written, perhaps: the next look tells.
            Err(error) => {
                tracing::error!(%error, "the certificates could not be read again: the former ones serve on");
            }
        }
    }
}

/// The files and, unless they are those that are known, what they make.
async fn read(
    settings: TlsSettings,
    known: Option<Files>,
) -> Result<(TlsSettings, Files, Option<Arc<ServerConfig>>), TlsError> {
    let reading = tokio::task::spawn_blocking(move || {
        let bytes = |path: &Path| {
            fs::read(path).map_err(|source| TlsError::Unreadable { path: path.to_owned(), source })
        };
        let files = Files {
            cert: bytes(&settings.cert_file)?,
            key: bytes(&settings.key_file)?,
            client_ca: settings.client_ca_file.as_deref().map(bytes).transpose()?,
        };
        let config = if known.as_ref() == Some(&files) { None } else { Some(config(&settings, &files)?) };
        Ok((settings, files, config))
    });
    reading.await.map_err(|_| TlsError::Ended)?
}

fn config(settings: &TlsSettings, files: &Files) -> Result<Arc<ServerConfig>, TlsError> {
    let TlsSettings { cert_file, key_file, client_ca_file, .. } = settings;
    let unusable = |source| TlsError::Unusable { path: cert_file.clone(), source };
    let provider = Arc::new(default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?;
    let builder = match client_ca_file.as_ref().zip(files.client_ca.as_ref()) {
        Some((path, pem)) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(path, pem)? {
                roots.add(certificate).map_err(|source| TlsError::Unusable { path: path.clone(), source })?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            let verifier = verifier.map_err(|source| TlsError::Authorities { path: path.clone(), source })?;
            builder.with_client_cert_verifier(verifier)
        }
        None => builder.with_no_client_auth(),
    };
    let key = PrivateKeyDer::from_pem_slice(&files.key).map_err(|source| TlsError::NotPem {
        path: key_file.clone(),
        expected: "private key",
        source,
    })?;
    let chain = certificates(cert_file, &files.cert)?;
    let mut config = builder.with_single_cert(chain, key).map_err(unusable)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Arc::new(config))
}

fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let certificates =
        read.map_err(|source| TlsError::NotPem { path: path.to_owned(), expected: "certificate", source })?;
    if certificates.is_empty() { Err(TlsError::Empty { path: path.to_owned() }) } else { Ok(certificates) }
}
