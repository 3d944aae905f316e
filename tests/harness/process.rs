//! A service as a process: started on a port that the system chooses, killed, stopped, started again. Its output is
//! written to a file, and shown when the test fails.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::{connected, eventually};

/// A process that should end by itself is killed after this time.
pub(super) const END_WAIT: Duration = Duration::from_secs(30);
const END_RETRY: Duration = Duration::from_millis(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Ingestion,
    Projection,
    CommandLine,
    Web,
    Bench,
}

impl Kind {
    pub(super) fn binary(self) -> &'static str {
        match self {
            Self::Ingestion => "cra-ingestion",
            Self::Projection => "cra-projection",
            Self::CommandLine => "cra",
            Self::Web => "cra-web",
            Self::Bench => "cra-bench",
        }
    }

    /// Path of the program, which cargo puts one folder above the test binary.
    fn program(self) -> PathBuf {
        let test = std::env::current_exe().unwrap();
        let program = test.ancestors().nth(2).unwrap().join(self.binary());
        assert!(
            program.is_file(),
            "no {} next to the tests: run `tests/run`, which builds it",
            self.binary()
        );
        program
    }

    /// A command without the environment variables that could configure it.
    pub(crate) fn command(self) -> Command {
        let mut command = Command::new(self.program());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("CRA_") || name == "RUST_LOG" {
                command.env_remove(name);
            }
        }
        command
    }
}

impl Kind {
    /// Like [`Kind::command`], with umask 0, so that modes are those that the program sets.
    pub(crate) fn without_umask(self) -> Command {
        self.command_after("umask 000")
    }

    /// Like [`Kind::command`], after a shell command.
    pub(crate) fn command_after(self, shell: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{shell}; exec \"$0\" \"$@\"")]).arg(self.program());
        for (name, _) in self.command().get_envs() {
            command.env_remove(name);
        }
        command
    }
}

/// A service's process; killed when dropped.
pub(crate) struct Service {
    kind: Kind,
    dir: PathBuf,
    settings: Vec<(String, String)>,
    /// The shell command before the program.
    shell: Option<String>,
    output: PathBuf,
    address: Option<SocketAddr>,
    child: Option<Child>,
}

impl Service {
    /// A service that is not started yet; `settings` are environment variables without `CRA_`.
    pub(crate) fn new(kind: Kind, dir: &Path, settings: &[(&str, &str)]) -> Self {
        fs::create_dir_all(dir).unwrap();
        let settings = settings.iter().map(|(name, value)| (format!("CRA_{name}"), (*value).to_owned()));
        Self {
            kind,
            dir: dir.to_owned(),
            settings: settings.collect(),
            shell: None,
            output: dir.join("stderr.log"),
            address: None,
            child: None,
        }
    }

    /// Runs a shell command before each start from now on, such as `ulimit -n 90`.
    pub(crate) fn after(&mut self, shell: &str) {
        self.shell = Some(shell.to_owned());
    }

    /// Starts the process, whose output is appended to its file; returns the previous length of the file.
    pub(crate) fn launch(&mut self) -> u64 {
        assert!(self.child.is_none(), "{:?} is running", self.kind);
        let mut output = OpenOptions::new().create(true).append(true).open(&self.output).unwrap();
        let written_before = output.metadata().unwrap().len();
        let mut command = match &self.shell {
            Some(shell) => self.kind.command_after(shell),
            None => self.kind.command(),
        };
        let child = command
            .envs([("CRA_LISTEN", "127.0.0.1:0"), ("CRA_TELEMETRY__LOG_FORMAT", "json")])
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(output.try_clone().unwrap())
            .spawn()
            .unwrap();
        writeln!(output, "--- {} started, pid {}", self.kind.binary(), child.id()).unwrap();
        self.child = Some(child);
        written_before
    }

