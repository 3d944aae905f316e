//! Names of the claims with client, subject, scopes and perimeter, which differ between issuers. The settings name the
//! claims to read; they are mapped to the names of [`Claims`].

use std::fmt;

use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::claims::Claims;

/// Maximum number of names per list.
const NAMES_MAX: usize = 8;
/// Maximum length of a name, in bytes.
const NAME_BYTES_MAX: usize = 128;
/// Registered claims, which must not be read as a grant.
const REGISTERED: [&str; 7] = ["iss", "aud", "exp", "nbf", "iat", "jti", "cnf"];

/// Names of claims: the table `[identity.tokens.claims]`. For each list, only the first claim that the token has
/// counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClaimNames {
    /// The client that the token was issued to: `cid` at Okta, `appid` or `azp` at Entra ID.
    pub client: Vec<String>,
    /// The person or service account.
    pub subject: Vec<String>,
    /// Words separated by spaces, or a list of words: `scp` at Okta and Entra ID.
    pub scope: Vec<String>,
    /// The perimeter, an object.
    pub perimeter: Vec<String>,
}

impl Default for ClaimNames {
    fn default() -> Self {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            client: names(&["azp", "client_id"]),
            subject: names(&["sub"]),
            scope: names(&["scope"]),
            perimeter: names(&["perimeter"]),
        }
    }
}

impl ClaimNames {
    /// Each list with the claim that it is mapped to.
    fn lists(&self) -> [(&'static str, &'static str, &[String]); 4] {
        [
            ("client", "azp", &self.client),
            ("subject", "sub", &self.subject),
            ("scope", "scope", &self.scope),
            ("perimeter", "perimeter", &self.perimeter),
        ]
    }

    /// The first fault of the lists.
    pub(super) fn check(&self) -> Result<(), String> {
        for (list, _, names) in self.lists() {
            if !(1..=NAMES_MAX).contains(&names.len()) {
                return Err(format!("`{list}` has {} names; expected 1 to {NAMES_MAX}", names.len()));
            }
            for (index, name) in names.iter().enumerate() {
                if !(1..=NAME_BYTES_MAX).contains(&name.len()) || name.chars().any(char::is_control) {
                    return Err(format!(
                        "`{list}` has the name {name:?}; expected 1 to {NAME_BYTES_MAX} bytes without control characters"
                    ));
                }
                if REGISTERED.contains(&name.as_str()) {
                    return Err(format!(
                        "`{list}` has `{name}`, which has a registered meaning in every token"
                    ));
                }
                if names[..index].contains(name) {
                    return Err(format!("`{list}` has `{name}` twice"));
                }
            }
        }
        let is_shared = |name: &String| self.client.contains(name) || self.subject.contains(name);
        let grants = self.scope.iter().chain(&self.perimeter);
        if let Some(name) = grants.clone().find(|name| is_shared(name)) {
            return Err(format!("`{name}` cannot contain both the caller and its rights"));
        }
        match self.scope.iter().find(|name| self.perimeter.contains(name)) {
            Some(name) => Err(format!("`{name}` is in `scope` and in `perimeter`")),
            None => Ok(()),
        }
    }

    /// The claims of a token under their usual names.
    pub(super) fn read(&self, token: Unambiguous) -> Result<Claims, serde_json::Error> {
        let mut found = token.0;
        let picked = self.lists().map(|(_, read_as, names)| {
            (read_as, names.iter().find_map(|name| found.get(name).filter(|claim| !claim.is_null()).cloned()))
        });
        // Claims that no list names are not read.
        for name in ["azp", "client_id", "sub", "scope", "perimeter"] {
            found.remove(name);
        }
        for (read_as, claim) in picked {
            if let Some(claim) = claim {
                found.insert(read_as.to_owned(), claim);
            }
        }
        Claims::deserialize(Value::Object(found))
    }
}

/// The claims of a token, without duplicate members at any depth: another reader could use the other one.
#[derive(Debug)]
pub(super) struct Unambiguous(Map<String, Value>);

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Part::deserialize(deserializer)?.0 {
            Value::Object(members) => Ok(Self(members)),
            _ => Err(de::Error::custom("the claims are not an object")),
        }
    }
}

