//! Authentication of callers. Without it, a service listens on loopback only.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use cra_private::Expiring;
use serde::{Deserialize, Serialize};
use tonic::codegen::http::Uri;

use super::claim_names::ClaimNames;

/// Settings of identity: the table `[identity]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IdentitySettings {
    /// TLS is terminated by a proxy, which alone can reach this address: tokens may then arrive in clear text.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub tls_by_proxy: bool,
    /// The service's certificate, and requirements on callers' certificates.
    pub tls: Option<TlsSettings>,
    /// Bearer tokens.
    pub tokens: Option<TokenSettings>,
}

/// Settings of TLS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsSettings {
    /// PEM file of the certificate, followed by the intermediate certificates.
    pub cert_file: PathBuf,
    /// PEM file of its private key.
    pub key_file: PathBuf,
    /// PEM file of the authorities of client certificates. If set, callers must have a certificate.
    pub client_ca_file: Option<PathBuf>,
    /// File of the authorities' revocation lists: one in DER, or several in PEM. If set, there must be a list of each
    /// authority of a client certificate: a certificate with unknown revocation status is refused.
    pub client_crl_file: Option<PathBuf>,
    /// Interval at which the files are checked; new ones apply to new connections, invalid ones are logged and ignored.
    #[serde(default = "reload_s")]
    pub reload_s: NonZeroU32,
}

/// Settings of tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenSettings {
    /// Required issuer of tokens: claim `iss`.
    pub issuer: String,
    /// Required audience: one of claim `aud`.
    pub audience: String,
    /// File of the issuer's keys, a JWKS; alternative to `jwks_url`.
    pub jwks_file: Option<PathBuf>,
    /// Address of the issuer's keys: https, or http on this machine; without a user.
    #[serde(default, deserialize_with = "cra_private::url::read_anonymous")]
    pub jwks_url: Option<String>,
    /// PEM file of the authority that signed the certificate of `jwks_url`, if the system does not trust it.
    pub jwks_ca_file: Option<PathBuf>,
    /// Interval at which the keys are read again.
    #[serde(default = "refresh_s")]
    pub refresh_s: NonZeroU32,
    /// Minimum interval between refreshes caused by tokens with unknown keys.
    #[serde(default = "refresh_pause_ms")]
    pub refresh_pause_ms: NonZeroU32,
    /// Accepted types of tokens: the header's `typ`, case-insensitive, with or without `application/`. A token without
    /// `typ` counts as `JWT`.
    #[serde(default = "token_types")]
    pub token_types: Vec<String>,
    /// Maximum lifetime of a token: from its `iat`, or from now if that is earlier or missing, to its `exp`.
    #[serde(default = "lifetime_max_s")]
    pub lifetime_max_s: NonZeroU32,
    /// How long keys are used that cannot be refreshed; then tokens are answered UNAVAILABLE.
    #[serde(default = "keys_max_age_s")]
    pub keys_max_age_s: NonZeroU32,
    /// Tolerated difference between the issuer's clock and this one.
    #[serde(default = "clock_skew_s")]
    pub clock_skew_s: u32,
    /// Names of the claims with client, subject, scopes and perimeter.
    #[serde(default)]
    pub claims: ClaimNames,
}

const fn non_zero(value: u32) -> NonZeroU32 {
    match NonZeroU32::new(value) {
        Some(value) => value,
        None => NonZeroU32::MIN,
    }
}

fn reload_s() -> NonZeroU32 {
    non_zero(10)
}

fn refresh_s() -> NonZeroU32 {
    non_zero(300)
}

fn refresh_pause_ms() -> NonZeroU32 {
    non_zero(5_000)
}

fn keys_max_age_s() -> NonZeroU32 {
    non_zero(24 * 3_600)
}

fn token_types() -> Vec<String> {
    // An access token of RFC 9068, and the type used before it.
    ["at+jwt", "JWT"].map(str::to_owned).to_vec()
}

fn lifetime_max_s() -> NonZeroU32 {
    non_zero(24 * 3_600)
}

fn clock_skew_s() -> u32 {
    30
}

/// Source of the issuer's keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum KeySource {
    File(PathBuf),
    Url { url: String, ca_file: Option<PathBuf> },
}

/// Inconsistent or insecure settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Neither or both sources of keys.
    #[error("`identity.tokens` needs either `jwks_file` or `jwks_url`")]
    OneKeySource,
    /// Keys that could be replaced on the network.
    #[error(
        "`identity.tokens.jwks_url` is {url}: keys come over https, or over http from this machine; anybody on the way \
         could replace them"
    )]
    KeysInClear {
        /// The address.
        url: String,
    },
    /// A certificate authority for an address without TLS.
    #[error("`identity.tokens.jwks_ca_file` requires an https `jwks_url`")]
    UselessAuthority,
    /// No token could be accepted.
    #[error(
        "`identity.tokens.token_types` is empty, so that no token would be accepted; expected for example [\"at+jwt\", \"JWT\"]"
    )]
    NoTokenType,
    /// Ambiguous names of claims.
    #[error("`identity.tokens.claims`: {0}")]
    Claims(String),
    /// A revocation list without client certificates.
    #[error("`identity.tls.client_crl_file` requires `identity.tls.client_ca_file`")]
    UselessRevocationList,
    /// An empty issuer or audience.
    #[error("`identity.tokens.issuer` and `identity.tokens.audience` cannot be empty")]
    Empty,
    /// TLS both at a proxy and here.
    #[error(
        "`identity.tls_by_proxy` and `identity.tls` exclude each other: TLS is terminated either by a proxy or here"
    )]
    TlsTwice,
}

