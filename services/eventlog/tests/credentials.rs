//! A server with authentication and TLS: the configured credentials are accepted, others are refused and reported at
//! once.

// Helpers of tests, which the lint does not recognise as tests.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cra_eventlog::conformance::{event, new_stream};
use cra_eventlog::nats::{NatsLog, NatsSettings, Secret, StartError};
use cra_eventlog::testing::NatsServer;
use cra_eventlog::{Append as _, Expectation, Position, Read as _};
use futures::StreamExt as _;
use nkeys::KeyPair;
use rcgen::{CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair as TlsKey};
use serde_json::{Value, json};

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
    let anonymous = NatsSettings { url: server.url(), ..NatsSettings::default() };
    let user = |password: &str| NatsSettings {
        user: Some("u".to_owned()),
        password: Some(Secret::new(password)),
        ..anonymous.clone()
    };
    let nkey = |pair: &KeyPair, name: &str| NatsSettings {
        nkey_file: Some(written(dir.path(), name, &format!("{}\n", pair.seed().unwrap()))),
        ..anonymous.clone()
    };
    connects(user("right")).await.unwrap();
    connects(nkey(&own, "own.nk")).await.unwrap();
    for refused in [anonymous.clone(), user("wrong"), nkey(&other, "other.nk")] {
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

/// A signed statement of an operator or account about another key, in the server's format.
fn signed(by: &KeyPair, subject: &KeyPair, name: &str, nats: &Value) -> String {
    let claims = json!({
        "jti": name, "iat": 1_700_000_000, "iss": by.public_key(), "sub": subject.public_key(), "name": name,
        "nats": nats,
    });
    let header = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"ed25519-nkey"}"#);
    let text = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let signature = URL_SAFE_NO_PAD.encode(by.sign(text.as_bytes()).unwrap());
    format!("{text}.{signature}")
}

/// An account without limits except the number of its JetStream streams, stored on disk.
fn account(operator: &KeyPair, account: &KeyPair, name: &str, streams: i64) -> String {
    let disk = if streams == 0 { 0 } else { -1 };
    let limits = json!({
        "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1,
        "leaf": -1, "mem_storage": 0, "disk_storage": disk, "streams": streams, "consumer": streams.min(0),
    });
    signed(operator, account, name, &json!({"type": "account", "version": 2, "limits": limits}))
}

