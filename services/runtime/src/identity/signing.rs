//! A key for signing tokens, and its public half as a JWKS: for trials without an issuer, and for tests. Real issuers
//! manage their keys elsewhere.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair,
};
use ring::{digest, error};
use serde_json::{Value, json};
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

use super::claims::Claims;
use super::crypto;

/// Why a key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningError {
    /// The system gave no randomness, or the key is invalid.
    #[error("the key cannot be made or read: expected an Ed25519, P-256 or RSA key as PKCS#8")]
    Key,
    /// The token could not be signed.
    #[error("the token could not be signed")]
    Sign,
}

impl From<error::Unspecified> for SigningError {
    fn from(_: error::Unspecified) -> Self {
        Self::Key
    }
}

impl From<error::KeyRejected> for SigningError {
    fn from(_: error::KeyRejected) -> Self {
        Self::Key
    }
}

/// A private key, and the id of its public half.
pub struct SigningKey {
    pkcs8: Vec<u8>,
    algorithm: Algorithm,
    encoding: EncodingKey,
    /// Its parameters in a JWK, `kid` included.
    public: Value,
    id: String,
}

impl SigningKey {
    /// A new Ed25519 key, for `EdDSA`.
    pub fn generate_ed25519() -> Result<Self, SigningError> {
        Self::from_pkcs8(Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())?.as_ref())
    }

    /// A new P-256 key, for ES256.
    pub fn generate_p256() -> Result<Self, SigningError> {
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        Self::from_pkcs8(EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new())?.as_ref())
    }

    /// Reads a private key in PEM (`BEGIN PRIVATE KEY`).
    pub fn from_pem(pem: &str) -> Result<Self, SigningError> {
        let key = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| SigningError::Key)?;
        Self::from_pkcs8(key.secret_pkcs8_der())
    }

    fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, SigningError> {
        crypto::install();
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let (algorithm, encoding, public) =
            if let Ok(pair) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8) {
                let public = json!({"crv": "Ed25519", "kty": "OKP", "x": text(pair.public_key().as_ref())});
                (Algorithm::EdDSA, EncodingKey::from_ed_der(pkcs8), public)
            } else if let Ok(pair) =
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8, &SystemRandom::new())
            {
                // The byte 4, then both coordinates.
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                let public = json!({"crv": "P-256", "kty": "EC", "x": text(x), "y": text(y)});
                (Algorithm::ES256, EncodingKey::from_ec_der(pkcs8), public)
            } else {
                let pair = RsaKeyPair::from_pkcs8(pkcs8)?;
                let PublicKeyComponents::<Vec<u8>> { n, e } = pair.public().into();
                let public = json!({"e": text(&e), "kty": "RSA", "n": text(&n)});
                (Algorithm::RS256, EncodingKey::from_rsa_der(pkcs8), public)
            };
        // RFC 7638: the digest of the parameters, sorted by name.
        let id = text(digest::digest(&digest::SHA256, public.to_string().as_bytes()).as_ref());
        Ok(Self { pkcs8: pkcs8.to_vec(), algorithm, encoding, public, id })
    }

    /// The private key in PEM; a secret.
    #[must_use]
    pub fn to_pem(&self) -> String {
        let text = STANDARD.encode(&self.pkcs8);
        let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
        format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
    }

    /// The public half: an element of a JWKS.
    #[must_use]
    pub(crate) fn to_jwk(&self) -> Value {
        let mut jwk = self.public.clone();
        jwk["kid"] = self.id.clone().into();
        jwk["use"] = "sig".into();
        jwk["alg"] = json!(self.algorithm);
        jwk
    }

    /// The signature of bytes, in the form of tokens.
    #[cfg(test)]
    pub(super) fn sign_bytes(&self, bytes: &[u8]) -> Result<Vec<u8>, SigningError> {
        let signer = crypto::signer(&self.algorithm, &self.encoding).map_err(|_| SigningError::Sign)?;
        signer.try_sign(bytes).map_err(|_| SigningError::Sign)
    }

    /// A token with these claims.
    pub fn sign(&self, claims: &Claims) -> Result<String, SigningError> {
        let header = Header { kid: Some(self.id.clone()), ..Header::new(self.algorithm) };
        encode(&header, claims, &self.encoding).map_err(|_| SigningError::Sign)
    }
}

/// A JWKS with these keys.
#[must_use]
pub fn key_set(keys: &[&SigningKey]) -> Value {
    json!({"keys": keys.iter().map(|key| key.to_jwk()).collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_written_out_is_read_as_the_same_key() {
        for key in [SigningKey::generate_ed25519().unwrap(), SigningKey::generate_p256().unwrap()] {
            assert_eq!(SigningKey::from_pem(&key.to_pem()).unwrap().to_jwk(), key.to_jwk());
        }
        assert!(
            SigningKey::from_pem("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----").is_err()
        );
    }
}
