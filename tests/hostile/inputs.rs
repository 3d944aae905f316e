//! External bytes, and the code that reads them: it must not panic on any bytes, and what it accepts must be valid for
//! the next step. Called by the fuzz targets of `tests/fuzz/` and by the replay of the retained inputs.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use cra_analytics::dictionary::Dictionary;
use cra_analytics::filter::Filter;
use cra_analytics::periods::Periods;
use cra_contracts::{stored, v1};
use cra_domain::cra::{Submission, Violation, check_cra_id, check_reason};
use cra_domain::event::Event;
use cra_domain::legacy;
use cra_domain::selection::Selection;
use cra_domain::territory::communes;
use cra_eventlog::{LogIdentity, Position};
use cra_projection::Description;
use cra_projection::queries::page::{Listing, Place, Signer};
use cra_projection::queries::{Axes, Breakdown, Consistency, watch_interval};
use cra_runtime::identity::{self, Claims, Keys, OneOrMany, PerimeterClaim, SigningKey, TokenSettings};
use jiff::{SignedDuration, Timestamp};
use prost::Message as _;

/// Reads one kind of input.
pub(crate) type Input = fn(&[u8]);

/// Every kind, by the name of its fuzz target and of the folder of its retained inputs.
#[allow(dead_code, reason = "a fuzz target reads one kind")]
pub(crate) const ALL: [(&str, Input); 8] = [
    ("submission", submission),
    ("legacy_document", legacy_document),
    ("event", event),
    ("page_token", page_token),
    ("question", question),
    ("search", search),
    ("token", token),
    ("key_set", key_set),
];

