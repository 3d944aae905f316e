//! The claims of a token, and the caller they make. Every part of a grant has one form: a token with another form is
//! refused completely, never interpreted as granting less or more.

use std::fmt;
use std::marker::PhantomData;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cra_domain::perimeter::{Lists, Perimeter};
use jiff::{SignedDuration, Timestamp};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::caller::{Caller, Scope};

/// Maximum length of client id and subject, in bytes: they are written into every event.
const NAME_BYTES_MAX: usize = 256;
/// Maximum stored length of a token's id, in bytes: it is only written to the audit.
const TOKEN_ID_BYTES_MAX: usize = 128;
/// Maximum number of members of a perimeter's lists, together.
const MEMBERS_MAX: usize = 5_000;

/// The claims of a token that this service uses; others are ignored.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Claims {
    /// Issuer.
    pub iss: String,
    /// Audience.
    pub aud: OneOrMany,
    /// Expiry, in seconds since 1970. Fractions are dropped.
    #[serde(deserialize_with = "seconds")]
    pub exp: i64,
    /// Start of validity, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "some_seconds")]
    pub nbf: Option<i64>,
    /// Time of issue, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "some_seconds")]
    pub iat: Option<i64>,
    /// The token's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    /// The person or service account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// The client that the token was issued to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azp: Option<String>,
    /// The client, as RFC 9068 names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Words separated by spaces, or a list of words.
    #[serde(default)]
    pub scope: OneOrMany,
    /// The granted perimeter.
    #[serde(default, deserialize_with = "an_object", skip_serializing_if = "Option::is_none")]
    pub perimeter: Option<PerimeterClaim>,
    /// What the bearer must prove to possess (RFC 7800).
    #[serde(default, deserialize_with = "an_object", skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
}

/// The claim `cnf`, with the only method that is checked here (RFC 8705). A token bound in another way is refused:
/// without that check a stolen token could be used.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    /// SHA-256 of the client's certificate, in base64url.
    #[serde(rename = "x5t#S256")]
    pub x5t_s256: String,
}

impl Confirmation {
    fn digest(&self) -> Result<[u8; 32], String> {
        let digest = URL_SAFE_NO_PAD.decode(&self.x5t_s256).ok();
        digest
            .and_then(|digest| digest.try_into().ok())
            .ok_or_else(|| "`cnf`: `x5t#S256` is not a SHA-256 in base64url".to_owned())
    }
}

/// Accepts named members only, each once: a list would be read by position, and of a duplicate member another reader
/// could use the other one.
fn an_object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    struct AnObject<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for AnObject<T> {
        type Value = Option<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
            T::deserialize(MapAccessDeserializer::new(members)).map(Some)
        }
    }

    deserializer.deserialize_any(AnObject(PhantomData))
}

/// A `NumericDate` of RFC 7519, which may have a fraction: its whole seconds.
#[allow(clippy::cast_possible_truncation)] // what does not fit is refused
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    const LAST: f64 = 253_402_300_799.0; // of the year 9999
    let seconds = serde_json::Number::deserialize(deserializer)?;
    match (seconds.as_i64(), seconds.as_f64()) {
        (Some(whole), _) => Ok(whole),
        (None, Some(seconds)) if (-LAST..=LAST).contains(&seconds) => Ok(seconds.floor() as i64),
        _ => Err(de::Error::custom("no time")),
    }
}

fn some_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    #[derive(Deserialize)]
    struct Whole(#[serde(deserialize_with = "seconds")] i64);

    Ok(Option::<Whole>::deserialize(deserializer)?.map(|Whole(seconds)| seconds))
}

/// A claim that issuers write as a text or as a list.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub enum OneOrMany {
    /// One text.
    One(String),
    /// A list.
    Many(Vec<String>),
}

impl Default for OneOrMany {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl OneOrMany {
    fn words(&self) -> impl Iterator<Item = &str> {
        let texts = match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(texts) => texts,
        };
        texts.iter().flat_map(|text| text.split(' ')).filter(|word| !word.is_empty())
    }
}

/// The claim `perimeter`: `{"national": true}`, or lists, of which one match suffices. An unknown key could be a
/// restriction, so it refuses the token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct PerimeterClaim {
    /// Everything; then the lists must be empty.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub national: bool,
    /// Ids of advisors.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub advisors: Vec<String>,
    /// Ids of structures.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub structures: Vec<String>,
    /// Codes of departments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub departments: Vec<String>,
    /// Codes of regions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<String>,
}

