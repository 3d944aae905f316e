//! Settings of the log: its address, credentials and timeouts. Every value has a default; unknown keys are errors.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::{self, Context};
use cra_private::{Expiring, Secret, url};
use serde::{Deserialize, Deserializer, Serialize};

use super::login::{self, Login};

/// What to do with the user of a URL.
const USER_ELSEWHERE: &str = "give `user` and `password`, `token`, `nkey_file` or `credentials_file` instead \
                              (CRA_LOG__USER and CRA_LOG__PASSWORD in the environment)";

/// Settings of the log on NATS JetStream.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct NatsSettings {
    /// Server, or several separated by commas: `nats://host:4222` or `tls://host:4222`, without a user.
    #[serde(deserialize_with = "url_without_user")]
    pub url: String,
    /// Name of the stream.
    pub stream: String,
    /// Slot of the stream, instead of `stream` and `subject_prefix`.
    pub slot: Option<Slot>,
    /// JetStream domain of the stream, if the connected server is a leaf node of it.
    pub domain: Option<String>,
    /// Prefix of JetStream requests instead of `$JS.API`, for an account that imports another's. Excludes `domain`.
    pub api_prefix: Option<String>,
    /// Prefix of subjects, followed by the id of the stream of events.
    pub subject_prefix: String,
    /// Number of replicas of the stream: 1 on a single server, 3 in production.
    pub replicas: usize,
    /// Whether a missing stream is created. A user without that right waits for the log's operator to create it (`cra
    /// log create`), up to `start_timeout_ms`.
    pub create_stream: bool,
    /// User, with `password`. The server's answers are sent to inboxes below `_INBOX_<user>`, so that a user's
    /// permissions need not include the inboxes of others.
    pub user: Option<String>,
    /// Password of `user`.
    pub password: Option<Secret>,
    /// File of the password of `user`, instead of `password`: read at each connection. A final line break is ignored.
    pub password_file: Option<PathBuf>,
    /// Token, instead of user and password.
    pub token: Option<Secret>,
    /// File of an nkey's seed (`SU…`), instead of user and password.
    pub nkey_file: Option<PathBuf>,
    /// Credentials file (`.creds`: a JWT and its seed), instead of user and password.
    pub credentials_file: Option<PathBuf>,
    /// PEM file of the authority that signed the server's certificate, if the system does not trust it.
    pub ca_file: Option<PathBuf>,
    /// PEM file of the client certificate, with `key_file`.
    pub cert_file: Option<PathBuf>,
    /// PEM file of the private key of `cert_file`.
    pub key_file: Option<PathBuf>,
    /// Refuse a server without TLS, whatever the scheme of its URL.
    pub require_tls: bool,
    /// Timeout of one attempt to connect.
    pub connect_timeout_ms: u64,
    /// How long to retry at start-up before giving up.
    pub start_timeout_ms: u64,
    /// Timeout of an append, including retries after a lost answer.
    pub append_timeout_ms: u64,
    /// Timeout of any other request.
    pub request_timeout_ms: u64,
}

/// One of two streams for the log on the same servers: a new log can replace the former one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Slot {
    /// Stream `CRA_A` with the subjects `cra.a.event.*`.
    A,
    /// Stream `CRA_B` with the subjects `cra.b.event.*`.
    B,
}

impl Slot {
    /// Name of its stream.
    #[must_use]
    pub fn stream(self) -> &'static str {
        match self {
            Self::A => "CRA_A",
            Self::B => "CRA_B",
        }
    }

    fn subject_prefix(self) -> &'static str {
        match self {
            Self::A => "cra.a.event",
            Self::B => "cra.b.event",
        }
    }
}

impl Default for NatsSettings {
    fn default() -> Self {
        Self {
            url: "nats://127.0.0.1:4222".to_owned(),
            stream: "CRA".to_owned(),
            slot: None,
            domain: None,
            api_prefix: None,
            subject_prefix: "cra.event".to_owned(),
            replicas: 1,
            create_stream: true,
            user: None,
            password: None,
            password_file: None,
            token: None,
            nkey_file: None,
            credentials_file: None,
            ca_file: None,
            cert_file: None,
            key_file: None,
            require_tls: false,
            connect_timeout_ms: 2_000,
            start_timeout_ms: 30_000,
            append_timeout_ms: 5_000,
            request_timeout_ms: 5_000,
        }
    }
}