impl IdentitySettings {
    /// The files of certificates, which end.
    #[must_use]
    pub fn expiring(&self) -> Vec<Expiring> {
        let tls = self.tls.as_ref();
        let files = [
            ("identity.tls.cert_file", tls.map(|tls| &tls.cert_file)),
            ("identity.tls.client_ca_file", tls.and_then(|tls| tls.client_ca_file.as_ref())),
            (
                "identity.tokens.jwks_ca_file",
                self.tokens.as_ref().and_then(|tokens| tokens.jwks_ca_file.as_ref()),
            ),
        ];
        files.into_iter().filter_map(|(setting, file)| Some(Expiring::certificates(setting, file?))).collect()
    }

    pub(super) fn check(&self) -> Result<(), SettingsError> {
        if self.tls_by_proxy && self.tls.is_some() {
            return Err(SettingsError::TlsTwice);
        }
        let needs_authority =
            |tls: &TlsSettings| tls.client_crl_file.is_some() && tls.client_ca_file.is_none();
        if self.tls.as_ref().is_some_and(needs_authority) {
            return Err(SettingsError::UselessRevocationList);
        }
        Ok(())
    }
}

impl TokenSettings {
    pub(super) fn key_source(&self) -> Result<KeySource, SettingsError> {
        if self.issuer.is_empty() || self.audience.is_empty() {
            return Err(SettingsError::Empty);
        }
        if self.token_types.is_empty() {
            return Err(SettingsError::NoTokenType);
        }
        self.claims.check().map_err(SettingsError::Claims)?;
        let is_https = self.jwks_url.as_ref().is_some_and(|url| url.starts_with("https://"));
        if self.jwks_ca_file.is_some() && !is_https {
            return Err(SettingsError::UselessAuthority);
        }
        match (&self.jwks_file, &self.jwks_url) {
            (Some(file), None) => Ok(KeySource::File(file.clone())),
            (None, Some(url)) if is_https || is_http_on_this_machine(url) => {
                Ok(KeySource::Url { url: url.clone(), ca_file: self.jwks_ca_file.clone() })
            }
            (None, Some(url)) => Err(SettingsError::KeysInClear { url: url.clone() }),
            _ => Err(SettingsError::OneKeySource),
        }
    }
}

fn is_http_on_this_machine(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else { return false };
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let is_loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|host| host.is_loopback());
    uri.scheme_str() == Some("http") && is_loopback
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(rest: &str) -> TokenSettings {
        let text = format!("issuer = \"i\"\naudience = \"a\"\n{rest}");
        toml::from_str(&text).unwrap()
    }

    #[test]
    fn keys_come_from_one_source_that_cannot_be_replaced_on_the_network() {
        let source = |rest: &str| tokens(rest).key_source();
        assert!(matches!(source("jwks_file = \"keys.json\""), Ok(KeySource::File(_))));
        for url in
            ["https://issuer.example/keys", "http://127.0.0.1:1/keys", "http://[::1]/k", "http://localhost/k"]
        {
            assert!(matches!(source(&format!("jwks_url = \"{url}\"")), Ok(KeySource::Url { .. })), "{url}");
        }
        for url in
            ["http://issuer.example/keys", "http://127.0.0.1.example/k", "ftp://127.0.0.1/k", "keys.json"]
        {
            assert!(
                matches!(source(&format!("jwks_url = \"{url}\"")), Err(SettingsError::KeysInClear { .. })),
                "{url}"
            );
        }
        assert_eq!(source(""), Err(SettingsError::OneKeySource));
        assert_eq!(
            source("jwks_file = \"k\"\njwks_url = \"https://i.example/k\""),
            Err(SettingsError::OneKeySource)
        );
        assert_eq!(
            source("jwks_file = \"k\"\njwks_ca_file = \"ca.pem\""),
            Err(SettingsError::UselessAuthority)
        );
    }

    #[test]
    fn an_empty_audience_or_issuer_is_refused() {
        let settings = TokenSettings { audience: String::new(), ..tokens("jwks_file = \"k\"") };
        assert_eq!(settings.key_source(), Err(SettingsError::Empty));
    }

    #[test]
    fn settings_that_refuse_everybody_or_check_nothing_are_refused_at_start() {
        let settings = TokenSettings { token_types: Vec::new(), ..tokens("jwks_file = \"k\"") };
        assert_eq!(settings.key_source(), Err(SettingsError::NoTokenType));
        let tls = |rest: &str| {
            let text = format!("[tls]\ncert_file = \"c\"\nkey_file = \"k\"\n{rest}");
            toml::from_str::<IdentitySettings>(&text).unwrap().check()
        };
        assert_eq!(tls("client_crl_file = \"r\""), Err(SettingsError::UselessRevocationList));
        assert_eq!(tls("client_ca_file = \"a\"\nclient_crl_file = \"r\""), Ok(()));
    }

    #[test]
    fn settings_are_written_out_and_read_again() {
        let settings = IdentitySettings {
            tokens: Some(tokens("jwks_file = \"keys.json\"")),
            ..IdentitySettings::default()
        };
        let text = toml::to_string(&settings).unwrap();
        assert_eq!(toml::from_str::<IdentitySettings>(&text).unwrap(), settings);
        assert!(toml::from_str::<IdentitySettings>("[tls]\ncert = \"x\"").is_err());
    }
}
