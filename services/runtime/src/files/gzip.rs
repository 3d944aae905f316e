//! gzip of texts, as they are sent.

use std::io::{self, Write as _};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use tonic::codegen::http::HeaderMap;
use tonic::codegen::http::header::ACCEPT_ENCODING;

/// Whether the caller takes gzip (RFC 9110, 12.5.3).
pub(super) fn is_accepted(headers: &HeaderMap) -> bool {
    let texts = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut wanted = texts.flat_map(|text| text.split(',')).filter_map(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.trim().parse::<f32>().ok());
        name.trim().eq_ignore_ascii_case("gzip").then(|| weight.is_none_or(|weight| weight > 0.0))
    });
    wanted.next().unwrap_or(false)
}

/// Compresses chunk by chunk: fast rather than small, for the sender waits.
pub(super) struct Gzip(GzEncoder<Vec<u8>>);

impl Gzip {
    pub(super) fn new() -> Self {
        Self(GzEncoder::new(Vec::new(), Compression::fast()))
    }

    /// What can be sent once these bytes have come; may be empty.
    pub(super) fn push(&mut self, bytes: &[u8]) -> io::Result<Bytes> {
        self.0.write_all(bytes)?;
        Ok(std::mem::take(self.0.get_mut()).into())
    }

    pub(super) fn finish(self) -> io::Result<Bytes> {
        Ok(self.0.finish()?.into())
    }
}

pub(super) fn whole(text: &[u8]) -> io::Result<Bytes> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(text)?;
    Ok(gzip.finish()?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_those_who_take_it_alone() {
        let takes =
            |value: &str| is_accepted(&HeaderMap::from_iter([(ACCEPT_ENCODING, value.parse().unwrap())]));
        for yes in ["gzip", "GZIP", "deflate, gzip;q=0.5", "br;q=1, gzip; q=0.1"] {
            assert!(takes(yes), "{yes}");
        }
        for no in ["", "identity", "gzip;q=0", "gzip; q=0.0", "deflate", "x-gzip", "*"] {
            assert!(!takes(no), "{no}");
        }
        assert!(!is_accepted(&HeaderMap::new()));
    }
}
