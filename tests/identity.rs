//! Who may call what, with which CRAs: on real processes, with tokens of an issuer.

mod first_try;
mod perimeter_of_reads;
mod perimeter_of_writes;
mod scopes;
mod streams;
mod transport;

use crate::harness::{Issuer, Pair};

/// A pair that trusts an issuer, with further settings.
async fn pair_of(issuer: &Issuer, settings: &[(&str, &str)]) -> Pair {
    let own = issuer.settings();
    let own = own.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    Pair::start_with(&own.chain(settings.iter().copied()).collect::<Vec<_>>()).await
}