/// A credentials file for a user of an account, with the given seed.
fn credentials(dir: &Path, name: &str, account: &KeyPair, user: &KeyPair, seed_of: &KeyPair) -> PathBuf {
    let nats = json!({"type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1});
    let jwt = signed(account, user, name, &nats);
    let seed = seed_of.seed().unwrap();
    let text = format!(
        "-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    );
    written(dir, name, &text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_of_the_account_let_the_log_append_and_read_and_those_of_another_do_not() {
    let (operator, system) = (KeyPair::new_operator(), KeyPair::new_account());
    let [own, without_a_log, unknown] = std::array::from_fn(|_| KeyPair::new_account());
    let known = [(&system, "system", 0), (&own, "cra", -1), (&without_a_log, "others", 0)];
    let accounts = known.map(|(key, name, streams)| {
        format!("{}: {}", key.public_key(), account(&operator, key, name, streams))
    });
    let operator_says = json!({"type": "operator", "version": 2, "system_account": system.public_key()});
    let settings = format!(
        "operator: {}\nsystem_account: {}\nresolver: MEMORY\nresolver_preload: {{\n{}\n}}",
        signed(&operator, &operator, "operator", &operator_says),
        system.public_key(),
        accounts.join("\n"),
    );
    let dir = tempfile::tempdir().unwrap();
    let mut server = NatsServer::start_with(dir.path(), &settings).unwrap();
    let (user, stranger) = (KeyPair::new_user(), KeyPair::new_user());
    let url = server.url();
    let with = |file: PathBuf| NatsSettings {
        url: url.clone(),
        credentials_file: Some(file),
        start_timeout_ms: 2_000,
        ..NatsSettings::default()
    };
    let good = with(credentials(dir.path(), "own.creds", &own, &user, &user));

    let log = NatsLog::connect(good.clone()).await.unwrap();
    let appended = log.append(event(new_stream(), "with credentials"), Expectation::NoEvent).await.unwrap();
    assert_eq!(appended.position(), Position(1));
    // Another process with the same file.
    let read = NatsLog::connect(good).await.unwrap().read(Position::START).next().await.unwrap().unwrap();
    assert_eq!((read.position, &read.payload[..]), (Position(1), &b"with credentials"[..]));

    let of_unknown = with(credentials(dir.path(), "unknown.creds", &unknown, &user, &user));
    let of_a_thief = with(credentials(dir.path(), "thief.creds", &own, &user, &stranger));
    let of_nobody = NatsSettings { credentials_file: None, ..of_unknown.clone() };
    for refused in [of_unknown, of_a_thief, of_nobody] {
        let error = connects(refused).await.unwrap_err();
        assert!(matches!(error, StartError::Refused { .. }), "{error}");
    }
    // Accepted by the server, in an account that cannot see the log and may not create one.
    let of_others = with(credentials(dir.path(), "others.creds", &without_a_log, &user, &user));
    let error = connects(of_others).await.unwrap_err();
    assert!(matches!(error, StartError::Provision { .. }), "{error}");
    assert_eq!(log.head().await.unwrap().position, Position(1));

    // The file is replaced by that of another user while the server is restarted.
    let next = KeyPair::new_user();
    credentials(dir.path(), "own.creds", &own, &next, &next);
    server.restart().unwrap();
    appends_again(&log).await;
    // Without the file it cannot connect; it connects once there is a new one.
    fs::remove_file(dir.path().join("own.creds")).unwrap();
    server.restart().unwrap();
    let without = log.append(event(new_stream(), "without"), Expectation::NoEvent).await;
    assert!(without.is_err());
    credentials(dir.path(), "own.creds", &own, &user, &user);
    appends_again(&log).await;
}

/// Appends repeatedly until one is stored: the server cuts the connection, and it is reestablished.
async fn appends_again(log: &NatsLog) {
    for _ in 0..600 {
        if log.append(event(new_stream(), "rotated"), Expectation::NoEvent).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no append after the rotation");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_that_is_rotated_counts_at_the_next_connection_of_a_log_that_is_open() {
    let dir = tempfile::tempdir().unwrap();
    let of_server = |password: &str| {
        written(
            dir.path(),
            "users.conf",
            &format!("authorization {{ users: [{{ user: u, password: {password} }}] }}"),
        )
    };
    of_server("first");
    let server = NatsServer::start_with(dir.path(), "include \"./users.conf\"").unwrap();
    let settings = NatsSettings {
        url: server.url(),
        user: Some("u".to_owned()),
        password_file: Some(written(dir.path(), "password", "first\n")),
        ..NatsSettings::default()
    };
    let log = NatsLog::connect(settings.clone()).await.unwrap();
    appends_again(&log).await;
    of_server("second");
    let pid = server.pid().unwrap().to_string();
    assert!(std::process::Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    // Refused until the file is updated: the previous password is invalid.
    let refused = async || matches!(connects(settings.clone()).await, Err(StartError::Refused { .. }));
    while !refused().await {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    written(dir.path(), "password", "second\n");
    appends_again(&log).await;
    connects(settings).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_beyond_a_leaf_node_is_reached_by_its_domain_or_its_prefix() {
    let (hub_dir, leaf_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let hub = format!(
        "leafnodes {{ listen: \"127.0.0.1:{port}\" }}\n\
         jetstream {{ store_dir: \"data/nats\", sync_interval: always, domain: hub }}"
    );
    let _hub = NatsServer::start_with(hub_dir.path(), &hub).unwrap();
    let leaf = format!(
        "jetstream: disabled\nleafnodes {{ remotes: [{{ url: \"nats-leaf://127.0.0.1:{port}\" }}] }}"
    );
    let leaf = NatsServer::start_with(leaf_dir.path(), &leaf).unwrap();
    let plain = NatsSettings { url: leaf.url(), ..NatsSettings::default() };
    let in_domain = NatsSettings { domain: Some("hub".to_owned()), ..plain.clone() };
    let log = NatsLog::connect(in_domain.clone()).await.unwrap();
    let stream = new_stream();
    let _ = log.append(event(stream, "by way of a leaf node"), Expectation::NoEvent).await.unwrap();
    let by_prefix = NatsSettings { api_prefix: Some("$JS.hub.API".to_owned()), ..plain.clone() };
    let read =
        NatsLog::connect(by_prefix).await.unwrap().read(Position::START).next().await.unwrap().unwrap();
    assert_eq!((read.position, read.stream), (Position(1), Some(stream)));

    let elsewhere = NatsSettings { domain: Some("nowhere".to_owned()), ..plain.clone() };
    for absent in [plain.clone(), elsewhere] {
        let absent = NatsSettings { start_timeout_ms: 500, request_timeout_ms: 500, ..absent };
        let error = NatsLog::connect(absent).await.err().unwrap();
        assert!(matches!(error, StartError::Provision { .. }), "{error}");
    }
    let both = NatsSettings { api_prefix: Some("$JS.hub.API".to_owned()), ..in_domain };
    let of_domain = |domain: &str| NatsSettings { domain: Some(domain.to_owned()), ..plain.clone() };
    let of_prefix = |prefix: &str| NatsSettings { api_prefix: Some(prefix.to_owned()), ..plain.clone() };
    for wrong in [both, of_domain("a.b"), of_domain(""), of_prefix("$JS.hub.API."), of_prefix("$JS.>")] {
        let error = NatsLog::connect(wrong).await.err().unwrap();
        assert!(matches!(error, StartError::Settings(_)), "{error}");
    }
}

#[tokio::test]
async fn a_missing_file_is_an_error_that_names_it() {
    let settings = NatsSettings { credentials_file: Some("absent.creds".into()), ..NatsSettings::default() };
    let error = connects(settings).await.unwrap_err();
    assert!(
        matches!(error, StartError::Settings(_)) && error.to_string().contains("absent.creds"),
        "{error}"
    );
}

/// An authority, and a certificate for this machine.
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
async fn a_certificate_that_is_rotated_with_its_authority_counts_at_the_next_connection_of_a_log_that_is_open()
 {
    let (dir, former) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let [ca, cert, key] = certificates(dir.path());
    let tls = format!("tls {{ cert_file: {cert:?}, key_file: {key:?}, ca_file: {ca:?}, verify: true }}");
    let mut server = NatsServer::start_with(dir.path(), &tls).unwrap();
    let settings = |dir: &Path| NatsSettings {
        url: server.url().replace("nats://", "tls://"),
        ca_file: Some(dir.join("ca.pem")),
        cert_file: Some(dir.join("cert.pem")),
        key_file: Some(dir.join("key.pem")),
        require_tls: true,
        start_timeout_ms: 2_000,
        ..NatsSettings::default()
    };
    let (rotated, kept) = (settings(dir.path()), settings(former.path()));
    for file in [&ca, &cert, &key] {
        fs::copy(file, former.path().join(file.file_name().unwrap())).unwrap();
    }
    let log = NatsLog::connect(rotated).await.unwrap();
    appends_again(&log).await;
    connects(kept.clone()).await.unwrap();
    // Another authority signs for both sides; the server accepts no other.
    certificates(dir.path());
    server.restart().unwrap();
    appends_again(&log).await;
    assert!(
        NatsLog::connect(NatsSettings { ca_file: Some(ca), ..kept }).await.is_err(),
        "the former one is refused"
    );
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
