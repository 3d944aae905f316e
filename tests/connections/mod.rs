//! Callers without a token, or with the least of tokens, who hold connections and messages: the services and their health
//! answer others all the same, and memory stays within its bound. Attackers come from addresses of 127.0.0.0/8, each of
//! which counts as another caller.

mod attacker;
mod half_messages;
mod open_to_all;
mod silence;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::transport::{Channel, Endpoint};

use crate::harness::Service;

/// Metrics and health on a port apart.
const PROBED: (&str, &str) = ("TELEMETRY__METRICS_LISTEN", "127.0.0.1:0");

/// One more address of this machine.
fn address(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, last)
}

/// A stock client that connects from one of these addresses.
async fn client_from(last: u8, to: SocketAddr) -> Result<Channel, tonic::transport::Error> {
    let endpoint = Endpoint::from_shared(format!("http://{to}")).unwrap();
    endpoint.local_address(Some(IpAddr::from(address(last)))).connect().await
}

/// Status line and text that the port of metrics and health answers.
async fn probed(service: &Service, path: &str) -> (String, String) {
    let output = service.output();
    let listens = output.lines().rev().find_map(|line| {
        let line: Value = serde_json::from_str(line).ok()?;
        line["metrics_address"].as_str()?.parse::<SocketAddr>().ok()
    });
    let mut connection = TcpStream::connect(listens.unwrap()).await.unwrap();
    connection.write_all(format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    let (head, text) = answer.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), text.to_owned())
}

/// The value of one series; 0 where it has none.
async fn figure(service: &Service, series: &str) -> u64 {
    let (_, text) = probed(service, "/metrics").await;
    let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok());
    value.unwrap_or_default()
}

/// Memory of a process that is resident, in bytes.
fn resident(service: &Service) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", service.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1_024
}
