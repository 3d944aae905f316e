//! The three servers of the log with their deployed configuration, and the secrets of a first trial.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use async_nats::{Client, ConnectOptions};

use super::{Ended, Kind, Service, run_cra};

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// The server's program.
pub(crate) fn nats_server() -> PathBuf {
    let installed = || repository().join("target/tools/nats-server/bin/nats-server");
    std::env::var_os("CRA_NATS_SERVER").map_or_else(installed, PathBuf::from)
}

/// Currently free ports.
pub(crate) fn free_ports<const N: usize>() -> [u16; N] {
    // Bound at the same time, so that they differ.
    let listeners = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

/// The servers, on free loopback ports; stopped when dropped.
pub(crate) struct Deployed {
    servers: Vec<Child>,
    clients: [u16; 3],
    routes: [u16; 3],
    monitors: [u16; 3],
    dir: tempfile::TempDir,
}

impl Deployed {
    pub(crate) fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let secrets = dir.path().join("secrets");
        Ended::of(Command::new(repository().join("deploy/make-secrets")).arg(&secrets)).succeeded();
        let ports = free_ports::<9>();
        let three = |first: usize| [ports[first], ports[first + 1], ports[first + 2]];
        let mut deployed =
            Self { servers: Vec::new(), clients: three(0), routes: three(3), monitors: three(6), dir };
        for index in 0..3 {
            let server = deployed.spawn(index);
            deployed.servers.push(server);
        }
        deployed
    }

    fn spawn(&self, index: usize) -> Child {
        let folder = self.dir().join(format!("nats-{index}"));
        std::fs::create_dir(&folder).unwrap();
        let nats = repository().join("deploy/nats");
        std::fs::copy(nats.join("accounts.conf"), folder.join("accounts.conf")).unwrap();
        let settings = std::fs::read_to_string(nats.join("production.conf"))
            .unwrap()
            .replace("/run/secrets", self.secrets().to_str().unwrap())
            .replace("\"/data\"", &format!("\"{}\"", folder.join("data").display()))
            .replace("\"0.0.0.0:4222\"", &format!("\"127.0.0.1:{}\"", self.clients[index]))
            .replace("\"0.0.0.0:8222\"", &format!("\"127.0.0.1:{}\"", self.monitors[index]));
        std::fs::write(folder.join("production.conf"), settings).unwrap();
        Command::new(nats_server())
            .arg("--config")
            .arg(folder.join("production.conf"))
            .args(["--name", &format!("nats-{index}"), "--cluster_name", "cra"])
            .envs(self.passwords())
            .envs(self.route_urls(&self.password("ROUTES")))
            .env("CRA_NATS_ROUTES_LISTEN", format!("127.0.0.1:{}", self.routes[index]))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.join("log")).unwrap())
            .spawn()
            .unwrap()
    }

    /// The variables of the routes, with this password.
    pub(crate) fn route_urls(&self, password: &str) -> Vec<(String, String)> {
        let urls = (1..).zip(self.routes);
        urls.map(|(number, port)| {
            (format!("CRA_NATS_ROUTE_{number}"), format!("nats://routes:{password}@127.0.0.1:{port}"))
        })
        .collect()
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn secrets(&self) -> PathBuf {
        self.dir().join("secrets")
    }

    fn passwords(&self) -> Vec<(String, String)> {
        let text = std::fs::read_to_string(self.secrets().join("passwords.env")).unwrap();
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// The password of a user, given in capitals.
    pub(crate) fn password(&self, user: &str) -> String {
        let variable = format!("CRA_NATS_{user}_PASSWORD");
        self.passwords().into_iter().find(|(name, _)| *name == variable).unwrap().1
    }

    /// Creates the stream as the log's operator, with the command used in production.
    pub(crate) fn create_log(&self) -> Ended {
        let folder = tempfile::tempdir_in(self.dir()).unwrap();
        let urls = self.clients.map(|port| format!("tls://localhost:{port}")).join(",");
        let secret = |name: &str| self.secrets().join(name).display().to_string();
        let (password, ca) = (self.password("OPERATOR"), secret("ca.pem"));
        let (cert, key) = (secret("operator-log.pem"), secret("operator-log.key"));
        let environment = [
            ("CRA_LOG__URL", urls.as_str()),
            ("CRA_LOG__REPLICAS", "3"),
            ("CRA_LOG__USER", "operator"),
            ("CRA_LOG__PASSWORD", &password),
            ("CRA_LOG__CA_FILE", &ca),
            ("CRA_LOG__CERT_FILE", &cert),
            ("CRA_LOG__KEY_FILE", &key),
        ];
        run_cra(folder.path(), &["log", "create"], &environment)
    }

    /// A client with a user's password and the certificate of that name.
    pub(crate) async fn client(&self, user: &str, certificate: &str) -> Result<Client, String> {
        let secrets = self.secrets();
        let name = user.to_lowercase();
        let connected = ConnectOptions::with_user_and_password(name.clone(), self.password(user))
            .custom_inbox_prefix(format!("_INBOX_{name}"))
            .add_root_certificates(secrets.join("ca.pem"))
            .add_client_certificate(
                secrets.join(format!("{certificate}.pem")),
                secrets.join(format!("{certificate}.key")),
            )
            .require_tls(true)
            .connect(format!("tls://localhost:{}", self.clients[0]))
            .await;
        connected.map_err(|error| error.to_string())
    }

    /// The names of the servers that the servers have routes to, from their monitoring.
    pub(crate) fn routed(&self) -> String {
        let found = self.monitors.map(|port| {
            let mut monitor =
                std::net::TcpStream::connect(("127.0.0.1", port)).map_err(|error| error.to_string())?;
            let request = "GET /routez HTTP/1.0\r\n\r\n";
            std::io::Write::write_all(&mut monitor, request.as_bytes()).map_err(|error| error.to_string())?;
            std::io::read_to_string(monitor).map_err(|error| error.to_string())
        });
        found.map(Result::unwrap_or_default).concat()
    }

    /// The log lines of all servers, ordered by time.
    pub(crate) fn logs(&self) -> Vec<String> {
        let mut lines: Vec<_> = (0..3)
            .flat_map(|index| {
                let log = std::fs::read_to_string(self.dir().join(format!("nats-{index}/log"))).unwrap();
                log.lines().map(str::to_owned).collect::<Vec<_>>()
            })
            .collect();
        // A line starts with the server's process id, then the time.
        lines.sort_by(|a, b| {
            a.split_once(' ').map(|(_, rest)| rest).cmp(&b.split_once(' ').map(|(_, rest)| rest))
        });
        lines
    }

    /// Stops the servers and keeps their files.
    pub(crate) fn stop(&mut self) {
        for mut server in self.servers.drain(..) {
            // Ignored: it may have exited.
            let _ = server.kill();
            let _ = server.wait();
        }
    }

    /// A service with its deployed settings, except for local paths and addresses; not started.
    pub(crate) fn service(&self, kind: Kind, name: &str) -> Service {
        let dir = self.dir();
        let mut settings = std::fs::read_to_string(repository().join(format!("deploy/config/{name}.toml")))
            .unwrap()
            .replace("/run/secrets", self.secrets().to_str().unwrap())
            .replace("/var/lib/cra", dir.join("data").to_str().unwrap())
            .replace("0.0.0.0:9051", "127.0.0.1:0")
            .replace("0.0.0.0:9052", "127.0.0.1:0");
        for (number, port) in (1..).zip(self.clients) {
            settings = settings.replace(&format!("nats-{number}:4222"), &format!("localhost:{port}"));
        }
        let file = dir.join(format!("{name}.toml"));
        std::fs::write(&file, settings).unwrap();
        let password = self.password(&name.to_uppercase());
        let found = [("CONFIG", file.to_str().unwrap()), ("LOG__PASSWORD", password.as_str())];
        Service::new(kind, &dir.join(name), &found)
    }
}

impl Drop for Deployed {
    fn drop(&mut self) {
        self.stop();
    }
}
