//! Forms that change something: the token that each carries, and how the body of a form is read.
//!
//! A page elsewhere can make a browser send a form here, with the browser's login. So a form is accepted only with a
//! token that these pages issued to this browser: an HMAC over an expiry and a random cookie. Pages elsewhere can
//! neither read nor send it. [`guard::is_same_origin`](crate::guard::is_same_origin) also checks the
//! origin. Nothing is stored: any process with the same key accepts the token.

use std::time::Duration;

use anyhow::Context as _;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cra_private::SecretBytes;
use jiff::Timestamp;
use ring::hmac;
use ring::rand::SystemRandom;
use uuid::Uuid;

use crate::fault::Fault;
use crate::settings::Settings;

/// Name of the hidden field with the token.
pub(crate) const TOKEN_FIELD: &str = "jeton";
/// Upper bound on the bytes of a form without a file; files have a separate bound.
const FORM_BYTES_MAX: usize = 64 * 1_024;
/// Bytes of the expiry in a token: seconds since 1970, big-endian.
const EXPIRY_BYTES: usize = size_of::<i64>();

/// Issues and checks the tokens of forms.
pub(crate) struct Forms {
    key: hmac::Key,
    lifetime: Duration,
    /// Whether browsers reach the pages over https.
    is_https: bool,
}

/// A token for one form, and the cookie that it is bound to, if the browser has none yet.
pub(crate) struct Issued {
    /// Value of the field [`TOKEN_FIELD`].
    pub(crate) token: String,
    cookie: Option<HeaderValue>,
}

impl Issued {
    /// Sets the cookie if the browser has none.
    pub(crate) fn with_cookie(self, mut response: Response) -> Response {
        if let Some(cookie) = self.cookie {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        response
    }
}

impl Forms {
    /// Uses the key of the configured file; otherwise a random key that lasts as long as the process.
    pub(crate) fn new(settings: &Settings) -> anyhow::Result<Self> {
        let key = match &settings.forms.key_file {
            Some(path) => {
                let bytes = SecretBytes::read("forms.key_file", path)?;
                hmac::Key::new(hmac::HMAC_SHA256, bytes.expose())
            }
            None => hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new())
                .ok()
                .context("the system returned no random bytes for the key of forms")?,
        };
        let lifetime = Duration::from_secs(settings.forms.lifetime_s.get());
        Ok(Self { key, lifetime, is_https: settings.identity.tls_by_proxy })
    }

    /// Issues a token for a form that is shown to the browser that sent these headers.
    pub(crate) fn issue(&self, headers: &HeaderMap) -> Issued {
        let known = self.cookie_of(headers).map(str::to_owned);
        let cookie = known.clone().unwrap_or_else(|| Uuid::new_v4().simple().to_string());
        let set = known.is_none().then(|| {
            let secure = if self.is_https { "; Secure" } else { "" };
            format!("{}={cookie}; Path=/; HttpOnly; SameSite=Strict{secure}", self.cookie_name())
        });
        Issued {
            token: self.token(
                &cookie,
                Timestamp::now().as_second().saturating_add_unsigned(self.lifetime.as_secs()),
            ),
            // Only characters that are valid in every header.
            cookie: set.and_then(|set| HeaderValue::try_from(set).ok()),
        }
    }

    /// Refuses a token that was not issued to the browser that sent these headers, or that has expired.
    pub(crate) fn check(&self, headers: &HeaderMap, token: &str) -> Result<(), Fault> {
        let is_valid = || {
            let cookie = self.cookie_of(headers)?;
            let token = URL_SAFE_NO_PAD.decode(token).ok()?;
            let (expiry, tag) = token.split_first_chunk::<EXPIRY_BYTES>()?;
            hmac::verify(&self.key, &signed(cookie, *expiry), tag).ok()?;
            (i64::from_be_bytes(*expiry) > Timestamp::now().as_second()).then_some(())
        };
        is_valid().ok_or(Fault::FormExpired)
    }

    fn token(&self, cookie: &str, expires_at: i64) -> String {
        let expiry = expires_at.to_be_bytes();
        let tag = hmac::sign(&self.key, &signed(cookie, expiry));
        URL_SAFE_NO_PAD.encode([&expiry[..], tag.as_ref()].concat())
    }

    /// Name of the cookie. With https it has the prefix `__Host-`: browsers then refuse a cookie that another host of
    /// the domain set.
    fn cookie_name(&self) -> &'static str {
        if self.is_https { "__Host-cra-form" } else { "cra-form" }
    }

    /// The cookie that identifies a browser to which a form was shown.
    pub(crate) fn cookie_of<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs =
            cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let (_, value) = pairs.find(|(name, _)| *name == self.cookie_name())?;
        Uuid::try_parse(value).is_ok().then_some(value)
    }
}

fn signed(cookie: &str, expiry: [u8; EXPIRY_BYTES]) -> Vec<u8> {
    [&expiry[..], cookie.as_bytes()].concat()
}

