//! The log's servers admit only authorised peers and users. An attacker with all certificates and passwords of a
//! service joins no cluster, and can do in the log only what that service may do; a stolen disk reveals no event.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event, ServerError, jetstream};
use cra_eventlog::testing::NatsServer;
use serde_json::{Value, json};

use crate::harness::deployed::{Deployed, free_ports, nats_server, repository};
use crate::harness::{eventually, new_id, run_cra};

const MARK: &str = "what-an-event-says-of-a-person";

async fn create_log(deployed: &Deployed) {
    eventually("the operator makes the stream", async || deployed.create_log().outcome()).await;
}

async fn append(client: &Client) {
    let context = jetstream::new(client.clone());
    let subject = format!("cra.event.{}", new_id());
    context.publish(subject, MARK.into()).await.unwrap().await.unwrap();
}

async fn messages(client: &Client) -> Result<u64, String> {
    let stream = jetstream::new(client.clone()).get_stream("CRA").await.map_err(|error| error.to_string())?;
    Ok(stream.cached_info().state.messages)
}

/// A foreign server with a certificate and a password of routes; stopped when dropped.
struct Foreign {
    child: Child,
    port: u16,
    dir: tempfile::TempDir,
}

impl Foreign {
    fn start(deployed: &Deployed, certificate: &str, password: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let [port, route] = free_ports();
        let secrets = deployed.secrets();
        let authorities = ["ca.pem", "routes-ca.pem"]
            .map(|name| std::fs::read_to_string(secrets.join(name)).unwrap())
            .concat();
        std::fs::write(dir.path().join("authorities.pem"), authorities).unwrap();
        let settings = format!(
            "listen: \"127.0.0.1:{port}\"\n\
             accounts {{ CRA {{ jetstream: enabled, users: [{{ user: mine, password: mine }}] }}\n\
             SYS {{ users: [{{ user: system, password: mine }}] }} }}\nsystem_account: SYS\n\
             jetstream {{ store_dir: \"{dir}/data\" }}\n\
             cluster {{ listen: \"127.0.0.1:{route}\"\n\
             tls {{ cert_file: \"{secrets}/{certificate}.pem\", key_file: \"{secrets}/{certificate}.key\"\n\
             ca_file: \"{dir}/authorities.pem\", verify: true }}\n\
             routes: [$CRA_NATS_ROUTE_1, $CRA_NATS_ROUTE_2, $CRA_NATS_ROUTE_3] }}\n",
            dir = dir.path().display(),
            secrets = secrets.display(),
        );
        std::fs::write(dir.path().join("foreign.conf"), settings).unwrap();
        let child = Command::new(nats_server())
            .arg("--config")
            .arg(dir.path().join("foreign.conf"))
            .args(["--name", "foreign", "--cluster_name", "cra"])
            .envs(deployed.route_urls(password))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(dir.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        Self { child, port, dir }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap()
    }

    /// Asks its own server to delete the stream, which a cluster would forward.
    async fn deletes_the_log(&self) -> bool {
        let client = ConnectOptions::with_user_and_password("mine".to_owned(), "mine".to_owned())
            .request_timeout(Some(Duration::from_secs(2)))
            .connect(format!("nats://127.0.0.1:{}", self.port))
            .await
            .unwrap();
        jetstream::new(client).delete_stream("CRA").await.is_ok()
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_foreign_server_with_a_services_certificate_joins_no_cluster_and_deletes_nothing() {
    let deployed = Deployed::start();
    create_log(&deployed).await;
    let ingestion = deployed.client("INGESTION", "ingestion-log").await.unwrap();
    append(&ingestion).await;
    let routes = deployed.password("ROUTES");
    // Every certificate of a service, even with the routes' password; and the routes' certificate without it.
    for (certificate, password, refused) in [
        ("ingestion", routes.as_str(), "TLS Handshake Failure"),
        ("ingestion-log", routes.as_str(), "TLS Handshake Failure"),
        ("operator-log", routes.as_str(), "TLS Handshake Failure"),
        ("routes", "guessed", "authentication error - User \"routes\""),
    ] {
        let before = deployed.logs().len();
        let foreign = Foreign::start(&deployed, certificate, password);
        eventually("a route was refused", async || {
            let output = deployed.logs().split_off(before);
            let refusals = output.iter().filter(|line| line.contains(refused)).count();
            if refusals > 2 { Ok(()) } else { Err(format!("{certificate}: {output:?}")) }
        })
        .await;
        assert!(!foreign.deletes_the_log().await, "{certificate}");
        assert!(!deployed.routed().contains("foreign"), "{certificate}: {}", foreign.log());
        assert_eq!(messages(&ingestion).await, Ok(1), "{certificate}");
    }
    // Counter-check: the servers' own credentials do open a route.
    let _own = Foreign::start(&deployed, "routes", &routes);
    eventually("a server with the routes' certificate and password joins", async || {
        let seen = deployed.routed();
        if seen.contains("\"foreign\"") { Ok(()) } else { Err(seen) }
    })
    .await;
}

#[tokio::test]
async fn clients_need_a_client_certificate_and_callers_certificates_are_refused() {
    let deployed = Deployed::start();
    create_log(&deployed).await;
    for certificate in ["ingestion", "nats", "routes"] {
        let refused = deployed.client("INGESTION", certificate).await;
        assert!(refused.is_err(), "{certificate} opens a client's connection");
    }
    let client = deployed.client("INGESTION", "ingestion-log").await.unwrap();
    append(&client).await;
}

fn holds(folder: &Path, found: &mut Vec<String>, bytes: &mut usize) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            holds(&path, found, bytes);
        } else {
            let content = std::fs::read(&path).unwrap();
            *bytes += content.len();
            if content.windows(MARK.len()).any(|window| window == MARK.as_bytes()) {
                found.push(path.display().to_string());
            }
        }
    }
}

