//! What is deployed runs as it is: three servers of the log with their users, of which each may do what it needs and nothing
//! else, certificates, tokens, and the settings of both services.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use async_nats::{Client, ConnectOptions, jetstream};
use cra_contracts::json;
use tempfile::TempDir;

use crate::harness::{
    Ingestion, Kind, Service, Statistics, connected, eventually, new_id, run_to_end, service_pair,
    statistics_at, submission, submitted, workshop,
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
    let secret = password("BACKUP");
    let user = [("CRA_LOG__USER", "backup"), ("CRA_LOG__PASSWORD", secret.as_str())];
    let exported =
        run_to_end(Kind::CommandLine, dir.path(), &["log", "export", "backup", "--nats-url", &url], &user);
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

/// Ports that were free a moment ago.
fn free_ports<const N: usize>() -> [u16; N] {
    // Held together, so that they differ.
    let held = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    held.map(|listener| listener.local_addr().unwrap().port())
}

/// The three servers of the log as they are deployed; stopped when dropped.
struct Deployed {
    servers: Vec<Child>,
    clients: [u16; 3],
    dir: TempDir,
}

impl Deployed {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let secrets = dir.path().join("secrets");
        let made = Command::new(repository().join("deploy/make-secrets")).arg(&secrets).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let ports = free_ports::<9>();
        let three = |first: usize| [ports[first], ports[first + 1], ports[first + 2]];
        let (clients, routes, monitors) = (three(0), three(3), three(6));
        let mut deployed = Self { servers: Vec::new(), clients, dir };
        let all = routes.map(|port| format!("nats://127.0.0.1:{port}")).join(",");
        for (index, ((client, route), monitor)) in clients.into_iter().zip(routes).zip(monitors).enumerate() {
            let folder = deployed.dir.path().join(format!("nats-{index}"));
            std::fs::create_dir(&folder).unwrap();
            let nats = repository().join("deploy/nats");
            std::fs::copy(nats.join("accounts.conf"), folder.join("accounts.conf")).unwrap();
            let settings = std::fs::read_to_string(nats.join("production.conf"))
                .unwrap()
                .replace("/run/secrets", secrets.to_str().unwrap())
                .replace("\"/data\"", &format!("\"{}\"", folder.join("data").display()))
                .replace("0.0.0.0:4222", &format!("127.0.0.1:{client}"))
                .replace("0.0.0.0:6222", &format!("127.0.0.1:{route}"))
                .replace("0.0.0.0:8222", &format!("127.0.0.1:{monitor}"));
            std::fs::write(folder.join("production.conf"), settings).unwrap();
            let server = Command::new(program())
                .arg("--config")
                .arg(folder.join("production.conf"))
                .args(["--name", &format!("nats-{index}"), "--cluster_name", "cra", "--routes", &all])
                .envs(deployed.passwords())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(std::fs::File::create(folder.join("log")).unwrap())
                .spawn();
            deployed.servers.push(server.unwrap());
        }
        deployed
    }

    fn passwords(&self) -> Vec<(String, String)> {
        let text = std::fs::read_to_string(self.dir.path().join("secrets/passwords.env")).unwrap();
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// A service with the settings that are deployed with it, but for where things stand here; not started.
    fn service(&self, kind: Kind, name: &str) -> Service {
        let dir = self.dir.path();
        let mut settings = std::fs::read_to_string(repository().join(format!("deploy/config/{name}.toml")))
            .unwrap()
            .replace("/run/secrets", dir.join("secrets").to_str().unwrap())
            .replace("/var/lib/cra", dir.join("data").to_str().unwrap())
            .replace("0.0.0.0:9051", "127.0.0.1:0")
            .replace("0.0.0.0:9052", "127.0.0.1:0");
        for (number, port) in (1..).zip(self.clients) {
            settings = settings.replace(&format!("nats-{number}:4222"), &format!("localhost:{port}"));
        }
        let file = dir.join(format!("{name}.toml"));
        std::fs::write(&file, settings).unwrap();
        let variable = format!("CRA_NATS_{}_PASSWORD", name.to_uppercase());
        let password = self.passwords().into_iter().find(|(known, _)| *known == variable).unwrap().1;
        let told = [("CONFIG", file.to_str().unwrap()), ("LOG__PASSWORD", password.as_str())];
        Service::new(kind, &dir.join(name), &told)
    }
}

impl Drop for Deployed {
    fn drop(&mut self) {
        for server in &mut self.servers {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

#[tokio::test]
async fn what_is_deployed_runs_with_certificates_tokens_and_three_servers() {
    let deployed = Deployed::start();
    let dir = deployed.dir.path();
    let cra = |arguments: &[&str], environment: &[(&str, &str)]| {
        let folder = tempfile::tempdir_in(dir).unwrap();
        run_to_end(Kind::CommandLine, folder.path(), arguments, environment)
    };
    let tokens = dir.join("secrets/tokens");
    let tokens = tokens.to_str().unwrap();
    assert!(cra(&["token", "keys", tokens], &[]).status.success());
    std::fs::copy(dir.join("secrets/tokens/jwks.json"), dir.join("secrets/jwks.json")).unwrap();

    let mut ingestion = deployed.service(Kind::Ingestion, "ingestion");
    let mut projection = deployed.service(Kind::Projection, "projection");
    ingestion.start().await;
    projection.start().await;
    let url = |service: &Service| format!("https://localhost:{}", service.address().port());
    let (ingestion_url, projection_url) = (url(&ingestion), url(&projection));
    let ca = dir.join("secrets/ca.pem");
    let reached = [
        ("CRA_INGESTION_URL", ingestion_url.as_str()),
        ("CRA_PROJECTION_URL", projection_url.as_str()),
        ("CRA_CA", ca.to_str().unwrap()),
    ];
    eventually("both serve", async || {
        let told = cra(&["health"], &reached);
        if told.status.success() { Ok(()) } else { Err(format!("{}{}", told.stdout, told.stderr)) }
    })
    .await;

    let file = dir.join("one.json");
    let cra_json = json::to_value(&submission(&new_id(), workshop(5)));
    std::fs::write(&file, cra_json.to_string()).unwrap();
    let submit = ["submit", file.to_str().unwrap()];
    assert!(!cra(&submit, &reached).status.success(), "nobody may submit without a token");
    let scopes = "cra:submit statistics:read";
    let issue = ["token", "issue", tokens, "--client", "test", "--scope", scopes, "--national"];
    let issued = cra(&issue, &[]);
    assert!(issued.status.success(), "{}", issued.stderr);
    let with_token: Vec<_> = reached.into_iter().chain([("CRA_TOKEN", issued.stdout.trim())]).collect();
    let submitted = cra(&submit, &with_token);
    assert!(submitted.status.success(), "{}{}", submitted.stdout, submitted.stderr);
    eventually("it counts", async || {
        let told = cra(&["stats", "--advisor", "conseiller-1", "--json"], &with_token);
        if told.stdout.contains(r#""acts":"5""#) { Ok(()) } else { Err(told.stdout + &told.stderr) }
    })
    .await;
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
