//! An issuer of tokens, and the settings of services that trust it.

use std::fs;

use cra_contracts::v1 as pb;
use cra_runtime::identity::{
    Claims, Confirmation, OneOrMany, PerimeterClaim, SigningKey, TokenSettings, key_set,
};
use jiff::Timestamp;
use tempfile::TempDir;
use tonic::Request;

const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "cra";

/// An issuer with one key.
pub(crate) struct Issuer {
    key: SigningKey,
    dir: TempDir,
}

impl Issuer {
    pub(crate) fn new() -> Self {
        let issuer = Self { key: SigningKey::generate_ed25519().unwrap(), dir: tempfile::tempdir().unwrap() };
        fs::write(issuer.keys(), key_set(&[&issuer.key]).to_string()).unwrap();
        issuer
    }

    fn keys(&self) -> std::path::PathBuf {
        self.dir.path().join("jwks.json")
    }

    /// Settings of a service that trusts it: environment variables without `CRA_`.
    pub(crate) fn settings(&self) -> Vec<(String, String)> {
        let setting = |name: &str, value: &str| (format!("IDENTITY__TOKENS__{name}"), value.to_owned());
        vec![
            setting("ISSUER", ISSUER),
            setting("AUDIENCE", AUDIENCE),
            setting("JWKS_FILE", &self.keys().display().to_string()),
            setting("CLOCK_SKEW_S", "0"),
        ]
    }

    /// Settings of a service that fetches its keys from an address.
    pub(crate) fn settings_with_keys_at(&self, url: &str) -> Vec<(String, String)> {
        let mut settings = self.settings();
        for (name, value) in &mut settings {
            if name.ends_with("JWKS_FILE") {
                *name = name.replace("JWKS_FILE", "JWKS_URL");
                url.clone_into(value);
            }
        }
        settings
    }

    /// Its key set, as served by an address.
    pub(crate) fn key_set(&self) -> String {
        fs::read_to_string(self.keys()).unwrap()
    }

    /// Removes the key file.
    pub(crate) fn hide_keys(&self) {
        fs::remove_file(self.keys()).unwrap();
    }

    /// Settings of a service in this process that trusts it.
    pub(crate) fn trusted(&self) -> TokenSettings {
        let settings = serde_json::json!({
            "issuer": ISSUER, "audience": AUDIENCE, "jwks_file": self.keys(), "clock_skew_s": 0,
        });
        serde_json::from_value(settings).unwrap()
    }

    /// Replaces the key in its set by another one.
    pub(crate) fn replace_key(&self) {
        let other = SigningKey::generate_ed25519().unwrap();
        fs::write(self.keys(), key_set(&[&other]).to_string()).unwrap();
    }

    /// A token bound to a certificate, by its SHA-256 in base64url.
    pub(crate) fn bound_token(&self, scope: &str, x5t_s256: &str) -> String {
        let cnf = Some(Confirmation { x5t_s256: x5t_s256.to_owned() });
        let claims = Claims { exp: in_seconds(600), cnf, ..Claims::default() };
        self.signed("platform", scope, &national(), claims)
    }

    /// A token with these scopes and this perimeter, valid for ten minutes.
    pub(crate) fn token(&self, scope: &str, perimeter: &PerimeterClaim) -> String {
        self.token_for("platform", scope, perimeter, 600)
    }

    /// A token of a client, valid for a number of seconds.
    pub(crate) fn token_for(
        &self,
        client: &str,
        scope: &str,
        perimeter: &PerimeterClaim,
        valid_s: i64,
    ) -> String {
        self.signed(client, scope, perimeter, Claims { exp: in_seconds(valid_s), ..Claims::default() })
    }

    /// A token that becomes valid in a number of seconds.
    pub(crate) fn token_from(
        &self,
        client: &str,
        scope: &str,
        perimeter: &PerimeterClaim,
        from_s: i64,
    ) -> String {
        let times =
            Claims { nbf: Some(in_seconds(from_s)), exp: in_seconds(from_s + 600), ..Claims::default() };
        self.signed(client, scope, perimeter, times)
    }

    fn signed(&self, client: &str, scope: &str, perimeter: &PerimeterClaim, times: Claims) -> String {
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: OneOrMany::One(AUDIENCE.to_owned()),
            sub: Some("marie".to_owned()),
            azp: Some(client.to_owned()),
            scope: OneOrMany::One(scope.to_owned()),
            perimeter: Some(perimeter.clone()),
            ..times
        };
        self.key.sign(&claims).unwrap()
    }
}

fn in_seconds(seconds: i64) -> i64 {
    Timestamp::now().as_second() + seconds
}

pub(crate) fn national() -> PerimeterClaim {
    PerimeterClaim { national: true, ..PerimeterClaim::default() }
}

pub(crate) fn department(code: &str) -> PerimeterClaim {
    PerimeterClaim { departments: vec![code.to_owned()], ..PerimeterClaim::default() }
}

pub(crate) fn carrying<T>(token: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

pub(crate) fn of_department(code: &str) -> pb::Selection {
    pb::Selection { department_codes: vec![code.to_owned()], ..pb::Selection::default() }
}
