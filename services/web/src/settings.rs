//! The settings of the pages' process, and the rules between them.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::PathBuf;
use std::time::Duration;

use cra_private::Expiring;
use cra_runtime::telemetry::TelemetrySettings;
use serde::{Deserialize, Serialize};

/// Settings of `cra-web`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Address to which browsers, or the reverse proxy in front, connect.
    pub listen: SocketAddr,
    /// Names that browsers may call the pages by, without port, such as `cra.example.fr`. Names of this machine
    /// (localhost, 127.0.0.1, `[::1]`) are always taken; any other is refused.
    pub hosts: Vec<String>,
    /// The services.
    pub services: ServicesSettings,
    /// Identity of the caller.
    pub identity: IdentitySettings,
    /// The appearance of the pages, and the names of people and places.
    pub web: WebSettings,
    /// Forms that change something.
    pub forms: FormSettings,
    /// Limits on concurrent work.
    pub limits: Limits,
    /// Deadline for pages in flight when the process stops.
    pub drain_deadline_ms: NonZeroU64,
    /// Logs and metrics.
    pub telemetry: TelemetrySettings,
}

/// The addresses of the services, and the certificates to trust and to show.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServicesSettings {
    /// The ingestion service, which forms are sent to.
    pub ingestion_url: String,
    /// The projection service.
    pub projection_url: String,
    /// PEM file of the authority that signed their certificates; without it, those of the system.
    pub ca_file: Option<PathBuf>,
    /// PEM file of the certificate to show.
    pub cert_file: Option<PathBuf>,
    /// PEM file of its private key.
    pub key_file: Option<PathBuf>,
}

impl ServicesSettings {
    /// The certificate files, which expire.
    pub(crate) fn expiring(&self) -> Vec<Expiring> {
        let files = [("services.ca_file", &self.ca_file), ("services.cert_file", &self.cert_file)];
        files
            .into_iter()
            .filter_map(|(setting, file)| Some(Expiring::certificates(setting, file.as_ref()?)))
            .collect()
    }
}

/// Where the caller's token comes from. The pages forward it unchanged; the services check its scopes and perimeter.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IdentitySettings {
    /// The header in which the reverse proxy that did the login sends the token. Without it, there is no identity and the
    /// pages listen on loopback only.
    pub token_from: Option<TokenHeader>,
    /// TLS ends at a reverse proxy that alone reaches this address: required to listen beyond loopback.
    pub tls_by_proxy: bool,
}

/// A header that carries a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenHeader {
    /// `Authorization: Bearer …`.
    Authorization,
    /// `X-Forwarded-Access-Token: …`, as oauth2-proxy sends it.
    XForwardedAccessToken,
}

/// The appearance of the pages, and the names of people and places.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebSettings {
    /// Style of the pages.
    pub brand: Brand,
    /// Folder of the unpacked npm package `@gouvfr/dsfr` 1.15; required with the brand `etat`.
    pub dsfr: Option<PathBuf>,
    /// CSV file of the names of advisors, structures and venues: `id;kind;name`. Without it the pages show their ids.
    pub names: Option<PathBuf>,
}

/// Style of the pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Brand {
    /// The neutral style.
    #[default]
    Neutral,
    /// The State's style, which its terms reserve to the administration.
    Etat,
}

/// Protection of forms against pages elsewhere.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FormSettings {
    /// File of 32 to 4,096 random bytes that sign the tokens, one for all processes behind an address. Without it each
    /// process draws its key at its start, and forms that were open before ask to be sent again.
    pub key_file: Option<PathBuf>,
    /// How long a form may stay open, in seconds.
    pub lifetime_s: NonZeroU64,
}

impl Default for FormSettings {
    fn default() -> Self {
        Self { key_file: None, lifetime_s: const { NonZeroU64::new(12 * 60 * 60).unwrap() } }
    }
}

/// Limits of a process.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Open connections. A further one waits.
    pub connections: NonZeroU32,
    /// Pages and files in flight. A further one is answered 503.
    pub pages_in_flight: NonZeroU32,
    /// Requests in flight of one person, by the subject of the token. A further one is answered 503.
    pub requests_of_a_person: NonZeroU32,
    /// Pages that follow their figures. A further one is answered 503.
    pub live_streams: NonZeroU32,
    /// Time limit of a page; beyond it, the answer is 504. Files may take longer.
    pub page_timeout_ms: NonZeroU64,
    /// Bytes of an imported file. A larger one is answered 413.
    pub upload_bytes: NonZeroU64,
    /// Files to import that are received and read concurrently, each in memory with its unpacked content. A further one
    /// is answered 503.
    pub uploads_in_flight: NonZeroU32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 50_080)),
            hosts: Vec::new(),
            services: ServicesSettings::default(),
            identity: IdentitySettings::default(),
            web: WebSettings::default(),
            forms: FormSettings::default(),
            limits: Limits::default(),
            drain_deadline_ms: const { NonZeroU64::new(10_000).unwrap() },
            telemetry: TelemetrySettings::default(),
        }
    }
}

