//! How the messages of a request may be compressed: `gzip`, `deflate` (zlib) and `zstd`, each inflated within a bound.

use std::io::{self, Read};

use flate2::bufread::{GzDecoder, ZlibDecoder};
use tonic::Status;
use tonic::codegen::http::header::HeaderName;
use tonic::codegen::http::{HeaderMap, HeaderValue};

use crate::rejection::{ENCODING_NOT_SUPPORTED, Rejection};

/// The header that names the encoding of a request's messages.
const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
/// The header that lists those that are read.
const ACCEPTED: &str = "grpc-accept-encoding";
/// What is read, as that header lists it.
const READ: &str = "identity,gzip,deflate,zstd";

/// Window of a zstd frame: 8 MiB, which every decoder should take (RFC 8878, 3.1.1.1.2), and no more.
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
    /// It inflates to more than the bound.
    TooLarge,
    /// It is not what the encoding says.
    Malformed,
}

impl Encoding {
    /// The encoding that a request names, `None` of plain messages. The header is taken away: the messages are inflated
    /// before a handler's codec sees them.
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

    /// Inflates one message. Keeps `bytes_max` bytes and a window of the encoding at most, whatever the message says.
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
        // Something behind the end of the compressed bytes is no message.
        if rest.is_empty() { Ok(inflated) } else { Err(NotInflated::Malformed) }
    }
}

/// One byte more than the bound at most.
fn read(decoder: &mut impl Read, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut inflated = Vec::new();
    decoder.take(bytes_max.saturating_add(1)).read_to_end(&mut inflated)?;
    Ok(inflated)
}

/// The refusal of another encoding; names in `grpc-accept-encoding` those that are read, as gRPC asks for.
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
