//! A service that waits for its log answers probes, refuses callers at once, and exits on request with success.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{Service, eventually, service_pair};

/// Far below the half minute during which a service looks for its log.
const AT_ONCE: Duration = Duration::from_secs(10);

/// The answer of a path on the port of metrics.
fn fetched(service: &Service, path: &str) -> Option<String> {
    let address = service.output().lines().find_map(|line| {
        let line: Value = serde_json::from_str(line).ok()?;
        line["metrics_address"].as_str()?.parse::<SocketAddr>().ok()
    })?;
    let mut connection = TcpStream::connect(address).unwrap();
    connection.set_read_timeout(Some(AT_ONCE)).unwrap();
    write!(connection, "GET {path} HTTP/1.1\r\nhost: test\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    Some(answer)
}

async fn waits_as_it_should(log_url: &str) {
    let dir = tempfile::tempdir().unwrap();
    let settings = [("TELEMETRY__METRICS_LISTEN", "127.0.0.1:0")];
    let (ingestion, projection) = service_pair(dir.path(), log_url, &settings);
    for mut service in [ingestion, projection] {
        service.start().await;
        let health = eventually("probes are answered", async || {
            fetched(&service, "/readyz").ok_or_else(|| service.output())
        });
        assert!(health.await.starts_with("HTTP/1.1 503"));
        let metrics = fetched(&service, "/metrics").unwrap();
        assert!(metrics.starts_with("HTTP/1.1 200") && metrics.contains("cra_serving{service="), "{metrics}");
        let serves = metrics.lines().filter(|line| line.starts_with("cra_serving{") && !line.ends_with(" 0"));
        assert_eq!(serves.count(), 0, "{metrics}");
        let caller = TcpStream::connect(service.address());
        assert_eq!(caller.unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);

        let started = Instant::now();
        service.terminate();
        let ended = service.ended().await;
        assert!(ended.success(), "{ended}: {}", service.output());
        assert!(started.elapsed() < AT_ONCE, "{:?}: {}", started.elapsed(), service.output());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_listens() {
    waits_as_it_should("nats://127.0.0.1:9").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_name_does_not_resolve() {
    waits_as_it_should("nats://log.invalid:4222").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_server_takes_the_connection_and_says_nothing() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    waits_as_it_should(&format!("nats://{}", silent.local_addr().unwrap())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_used_is_named_by_its_setting_before_the_log_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("no/such/file").display().to_string();
    let missing = missing.as_str();
    let tls = ("IDENTITY__TLS__KEY_FILE", missing);
    let issuer = [("IDENTITY__TOKENS__ISSUER", "i"), ("IDENTITY__TOKENS__AUDIENCE", "a")];
    let user = ("LOG__USER", "u");
    let of_projection = [
        ("page_tokens.secret_file", vec![("PAGE_TOKENS__SECRET_FILE", missing)]),
        ("publications.secret_file", vec![("PUBLICATIONS__SECRET_FILE", missing)]),
    ];
    let of_both = [
        ("audit.to", vec![("AUDIT__TO", missing)]),
        ("identity.tls.cert_file", vec![("IDENTITY__TLS__CERT_FILE", missing), tls]),
        ("identity.tokens.jwks_file", [&issuer[..], &[("IDENTITY__TOKENS__JWKS_FILE", missing)]].concat()),
        ("password_file", vec![user, ("LOG__PASSWORD_FILE", missing)]),
        ("credentials_file", vec![("LOG__CREDENTIALS_FILE", missing)]),
        ("nkey_file", vec![("LOG__NKEY_FILE", missing)]),
        ("ca_file", vec![("LOG__CA_FILE", missing)]),
    ];
    let cases = of_both.iter().map(|case| (case, true)).chain(of_projection.iter().map(|case| (case, false)));
    for ((setting, settings), is_of_ingestion) in cases {
        let (ingestion, projection) = service_pair(dir.path(), "nats://127.0.0.1:9", settings);
        for mut service in is_of_ingestion.then_some(ingestion).into_iter().chain([projection]) {
            let started = Instant::now();
            let output = service.fails_to_start().await;
            assert!(output.contains(setting) && output.contains("no/such/file"), "{setting}: {output}");
            assert!(started.elapsed() < AT_ONCE, "{setting}: {:?}", started.elapsed());
        }
    }
}
