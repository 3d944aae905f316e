//! `curl`: HTTP as spoken by callers without a library of this project.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use serde_json::Value;

/// A version of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Http {
    One,
    Two,
}

impl Http {
    pub(crate) const BOTH: [Self; 2] = [Self::One, Self::Two];

    fn flag(self) -> &'static str {
        match self {
            Self::One => "--http1.1",
            Self::Two => "--http2-prior-knowledge",
        }
    }
}

/// Result of `curl`.
#[derive(Clone, Debug)]
pub(crate) struct Fetched {
    /// Exit code of the program: 0 if the answer is complete.
    pub(crate) exit: i32,
    pub(crate) status: u16,
    /// Headers by name, in lower case; several of one name are joined by commas.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Fetched {
    /// A header; empty if there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The refusal of a file.
    #[track_caller]
    pub(crate) fn problem(&self) -> Value {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text());
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Requests an address of a service, with further arguments of `curl`.
pub(crate) fn curl(http: Http, service: SocketAddr, path: &str, arguments: &[&str]) -> Fetched {
    let folder = tempfile::tempdir().unwrap();
    let (head, body) = (folder.path().join("head"), folder.path().join("body"));
    let ended = Command::new("curl")
        .args(["--silent", "--globoff", "--path-as-is", "--max-time", "60", http.flag()])
        .arg("--dump-header")
        .arg(&head)
        .arg("--output")
        .arg(&body)
        .args(arguments)
        .arg(format!("http://{service}{path}"))
        .output()
        .unwrap();
    let head = fs::read(&head).unwrap_or_default();
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or_default();
    let mut headers = BTreeMap::<String, String>::new();
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        let all = headers.entry(name.to_lowercase()).or_default();
        *all = if all.is_empty() { value.to_owned() } else { format!("{all}, {value}") };
    }
    let body = fs::read(&body).unwrap_or_default();
    Fetched { exit: ended.status.code().unwrap_or(-1), status, headers, body }
}
