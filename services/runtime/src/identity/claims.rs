//! What a token says, and the caller it makes. Every part that a grant is read from has one form: a token that says it
//! otherwise is refused whole, never read as less or more than it was meant.

use cra_domain::perimeter::{Lists, Perimeter};
use jiff::{SignedDuration, Timestamp};
use serde::de;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::caller::{Caller, Scope};

/// Longest client id or subject, in bytes: they are written into every event.
const NAME_BYTES_MAX: usize = 256;
/// Members of the lists of a perimeter, together.
const MEMBERS_MAX: usize = 5_000;

/// The claims of a token, as this service understands them; others are ignored.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Claims {
    /// Issuer.
    pub iss: String,
    /// Audience.
    pub aud: OneOrMany,
    /// End, in seconds since 1970.
    pub exp: i64,
    /// Begin, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
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
    /// What is granted of the CRAs.
    #[serde(default, deserialize_with = "an_object", skip_serializing_if = "Option::is_none")]
    pub perimeter: Option<PerimeterClaim>,
}

/// Takes named members only: a list would be read by its order.
fn an_object<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PerimeterClaim>, D::Error> {
    let object = Option::<Map<String, Value>>::deserialize(deserializer)?;
    let claim = object.map(|object| serde_json::from_value(object.into()));
    claim.transpose().map_err(de::Error::custom)
}

/// A claim that issuers write as one text or as a list.
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

/// The claim `perimeter`: `{"national": true}`, or lists of which one is enough. A key that is not known could
/// restrict what is granted, so it refuses the token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct PerimeterClaim {
    /// Everything; the lists must then be empty.
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
    /// What would keep a service from taking them, were they signed by its issuer for its audience.
    pub fn check(&self) -> Result<(), String> {
        self.caller(SignedDuration::ZERO).map(drop)
    }

    /// The caller, once the signature, issuer, audience and times are verified; or which claim cannot be read.
    /// `clock_skew` is granted beyond the end.
    pub(super) fn caller(&self, clock_skew: SignedDuration) -> Result<Caller, String> {
        let client_id = self.azp.as_ref().or(self.client_id.as_ref());
        let client_id = client_id.ok_or("it names no client, as `azp` or `client_id`")?;
        let subject = self.sub.clone().unwrap_or_default();
        if !is_name(client_id) || (!subject.is_empty() && !is_name(&subject)) {
            return Err(format!(
                "client and subject are 1 to {NAME_BYTES_MAX} bytes without control characters"
            ));
        }
        let perimeter =
            self.perimeter.as_ref().map_or_else(|| Ok(Perimeter::default()), PerimeterClaim::parse);
        let end = Timestamp::from_second(self.exp).map_err(|_| "`exp` is no time")?;
        Ok(Caller {
            client_id: client_id.clone(),
            subject,
            scopes: self.scope.words().filter_map(Scope::from_name).collect(),
            perimeter: perimeter.map_err(|why| format!("`perimeter`: {why}"))?,
            expires_at: Some(end.saturating_add(clock_skew).map_err(|_| "`exp` is no time")?),
        })
    }
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
    fn a_token_that_says_nothing_grants_nothing() {
        let caller = with(r#""sub": "s""#).unwrap();
        assert!(Scope::ALL.into_iter().all(|scope| !caller.may(scope)));
        assert_eq!(caller.perimeter, Perimeter::default());
    }

    #[test]
    fn the_client_is_azp_else_client_id_and_must_be_there() {
        let named = |claims: &str| caller(&format!(r#"{{"iss": "i", "aud": "a", "exp": 1{claims}}}"#));
        assert_eq!(named(r#", "client_id": "d", "azp": "c""#).unwrap().client_id, "c");
        assert_eq!(named(r#", "client_id": "d""#).unwrap().client_id, "d");
        assert!(named("").is_err());
        assert!(named(r#", "client_id": """#).is_err());
        assert!(named(r#", "client_id": "a\nb""#).is_err());
    }

    #[test]
    fn a_perimeter_is_national_or_lists_and_never_guessed() {
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
