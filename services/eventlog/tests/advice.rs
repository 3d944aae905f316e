//! Each cause that prevents the use of the log has its advice, and permanent causes are reported at once.

// Helpers of tests, which the lint does not recognise as tests.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cra_eventlog::nats::{NatsLog, NatsSettings, Secret};
use cra_eventlog::testing::NatsServer;
use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};

/// Far below the minute for which the log is looked for here.
const AT_ONCE: Duration = Duration::from_secs(30);

async fn told_at_once(settings: NatsSettings) -> String {
    let settings = NatsSettings { start_timeout_ms: 60_000, ..settings };
    let begun = Instant::now();
    let error = NatsLog::connect(settings).await.err().unwrap().to_string();
    assert!(begun.elapsed() < AT_ONCE, "{error}");
    error
}

async fn told_at_last(settings: NatsSettings) -> String {
    let settings = NatsSettings { start_timeout_ms: 1_500, request_timeout_ms: 500, ..settings };
    NatsLog::connect(settings).await.err().unwrap().to_string()
}

fn written(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    fs::write(&path, text).unwrap();
    path
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A server with a certificate of this authority, for this name, valid up to this year.
fn server_with(dir: &Path, of: &CertifiedIssuer<'static, KeyPair>, name: &str, until: i32) -> NatsServer {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_after = date_time_ymd(until, 1, 1);
    let key = KeyPair::generate().unwrap();
    let cert = written(dir, "cert.pem", &params.signed_by(&key, of).unwrap().pem());
    let key = written(dir, "key.pem", &key.serialize_pem());
    let tls = format!("tls {{ cert_file: \"{}\", key_file: \"{}\" }}", cert.display(), key.display());
    NatsServer::start_with(dir, &tls).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_cannot_be_trusted_is_told_at_once_with_what_to_set() {
    let (own, other) = (authority(), authority());
    for (of, name, until, named) in [
        (&other, "127.0.0.1", 2050, "log.ca_file"),
        (&own, "127.0.0.1", 2020, "renew the server's certificate"),
        (&own, "elsewhere.example", 2050, "name the server in `log.url` as its certificate does"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let server = server_with(dir.path(), of, name, until);
        let settings = NatsSettings {
            url: server.url().replace("nats://", "tls://"),
            ca_file: Some(written(dir.path(), "ca.pem", &own.pem())),
            ..NatsSettings::default()
        };
        let error = told_at_once(settings).await;
        assert!(error.contains(named) && !error.contains("start the NATS server"), "{error}");
    }
}

#[tokio::test]
async fn a_missing_or_malformed_file_is_reported_at_once_with_its_setting() {
    let dir = tempfile::tempdir().unwrap();
    let absent = Some(dir.path().join("absent"));
    let wrong = Some(written(dir.path(), "wrong.pem", "no certificate"));
    let none = NatsSettings::default;
    for (settings, named) in [
        (NatsSettings { ca_file: absent.clone(), ..none() }, "`ca_file`"),
        (NatsSettings { ca_file: wrong.clone(), ..none() }, "`ca_file`"),
        (NatsSettings { cert_file: absent.clone(), key_file: absent.clone(), ..none() }, "`cert_file`"),
        (NatsSettings { nkey_file: absent.clone(), ..none() }, "`nkey_file`"),
        (NatsSettings { credentials_file: absent, ..none() }, "`credentials_file`"),
    ] {
        let error = told_at_once(settings).await;
        assert!(error.contains(named), "{named}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subjects_of_another_stream_are_told_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let server = NatsServer::start(dir.path()).unwrap();
    let first = NatsSettings { url: server.url(), ..NatsSettings::default() };
    drop(NatsLog::connect(first.clone()).await.unwrap());
    let error = told_at_once(NatsSettings { stream: "SECOND".to_owned(), ..first }).await;
    assert!(error.contains("`log.subject_prefix`: choose another prefix"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_without_permission_or_account_without_jetstream_is_told_with_what_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let accounts = "accounts { \
        A { jetstream: enabled, users: [ { user: mute, password: p, permissions: { publish: \"x\" } } ] }, \
        B { users: [ { user: plain, password: p } ] } }";
    let server = NatsServer::start_with(dir.path(), accounts).unwrap();
    let user = |name: &str| NatsSettings {
        url: server.url(),
        user: Some(name.to_owned()),
        password: Some(Secret::new("p")),
        request_timeout_ms: 500,
        ..NatsSettings::default()
    };
    let error = told_at_once(user("mute")).await;
    assert!(
        error.contains("grant this user") && error.to_lowercase().contains("permissions violation"),
        "{error}"
    );
    let error = told_at_last(user("plain")).await;
    assert!(error.contains("enable JetStream"), "{error}");
}

#[tokio::test]
async fn an_unresolvable_name_and_a_closed_port_have_their_own_advice() {
    let at = |url: &str| NatsSettings { url: url.to_owned(), ..NatsSettings::default() };
    let error = told_at_last(at("nats://log.invalid:4222")).await;
    assert!(error.contains("does not resolve"), "{error}");
    let error = told_at_last(at("nats://127.0.0.1:9")).await;
    assert!(error.contains("start the NATS server"), "{error}");
}
