//! Access ends when its basis is revoked: the issuer's key, or the caller's certificate. A token bound to a certificate
//! is useless with another one.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cra_contracts::v1 as pb;
use cra_eventlog::testing::NatsServer;
use cra_runtime::rejection::{reason_of, retry_delay_of};
use tempfile::TempDir;
use tokio_stream::StreamExt as _;
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::transport::over_tls;
use crate::harness::{
    Authority, Certified, Issuer, Pair, Service, Statistics, assert_refused, carrying, eventually, national,
    service_pair, within,
};

const SOON: Duration = Duration::from_secs(30);

/// The answers of a watch until it ends.
async fn end_of(mut watch: Streaming<pb::WatchStatisticsResponse>) -> Status {
    within(SOON, "the stream ends", async {
        loop {
            if let Err(status) = watch.next().await.unwrap() {
                return status;
            }
        }
    })
    .await
}

async fn watch(client: &mut Statistics, token: &str) -> Streaming<pb::WatchStatisticsResponse> {
    let watch = client.watch_statistics(carrying(token, pb::WatchStatisticsRequest::default())).await;
    let mut watch = watch.unwrap().into_inner();
    assert!(watch.message().await.unwrap().is_some(), "it works until the end");
    watch
}

#[tokio::test(flavor = "multi_thread")]
async fn open_streams_end_when_the_key_of_their_token_leaves_the_issuers_set() {
    let issuer = Issuer::new();
    let pair = Pair::start_trusting(&issuer, &[("IDENTITY__TOKENS__REFRESH_S", "1")]).await;
    let token = issuer.token("statistics:read cra:submit", &national());
    let mut client = pair.statistics().await;
    let watched = watch(&mut client, &token).await;
    let (_sender, requests) = tokio::sync::mpsc::channel(1);
    let requests = tokio_stream::wrappers::ReceiverStream::new(requests);
    let submitting = pair.ingestion().await.submit_cras(carrying(&token, requests)).await.unwrap();

    issuer.replace_key();
    let ended = end_of(watched).await;
    assert_refused(&ended, Code::Unauthenticated, "TOKEN_INVALID");
    assert!(ended.message().contains("withdrawn the key"), "{ended}");
    let mut submitting = submitting.into_inner();
    let ended = within(SOON, "the submissions end", async { submitting.next().await.unwrap() }).await;
    assert_eq!(reason_of(&ended.unwrap_err()).as_deref(), Some("TOKEN_INVALID"));
    let again = client.watch_statistics(carrying(&token, pb::WatchStatisticsRequest::default())).await;
    assert_eq!(reason_of(&again.unwrap_err()).as_deref(), Some("TOKEN_INVALID"));
}

/// A projection that requires client certificates, and the revocation list.
struct Setup {
    dir: TempDir,
    authority: Authority,
    callers: Authority,
    issuer: Issuer,
    service: Service,
    _nats: NatsServer,
}

impl Setup {
    async fn start() -> Self {
        let (authority, callers, issuer) = (Authority::new(), Authority::new(), Issuer::new());
        let dir = tempfile::tempdir().unwrap();
        let nats = NatsServer::start(dir.path()).unwrap();
        let [cert, key] = authority.certify().write(dir.path()).map(|path| path.display().to_string());
        let [ca, crl] = ["callers.pem", "callers.crl"].map(|name| dir.path().join(name));
        fs::write(&ca, callers.pem()).unwrap();
        fs::write(&crl, callers.revokes(&[])).unwrap();
        let mut settings = issuer.settings();
        for (name, value) in [
            ("CERT_FILE", cert),
            ("KEY_FILE", key),
            ("CLIENT_CA_FILE", ca.display().to_string()),
            ("CLIENT_CRL_FILE", crl.display().to_string()),
            ("RELOAD_S", "1".to_owned()),
        ] {
            settings.push((format!("IDENTITY__TLS__{name}"), value));
        }
        let settings: Vec<_> = settings.iter().map(|(name, value)| (&**name, &**value)).collect();
        let (_, mut service) = service_pair(dir.path(), &nats.url(), &settings);
        service.start().await;
        Self { dir, authority, callers, issuer, service, _nats: nats }
    }

    fn list(&self) -> PathBuf {
        self.dir.path().join("callers.crl")
    }

    /// A connection with a successful call.
    async fn reached_by(&self, caller: &Certified, token: &str) -> Statistics {
        eventually("it answers", async || {
            let channel = self.connect(caller).await?;
            let mut client = Statistics::new(channel);
            queries(&mut client, token).await.map(|()| client).map_err(|status| status.to_string())
        })
        .await
    }

    async fn connect(&self, caller: &Certified) -> Result<Channel, String> {
        over_tls(self.service.address(), &self.authority, Some(caller)).await
    }
}

