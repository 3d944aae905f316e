//! A cluster of servers on loopback, each with separate files; any of them can be killed and restarted.

use std::net::TcpListener;
use std::path::Path;

use super::{NatsServer, ServerError};

/// Servers that replicate to each other; stopped when dropped.
pub struct NatsCluster {
    nodes: Vec<NatsServer>,
}

impl NatsCluster {
    /// Starts `size` servers with their files in `dir`, and returns when each of them answers; they form the cluster
    /// and elect a leader a little later. Blocks.
    pub fn start(dir: &Path, size: usize) -> Result<Self, ServerError> {
        let ports = free_ports(2 * size)?;
        let (client_ports, route_ports) = ports.split_at(size);
        let routes: Vec<_> = route_ports.iter().map(|port| route(*port)).collect();
        let routes = routes.join(",");
        let mut nodes = Vec::with_capacity(size);
        for (number, (client_port, route_port)) in client_ports.iter().zip(route_ports).enumerate() {
            let name = node_name(number);
            let node_dir = dir.join(&name);
            std::fs::create_dir_all(&node_dir)?;
            let arguments = [
                ["--server_name", &name],
                ["--cluster_name", "cra"],
                ["--cluster", &route(*route_port)],
                ["--routes", &routes],
            ];
            let arguments = arguments.as_flattened().iter().map(ToString::to_string).collect();
            nodes.push(NatsServer::start_node(&super::program(), &node_dir, *client_port, arguments)?);
        }
        Ok(Self { nodes })
    }

    /// URL for clients, with all servers.
    #[must_use]
    pub fn url(&self) -> String {
        self.nodes.iter().map(NatsServer::url).collect::<Vec<_>>().join(",")
    }

    /// The servers, in the order of their names.
    pub fn nodes(&mut self) -> &mut [NatsServer] {
        &mut self.nodes
    }

    /// Index of the server with this name.
    #[must_use]
    pub fn number_of(&self, name: &str) -> Option<usize> {
        (0..self.nodes.len()).find(|number| node_name(*number) == name)
    }
}

fn node_name(number: usize) -> String {
    format!("node-{number}")
}

fn route(port: u16) -> String {
    format!("nats://127.0.0.1:{port}")
}

/// Currently free ports.
fn free_ports(count: usize) -> std::io::Result<Vec<u16>> {
    let listeners: Vec<_> =
        (0..count).map(|_| TcpListener::bind(("127.0.0.1", 0))).collect::<std::io::Result<_>>()?;
    listeners.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
}
