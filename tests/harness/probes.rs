//! External view of a process: the port of its metrics and probes, and its memory.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::Service;

/// The address of a process's metrics and health.
pub(crate) fn probes_of(service: &Service) -> SocketAddr {
    let output = service.output();
    let listens = output.lines().rev().find_map(|line| {
        let line: Value = serde_json::from_str(line).ok()?;
        line["metrics_address"].as_str()?.parse::<SocketAddr>().ok()
    });
    listens.unwrap()
}

/// Status line and body of a path on the port of metrics and health.
pub(crate) async fn probed(service: &Service, path: &str) -> (String, String) {
    let mut connection = TcpStream::connect(probes_of(service)).await.unwrap();
    connection.write_all(format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    let (head, text) = answer.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), text.to_owned())
}

/// The value of one series; 0 if it does not exist.
pub(crate) async fn figure(service: &Service, series: &str) -> u64 {
    let (_, text) = probed(service, "/metrics").await;
    let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok());
    value.unwrap_or_default()
}

/// Resident memory of a process, in bytes.
pub(crate) fn resident(service: &Service) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", service.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1_024
}
