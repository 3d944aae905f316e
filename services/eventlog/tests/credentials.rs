//! A real server that asks who connects and shows a certificate: what is configured lets the log in, anything else does
//! not, and is told at once.

// Helpers of tests, which the lint does not take for tests.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use cra_eventlog::EventLog as _;
use cra_eventlog::nats::{NatsLog, NatsSettings, Secret, StartError};
use cra_eventlog::testing::NatsServer;
use nkeys::KeyPair;
use rcgen::{CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair as TlsKey};

async fn connects(settings: NatsSettings) -> Result<(), StartError> {
    let settings = NatsSettings { start_timeout_ms: 5_000, ..settings };
    NatsLog::connect(settings).await.map(|log| assert!(log.is_available()))
}

fn written(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    fs::write(&path, text).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_a_token_or_an_nkey_lets_the_log_in_and_nothing_else_does() {
    let (own, other) = (KeyPair::new_user(), KeyPair::new_user());
    let users = format!(
        "authorization {{ users: [ {{ user: u, password: right }}, {{ nkey: {} }} ] }}",
        own.public_key()
    );
    let dir = tempfile::tempdir().unwrap();
    let server = NatsServer::start_with(dir.path(), &users).unwrap();
    let nobody = NatsSettings { url: server.url(), ..NatsSettings::default() };
    let user = |password: &str| NatsSettings {
        user: Some("u".to_owned()),
        password: Some(Secret::new(password)),
        ..nobody.clone()
    };
    let nkey = |pair: &KeyPair, name: &str| NatsSettings {
        nkey_file: Some(written(dir.path(), name, &format!("{}\n", pair.seed().unwrap()))),
        ..nobody.clone()
    };
    connects(user("right")).await.unwrap();
    connects(nkey(&own, "own.nk")).await.unwrap();
    for refused in [nobody.clone(), user("wrong"), nkey(&other, "other.nk")] {
        let error = connects(refused).await.unwrap_err();
        assert!(matches!(error, StartError::Refused { .. }), "{error}");
        assert!(!error.to_string().contains("wrong"), "{error}");
    }
    drop(server);

    let dir = tempfile::tempdir().unwrap();
    let server = NatsServer::start_with(dir.path(), "authorization { token: right }").unwrap();
    let token = |token: &str| NatsSettings {
        url: server.url(),
        token: Some(Secret::new(token)),
        ..NatsSettings::default()
    };
    connects(token("right")).await.unwrap();
    assert!(matches!(connects(token("wrong")).await, Err(StartError::Refused { .. })));
}

#[tokio::test]
async fn a_file_that_is_not_there_is_an_error_that_names_it() {
    let settings = NatsSettings { credentials_file: Some("absent.creds".into()), ..NatsSettings::default() };
    let error = connects(settings).await.unwrap_err();
    assert!(
        matches!(error, StartError::Settings(_)) && error.to_string().contains("absent.creds"),
        "{error}"
    );
}

/// An authority, and a certificate of it for this machine.
fn certificates(dir: &Path) -> [PathBuf; 3] {
    let mut authority = CertificateParams::new(Vec::<String>::new()).unwrap();
    authority.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, TlsKey::generate().unwrap()).unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let key = TlsKey::generate().unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    [
        written(dir, "ca.pem", &authority.pem()),
        written(dir, "cert.pem", &certificate.pem()),
        written(dir, "key.pem", &key.serialize_pem()),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_tls_is_reached_with_its_authority_and_a_certificate_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let [ca, cert, key] = certificates(dir.path());
    let tls = format!("tls {{ cert_file: {cert:?}, key_file: {key:?}, ca_file: {ca:?}, verify: true }}");
    let server = NatsServer::start_with(dir.path(), &tls).unwrap();
    let whole = NatsSettings {
        url: server.url().replace("nats://", "tls://"),
        ca_file: Some(ca),
        cert_file: Some(cert),
        key_file: Some(key),
        require_tls: true,
        ..NatsSettings::default()
    };
    connects(whole.clone()).await.unwrap();
    let without_authority = NatsSettings { ca_file: None, ..whole.clone() };
    let without_certificate = NatsSettings { cert_file: None, key_file: None, ..whole };
    for refused in [without_authority, without_certificate] {
        let refused = NatsSettings { start_timeout_ms: 500, ..refused };
        assert!(NatsLog::connect(refused).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_tls_is_not_taken_where_tls_is_required() {
    let dir = tempfile::tempdir().unwrap();
    let server = NatsServer::start(dir.path()).unwrap();
    let settings = NatsSettings {
        url: server.url(),
        require_tls: true,
        start_timeout_ms: 500,
        ..NatsSettings::default()
    };
    assert!(NatsLog::connect(settings).await.is_err());
}
