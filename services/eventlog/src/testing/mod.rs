//! Real servers, for tests only; see [`crate::server`].
//!
//! The program is `$CRA_NATS_SERVER`, or else the one that `tests/run` installs in `target/tools`.

mod cluster;

use std::path::{Path, PathBuf};

pub use crate::server::{NatsServer, STORE_DIR, ServerError};
pub use cluster::NatsCluster;

impl NatsServer {
    /// Starts a server with its files and its log in `dir`, and returns when it answers. Blocks.
    pub fn start(dir: &Path) -> Result<Self, ServerError> {
        Self::start_program(&program(), dir)
    }

    /// Like [`NatsServer::start`], with settings appended to those of `deploy/nats.conf`, such as users.
    pub fn start_with(dir: &Path, settings: &str) -> Result<Self, ServerError> {
        Self::start_program_with(&program(), dir, settings)
    }
}

/// The program of the server.
#[must_use]
pub fn program() -> PathBuf {
    let installed = || {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
        let root = root.canonicalize().unwrap_or(root);
        root.join("target/tools/nats-server/bin/nats-server")
    };
    std::env::var_os("CRA_NATS_SERVER").map_or_else(installed, PathBuf::from)
}
