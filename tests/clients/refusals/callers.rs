//! The callers: tonic in this process, grpcio and grpc-js as programs. Each reports how its calls ended.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};

use cra_runtime::identity::access::Shape;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::watch;

use super::super::{Client, in_repository};
use super::cases::Case;
use super::tonic_caller;
use crate::harness::within;
use crate::protocols::ways;

/// Longer than any call of the tests, on a busy machine.
const LONGEST: std::time::Duration = std::time::Duration::from_mins(2);

/// Whether the calls of a batch are made one after the other or concurrently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    InTurn,
    Together,
}

/// How a call ended, as decoded by the client library.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ended {
    pub(super) code: String,
    pub(super) message: String,
    pub(super) details: Vec<Value>,
    /// Number of answers before the end.
    pub(super) answers: u64,
}

impl Ended {
    /// The value of a detail of a type of `google.rpc`.
    pub(super) fn detail(&self, kind: &str) -> Option<&Value> {
        let found = self.details.iter().find(|detail| detail["type"] == format!("google.rpc.{kind}"));
        found.map(|detail| &detail["value"])
    }

    /// The reason of the refusal and those of its violations.
    pub(super) fn reasons(&self) -> Vec<&str> {
        let own = self.detail("ErrorInfo").map(|info| &info["reason"]);
        let violations = self.detail("BadRequest").and_then(|request| request["fieldViolations"].as_array());
        let violations = violations.into_iter().flatten().map(|violation| &violation["reason"]);
        own.into_iter().chain(violations).filter_map(Value::as_str).collect()
    }
}

pub(super) struct Caller {
    /// Part of the client name in its tokens, so that limits per client apply to one caller.
    pub(super) name: &'static str,
    reach: Reach,
    lines: UnboundedReceiver<Value>,
    to: To,
    began: usize,
    ended: BTreeMap<String, Ended>,
}

/// The calls that it can make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// Any call, with any bytes as messages.
    Bytes,
    /// Calls whose messages are valid in the contract.
    Messages,
    /// As before, but only with one request.
    OneMessage,
}

enum To {
    Tonic { report: tokio::sync::mpsc::UnboundedSender<Value>, resume: watch::Sender<bool> },
    Program { child: Child, stdin: ChildStdin, _files: Option<TempDir> },
}

impl Caller {
    /// All three callers, started.
    pub(super) fn of_grpc() -> Vec<Self> {
        let mut python = Client::Python.interpreter();
        python.arg(in_repository("tests/readers/ask_refusals.py"));
        let mut node = Client::TypeScript.interpreter();
        node.arg(in_repository("tests/readers/ask_refusals.mjs"));
        node.arg(Client::TypeScript.installed());
        vec![
            Self::tonic(),
            Self::program("grpcio", Reach::Bytes, python, None),
            Self::program("grpc-js", Reach::Bytes, node, None),
        ]
    }

    /// The clients of gRPC, of Connect and of gRPC-Web, started.
    pub(super) fn of_every_protocol() -> Vec<Self> {
        let of_others = [
            ("connect-json", Reach::Messages),
            ("connect-proto-http-1", Reach::OneMessage),
            ("grpc-web", Reach::OneMessage),
        ];
        let others = of_others.map(|(name, reach)| {
            let (command, files) = ways::program(name);
            Self::program(name, reach, command, Some(files))
        });
        Self::of_grpc().into_iter().chain(others).collect()
    }

    pub(super) fn can_make(&self, case: &Case) -> bool {
        match self.reach {
            Reach::Bytes => true,
            Reach::Messages => case.is_of_messages(),
            Reach::OneMessage => case.is_of_messages() && case.shape != Shape::Both,
        }
    }

    fn tonic() -> Self {
        let (report, lines) = unbounded_channel();
        let to = To::Tonic { report, resume: watch::Sender::new(false) };
        Self { name: "tonic", reach: Reach::Bytes, lines, to, began: 0, ended: BTreeMap::new() }
    }

    fn program(name: &'static str, reach: Reach, mut command: Command, files: Option<TempDir>) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (report, lines) = unbounded_channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines() {
                // An error means that the test has ended.
                let _ = report.send(serde_json::from_str(&line.unwrap()).unwrap());
            }
        });
        Self {
            name,
            reach,
            lines,
            to: To::Program { child, stdin, _files: files },
            began: 0,
            ended: BTreeMap::new(),
        }
    }

    /// Starts the calls of a batch.
    pub(super) fn begin(&mut self, cases: &[Case], order: Order) {
        (self.began, self.ended) = (0, BTreeMap::new());
        match &mut self.to {
            To::Tonic { report, resume } => {
                resume.send_replace(false);
                tokio::spawn(tonic_caller::run(cases.to_vec(), order, report.clone(), resume.subscribe()));
            }
            To::Program { stdin, .. } => {
                let cases: Vec<_> = cases.iter().map(Case::in_json).collect();
                let batch = json!({"cases": cases, "together": order == Order::Together});
                writeln!(stdin, "{batch}").unwrap();
            }
        }
    }

    /// Continues the calls that stopped reading after their first answer.
    pub(super) fn resume(&mut self) {
        match &mut self.to {
            To::Tonic { resume, .. } => drop(resume.send_replace(true)),
            To::Program { stdin, .. } => writeln!(stdin, "{}", json!({"resume": true})).unwrap(),
        }
    }

    /// Waits until `count` calls of the batch have received their first answer.
    pub(super) async fn began(&mut self, count: usize) {
        while self.began < count {
            self.take_line().await;
        }
    }

    /// Waits until every call of the batch has ended; returns the ends by the case's name.
    pub(super) async fn ended(&mut self, cases: &[Case]) -> &BTreeMap<String, Ended> {
        while self.ended.len() < cases.len() {
            self.take_line().await;
        }
        &self.ended
    }

    async fn take_line(&mut self) {
        let waited_for = format!("{} reports a call", self.name);
        let line = within(LONGEST, &waited_for, self.lines.recv()).await;
        let line = line.unwrap_or_else(|| panic!("{} has ended", self.name));
        let Some(name) = line["ended"].as_str() else {
            self.began += 1;
            return;
        };
        let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
        let ended = Ended {
            code: text("code"),
            message: text("message"),
            details: line["details"].as_array().cloned().unwrap_or_default(),
            answers: line["answers"].as_u64().unwrap(),
        };
        self.ended.insert(name.to_owned(), ended);
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        if let To::Program { child, .. } = &mut self.to {
            // Ignored: it may have exited.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
