//! Tokens that must be accepted and tokens that must be refused, as an attacker or a misconfigured issuer would create
//! them; and keys that change.

use std::fs;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cra_fixtures::KeyServer;
use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::identity::signing::key_set;

const RSA: &str = include_str!("rsa_of_tests.pem");

fn claims() -> Claims {
    Claims {
        iss: "https://issuer.example".to_owned(),
        aud: OneOrMany::One("cra".to_owned()),
        exp: Timestamp::now().as_second() + 600,
        azp: Some("platform".to_owned()),
        scope: OneOrMany::One("cra:submit".to_owned()),
        ..Claims::default()
    }
}

/// The key file, and the identity that uses it.
struct Fixture {
    _folder: TempDir,
    file: PathBuf,
    identity: Identity,
}

async fn identity(rest: &str) -> Result<Identity, IdentityError> {
    let text = format!("[tokens]\nissuer = \"https://issuer.example\"\naudience = \"cra\"\n{rest}");
    Identity::open(&toml::from_str(&text).unwrap()).await
}

async fn fixture(keys: &[&SigningKey]) -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    fs::write(&file, key_set(keys).to_string()).unwrap();
    let identity = identity(&format!("jwks_file = {file:?}\nrefresh_pause_ms = 1")).await.unwrap();
    Fixture { _folder: folder, file, identity }
}

impl Fixture {
    async fn refused(&self, token: &str) -> TokenRefused {
        self.identity.caller(Some(token)).await.expect_err("the token was taken")
    }
}

fn invalid(what: &str) -> TokenRefused {
    TokenRefused::Invalid(what.to_owned())
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

#[tokio::test]
async fn a_token_signed_with_each_kind_of_key_is_accepted() {
    let keys = [
        SigningKey::generate_ed25519().unwrap(),
        SigningKey::generate_p256().unwrap(),
        SigningKey::from_pem(RSA).unwrap(),
    ];
    let fixture = fixture(&keys.each_ref()).await;
    for key in &keys {
        let token = key.sign(&claims()).unwrap();
        for _ in 0..2 {
            let caller = fixture.identity.caller(Some(&token)).await.unwrap();
            assert_eq!(caller.client_id, "platform");
            assert!(caller.may(Scope::Submit) && !caller.may(Scope::Read));
        }
    }
    assert_eq!(fixture.identity.caller(None).await.unwrap_err(), TokenRefused::Missing);
}

#[tokio::test]
async fn an_expired_or_foreign_token_is_refused_with_the_reason() {
    let key = SigningKey::generate_ed25519().unwrap();
    let fixture = fixture(&[&key]).await;
    let now = Timestamp::now().as_second();
    let other_audience = OneOrMany::Many(vec!["others".to_owned()]);
    for (claims, refused) in [
        (Claims { exp: now - 60, ..claims() }, TokenRefused::Expired),
        (Claims { nbf: Some(now + 60), ..claims() }, TokenRefused::NotYet),
        (Claims { aud: other_audience, ..claims() }, invalid("it is for another audience")),
        (
            Claims { iss: "https://other.example".to_owned(), ..claims() },
            invalid("it is from another issuer"),
        ),
    ] {
        assert_eq!(fixture.refused(&key.sign(&claims).unwrap()).await, refused);
    }
    // Within the tolerated clock difference.
    for claims in [Claims { exp: now - 10, ..claims() }, Claims { nbf: Some(now + 10), ..claims() }] {
        assert!(fixture.identity.caller(Some(&key.sign(&claims).unwrap())).await.is_ok());
    }
}

fn with_header(key: &SigningKey, header: &Value, claims: &Value) -> String {
    let signed = format!("{}.{}", part(header), part(claims));
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(key.sign_bytes(signed.as_bytes()).unwrap()))
}

