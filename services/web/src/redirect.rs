//! Leading a browser to another address.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use crate::fault::Fault;

/// Leads the browser to another address of these pages, after a form too: a reload then asks for the page alone.
pub(crate) fn see_other(link: &str) -> Result<Response, Fault> {
    let link = HeaderValue::try_from(link).map_err(|error| Fault::Internal(error.to_string()))?;
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, link)]).into_response())
}
