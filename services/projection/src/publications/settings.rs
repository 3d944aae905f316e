//! Settings of public figures.

use std::path::PathBuf;

use cra_private::{SecretBytes, SecretFileError};
use serde::{Deserialize, Serialize};

/// When months close, and the secret of the rounding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PublicationSettings {
    /// File of at least 32 random bytes, identical on all replicas; without it public queries are refused.
    pub secret_file: Option<PathBuf>,
    /// Days from the end of a month (UTC) to its closing.
    pub closes_after_days: u16,
    /// Seconds from the closing to the opening of its publication: at least the time that an event recorded before it
    /// may take to reach the log, plus the difference between the clocks of writers.
    pub margin_s: u32,
}

impl Default for PublicationSettings {
    fn default() -> Self {
        Self { secret_file: None, closes_after_days: 15, margin_s: 3_600 }
    }
}

impl PublicationSettings {
    /// The secret, if configured.
    pub(crate) fn secret(&self) -> Result<Option<SecretBytes>, SecretFileError> {
        let file = self.secret_file.as_deref();
        file.map(|path| SecretBytes::read("publications.secret_file", path)).transpose()
    }
}
