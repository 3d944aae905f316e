//! The certificate is in the lineage of the new log, in its backups and in the status of a projection. A backup from
//! before a forgetting cannot bring anything back unnoticed.

use std::fs;
use std::path::Path;

use cra_contracts::v1 as pb;
use serde_json::{Value, json};

use super::{PLANTED, RULES, answers, cra_in, holders, killed, lived, question};
use crate::harness::{Operations, Pair, Service, Standalone, chance, connected, service_pair};

/// A pair whose log was made to forget, and the folder of its operator.
struct Forgotten {
    pair: Pair,
    desk: tempfile::TempDir,
    certificate: Value,
}

impl Forgotten {
    /// In slot a, copied to slot b; commands are killed at random moments, also after the seal.
    async fn by_commands_that_are_killed(pair: Pair) -> Self {
        let desk = tempfile::tempdir().unwrap();
        fs::write(desk.path().join("retention.toml"), RULES).unwrap();
        let url = pair.nats.url();
        fs::write(desk.path().join("a.toml"), "[log]\nslot = \"a\"\n").unwrap();
        let export = ["log", "export", "backup-old", "--config", "a.toml", "--nats-url", &url];
        cra_in(desk.path(), &export).succeeded();
        let forget =
            ["log", "forget", "--from", "slot:a", "--to", "slot:b", "--work", "work", "--finish", "--json"];
        let forget = [&forget[..], &["--rules", "retention.toml", "--nats-url", &url]].concat();
        let projection = format!("http://{}", pair.projection.address());
        killed(desk.path(), &[&forget[..], &["--projection-url", &projection]].concat()).await;
        assert!(!desk.path().join("work/names.json").exists());
        let certificate = fs::read(desk.path().join("work/certificate.json")).unwrap();
        Self { pair, certificate: serde_json::from_slice(&certificate).unwrap(), desk }
    }

    fn cra(&self, arguments: &[&str]) -> crate::harness::Ended {
        cra_in(self.desk.path(), &[arguments, &["--nats-url", &self.pair.nats.url()]].concat())
    }

    fn former(&self) -> &str {
        self.certificate["from"]["log"].as_str().unwrap()
    }
}