impl NatsSettings {
    /// The servers, trimmed.
    fn servers(&self) -> Vec<&str> {
        self.url.split(',').map(str::trim).filter(|server| !server.is_empty()).collect()
    }

    /// The settings with the stream and the subjects of the slot, where one is given.
    #[must_use]
    pub fn of_slot(self) -> Self {
        match self.slot {
            Some(slot) => Self {
                stream: slot.stream().to_owned(),
                subject_prefix: slot.subject_prefix().to_owned(),
                ..self
            },
            None => self,
        }
    }

    /// The servers, or why the url cannot be used. Also checks settings made in code.
    pub(super) fn checked_servers(&self) -> Result<Vec<&str>, String> {
        if url::names_user(&self.url) {
            return Err(url::refusal(USER_ELSEWHERE));
        }
        let servers = self.servers();
        if servers.is_empty() { Err("url names no server".to_owned()) } else { Ok(servers) }
    }

    /// Reads every configured file, so that a missing one is reported at once, with its setting.
    pub(super) fn check_files(&self) -> Result<(), String> {
        let files = [
            ("ca_file", &self.ca_file),
            ("cert_file", &self.cert_file),
            ("key_file", &self.key_file),
            ("password_file", &self.password_file),
            ("nkey_file", &self.nkey_file),
            ("credentials_file", &self.credentials_file),
        ];
        for (setting, file) in files {
            let Some(path) = file else { continue };
            let shown = path.display();
            let text =
                fs::read(path).map_err(|error| format!("`{setting}`: {shown} cannot be read: {error}"))?;
            let holds = |label: &str| text.windows(label.len()).any(|window| window == label.as_bytes());
            if matches!(setting, "ca_file" | "cert_file") && !holds("-----BEGIN CERTIFICATE-----") {
                return Err(format!("`{setting}`: {shown} contains no certificate in PEM"));
            }
            if setting == "key_file" && !holds("PRIVATE KEY-----") {
                return Err(format!("`{setting}`: {shown} contains no private key in PEM"));
            }
        }
        Ok(())
    }

    /// The files of certificates and credentials, which end.
    #[must_use]
    pub fn expiring(&self) -> Vec<Expiring> {
        let certificates = [("log.ca_file", &self.ca_file), ("log.cert_file", &self.cert_file)];
        let certificates = certificates
            .into_iter()
            .filter_map(|(setting, file)| Some(Expiring::certificates(setting, file.as_ref()?)));
        let credentials = self
            .credentials_file
            .iter()
            .map(|file| Expiring::read_by("log.credentials_file", file, login::end_of_credentials));
        certificates.chain(credentials).collect()
    }

    /// What the server is shown: one way, whole; or why that cannot be said.
    pub(super) fn login(&self) -> Result<Login<'_>, &'static str> {
        let Self { user, password, password_file, token, nkey_file, credentials_file, .. } = self;
        if self.cert_file.is_some() != self.key_file.is_some() {
            return Err("cert_file and key_file go together");
        }
        let named = match (user, password, password_file) {
            (Some(user), Some(password), None) => Some(Login::User { user, password: password.expose() }),
            (Some(user), None, Some(file)) => Some(Login::PasswordFile { user, file }),
            (None, None, None) => None,
            (_, Some(_), Some(_)) => return Err("choose one of password and password_file"),
            _ => return Err("user and password, or user and password_file, go together"),
        };
        let ways = [
            named,
            token.as_ref().map(|token| Login::Token(token.expose())),
            nkey_file.as_deref().map(Login::NkeyFile),
            credentials_file.as_deref().map(Login::CredentialsFile),
        ];
        let mut ways = ways.into_iter().flatten();
        match (ways.next(), ways.next()) {
            (Some(_), Some(_)) => {
                Err("choose one of user with password, token, nkey_file and credentials_file")
            }
            (only, _) => Ok(only.unwrap_or(Login::Nothing)),
        }
    }

    /// Prefix of inboxes, if not the library's `_INBOX`: with the user, if the name can be part of a subject.
    pub(super) fn inbox_prefix(&self) -> Option<String> {
        let is_token = |user: &&String| {
            !user.is_empty() && user.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        };
        self.user.as_ref().filter(is_token).map(|user| format!("_INBOX_{user}"))
    }