async fn queries(client: &mut Statistics, token: &str) -> Result<(), Status> {
    client.get_statistics(carrying(token, pb::GetStatisticsRequest::default())).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_certificate_ends_its_streams_and_calls_and_no_others() {
    let setup = Setup::start().await;
    let token = setup.issuer.token("statistics:read", &national());
    let (revoked, valid) = (setup.callers.certify(), setup.callers.certify());
    let mut of_revoked = setup.reached_by(&revoked, &token).await;
    let mut of_valid = setup.reached_by(&valid, &token).await;
    let watched = watch(&mut of_revoked, &token).await;
    let mut kept_watch = watch(&mut of_valid, &token).await;
    // A stream without a token uses the certificate too.
    let health = HealthClient::new(setup.connect(&revoked).await.unwrap());
    let mut health = { health }.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert!(health.message().await.unwrap().is_some());

    // A truncated list changes nothing.
    fs::write(setup.list(), "-----BEGIN X509 CRL-----\nhalf").unwrap();
    eventually("the broken list is reported", async || {
        let reported = setup.service.output().contains("could not be read again");
        reported.then_some(()).ok_or_else(|| "nothing is reported".to_owned())
    })
    .await;
    queries(&mut of_revoked, &token).await.unwrap();

    fs::write(setup.list(), setup.callers.revokes(&[&revoked])).unwrap();
    let ended = end_of(watched).await;
    assert_refused(&ended, Code::Unauthenticated, "CERTIFICATE_REVOKED");
    let ended = within(SOON, "the health ends", async {
        loop {
            if let Err(status) = health.message().await {
                return status;
            }
        }
    })
    .await;
    assert_eq!(reason_of(&ended).as_deref(), Some("CERTIFICATE_REVOKED"));
    let refused = queries(&mut of_revoked, &token).await.unwrap_err();
    assert_eq!(reason_of(&refused).as_deref(), Some("CERTIFICATE_REVOKED"), "over the same connection");
    let anew = match setup.connect(&revoked).await {
        Ok(channel) => {
            queries(&mut Statistics::new(channel), &token).await.map_err(|status| status.to_string())
        }
        Err(refused) => Err(refused),
    };
    assert!(anew.is_err(), "a revoked certificate is accepted again");

    queries(&mut of_valid, &token).await.unwrap();
    let still_open = tokio::time::timeout(Duration::from_millis(300), kept_watch.next()).await;
    assert!(still_open.is_err() || still_open.unwrap().unwrap().is_ok(), "the other stream continues");
    setup.reached_by(&setup.callers.certify(), &token).await;
}

/// SHA-256 of a certificate in base64url, as computed by openssl.
fn thumbprint(setup: &Setup, caller: &Certified) -> String {
    let path = setup.dir.path().join("bound.pem");
    fs::write(&path, &caller.cert).unwrap();
    let reported = Command::new("openssl")
        .args(["x509", "-noout", "-fingerprint", "-sha256", "-in"])
        .arg(&path)
        .output()
        .unwrap();
    let reported = String::from_utf8(reported.stdout).unwrap();
    let digits = reported.trim().split_once('=').unwrap().1.split(':');
    let bytes: Vec<_> = digits.map(|digits| u8::from_str_radix(digits, 16).unwrap()).collect();
    URL_SAFE_NO_PAD.encode(bytes)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_bound_to_a_certificate_is_of_no_use_to_who_stole_it() {
    let setup = Setup::start().await;
    let (owner, thief) = (setup.callers.certify(), setup.callers.certify());
    let bound = setup.issuer.bound_token("statistics:read", &thumbprint(&setup, &owner));
    let unbound = setup.issuer.token("statistics:read", &national());
    let mut of_owner = setup.reached_by(&owner, &bound).await;
    let mut of_thief = setup.reached_by(&thief, &unbound).await;
    for _ in 0..2 {
        queries(&mut of_owner, &bound).await.unwrap();
        let refused = queries(&mut of_thief, &bound).await.unwrap_err();
        assert_refused(&refused, Code::Unauthenticated, "TOKEN_INVALID");
        assert!(refused.message().contains("bound to a client certificate"), "{refused}");
    }

    // Without mutual TLS there is no client certificate.
    let pair = Pair::start_trusting(&setup.issuer, &[]).await;
    let refused = queries(&mut pair.statistics().await, &bound).await.unwrap_err();
    assert_eq!(reason_of(&refused).as_deref(), Some("TOKEN_INVALID"));
}

#[tokio::test(flavor = "multi_thread")]
async fn failing_tokens_of_one_address_are_refused_unseen_after_some_and_good_ones_are_taken() {
    let issuer = Issuer::new();
    let pair = Pair::start_trusting(&issuer, &[("SERVER__FAILED_AUTHENTICATIONS_PER_MINUTE", "10")]).await;
    let mut client = pair.statistics().await;
    let known = issuer.token("statistics:read", &national());
    queries(&mut client, &known).await.unwrap();
    let forged = |number: usize| {
        let token = issuer.token_for(&format!("client-{number}"), "statistics:read", &national(), 600);
        let (signed, _) = token.rsplit_once('.').unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode([7; 64]))
    };
    let mut reasons = Vec::new();
    for number in 0..30 {
        let refused = queries(&mut client, &forged(number)).await.unwrap_err();
        if reason_of(&refused).as_deref() == Some("RATE_LIMITED") {
            assert_eq!(refused.code(), Code::ResourceExhausted);
            assert!(retry_delay_of(&refused).unwrap() <= Duration::from_secs(6), "{refused:?}");
        }
        reasons.push(reason_of(&refused).unwrap());
    }
    let (looked_at, limited) = reasons.split_at(10);
    assert!(looked_at.iter().all(|reason| reason == "TOKEN_INVALID"), "{reasons:?}");
    // One more per six seconds.
    assert!(limited.iter().filter(|reason| *reason == "RATE_LIMITED").count() >= 15, "{reasons:?}");
    queries(&mut client, &known).await.expect("a known token is accepted");
    client.get_statistics(pb::GetStatisticsRequest::default()).await.unwrap_err();
}
