//! The issuer's public keys from a JWKS: those that can verify tokens, by key id.
//!
//! A key is used with the only algorithm of its kind, if the set does not contradict it. Others (shared secrets, other
//! curves, encryption keys) are dropped and logged.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::crypto;

/// Maximum number of keys of a set; more than any issuer has.
const KEYS_MAX: usize = 100;

/// Why a set cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// Not a JWKS.
    #[error("not a JSON Web Key Set: {0}")]
    NotASet(#[from] serde_json::Error),
    /// A set without a usable key.
    #[error(
        "none of its {0} keys can verify a token here; expected RSA (RS256, from 2048 bits), P-256 (ES256) or \
         Ed25519 (EdDSA) keys for signatures"
    )]
    NoneUsable(usize),
}

/// The keys of an issuer.
#[derive(Clone, Debug, Default)]
pub struct Keys(Vec<Key>);

#[derive(Clone, Debug)]
pub(super) struct Key {
    id: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) decoding: DecodingKey,
    /// Cancelled when the issuer's set no longer contains this key.
    pub(super) removed: CancellationToken,
    /// The members of its JWK that identify the key.
    material: [Option<Value>; MATERIAL.len()],
}

/// JWK members that are equal in all representations of a key.
const MATERIAL: [&str; 7] = ["kid", "kty", "crv", "x", "y", "n", "e"];

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

impl Keys {
    /// Parses a set; at least one key must be usable.
    pub fn parse(json: &[u8]) -> Result<Self, KeysError> {
        // Parsing needs the backend that will use the keys.
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

    /// Replaces a previous set. Grants verified with a key of both sets continue; those of removed keys end.
    pub(super) fn replacing(mut self, former: &Self) -> Self {
        for former in &former.0 {
            match self.0.iter_mut().find(|key| key.material == former.material) {
                Some(key) => key.removed = former.removed.clone(),
                None => former.removed.cancel(),
            }
        }
        self
    }

    /// The key that a token names; for a token without a key id, the only key.
    pub(super) fn find(&self, id: Option<&str>) -> Option<&Key> {
        match (id, self.0.as_slice()) {
            (None, [only]) => Some(only),
            (None, _) => None,
            (Some(id), keys) => keys.iter().find(|key| key.id.as_deref() == Some(id)),
        }
    }
}

fn usable(key: Value) -> Result<Key, &'static str> {
    let material = MATERIAL.map(|name| key.get(name).cloned());
    let jwk: Jwk = serde_json::from_value(key).map_err(|_| "it has an unknown form")?;
    if !matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature)) {
        return Err("it is not a signature key");
    }
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => Algorithm::ES256,
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => Algorithm::EdDSA,
        _ => return Err("its kind or curve is not supported"),
    };
    let its_own = match algorithm {
        Algorithm::RS256 => KeyAlgorithm::RS256,
        Algorithm::ES256 => KeyAlgorithm::ES256,
        _ => KeyAlgorithm::EdDSA,
    };
    if jwk.common.key_algorithm.is_some_and(|said| said != its_own) {
        return Err("it is declared for another algorithm");
    }
    let decoding = DecodingKey::from_jwk(&jwk).map_err(|_| "its parameters cannot be read")?;
    Ok(Key { id: jwk.common.key_id, algorithm, decoding, removed: CancellationToken::new(), material })
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
    fn a_key_is_found_by_its_id_or_if_it_is_the_only_one() {
        let alone = set(&[ED25519]).unwrap();
        assert!(alone.find(Some("e")).is_some() && alone.find(None).is_some());
        assert!(alone.find(Some("f")).is_none());
        let two = set(&[ED25519, &ED25519.replace("\"e\"", "\"f\"")]).unwrap();
        assert!(two.find(Some("f")).is_some() && two.find(None).is_none());
    }

    #[test]
    fn grants_of_a_removed_key_end_and_those_of_a_kept_one_continue() {
        let (kept, gone) = (ED25519, ED25519.replace("\"e\"", "\"f\""));
        let former = set(&[kept, &gone]).unwrap();
        let removed = |keys: &Keys, id| keys.find(Some(id)).unwrap().removed.clone();
        let (of_kept, of_gone) = (removed(&former, "e"), removed(&former, "f"));
        // The same key with an additional member.
        let told_otherwise = kept.replace("\"kid\"", "\"use\":\"sig\",\"kid\"");
        let new = set(&[&told_otherwise]).unwrap().replacing(&former);
        assert!(of_gone.is_cancelled() && !of_kept.is_cancelled());
        // Another key with the same id.
        let other = kept.replace("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", &"A".repeat(43));
        let _new = set(&[&other]).unwrap().replacing(&new);
        assert!(of_kept.is_cancelled());
    }

    #[test]
    fn keys_that_must_not_verify_tokens_are_dropped() {
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