#[tokio::test]
async fn the_type_of_a_token_is_listed_in_any_notation() {
    let key = SigningKey::generate_ed25519().unwrap();
    let fixture = fixture(&[&key]).await;
    let kid = key.to_jwk()["kid"].clone();
    let typed =
        |typ: &str| with_header(&key, &json!({"alg": "EdDSA", "typ": typ, "kid": kid}), &json!(claims()));
    for taken in
        ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt", "JWT", "jwt", "application/jwt"]
    {
        assert!(fixture.identity.caller(Some(&typed(taken))).await.is_ok(), "{taken}");
    }
    let untyped = with_header(&key, &json!({"alg": "EdDSA", "kid": kid}), &json!(claims()));
    assert!(fixture.identity.caller(Some(&untyped)).await.is_ok());
    for refused in ["dpop+jwt", "logout+jwt", "secevent+jwt", "", "application/", "x/jwt", "at+jwt "] {
        assert_eq!(
            fixture.refused(&typed(refused)).await,
            invalid("its `typ` is none of at+jwt, JWT"),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn an_id_token_of_the_same_issuer_is_refused_for_its_audience() {
    let key = SigningKey::generate_ed25519().unwrap();
    let fixture = fixture(&[&key]).await;
    let now = Timestamp::now().as_second();
    let id_token = json!({
        "iss": "https://issuer.example", "aud": "platform", "azp": "platform", "sub": "marie", "iat": now,
        "exp": now + 600, "nonce": "n-0S6_WzA2Mj", "auth_time": now, "at_hash": "77QmUPtjPfzWtF2AnpK9RQ",
        "scope": "cra:submit",
    });
    let header = json!({"alg": "EdDSA", "typ": "JWT", "kid": key.to_jwk()["kid"]});
    assert_eq!(
        fixture.refused(&with_header(&key, &header, &id_token)).await,
        invalid("it is for another audience")
    );
}

#[tokio::test]
async fn a_token_with_too_long_a_lifetime_is_refused_and_fractions_of_seconds_are_accepted() {
    let key = SigningKey::generate_ed25519().unwrap();
    let fixture = fixture(&[&key]).await;
    let now = Timestamp::now().as_second();
    let day = 24 * 3_600;
    for claims in [
        Claims { iat: Some(now), exp: now + day + 60, ..claims() },
        Claims { exp: now + day + 60, ..claims() },
        Claims { iat: Some(now - day), exp: now + 60, ..claims() },
        Claims { iat: Some(now + day), exp: now + day + 60, ..claims() },
    ] {
        let refused = fixture.refused(&key.sign(&claims).unwrap()).await;
        assert_eq!(refused, invalid("its lifetime exceeds 86400 s; get one with a shorter lifetime"));
    }
    let mut fractions = json!(claims());
    let at = |seconds: i64| json!(f64::from(u32::try_from(seconds).unwrap()) + 0.5);
    fractions["exp"] = at(now + 600);
    fractions["nbf"] = at(now - 600);
    fractions["iat"] = at(now - 600);
    let header = json!({"alg": "EdDSA", "kid": key.to_jwk()["kid"]});
    let caller = fixture.identity.caller(Some(&with_header(&key, &header, &fractions))).await.unwrap();
    assert_eq!(caller.expires_at.unwrap().as_second(), now + 600 + 30);
    fractions["exp"] = at(now - 600);
    assert_eq!(fixture.refused(&with_header(&key, &header, &fractions)).await, TokenRefused::Expired);
}

#[tokio::test]
async fn an_accepted_token_is_refused_once_it_has_expired() {
    let key = SigningKey::generate_ed25519().unwrap();
    let fixture = fixture(&[&key]).await;
    let token = key.sign(&Claims { exp: Timestamp::now().as_second() - 28, ..claims() }).unwrap();
    assert!(fixture.identity.caller(Some(&token)).await.is_ok());
    tokio::time::sleep(std::time::Duration::from_millis(3_100)).await;
    assert_eq!(fixture.refused(&token).await, TokenRefused::Expired);
}

#[tokio::test]
async fn a_token_without_a_signature_or_with_another_algorithm_is_refused() {
    let key = SigningKey::from_pem(RSA).unwrap();
    let fixture = fixture(&[&key]).await;
    let jwk = key.to_jwk();
    let body = part(&json!(claims()));
    for algorithm in ["none", "None", "NONE", ""] {
        let header = part(&json!({"alg": algorithm, "typ": "JWT", "kid": jwk["kid"]}));
        for token in [format!("{header}.{body}."), format!("{header}.{body}")] {
            assert_eq!(fixture.refused(&token).await, invalid("it cannot be read"), "{token}");
        }
    }
    // The public key as a shared secret, in the representations that libraries have accepted.
    let header = part(&json!({"alg": "HS256", "typ": "JWT", "kid": jwk["kid"]}));
    let signed = format!("{header}.{body}");
    for secret in [jwk.to_string(), jwk["n"].as_str().unwrap().to_owned(), RSA.to_owned()] {
        let secret = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(ring::hmac::sign(&secret, signed.as_bytes()));
        let refused = fixture.refused(&format!("{signed}.{signature}")).await;
        assert_eq!(refused, invalid("its algorithm is not that of the key"));
    }
    // Another algorithm for the same kind of key.
    for algorithm in ["RS384", "PS256", "ES256", "EdDSA"] {
        let token = key.sign(&claims()).unwrap();
        let rest = token.split_once('.').unwrap().1;
        let header = part(&json!({"alg": algorithm, "kid": jwk["kid"]}));
        let refused = fixture.refused(&format!("{header}.{rest}")).await;
        assert_eq!(refused, invalid("its algorithm is not that of the key"), "{algorithm}");
    }
}

#[tokio::test]
async fn a_token_that_was_changed_or_signed_with_another_key_is_refused() {
    let (key, other) = (SigningKey::generate_ed25519().unwrap(), SigningKey::generate_ed25519().unwrap());
    let fixture = fixture(&[&key]).await;
    let token = key.sign(&claims()).unwrap();
    let [header, _, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("{token}") };
    let more = Claims { scope: OneOrMany::One("cra:submit operations".to_owned()), ..claims() };
    let changed = format!("{header}.{}.{signature}", part(&json!(more)));
    assert_eq!(fixture.refused(&changed).await, invalid("its signature is invalid"));

    // With the id of the right key.
    let foreign = other.sign(&claims()).unwrap();
    let foreign = format!("{header}.{}", foreign.split_once('.').unwrap().1);
    assert_eq!(fixture.refused(&foreign).await, invalid("its signature is invalid"));
    // With its own id.
    let unknown = other.sign(&claims()).unwrap();
    assert_eq!(fixture.refused(&unknown).await, invalid("no key of the issuer has its `kid`"));
    // With the key in its header.
    let own_key = part(&json!({"alg": "EdDSA", "jwk": other.to_jwk()}));
    let rest = unknown.split_once('.').unwrap().1;
    assert_eq!(fixture.refused(&format!("{own_key}.{rest}")).await, invalid("its signature is invalid"));
    // With an unknown critical header.
    let critical = part(&json!({"alg": "EdDSA", "kid": key.to_jwk()["kid"], "crit": ["b64"], "b64": false}));
    let refused = fixture.refused(&format!("{critical}.{rest}")).await;
    assert_eq!(refused, invalid("its header requires an unknown extension"));
}

#[tokio::test]
async fn malformed_tokens_are_refused_without_quoting_them() {
    let key = SigningKey::generate_ed25519().unwrap();
    let fixture = fixture(&[&key]).await;
    for garbage in ["", ".", "..", "a.b.c", "é.é.é", &"A".repeat(9_000), &format!("{}.x.y", part(&json!(7)))]
    {
        let refused = fixture.refused(garbage).await;
        assert!(matches!(refused, TokenRefused::Invalid(_)), "{garbage}: {refused}");
        assert!(garbage.len() < 4 || !refused.to_string().contains(garbage));
    }
    // Validly signed, but not a valid grant.
    let no_client = Claims { azp: None, ..claims() };
    let unknown_department =
        PerimeterClaim { departments: vec!["999".to_owned()], ..PerimeterClaim::default() };
    let bad_perimeter = Claims { perimeter: Some(unknown_department), ..claims() };
    for claims in [no_client, bad_perimeter] {
        let refused = fixture.refused(&key.sign(&claims).unwrap()).await;
        assert!(matches!(refused, TokenRefused::Invalid(_)), "{refused}");
    }
}

#[tokio::test]
async fn a_new_key_in_the_file_is_used_at_once_and_a_removed_one_no_more() {
    let (old, new) = (SigningKey::generate_ed25519().unwrap(), SigningKey::generate_p256().unwrap());
    let fixture = fixture(&[&old]).await;
    let (of_old, of_new) = (old.sign(&claims()).unwrap(), new.sign(&claims()).unwrap());
    assert!(fixture.identity.caller(Some(&of_old)).await.is_ok());
    fs::write(&fixture.file, key_set(&[&new]).to_string()).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    assert!(fixture.identity.caller(Some(&of_new)).await.is_ok());
    // A known token, of a removed key.
    assert_eq!(fixture.refused(&of_old).await, invalid("no key of the issuer has its `kid`"));

    // A temporarily invalid file: known tokens remain valid.
    fs::write(&fixture.file, "{").unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    assert_eq!(fixture.refused(&of_old).await, invalid("no key of the issuer has its `kid`"));
    assert!(fixture.identity.caller(Some(&of_new)).await.is_ok());
}

#[tokio::test]
async fn keys_that_cannot_be_refreshed_are_used_for_a_limited_time() {
    let key = SigningKey::generate_ed25519().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    fs::write(&file, key_set(&[&key]).to_string()).unwrap();
    let identity = identity(&format!("jwks_file = {file:?}\nkeys_max_age_s = 1")).await.unwrap();
    let token = key.sign(&claims()).unwrap();
    assert!(identity.caller(Some(&token)).await.is_ok());
    fs::remove_file(&file).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    assert_eq!(identity.caller(Some(&token)).await.unwrap_err(), TokenRefused::KeysUnavailable);
}

#[tokio::test]
async fn a_file_without_usable_keys_is_an_error_at_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    let opened = async || identity(&format!("jwks_file = {file:?}")).await.err().unwrap().to_string();
    assert!(opened().await.contains("keys.json"));
    fs::write(&file, r#"{"keys": []}"#).unwrap();
    assert!(opened().await.contains("can verify a token"));
}

async fn accepted(identity: &Identity, token: &str) {
    for _ in 0..100 {
        if identity.caller(Some(token)).await.is_ok() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the token is not accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_an_address_are_fetched_kept_and_fetched_again_for_an_unknown_key_with_a_pause() {
    let issuer = KeyServer::start().unwrap();
    let (old, new) = (SigningKey::generate_ed25519().unwrap(), SigningKey::generate_ed25519().unwrap());
    let (of_old, of_new) = (old.sign(&claims()).unwrap(), new.sign(&claims()).unwrap());
    // Unavailable at start: the service starts, and tokens are answered with a retry.
    let settings = format!("jwks_url = {:?}\nrefresh_s = 1\nrefresh_pause_ms = 60_000", issuer.url);
    let identity = identity(&settings).await.unwrap();
    assert_eq!(identity.caller(Some(&of_old)).await.unwrap_err(), TokenRefused::KeysUnavailable);
    issuer.serve(key_set(&[&old]).to_string());
    accepted(&identity, &of_old).await;

    // Fetched again at intervals.
    issuer.serve(key_set(&[&old, &new]).to_string());
    accepted(&identity, &of_new).await;
    assert!(identity.caller(Some(&of_old)).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn made_up_key_ids_cost_the_issuer_one_request_per_pause() {
    let issuer = KeyServer::start().unwrap();
    let (own, later) = (SigningKey::generate_ed25519().unwrap(), SigningKey::generate_ed25519().unwrap());
    issuer.serve(key_set(&[&own]).to_string());
    let settings = format!("jwks_url = {:?}\nrefresh_s = 3600\nrefresh_pause_ms = 400", issuer.url);
    let identity = identity(&settings).await.unwrap();
    assert_eq!(issuer.requests(), 1);
    let unknown = later.sign(&claims()).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(450)).await;
    for _ in 0..50 {
        assert!(identity.caller(Some(&unknown)).await.is_err());
    }
    assert_eq!(issuer.requests(), 2, "more than one request within the pause");
    // The key is new: it is fetched after the pause, without waiting for the interval.
    issuer.serve(key_set(&[&own, &later]).to_string());
    tokio::time::sleep(std::time::Duration::from_millis(450)).await;
    assert!(identity.caller(Some(&unknown)).await.is_ok());
    assert_eq!(issuer.requests(), 3);
}
