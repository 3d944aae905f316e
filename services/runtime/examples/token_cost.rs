//! Measures what identity and telemetry add to a call, within one process and without a network: a token seen for the
//! first time, by kind of key; a known token; counting a call; its span.
//!
//!     cargo run --release -p cra-runtime --example token_cost

#![allow(clippy::print_stdout)]

use std::fs;
use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use cra_runtime::identity::{Claims, Identity, OneOrMany, PerimeterClaim, SigningKey, key_set};
use cra_runtime::metrics::{Metrics, Rpcs};
use cra_runtime::telemetry::{self, TelemetrySettings};
use jiff::Timestamp;
use serde_json::json;
use tonic::Status;
use tonic::codegen::http::HeaderMap;

/// Below the size of the cache, so that each token is known the second time.
const TOKENS: u32 = 1_000;
/// Counting a call is faster than reading a clock: this number of calls is measured as one.
const CALLS_PER_SAMPLE: u32 = 100;
const SAMPLES: u32 = 2_000;
const RSA: &str = include_str!("../src/identity/rsa_of_tests.pem");
const SERVICE: &str = "cra.v1.IngestionService";
const PATH: &str = "/cra.v1.IngestionService/SubmitCra";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    println!("| per call | p50 | p99 |\n|---|---|---|");
    let keys = [
        ("RS256, 2048 bits", SigningKey::from_pem(RSA)?),
        ("ES256", SigningKey::generate_p256()?),
        ("EdDSA", SigningKey::generate_ed25519()?),
    ];
    for (name, key) in keys {
        tokens(name, &key).await?;
    }
    let no_headers = HeaderMap::new();
    calls("a call counted and timed, no traces", &no_headers)?;
    let traces = TelemetrySettings {
        // No collector listens there: spans are made, and dropped at export.
        traces_endpoint: Some("http://127.0.0.1:9".to_owned()),
        traces_per_mille: 10,
        log_filter: "off".to_owned(),
        ..TelemetrySettings::default()
    };
    let telemetry = telemetry::init(&traces)?;
    calls("the same, traces on, ten in a thousand recorded", &no_headers)?;
    let recorded = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".parse()?;
    calls("the same, each recorded", &HeaderMap::from_iter([("traceparent".parse()?, recorded)]))?;
    telemetry.end().await;
    Ok(())
}

/// Verifies each token of a key twice: first unknown, then known.
async fn tokens(name: &str, key: &SigningKey) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("keys.json");
    fs::write(&file, key_set(&[key]).to_string())?;
    let settings = json!({"tokens": {"issuer": "issuer", "audience": "cra", "jwks_file": file}});
    let identity = Identity::open(&serde_json::from_value(settings)?).await?;
    let mut tokens = Vec::new();
    for number in 0..TOKENS {
        tokens.push(key.sign(&claims(number))?);
    }
    for what in [format!("{name}, for the first time"), format!("{name}, known")] {
        let mut took = Vec::new();
        for token in &tokens {
            let began = Instant::now();
            let caller = identity.caller(Some(token)).await?;
            took.push(began.elapsed());
            black_box(caller);
        }
        row(&what, took)?;
    }
    Ok(())
}

/// Typical claims: a client, a person, two scopes, a perimeter.
fn claims(number: u32) -> Claims {
    Claims {
        iss: "issuer".to_owned(),
        aud: OneOrMany::One("cra".to_owned()),
        exp: Timestamp::now().as_second() + 3_600,
        azp: Some("platform".to_owned()),
        sub: Some(format!("person-{number}")),
        scope: OneOrMany::One("cra:submit statistics:read".to_owned()),
        perimeter: Some(PerimeterClaim {
            departments: vec!["22".to_owned(), "29".to_owned(), "35".to_owned(), "56".to_owned()],
            ..PerimeterClaim::default()
        }),
        ..Claims::default()
    }
}

/// Calls with an empty handler.
fn calls(what: &str, headers: &HeaderMap) -> anyhow::Result<()> {
    let rpcs = Rpcs::new(&Metrics::default(), &[SERVICE])?;
    let mut took = Vec::new();
    for _ in 0..SAMPLES {
        let began = Instant::now();
        for _ in 0..CALLS_PER_SAMPLE {
            let call = rpcs.begin(PATH, headers);
            drop(black_box(call.answered(Status::ok("").into_http())));
        }
        took.push(began.elapsed() / CALLS_PER_SAMPLE);
    }
    row(what, took)
}

fn row(what: &str, mut took: Vec<Duration>) -> anyhow::Result<()> {
    took.sort_unstable();
    let at = |per_mille: usize| took.get(took.len() * per_mille / 1_000).context("nothing was measured");
    let micros = |took: &Duration| took.as_secs_f64() * 1e6;
    println!("| {what} | {:.1} µs | {:.1} µs |", micros(at(500)?), micros(at(990)?));
    Ok(())
}