impl Default for ServicesSettings {
    fn default() -> Self {
        Self {
            ingestion_url: "http://127.0.0.1:50051".to_owned(),
            projection_url: "http://127.0.0.1:50052".to_owned(),
            ca_file: None,
            cert_file: None,
            key_file: None,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: const { NonZeroU32::new(512).unwrap() },
            pages_in_flight: const { NonZeroU32::new(64).unwrap() },
            page_timeout_ms: const { NonZeroU64::new(30_000).unwrap() },
            requests_of_a_person: const { NonZeroU32::new(16).unwrap() },
            live_streams: const { NonZeroU32::new(128).unwrap() },
            upload_bytes: const { NonZeroU64::new(8 * 1_024 * 1_024).unwrap() },
            uploads_in_flight: const { NonZeroU32::new(2).unwrap() },
        }
    }
}

/// Settings that contradict each other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// An address beyond loopback without identity.
    #[error(
        "refusing to listen on {0}: no identity is configured, so anyone who reaches this address could read \
         everything; set `identity.token_from` to the header of the reverse proxy's token, or listen on 127.0.0.1"
    )]
    Exposed(SocketAddr),
    /// Tokens without TLS.
    #[error(
        "refusing to listen on {0}: tokens would cross the network in clear; set `identity.tls_by_proxy` where TLS ends at \
         a proxy that alone reaches this address, or listen on 127.0.0.1"
    )]
    InClear(SocketAddr),
    /// A name with a scheme, a port or a path.
    #[error("`hosts` holds `{0}`; expected a name alone, such as cra.example.fr")]
    Host(String),
    /// The State's style without its files.
    #[error(
        "`web.brand` is `etat`, and `web.dsfr` is missing; expected the folder of the unpacked npm package @gouvfr/dsfr 1.15"
    )]
    NoDsfr,
    /// One of a pair of files without the other.
    #[error("`services.cert_file` and `services.key_file` belong together: one of them is missing")]
    HalfACertificate,
}

impl Settings {
    /// Checks the rules that the types cannot express.
    pub fn check(&self) -> Result<(), SettingsError> {
        if !self.listen.ip().to_canonical().is_loopback() {
            match self.identity {
                IdentitySettings { token_from: None, .. } => {
                    return Err(SettingsError::Exposed(self.listen));
                }
                IdentitySettings { tls_by_proxy: false, .. } => {
                    return Err(SettingsError::InClear(self.listen));
                }
                IdentitySettings { .. } => {}
            }
        }
        let is_name = |host: &&String| !host.is_empty() && !host.contains(['/', ':', '@', ' ']);
        if let Some(host) = self.hosts.iter().find(|host| !is_name(host)) {
            return Err(SettingsError::Host(host.clone()));
        }
        if self.web.brand == Brand::Etat && self.web.dsfr.is_none() {
            return Err(SettingsError::NoDsfr);
        }
        if self.services.cert_file.is_some() != self.services.key_file.is_some() {
            return Err(SettingsError::HalfACertificate);
        }
        Ok(())
    }

    pub(crate) fn drain_deadline(&self) -> Duration {
        Duration::from_millis(self.drain_deadline_ms.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(change: impl FnOnce(&mut Settings)) -> Result<(), SettingsError> {
        let mut settings = Settings::default();
        change(&mut settings);
        settings.check()
    }

    #[test]
    fn pages_without_identity_stay_on_this_machine() {
        let anywhere = SocketAddr::from(([0, 0, 0, 0], 50_080));
        assert_eq!(checked(|_| {}), Ok(()));
        assert_eq!(checked(|it| it.listen = anywhere), Err(SettingsError::Exposed(anywhere)));
        let with_token = |it: &mut Settings| {
            it.listen = anywhere;
            it.identity.token_from = Some(TokenHeader::Authorization);
        };
        assert_eq!(checked(with_token), Err(SettingsError::InClear(anywhere)));
        let behind_proxy = |it: &mut Settings| {
            with_token(it);
            it.identity.tls_by_proxy = true;
        };
        assert_eq!(checked(behind_proxy), Ok(()));
    }

    #[test]
    fn a_host_is_a_name_alone_and_a_certificate_has_its_key() {
        for host in ["https://cra.example.fr", "cra.example.fr:443", "cra.example.fr/", ""] {
            let refused = checked(|it| it.hosts = vec![host.to_owned()]);
            assert_eq!(refused, Err(SettingsError::Host(host.to_owned())));
        }
        assert_eq!(checked(|it| it.hosts = vec!["cra.example.fr".to_owned()]), Ok(()));
        assert_eq!(checked(|it| it.web.brand = Brand::Etat), Err(SettingsError::NoDsfr));
        let half = checked(|it| it.services.cert_file = Some("web.pem".into()));
        assert_eq!(half, Err(SettingsError::HalfACertificate));
    }
}
