//! A file of older documents is recorded exactly once whatever its layout, however often it is imported and whenever it
//! is interrupted; every document that was not recorded is reported with its location and reasons.

mod documents;
mod exported;
mod reality;
mod shapes;
mod versions;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::sleep;

use self::documents::{Layout, gzip, lines, numbered, of_every_form, participants, with_text_ids};
use crate::harness::{
    Ended, Kind, Pair, Proxy, eventually, new_id, run_cra, statistics_at, submission, submitted, workshop,
};

/// Enough documents for several interruptions of an import.
const NUMBERED: u32 = 12_000;

/// A folder with a file to import, and the target service.
struct Import {
    dir: TempDir,
    url: String,
}

impl Import {
    fn to(pair: &Pair) -> Self {
        Self::to_url(format!("http://{}", pair.ingestion.address()))
    }

    fn to_url(url: String) -> Self {
        Self { dir: tempfile::tempdir().unwrap(), url }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn with_file(self, content: impl AsRef<[u8]>) -> Self {
        fs::write(self.path("documents"), content).unwrap();
        self
    }

    fn progress(&self) -> Option<Value> {
        let text = fs::read(self.path("documents.progress")).ok()?;
        Some(serde_json::from_slice(&text).unwrap())
    }

    fn report(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.path("report")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn arguments<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        let mut arguments = vec!["import", "documents", "--ingestion-url", &self.url];
        arguments.extend(more);
        arguments
    }

    /// Runs it to its end.
    fn run(&self, more: &[&str]) -> Ended {
        run_cra(self.dir.path(), &self.arguments(more), &[])
    }

    fn spawn(&self, more: &[&str]) -> Child {
        Kind::CommandLine
            .command()
            .args(self.arguments(more))
            .current_dir(self.dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// Number of reported documents in the checkpoint.
    fn reported(&self) -> u64 {
        let tally = self.progress().map(|progress| progress["reached"]["tally"].clone());
        let count = |name: &str| tally.as_ref().map_or(0, |tally| tally[name].as_u64().unwrap());
        ["accepted", "already_there", "refused", "unreadable"].map(count).iter().sum()
    }

    /// Waits until the checkpoint exceeds a number of documents.
    async fn passed(&self, documents: u64) {
        eventually("the import makes progress", async || match self.reported() {
            reported if reported > documents => Ok(()),
            reported => Err(format!("{reported} documents reported")),
        })
        .await;
    }
}

#[track_caller]
fn assert_ended(ended: &Ended, code: i32) {
    let Ended { status, stdout, stderr } = ended;
    assert_eq!(status.code(), Some(code), "stdout:\n{stdout}\nstderr:\n{stderr}");
}

/// Asserts that the log has exactly this number of events: the next one follows them.
async fn assert_head(pair: &Pair, events: u64) {
    let next = submission(&new_id(), workshop(5));
    let receipt = submitted(&mut pair.ingestion().await, next).await.unwrap();
    assert_eq!(receipt.position - 1, events);
}

/// Asserts that every numbered document is in the log exactly once, and nothing else.
async fn holds_each_once(pair: &Pair) {
    let count = u64::from(NUMBERED);
    let acts: u64 = (0..NUMBERED).map(|number| u64::from(participants(number))).sum();
    let counted = statistics_at(&mut pair.statistics().await, count).await;
    assert_eq!((counted.cras, counted.acts), (count, acts));
    assert_head(pair, count).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documents_of_every_form_give_the_same_figures_however_they_are_laid_out_and_packed() {
    let mut figures = Vec::new();
    let count = of_every_form().len();
    for layout in Layout::ALL {
        let pair = Pair::start().await;
        let import = Import::to(&pair).with_file(layout.write(&of_every_form()));
        assert_ended(&import.run(&[]), 0);
        assert_eq!(import.progress(), None, "the progress is removed");
        let counted = statistics_at(&mut pair.statistics().await, count as u64).await;
        assert_eq!(counted.cras, count as u64, "{layout:?}");
        figures.push(counted);
    }
    for other in &figures[1..] {
        assert_eq!(other, &figures[0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_imported_again_changes_nothing() {
    let pair = Pair::start().await;
    let documents = with_text_ids(of_every_form());
    let import = Import::to(&pair).with_file(Layout::LinesZstd.write(&documents));
    let first = import.run(&[]);
    assert_ended(&first, 0);
    assert!(first.stdout.starts_with(&format!("{} recorded\n", documents.len())), "{}", first.stdout);
    let again = import.run(&["--json"]);
    assert_ended(&again, 0);
    let outcomes: Vec<Value> = again.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(outcomes.len(), documents.len());
    for ((line, document), outcome) in (1..).zip(&documents).zip(&outcomes) {
        assert_eq!(outcome["line"], line, "in the file's order");
        assert_eq!((&outcome["legacyId"], &outcome["outcome"]), (&document["_id"], &json!("already_there")));
    }
    assert!(again.stderr.contains(&format!("{} already there\n", documents.len())), "{}", again.stderr);
    assert_head(&pair, documents.len() as u64).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_unreadable_or_repaired_is_in_the_report_with_its_location_and_reasons() {
    let pair = Pair::start().await;
    let mut two_faults = numbered(3);
    two_faults["cra"]["canal"] = "ailleurs".into();
    two_faults["cra"]["themes"] = json!(["courriel", "poterie"]);
    let mut repaired = numbered(4);
    repaired["cra"]["nbParticipantsRecurrents"] = 1_000.into();
    let without_id = json!({"createdAt": "2023-03-01T10:00:00Z"});
    let file = [
        lines(&[numbered(1), two_faults, repaired]),
        "\n{\"_id\": \n".to_owned(),
        lines(&[without_id]),
        // The same document with another blank, then a different one that is not a later version.
        format!("{}\n", numbered(5).to_string().replacen(':', ": ", 1)),
        format!("{}\n", numbered(5).to_string().replacen("\"duree\":", "\"duree\":1", 1)),
        lines(&[numbered(2)]),
    ];
    // Recorded before the others: within one file, whichever of the two comes first would be recorded.
    assert_ended(&Import::to(&pair).with_file(lines(&[numbered(5)])).run(&[]), 0);
    let import = Import::to(&pair).with_file(file.concat());
    let ended = import.run(&["--report", "report"]);
    assert_ended(&ended, 1);
    // A refused document is not in the log.
    assert_head(&pair, 4).await;

    let report = import.report();
    let summed: Vec<_> =
        report.iter().map(|line| (line["line"].clone(), line["outcome"].as_str().unwrap())).collect();
    let expected = [(2, "refused"), (3, "recorded"), (5, "unreadable"), (6, "unreadable"), (8, "refused")];
    assert_eq!(summed, expected.map(|(line, outcome)| (Value::from(line), outcome)));

    assert_eq!(report[0]["legacyId"], "numbered-3");
    let violations = report[0]["refusal"]["violations"].as_array().unwrap();
    let by_field: BTreeMap<_, _> = violations.iter().map(|v| (v["field"].as_str().unwrap(), v)).collect();
    assert_eq!(by_field.keys().copied().collect::<Vec<_>>(), ["cra.canal", "cra.themes[1]"]);
    for violation in by_field.values() {
        assert!(violation["reason"].is_string(), "{violation}");
        assert!(violation["localizedMessage"].as_str().unwrap().ends_with('.'), "{violation}");
        let french = violation["localizedMessage"].as_str().unwrap();
        assert!(ended.stdout.contains(french), "not reported: {french}\n{}", ended.stdout);
    }
    assert_eq!(report[1]["craId"], report[1]["receipt"]["craId"]);
    assert!(report[1]["notes"][0].as_str().unwrap().starts_with("cra.nbParticipantsRecurrents: "));
    assert!(report[3]["problem"].as_str().unwrap().contains("_id"));
    assert_eq!(report[4]["refusal"]["code"], "ALREADY_EXISTS");
    assert!(report[4]["craId"].is_string(), "the existing CRA is named");
    let message = report[4]["refusal"]["message"].as_str().unwrap();
    assert!(message.contains("other values of cra.duree;") && !message.contains("new id"), "{message}");
    for line in ["3 recorded", "1 already there", "1 of these with notes", "2 refused", "2 unreadable"] {
        assert!(ended.stdout.contains(line), "no `{line}` in\n{}", ended.stdout);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_is_interrupted_at_any_moment_resumes_and_records_each_document_once() {
    let pair = Pair::start().await;
    let documents: Vec<_> = (0..NUMBERED).map(numbered).collect();
    // A document refused before the first interruption is reported once over all runs.
    let text = format!("{{\"_id\":\"faulty\"}}\n{}", lines(&documents));
    // Slow enough for an interruption on the fastest machine.
    let proxy = Proxy::to(pair.ingestion.address()).await;
    proxy.delay(Duration::from_millis(10));
    let import = Import::to_url(format!("http://{}", proxy.address())).with_file(gzip(text.as_bytes()));
    let step = u64::from(NUMBERED) / 8;
    for (signal, reported) in [("-KILL", step), ("-INT", 2 * step), ("-KILL", 3 * step)] {
        let mut running = import.spawn(&["--report", "report"]);
        import.passed(reported).await;
        crate::harness::signal(running.id(), signal);
        let status = tokio::task::spawn_blocking(move || running.wait().unwrap()).await.unwrap();
        assert_eq!(status.code(), (signal == "-INT").then_some(2), "ended before it was interrupted");
    }

    let ended = import.run(&["--report", "report"]);
    assert_ended(&ended, 1);
    assert!(ended.stderr.contains("resuming after"), "{}", ended.stderr);
    assert!(ended.stdout.contains("1 refused"), "the summary is of the whole file:\n{}", ended.stdout);
    assert_eq!(import.report().len(), 1, "no line twice");
    assert_eq!(import.progress(), None);
    holds_each_once(&pair).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_whose_connection_breaks_resumes_by_itself() {
    let pair = Pair::start().await;
    let proxy = Proxy::to(pair.ingestion.address()).await;
    let documents: Vec<_> = (0..NUMBERED).map(numbered).collect();
    let import = Import::to_url(format!("http://{}", proxy.address())).with_file(lines(&documents));
    let mut running = import.spawn(&[]);
    for _ in 0..3 {
        import.passed(import.reported()).await;
        // Sent and recorded, but never answered.
        proxy.keep_answers_back();
        sleep(Duration::from_millis(100)).await;
        proxy.cut();
    }
    let status = tokio::task::spawn_blocking(move || running.wait().unwrap()).await.unwrap();
    assert_eq!(status.code(), Some(0));
    holds_each_once(&pair).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_made_anew_gets_every_document_although_an_earlier_run_had_reported_them() {
    let former = Pair::start().await;
    let documents: Vec<_> = (0..NUMBERED).map(numbered).collect();
    let mut import = Import::to(&former).with_file(lines(&documents));
    let mut running = import.spawn(&[]);
    import.passed(0).await;
    running.kill().unwrap();
    running.wait().unwrap();
    let mut progress = import.progress().unwrap();

    let pair = Pair::start().await;
    import.url = format!("http://{}", pair.ingestion.address());
    progress["subject"]["ingestion_url"] = import.url.as_str().into();
    fs::write(import.path("documents.progress"), progress.to_string()).unwrap();
    let ended = import.run(&[]);
    assert_ended(&ended, 0);
    assert!(ended.stderr.contains("starting at the beginning"), "{}", ended.stderr);
    holds_each_once(&pair).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_cut_or_broken_is_imported_as_far_as_it_can_be_read_and_fails() {
    let pair = Pair::start().await;
    let documents: Vec<_> = (0..50).map(numbered).collect();
    let whole = Layout::LinesZstd.write(&documents);
    let cut = &whole[..whole.len() - 4];
    let not_gzip = [&[0x1f, 0x8b], lines(&documents).as_bytes()].concat();
    for (file, what) in [(cut, "cut"), (&not_gzip, "no gzip inside")] {
        let import = Import::to(&pair).with_file(file);
        let ended = import.run(&[]);
        assert_ended(&ended, 2);
        assert!(ended.stderr.contains("documents"), "{what}: {}", ended.stderr);
        assert!(ended.stderr.contains("read"), "{what}: {}", ended.stderr);
    }
    // Valid gzip with other content.
    let import = Import::to(&pair).with_file(gzip(b"date;canal\n2023-03-01;domicile\n"));
    let ended = import.run(&[]);
    assert_ended(&ended, 2);
    assert!(ended.stderr.contains("neither JSON nor a table"), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_begun_says_why() {
    // Bound and closed again, so that no process listens on the port.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let import = Import::to_url(format!("http://127.0.0.1:{port}"));
    let missing = import.run(&[]);
    assert_ended(&missing, 2);
    assert!(missing.stderr.contains("documents"), "{}", missing.stderr);

    let import = import.with_file(lines(&[numbered(1)]));
    let unknown_form = import.run(&["--form-version", "4"]);
    assert_ended(&unknown_form, 2);
    assert!(unknown_form.stderr.contains("--form-version"), "{}", unknown_form.stderr);

    let unreachable = import.run(&["--retry-for", "1"]);
    assert_ended(&unreachable, 2);
    assert!(unreachable.stderr.contains(&import.url), "{}", unreachable.stderr);

    for (arguments, what) in [
        (["--report", "documents"], "the file to import"),
        (["--progress", "documents"], "is not the progress of an import"),
    ] {
        let refused = import.run(&arguments);
        assert_ended(&refused, 2);
        assert!(refused.stderr.contains(what), "{}", refused.stderr);
    }
    assert_eq!(fs::read_to_string(import.path("documents")).unwrap(), lines(&[numbered(1)]), "untouched");
}
