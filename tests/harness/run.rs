//! Programs that run to their end, such as `cra`.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::process::{END_WAIT, Kind, wait_for_end};
use super::{Pair, Standalone};

/// Result of a program that ended by itself. The assertions return it, for the next one.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Runs a command to its end.
    pub(crate) fn of(command: &mut Command) -> Self {
        command.output().unwrap().into()
    }

    /// Success, or what was reported: for a command that is tried again.
    pub(crate) fn outcome(self) -> Result<(), String> {
        if self.status.success() { Ok(()) } else { Err(self.stderr) }
    }

    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        self.exited(0)
    }

    #[track_caller]
    pub(crate) fn failed(self) -> Self {
        self.asserts(|it| !it.status.success(), "no failure")
    }

    #[track_caller]
    pub(crate) fn exited(self, code: i32) -> Self {
        self.asserts(|it| it.status.code() == Some(code), &format!("not exit code {code}"))
    }

    /// Asserts that standard output contains a text.
    #[track_caller]
    pub(crate) fn shows(self, text: &str) -> Self {
        self.asserts(|it| it.stdout.contains(text), &format!("no {text:?} on standard output"))
    }

    /// Asserts that standard error contains a text.
    #[track_caller]
    pub(crate) fn reports(self, text: &str) -> Self {
        self.asserts(|it| it.stderr.contains(text), &format!("no {text:?} on standard error"))
    }

    #[track_caller]
    fn asserts(self, holds: impl FnOnce(&Self) -> bool, fault: &str) -> Self {
        assert!(holds(&self), "{fault}: {}\nstdout:\n{}\nstderr:\n{}", self.status, self.stdout, self.stderr);
        self
    }

    /// Standard output as one JSON value.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        let Self { stdout, stderr, .. } = self;
        serde_json::from_str(stdout).unwrap_or_else(|error| panic!("{error}:\n{stdout}\nstderr:\n{stderr}"))
    }

    /// Standard output as one JSON value per line.
    #[track_caller]
    pub(crate) fn json_lines(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl From<Output> for Ended {
    fn from(Output { status, stdout, stderr }: Output) -> Self {
        let [stdout, stderr] = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Self { status, stdout, stderr }
    }
}

/// Runs a program that is expected to end soon. `environment` holds full names.
pub(crate) fn run_to_end(kind: Kind, dir: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
    run_to_end_within(END_WAIT, kind, dir, arguments, environment)
}

/// Like [`run_to_end`], with a longer limit.
pub(crate) fn run_to_end_within(
    timeout: Duration,
    kind: Kind,
    dir: &Path,
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> Ended {
    let (stdout, stderr) = (dir.join("stdout"), dir.join("stderr"));
    let mut child = kind
        .command()
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(File::create(&stdout).unwrap())
        .stderr(File::create(&stderr).unwrap())
        .spawn()
        .unwrap();
    let ended = wait_for_end(&mut child, timeout);
    let read = |file| fs::read_to_string(file).unwrap();
    let (stdout, stderr) = (read(stdout), read(stderr));
    let Some(status) = ended else {
        let _ = child.kill();
        let _ = child.wait();
        panic!("{} went on for {timeout:?}; it wrote:\n{stderr}", kind.binary());
    };
    Ended { status, stdout, stderr }
}

/// Runs `cra` in a folder. `environment` holds full names.
pub(crate) fn run_cra(dir: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
    run_to_end(Kind::CommandLine, dir, arguments, environment)
}

/// Runs `cra log` in a folder.
pub(crate) fn cra_log(dir: &Path, arguments: &[&str]) -> Ended {
    run_cra(dir, &[&["log"], arguments].concat(), &[])
}

/// The result of a successful `cra log` in a folder.
pub(crate) fn cra_log_json(dir: &Path, arguments: &[&str]) -> Value {
    cra_log(dir, &[arguments, &["--json"]].concat()).succeeded().json()
}

impl Pair {
    /// Runs `cra` on both services, in a new folder.
    pub(crate) fn cra(&self, arguments: &[&str]) -> Ended {
        let dir = tempfile::tempdir().unwrap();
        run_cra_on([self.ingestion.address(), self.projection.address()], dir.path(), arguments, &[])
    }
}

impl Standalone {
    /// Runs `cra` on both services, in a folder.
    pub(crate) fn cra_in(&self, dir: &Path, arguments: &[&str]) -> Ended {
        self.cra_with(dir, arguments, &[])
    }

    /// Like [`Standalone::cra_in`], with further environment variables.
    pub(crate) fn cra_with(&self, dir: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
        run_cra_on([self.ingestion, self.projection], dir, arguments, environment)
    }
}

fn run_cra_on(
    services: [SocketAddr; 2],
    dir: &Path,
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> Ended {
    let [ingestion, projection] = services.map(|address| format!("http://{address}"));
    let urls = [("CRA_INGESTION_URL", ingestion.as_str()), ("CRA_PROJECTION_URL", &projection)];
    run_cra(dir, arguments, &[&urls[..], environment].concat())
}