/// The certificate that a backup's manifest names for the former log.
fn certified(backup: &Path, former: &str) -> Value {
    let manifest: Value = serde_json::from_slice(&fs::read(backup.join("manifest.json")).unwrap()).unwrap();
    let predecessors = manifest["predecessors"].as_array().unwrap();
    let named = predecessors.iter().find(|it| it["log"] == former).unwrap();
    serde_json::from_str(named["forgetting"]["certificate"].as_str().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_certificate_is_in_every_backup_of_the_new_log_and_an_old_backup_brings_nothing_back() {
    let pair = Pair::start_with(&[("LOG__SLOT", "a")]).await;
    let life = lived(&mut pair.ingestion().await).await;
    let mut chance = chance();
    let questions: Vec<_> = (0..20).map(|_| question(&mut chance, life.last)).collect();
    let before = answers(pair.projection.address(), &questions, life.last).await;
    let followed = copied(&pair, pair.projection.address());
    assert!(followed.contains(PLANTED) && !followed.contains("reset"), "{followed}");
    let mut forgotten = Forgotten::by_commands_that_are_killed(pair).await;
    let desk = forgotten.desk.path().to_owned();

    fs::write(desk.join("b.toml"), "[log]\nslot = \"b\"\n").unwrap();
    forgotten.cra(&["log", "export", "backup-new", "--config", "b.toml"]).succeeded();
    assert_eq!(certified(&desk.join("backup-new"), forgotten.former()), forgotten.certificate);
    altered(&forgotten, &desk.join("backup-new/manifest.json"));
    forgotten.cra(&["log", "export", "backup-old", "--config", "b.toml"]).reports("the backup is of the log");
    forgotten
        .cra(&["log", "import", "backup-old", "--nats-stream", "CRA"])
        .reports("would bring back what was forgotten");

    // A log restored from the new backup belongs to the same lineage.
    cra_in(&desk, &["log", "import", "backup-new", "--data", "data"]).succeeded();
    cra_in(&desk, &["log", "export", "backup-restored", "--data", "data"]).succeeded();
    assert_eq!(certified(&desk.join("backup-restored"), forgotten.former()), forgotten.certificate);
    for folder in ["data", "backup-new", "backup-restored"] {
        assert_eq!(holders(&desk.join(folder), PLANTED), [""; 0].map(std::path::PathBuf::from), "{folder}");
    }

    let projection = says_which_forgetting(&mut forgotten, life.last, (&questions, &before)).await;
    destroys_with_backups(&forgotten, &projection);
}

/// The lines of `cra follow` since its checkpoint.
fn copied(pair: &Pair, projection: std::net::SocketAddr) -> String {
    let url = format!("http://{projection}");
    let follow = ["follow", "--checkpoint", "place.json", "--stop-at-head", "--projection-url", &url];
    let desk = pair.dir().join("copy");
    fs::create_dir_all(&desk).unwrap();
    cra_in(&desk, &follow).succeeded().stdout
}

/// A certificate in a manifest cannot be changed alone.
fn altered(forgotten: &Forgotten, manifest: &Path) {
    let text = fs::read_to_string(manifest).unwrap();
    fs::write(manifest, text.replace(r#"\"documents\":3"#, r#"\"documents\":2"#)).unwrap();
    cra_in(forgotten.desk.path(), &["log", "verify", "backup-new"]).reports("the digest chain breaks");
    fs::write(manifest, text).unwrap();
    cra_in(forgotten.desk.path(), &["log", "verify", "backup-new"]).succeeded();
}

/// A projection on the new log names the forgetting, and has the same figures.
async fn says_which_forgetting(
    forgotten: &mut Forgotten,
    last: u64,
    (questions, before): (&[pb::GetStatisticsRequest], &[String]),
) -> Service {
    let Forgotten { pair, certificate, .. } = forgotten;
    let log = |end: &str| certificate[end]["log"].as_str().unwrap();
    let status =
        pair.operations().await.get_status(pb::GetStatusRequest::default()).await.unwrap().into_inner();
    assert_eq!((status.log.as_str(), status.forgettings.len()), (log("from"), 0));
    pair.projection.terminate();
    pair.projection.ended().await;
    let (_, mut projection) = service_pair(pair.dir(), &pair.nats.url(), &[("LOG__SLOT", "b")]);
    projection.start_and_serve().await;
    let after = answers(projection.address(), questions, last).await;
    assert_eq!(before, after);
    let followed = copied(pair, projection.address());
    assert!(followed.starts_with("{\"reset\":true}\n") && !followed.contains(PLANTED), "{followed}");
    assert!(followed.contains("\"forgotten\":"), "{followed}");
    let mut operations = Operations::new(connected(projection.address()).await.unwrap());
    let now = operations.get_status(pb::GetStatusRequest::default()).await.unwrap().into_inner();
    assert_eq!(now.log, log("to"));
    assert!(now.log_since.unwrap().seconds >= status.log_since.unwrap().seconds);
    let [forgetting] = &now.forgettings[..] else { panic!("{:?}", now.forgettings) };
    assert_eq!((forgetting.former_log.as_str(), forgetting.last_common_position), (&*status.log, last));
    assert_eq!(serde_json::from_str::<Value>(&forgetting.certificate).unwrap(), *certificate);
    // It remains the same after a restart.
    projection.terminate();
    projection.ended().await;
    projection.start_and_serve().await;
    let mut operations = Operations::new(connected(projection.address()).await.unwrap());
    let again = operations.get_status(pb::GetStatusRequest::default()).await.unwrap().into_inner();
    assert_eq!((again.log_since, again.forgettings), (now.log_since, now.forgettings));
    projection
}

/// Backups of the former log are deleted with it, and no other backup is.
fn destroys_with_backups(forgotten: &Forgotten, projection: &Service) {
    let desk = forgotten.desk.path();
    let destroy = ["log", "destroy", "--log", "slot:a", "--copy", "slot:b", "--confirm", "CRA_A"];
    let destroy =
        [&destroy[..], &["--certificate", "work/certificate.json", "--backup", "backup-old"]].concat();
    let url = format!("http://{}", projection.address());
    let destroy = [&destroy[..], &["--projection-url", &url]].concat();
    forgotten.cra(&[&destroy[..], &["--backup", "backup-new"]].concat()).reports("nothing was deleted");
    assert!(desk.join("backup-old/manifest.json").exists());
    forgotten.cra(&destroy).succeeded();
    assert!(!desk.join("backup-old").exists() && desk.join("backup-new/manifest.json").exists());
    assert_eq!(holders(desk, PLANTED), [""; 0].map(std::path::PathBuf::from));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_with_more_than_a_log_can_name_is_refused_before_anything_is_opened() {
    let services = Standalone::start().await;
    let dir = services.dir().to_owned();
    lived(&mut services.ingestion().await).await;
    let _services = super::stopped(services);
    fs::rename(dir.join("data"), dir.join("old")).unwrap();
    fs::write(dir.join("retention.toml"), RULES).unwrap();
    let forget =
        ["log", "forget", "--from", "old", "--to", "data", "--rules", "retention.toml", "--not-reached"];
    cra_in(&dir, &[&forget[..], &["x".repeat(20_000).as_str()]].concat()).reports("expected at most 16384");
    let ended = cra_in(&dir, &[&forget[..], &["bande 7", "--json"]].concat()).succeeded();
    let certificate: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert!(certificate["not_reached"].as_array().unwrap().contains(&json!("bande 7")));
}