impl PerimeterClaim {
    fn parse(&self) -> Result<Perimeter, String> {
        let Self { national, advisors, structures, departments, regions } = self;
        let members = advisors.len() + structures.len() + departments.len() + regions.len();
        match (national, members) {
            (true, 0) => Ok(Perimeter::National),
            (true, _) => Err("a national perimeter has no lists".to_owned()),
            (false, ..=MEMBERS_MAX) => Lists::parse(advisors, structures, departments, regions)
                .map(Perimeter::Within)
                .map_err(|error| error.to_string()),
            (false, _) => Err(format!("a perimeter lists at most {MEMBERS_MAX} members")),
        }
    }
}

impl Claims {
    /// The fault for which a service would refuse them, even if they were signed by its issuer for its audience.
    pub fn check(&self) -> Result<(), String> {
        self.caller(SignedDuration::ZERO).map(drop)
    }

    /// Whether the token is granted for longer than `max`: from its issue, if it gives it, to its expiry.
    pub(super) fn outlives(&self, max: SignedDuration, now: Timestamp) -> bool {
        let issued = self.iat.map_or(now.as_second(), |issued| issued.min(now.as_second()));
        self.exp.saturating_sub(issued) > max.as_secs()
    }

    /// The caller, after signature, issuer, audience and times were verified; or the claim that is invalid.
    /// `clock_skew` is added to the expiry.
    pub(super) fn caller(&self, clock_skew: SignedDuration) -> Result<Caller, String> {
        let client_id = self.azp.as_ref().or(self.client_id.as_ref());
        let client_id =
            client_id.ok_or("it names no client under a name of `identity.tokens.claims.client`")?;
        let subject = self.sub.clone().unwrap_or_default();
        if !is_name(client_id) || (!subject.is_empty() && !is_name(&subject)) {
            return Err(format!(
                "client and subject are 1 to {NAME_BYTES_MAX} bytes without control characters"
            ));
        }
        let perimeter =
            self.perimeter.as_ref().map_or_else(|| Ok(Perimeter::default()), PerimeterClaim::parse);
        let end = Timestamp::from_second(self.exp).map_err(|_| "`exp` is not a time")?;
        Ok(Caller {
            client_id: client_id.clone(),
            subject,
            scopes: self.scope.words().filter_map(Scope::from_name).collect(),
            perimeter: perimeter.map_err(|why| format!("`perimeter`: {why}"))?,
            token_id: truncated(self.jti.clone().unwrap_or_default()),
            certificate: self.cnf.as_ref().map(Confirmation::digest).transpose()?,
            expires_at: Some(end.saturating_add(clock_skew).map_err(|_| "`exp` is not a time")?),
        })
    }
}

fn truncated(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(TOKEN_ID_BYTES_MAX));
    text
}

