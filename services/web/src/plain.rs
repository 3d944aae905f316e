//! Parts that all pages share: the frame, and pages without queries.

use std::sync::Arc;

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use crate::appearance::Appearance;

/// The frame of a page.
pub(crate) struct Frame {
    /// Title of the window.
    pub(crate) title: String,
    /// Address of the page's entry in the menu.
    pub(crate) entry: &'static str,
    /// Whether the reader may only see public figures: the menu then omits everything else.
    pub(crate) is_public: bool,
    pub(crate) appearance: Arc<Appearance>,
}

impl Frame {
    pub(crate) fn new(title: &str, entry: &'static str) -> Self {
        Self {
            title: format!("{title} – Comptes-rendus d'activité"),
            entry,
            is_public: false,
            appearance: Appearance::current(),
        }
    }
}

pub(crate) fn page(template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => {
            let form = HeaderValue::from_static("text/html; charset=utf-8");
            ([(header::CONTENT_TYPE, form)], html).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "a template cannot be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
