//! Certificates of connected callers, and whether they are still accepted: by the current authorities and revocation
//! lists, not those of the handshake.
//!
//! Files are read in [`super::tls`].

use std::fmt::Write as _;
use std::future::pending;
use std::sync::Arc;

use parking_lot::Mutex;
use ring::digest;
use tokio::sync::watch;
use tokio_rustls::rustls::pki_types::{CertificateDer, UnixTime};
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tonic::{Code, Status};

use crate::rejection::{Rejection, Retry, Row};

/// The current verifier of callers' certificates.
pub(crate) type Verifiers = watch::Receiver<Verifier>;
pub(crate) type Verifier = Arc<dyn ClientCertVerifier>;

/// The caller's certificate was revoked or has expired, or its authority is no longer trusted.
const CERTIFICATE_REVOKED: Row =
    Row { code: Code::Unauthenticated, reason: "CERTIFICATE_REVOKED", retry: Retry::Never };

/// The certificate of a connection, accepted at its handshake.
pub(crate) struct ShownCertificate {
    /// The certificate first, then the intermediate ones.
    chain: Vec<CertificateDer<'static>>,
    digest: [u8; 32],
    in_hexadecimal: Arc<str>,
    /// The last verifier, and whether it accepts the chain.
    judged: Mutex<Option<(Verifier, bool)>>,
}

impl ShownCertificate {
    /// `None` for an empty chain.
    pub(crate) fn of(chain: &[CertificateDer<'_>]) -> Option<Self> {
        let own = chain.first()?;
        let digest: [u8; 32] = digest::digest(&digest::SHA256, own).as_ref().try_into().ok()?;
        Some(Self {
            chain: chain.iter().map(|certificate| certificate.clone().into_owned()).collect(),
            digest,
            in_hexadecimal: hexadecimal(&digest).into(),
            judged: Mutex::default(),
        })
    }

    /// SHA-256 of the certificate.
    pub(crate) fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// The same in hexadecimal.
    pub(crate) fn in_hexadecimal(&self) -> &Arc<str> {
        &self.in_hexadecimal
    }

    /// Whether a verifier accepts it; checked once per verifier.
    fn is_accepted_by(&self, verifier: &Verifier) -> bool {
        let mut judged = self.judged.lock();
        if let Some((last, accepts)) = &*judged
            && Arc::ptr_eq(last, verifier)
        {
            return *accepts;
        }
        let accepts = self
            .chain
            .split_first()
            .is_some_and(|(own, between)| verifier.verify_client_cert(own, between, UnixTime::now()).is_ok());
        *judged = Some((Arc::clone(verifier), accepts));
        accepts
    }

    /// Whether a call may still use it.
    pub(crate) fn check(&self, verifiers: &Verifiers) -> Result<(), Status> {
        if self.is_accepted_by(&verifiers.borrow()) { Ok(()) } else { Err(revoked()) }
    }

    /// Waits until it is no longer accepted; returns the status for its streams.
    pub(crate) async fn ends(&self, mut verifiers: Verifiers) -> Status {
        loop {
            let verifier = Arc::clone(&verifiers.borrow_and_update());
            if !self.is_accepted_by(&verifier) {
                return revoked();
            }
            if verifiers.changed().await.is_err() {
                return pending().await;
            }
        }
    }
}

/// Bytes in lower-case hexadecimal.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn revoked() -> Status {
    let message = "the client certificate of this connection is no longer accepted; connect with another one";
    Rejection::new(CERTIFICATE_REVOKED, message).into()
}
