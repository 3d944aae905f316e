//! Settings of public figures.

use std::path::PathBuf;

use cra_private::{SecretBytes, SecretFileError};
use serde::{Deserialize, Serialize};

/// When months close, and the secret that draws come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PublicationSettings {
    /// File of 32 random bytes or more, the same on every replica; without it public questions are refused.
    pub secret_file: Option<PathBuf>,
    /// Days from the end of a month (UTC) to the instant at which it closes.
    pub closes_after_days: u16,
    /// Seconds from that instant to the opening of its publication: as long as an event that was recorded before it may
    /// take to the log, and as far as the clocks of writers may differ.
    pub margin_s: u32,
}

impl Default for PublicationSettings {
    fn default() -> Self {
        Self { secret_file: None, closes_after_days: 15, margin_s: 3_600 }
    }
}

impl PublicationSettings {
    /// The secret, where there is one.
    pub(crate) fn secret(&self) -> Result<Option<SecretBytes>, SecretFileError> {
        let file = self.secret_file.as_deref();
        file.map(|path| SecretBytes::read("publications.secret_file", path)).transpose()
    }
}
