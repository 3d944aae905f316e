//! A log on NATS is copied to the other slot while platforms record, and the copy takes over after the log is sealed.

use std::collections::BTreeSet;
use std::path::Path;

use async_nats::jetstream;
use cra_eventlog::nats::{NatsLog, NatsSettings, Slot};
use cra_eventlog::{LogEntry, Position, Read as _};
use serde_json::Value;
use tokio_stream::StreamExt as _;

use super::{PLANTED, RULES, answers, either, holders, lived, question};
use crate::harness::{
    Ended, Load, Pair, Proxy, Statistics, audit, chance, connected, eventually, run_cra, service_pair,
};

async fn entries(url: &str, slot: Slot) -> Vec<LogEntry> {
    let settings = NatsSettings { url: url.to_owned(), slot: Some(slot), ..NatsSettings::default() };
    let log = NatsLog::connect(settings).await.unwrap();
    let head = usize::try_from(log.head().await.unwrap().position.0).unwrap();
    log.read(Position::START).take(head).map(Result::unwrap).collect().await
}

/// `cra log forget` from the first slot to the second, on a thread outside of the workers of the load.
async fn forget(dir: &Path, pair: &Pair, more: &[&str]) -> Ended {
    let (url, projection) = (pair.nats.url(), format!("http://{}", pair.projection.address()));
    let arguments = ["log", "forget", "--from", "slot:a", "--to", "slot:b", "--work", "work", "--json"];
    let servers = ["--nats-url", &url, "--projection-url", &projection];
    let arguments = [&arguments[..], &["--rules", "retention.toml"], &servers, more].concat();
    let (dir, arguments) = (dir.to_owned(), arguments.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>());
    let run = move || {
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        run_cra(&dir, &arguments, &[])
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_copied_while_platforms_record_and_the_copy_takes_over() {
    let mut pair = Pair::start_with(&[("LOG__SLOT", "a")]).await;
    let (dir, url) = (pair.dir().to_owned(), pair.nats.url());
    let work = tempfile::tempdir().unwrap();
    std::fs::write(work.path().join("retention.toml"), RULES).unwrap();
    let life = lived(&mut pair.ingestion().await).await;
    let planted: BTreeSet<_> = life.cra_ids();
    let mut chance = chance();
    let questions: Vec<_> = (0..either(150, 1_000)).map(|_| question(&mut chance, life.last)).collect();
    let before = answers(pair.projection.address(), &questions, life.last).await;

    assert!(!holders(&dir, PLANTED).is_empty(), "the search finds what is there");
    let proxy = Proxy::to(pair.ingestion.address()).await;
    let load = Load::begin(&[proxy.address()], 2);
    load.goes_on(100).await;
    for _ in 0..2 {
        let copied: Value =
            serde_json::from_str(&forget(work.path(), &pair, &[]).await.succeeded().stdout).unwrap();
        assert!(copied["outcome"] == "copied" && copied["position"].as_u64() > Some(life.last), "{copied}");
        load.goes_on(50).await;
    }
    let certificate: Value =
        serde_json::from_str(&forget(work.path(), &pair, &["--finish"]).await.succeeded().stdout).unwrap();
    assert_eq!(certificate["forgotten"]["documents"], 3);
    eventually("the services name the log that replaces theirs", async || {
        let output = pair.ingestion.output();
        let named = format!("it is closed: the log is {}", certificate["to"]["log"].as_str().unwrap());
        if output.contains(&named) { Ok(()) } else { Err(output) }
    })
    .await;
    assert!(!work.path().join("work/names.json").exists());

    pair.ingestion.terminate();
    pair.projection.terminate();
    pair.ingestion.ended().await;
    pair.projection.ended().await;
    let (mut ingestion, mut projection) = service_pair(&dir, &url, &[("LOG__SLOT", "b")]);
    tokio::join!(ingestion.start_and_serve(), projection.start_and_serve());
    proxy.lead_to(ingestion.address());
    proxy.cut();
    load.goes_on(50).await;
    let acknowledged = load.end().await;

    let entries = entries(&url, Slot::B).await;
    let of_load = |entry: &&LogEntry| !planted.contains(&entry.stream.unwrap().to_string());
    audit::holds_exactly(&entries.iter().filter(of_load).cloned().collect::<Vec<_>>(), &acknowledged);
    let mut statistics = Statistics::new(connected(projection.address()).await.unwrap());
    audit::equals_recomputation(&mut statistics, &entries).await;
    let after = answers(projection.address(), &questions, life.last).await;
    for ((before, after), question) in before.iter().zip(&after).zip(&questions) {
        assert_eq!(before, after, "{question:?}");
    }

    let certificate = work.path().join("work/certificate.json").display().to_string();
    let projection_url = format!("http://{}", projection.address());
    let destroy = ["log", "destroy", "--log", "slot:a", "--copy", "slot:b", "--nats-url", &url];
    let destroy = [&destroy[..], &["--projection-url", &projection_url]].concat();
    let destroy = [&destroy[..], &["--certificate", &certificate, "--confirm"]].concat();
    run_cra(work.path(), &[&destroy[..], &["CRA_B"]].concat(), &[]).reports("is not the name");
    run_cra(work.path(), &[&destroy[..], &["CRA_A"]].concat(), &[]).succeeded();
    let server = jetstream::new(async_nats::connect(&url).await.unwrap());
    assert!(server.get_stream("CRA_A").await.is_err() && server.get_stream("CRA_B").await.is_ok());
    // In the log's files, the read models of both logs and their quarantine, the outputs of the services.
    eventually("nothing holds what was forgotten", async || {
        let found = holders(&dir, PLANTED);
        if found.is_empty() { Ok(()) } else { Err(format!("{PLANTED} in {found:?}")) }
    })
    .await;
    let found = holders(work.path(), PLANTED);
    assert!(found.is_empty(), "{PLANTED} in {found:?}");
}
