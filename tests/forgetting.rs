//! What a log is made to forget is removed from it, and no figure at any position changes by a digit: on real
//! processes, with planted values that are searched for as bytes.

mod accounts;
mod chain;
mod live;
mod misuse;
mod person;
mod rights;

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cra_contracts::v1 as pb;
use cra_eventlog::embedded::EmbeddedLog;
use cra_eventlog::{LogEntry, Position, Read as _, Restore as _};
use pb::redirection::Organisation;
use rand::RngExt as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_stream::StreamExt as _;

use crate::harness::{
    Ended, Ingestion, Kind, Standalone, Statistics, chance, connected, cra_of, either, eventually, imported,
    new_id, readers, recorded, run_cra, statistics_at, submission, submit_stream, submitted,
};
use crate::pages::got;

/// Contained in every text that these tests plant.
const PLANTED: &str = "Dupont";
const DOCUMENTS: [(u32, &str); 3] = [
    (1, include_str!("../services/domain/src/legacy/golden/v1-workshop.json")),
    (2, include_str!("../services/domain/src/legacy/golden/v2-repaired.json")),
    (3, include_str!("../services/domain/src/legacy/golden/v3-workshop.json")),
];
const RULES: &str = r#"
    texts_before = "2024-06-01"
    accounts_before = "2100-01-01"
    advisors = ["conseiller-3"]
"#;
/// Number of the first CRAs, whose days the rules cover.
const OLD: u32 = 60;
const ALL: u32 = 90;

/// A CRA of a day before or after that of the rules, with planted texts if before.
fn cra(number: u32) -> pb::Cra {
    let redirections = |names: &[&str]| {
        let each = names.iter().map(|name| pb::Redirection {
            organisation: Some(Organisation::Other((*name).to_owned())),
            people: 1,
        });
        Some(pb::FollowUp { redirections: each.collect(), ..pb::FollowUp::default() })
    };
    let day = 1 + number % 28;
    if number < OLD {
        let name = format!("Chez {PLANTED} {}", number % 5);
        pb::Cra {
            date: format!("2024-{:02}-{day:02}", 1 + number % 5),
            annotation: format!("avec Mme {PLANTED} {number}"),
            follow_up: redirections(&[&name, "Emmaüs"]),
            ..cra_of(number)
        }
    } else {
        pb::Cra {
            date: format!("2024-{:02}-{day:02}", 7 + number % 5),
            annotation: "mots de passe".to_owned(),
            follow_up: redirections(&["Emmaüs"]),
            ..cra_of(number)
        }
    }
}

/// A document of an older form with planted texts in every field that can contain some.
fn document((form_version, text): (u32, &str)) -> pb::ImportLegacyCrasRequest {
    let mut document: Value = serde_json::from_str(text).unwrap();
    let id = document["_id"].clone();
    let legacy_id = id.as_str().or_else(|| id["$oid"].as_str()).unwrap().to_owned();
    document["conseillerNom"] = format!("Mme {PLANTED}").into();
    document["cra"]["sousThemes"] = json!([{ "annotation": [format!("chez {PLANTED}")] }]);
    document["cra"]["organismes"] = json!({ format!("Chez {PLANTED} 0"): 1, "CAF": 1 });
    let document = document.to_string().into_bytes().into();
    pb::ImportLegacyCrasRequest { item: form_version.into(), legacy_id, form_version, document }
}

/// The requests that were sent, to be sent again.
struct Life {
    submissions: Vec<(pb::SubmitCraRequest, pb::Receipt)>,
    corrections: Vec<(pb::CorrectCraRequest, pb::Receipt)>,
    imports: Vec<(pb::ImportLegacyCrasRequest, pb::Receipt)>,
    last: u64,
}

impl Life {
    fn cra_ids(&self) -> BTreeSet<String> {
        let receipts = self.submissions.iter().map(|(_, receipt)| receipt);
        receipts.chain(self.imports.iter().map(|(_, receipt)| receipt)).map(|it| it.cra_id.clone()).collect()
    }
}

