//! When certificates and credentials end: read from the files that settings name.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use x509_parser::pem::Pem;

/// Reads the end from a file's bytes, in seconds since the epoch; `None` where nothing in it ends, or can be read.
type ReadEnd = fn(&[u8]) -> Option<i64>;

/// A file that a setting names, and how its end is read.
#[derive(Clone, Debug)]
pub struct Expiring {
    setting: &'static str,
    file: PathBuf,
    read: ReadEnd,
}

impl Expiring {
    /// A file of certificates in PEM; the one that ends first counts.
    #[must_use]
    pub fn certificates(setting: &'static str, file: &Path) -> Self {
        Self::read_by(setting, file, first_end)
    }

    /// A file whose end is read by a function of its bytes.
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

    /// When what the file holds now ends, in seconds since the epoch. Blocks.
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
