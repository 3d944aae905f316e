//! The parameters of an address, within their bound.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::address::QUERY_BYTES_MAX;
use crate::fault::Fault;

/// The text after the question mark; empty if there is none. Refused if it is longer than [`QUERY_BYTES_MAX`].
pub(crate) struct Query(pub(crate) String);

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
        let query = parts.uri.query().unwrap_or_default();
        if query.len() > QUERY_BYTES_MAX {
            return Err(Fault::TooLarge);
        }
        Ok(Self(query.to_owned()))
    }
}
