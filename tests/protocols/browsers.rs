//! Pages in browsers: those of configured origins may call and read the answers, and no others. Without identity, a
//! page elsewhere cannot reach a service by another of its names.

use super::curl::{Answer, curl};
use crate::harness::{Issuer, Pair, Standalone, national};

const JSON: &str = "content-type: application/json";
const ORIGIN: &str = "https://tableau.example.fr";

fn preflight(url: &str, origin: &str) -> Answer {
    let origin = format!("origin: {origin}");
    let (method, headers) = (
        "access-control-request-method: POST",
        "access-control-request-headers: authorization,connect-protocol-version,content-type",
    );
    curl(&["--request", "OPTIONS", "--header", &origin, "--header", method, "--header", headers, url], &[])
}

#[tokio::test(flavor = "multi_thread")]
async fn configured_origins_alone_may_call_from_a_page_and_ask_before_a_token_is_needed() {
    let issuer = Issuer::new();
    let origins = format!("[\"{ORIGIN}\"]");
    let pair = Pair::start_trusting(&issuer, &[("SERVER__BROWSERS__ALLOWED_ORIGINS", &origins)]).await;
    let url = format!("http://{}/cra.v1.StatisticsService/GetStatistics", pair.projection.address());
    let allowed = preflight(&url, ORIGIN);
    assert_eq!(allowed.status, 200, "{allowed:?}");
    assert_eq!(allowed.header("access-control-allow-origin"), Some(ORIGIN));
    assert!(allowed.header("access-control-allow-headers").unwrap().contains("authorization"));
    let other = preflight(&url, "https://evil.example");
    assert_eq!(other.header("access-control-allow-origin"), None);

    let token = format!("authorization: Bearer {}", issuer.token("statistics:read", &national()));
    for origin in [ORIGIN, "https://evil.example"] {
        let from = format!("origin: {origin}");
        let answer = curl(&["--header", JSON, "--header", &token, "--header", &from, &url], b"{}");
        assert_eq!(answer.status, 200);
        let shown = answer.header("access-control-allow-origin");
        assert_eq!(shown.is_some(), origin == ORIGIN);
        if origin == ORIGIN {
            let exposed = answer.header("access-control-expose-headers").unwrap();
            for header in ["grpc-status", "grpc-message", "grpc-status-details-bin"] {
                assert!(exposed.contains(header), "{exposed}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_identity_names_of_other_machines_and_pages_of_other_origins_reach_nothing() {
    let services = Standalone::start().await;
    let url = format!("http://{}/cra.v1.StatisticsService/GetStatistics", services.projection);
    let own = format!("origin: http://{}", services.projection);
    for (header, status) in [
        ("host: localhost", 200),
        (own.as_str(), 200),
        ("host: evil.example", 403),
        ("origin: https://evil.example", 403),
        ("origin: null", 403),
        ("origin: http://127.0.0.1:1", 403),
    ] {
        for version in ["--http1.1", "--http2-prior-knowledge"] {
            for content_type in [JSON, "content-type: application/grpc-web+proto"] {
                let body: &[u8] = if content_type == JSON { b"{}" } else { &[0, 0, 0, 0, 0] };
                let answer = curl(&[version, "--header", content_type, "--header", header, &url], body);
                assert_eq!(answer.status, status, "{version} {content_type} {header}");
            }
        }
    }
    let by_get = format!("{url}?encoding=json&message=%7B%7D");
    assert_eq!(curl(&["--header", "host: evil.example", &by_get], &[]).status, 403);
    assert_eq!(curl(&["--header", "origin: https://evil.example", &by_get], &[]).status, 403);
}
