//! With identity, a log on NATS is made to forget only with a token of `operations`, which the projection of that log
//! verifies before the copy, before the seal and before the deletion. A refused command changes nothing.

use std::fs;
use std::path::{Path, PathBuf};

use async_nats::jetstream;
use cra_contracts::v1 as pb;
use serde_json::Value;

use super::{PLANTED, RULES};
use crate::harness::{
    Ended, Issuer, Pair, Service, Statistics, at_least, carrying, connected, cra_of, eventually, national,
    new_id, run_cra, service_pair, submission,
};

const CRAS: u64 = 20;

/// A pair with identity on slot a, with its audit, and the folder of its operator.
struct Guarded {
    issuer: Issuer,
    pair: Pair,
    desk: tempfile::TempDir,
    audit: PathBuf,
}

/// The settings of a service that trusts the issuer, on a slot.
fn settings(issuer: &Issuer, audit: &Path, slot: &str) -> Vec<(String, String)> {
    let more = [("LOG__SLOT", slot.to_owned()), ("AUDIT__TO", audit.display().to_string())];
    issuer.settings().into_iter().chain(more.map(|(name, value)| (name.to_owned(), value))).collect()
}

fn borrowed(settings: &[(String, String)]) -> Vec<(&str, &str)> {
    settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

impl Guarded {
    async fn start() -> Self {
        let (issuer, desk) = (Issuer::new(), tempfile::tempdir().unwrap());
        let audit = desk.path().join("audit.jsonl");
        let of_ingestion = settings(&issuer, &desk.path().join("ingestion.jsonl"), "a");
        let of_projection = settings(&issuer, &audit, "a");
        let pair = Pair::start_apart(&borrowed(&of_ingestion), &borrowed(&of_projection)).await;
        fs::write(desk.path().join("retention.toml"), RULES).unwrap();
        let token = issuer.token("cra:submit", &national());
        let mut ingestion = pair.ingestion().await;
        for number in 0..20 {
            let cra = pb::Cra { date: "2024-02-05".into(), annotation: PLANTED.into(), ..cra_of(number) };
            ingestion.submit_cra(carrying(&token, submission(&new_id(), cra))).await.unwrap();
        }
        let guarded = Self { issuer, pair, desk, audit };
        guarded.applied(&guarded.pair.projection).await;
        guarded
    }

    /// Waits until a projection has applied every CRA.
    async fn applied(&self, projection: &Service) {
        let mut statistics = Statistics::new(connected(projection.address()).await.unwrap());
        let token = self.issuer.token("statistics:read", &national());
        let consistency = at_least(CRAS);
        let request = pb::GetStatisticsRequest { consistency, ..Default::default() };
        statistics.get_statistics(carrying(&token, request)).await.unwrap();
    }

    /// Runs `cra log` with a token of some scopes; without one if there are none.
    fn cra_log(&self, scopes: &str, projection: &Service, arguments: &[&str]) -> Ended {
        let (nats, url) = (self.pair.nats.url(), format!("http://{}", projection.address()));
        let arguments = [&["log"], arguments, &["--nats-url", &nats, "--projection-url", &url]].concat();
        let token = self.issuer.token_for("outillage", scopes, &national(), 600);
        let environment = [("CRA_TOKEN", token.as_str())];
        let environment = if scopes.is_empty() { &[][..] } else { &environment };
        run_cra(self.desk.path(), &arguments, environment)
    }

    fn forget(&self, scopes: &str, projection: &Service, more: &[&str]) -> Ended {
        let forget = ["forget", "--from", "slot:a", "--to", "slot:b", "--rules", "retention.toml"];
        self.cra_log(scopes, projection, &[&forget[..], &["--work", "work", "--json"], more].concat())
    }

    fn destroy(&self, scopes: &str, projection: &Service) -> Ended {
        let destroy = ["destroy", "--log", "slot:a", "--copy", "slot:b", "--confirm", "CRA_A"];
        let certificate = ["--certificate", "work/certificate.json"];
        self.cra_log(scopes, projection, &[&destroy[..], &certificate].concat())
    }

    /// Names of the streams, and whether the old one is sealed.
    async fn streams(&self) -> (Vec<&'static str>, bool) {
        let server = jetstream::new(async_nats::connect(self.pair.nats.url()).await.unwrap());
        let (mut names, mut is_sealed) = (Vec::new(), false);
        for name in ["CRA_A", "CRA_B"] {
            if let Ok(mut stream) = server.get_stream(name).await {
                is_sealed |= name == "CRA_A" && stream.info().await.unwrap().config.sealed;
                names.push(name);
            }
        }
        (names, is_sealed)
    }

    /// The acts in the audit, with client and subject.
    async fn audited(&self, acts: &[&str]) {
        eventually("the acts are in the audit", async || {
            let text = fs::read_to_string(&self.audit).unwrap();
            let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
            let lines: Vec<_> = lines.filter(|line| line["audit"] == "operation").collect();
            let found: Vec<_> = lines.iter().filter_map(|line| line["about"]["act"].as_str()).collect();
            let is_named = |line: &Value| line["client"] == "outillage" && line["subject"] == "marie";
            if found == acts && lines.iter().all(is_named) { Ok(()) } else { Err(text) }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_forgets_and_is_destroyed_only_by_a_token_of_operations() {
    let guarded = Guarded::start().await;
    let others = "cra:submit cra:correct cra:import cra:read statistics:read";
    let serving = &guarded.pair.projection;
    for more in [&[][..], &["--finish"]] {
        for (scopes, reason) in [("", "TOKEN_REQUIRED"), (others, "SCOPE_MISSING")] {
            guarded.forget(scopes, serving, more).reports(reason).reports("needs a token of `operations`");
            assert_eq!(guarded.streams().await, (vec!["CRA_A"], false), "{more:?} {scopes}");
            assert!(!guarded.desk.path().join("work").exists(), "{more:?} {scopes}");
        }
    }
    guarded.forget("operations", serving, &[]).succeeded();
    assert_eq!(guarded.streams().await, (vec!["CRA_A", "CRA_B"], false));
    let refused = guarded.forget(others, serving, &["--finish"]).reports("SCOPE_MISSING");
    assert!(!guarded.streams().await.1, "{}", refused.stderr);
    let certificate = guarded.forget("operations", serving, &["--finish"]).succeeded().stdout;
    let certificate: Value = serde_json::from_str(&certificate).unwrap();
    for act in ["began", "finished"] {
        let act = &certificate[act];
        assert_eq!((&act["granted_by"], &act["scope"]), (&"projection".into(), &"operations".into()));
        assert_eq!((&act["client_id"], &act["subject"]), (&"outillage".into(), &"marie".into()));
    }
    assert_eq!(certificate["selections"][0]["selections"], 256, "{certificate}");
    assert_eq!(guarded.streams().await, (vec!["CRA_A", "CRA_B"], true));

    // It still serves the old log.
    guarded.destroy("operations", serving).reports("serves the log");
    let audit = guarded.desk.path().join("audit-b.jsonl");
    let of_projection = settings(&guarded.issuer, &audit, "b");
    let (_, mut new) =
        service_pair(&guarded.desk.path().join("b"), &guarded.pair.nats.url(), &borrowed(&of_projection));
    new.start_and_serve().await;
    guarded.applied(&new).await;
    for (scopes, reason) in [("", "TOKEN_REQUIRED"), (others, "SCOPE_MISSING")] {
        guarded.destroy(scopes, &new).reports(reason);
    }
    assert_eq!(guarded.streams().await.0, ["CRA_A", "CRA_B"]);
    assert!(!guarded.desk.path().join("work/destruction.json").exists());
    guarded.destroy("operations", &new).succeeded();
    assert_eq!(guarded.streams().await.0, ["CRA_B"]);
    let record = fs::read(guarded.desk.path().join("work/destruction.json")).unwrap();
    let record: Value = serde_json::from_slice(&record).unwrap();
    assert_eq!((&record["act"]["subject"], &record["log"]), (&"marie".into(), &certificate["from"]));
    assert!(record["destroyed_at"].is_string(), "{record}");
    guarded.audited(&["LOG_ACT_COPY", "LOG_ACT_COPY", "LOG_ACT_SEAL"]).await;
    let guarded = Guarded { audit, ..guarded };
    guarded.audited(&["LOG_ACT_DESTROY"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_projection_without_identity_and_no_flag_replaces_the_token() {
    let guarded = Guarded::start().await;
    // A projection of the same log, without identity.
    let open = [("LOG__SLOT", "a")];
    let (_, mut other) = service_pair(&guarded.desk.path().join("open"), &guarded.pair.nats.url(), &open);
    other.start_and_serve().await;
    guarded.forget("", &other, &["--finish"]).reports("asks for no token");
    // A projection of another log.
    let elsewhere = Pair::start().await;
    guarded.forget("operations", &elsewhere.projection, &["--finish"]).reports("serves the log");
    other.terminate();
    other.ended().await;

    let away = &other;
    guarded.forget("operations", away, &["--finish"]).reports("needs the projection of the log");
    let without = ["--finish", "--without-projection", "panne du site"];
    guarded.forget("operations", away, &without).reports("[identity.tokens]");
    // A projection that answers cannot be bypassed.
    guarded.forget("cra:read", &guarded.pair.projection, &without).reports("SCOPE_MISSING");

    let tokens = serde_json::to_value(guarded.issuer.trusted()).unwrap();
    let settings = ["issuer", "audience", "jwks_file"].map(|key| format!("{key} = {}\n", tokens[key]));
    let file = format!("[identity.tokens]\n{}", settings.concat());
    fs::write(guarded.desk.path().join("service.toml"), file).unwrap();
    let without = [&without[..], &["--config", "service.toml"]].concat();
    for (scopes, reason) in [("", "missing bearer token"), ("cra:read", "does not grant `operations`")] {
        guarded.forget(scopes, away, &without).reports(reason);
    }
    assert_eq!(guarded.streams().await, (vec!["CRA_A"], false));
    let certificate = guarded.forget("operations", away, &without).succeeded().stdout;
    let certificate: Value = serde_json::from_str(&certificate).unwrap();
    let finished = &certificate["finished"];
    assert_eq!(finished["granted_by"], "identity_settings", "{certificate}");
    assert_eq!(
        (&finished["subject"], &finished["without_projection"]),
        (&"marie".into(), &"panne du site".into())
    );
    // Nothing is destroyed without a projection of the new log.
    guarded.destroy("operations", away).reports("needs the projection of the log");
    assert_eq!(guarded.streams().await.0, ["CRA_A", "CRA_B"]);
}
