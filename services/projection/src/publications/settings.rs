//! Settings of public figures.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use cra_private::Secret;
use serde::{Deserialize, Serialize};

/// Bytes of a secret, at least.
const SECRET_BYTES_MIN: usize = 32;
/// Bytes of a secret, at most.
const SECRET_BYTES_MAX: u64 = 4_096;

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
    /// The secret, where there is one. Spaces and line breaks around it do not count.
    pub fn secret(&self) -> anyhow::Result<Option<Secret>> {
        let Some(path) = &self.secret_file else {
            return Ok(None);
        };
        read(path)
            .with_context(|| format!("publications.secret_file cannot be used: {}", path.display()))
            .map(Some)
    }
}

fn read(path: &Path) -> anyhow::Result<Secret> {
    let bytes = std::fs::metadata(path)?.len();
    anyhow::ensure!(bytes <= SECRET_BYTES_MAX, "found {bytes} bytes, expected at most {SECRET_BYTES_MAX}");
    let bytes = std::fs::read(path)?;
    let bytes = bytes.trim_ascii();
    anyhow::ensure!(
        bytes.len() >= SECRET_BYTES_MIN,
        "found {} bytes, expected at least {SECRET_BYTES_MIN} random ones (openssl rand -hex 32)",
        bytes.len()
    );
    // As text, whatever the bytes are: equal bytes give equal texts, others give others.
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        write!(text, "{byte:02x}")?;
    }
    Ok(Secret::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret_of(content: &[u8]) -> anyhow::Result<Option<Secret>> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        std::fs::write(&path, content).unwrap();
        PublicationSettings { secret_file: Some(path), ..Default::default() }.secret()
    }

    #[test]
    fn a_secret_has_32_bytes_or_more_and_its_last_line_break_does_not_count() {
        assert!(PublicationSettings::default().secret().unwrap().is_none());
        let plain = secret_of(&[7; 32]).unwrap().unwrap();
        let with_line_break = secret_of(&[&[7_u8; 32][..], b"\n"].concat()).unwrap().unwrap();
        assert_eq!(plain.expose(), with_line_break.expose());
        let refused = format!("{:#}", secret_of(b"short\n").unwrap_err());
        assert!(
            refused.contains("publications.secret_file") && refused.contains("found 5 bytes"),
            "{refused}"
        );
        assert!(secret_of(&[7; 5_000]).is_err());
        let missing =
            PublicationSettings { secret_file: Some("/nowhere/secret".into()), ..Default::default() };
        assert!(missing.secret().is_err());
    }
}