fn is_name(text: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(json: &str) -> Result<Caller, String> {
        let claims: Claims = serde_json::from_str(json).map_err(|error| error.to_string())?;
        claims.caller(SignedDuration::from_secs(30))
    }

    fn with(claims: &str) -> Result<Caller, String> {
        caller(&format!(r#"{{"iss": "i", "aud": "a", "exp": 1700000000, "azp": "c", {claims}}}"#))
    }

    #[test]
    fn a_token_makes_a_caller() {
        let caller = with(
            r#""sub": "s", "scope": "cra:submit openid statistics:read", "perimeter": {"departments": ["35"]}"#,
        )
        .unwrap();
        assert_eq!((caller.client_id.as_str(), caller.subject.as_str()), ("c", "s"));
        assert!(caller.may(Scope::Submit) && caller.may(Scope::Statistics) && !caller.may(Scope::Read));
        assert_eq!(caller.expires_at.unwrap().as_second(), 1_700_000_030);
        assert_ne!(caller.perimeter, Perimeter::National);
        assert!(with(r#""scope": ["cra:submit", "cra:read"]"#).unwrap().may(Scope::Read));
    }

    #[test]
    fn a_token_without_claims_grants_nothing() {
        let caller = with(r#""sub": "s""#).unwrap();
        assert!(Scope::ALL.into_iter().all(|scope| !caller.may(scope)));
        assert_eq!(caller.perimeter, Perimeter::default());
    }

    #[test]
    fn the_client_is_azp_or_else_client_id_and_is_mandatory() {
        let named = |claims: &str| caller(&format!(r#"{{"iss": "i", "aud": "a", "exp": 1{claims}}}"#));
        assert_eq!(named(r#", "client_id": "d", "azp": "c""#).unwrap().client_id, "c");
        assert_eq!(named(r#", "client_id": "d""#).unwrap().client_id, "d");
        assert!(named("").is_err());
        assert!(named(r#", "client_id": """#).is_err());
        assert!(named(r#", "client_id": "a\nb""#).is_err());
    }

    #[test]
    fn times_may_have_a_fraction() {
        for (exp, end) in
            [("1.7e9", 1_700_000_000), ("1700000000.5", 1_700_000_000), ("1700000000", 1_700_000_000)]
        {
            let claims: Claims = serde_json::from_str(&format!(
                r#"{{"iss": "i", "aud": "a", "azp": "c", "exp": {exp}, "nbf": 1699999999.25, "iat": 1.6e9}}"#
            ))
            .unwrap();
            assert_eq!((claims.exp, claims.nbf, claims.iat), (end, Some(1_699_999_999), Some(1_600_000_000)));
        }
        for no_time in ["1e300", "-1e300", "\"1700000000\"", "null", "[]", "true", "99999999999999999999"] {
            assert!(caller(&format!(r#"{{"iss": "i", "aud": "a", "azp": "c", "exp": {no_time}}}"#)).is_err());
        }
    }

    #[test]
    fn the_lifetime_is_measured_from_the_issue_which_cannot_be_in_the_future() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let outlives = |iat: Option<i64>, exp: i64| {
            let claims = Claims { exp, iat, ..Claims::default() };
            claims.outlives(SignedDuration::from_secs(3_600), now)
        };
        assert!(!outlives(Some(1_000_000), 1_003_600) && outlives(Some(1_000_000), 1_003_601));
        assert!(!outlives(None, 1_003_600) && outlives(None, 1_003_601));
        // Issued long ago, and issued in the future.
        assert!(outlives(Some(900_000), 1_000_010));
        assert!(outlives(Some(2_000_000), 2_000_010));
        assert!(outlives(Some(i64::MIN), i64::MAX));
    }

    #[test]
    fn an_unknown_or_duplicate_member_refuses_the_token() {
        for refused in [
            r#""perimeter": {"departments": ["35"], "departments": ["75"]}"#,
            r#""perimeter": {"national": false, "national": true}"#,
            r#""perimeter": {"national": true, "until": "2026-01-01"}"#,
            r#""perimeter": {"departments": ["35"]}, "perimeter": {"national": true}"#,
            r#""exp": 1800000000"#,
            r#""scope": {"cra:submit": true}"#,
            r#""cnf": {}"#,
            r#""cnf": {"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}"#,
            r#""cnf": {"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2", "kid": "k"}"#,
            r#""cnf": {"x5t#S256": "AA"}"#,
            r#""cnf": ["AA"]"#,
        ] {
            assert!(with(refused).is_err(), "{refused}");
        }
        let bound = with(r#""cnf": {"x5t#S256": "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"}"#).unwrap();
        assert_eq!(bound.certificate, Some([1; 32]));
        assert_eq!(with(r#""perimeter": null, "cnf": null"#).unwrap().certificate, None);
    }

    #[test]
    fn a_perimeter_is_national_or_lists_and_never_ambiguous() {
        assert_eq!(with(r#""perimeter": {"national": true}"#).unwrap().perimeter, Perimeter::National);
        for refused in [
            r#"{"national": true, "advisors": ["a"]}"#,
            r#"{"departments": ["1"]}"#,
            r#"{"epcis": ["243500139"]}"#,
            r#"{"advisors": "a"}"#,
            r#""national""#,
            "[]",
            "[true]",
        ] {
            assert!(with(&format!(r#""perimeter": {refused}"#)).is_err(), "{refused}");
        }
        let many: Vec<_> = (0..=MEMBERS_MAX).map(|n| format!("\"a{n}\"")).collect();
        assert!(with(&format!(r#""perimeter": {{"advisors": [{}]}}"#, many.join(","))).is_err());
    }
}
