//! Credentials for each connection. Files are read every time, so that a rotated password or credentials file takes
//! effect at the next connection, without a restart.

use std::fs;
use std::path::Path;

use async_nats::Auth;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nkeys::KeyPair;
use serde_json::Value;

/// A login, in addition to a certificate.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Login<'a> {
    Nothing,
    User { user: &'a str, password: &'a str },
    PasswordFile { user: &'a str, file: &'a Path },
    Token(&'a str),
    NkeyFile(&'a Path),
    CredentialsFile(&'a Path),
}

impl Login<'_> {
    /// The answer to the server's nonce, from the files as they are now.
    pub(super) fn auth(&self, nonce: &[u8]) -> Result<Auth, String> {
        let mut auth = Auth::new();
        match *self {
            Self::Nothing => {}
            Self::User { user, password } => {
                auth.username = Some(user.to_owned());
                auth.password = Some(password.to_owned());
            }
            Self::PasswordFile { user, file } => {
                auth.username = Some(user.to_owned());
                auth.password = Some(read(file)?.trim_end_matches(['\r', '\n']).to_owned());
            }
            Self::Token(token) => auth.token = Some(token.to_owned()),
            Self::NkeyFile(file) => {
                let key = key(file, read(file)?.trim())?;
                auth.nkey = Some(key.public_key());
                auth.signature = Some(signed(file, &key, nonce)?);
            }
            Self::CredentialsFile(file) => {
                let text = read(file)?;
                let (jwt, seed) = credentials(&text).ok_or_else(|| {
                    format!("{} contains no credentials: expected a JWT and its seed", file.display())
                })?;
                auth.signature = Some(signed(file, &key(file, seed)?, nonce)?);
                auth.jwt = Some(jwt.to_owned());
            }
        }
        Ok(auth)
    }
}

fn read(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| format!("{} cannot be read: {error}", file.display()))
}

fn key(file: &Path, seed: &str) -> Result<KeyPair, String> {
    KeyPair::from_seed(seed)
        .map_err(|error| format!("{} contains no seed of an nkey: {error}", file.display()))
}

fn signed(file: &Path, key: &KeyPair, nonce: &[u8]) -> Result<Vec<u8>, String> {
    key.sign(nonce).map_err(|error| format!("the seed in {} cannot sign: {error}", file.display()))
}

/// The JWT and the seed of a credentials file: the lines that follow an opening line of dashes.
fn credentials(text: &str) -> Option<(&str, &str)> {
    let lines = text.lines().map(str::trim).zip(text.lines().skip(1).map(str::trim));
    let mut values = lines
        .filter(|(before, line)| before.starts_with("---") && !line.is_empty() && !line.starts_with('-'))
        .map(|(_, line)| line);
    Some((values.next()?, values.next()?))
}

/// When the credentials of a file end, in seconds since the epoch: the claim `exp` of their JWT. `None` where they do not.
pub(super) fn end_of_credentials(file: &[u8]) -> Option<i64> {
    let (jwt, _) = credentials(str::from_utf8(file).ok()?)?;
    let claims = URL_SAFE_NO_PAD.decode(jwt.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    claims["exp"].as_i64().filter(|end| *end > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_end_with_their_jwt() {
        let file = |claims: &str| {
            let claims = URL_SAFE_NO_PAD.encode(claims);
            format!(
                "-----BEGIN NATS USER JWT-----\ne30.{claims}.x\n------END\n-----BEGIN SEED-----\nSUA\n------END\n"
            )
        };
        let end = |claims: &str| end_of_credentials(file(claims).as_bytes());
        assert_eq!(end(r#"{"exp":1893456000,"name":"ingestion"}"#), Some(1_893_456_000));
        for endless in ["{}", r#"{"exp":0}"#, "garbage"] {
            assert_eq!(end(endless), None, "{endless}");
        }
        assert_eq!(end_of_credentials(b"\xff"), None);
    }

    #[test]
    fn credentials_are_the_lines_between_those_of_dashes() {
        let text = "-----BEGIN NATS USER JWT-----\r\neyJ0.x.y\r\n------END NATS USER JWT------\r\n\r\n\
                    ************************* IMPORTANT *************************\r\nKeep it secret.\r\n\r\n\
                    -----BEGIN USER NKEY SEED-----\r\nSUA\r\n------END USER NKEY SEED------\r\n";
        assert_eq!(credentials(text), Some(("eyJ0.x.y", "SUA")));
        for text in ["", "eyJ0", "-----BEGIN NATS USER JWT-----\neyJ0\n------END NATS USER JWT------\n"] {
            assert_eq!(credentials(text), None, "{text}");
        }
    }
}
