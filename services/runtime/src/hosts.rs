//! The names by which a service on loopback is called. A page elsewhere can have its own name lead here (DNS rebinding);
//! the browser then sends that name, which is none of this machine.

use std::net::IpAddr;

use tonic::codegen::http::uri::Authority;

/// Whether an authority, such as `localhost:50071`, is a name of this machine or one of these names.
#[must_use]
pub fn is_known(authority: &[u8], hosts: &[String]) -> bool {
    let Ok(authority) = Authority::try_from(authority) else { return false };
    let name = authority.host();
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let is_of_this_machine =
        name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback());
    is_of_this_machine || hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_this_machine_and_configured_ones_are_known() {
        let hosts = ["cra.example.fr".to_owned()];
        for known in
            ["localhost", "LOCALHOST:80", "127.0.0.1:80", "127.8.9.10", "[::1]:80", "CRA.example.FR:1"]
        {
            assert!(is_known(known.as_bytes(), &hosts), "{known}");
        }
        let unknown =
            ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "192.0.2.1", "", "a b"];
        for unknown in unknown {
            assert!(!is_known(unknown.as_bytes(), &hosts), "{unknown}");
        }
    }
}
