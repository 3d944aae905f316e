//! Which caller may make which call on which CRAs: on real processes, with tokens of an issuer.

mod files;
mod first_try;
mod keys_away;
mod perimeter_of_reads;
mod perimeter_of_writes;
mod revocation;
mod scopes;
mod streams;
mod transport;
