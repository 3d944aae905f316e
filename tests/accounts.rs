//! The log of production: its servers' settings are valid, and each user may do what it needs and nothing else.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use async_nats::{Client, ConnectOptions, jetstream};
use tempfile::TempDir;

use crate::harness::{
    Ingestion, Kind, Statistics, connected, eventually, new_id, run_to_end, service_pair, statistics_at,
    submission, submitted, workshop,
};

const USERS: [&str; 5] = ["INGESTION", "PROJECTION", "BACKUP", "OPERATOR", "SYSTEM"];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

fn program() -> PathBuf {
    let installed = || repository().join("target/tools/nats-server/bin/nats-server");
    std::env::var_os("CRA_NATS_SERVER").map_or_else(installed, PathBuf::from)
}

fn password(user: &str) -> String {
    format!("password-of-{}", user.to_lowercase())
}

/// A single server with the accounts of production; stopped when dropped.
struct Guarded {
    child: Child,
    address: SocketAddr,
    dir: TempDir,
}

impl Guarded {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let accounts = repository().join("deploy/nats/accounts.conf");
        // `include` reads beside the file that says so.
        std::fs::copy(accounts, dir.path().join("accounts.conf")).unwrap();
        let settings = "include \"accounts.conf\"\nmax_payload: 1088KB\n\
                        jetstream { store_dir: \"data/nats\", sync_interval: always }\n";
        let config = dir.path().join("nats.conf");
        std::fs::write(&config, settings).unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let log = std::fs::File::create(dir.path().join("nats.log")).unwrap();
        let child = Command::new(program())
            .arg("--config")
            .arg(&config)
            .args(["--addr", "127.0.0.1", "--port", &address.port().to_string()])
            .envs(USERS.map(|user| (format!("CRA_NATS_{user}_PASSWORD"), password(user))))
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let guarded = Self { child, address, dir };
        eventually("the server answers", async || {
            std::net::TcpStream::connect(address).map(drop).map_err(|error| {
                format!("{error}: {}", std::fs::read_to_string(guarded.dir.path().join("nats.log")).unwrap())
            })
        })
        .await;
        guarded
    }

    fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    async fn as_user(&self, user: &str) -> Client {
        let options = ConnectOptions::with_user_and_password(user.to_lowercase(), password(user));
        options.request_timeout(Some(Duration::from_millis(500))).connect(self.url()).await.unwrap()
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn the_pair_runs_under_its_users_and_neither_can_touch_what_the_log_holds() {
    let guarded = Guarded::start().await;
    let url = guarded.url();
    let of = |user: &'static str| {
        let (settings, secret) = (user.to_lowercase(), password(user));
        service_pair(
            &guarded.dir.path().join(&settings),
            &url,
            &[("LOG__USER", settings.as_str()), ("LOG__PASSWORD", secret.as_str())],
        )
    };
    let (mut ingesting, _) = of("INGESTION");
    let (_, mut projecting) = of("PROJECTION");
    tokio::join!(ingesting.start_and_serve(), projecting.start_and_serve());
    let mut ingestion = Ingestion::new(connected(ingesting.address()).await.unwrap());
    let mut statistics = Statistics::new(connected(projecting.address()).await.unwrap());
    let request = submission(&new_id(), workshop(5));
    let first = submitted(&mut ingestion, request.clone()).await.unwrap();
    // A conflict reads the CRA's history.
    assert!(submitted(&mut ingestion, request).await.unwrap().duplicate);
    assert_eq!(statistics_at(&mut statistics, first.position).await.acts, 5);

    let dir = tempfile::tempdir().unwrap();
    let backup_url = format!("nats://backup:{}@{}", password("BACKUP"), guarded.address);
    let exported = run_to_end(
        Kind::CommandLine,
        dir.path(),
        &["log", "export", "backup", "--nats-url", &backup_url],
        &[],
    );
    assert!(exported.status.success(), "{}", exported.stderr);

    for user in ["INGESTION", "PROJECTION", "BACKUP"] {
        let context = jetstream::new(guarded.as_user(user).await);
        assert!(context.delete_stream("CRA").await.is_err(), "{user} deletes the log");
        let stream = context.get_stream_no_info("CRA").await.unwrap();
        assert!(stream.purge().await.is_err(), "{user} purges the log");
        assert!(stream.delete_message(1).await.is_err(), "{user} deletes an event");
    }
    for user in ["PROJECTION", "BACKUP"] {
        let client = guarded.as_user(user).await;
        let written = client.request(format!("cra.event.{}", new_id()), "not an event".into()).await;
        assert!(written.is_err(), "{user} writes");
    }
    let anonymous = ConnectOptions::new().connect(&url).await;
    assert!(anonymous.is_err(), "anybody may come in");
    let mut log = jetstream::new(guarded.as_user("OPERATOR").await).get_stream("CRA").await.unwrap();
    let state = &log.info().await.unwrap().state;
    assert_eq!((state.messages, state.last_sequence), (1, 1));
}

#[test]
fn the_settings_of_production_are_valid_with_the_secrets_of_a_first_try() {
    let dir = tempfile::tempdir().unwrap();
    let secrets = dir.path().join("secrets");
    let made = Command::new(repository().join("deploy/make-secrets")).arg(&secrets).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let again = Command::new(repository().join("deploy/make-secrets")).arg(&secrets).output().unwrap();
    assert!(!again.status.success(), "secrets are never written over");
    let nats = repository().join("deploy/nats");
    std::fs::copy(nats.join("accounts.conf"), dir.path().join("accounts.conf")).unwrap();
    let settings = std::fs::read_to_string(nats.join("production.conf")).unwrap();
    let config = dir.path().join("production.conf");
    std::fs::write(&config, settings.replace("/run/secrets", secrets.to_str().unwrap())).unwrap();
    let passwords = std::fs::read_to_string(secrets.join("passwords.env")).unwrap();
    let checked = Command::new(program())
        .arg("--config")
        .arg(&config)
        .arg("-t")
        .envs(passwords.lines().filter_map(|line| line.split_once('=')))
        .output()
        .unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}
