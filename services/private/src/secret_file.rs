//! A file of random bytes that replicas share: the key of signatures and of the random rounding of public figures.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// Minimum number of bytes: the length of an HMAC-SHA-256.
const BYTES_MIN: usize = 32;
/// Maximum number of bytes, so that a wrong path cannot fill the memory.
const BYTES_MAX: usize = 4_096;

/// The bytes of a secret file, 32 to 4,096, without surrounding white space. Has no `Debug`, so that it is never
/// printed.
pub struct SecretBytes(Box<[u8]>);

/// Why a secret file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// The system cannot read the file.
    #[error("{setting}: {path} cannot be read: {source}")]
    Unreadable {
        /// Name of the setting that names the file.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Too few or too many bytes.
    #[error(
        "{setting}: found {found} bytes in {path}, expected {BYTES_MIN} to {BYTES_MAX} random ones, such as \
         `openssl rand -base64 48` writes"
    )]
    Length {
        /// Name of the setting that names the file.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// Number of bytes without surrounding white space; one above the maximum if the file is longer.
        found: usize,
    },
}

impl SecretBytes {
    /// Reads the file that a setting names.
    pub fn read(setting: &'static str, path: &Path) -> Result<Self, SecretFileError> {
        let mut bytes = Vec::new();
        // One byte above the maximum detects a file that is too long.
        let limit = BYTES_MAX as u64 + 1;
        let read = File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes));
        read.map_err(|source| SecretFileError::Unreadable { setting, path: path.to_owned(), source })?;
        let bytes = if bytes.len() > BYTES_MAX { &bytes } else { bytes.trim_ascii() };
        if (BYTES_MIN..=BYTES_MAX).contains(&bytes.len()) {
            return Ok(Self(bytes.into()));
        }
        Err(SecretFileError::Length { setting, path: path.to_owned(), found: bytes.len() })
    }

    /// Any bytes, of any number; for tests.
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// The secret bytes; the method's name makes each use easy to find.
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
    fn a_secret_has_at_least_32_bytes_without_its_final_line_break() {
        let plain = read(&[7; 32]).ok().unwrap();
        let with_line_break = read(&[&[7_u8; 32][..], b"\n"].concat()).ok().unwrap();
        assert_eq!(plain.expose(), with_line_break.expose());
        assert!(read(&[7; BYTES_MAX]).is_ok());
    }

    #[test]
    fn an_unusable_file_is_refused_with_the_name_of_its_setting() {
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
