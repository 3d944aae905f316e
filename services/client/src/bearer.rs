//! The credentials of a call: no token, a given token, or the token of a file.

use std::fs;
use std::path::PathBuf;

use tonic::metadata::AsciiMetadataValue;
use tonic::service::Interceptor;
use tonic::{Request, Status};

/// The credentials of each call.
#[derive(Clone, Debug)]
pub enum Bearer {
    /// No token.
    Nothing,
    /// The value of the header `authorization`.
    Token(AsciiMetadataValue),
    /// A file with the token, read for each call, because it may be renewed at any time.
    File(PathBuf),
}

/// The text cannot be a header value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token contains characters that no token may contain")]
pub struct TokenError;

impl Bearer {
    /// Sends this token.
    pub fn of_token(token: &str) -> Result<Self, TokenError> {
        Ok(Self::Token(header(token)?))
    }

    /// Whether calls carry a token, which must never be sent in clear text.
    #[must_use]
    pub fn carries_token(&self) -> bool {
        !matches!(self, Self::Nothing)
    }
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let value = match self {
            Self::Nothing => return Ok(request),
            Self::Token(value) => value.clone(),
            Self::File(path) => {
                let token = fs::read_to_string(&*path).map_err(|error| {
                    Status::unauthenticated(format!(
                        "the token in {} cannot be read: {error}",
                        path.display()
                    ))
                })?;
                header(&token).map_err(|error| Status::unauthenticated(error.to_string()))?
            }
        };
        request.metadata_mut().insert("authorization", value);
        Ok(request)
    }
}

fn header(token: &str) -> Result<AsciiMetadataValue, TokenError> {
    let value = format!("Bearer {}", token.trim()).parse::<AsciiMetadataValue>();
    let mut value = value.map_err(|_| TokenError)?;
    value.set_sensitive(true);
    Ok(value)
}
