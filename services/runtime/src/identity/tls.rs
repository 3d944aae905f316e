//! The service's certificate and the authorities of its callers' certificates: read at start, read again when the files
//! change, used for connections made from then on.
//!
//! TLS 1.2 and 1.3; HTTP/2 and, for callers without it, HTTP/1.1. Does not accept connections.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use tokio::sync::watch;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::{Error as PemError, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use tokio_rustls::rustls::{Error as RustlsError, RootCertStore, ServerConfig};

use super::certificates::{Verifier, Verifiers};
use super::settings::TlsSettings;
use crate::reload::Reloads;

/// Why certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("`identity.tls.{setting}`: {path} cannot be read: {source}")]
    Unreadable {
        /// The setting that names it.
        setting: &'static str,
        /// Path of the file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A file does not contain the expected PEM object.
    #[error("{path} contains no {expected} in PEM: {source}")]
    NotPem {
        /// Path of the file.
        path: PathBuf,
        /// The expected object.
        expected: &'static str,
        /// The fault of the file.
        source: PemError,
    },
    /// A file is empty.
    #[error("{path} contains no {expected}")]
    Empty {
        /// Path of the file.
        path: PathBuf,
        /// The expected object.
        expected: &'static str,
    },
    /// Certificate and key do not match, or cannot be used.
    #[error("the certificate {path} cannot be used with its key: {source}")]
    Unusable {
        /// Path of the certificate.
        path: PathBuf,
        /// The fault.
        source: RustlsError,
    },
    /// The authorities cannot be used.
    #[error("the authorities in {path} cannot be used: {source}")]
    Authorities {
        /// Their path.
        path: PathBuf,
        /// The fault.
        source: VerifierBuilderError,
    },
    /// Reading was ended.
    #[error("reading the certificates was ended")]
    Ended,
}

/// Contents of the files, for detecting changes.
#[derive(Clone, PartialEq, Eq)]
struct Files {
    cert: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
    client_crl: Option<Vec<u8>>,
}

/// TLS objects built from the files.
struct Made {
    config: Arc<ServerConfig>,
    /// Present if client certificates are required.
    verifier: Option<Verifier>,
}

/// The current TLS configuration, updated while it exists.
pub(super) struct Served {
    pub(super) config: watch::Receiver<Arc<ServerConfig>>,
    /// Present if client certificates are required.
    pub(super) verifiers: Option<Verifiers>,
}

/// Reads the files, and watches them while the result exists.
pub(super) async fn open(settings: TlsSettings) -> Result<Served, TlsError> {
    let (settings, files, made) = read(settings, None).await?;
    let Made { config, verifier } = made.ok_or(TlsError::Ended)?;
    let (sender, config) = watch::channel(config);
    let (judges, verifiers) = verifier.map(watch::channel).unzip();
    tokio::spawn(keep_fresh(settings, files, sender, judges));
    Ok(Served { config, verifiers })
}

async fn keep_fresh(
    mut settings: TlsSettings,
    mut files: Files,
    sender: watch::Sender<Arc<ServerConfig>>,
    judges: Option<watch::Sender<Verifier>>,
) {
    let every = Duration::from_secs(settings.reload_s.get().into());
    let mut reloads = Reloads::listen();
    loop {
        let is_requested = tokio::select! {
            () = tokio::time::sleep(every) => false,
            () = reloads.next() => true,
            () = sender.closed() => return,
        };
        match read(settings.clone(), Some(files.clone())).await {
            Ok((same_settings, read, made)) => {
                (settings, files) = (same_settings, read);
                if let Some(Made { config, verifier }) = made {
                    tracing::info!(file = %settings.cert_file.display(), "new certificates are used from now on");
                    sender.send_replace(config);
                    if let Some((judges, verifier)) = judges.as_ref().zip(verifier) {
                        judges.send_replace(verifier);
                    }
                } else if is_requested {
                    tracing::info!(file = %settings.cert_file.display(), "the certificates are unchanged");
                }
            }
            // Possibly half written: the next check reads it again.
            Err(error) => {
                tracing::error!(%error, "the certificates could not be read again: still using the previous ones");
            }
        }
    }
}

