//! The issuer's public keys, as a JWKS says them: those that tokens can be verified with, by their key id.
//!
//! A key is used with the one algorithm of its kind, and only if the set says nothing against it. Others (shared
//! secrets, other curves, keys for encryption) are left out and told. Does not fetch anything.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;

use super::crypto;

/// Keys of one set; more than any issuer has.
const KEYS_MAX: usize = 100;

/// Why a set cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// Not a JWKS.
    #[error("not a JSON Web Key Set: {0}")]
    NotASet(#[from] serde_json::Error),
    /// A set of which no key can verify a token.
    #[error(
        "none of its {0} keys can verify a token here; expected RSA (RS256, from 2048 bits), P-256 (ES256) or \
         Ed25519 (EdDSA) keys for signatures"
    )]
    NoneUsable(usize),
}

/// The keys of an issuer.
#[derive(Clone, Debug, Default)]
pub struct Keys(Vec<Key>);

/// One key, with the algorithm it verifies.
#[derive(Clone, Debug)]
pub(super) struct Key {
    id: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) decoding: DecodingKey,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<serde_json::Value>,
}

impl Keys {
    /// Reads a set; at least one of its keys must be of use.
    pub fn parse(json: &[u8]) -> Result<Self, KeysError> {
        // What reads keys is what will use them.
        crypto::install();
        let set: Set = serde_json::from_slice(json)?;
        let count = set.keys.len();
        let mut keys = Vec::new();
        for (number, key) in set.keys.into_iter().take(KEYS_MAX).enumerate() {
            match usable(key) {
                Ok(key) => keys.push(key),
                Err(why) => tracing::warn!(number, why, "a key of the JWKS is left out"),
            }
        }
        if keys.is_empty() { Err(KeysError::NoneUsable(count)) } else { Ok(Self(keys)) }
    }

    /// The key that a token names; the only one, of a token that names none.
    pub(super) fn find(&self, id: Option<&str>) -> Option<&Key> {
        match (id, self.0.as_slice()) {
            (None, [only]) => Some(only),
            (None, _) => None,
            (Some(id), keys) => keys.iter().find(|key| key.id.as_deref() == Some(id)),
        }
    }
}

fn usable(key: serde_json::Value) -> Result<Key, &'static str> {
    let jwk: Jwk = serde_json::from_value(key).map_err(|_| "it has no form known here")?;
    if !matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature)) {
        return Err("it is not for signatures");
    }
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => Algorithm::ES256,
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => Algorithm::EdDSA,
        _ => return Err("its kind or curve verifies nothing here"),
    };
    let its_own = match algorithm {
        Algorithm::RS256 => KeyAlgorithm::RS256,
        Algorithm::ES256 => KeyAlgorithm::ES256,
        _ => KeyAlgorithm::EdDSA,
    };
    if jwk.common.key_algorithm.is_some_and(|said| said != its_own) {
        return Err("it says that it is for another algorithm");
    }
    let decoding = DecodingKey::from_jwk(&jwk).map_err(|_| "its parameters cannot be read")?;
    Ok(Key { id: jwk.common.key_id, algorithm, decoding })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519: &str =
        r#"{"kty":"OKP","crv":"Ed25519","kid":"e","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

    fn set(keys: &[&str]) -> Result<Keys, KeysError> {
        Keys::parse(format!(r#"{{"keys": [{}]}}"#, keys.join(",")).as_bytes())
    }

    #[test]
    fn a_key_is_found_by_its_id_and_without_one_only_if_there_is_no_other() {
        let alone = set(&[ED25519]).unwrap();
        assert!(alone.find(Some("e")).is_some() && alone.find(None).is_some());
        assert!(alone.find(Some("f")).is_none());
        let two = set(&[ED25519, &ED25519.replace("\"e\"", "\"f\"")]).unwrap();
        assert!(two.find(Some("f")).is_some() && two.find(None).is_none());
    }

    #[test]
    fn keys_that_must_not_verify_tokens_are_left_out() {
        let secret = r#"{"kty":"oct","kid":"s","k":"c2VjcmV0","alg":"HS256"}"#;
        let for_encryption = ED25519.replace("\"kid\"", "\"use\":\"enc\",\"kid\"");
        let other_algorithm = ED25519.replace("\"kid\"", "\"alg\":\"RS256\",\"kid\"");
        let other_curve = r#"{"kty":"EC","crv":"P-384","kid":"p","x":"AA","y":"AA"}"#;
        let unheard_of = r#"{"kty":"AKP","alg":"ML-DSA-44","kid":"m","pub":"AA"}"#;
        for unusable in [secret, &for_encryption, &other_algorithm, other_curve, unheard_of, "{}", "7"] {
            assert!(matches!(set(&[unusable]), Err(KeysError::NoneUsable(1))), "{unusable}");
            assert_eq!(set(&[unusable, ED25519]).unwrap().0.len(), 1, "{unusable}");
        }
        assert!(matches!(set(&[]), Err(KeysError::NoneUsable(0))));
        assert!(matches!(Keys::parse(b"<html>"), Err(KeysError::NotASet(_))));
    }
}