async fn lived(ingestion: &mut Ingestion) -> Life {
    let mut life = Life { submissions: vec![], corrections: vec![], imports: vec![], last: 0 };
    for number in 0..ALL {
        let request = submission(&new_id(), cra(number));
        let receipt = submitted(ingestion, request.clone()).await.unwrap();
        let (cra_id, expected_revision) = (request.cra_id.clone(), receipt.revision);
        let reason = if number < OLD { format!("vu avec Mme {PLANTED}") } else { "une erreur".to_owned() };
        if number % 6 == 1 {
            let cra = Some(pb::Cra { returning_participants: 1, ..cra(number) });
            let request = pb::CorrectCraRequest { cra_id, expected_revision, cra, reason };
            let answer = ingestion.correct_cra(request.clone()).await.unwrap().into_inner();
            life.corrections.push((request, answer.receipt.unwrap()));
        } else if number % 6 == 2 {
            let request = pb::WithdrawCraRequest { cra_id, expected_revision, reason };
            ingestion.withdraw_cra(request).await.unwrap();
        }
        life.submissions.push((request, receipt));
    }
    let requests: Vec<_> = DOCUMENTS.into_iter().map(document).collect();
    let receipts = imported(ingestion, requests.clone()).await;
    life.last = receipts.iter().map(|receipt| receipt.position).max().unwrap();
    life.imports = requests.into_iter().zip(receipts).collect();
    life
}

fn question(chance: &mut StdRng, last: u64) -> pb::GetStatisticsRequest {
    let mut selection = pb::Selection::default();
    if chance.random_bool(0.5) {
        let month = chance.random_range(1..12);
        (selection.from, selection.to) = ("2020-01-01".into(), format!("2024-{month:02}-20"));
    }
    if chance.random_bool(0.3) {
        selection.advisor_ids = (0..3).map(|number| format!("conseiller-{number}")).collect();
    }
    if chance.random_bool(0.3) {
        selection.activities = vec![chance.random_range(1..4)];
    }
    if chance.random_bool(0.3) {
        selection.department_codes = vec![["75", "01", "35"][chance.random_range(0..3)].into()];
    }
    let as_of_position = chance.random_range(1..=last);
    let consistency = Some(pb::Consistency { as_of_position, ..pb::Consistency::default() });
    pb::GetStatisticsRequest { selection: Some(selection), consistency }
}

/// The figures of an answer, without the names that replace others and the order that follows from them.
async fn figures(statistics: &mut Statistics, question: &pb::GetStatisticsRequest) -> String {
    let answer = statistics.get_statistics(question.clone()).await.unwrap().into_inner();
    let mut figures = answer.statistics.unwrap();
    for line in &mut figures.redirections {
        // Among equal counts, the first line in the order of names receives the rounding remainder.
        line.share_per_mille = 0;
        if line.label.contains(PLANTED) || line.label.contains("oubliée") {
            (line.name, line.label) = (String::new(), String::new());
        }
    }
    figures.redirections.sort_by_key(|line| (line.name.clone(), line.count));
    format!("{figures:?}")
}

async fn answers(projection: SocketAddr, questions: &[pb::GetStatisticsRequest], last: u64) -> Vec<String> {
    let mut statistics = Statistics::new(connected(projection).await.unwrap());
    statistics_at(&mut statistics, last).await;
    let mut answers = Vec::with_capacity(questions.len());
    for question in questions {
        answers.push(figures(&mut statistics, question).await);
    }
    answers
}

fn cra_in(dir: &Path, arguments: &[&str]) -> Ended {
    run_cra(dir, arguments, &[])
}

/// Every file below a folder that contains a text, plain or compressed by zstd.
fn holders(dir: &Path, text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holders(&path, text));
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        let unpacked = zstd::stream::decode_all(&*bytes).unwrap_or_default();
        if [&bytes, &unpacked].into_iter().any(|bytes| holds(bytes, text)) {
            found.push(path);
        }
    }
    found
}

