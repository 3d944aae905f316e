//! A nats-server as a child process: on a free loopback port, with the settings of `deploy/nats.conf` (compiled in) and
//! its files in a directory. It can be killed and restarted. For tests and measurements, which supply the program;
//! servers with real events are started by their operators.

use std::io::{self, Read as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const READY_WAIT: Duration = Duration::from_secs(15);
const READY_RETRY: Duration = Duration::from_millis(20);
/// Another process may take the free port first.
const START_TRIES_MAX: usize = 5;
const SETTINGS: &str = include_str!("../../../deploy/nats.conf");

/// The server's data folder, relative to its directory, as in `deploy/nats.conf`.
pub const STORE_DIR: &str = "data/nats";

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The program is missing.
    #[error("no nats-server at {0}: run `tests/run`, which installs it, or name one in CRA_NATS_SERVER")]
    Missing(PathBuf),
    /// It did not start, or exited at once.
    #[error("nats-server did not start: {log}")]
    NotReady {
        /// Output of the server.
        log: String,
    },
    /// An error of the system.
    #[error("nats-server: {0}")]
    Io(#[from] io::Error),
}

/// A running server; stopped when dropped.
pub struct NatsServer {
    program: PathBuf,
    dir: PathBuf,
    port: u16,
    settings: String,
    /// Additional arguments.
    arguments: Vec<String>,
    child: Option<Child>,
}

impl NatsServer {
    /// Starts a program with its files and its log in `dir`, and returns when it answers. Blocks.
    pub fn start_program(program: &Path, dir: &Path) -> Result<Self, ServerError> {
        Self::start_program_with(program, dir, "")
    }

    /// Like [`NatsServer::start_program`], with settings appended to those of `deploy/nats.conf`.
    pub(crate) fn start_program_with(
        program: &Path,
        dir: &Path,
        settings: &str,
    ) -> Result<Self, ServerError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match Self::start_one(program, dir, free_port()?, Vec::new(), settings) {
                Err(ServerError::NotReady { .. }) if tries < START_TRIES_MAX => {}
                outcome => return outcome,
            }
        }
    }

    /// Like [`NatsServer::start_program`], on a given port and with additional arguments: a server of a cluster.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn start_node(
        program: &Path,
        dir: &Path,
        port: u16,
        arguments: Vec<String>,
    ) -> Result<Self, ServerError> {
        Self::start_one(program, dir, port, arguments, "")
    }

    fn start_one(
        program: &Path,
        dir: &Path,
        port: u16,
        arguments: Vec<String>,
        settings: &str,
    ) -> Result<Self, ServerError> {
        if !program.is_file() {
            return Err(ServerError::Missing(program.to_owned()));
        }
        let mut server = Self {
            program: program.to_owned(),
            dir: dir.canonicalize()?,
            port,
            settings: format!("{SETTINGS}\n{settings}\n"),
            arguments,
            child: None,
        };
        server.launch().map(|()| server)
    }

    /// URL for clients.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Like [`NatsServer::url`], for proxies.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// The server's process; `None` while it is killed.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Kills the server with SIGKILL, and waits until it has exited.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Ignored: it may have exited.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Shuts the server down cleanly, so that it opens its files quickly the next time. Blocks.
    pub fn quit(&mut self) -> Result<(), ServerError> {
        let Some(mut child) = self.child.take() else {
            return Ok(());
        };
        let asked = Command::new(&self.program).arg("--signal").arg(format!("quit={}", child.id())).status();
        if !asked?.success() {
            let _ = child.kill();
        }
        child.wait()?;
        Ok(())
    }

    /// Starts the server again, on the same port and files.
    pub fn restart(&mut self) -> Result<(), ServerError> {
        self.kill();
        self.launch()
    }

    fn launch(&mut self) -> Result<(), ServerError> {
        let settings = self.dir.join("nats.conf");
        std::fs::write(&settings, &self.settings)?;
        let log = self.dir.join("nats-server.log");
        let output = std::fs::OpenOptions::new().create(true).append(true).open(&log)?;
        let child = Command::new(&self.program)
            .arg("--config")
            .arg(settings)
            .args(["--addr", "127.0.0.1", "--port", &self.port.to_string()])
            .args(&self.arguments)
            // The settings name a directory relative to this one.
            .current_dir(&self.dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(output)
            .spawn()?;
        self.child = Some(child);
        if self.becomes_ready()? {
            return Ok(());
        }
        self.kill();
        Err(ServerError::NotReady { log: std::fs::read_to_string(log)? })
    }

    /// Whether the server greets a client in time.
    fn becomes_ready(&mut self) -> io::Result<bool> {
        let deadline = Instant::now() + READY_WAIT;
        while Instant::now() < deadline {
            if let Some(child) = &mut self.child
                && child.try_wait()?.is_some()
            {
                return Ok(false);
            }
            if greets(self.port) {
                return Ok(true);
            }
            thread::sleep(READY_RETRY);
        }
        Ok(false)
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn greets(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))) else {
        return false;
    };
    let mut greeting = [0; 4];
    stream.set_read_timeout(Some(Duration::from_secs(1))).is_ok()
        && stream.read_exact(&mut greeting).is_ok()
        && &greeting == b"INFO"
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
