//! Expiry of certificates and credentials, read from the files that settings name.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use x509_parser::pem::Pem;

/// Reads the expiry from a file's bytes, in seconds since the epoch; `None` if there is none or it cannot be read.
type ReadEnd = fn(&[u8]) -> Option<i64>;

/// A file that a setting names, and how its expiry is read.
#[derive(Clone, Debug)]
pub struct Expiring {
    setting: &'static str,
    file: PathBuf,
    read: ReadEnd,
}

impl Expiring {
    /// A PEM file of certificates; its expiry is the earliest one.
    #[must_use]
    pub fn certificates(setting: &'static str, file: &Path) -> Self {
        Self::read_by(setting, file, first_end)
    }

    /// A file whose expiry a function reads from its bytes.
    #[must_use]
    pub fn read_by(setting: &'static str, file: &Path, read: ReadEnd) -> Self {
        Self { setting, file: file.to_owned(), read }
    }

    /// Name of the setting, such as `identity.tls.cert_file`.
    #[must_use]
    pub fn setting(&self) -> &'static str {
        self.setting
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Current expiry of the file, in seconds since the epoch. Blocks.
    pub fn end(&self) -> io::Result<Option<i64>> {
        fs::read(&self.file).map(|bytes| (self.read)(&bytes))
    }
}

fn first_end(pem: &[u8]) -> Option<i64> {
    let blocks = Pem::iter_from_buffer(pem).filter_map(Result::ok);
    blocks.filter_map(|block| Some(block.parse_x509().ok()?.validity().not_after.timestamp())).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_has_no_end() {
        for text in ["", "garbage", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            assert_eq!(first_end(text.as_bytes()), None, "{text}");
        }
    }
}