/// Any JSON value, without duplicate members.
struct Part(Value);

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyPart;

        impl<'de> Visitor<'de> for AnyPart {
            type Value = Part;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value of JSON")
            }

            fn visit_unit<E: de::Error>(self) -> Result<Part, E> {
                Ok(Part(Value::Null))
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Part, E> {
                Ok(Part(value.into()))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Part, E> {
                Ok(Part(value.into()))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Part, E> {
                Ok(Part(value.into()))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Part, E> {
                Ok(Part(value.into()))
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Part, E> {
                Ok(Part(value.into()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Part, A::Error> {
                let mut list = Vec::new();
                while let Some(Part(value)) = values.next_element()? {
                    list.push(value);
                }
                Ok(Part(Value::Array(list)))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Part, A::Error> {
                let mut object = Map::new();
                while let Some((name, Part(value))) = members.next_entry::<String, Part>()? {
                    if object.insert(name, value).is_some() {
                        return Err(de::Error::custom("a member occurs twice"));
                    }
                }
                Ok(Part(Value::Object(object)))
            }
        }

        deserializer.deserialize_any(AnyPart)
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::identity::{Caller, Scope};

    fn names(text: &str) -> ClaimNames {
        toml::from_str(text).unwrap()
    }

    fn read(names: &ClaimNames, claims: &str) -> Result<Caller, String> {
        names.check().unwrap();
        let token: Unambiguous = serde_json::from_str(claims).map_err(|error| error.to_string())?;
        let claims = names.read(token).map_err(|error| error.to_string())?;
        claims.caller(SignedDuration::ZERO)
    }

    fn of_everybody() -> ClaimNames {
        names(
            r#"scope = ["scope", "scp"]
               client = ["azp", "client_id", "cid", "appid"]
               perimeter = ["perimeter", "https://cra.example/perimeter"]"#,
        )
    }

    #[test]
    fn tokens_of_okta_entra_id_and_keycloak_make_callers() {
        let okta = r#"{"ver": 1, "jti": "AT.1", "iss": "https://x.okta.com/oauth2/default", "aud": "cra", "iat": 1,
            "exp": 9, "cid": "0oa1", "uid": "00u1", "scp": ["cra:submit", "openid"], "auth_time": 1, "sub": "marie"}"#;
        let entra_1 = r#"{"aud": "cra", "iss": "https://sts.windows.net/t/", "iat": 1, "nbf": 1, "exp": 9, "acr": "1",
            "aio": "x", "appid": "0oa1", "appidacr": "1", "scp": "cra:submit User.Read", "sub": "marie", "ver": "1.0"}"#;
        let entra_2 = r#"{"aud": "cra", "iss": "https://login.microsoftonline.com/t/v2.0", "iat": 1, "nbf": 1, "exp": 9,
            "azp": "0oa1", "azpacr": "1", "scp": "cra:submit", "sub": "marie", "tid": "t", "ver": "2.0"}"#;
        let keycloak = r#"{"exp": 9, "iat": 1, "jti": "j", "iss": "https://k.example/realms/r", "aud": ["cra", "account"],
            "sub": "marie", "typ": "Bearer", "azp": "0oa1", "realm_access": {"roles": ["a"]},
            "scope": "openid cra:submit", "https://cra.example/perimeter": {"departments": ["35"]}}"#;
        for token in [okta, entra_1, entra_2, keycloak] {
            let caller = read(&of_everybody(), token).unwrap();
            assert_eq!((caller.client_id.as_str(), caller.subject.as_str()), ("0oa1", "marie"), "{token}");
            assert!(caller.may(Scope::Submit) && !caller.may(Scope::Read), "{token}");
        }
        let (within, without) = (read(&of_everybody(), keycloak), read(&of_everybody(), okta));
        assert_ne!(within.unwrap().perimeter, without.unwrap().perimeter);
    }

    #[test]
    fn unlisted_claims_grant_nothing_and_only_the_first_claim_of_a_list_counts() {
        let token = r#"{"iss": "i", "aud": "a", "exp": 9, "cid": "c", "azp": "z", "scope": "cra:read", "scp": "cra:submit"}"#;
        let caller = read(&names("scope = [\"scp\"]\nclient = [\"cid\"]"), token).unwrap();
        assert_eq!(caller.client_id, "c");
        assert!(caller.may(Scope::Submit) && !caller.may(Scope::Read));
        let caller = read(&names("scope = [\"scope\", \"scp\"]"), token).unwrap();
        assert_eq!(caller.client_id, "z");
        assert!(!caller.may(Scope::Submit) && caller.may(Scope::Read));
        let only_scp = r#"{"iss": "i", "aud": "a", "exp": 9, "azp": "z", "scp": "cra:submit"}"#;
        assert!(!read(&ClaimNames::default(), only_scp).unwrap().may(Scope::Submit));
        // An empty claim counts: the next name is for issuers that do not write this claim.
        let empty = r#"{"iss": "i", "aud": "a", "exp": 9, "azp": "z", "scope": "", "scp": "cra:submit"}"#;
        assert!(!read(&of_everybody(), empty).unwrap().may(Scope::Submit));
    }

    #[test]
    fn a_duplicate_member_refuses_the_token_at_any_depth() {
        for twice in [
            r#""exp": 8"#,
            r#""scp": "a", "scp": "b""#,
            r#""perimeter": {"departments": ["35"], "departments": ["75"]}"#,
            r#""other": {"a": [{"b": 1, "b": 2}]}"#,
        ] {
            let token = format!(r#"{{"iss": "i", "aud": "a", "exp": 9, "azp": "z", {twice}}}"#);
            assert!(read(&of_everybody(), &token).unwrap_err().contains("twice"), "{twice}");
        }
        assert!(read(&of_everybody(), "[]").is_err());
    }

    #[test]
    fn lists_that_would_misread_a_grant_are_refused_with_their_names() {
        for (wrong, named) in [
            ("scope = []", "`scope` has 0 names"),
            ("client = [\"\"]", "`client` has the name \"\""),
            ("scope = [\"scp\", \"scp\"]", "`scp` twice"),
            ("scope = [\"aud\"]", "`aud`"),
            ("perimeter = [\"scope\"]", "`scope` and in `perimeter`"),
            ("scope = [\"sub\"]", "both the caller and its rights"),
        ] {
            let refused = names(wrong).check().unwrap_err();
            assert!(refused.contains(named), "{wrong}: {refused}");
        }
        assert!(toml::from_str::<ClaimNames>("scopes = [\"scp\"]").is_err());
        assert_eq!(ClaimNames::default().check(), Ok(()));
    }
}
