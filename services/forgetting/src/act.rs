//! Who made a log forget, and what granted the right. Contains ids only, like the audit logs of the services.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::encoding::as_text;

/// One act of an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Act {
    /// Time at which the right was checked.
    #[serde(with = "as_text")]
    pub at: Timestamp,
    /// What granted the right.
    pub granted_by: GrantedBy,
    /// Client of the token; empty without a token.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub client_id: String,
    /// Subject of the token; empty without a token.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// The scope that granted it; empty without a token.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scope: String,
    /// Why no projection verified the token; absent if one did, or if the log is in a folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without_projection: Option<String>,
}

/// The proof of the right to make a log forget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantedBy {
    /// Access to the log's folder; the services are stopped.
    Folder,
    /// The projection of the log verified the token.
    Projection,
    /// No projection was reached; the token was verified with the identity settings of a service.
    IdentitySettings,
    /// No identity is configured.
    NoIdentity,
}

impl Act {
    /// An act without a token.
    #[must_use]
    pub fn without_token(granted_by: GrantedBy, at: Timestamp) -> Self {
        let none = String::new;
        Self { at, granted_by, client_id: none(), subject: none(), scope: none(), without_projection: None }
    }
}
