//! Signatures of tokens with `ring`, as the backend of the token library: RS256 with keys of 2,048 to 8,192 bits, ES256
//! and `EdDSA` (Ed25519). No algorithm with a shared secret is available, so a public key can never be used as one.

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::signature::{Error as SignatureError, Signer, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind, EncodingKey};
use ring::rand::SystemRandom;
use ring::signature as by_ring;

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: signer,
    verifier_factory: verifier,
    // JWKs are not created from private keys here.
    key_utils: KeyUtils::new_unimplemented(),
};

/// Installs `ring` as the backend of the token library; no effect if it is installed.
pub(super) fn install() {
    // An error means that it was installed by an earlier call.
    let _ = PROVIDER.install_default();
}

/// The only algorithm of each kind of key.
pub(super) const ALGORITHMS: [Algorithm; 3] = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];

struct ByRing<K> {
    algorithm: Algorithm,
    key: K,
}

fn supported<K>(algorithm: Algorithm, key: K) -> Result<ByRing<K>, Error> {
    if ALGORITHMS.contains(&algorithm) {
        return Ok(ByRing { algorithm, key });
    }
    Err(ErrorKind::UnsupportedAlgorithm.into())
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as the library wants it
fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    if key.family() != algorithm.family() {
        return Err(ErrorKind::InvalidAlgorithm.into());
    }
    Ok(Box::new(supported(*algorithm, key.clone())?))
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as the library wants it
pub(super) fn signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    if key.family() != algorithm.family() {
        return Err(ErrorKind::InvalidAlgorithm.into());
    }
    Ok(Box::new(supported(*algorithm, key.clone())?))
}

impl Verifier<Vec<u8>> for ByRing<DecodingKey> {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        let plain = |algorithm: &'static dyn by_ring::VerificationAlgorithm, key: &[u8]| {
            by_ring::UnparsedPublicKey::new(algorithm, key).verify(message, signature)
        };
        let verified = match (self.algorithm, self.key.kind()) {
            (Algorithm::RS256, DecodingKeyKind::RsaModulusExponent { n, e }) => {
                by_ring::RsaPublicKeyComponents { n, e }.verify(
                    &by_ring::RSA_PKCS1_2048_8192_SHA256,
                    message,
                    signature,
                )
            }
            (Algorithm::ES256, DecodingKeyKind::SecretOrDer(key)) => {
                plain(&by_ring::ECDSA_P256_SHA256_FIXED, key)
            }
            (Algorithm::EdDSA, DecodingKeyKind::SecretOrDer(key)) => plain(&by_ring::ED25519, key),
            _ => Err(ring::error::Unspecified),
        };
        verified.map_err(|_| SignatureError::new())
    }
}

impl JwtVerifier for ByRing<DecodingKey> {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl Signer<Vec<u8>> for ByRing<EncodingKey> {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        let (random, key) = (SystemRandom::new(), self.key.as_bytes());
        let refused = |_| SignatureError::new();
        match self.algorithm {
            Algorithm::RS256 => {
                let pair = by_ring::RsaKeyPair::from_pkcs8(key).map_err(refused)?;
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&by_ring::RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .map_err(|_| SignatureError::new())?;
                Ok(signature)
            }
            Algorithm::ES256 => {
                let algorithm = &by_ring::ECDSA_P256_SHA256_FIXED_SIGNING;
                let pair = by_ring::EcdsaKeyPair::from_pkcs8(algorithm, key, &random).map_err(refused)?;
                let signature = pair.sign(&random, message).map_err(|_| SignatureError::new())?;
                Ok(signature.as_ref().to_vec())
            }
            Algorithm::EdDSA => {
                let pair = by_ring::Ed25519KeyPair::from_pkcs8_maybe_unchecked(key).map_err(refused)?;
                Ok(pair.sign(message).as_ref().to_vec())
            }
            _ => Err(SignatureError::new()),
        }
    }
}

impl JwtSigner for ByRing<EncodingKey> {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}