fn holds(bytes: &[u8], text: &str) -> bool {
    let (bytes, text) = (bytes.to_ascii_lowercase(), text.to_lowercase());
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Every entry of the embedded log below a data folder.
async fn entries(data: &Path) -> Vec<LogEntry> {
    let log = EmbeddedLog::open(&data.join("log")).unwrap();
    let head = usize::try_from(log.head().await.unwrap().position.0).unwrap();
    let entries = log.read(Position::START).take(head).map(Result::unwrap).collect().await;
    log.close().await;
    entries
}

fn forget(dir: &Path) -> Ended {
    fs::write(dir.join("retention.toml"), RULES).unwrap();
    cra_in(
        dir,
        &[
            "log",
            "forget",
            "--from",
            "old",
            "--to",
            "data",
            "--rules",
            "retention.toml",
            "--json",
            "--not-reached",
            "bande 7",
        ],
    )
}

/// Runs a command and kills it at random moments, then runs it to its end.
async fn killed(dir: &Path, arguments: &[&str]) {
    let (mut chance, mut killed) = (chance(), 0);
    for _ in 0..either(6, 40) {
        let mut command = Kind::CommandLine.command().args(arguments).current_dir(dir).spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(chance.random_range(0..600))).await;
        killed += u32::from(command.try_wait().unwrap().is_none());
        command.kill().unwrap();
        command.wait().unwrap();
    }
    assert!(killed > 0, "none was killed at work");
    eventually("a run comes to its end", async || cra_in(dir, arguments).outcome()).await;
}

