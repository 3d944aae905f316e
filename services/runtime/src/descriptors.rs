//! Compares the files and connections that the system lets a service have open with those that its settings ask for. The
//! limit itself is raised before ([`cra_private::descriptors::raise`]).

use cra_private::descriptors::{TooFew, require};

use crate::settings::ServerSettings;

/// Fails where the process cannot even hold its `own` files; says so where it can hold them, and not all connections of
/// `server.concurrent_connections` as well.
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
