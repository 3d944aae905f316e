//! Compares the limit of open files and connections with the needs of the settings. The limit itself was raised before
//! ([`cra_private::descriptors::raise`]).

use cra_private::descriptors::{TooFew, require};

use crate::settings::ServerSettings;

/// Fails if the process cannot hold its `own` files; warns if it cannot hold all connections of
/// `server.concurrent_connections` in addition.
pub fn check(own: u64, settings: &ServerSettings) -> Result<(), TooFew> {
    require(own)?;
    let connections = settings.concurrent_connections.get();
    if let Err(lack) = require(own.saturating_add(connections.into())) {
        tracing::warn!(
            allowed = lack.allowed,
            needed = lack.needed,
            connections,
            "too few files and connections for `server.concurrent_connections`: raise the hard limit, or lower the setting"
        );
    }
    Ok(())
}