/// Noon of some day.
fn now() -> Timestamp {
    Timestamp::from_second(1_709_636_400).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn are_reported(faults: &[Violation]) {
    for fault in faults {
        assert!(!fault.field.is_empty() && !fault.fault.reason().is_empty());
        assert!(!fault.fault.description().is_empty() && !fault.fault.message_fr().is_empty());
    }
}

/// `SubmitCraRequest`: refused with all faults, or a CRA that is unchanged when submitted again.
pub(crate) fn submission(bytes: &[u8]) {
    let Ok(request) = v1::SubmitCraRequest::decode(bytes) else { return };
    let _ = check_cra_id(&request.cra_id);
    let _ = check_reason(&request.cra_id);
    match Submission::parse(request.cra.as_ref(), now()) {
        Ok(submission) => {
            let again = Submission::parse(Some(&submission.cra().to_message()), now());
            assert_eq!(again.map(|again| again.cra().clone()), Ok(submission.cra().clone()));
        }
        Err(faults) => {
            assert!(!faults.is_empty(), "refused without a fault");
            are_reported(&faults);
        }
    }
}

/// A document of an older form: read, or refused with all faults; an admitted document is read as it was admitted, and
/// equals itself.
pub(crate) fn legacy_document(bytes: &[u8]) {
    let Ok(document) = legacy::Document::parse(bytes) else { return };
    let _ = document.legacy_id();
    match document.read() {
        Ok(upcast) => {
            let read = cra_domain::cra::Cra::from_message(&upcast.cra.to_message());
            assert_eq!(read.ok().as_ref(), Some(&upcast.cra), "what is imported is read back");
        }
        Err(faults) => are_reported(&faults),
    }
    match document.admit() {
        Ok(admitted) => assert_eq!(document.read(), Ok(admitted)),
        Err(faults) => are_reported(&faults),
    }
    let version = document.version();
    assert!(version.differences(&version).is_empty());
}

pub(crate) fn event(bytes: &[u8]) {
    let (read, generated) = (stored::Event::read(bytes), v1::CraEvent::decode(bytes));
    assert_eq!(read.is_ok(), generated.is_ok(), "borrowed: {read:?}, generated: {generated:?}");
    let _ = Event::recorded_at_of(bytes);
    if let Ok(event) = Event::decode(bytes) {
        let _ = format!("{event:?}");
    }
}

pub(crate) fn page_token(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let description = Description { definitions: "1".into(), log: LogIdentity("log".into()), created_at: 0 };
    let signer = Signer::with_random_secret(SignedDuration::from_hours(1)).expect("randomness");
    let listing = Listing::of(&v1::ListCrasRequest::default(), &description, "marie", &signer);
    // A cursor of a list and one of a breakdown, unsigned.
    assert!(listing.place::<(i32, u64)>(&text, now()).is_ok_and(|place| place.is_none()) == text.is_empty());
    assert!(listing.place::<u64>(&text, now()).is_ok_and(|place| place.is_none()) == text.is_empty());
    // A token with a valid signature over these bytes, as if the secret were known.
    let forged = listing.token(&Place { position: Position(u64::MAX), cursor: bytes.to_vec() }, now());
    if let Ok(forged) = forged {
        let _ = listing.place::<(i32, u64)>(&forged, now());
        let _ = listing.place::<u64>(&forged, now());
    }
}

/// Every part of the statistics service's queries, each read from the same bytes.
pub(crate) fn question(bytes: &[u8]) {
    let dictionary = Dictionary::default();
    if let Ok(request) = v1::GetTimeSeriesRequest::decode(bytes) {
        let selection = request.selection.unwrap_or_default();
        match Selection::parse(&selection) {
            Ok(selection) => drop(Filter::bind(&selection, &dictionary)),
            Err(faults) => are_reported(&faults),
        }
        if let Err(faults) = Periods::parse(&selection, request.granularity) {
            are_reported(&faults);
        }
        if let Err(fault) = Consistency::parse(request.consistency.as_ref(), now()) {
            are_reported(&[fault]);
        }
    }
    if let Ok(request) = v1::ListBreakdownRequest::decode(bytes)
        && let Err(faults) = Breakdown::parse(request.dimension, &request.order_by, request.include_empty)
    {
        are_reported(&faults);
    }
    if let Ok(request) = v1::GetCrossTableRequest::decode(bytes)
        && let Err(faults) = Axes::parse(&request)
    {
        are_reported(&faults);
    }
    if let Ok(request) = v1::WatchStatisticsRequest::decode(bytes) {
        let _ = watch_interval(request.min_interval_ms);
    }
}

/// A typed search for a commune.
pub(crate) fn search(bytes: &[u8]) {
    const FOUND_MAX: usize = 20;
    let found = communes().search(&String::from_utf8_lossy(bytes), FOUND_MAX);
    let distinct: BTreeSet<_> = found.iter().map(|found| communes().get(found.commune).code()).collect();
    assert!(found.len() <= FOUND_MAX && distinct.len() == found.len(), "one is found twice");
}

/// An issuer with a key of each kind. The keys are fixed, because the retained tokens are signed with them.
struct Issuer {
    settings: TokenSettings,
    signs: SigningKey,
    keys: Keys,
    /// A token of each key.
    tokens: Vec<String>,
}

static ISSUER: LazyLock<Issuer> = LazyLock::new(|| {
    let pems = [
        include_str!("../../services/runtime/src/identity/rsa_of_tests.pem"),
        include_str!("keys/p256.pem"),
        include_str!("keys/ed25519.pem"),
    ];
    let keys = pems.map(|pem| SigningKey::from_pem(pem).expect("a key of the tests"));
    let settings = serde_json::json!({
        "issuer": "https://issuer.example",
        "audience": "cra",
        // The retained tokens expire in the year 2100.
        "lifetime_max_s": u32::MAX,
    });
    let issuer = Issuer {
        settings: serde_json::from_value(settings).expect("settings of the tests"),
        keys: Keys::parse(identity::key_set(&keys.each_ref()).to_string().as_bytes()).expect("a key set"),
        tokens: keys.iter().map(|key| signed(key, &kept_claims())).collect(),
        signs: keys.into_iter().next_back().expect("an Ed25519 key"),
    };
    assert!(issuer.tokens.iter().all(|token| issuer.takes(token)));
    issuer
});

impl Issuer {
    fn takes(&self, token: &str) -> bool {
        identity::verify(token, &self.keys, &self.settings).is_ok()
    }
}

fn signed(key: &SigningKey, claims: &Claims) -> String {
    key.sign(claims).expect("claims can be signed")
}

/// The claims of the accepted retained tokens.
fn kept_claims() -> Claims {
    Claims {
        iss: "https://issuer.example".to_owned(),
        aud: OneOrMany::One("cra".to_owned()),
        // In the year 2100.
        exp: 4_102_444_800,
        azp: Some("kept".to_owned()),
        sub: Some("marie".to_owned()),
        scope: OneOrMany::One("cra:submit statistics:read".to_owned()),
        perimeter: Some(PerimeterClaim { departments: vec!["35".to_owned()], ..PerimeterClaim::default() }),
        ..Claims::default()
    }
}

/// Whether a token is accepted.
#[allow(dead_code, reason = "a fuzz target reads whatever comes")]
pub(crate) fn is_taken(token: &str) -> bool {
    ISSUER.takes(token)
}

/// The text after `Bearer`: accepted if the issuer signed it, refused otherwise. The same bytes as claims that the
/// issuer signed: accepted if and only if they can be read completely.
pub(crate) fn token(bytes: &[u8]) {
    let issuer = &*ISSUER;
    let text = String::from_utf8_lossy(bytes);
    if let Ok(caller) = identity::verify(&text, &issuer.keys, &issuer.settings) {
        let mut callers =
            issuer.tokens.iter().map(|token| identity::verify(token, &issuer.keys, &issuer.settings));
        assert!(callers.any(|other| other == Ok(caller.clone())), "no one signed for {caller:?}");
    }
    // Texts that are too long are refused before they are parsed.
    let Some(Ok(claims)) = (bytes.len() <= 4_096).then(|| serde_json::from_slice::<Claims>(bytes)) else {
        return;
    };
    // Any expiry and any audience.
    let _ = issuer.takes(&signed(&issuer.signs, &claims));
    let Claims { iss, aud, exp, .. } = kept_claims();
    let for_us = Claims { iss, aud, exp, nbf: None, iat: None, ..claims };
    let as_checked = for_us.check().is_ok();
    assert_eq!(issuer.takes(&signed(&issuer.signs, &for_us)), as_checked, "{for_us:?}");
}

/// An issuer's key set: tokens can be verified against any keys.
pub(crate) fn key_set(bytes: &[u8]) {
    let issuer = &*ISSUER;
    let Ok(keys) = Keys::parse(bytes) else { return };
    for token in &issuer.tokens {
        let _ = identity::verify(token, &keys, &issuer.settings);
    }
}
