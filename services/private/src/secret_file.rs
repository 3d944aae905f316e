//! A file of random bytes that replicas share: what signatures and draws come from.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// Least bytes: as many as an HMAC-SHA-256 has.
const BYTES_MIN: usize = 32;
/// Most bytes: a wrong path must not fill the memory.
const BYTES_MAX: usize = 4_096;

/// The bytes of a secret file, of 32 to 4,096, without white space around them. It has no `Debug`, so that it is never
/// printed.
pub struct SecretBytes(Box<[u8]>);

/// Why a secret file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// The system does not give its bytes.
    #[error("{setting}: {path} cannot be read: {source}")]
    Unreadable {
        /// Name of the setting that names the file.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It has too few bytes, or too many.
    #[error(
        "{setting}: found {found} bytes in {path}, expected {BYTES_MIN} to {BYTES_MAX} random ones, such as \
         `openssl rand -base64 48` writes"
    )]
    Length {
        /// Name of the setting that names the file.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// Its bytes without white space around them, or more than the most.
        found: usize,
    },
}

impl SecretBytes {
    /// Reads the file that a setting names.
    pub fn read(setting: &'static str, path: &Path) -> Result<Self, SecretFileError> {
        let mut bytes = Vec::new();
        // One more than the most tells a file that is too long.
        let limit = BYTES_MAX as u64 + 1;
        let read = File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes));
        read.map_err(|source| SecretFileError::Unreadable { setting, path: path.to_owned(), source })?;
        let bytes = if bytes.len() > BYTES_MAX { &bytes } else { bytes.trim_ascii() };
        if (BYTES_MIN..=BYTES_MAX).contains(&bytes.len()) {
            return Ok(Self(bytes.into()));
        }
        Err(SecretFileError::Length { setting, path: path.to_owned(), found: bytes.len() })
    }

    /// Bytes that are given, of any number: for tests.
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes themselves; the name makes each use easy to find.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &[u8]) -> Result<SecretBytes, SecretFileError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        std::fs::write(&path, content).unwrap();
        SecretBytes::read("table.secret_file", &path)
    }

    #[test]
    fn a_secret_has_32_bytes_or_more_and_its_last_line_break_does_not_count() {
        let plain = read(&[7; 32]).ok().unwrap();
        let with_line_break = read(&[&[7_u8; 32][..], b"\n"].concat()).ok().unwrap();
        assert_eq!(plain.expose(), with_line_break.expose());
        assert!(read(&[7; BYTES_MAX]).is_ok());
    }

    #[test]
    fn a_file_that_is_too_short_too_long_or_missing_is_refused_by_the_name_of_its_setting() {
        let short = read(b"short\n").err().unwrap();
        assert!(matches!(short, SecretFileError::Length { found: 5, .. }), "{short}");
        let long = read(&vec![7; 1 << 20]).err().unwrap();
        assert!(matches!(long, SecretFileError::Length { .. }), "{long}");
        let missing = SecretBytes::read("table.secret_file", Path::new("/nowhere/secret")).err().unwrap();
        for refused in [short, long, missing] {
            assert!(refused.to_string().starts_with("table.secret_file: "), "{refused}");
        }
    }
}
