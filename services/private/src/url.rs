//! URLs in settings must not contain credentials: printed settings, errors and the process list would show them.

use serde::{Deserialize, Deserializer, de};

/// Whether a text of one or several URLs contains a user, a password or a token. True for any `@`: a password may
/// contain a comma or a slash, so no part before the `@` is certainly a host. A path can write it as `%40`.
#[must_use]
pub fn names_user(urls: &str) -> bool {
    urls.contains('@')
}

/// Why a URL is refused, and what to do instead. Does not quote the URL.
#[must_use]
pub fn refusal(instead: &str) -> String {
    format!("the URL holds an `@`, so it names a user, a password or a token; {instead}")
}

/// Deserializes a URL setting, for `deserialize_with`. `instead` names the settings for a user.
pub fn read<'de, D: Deserializer<'de>>(deserializer: D, instead: &str) -> Result<String, D::Error> {
    let url = String::deserialize(deserializer)?;
    if names_user(&url) { Err(de::Error::custom(refusal(instead))) } else { Ok(url) }
}

/// Like [`read`], for an optional setting whose address takes no user.
pub fn read_anonymous<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let url = Option::<String>::deserialize(deserializer)?;
    if url.as_deref().is_some_and(names_user) {
        return Err(de::Error::custom(refusal("remove it: this address takes no user")));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_anywhere_and_is_not_quoted() {
        let bad = ["nats://u:p@h:4222", "nats://token@h", "u:p@h", "nats://a,nats://u:p@b", "tls://u:p/,w@h"];
        for url in bad {
            let error = read_anonymous(&serde_json::json!(url)).unwrap_err().to_string();
            assert!(!error.contains("u:p") && !error.contains("token@"), "{error}");
            assert!(
                read(&serde_json::json!(url), "use `user`").unwrap_err().to_string().contains("use `user`")
            );
        }
        for url in ["nats://h:4222", "h", "tls://[::1]:4222,tls://b", "https://h/%40a?b#c"] {
            assert_eq!(read(&serde_json::json!(url), "").unwrap(), url);
        }
    }
}
