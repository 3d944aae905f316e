//! What all pages share: the frame around them, and pages that ask for nothing.

use std::sync::Arc;

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use crate::look::Look;

/// The frame of a page.
pub(crate) struct Frame {
    /// Of the window.
    pub(crate) title: String,
    /// The entry of the menu that the page belongs to: its address.
    pub(crate) entry: &'static str,
    /// Whether it is known that the reader may see public figures alone: the menu then leads to nothing else.
    pub(crate) is_public: bool,
    pub(crate) look: Arc<Look>,
}

impl Frame {
    pub(crate) fn new(title: &str, entry: &'static str) -> Self {
        Self {
            title: format!("{title} – Comptes-rendus d'activité"),
            entry,
            is_public: false,
            look: Look::current(),
        }
    }
}

/// A filled template as an answer.
pub(crate) fn page(template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => {
            let form = HeaderValue::from_static("text/html; charset=utf-8");
            ([(header::CONTENT_TYPE, form)], html).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "a template cannot be filled");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
