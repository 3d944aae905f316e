//! Redirects a browser to another address.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use crate::fault::Fault;

/// Redirects with status 303, so that a reload after a form only repeats the GET.
pub(crate) fn see_other(link: &str) -> Result<Response, Fault> {
    let link = HeaderValue::try_from(link).map_err(|error| Fault::Internal(error.to_string()))?;
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, link)]).into_response())
}