/// Reads the files and, if they differ from the known ones, builds the TLS objects.
async fn read(
    settings: TlsSettings,
    known: Option<Files>,
) -> Result<(TlsSettings, Files, Option<Made>), TlsError> {
    let reading = tokio::task::spawn_blocking(move || {
        let bytes = |setting, path: &Path| {
            fs::read(path).map_err(|source| TlsError::Unreadable { setting, path: path.to_owned(), source })
        };
        let authorities = |path| bytes("client_ca_file", path);
        let revocations = |path| bytes("client_crl_file", path);
        let files = Files {
            cert: bytes("cert_file", &settings.cert_file)?,
            key: bytes("key_file", &settings.key_file)?,
            client_ca: settings.client_ca_file.as_deref().map(authorities).transpose()?,
            client_crl: settings.client_crl_file.as_deref().map(revocations).transpose()?,
        };
        let made = if known.as_ref() == Some(&files) { None } else { Some(made_of(&settings, &files)?) };
        Ok((settings, files, made))
    });
    reading.await.map_err(|_| TlsError::Ended)?
}

fn made_of(settings: &TlsSettings, files: &Files) -> Result<Made, TlsError> {
    let TlsSettings { cert_file, key_file, .. } = settings;
    let unusable = |source| TlsError::Unusable { path: cert_file.clone(), source };
    let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?;
    let verifier = verifier(settings, files)?;
    let builder = match &verifier {
        Some(verifier) => builder.with_client_cert_verifier(Arc::clone(verifier)),
        None => builder.with_no_client_auth(),
    };
    let key = PrivateKeyDer::from_pem_slice(&files.key).map_err(|source| TlsError::NotPem {
        path: key_file.clone(),
        expected: "private key",
        source,
    })?;
    let chain = certificates(cert_file, &files.cert)?;
    let mut config = builder.with_single_cert(chain, key).map_err(unusable)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Made { config: Arc::new(config), verifier })
}

/// The verifier of client certificates, if they are required. With revocation lists, those of all authorities of a
/// chain must be present.
fn verifier(settings: &TlsSettings, files: &Files) -> Result<Option<Verifier>, TlsError> {
    let Some((path, pem)) = settings.client_ca_file.as_ref().zip(files.client_ca.as_ref()) else {
        return Ok(None);
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path, pem)? {
        roots.add(certificate).map_err(|source| TlsError::Unusable { path: path.clone(), source })?;
    }
    let provider = Arc::new(default_provider());
    let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    if let Some((path, bytes)) = settings.client_crl_file.as_ref().zip(files.client_crl.as_ref()) {
        builder = builder.with_crls(revocation_lists(path, bytes)?);
    }
    let built = builder.build();
    built.map(Some).map_err(|source| TlsError::Authorities { path: path.clone(), source })
}

/// Authorities publish a list in DER; several are combined in PEM.
fn revocation_lists(
    path: &Path,
    bytes: &[u8],
) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsError> {
    const EXPECTED: &str = "list of revoked certificates (X509 CRL)";
    if bytes.is_empty() {
        return Err(TlsError::Empty { path: path.to_owned(), expected: EXPECTED });
    }
    if !bytes.trim_ascii_start().starts_with(b"-----BEGIN") {
        return Ok(vec![bytes.to_vec().into()]);
    }
    let read: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(bytes).collect();
    let lists =
        read.map_err(|source| TlsError::NotPem { path: path.to_owned(), expected: EXPECTED, source })?;
    let empty = TlsError::Empty { path: path.to_owned(), expected: EXPECTED };
    if lists.is_empty() { Err(empty) } else { Ok(lists) }
}

fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let certificates =
        read.map_err(|source| TlsError::NotPem { path: path.to_owned(), expected: "certificate", source })?;
    let empty = TlsError::Empty { path: path.to_owned(), expected: "certificate" };
    if certificates.is_empty() { Err(empty) } else { Ok(certificates) }
}
