//! Reads the claims of a token without verifying it: to fill in a form, to keep the imports of one person from others,
//! and to share the process fairly. The claims grant nothing, because the services verify the token of every call.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cra_runtime::identity::PerimeterClaim;
use serde::Deserialize;

/// Upper bound on the bytes of a token; a larger one is ignored here.
const TOKEN_BYTES_MAX: usize = 16 * 1_024;

/// The caller as described by the token; texts are empty if the token lacks the claim.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Caller {
    /// Subject: the person or the service account.
    pub(crate) subject: String,
    /// The advisor in the perimeter, if it has exactly one.
    pub(crate) advisor: String,
    /// The structure in the perimeter, if it has exactly one.
    pub(crate) structure: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Claims {
    sub: String,
    perimeter: serde_json::Value,
}

impl Caller {
    /// Reads the claims of a JWT. A token of another kind has none.
    pub(crate) fn of_token(token: &str) -> Self {
        let payload = token.split('.').nth(1).filter(|_| token.len() <= TOKEN_BYTES_MAX);
        let claims = payload
            .and_then(|payload| URL_SAFE_NO_PAD.decode(payload).ok())
            .and_then(|json| serde_json::from_slice::<Claims>(&json).ok())
            .unwrap_or_default();
        let perimeter: PerimeterClaim = serde_json::from_value(claims.perimeter).unwrap_or_default();
        let only = |ids: &[String]| match ids {
            [id] => id.clone(),
            _ => String::new(),
        };
        Self {
            subject: claims.sub,
            advisor: only(&perimeter.advisors),
            structure: only(&perimeter.structures),
        }
    }

    /// Fills in the advisor and the structure where they are empty.
    pub(crate) fn complete(&self, advisor: &mut String, structure: &mut String) {
        for (text, known) in [(advisor, &self.advisor), (structure, &self.structure)] {
            if text.is_empty() {
                text.clone_from(known);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(payload: &str) -> String {
        format!("e30.{}.signature", URL_SAFE_NO_PAD.encode(payload))
    }

    #[test]
    fn a_perimeter_of_one_advisor_names_who_fills_the_form_in() {
        let caller = Caller::of_token(&token(
            r#"{"sub":"marie","perimeter":{"advisors":["a-1"],"structures":["s-1"]},"exp":1}"#,
        ));
        assert_eq!((&*caller.subject, &*caller.advisor, &*caller.structure), ("marie", "a-1", "s-1"));
        let several = Caller::of_token(&token(r#"{"sub":"jo","perimeter":{"advisors":["a-1","a-2"]}}"#));
        assert_eq!((&*several.subject, &*several.advisor), ("jo", ""));
    }

    #[test]
    fn what_is_no_jwt_says_nothing() {
        let large = token(&format!(r#"{{"sub":"{}"}}"#, "a".repeat(TOKEN_BYTES_MAX)));
        for text in ["", "abc", "a.b.c", "a.é.c", &token("[]"), &token(r#"{"sub":7}"#), &large] {
            assert_eq!(Caller::of_token(text), Caller::default(), "{text}");
        }
    }
}