/// The fields of a form, in the order in which they were sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads the body of a form of texts, of at most 64 KiB.
    pub(crate) async fn read(headers: &HeaderMap, body: Body) -> Result<Self, Fault> {
        let media_type =
            headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        let media_type = media_type.split(';').next().unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(Fault::NotAForm);
        }
        let bytes = to_bytes(body, FORM_BYTES_MAX).await.map_err(|_| Fault::TooLarge)?;
        Ok(Self::of(&bytes))
    }

    /// Reads fields from the query of an address or the body of a form.
    pub(crate) fn of(encoded: &[u8]) -> Self {
        Self(form_urlencoded::parse(encoded).into_owned().collect())
    }

    /// The first value of a field, trimmed; empty if the form lacks the field.
    pub(crate) fn first(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.trim())
    }

    /// Every value of a field, trimmed.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.trim())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forms(change: impl FnOnce(&mut Settings)) -> Forms {
        let mut settings = Settings::default();
        change(&mut settings);
        Forms::new(&settings).unwrap()
    }

    /// The headers of a browser after its first form, and the token of that form.
    fn browser(forms: &Forms) -> (HeaderMap, String) {
        let issued = forms.issue(&HeaderMap::new());
        let set = issued.cookie.unwrap();
        let pair = set.to_str().unwrap().split(';').next().unwrap().to_owned();
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::try_from(format!("other=1; {pair}")).unwrap());
        (headers, issued.token)
    }

    #[test]
    fn a_token_is_valid_with_the_cookie_it_was_issued_for_and_until_its_expiry() {
        let forms = forms(|_| {});
        let (headers, token) = browser(&forms);
        assert!(forms.check(&headers, &token).is_ok());
        let again = forms.issue(&headers);
        assert!(again.cookie.is_none(), "a browser keeps its cookie");
        assert!(forms.check(&headers, &again.token).is_ok());

        let (other, _) = browser(&forms);
        assert!(forms.check(&other, &token).is_err(), "another browser's cookie");
        assert!(forms.check(&HeaderMap::new(), &token).is_err(), "no cookie");
        let cookie = forms.cookie_of(&headers).unwrap();
        for (expires_at, is_valid) in [(0, false), (-1, false), (Timestamp::now().as_second() + 60, true)] {
            let token = forms.token(cookie, expires_at);
            assert_eq!(forms.check(&headers, &token).is_ok(), is_valid, "{expires_at}");
        }
        for forged in ["", "AAAA", "é", &token[1..], &"A".repeat(54)] {
            assert!(forms.check(&headers, forged).is_err(), "{forged}");
        }
    }

    #[test]
    fn processes_with_one_key_file_accept_each_others_tokens_and_no_others() {
        let dir = tempfile::tempdir().unwrap();
        let key_file = dir.path().join("forms.key");
        std::fs::write(&key_file, "k".repeat(32)).unwrap();
        let with_key = || forms(|it| it.forms.key_file = Some(key_file.clone()));
        let (headers, token) = browser(&with_key());
        assert!(with_key().check(&headers, &token).is_ok());
        assert!(forms(|_| {}).check(&headers, &token).is_err());
    }

    #[test]
    fn the_cookie_is_out_of_reach_of_scripts_other_sites_and_with_https_of_networks() {
        let cookie =
            |forms: Forms| forms.issue(&HeaderMap::new()).cookie.unwrap().to_str().unwrap().to_owned();
        let plain = cookie(forms(|_| {}));
        assert!(
            plain.starts_with("cra-form=") && plain.ends_with("; Path=/; HttpOnly; SameSite=Strict"),
            "{plain}"
        );
        let secure = cookie(forms(|it| it.identity.tls_by_proxy = true));
        assert!(secure.starts_with("__Host-cra-form=") && secure.ends_with("; Secure"), "{secure}");
    }

    #[tokio::test]
    async fn only_a_form_of_bounded_size_is_read() {
        let read = |media_type: &'static str, body: String| {
            let headers =
                HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(media_type))]);
            async move { Fields::read(&headers, Body::from(body)).await }
        };
        let form = "application/x-www-form-urlencoded";
        let fields =
            read("application/x-www-form-urlencoded; charset=UTF-8", "a=+1%20&b=2&a=3".to_owned()).await;
        let fields = fields.unwrap();
        assert_eq!((fields.first("a"), fields.first("c")), ("1", ""));
        assert_eq!(fields.all("a").collect::<Vec<_>>(), ["1", "3"]);
        assert!(matches!(read("text/plain", "a=1".to_owned()).await, Err(Fault::NotAForm)));
        assert!(read(form, format!("a={}", "b".repeat(FORM_BYTES_MAX - 2))).await.is_ok());
        assert!(matches!(read(form, "a".repeat(FORM_BYTES_MAX + 1)).await, Err(Fault::TooLarge)));
    }
}
