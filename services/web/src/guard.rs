//! Checks of every request: its host, and for a change its origin. Also adds the security headers to every answer.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use cra_runtime::hosts;

/// Scripts, styles and pictures of this origin only, none inline; no frame around a page.
const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; object-src 'none'; base-uri 'none'; \
                      form-action 'self'; frame-ancestors 'none'";

/// Header with the relation between the page that sent a request and these pages.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether the request's host is a name of this machine or a configured name. Any other name may be that of a page
/// elsewhere that an attacker made resolve to this address (DNS rebinding).
pub(crate) fn is_known_host(headers: &HeaderMap, hosts: &[String]) -> bool {
    let mut named = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (named.next(), named.next()) else { return false };
    hosts::is_known(host.as_bytes(), hosts)
}

/// Whether one of these pages sent the request, and not a page elsewhere. Browsers send `Origin` with each form, and
/// most send `Sec-Fetch-Site`; a page can set neither. A request without an origin does not come from a browser.
pub(crate) fn is_same_origin(headers: &HeaderMap, hosts: &[String]) -> bool {
    let only = |name: &HeaderName| {
        let mut values = headers.get_all(name).iter();
        let value = values.next()?.to_str().ok();
        if values.next().is_some() { None } else { value }
    };
    let (Some(origin), Some(host)) = (only(&header::ORIGIN), only(&header::HOST)) else { return false };
    let Some((scheme, origin)) = origin.split_once("://") else { return false };
    let is_these_pages = origin.eq_ignore_ascii_case(host)
        // A reverse proxy may use another host name than browsers do.
        || scheme == "https" && hosts.iter().any(|known| known.eq_ignore_ascii_case(origin));
    // `none`: the person started the request, for example by a reload.
    let is_same_site = only(&FETCH_SITE).is_none_or(|site| matches!(site, "same-origin" | "none"));
    matches!(scheme, "http" | "https") && is_these_pages && is_same_site
}

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
    // Pages may be confidential to their reader.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(host: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_str(host).unwrap());
        is_known_host(&headers, &["cra.example.fr".to_owned()])
    }

    #[test]
    fn only_forms_of_these_pages_are_taken() {
        let hosts = ["cra.example.fr".to_owned()];
        let sent = |headers: &[(&'static str, &'static str)]| {
            let headers = headers
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
            let mut all = HeaderMap::new();
            headers.for_each(|(name, value)| {
                all.append(name, value);
            });
            is_same_origin(&all, &hosts)
        };
        let local = ("host", "127.0.0.1:50080");
        let same = ("origin", "http://127.0.0.1:50080");
        assert!(sent(&[local, same]));
        assert!(sent(&[local, same, ("sec-fetch-site", "same-origin")]));
        assert!(sent(&[local, same, ("sec-fetch-site", "none")]), "a reload");
        assert!(sent(&[("host", "CRA.example.fr"), ("origin", "https://cra.example.fr")]));
        assert!(sent(&[local, ("origin", "https://cra.example.fr")]), "a proxy that changes the name");
        for foreign in [
            "http://evil.example",
            "null",
            "",
            "http://127.0.0.1:50081",
            "http://127.0.0.1",
            "http://cra.example.fr",
            "https://cra.example.fr:8443",
            "https://cra.example.fr.evil.example",
            "file://127.0.0.1:50080",
            "127.0.0.1:50080",
        ] {
            assert!(!sent(&[local, ("origin", foreign)]), "{foreign}");
        }
        assert!(!sent(&[local]), "no origin");
        assert!(!sent(&[same]), "no host");
        assert!(!sent(&[local, same, ("origin", "http://evil.example")]), "two origins");
        for site in ["cross-site", "same-site", "nonsense"] {
            assert!(!sent(&[local, same, ("sec-fetch-site", site)]), "{site}");
        }
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
        assert!(!is_known_host(&HeaderMap::new(), &[]), "a request without a name");
    }
}
