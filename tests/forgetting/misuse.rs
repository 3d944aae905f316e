//! A command that is run twice at once, with another work folder, with other rules, on a full disk, or again after its
//! end reports what is wrong, and harms neither log.

use std::fs;

use serde_json::Value;

use super::{PLANTED, RULES, cra_in, done, entries, holds, lived, stopped};
use crate::harness::{Ended, Kind, Pair, SmallDisk, Standalone, run_to_end};

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
        run_to_end(Kind::CommandLine, desk.path(), &[&slots[..], &servers, more].concat(), &[])
    };
    if let Some(disk) = SmallDisk::at(&desk.path().join("full")) {
        disk.fill();
        let refused = forget("full", "retention.toml", &[]);
        assert!(refused.stderr.contains("full"), "{}", refused.stderr);
    }
    done(forget("work", "retention.toml", &[]));
    let refused = forget("another", "retention.toml", &[]);
    assert!(refused.stderr.contains("names of their copy are not in the work folder"), "{}", refused.stderr);
    let refused = forget("work", "other.toml", &[]);
    assert!(refused.stderr.contains("of other rules"), "{}", refused.stderr);
    let lock = cra_private::LockedDir::open(&desk.path().join("work"), "forget.lock").unwrap();
    let refused = forget("work", "retention.toml", &["--finish"]);
    assert!(!refused.status.success() && refused.stderr.contains("work"), "{}", refused.stderr);
    drop(lock);

    let finish = || done(forget("work", "retention.toml", &["--finish", "--json"])).stdout;
    let certificate: Value = serde_json::from_str(&finish()).unwrap();
    assert_eq!(certificate["from"]["position"], life.last);
    // As if it had been killed before the certificate was written: the new log contains the certificate.
    fs::remove_file(desk.path().join("work/certificate.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&finish()).unwrap(), certificate);
    // The names resolve aliases: nothing is destroyed while they exist.
    fs::write(desk.path().join("work/names.json"), "{}").unwrap();
    let destroy = ["log", "destroy", "--log", "slot:a", "--copy", "slot:b", "--confirm", "CRA_A"];
    let destroy = [&destroy[..], &["--certificate", "work/certificate.json"], &servers].concat();
    let refused = run_to_end(Kind::CommandLine, desk.path(), &destroy, &[]);
    assert!(refused.stderr.contains("holds the names of the copy"), "{}", refused.stderr);
    fs::remove_file(desk.path().join("work/names.json")).unwrap();
    let refused = run_to_end(Kind::CommandLine, desk.path(), &destroy, &[]);
    assert!(refused.stderr.contains("serves the log"), "{}", refused.stderr);
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
    done(cra_in(&dir, &forget));
    assert!(!dir.join("data/forgetting").exists());
    assert!(entries(&dir.join("data")).await.iter().all(|entry| !holds(&entry.payload, PLANTED)));
}