    /// Starts the process and waits until it has failed; returns its output.
    pub(crate) async fn fails_to_start(&mut self) -> String {
        let written_before = usize::try_from(self.launch()).unwrap();
        let ended = self.ended().await;
        let written = self.output().split_off(written_before);
        assert!(!ended.success(), "{ended}: {written}");
        written
    }

    /// Starts the process and waits until it has bound its port, not until it serves.
    pub(crate) async fn start(&mut self) {
        let written_before = self.launch();
        let bound = eventually("the service binds its port", async || {
            if let Some(status) = self.child.as_mut().and_then(|child| child.try_wait().unwrap()) {
                panic!("{} ended at once: {status}", self.kind.binary());
            }
            address_in(&self.output, written_before).ok_or_else(|| "no address in its log".to_owned())
        });
        let address = bound.await;
        self.address = Some(address);
    }

    /// Starts the process and waits until its health is SERVING.
    pub(crate) async fn start_and_serve(&mut self) {
        self.start().await;
        self.serving().await;
    }

    /// Waits until the health of the whole process is SERVING.
    pub(crate) async fn serving(&self) {
        eventually("the service serves", async || match self.health().await? {
            ServingStatus::Serving => Ok(()),
            other => Err(format!("{} is {other:?}", self.kind.binary())),
        })
        .await;
    }

    /// The health of the whole process.
    pub(crate) async fn health(&self) -> Result<ServingStatus, String> {
        let mut health = HealthClient::new(connected(self.address()).await?);
        let request = HealthCheckRequest::default();
        let answer = health.check(request).await.map_err(|status| status.to_string())?;
        Ok(answer.into_inner().status())
    }

    /// Its output, since the first start.
    pub(crate) fn output(&self) -> String {
        fs::read_to_string(&self.output).unwrap()
    }

    /// Fails the test if it has ended.
    pub(crate) fn is_unharmed(&mut self) {
        let ended = self.child.as_mut().unwrap().try_wait().unwrap();
        assert!(ended.is_none(), "{} ended: {ended:?}", self.kind.binary());
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Its address, which changes with each start.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address.unwrap()
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Sends SIGTERM, as an orchestrator does; see [`Service::ended`].
    pub(crate) fn terminate(&self) {
        signal(self.pid(), "-TERM");
    }

    pub(crate) fn hang_up(&self) {
        signal(self.pid(), "-HUP");
    }

    /// Waits until it has exited by itself.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let mut child = self.child.take().unwrap();
        let (child, status) = tokio::task::spawn_blocking(move || {
            let status = wait_for_end(&mut child, END_WAIT);
            (child, status)
        })
        .await
        .unwrap();
        status.unwrap_or_else(|| {
            self.child = Some(child);
            panic!("{} did not end within {END_WAIT:?}", self.kind.binary())
        })
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Ignored: it may have exited.
            let _ = child.kill();
            let _ = child.wait();
        }
        if thread::panicking() {
            let output = fs::read_to_string(&self.output).unwrap_or_default();
            eprintln!("=== {} ===\n{output}", self.kind.binary());
        }
    }
}

/// The address in the first log line after that byte that contains one: it is logged as soon as it is bound.
fn address_in(output: &Path, from_byte: u64) -> Option<SocketAddr> {
    let bytes = fs::read(output).ok()?;
    let new = bytes.get(usize::try_from(from_byte).ok()?..)?;
    String::from_utf8_lossy(new).lines().find_map(|line| {
        let line: Value = serde_json::from_str(line).ok()?;
        line["address"].as_str()?.parse().ok()
    })
}

pub(super) fn wait_for_end(child: &mut Child, timeout: Duration) -> Option<ExitStatus> {
    let deadline = Instant::now() + timeout;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        thread::sleep(END_RETRY);
    }
    None
}

/// Sends a signal such as `-HUP` to a process.
pub(crate) fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").args([name, &pid.to_string()]).status().unwrap();
    assert!(sent.success());
}