fn stopped(mut services: Standalone) -> Standalone {
    assert!(services.terminated(Duration::from_mins(1)).is_some_and(|status| status.success()));
    services
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_forgotten_is_nowhere_and_every_figure_of_every_position_is_the_same() {
    let services = Standalone::start().await;
    let dir = services.dir().to_owned();
    let life = lived(&mut services.ingestion().await).await;
    let mut chance = chance();
    let questions: Vec<_> = (0..either(250, 1_000)).map(|_| question(&mut chance, life.last)).collect();
    let before = answers(services.projection, &questions, life.last).await;
    let exports = TempDir::new().unwrap();
    export(&services, exports.path(), "before.ndjson");
    let services = stopped(services);
    fs::rename(dir.join("data"), dir.join("old")).unwrap();
    let old = entries(&dir.join("old")).await;
    cra_in(&dir, &["log", "export", "backup-old", "--data", "old"]).succeeded();
    assert!(!holders(&dir.join("backup-old"), PLANTED).is_empty(), "the search finds what is there");

    let certificate: Value = serde_json::from_str(&forget(&dir).succeeded().stdout).unwrap();
    let forgotten = &certificate["forgotten"];
    let old_corrections = life.corrections.iter().filter(|(request, _)| is_old(request.cra.as_ref())).count();
    assert_eq!(forgotten["annotations"], OLD as usize + old_corrections + DOCUMENTS.len());
    assert_eq!((&forgotten["organisation_names"], &forgotten["documents"]), (&json!(5), &json!(3)));
    assert_eq!(forgotten["advisors"], 1);
    assert_eq!(certificate["kept"]["organisation_names_used_elsewhere"], 1, "Emmaüs");
    assert!(certificate["not_reached"].as_array().unwrap().contains(&json!("bande 7")));
    assert!(!dir.join("data/forgetting").exists(), "nothing leads from a stand-in back");

    let new = entries(&dir.join("data")).await;
    let head = |it: &LogEntry| (it.position, it.stream, it.event_id, it.appended_at);
    assert!(old.iter().map(head).eq(new.iter().map(head)));
    cra_in(&dir, &["log", "export", "backup-new", "--data", "data"]).succeeded();
    cra_in(&dir, &["log", "verify", "backup-new"]).succeeded();
    let services = services.again(Kind::CommandLine.command()).await;
    let after = answers(services.projection, &questions, life.last).await;
    for ((before, after), question) in before.iter().zip(&after).zip(&questions) {
        assert_eq!(before, after, "{question:?}");
    }
    export(&services, exports.path(), "after.ndjson");
    recounts(&services, exports.path()).await;
    says_what_was_forgotten(&services, &life).await;
    let _services = stopped(services);
    for text in [PLANTED, "conseiller-3"] {
        let found: Vec<_> = new.iter().filter(|entry| holds(&entry.payload, text)).collect();
        assert!(found.is_empty(), "{text} in {found:?}");
        let found = [holders(&dir.join("data"), text), holders(&dir.join("backup-new"), text)].concat();
        assert!(found.is_empty(), "{text} in {found:?}");
        assert!(!holds(&fs::read(dir.join("stderr")).unwrap(), text));
    }
}

/// Exports the records of all CRAs to a folder that is not searched later.
fn export(services: &Standalone, folder: &Path, file: &str) {
    let url = format!("http://{}", services.projection);
    let arguments = ["export", "cras", "--format", "ndjson", "--output", file, "--projection-url", &url];
    cra_in(folder, &arguments).succeeded();
}

/// An independent program finds each CRA and each figure equal, and the same totals as the service.
async fn recounts(services: &Standalone, exports: &Path) {
    let (seed, selections) = (chance().random_range(0..u32::MAX).to_string(), either("200", "1000"));
    let reader = Path::new(env!("CARGO_MANIFEST_DIR")).join("readers/recount_cras.py");
    let mut python = readers::python();
    python.arg(reader).args(["before.ndjson", "after.ndjson", &seed, selections]).current_dir(exports);
    let ended = Ended::of(&mut python);
    assert!(ended.status.success(), "seed {seed}: {}", ended.stderr);
    let counted = ended.json();
    let mut statistics = Statistics::new(connected(services.projection).await.unwrap());
    let figures = statistics.get_statistics(pb::GetStatisticsRequest::default()).await.unwrap().into_inner();
    let figures = figures.statistics.unwrap();
    assert_eq!(
        (counted["cras"].as_u64(), counted["participants"].as_u64()),
        (Some(figures.cras), Some(figures.acts))
    );
    assert!(counted["forgotten"].as_u64() > Some(u64::from(OLD) / 2), "{counted}");
}

fn is_old(cra: Option<&pb::Cra>) -> bool {
    cra.is_some_and(|cra| *cra.date < *"2024-06-01")
}

/// Readers see that a text was forgotten, the same requests get their first receipts, and a position remains valid.
async fn says_what_was_forgotten(services: &Standalone, life: &Life) {
    let mut ingestion = services.ingestion().await;
    for (request, receipt) in &life.submissions {
        let again = submitted(&mut ingestion, request.clone()).await.unwrap();
        assert_eq!((again.position, again.revision, again.duplicate), (receipt.position, 1, true));
    }
    for (request, receipt) in &life.corrections {
        let again = ingestion.correct_cra(request.clone()).await.unwrap().into_inner().receipt.unwrap();
        assert_eq!((again.position, again.revision, again.duplicate), (receipt.position, 2, true));
    }
    let requests: Vec<_> = life.imports.iter().map(|(request, _)| request.clone()).collect();
    let again = imported(&mut ingestion, requests).await;
    // Answers arrive when each item is done.
    let positions =
        |receipts: Vec<pb::Receipt>| receipts.iter().map(|it| it.position).collect::<BTreeSet<_>>();
    assert_eq!(positions(again), positions(life.imports.iter().map(|(_, it)| it.clone()).collect()));

    // The day of the first CRA is covered by the rules, its advisor is not.
    let (first, receipt) = &life.submissions[0];
    let event = &recorded(&mut ingestion, &first.cra_id).await.unwrap()[0];
    let forgotten = event.forgotten.unwrap();
    assert!(forgotten.annotation_at.is_some() && forgotten.organisations_at.is_some());
    assert!(forgotten.advisor_at.is_none());
    let mut statistics = Statistics::new(connected(services.projection).await.unwrap());
    let consistency =
        pb::Consistency { as_of_position: life.last, log: receipt.log.clone(), ..Default::default() };
    let request = pb::GetCraRequest { cra_id: first.cra_id.clone(), consistency: Some(consistency) };
    let record = statistics.get_cra(request).await.unwrap().into_inner().record.unwrap();
    assert_eq!(record.forgotten, Some(forgotten), "with the log that the receipt names");

    let urls = [
        ("CRA_INGESTION_URL", format!("http://{}", services.ingestion)),
        ("CRA_PROJECTION_URL", format!("http://{}", services.projection)),
    ];
    let urls: Vec<_> = urls.iter().map(|(name, url)| (*name, url.as_str())).collect();
    // In a folder that is not searched later.
    let work = TempDir::new().unwrap();
    let cra = |arguments: &[&str]| run_cra(work.path(), arguments, &urls).succeeded().stdout;
    assert!(cra(&["show", &first.cra_id]).contains("texte oublié le "));
    let corrected = &life.corrections[0].0.cra_id;
    assert!(cra(&["history", corrected]).contains("Corrigé : motif oublié le "));
    cra(&["export", "cras", "--format", "csv", "--output", "cras.csv"]);
    let table = fs::read_to_string(work.path().join("cras.csv")).unwrap();
    assert!(table.contains("annotation | redirections") && table.contains(";oublie;oublie_le"), "{table}");

    let page = got(services.pages, &format!("/cra/{}", first.cra_id));
    assert!(page.contains("texte oublié le "), "{page}");
    let page = got(services.pages, &format!("/cra/{corrected}"));
    assert!(page.contains("motif oublié le "), "{page}");
    assert!(cra(&["status"]).contains("\nforgotten  "));
    assert!(got(services.pages, "/etat").contains("Dernier oubli"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_killed_at_any_time_continues_and_forgets_the_same() {
    let services = Standalone::start().await;
    let dir = services.dir().to_owned();
    let events = either(4_000, 40_000);
    let requests: Vec<_> = (0..events).map(|number| submission(&new_id(), cra(number % ALL))).collect();
    submit_stream(&mut services.ingestion().await, tokio_stream::iter(requests)).await;
    let _services = stopped(services);
    fs::rename(dir.join("data"), dir.join("old")).unwrap();
    fs::write(dir.join("retention.toml"), RULES).unwrap();
    killed(&dir, &["log", "forget", "--from", "old", "--to", "data", "--rules", "retention.toml"]).await;
    let (old, new) = (entries(&dir.join("old")).await, entries(&dir.join("data")).await);
    assert_eq!(old.len(), new.len());
    assert!(new.iter().all(|entry| !holds(&entry.payload, PLANTED)));
    let certificate = dir.join("data/certificate.json");
    let destroyed = ["log", "destroy", "--log", "old", "--copy", "data", "--certificate"];
    let destroyed = [&destroyed[..], &[certificate.to_str().unwrap(), "--confirm"]].concat();
    let refused = cra_in(&dir, &[&destroyed[..], &["data"]].concat());
    assert!(!refused.status.success() && dir.join("old/log").is_dir(), "{}", refused.stderr);
    altered(&dir, &certificate, &destroyed);
    cra_in(&dir, &[&destroyed[..], &["old"]].concat()).succeeded();
    assert!(!dir.join("old/log").exists() && !dir.join("old/projection").exists());
}

/// A certificate of other logs destroys nothing.
fn altered(dir: &Path, certificate: &Path, destroy: &[&str]) {
    let text = fs::read_to_string(certificate).unwrap();
    let mut other: Value = serde_json::from_str(&text).unwrap();
    other["to"]["sha256"] = "0".repeat(64).into();
    fs::write(certificate, other.to_string()).unwrap();
    let refused = cra_in(dir, &[destroy, &["old"]].concat());
    assert!(
        refused.stderr.contains("does not name this certificate") && dir.join("old/log").is_dir(),
        "{}",
        refused.stderr
    );
    fs::write(certificate, text).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_copied_says_why_and_leaves_the_old_log() {
    let dir = TempDir::new().unwrap();
    let rules = dir.path().join("retention.toml");
    fs::write(&rules, "texts_befor = \"2024-06-01\"").unwrap();
    let arguments = ["log", "forget", "--from", "old", "--to", "new", "--rules", "retention.toml"];
    cra_in(dir.path(), &arguments).reports("texts_befor");
    fs::write(&rules, RULES).unwrap();
    cra_in(dir.path(), &arguments).reports("old holds no log");
    assert!(!dir.path().join("new").exists());

    let log = EmbeddedLog::open(&dir.path().join("old/log")).unwrap();
    cra_in(dir.path(), &arguments).reports("that uses it first");
    log.close().await;
    drop(log);
    cra_in(dir.path(), &arguments).succeeded();
    // A log with other events is no target.
    let other = EmbeddedLog::open(&dir.path().join("other/log")).unwrap();
    other.restore(vec![cra_eventlog::conformance::entry(1, None, "foreign")]).await.unwrap();
    other.close().await;
    drop(other);
    let refused =
        cra_in(dir.path(), &["log", "forget", "--from", "old", "--to", "other", "--rules", "retention.toml"]);
    assert!(refused.stderr.contains("the new log ends at 1"), "{}", refused.stderr);
}
