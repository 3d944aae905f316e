//! Over TLS callers negotiate HTTP/2 or HTTP/1.1, and call by every protocol alike, with a certificate if one is
//! required.

use std::path::{Path, PathBuf};
use std::process::Command;

use cra_eventlog::testing::NatsServer;
use serde_json::json;
use tempfile::TempDir;

use super::curl::{curl, framed};
use crate::harness::{
    Authority, Certified, Issuer, Service, eventually, national, new_id, service_pair, submission, workshop,
};

struct Setup {
    ingestion: Service,
    projection: Service,
    token: String,
    dir: TempDir,
    authority: PathBuf,
    _nats: NatsServer,
}

/// Both services with a certificate; callers must show one of these authorities, if any.
async fn set_up(of_callers: Option<&Authority>) -> Setup {
    let dir = tempfile::tempdir().unwrap();
    let nats = NatsServer::start(dir.path()).unwrap_or_else(|error| panic!("{error}"));
    let (authority, issuer) = (Authority::new(), Issuer::new());
    let [cert, key] = authority.certify().write(dir.path());
    let own_authority = dir.path().join("authority.pem");
    std::fs::write(&own_authority, authority.pem()).unwrap();
    let mut settings = issuer.settings();
    let mut set = |name: &str, path: &Path| settings.push((name.to_owned(), path.display().to_string()));
    set("IDENTITY__TLS__CERT_FILE", &cert);
    set("IDENTITY__TLS__KEY_FILE", &key);
    if let Some(of_callers) = of_callers {
        let path = dir.path().join("callers.pem");
        std::fs::write(&path, of_callers.pem()).unwrap();
        set("IDENTITY__TLS__CLIENT_CA_FILE", &path);
    }
    let settings: Vec<_> = settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let (mut ingestion, mut projection) = service_pair(dir.path(), &nats.url(), &settings);
    ingestion.start().await;
    projection.start().await;
    for service in [&ingestion, &projection] {
        eventually("it is reached", async || {
            let connected = std::net::TcpStream::connect(service.address());
            connected.map(drop).map_err(|error| error.to_string())
        })
        .await;
    }
    let token = issuer.token("cra:submit cra:read statistics:read", &national());
    Setup { ingestion, projection, token, dir, authority: own_authority, _nats: nats }
}

/// Arguments of `curl` that show a certificate.
fn showing(dir: &Path, name: &str, shown: &Certified) -> Vec<String> {
    let folder = dir.join(name);
    std::fs::create_dir(&folder).unwrap();
    let [cert, key] = shown.write(&folder).map(|path| path.display().to_string());
    vec!["--cert".to_owned(), cert, "--key".to_owned(), key]
}

fn url(service: &Service, path: &str) -> String {
    format!("https://localhost:{}{path}", service.address().port())
}

impl Setup {
    /// Calls over both versions of HTTP, by Connect with POST, GET and a stream, by gRPC-Web, and for a file.
    fn calls_by_every_way(&self, shown: &[String]) {
        let (authority, bearer) =
            (self.authority.display().to_string(), format!("authorization: Bearer {}", self.token));
        let statistics = url(&self.projection, "/cra.v1.StatisticsService/GetStatistics");
        let by_get = format!("{statistics}?encoding=json&message=%7B%7D");
        let follow = url(&self.projection, "/cra.v1.StatisticsService/FollowCras");
        let submit = url(&self.ingestion, "/cra.v1.IngestionService/SubmitCra");
        let file = url(&self.projection, "/v1/export/statistics.csv");
        let cra = cra_contracts::json::to_value(&submission(&new_id(), workshop(5))).to_string();
        let follows = framed(0, json!({"stopAtHead": true}).to_string().as_bytes());
        for version in ["--http1.1", "--http2"] {
            let called = |url: &str, content_type: Option<&str>, body: &[u8]| {
                let content_type = content_type.map(|name| format!("content-type: {name}"));
                let mut arguments = vec![version, "--cacert", &authority, "--header", &bearer];
                arguments.extend(shown.iter().map(String::as_str));
                if let Some(content_type) = &content_type {
                    arguments.extend(["--header", content_type]);
                }
                arguments.push(url);
                let answer = curl(&arguments, body);
                assert_eq!(answer.status, 200, "{version} {url}: {answer:?}");
                answer
            };
            let receipt = called(&submit, Some("application/json"), cra.as_bytes());
            assert_eq!(receipt.json()["receipt"]["position"], "1");
            let counted =
                called(&statistics, Some("application/json"), br#"{"consistency":{"minPosition":"1"}}"#);
            assert_eq!(counted.json()["statistics"]["cras"], "1");
            assert_eq!(called(&by_get, None, &[]).json()["statistics"]["cras"], "1");
            let stream = called(&follow, Some("application/connect+json"), &follows);
            assert_eq!(stream.messages().last(), Some(&(2, json!({}))), "{stream:?}");
            let web = called(&statistics, Some("application/grpc-web+proto"), &framed(0, &[]));
            assert_eq!(web.header("content-type"), Some("application/grpc-web+proto"));
            assert!(called(&file, None, &[]).body.len() > 100);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_every_protocol_is_called_over_http_2_and_http_1_1() {
    let setup = set_up(None).await;
    setup.calls_by_every_way(&[]);
    // The negotiated version is the requested one.
    for (version, expected) in [("--http1.1", "1.1"), ("--http2", "2")] {
        let agreed = Command::new("curl")
            .args([
                "--silent",
                version,
                "--output",
                "/dev/null",
                "--write-out",
                "%{http_version}",
                "--cacert",
            ])
            .arg(&setup.authority)
            .arg(url(&setup.ingestion, "/openapi.json"))
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&agreed.stdout), expected, "{agreed:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_certificate_is_required_each_version_of_http_is_answered_with_it_alone() {
    let (of_callers, other) = (Authority::new(), Authority::new());
    let setup = set_up(Some(&of_callers)).await;
    setup.calls_by_every_way(&showing(setup.dir.path(), "caller", &of_callers.certify()));
    let foreign = showing(setup.dir.path(), "foreign", &other.certify());
    for shown in [&[][..], &foreign] {
        for version in ["--http1.1", "--http2"] {
            let refused = Command::new("curl")
                .args(["--silent", version, "--max-time", "20", "--cacert"])
                .arg(&setup.authority)
                .args(shown)
                .args(["--header", "content-type: application/json", "--data-binary", "{}"])
                .arg(url(&setup.ingestion, "/cra.v1.ReferenceService/GetVocabulary"))
                .output()
                .unwrap();
            assert!(
                !refused.status.success() && refused.stdout.is_empty(),
                "{version} {shown:?}: {refused:?}"
            );
        }
    }
}
