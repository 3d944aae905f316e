//! What every request passes: the name that it calls the pages by, and the headers of security on its answer.

use std::net::IpAddr;

use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// Scripts, styles and pictures of this origin only, none inline; no frame around a page.
const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; object-src 'none'; base-uri 'none'; \
                      form-action 'self'; frame-ancestors 'none'";

/// Whether a request calls the pages by a name of this machine or a configured one. Another name is a page elsewhere whose
/// name was made to lead here (DNS rebinding).
pub(crate) fn knows_host(headers: &HeaderMap, hosts: &[String]) -> bool {
    let mut named = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (named.next(), named.next()) else { return false };
    let Ok(authority) = Authority::try_from(host.as_bytes()) else { return false };
    let name = authority.host();
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let is_of_this_machine =
        name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback());
    is_of_this_machine || hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Adds the headers of security.
pub(crate) fn secure(headers: &mut HeaderMap) {
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        ),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // What a page shows may be for its reader alone.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(host: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_str(host).unwrap());
        knows_host(&headers, &["cra.example.fr".to_owned()])
    }

    #[test]
    fn only_names_of_this_machine_and_configured_ones_are_served() {
        for host in [
            "localhost",
            "LOCALHOST:50080",
            "127.0.0.1:80",
            "[::1]:50080",
            "cra.example.fr",
            "CRA.example.FR:443",
        ] {
            assert!(known(host), "{host}");
        }
        for host in
            ["evil.example", "127.0.0.1.evil.example", "cra.example.fr.evil.example", "192.0.2.1", "", "a b"]
        {
            assert!(!known(host), "{host}");
        }
        assert!(!knows_host(&HeaderMap::new(), &[]), "a request without a name");
    }
}
