//! Where the log is and how long to wait for it. Every value has a default; unknown keys are errors.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

/// Settings of the log on NATS JetStream.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct NatsSettings {
    /// Server, or several separated by commas: `nats://host:4222` or `tls://host:4222`.
    pub url: String,
    /// Name of the stream.
    pub stream: String,
    /// What subjects begin with; the CRA's id follows.
    pub subject_prefix: String,
    /// Copies of the stream: 1 on a single server, 3 in production.
    pub replicas: usize,
    /// User, with `password`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Password of `user`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// Token, instead of user and password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<Secret>,
    /// PEM file of the authority that signed the server's certificate, when the system does not know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<std::path::PathBuf>,
    /// How long one attempt to connect may take.
    pub connect_timeout_ms: u64,
    /// How long to try at start before giving up.
    pub start_timeout_ms: u64,
    /// How long an append may take, tries after a lost answer included.
    pub append_timeout_ms: u64,
    /// How long any other request may take.
    pub request_timeout_ms: u64,
}

impl Default for NatsSettings {
    fn default() -> Self {
        Self {
            url: "nats://127.0.0.1:4222".to_owned(),
            stream: "CRA".to_owned(),
            subject_prefix: "cra.event".to_owned(),
            replicas: 1,
            user: None,
            password: None,
            token: None,
            ca_file: None,
            connect_timeout_ms: 2_000,
            start_timeout_ms: 30_000,
            append_timeout_ms: 5_000,
            request_timeout_ms: 5_000,
        }
    }
}

impl NatsSettings {
    /// The servers, without the spaces around them.
    pub(super) fn servers(&self) -> Vec<&str> {
        self.url.split(',').map(str::trim).filter(|server| !server.is_empty()).collect()
    }

    pub(super) fn start_timeout(&self) -> Duration {
        Duration::from_millis(self.start_timeout_ms)
    }

    pub(super) fn append_timeout(&self) -> Duration {
        Duration::from_millis(self.append_timeout_ms)
    }
}

/// A value that is neither printed nor written out.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Hides a value.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_given_means_the_defaults() {
        let settings: NatsSettings = serde_json::from_str("{}").unwrap();
        assert_eq!((settings.stream.as_str(), settings.replicas), ("CRA", 1));
        assert_eq!(settings.servers(), ["nats://127.0.0.1:4222"]);
    }

    #[test]
    fn an_unknown_key_is_an_error() {
        assert!(serde_json::from_str::<NatsSettings>(r#"{"replica": 3}"#).is_err());
    }

    #[test]
    fn secrets_are_neither_printed_nor_written_out() {
        let settings = NatsSettings { password: Some(Secret::new("tell-nobody")), ..NatsSettings::default() };
        assert!(!format!("{settings:?}").contains("tell-nobody"));
        assert!(!serde_json::to_string(&settings).unwrap().contains("tell-nobody"));
    }

    #[test]
    fn several_servers_are_separated_by_commas() {
        let settings = NatsSettings { url: "nats://a, nats://b,".to_owned(), ..NatsSettings::default() };
        assert_eq!(settings.servers(), ["nats://a", "nats://b"]);
    }
}
