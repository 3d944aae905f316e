//! Supported compressions of request messages: `gzip`, `deflate` (zlib) and `zstd`, each inflated up to a limit.

use std::io::{self, Read};

use flate2::bufread::{GzDecoder, ZlibDecoder};
use tonic::Status;
use tonic::codegen::http::header::HeaderName;
use tonic::codegen::http::{HeaderMap, HeaderValue};

use crate::rejection::{ENCODING_NOT_SUPPORTED, Rejection};

/// The header that names the encoding of a request's messages.
const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
/// The header that lists supported encodings.
const ACCEPTED: &str = "grpc-accept-encoding";
/// Its value.
const READ: &str = "identity,gzip,deflate,zstd";

/// Maximum window of a zstd frame: 8 MiB, which every decoder should support (RFC 8878, 3.1.1.1.2).
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// Compression of messages.
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