#[tokio::test]
async fn the_files_of_the_deployed_servers_reveal_nothing_of_an_event() {
    let mut deployed = Deployed::start();
    create_log(&deployed).await;
    append(&deployed.client("INGESTION", "ingestion-log").await.unwrap()).await;
    deployed.stop();
    let (mut found, mut bytes) = (Vec::new(), 0);
    for index in 0..3 {
        holds(&deployed.dir().join(format!("nats-{index}/data")), &mut found, &mut bytes);
    }
    assert!(bytes > MARK.len(), "nothing is on disk");
    assert_eq!(found, [""; 0]);

    // Counter-check: without a key the event is readable on disk.
    let dir = tempfile::tempdir().unwrap();
    let nats = NatsServer::start(dir.path()).unwrap_or_else(|error| panic!("{error}"));
    let client = async_nats::connect(nats.url()).await.unwrap();
    let stream = jetstream::stream::Config {
        name: "CRA".to_owned(),
        subjects: vec!["cra.event.*".to_owned()],
        ..Default::default()
    };
    jetstream::new(client.clone()).create_stream(stream).await.unwrap();
    append(&client).await;
    let (mut found, mut bytes) = (Vec::new(), 0);
    holds(dir.path(), &mut found, &mut bytes);
    assert!(!found.is_empty(), "{bytes} bytes");
}

/// One server with the accounts of production, without certificates; stopped when dropped.
pub(crate) struct Guarded {
    child: Child,
    pub(crate) url: String,
    pub(crate) dir: tempfile::TempDir,
}

pub(crate) fn password(user: &str) -> String {
    format!("password-of-{user}")
}

impl Guarded {
    /// Starts with the stream, created by the operator.
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let accounts = repository().join("deploy/nats/accounts.conf");
        // `include` is relative to the folder of the including file.
        std::fs::copy(accounts, dir.path().join("accounts.conf")).unwrap();
        let settings = "include \"accounts.conf\"\nmax_payload: 1088KB\n\
                        jetstream { store_dir: \"data/nats\", sync_interval: always, max_memory_store: 256MB }\n";
        let config = dir.path().join("nats.conf");
        std::fs::write(&config, settings).unwrap();
        let [port] = free_ports();
        let users = ["ingestion", "projection", "backup", "operator", "system"];
        let child = Command::new(nats_server())
            .arg("--config")
            .arg(&config)
            .args(["--addr", "127.0.0.1", "--port", &port.to_string()])
            .envs(users.map(|user| (format!("CRA_NATS_{}_PASSWORD", user.to_uppercase()), password(user))))
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(dir.path().join("nats.log")).unwrap())
            .spawn()
            .unwrap();
        let guarded = Self { child, url: format!("nats://127.0.0.1:{port}"), dir };
        eventually("the operator makes the stream", async || {
            let secret = password("operator");
            let environment = [
                ("CRA_LOG__URL", guarded.url.as_str()),
                ("CRA_LOG__USER", "operator"),
                ("CRA_LOG__PASSWORD", &secret),
            ];
            let arguments = ["log", "create"];
            run_cra(guarded.dir.path(), &arguments, &environment).outcome()
        })
        .await;
        guarded
    }

    /// A user's connection, and the server's refusals on it.
    async fn as_user(&self, user: &str) -> (Client, Arc<Mutex<Vec<String>>>) {
        let refused = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&refused);
        let client = ConnectOptions::with_user_and_password(user.to_owned(), password(user))
            .custom_inbox_prefix(format!("_INBOX_{user}"))
            .request_timeout(Some(Duration::from_secs(5)))
            .event_callback(move |event| {
                if let Event::ServerError(ServerError::Other(text)) = event {
                    seen.lock().unwrap().push(text.to_lowercase());
                }
                std::future::ready(())
            })
            .connect(&self.url)
            .await
            .unwrap();
        (client, refused)
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Subjects of the operator only: all that change or list the stream, and all outside the log.
const FORBIDDEN: [&str; 21] = [
    "$JS.API.STREAM.DELETE.CRA",
    "$JS.API.STREAM.DELETE.CRA_A",
    "$JS.API.STREAM.UPDATE.CRA_B",
    "$JS.API.STREAM.PURGE.CRA",
    "$JS.API.STREAM.UPDATE.CRA",
    "$JS.API.STREAM.CREATE.CRA",
    "$JS.API.STREAM.CREATE.OTHER",
    "$JS.API.STREAM.MSG.DELETE.CRA",
    "$JS.API.STREAM.SNAPSHOT.CRA",
    "$JS.API.STREAM.RESTORE.CRA",
    "$JS.API.STREAM.LEADER.STEPDOWN.CRA",
    "$JS.API.STREAM.PEER.REMOVE.CRA",
    "$JS.API.STREAM.LIST",
    "$JS.API.STREAM.NAMES",
    "$JS.API.DIRECT.GET.CRA",
    "$JS.API.CONSUMER.NAMES.CRA",
    "$JS.API.CONSUMER.LIST.CRA",
    "$JS.API.CONSUMER.DURABLE.CREATE.CRA.mine",
    "$JS.API.META.LEADER.STEPDOWN",
    "$SYS.REQ.SERVER.PING",
    "anything.else",
];
/// Subjects that a reader of the whole log may use, and a writer may not.
const READERS: [&str; 4] = [
    "$JS.API.CONSUMER.CREATE.CRA.reader-1",
    "$JS.API.CONSUMER.INFO.CRA.reader-1",
    "$JS.API.CONSUMER.MSG.NEXT.CRA.reader-1",
    "$JS.API.CONSUMER.DELETE.CRA.reader-1",
];
const INBOXES: [&str; 3] = ["_INBOX_ingestion.>", "_INBOX_projection.>", "_INBOX_backup.>"];

