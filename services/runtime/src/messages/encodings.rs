//! Supported compressions of request messages: `gzip`, `deflate` (zlib) and `zstd`, each inflated up to a limit.

use std::io::{self, Read, Write as _};

use flate2::Compression;
use flate2::bufread::{GzDecoder, ZlibDecoder};
use flate2::write::{GzEncoder, ZlibEncoder};
use tonic::Status;
use tonic::codegen::http::header::HeaderName;
use tonic::codegen::http::{HeaderMap, HeaderValue};

use crate::rejection::{ENCODING_NOT_SUPPORTED, Rejection};

/// The header that names the encoding of a request's messages.
const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
/// The header that lists supported encodings.
const ACCEPTED: &str = "grpc-accept-encoding";
/// The supported encodings.
const READ: &str = "identity,gzip,deflate,zstd";

/// Maximum window of a zstd frame: 8 MiB, which every decoder should support (RFC 8878, 3.1.1.1.2).
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// How much zstd compresses answers.
const ZSTD_LEVEL: i32 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Gzip,
    Deflate,
    Zstd,
}

/// Why a message was not inflated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotInflated {
    /// It inflates to more than the limit.
    TooLarge,
    /// It is not valid in its encoding.
    Malformed,
}

impl Encoding {
    /// Takes the encoding from the request's headers; `None` for uncompressed messages. The header is removed, because
    /// handlers see inflated messages.
    pub(crate) fn take_of(headers: &mut HeaderMap) -> Result<Option<Self>, Status> {
        match headers.remove(ENCODING) {
            None => Ok(None),
            Some(name) => match name.as_bytes() {
                b"identity" => Ok(None),
                b"gzip" => Ok(Some(Self::Gzip)),
                b"deflate" => Ok(Some(Self::Deflate)),
                b"zstd" => Ok(Some(Self::Zstd)),
                _ => Err(not_supported(&name)),
            },
        }
    }

    /// Of answers: the first of gzip and zstd that a header lists. What HTTP calls deflate is read in two ways.
    pub(crate) fn accepted_of(headers: &HeaderMap, name: &HeaderName) -> Option<Self> {
        let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        let listed = values.flat_map(|value| value.split(',')).map(|listed| {
            let (name, weight) = listed.split_once(';').unwrap_or((listed, ""));
            let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok());
            (name.trim(), weight.unwrap_or(1.0))
        });
        listed.filter(|(_, weight)| *weight > 0.0).find_map(|(name, _)| match name {
            "gzip" => Some(Self::Gzip),
            "zstd" => Some(Self::Zstd),
            _ => None,
        })
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Zstd => "zstd",
        }
    }

    /// Compresses an answer: fast rather than small.
    pub(crate) fn compress(self, answer: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(answer)?;
                encoder.finish()
            }
            Self::Deflate => {
                let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(answer)?;
                encoder.finish()
            }
            Self::Zstd => zstd::stream::encode_all(answer, ZSTD_LEVEL),
        }
    }

    /// Inflates one message, using at most `bytes_max` bytes and a window of the encoding.
    pub(super) fn inflate(self, message: &[u8], bytes_max: u64) -> Result<Vec<u8>, NotInflated> {
        let mut rest = message;
        let inflated = match self {
            Self::Gzip => read(&mut GzDecoder::new(&mut rest), bytes_max),
            Self::Deflate => read(&mut ZlibDecoder::new(&mut rest), bytes_max),
            Self::Zstd => zstd::stream::read::Decoder::with_buffer(&mut rest).and_then(|mut decoder| {
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
                read(&mut decoder, bytes_max)
            }),
        };
        let inflated = inflated.map_err(|_| NotInflated::Malformed)?;
        if inflated.len() as u64 > bytes_max {
            return Err(NotInflated::TooLarge);
        }
        // Trailing bytes after the compressed data are invalid.
        if rest.is_empty() { Ok(inflated) } else { Err(NotInflated::Malformed) }
    }
}

/// Reads at most one byte more than the limit.
fn read(decoder: &mut impl Read, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut inflated = Vec::new();
    decoder.take(bytes_max.saturating_add(1)).read_to_end(&mut inflated)?;
    Ok(inflated)
}

/// The refusal of another encoding; lists the supported ones in `grpc-accept-encoding`, as gRPC requires.
fn not_supported(name: &HeaderValue) -> Status {
    let name = String::from_utf8_lossy(name.as_bytes());
    let message = format!(
        "the messages are encoded as `{name}`; expected one of {READ}; choose one of these, or send them uncompressed"
    );
    let refused = Rejection::new(ENCODING_NOT_SUPPORTED, message).with("found", name).with("expected", READ);
    let mut status = Status::from(refused);
    if let Ok(read) = READ.parse() {
        status.metadata_mut().insert(ACCEPTED, read);
    }
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_compressed_as_its_caller_reads_it_and_inflates_to_itself() {
        let accept = HeaderName::from_static("accept-encoding");
        for (listed, expected) in [
            ("gzip, deflate, br, zstd", Some(Encoding::Gzip)),
            ("br;q=1.0, zstd;q=0.5, gzip;q=0", Some(Encoding::Zstd)),
            ("gzip;q=0, identity", None),
            ("deflate, br, *", None),
            ("", None),
        ] {
            let headers = HeaderMap::from_iter([(accept.clone(), HeaderValue::from_static(listed))]);
            assert_eq!(Encoding::accepted_of(&headers, &accept), expected, "{listed}");
        }
        let answer = b"{\"cras\":\"1\"}".repeat(1_000);
        for encoding in [Encoding::Gzip, Encoding::Deflate, Encoding::Zstd] {
            let compressed = encoding.compress(&answer).unwrap();
            assert!(compressed.len() < answer.len() / 10);
            assert_eq!(encoding.inflate(&compressed, 1 << 20).unwrap(), answer);
        }
    }
}
