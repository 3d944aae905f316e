//! A command that is run twice at once, with another work folder, with other rules, on a full disk, or again after its
//! end reports what is wrong, and harms neither log.

use std::fs;

use serde_json::Value;

use super::{PLANTED, RULES, cra_in, entries, holds, lived, stopped};
use crate::harness::{Ended, Kind, Pair, SmallDisk, Standalone, run_cra};

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_on_nats_takes_one_work_folder_and_one_set_of_rules_and_ends_once() {
    let pair = Pair::start_with(&[("LOG__SLOT", "a")]).await;
    let life = lived(&mut pair.ingestion().await).await;
    let desk = tempfile::tempdir().unwrap();
    fs::write(desk.path().join("retention.toml"), RULES).unwrap();
    fs::write(desk.path().join("other.toml"), "texts_before = \"2024-02-01\"\n").unwrap();
    let (nats, url) = (pair.nats.url(), format!("http://{}", pair.projection.address()));
    let servers = ["--nats-url", &nats, "--projection-url", &url];
    let forget = |work: &str, rules: &str, more: &[&str]| -> Ended {
        let slots = ["log", "forget", "--from", "slot:a", "--to", "slot:b", "--work", work, "--rules", rules];
        run_cra(desk.path(), &[&slots[..], &servers, more].concat(), &[])
    };
    if let Some(disk) = SmallDisk::at(&desk.path().join("full")) {
        disk.fill();
        forget("full", "retention.toml", &[]).reports("full");
    }
    forget("work", "retention.toml", &[]).succeeded();
    forget("another", "retention.toml", &[]).reports("names of their copy are not in the work folder");
    forget("work", "other.toml", &[]).reports("of other rules");
    let lock = cra_private::LockedDir::open(&desk.path().join("work"), "forget.lock").unwrap();
    forget("work", "retention.toml", &["--finish"]).failed().reports("work");
    drop(lock);

    let finish = || forget("work", "retention.toml", &["--finish", "--json"]).succeeded().stdout;
    let certificate: Value = serde_json::from_str(&finish()).unwrap();
    assert_eq!(certificate["from"]["position"], life.last);
    // As if it had been killed before the certificate was written: the new log contains the certificate.
    fs::remove_file(desk.path().join("work/certificate.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&finish()).unwrap(), certificate);
    // The names resolve aliases: nothing is destroyed while they exist.
    fs::write(desk.path().join("work/names.json"), "{}").unwrap();
    let destroy = ["log", "destroy", "--log", "slot:a", "--copy", "slot:b", "--confirm", "CRA_A"];
    let destroy = [&destroy[..], &["--certificate", "work/certificate.json"], &servers].concat();
    run_cra(desk.path(), &destroy, &[]).reports("holds the names of the copy");
    fs::remove_file(desk.path().join("work/names.json")).unwrap();
    run_cra(desk.path(), &destroy, &[]).reports("serves the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_copies_to_one_folder_at_once_one_ends_and_the_other_is_refused() {
    let services = Standalone::start().await;
    let dir = services.dir().to_owned();
    lived(&mut services.ingestion().await).await;
    let _services = stopped(services);
    fs::rename(dir.join("data"), dir.join("old")).unwrap();
    fs::write(dir.join("retention.toml"), RULES).unwrap();
    let forget = ["log", "forget", "--from", "old", "--to", "data", "--rules", "retention.toml"];
    let mut others: Vec<_> =
        (0..3).map(|_| Kind::CommandLine.command().args(forget).current_dir(&dir).spawn().unwrap()).collect();
    let ended: Vec<_> = others.iter_mut().map(|other| other.wait().unwrap()).collect();
    assert!(ended.iter().any(std::process::ExitStatus::success), "{ended:?}");
    cra_in(&dir, &forget).succeeded();
    assert!(!dir.join("data/forgetting").exists());
    assert!(entries(&dir.join("data")).await.iter().all(|entry| !holds(&entry.payload, PLANTED)));
}
