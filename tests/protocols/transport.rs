//! Over TLS both versions of HTTP are agreed on.

use cra_eventlog::testing::NatsServer;

use super::curl::{Answer, curl};
use crate::harness::{Authority, Issuer, eventually, service_pair};

#[tokio::test(flavor = "multi_thread")]
async fn tls_agrees_on_http_2_or_http_1_1_as_the_caller_can() {
    let dir = tempfile::tempdir().unwrap();
    let nats = NatsServer::start(dir.path()).unwrap_or_else(|error| panic!("{error}"));
    let (authority, issuer) = (Authority::new(), Issuer::new());
    let [cert, key] = authority.certify().write(dir.path());
    let (cert, key) = (cert.display().to_string(), key.display().to_string());
    let mut settings = issuer.settings();
    settings.push(("IDENTITY__TLS__CERT_FILE".to_owned(), cert));
    settings.push(("IDENTITY__TLS__KEY_FILE".to_owned(), key));
    let settings: Vec<_> = settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let (mut ingestion, _) = service_pair(dir.path(), &nats.url(), &settings);
    ingestion.start().await;
    let url =
        format!("https://localhost:{}/cra.v1.ReferenceService/GetVocabulary", ingestion.address().port());
    eventually("it is reached", async || {
        let connected = std::net::TcpStream::connect(ingestion.address());
        connected.map(drop).map_err(|error| error.to_string())
    })
    .await;
    for (version, expected) in [("--http1.1", "1.1"), ("--http2", "2")] {
        let answer: Answer =
            curl(&[version, "--insecure", "--header", "content-type: application/json", &url], b"{}");
        assert_eq!(answer.status, 200, "HTTP/{expected}");
        assert!(answer.json().as_object().is_some_and(|answer| !answer.is_empty()));
    }
}