#[tokio::test]
async fn each_user_of_the_log_is_refused_everything_it_does_not_need() {
    let guarded = Guarded::start().await;
    append(&guarded.as_user("ingestion").await.0).await;
    for user in ["ingestion", "projection", "backup"] {
        let (client, refused) = guarded.as_user(user).await;
        let mut expected = BTreeSet::new();
        let event = format!("cra.event.{}", new_id());
        let role: &[&str] = if user == "ingestion" { &READERS } else { &[event.as_str()] };
        for subject in FORBIDDEN.iter().chain(role) {
            let reply = format!("_INBOX_{user}.reply");
            client.publish_with_reply((*subject).to_owned(), reply, "{}".into()).await.unwrap();
            expected.insert(format!("publish to \"{}\"", subject.to_lowercase()));
        }
        let own = format!("_INBOX_{user}.>");
        let mut subscriptions = Vec::new();
        for subject in
            INBOXES.into_iter().filter(|inbox| *inbox != own).chain([">", "_INBOX.>", "cra.event.>", "$JS.>"])
        {
            subscriptions.push(client.subscribe(subject).await.unwrap());
            expected.insert(format!("subscription to \"{}\"", subject.to_lowercase()));
        }
        client.flush().await.unwrap();
        eventually("everything is refused", async || {
            let refused = refused.lock().unwrap().join("\n");
            let missing: Vec<_> = expected.iter().filter(|it| !refused.contains(it.as_str())).collect();
            if missing.is_empty() { Ok(()) } else { Err(format!("{user}: {missing:?} of\n{refused}")) }
        })
        .await;
    }
    let (operator, _) = guarded.as_user("operator").await;
    assert_eq!(messages(&operator).await, Ok(1));
    assert!(ConnectOptions::new().connect(&guarded.url).await.is_err(), "anyone may connect");
}

async fn answer_to(client: &Client, subject: &str, request: Value) -> Value {
    let answer = client.request(subject.to_owned(), request.to_string().into()).await.unwrap();
    serde_json::from_slice(&answer.payload).unwrap()
}

#[tokio::test]
async fn readers_are_bounded_and_cannot_write_through_a_delivery_subject() {
    let guarded = Guarded::start().await;
    let (client, _) = guarded.as_user("projection").await;
    let reader = |name: &str, more: Value| {
        let mut config = json!({ "name": name, "ack_policy": "none", "mem_storage": true, "inactive_threshold": 60_000_000_000_u64 });
        config.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        json!({ "stream_name": "CRA", "config": config })
    };
    let into_the_log = reader("loop", json!({ "deliver_subject": "cra.event.x" }));
    let answer = answer_to(&client, "$JS.API.CONSUMER.CREATE.CRA.loop", into_the_log).await;
    assert!(answer["error"]["description"].as_str().unwrap().contains("cycle"), "{answer}");
    for number in 0..64 {
        let name = format!("r{number}");
        let answer =
            answer_to(&client, &format!("$JS.API.CONSUMER.CREATE.CRA.{name}"), reader(&name, json!({})))
                .await;
        assert!(answer["error"].is_null(), "{number}: {answer}");
    }
    let answer = answer_to(&client, "$JS.API.CONSUMER.CREATE.CRA.more", reader("more", json!({}))).await;
    assert!(answer["error"]["description"].as_str().unwrap().contains("maximum consumers"), "{answer}");
}