    /// The JetStream context, or the fault of the settings.
    pub(super) fn context(&self, client: Client) -> Result<Context, String> {
        let is_subject = |text: &str| text.split('.').all(is_token);
        match (&self.domain, &self.api_prefix) {
            (None, None) => Ok(jetstream::new(client)),
            (Some(_), Some(_)) => Err("choose one of domain and api_prefix".to_owned()),
            (Some(domain), None) if is_token(domain) => Ok(jetstream::with_domain(client, domain)),
            (Some(domain), None) => Err(format!("domain {domain:?}: expected letters, digits, - and _")),
            (None, Some(prefix)) if is_subject(prefix) => Ok(jetstream::with_prefix(client, prefix)),
            (None, Some(prefix)) => Err(format!(
                "api_prefix {prefix:?}: expected a subject such as $JS.hub.API, without a final dot"
            )),
        }
    }

    pub(super) fn start_timeout(&self) -> Duration {
        Duration::from_millis(self.start_timeout_ms)
    }

    pub(super) fn append_timeout(&self) -> Duration {
        Duration::from_millis(self.append_timeout_ms)
    }
}

/// Whether a text is one token of a subject, without wildcards.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '$'))
}

fn url_without_user<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    url::read(deserializer, USER_ELSEWHERE)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn without_settings_the_defaults_apply() {
        let settings: NatsSettings = serde_json::from_str("{}").unwrap();
        assert_eq!((settings.stream.as_str(), settings.replicas), ("CRA", 1));
        assert_eq!(settings.servers(), ["nats://127.0.0.1:4222"]);
    }

    #[test]
    fn a_slot_names_stream_and_subjects() {
        let settings: NatsSettings = serde_json::from_str(r#"{"slot": "b", "stream": "other"}"#).unwrap();
        let settings = settings.of_slot();
        assert_eq!((settings.stream.as_str(), settings.subject_prefix.as_str()), ("CRA_B", "cra.b.event"));
        assert_eq!(NatsSettings::default().of_slot().stream, "CRA");
        assert!(serde_json::from_str::<NatsSettings>(r#"{"slot": "c"}"#).is_err());
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
    fn a_user_in_the_url_is_refused_with_the_settings_to_use_and_without_the_secret() {
        let url = "nats://a:4222,nats://ingestion:hunter2@b:4222";
        let read = serde_json::from_value::<NatsSettings>(serde_json::json!({ "url": url }));
        let made = NatsSettings { url: url.to_owned(), ..NatsSettings::default() };
        for error in [read.unwrap_err().to_string(), made.checked_servers().unwrap_err()] {
            assert!(error.contains("CRA_LOG__PASSWORD") && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn exactly_one_complete_login_is_accepted() {
        let secret = || Some(Secret::new("s"));
        let none = NatsSettings::default();
        let user = NatsSettings { user: Some("u".to_owned()), password: secret(), ..none.clone() };
        assert_eq!(none.login(), Ok(Login::Nothing));
        assert_eq!(user.login(), Ok(Login::User { user: "u", password: "s" }));
        let half = NatsSettings { password: None, ..user.clone() };
        let file = NatsSettings { password_file: Some("f".into()), ..half.clone() };
        assert_eq!(file.login(), Ok(Login::PasswordFile { user: "u", file: Path::new("f") }));
        let both = NatsSettings { password_file: Some("f".into()), ..user.clone() };
        let two = NatsSettings { token: secret(), ..user };
        let certificate_alone = NatsSettings { cert_file: Some("cert.pem".into()), ..none };
        for contradictory in [half, both, two, certificate_alone] {
            assert!(contradictory.login().is_err(), "{contradictory:?}");
        }
    }

    #[test]
    fn inboxes_are_named_after_the_user_where_a_subject_can_hold_the_name() {
        let of = |user: &str| NatsSettings { user: Some(user.to_owned()), ..NatsSettings::default() };
        assert_eq!(of("ingestion").inbox_prefix().as_deref(), Some("_INBOX_ingestion"));
        for user in ["", "a.b", "a>", "*", "a b"] {
            assert_eq!(of(user).inbox_prefix(), None, "{user:?}");
        }
        assert_eq!(NatsSettings::default().inbox_prefix(), None);
    }

    #[test]
    fn several_servers_are_separated_by_commas() {
        let settings = NatsSettings { url: "nats://a, nats://b,".to_owned(), ..NatsSettings::default() };
        assert_eq!(settings.servers(), ["nats://a", "nats://b"]);
    }
}
