//! Callers without a token, or with minimal rights, that hold connections and messages: the services and their health
//! still answer other callers, and memory stays bounded. Attackers use addresses of 127.0.0.0/8, each of which counts
//! as another caller.

mod attacker;
mod half_messages;
mod open_to_all;
mod silence;

use crate::harness::{figure, probed, resident};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tonic::transport::{Channel, Endpoint};

/// Metrics and health on a separate port.
const PROBED: (&str, &str) = ("TELEMETRY__METRICS_LISTEN", "127.0.0.1:0");

/// Another address of this machine.
fn address(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, last)
}

/// A stock client that connects from one of these addresses.
async fn client_from(last: u8, to: SocketAddr) -> Result<Channel, tonic::transport::Error> {
    let endpoint = Endpoint::from_shared(format!("http://{to}")).unwrap();
    endpoint.local_address(Some(IpAddr::from(address(last)))).connect().await
}
