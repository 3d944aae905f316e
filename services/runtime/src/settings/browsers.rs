//! Settings of calls from pages in browsers: the table `[server.browsers]`.

use std::fmt;

use serde::{Deserialize, Serialize};
use tonic::codegen::http::{HeaderValue, Uri};

/// Which pages may call, and by which names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BrowserSettings {
    /// Origins whose pages may call and read the answers (CORS), such as `https://tableau.example.fr`; without any, no page
    /// of another origin may.
    pub allowed_origins: Vec<Origin>,
    /// Names by which browsers and other HTTP clients may call a service without identity, besides those of this
    /// machine (`localhost`, `127.0.0.1`, `[::1]`); without port.
    pub allowed_hosts: Vec<String>,
}

/// Scheme, host and port of pages, as browsers send them in `Origin`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Origin(HeaderValue);

/// A text that is no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{found:?} is no origin of pages; expected a scheme and a host, with a port where it is not the scheme's own, in small \
     letters and without a path, such as \"https://tableau.example.fr\""
)]
pub struct OriginError {
    found: String,
}

impl Origin {
    /// As browsers send it.
    #[must_use]
    pub(crate) fn as_header(&self) -> &HeaderValue {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.to_str().unwrap_or_default())
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.to_string()
    }
}

impl TryFrom<String> for Origin {
    type Error = OriginError;

    fn try_from(text: String) -> Result<Self, OriginError> {
        let is_origin = text.parse::<Uri>().is_ok_and(|uri| {
            let written = (uri.scheme_str(), uri.authority());
            let (Some(scheme @ ("http" | "https")), Some(authority)) = written else { return false };
            let of_scheme = if scheme == "https" { Some(443) } else { Some(80) };
            let is_small = !text.contains(|c: char| c.is_ascii_uppercase());
            is_small
                && text == format!("{scheme}://{authority}")
                && !authority.as_str().contains(['@', '*'])
                && authority.port_u16() != of_scheme
        });
        match HeaderValue::from_str(&text) {
            Ok(value) if is_origin => Ok(Self(value)),
            _ => Err(OriginError { found: text }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_browsers_send_and_nothing_else() {
        for origin in ["https://tableau.example.fr", "http://localhost:5173", "http://[::1]:8080"] {
            assert_eq!(Origin::try_from(origin.to_owned()).unwrap().to_string(), origin);
        }
        for other in [
            "*",
            "null",
            "",
            "tableau.example.fr",
            "https://tableau.example.fr/",
            "https://tableau.example.fr/page",
            "https://Tableau.example.fr",
            "https://tableau.example.fr:443",
            "http://localhost:80",
            "ftp://tableau.example.fr",
            "https://user@tableau.example.fr",
            "https://*.example.fr",
        ] {
            assert!(Origin::try_from(other.to_owned()).is_err(), "{other}");
        }
        let said = Origin::try_from("https://a.fr/b".to_owned()).unwrap_err().to_string();
        assert!(
            said.contains("\"https://a.fr/b\" is no origin") && said.contains("without a path"),
            "{said}"
        );
    }
}
