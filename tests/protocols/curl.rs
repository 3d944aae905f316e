//! HTTP by `curl`, and by bytes on a socket where no client would send them.

use crate::harness::Ended;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In lower case, each with its line end.
    pub(crate) headers: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let line = self.headers.lines().find(|line| line.starts_with(&format!("{name}: ")))?;
        Some(line[name.len() + 2..].trim())
    }

    pub(crate) fn reason(&self) -> String {
        let error = self.json();
        let details = error["details"].as_array().cloned().unwrap_or_default();
        let info = details.into_iter().find(|detail| detail["type"] == "google.rpc.ErrorInfo");
        info.and_then(|info| info["debug"]["reason"].as_str().map(str::to_owned)).unwrap_or_default()
    }

    /// The fields of the violations of a refusal.
    pub(crate) fn fields(&self) -> Vec<String> {
        let error = self.json();
        let details = error["details"].as_array().cloned().unwrap_or_default();
        let request = details.into_iter().find(|detail| detail["type"] == "google.rpc.BadRequest");
        let violations = request.and_then(|it| it["debug"]["fieldViolations"].as_array().cloned());
        let violations = violations.unwrap_or_default().into_iter();
        violations.map(|it| it["field"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// The messages of a stream in JSON, each with its flags.
    pub(crate) fn messages(&self) -> Vec<(u8, Value)> {
        let (mut messages, mut rest) = (Vec::new(), self.body.as_slice());
        while let Some((header, after)) = rest.split_first_chunk::<5>() {
            let [flags, length @ ..] = *header;
            let length = usize::try_from(u32::from_be_bytes(length)).unwrap();
            messages.push((flags, serde_json::from_slice(&after[..length]).unwrap()));
            rest = &after[length..];
        }
        messages
    }
}

/// The answer that `curl` receives with these arguments; `body` is the body that it sends.
pub(crate) fn curl(arguments: &[&str], body: &[u8]) -> Answer {
    let dir = tempfile::tempdir().unwrap();
    let (sent, headers, got) = (dir.path().join("sent"), dir.path().join("headers"), dir.path().join("got"));
    std::fs::write(&sent, body).unwrap();
    std::fs::write(&got, []).unwrap();
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--max-time", "60", "--globoff", "--header", "expect:"]);
    command.arg("--dump-header").arg(&headers).arg("--output").arg(&got);
    if !body.is_empty() {
        command.arg("--data-binary").arg(format!("@{}", sent.display()));
    }
    Ended::of(command.args(arguments)).succeeded();
    let headers = std::fs::read_to_string(headers).unwrap();
    // The last block: an interim answer may come before it.
    let block = headers.trim_end().split("\r\n\r\n").last().unwrap().to_owned();
    let status = block.split(' ').nth(1).unwrap().trim().parse().unwrap();
    let headers = block.lines().skip(1).map(|line| {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        format!("{}: {}\n", name.to_ascii_lowercase(), value.trim())
    });
    Answer { status, headers: headers.collect(), body: std::fs::read(got).unwrap() }
}

/// A message as streams frame it.
pub(crate) fn framed(flags: u8, message: &[u8]) -> Vec<u8> {
    let mut framed = vec![flags];
    framed.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    framed.extend(message);
    framed
}

/// Calls a method by POST in JSON.
pub(crate) fn post(address: SocketAddr, method: &str, token: Option<&str>, request: &[u8]) -> Answer {
    let url = format!("http://{address}/cra.v1.{method}");
    let bearer = token.map(|token| format!("authorization: Bearer {token}"));
    let mut arguments = vec!["--http1.1", "--request", "POST", "--header", "content-type: application/json"];
    if let Some(bearer) = &bearer {
        arguments.extend(["--header", bearer]);
    }
    arguments.push(&url);
    curl(&arguments, request)
}

/// Everything that a service answers to these bytes until it closes the connection or is silent for a while.
pub(crate) fn sent(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    // A service that refuses may close before everything is sent.
    let _ = stream.write_all(bytes);
    let (mut got, mut buffer) = (Vec::new(), [0; 4_096]);
    while let Ok(count) = stream.read(&mut buffer)
        && count > 0
    {
        got.extend_from_slice(&buffer[..count]);
    }
    String::from_utf8_lossy(&got).into_owned()
}
