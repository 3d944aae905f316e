//! `cra correct` and `cra withdraw` as processes: each change is recorded once, a refusal is reported with its reason
//! and the exit code, and text typed in an editor is never lost.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Ended, Kind, Standalone, new_id, run_to_end, submission, submitted, workshop};

/// Runs `cra` in a folder against the services, to its end.
fn cra_in(dir: &Path, services: &Standalone, arguments: &[&str], editor: &str) -> Ended {
    let ingestion_url = format!("http://{}", services.ingestion);
    let projection_url = format!("http://{}", services.projection);
    let environment = [
        ("CRA_INGESTION_URL", &*ingestion_url),
        ("CRA_PROJECTION_URL", &*projection_url),
        ("VISUAL", editor),
    ];
    run_to_end(Kind::CommandLine, dir, arguments, &environment)
}

fn cra(services: &Standalone, arguments: &[&str]) -> Ended {
    cra_in(TempDir::new().unwrap().path(), services, arguments, "false")
}

fn json(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", ended.stdout, ended.stderr))
}

async fn recorded(services: &Standalone) -> String {
    let id = new_id();
    submitted(&mut services.ingestion().await, submission(&id, workshop(5))).await.unwrap();
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_are_corrected_from_the_command_line_and_the_same_correction_is_recorded_once() {
    let services = Standalone::start().await;
    let id = recorded(&services).await;
    let correction = [
        "correct",
        &id,
        "--set",
        "date=01/03/2024",
        "--set",
        "themes=courriel,THEME_HEALTH",
        "--reason",
        "date fausse",
    ];
    let corrected = cra(&services, &correction);
    assert!(corrected.status.success(), "{}{}", corrected.stdout, corrected.stderr);
    for shown in ["4 mars 2024 → 1er mars 2024", "Courriels → Courriels, Santé", "corrected (revision 2"]
    {
        assert!(corrected.stdout.contains(shown), "{shown}: {}", corrected.stdout);
    }
    let again = cra(&services, &[&correction[..], &["--json"]].concat());
    assert!(again.status.success(), "{}", again.stderr);
    let again = json(&again);
    assert_eq!((&again["outcome"], &again["receipt"]["revision"]), (&"already_there".into(), &"2".into()));
    let history = json(&cra(&services, &["history", &id, "--json"]));
    assert_eq!(history["events"].as_array().unwrap().len(), 2, "{history}");
    let read = &history["events"][1]["corrected"];
    assert_eq!((&read["cra"]["date"], &read["reason"]), (&"2024-03-01".into(), &"date fausse".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_editor_corrects_a_cra_and_what_was_refused_stays_in_a_file_that_can_be_sent_again() {
    let services = Standalone::start().await;
    let id = recorded(&services).await;
    let dir = TempDir::new().unwrap();
    let correct = ["correct", &id, "--reason", "un oubli"];
    let edited = |editor: &str| cra_in(dir.path(), &services, &correct, editor);

    let corrected =
        edited("sed -i -e 's/^date = .*/date = 01\\/03\\/2024/' -e 's/^annotation =.*/annotation = Tri/'");
    assert!(corrected.status.success(), "{}{}", corrected.stdout, corrected.stderr);
    assert!(corrected.stdout.contains("– → Tri"), "{}", corrected.stdout);

    let untouched = edited("true");
    assert!(
        untouched.status.success() && untouched.stdout.contains("corrected before (revision 2"),
        "{}",
        untouched.stdout
    );
    let emptied = edited("truncate -s 0");
    assert!(emptied.status.success() && emptied.stderr.contains("nothing was sent"), "{}", emptied.stderr);

    for (editor, shown) in [
        ("sed -i 's/^participants = .*/participants = 50/'", "AGES_SUM_MISMATCH"),
        ("sed -i 's/^date = .*/date = hier/'", "« hier »"),
        ("sed -i 's/^date = .*/dat = hier/'", "`dat` is not a field"),
    ] {
        let refused = edited(editor);
        assert_eq!(refused.status.code(), Some(1), "{editor}: {}{}", refused.stdout, refused.stderr);
        assert!((refused.stdout + &refused.stderr).contains(shown), "{editor}");
        let draft = refused.stderr.split("the text is kept in ").nth(1).unwrap().split(';').next().unwrap();
        let text = fs::read_to_string(draft).unwrap();
        assert!(text.contains("= 50\n") || text.contains("= hier\n"), "{text}");
        if shown == "AGES_SUM_MISMATCH" {
            assert!(text.starts_with("#! cra.ages"), "the problems are above the text: {text}");
            let corrected = text
                .replace("participants = 50", "participants = 6")
                .replace("from_18_to_35 = 5", "from_18_to_35 = 6");
            fs::write(draft, corrected.replace("unemployed = 5", "unemployed = 6")).unwrap();
            let sent = cra(&services, &["correct", &id, "--cra", draft, "--reason", "un oubli"]);
            assert!(
                sent.status.success() && sent.stdout.contains("corrected"),
                "{}{}",
                sent.stdout,
                sent.stderr
            );
        }
        fs::remove_file(draft).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_of_a_revision_that_others_changed_is_refused_with_what_they_changed() {
    let services = Standalone::start().await;
    let id = recorded(&services).await;
    let other =
        cra(&services, &["correct", &id, "--set", "annotation=Tri des messages", "--reason", "précision"]);
    assert!(other.status.success(), "{}", other.stderr);
    let late =
        ["correct", &id, "--set", "date=2024-03-01", "--reason", "date fausse", "--expected-revision", "1"];
    let overtaken = cra(&services, &late);
    assert_eq!(overtaken.status.code(), Some(1), "{}", overtaken.stderr);
    for shown in ["Modifié par ailleurs depuis la révision 1", "Corrigé : précision", "– → Tri des messages"]
    {
        assert!(overtaken.stdout.contains(shown), "{shown}: {}", overtaken.stdout);
    }
    let unknown =
        cra(&services, &["correct", &new_id(), "--set", "date=2024-03-01", "--reason", "date fausse"]);
    assert_eq!(unknown.status.code(), Some(2), "{}", unknown.stdout);
    let no_reason = cra(&services, &["correct", &id, "--set", "date=2024-03-01"]);
    assert!(
        no_reason.status.code() == Some(2) && no_reason.stderr.contains("--reason"),
        "{}",
        no_reason.stderr
    );
    let misspelt = cra(&services, &["correct", &id, "--set", "particpants=3", "--reason", "oubli"]);
    assert!(misspelt.stderr.contains("did you mean `participants`?"), "{}", misspelt.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_cra_sent_again_is_reported_not_to_count() {
    let services = Standalone::start().await;
    let dir = TempDir::new().unwrap();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/reality/a-cra-to-withdraw.json");
    let cra = |arguments: &[&str]| cra_in(dir.path(), &services, arguments, "false");
    let id = "14e8a188-8172-5077-9ad7-6616ce84d303";
    assert!(cra(&["submit", file]).status.success());
    let withdrawn = cra(&["withdraw", id, "--reason", "saisi deux fois"]);
    assert!(withdrawn.status.success(), "{}", withdrawn.stderr);
    assert!(
        withdrawn.stdout.contains("Rennes 35000 (35238), Accompagnement individuel"),
        "{}",
        withdrawn.stdout
    );
    let repeated = json(&cra(&["withdraw", id, "--reason", "saisi deux fois", "--json"]));
    assert_eq!(
        (&repeated["outcome"], &repeated["receipt"]["revision"]),
        (&"already_there".into(), &"2".into())
    );
    let other = cra(&["withdraw", id, "--reason", "une autre raison"]);
    assert_eq!(other.status.code(), Some(1), "{}", other.stdout);
    let sent_again = cra(&["submit", file]);
    assert!(sent_again.status.success(), "{}", sent_again.stderr);
    assert!(sent_again.stdout.contains("it does not count"), "{}", sent_again.stdout);
    assert!(
        sent_again.stdout.contains("of them withdrawn since: they do not count"),
        "{}",
        sent_again.stdout
    );
    let as_json = json(&cra(&["submit", file, "--json"]));
    assert_eq!(as_json["receipt"]["withdrawn"], true, "{as_json}");
    let corrected = cra(&["correct", id, "--set", "date=2026-10-01", "--reason", "date fausse"]);
    assert!(
        corrected.status.code() == Some(1) && corrected.stdout.contains("FAILED_PRECONDITION"),
        "{}",
        corrected.stdout
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn many_changes_of_a_file_are_made_in_its_order_and_reported_line_by_line() {
    let services = Standalone::start().await;
    let mut ids = Vec::new();
    for _ in 0..40 {
        ids.push(recorded(&services).await);
    }
    let dir = TempDir::new().unwrap();
    let cra = |arguments: &[&str]| cra_in(dir.path(), &services, arguments, "false");
    let line =
        |id: &str, set: Value| serde_json::json!({"craId": id, "set": set, "reason": "un oubli"}).to_string();
    let mut lines: Vec<String> = Vec::new();
    for id in &ids {
        lines.push(line(id, serde_json::json!({"date": "2024-03-01"})));
        lines.push(line(
            id,
            serde_json::json!({"annotation": "Tri des messages", "ages": {"from18To35": 4, "over60": 1}}),
        ));
    }
    fs::write(dir.path().join("changes.ndjson"), lines.join("\n")).unwrap();
    let corrected = cra(&["correct", "--file", "changes.ndjson"]);
    assert!(corrected.status.success(), "{}{}", corrected.stdout, corrected.stderr);
    assert!(corrected.stdout.starts_with("80 corrected\n"), "{}", corrected.stdout);
    for id in &ids {
        let history = json(&cra(&["history", id, "--json"]));
        let last = &history["events"][2]["corrected"]["cra"];
        assert_eq!((&last["date"], &last["annotation"]), (&"2024-03-01".into(), &"Tri des messages".into()));
    }
    let again = cra(&["correct", "--file", "changes.ndjson"]);
    assert!(again.status.success(), "{}{}", again.stdout, again.stderr);
    assert!(again.stdout.contains("80 already there"), "{}", again.stdout);

    let slips = [
        line(&ids[0], serde_json::json!({"date": "2019-01-01"})),
        line(&new_id(), serde_json::json!({"date": "2024-03-01"})),
        "{\"craId\":1}".to_owned(),
        serde_json::json!({"craId": ids[1], "set": {"annotation": "autre"}}).to_string(),
        serde_json::json!({"craId": ids[1], "set": {"annotation": "encore"}, "reason": "oubli", "expectedRevision": 1}).to_string(),
    ];
    fs::write(dir.path().join("slips.ndjson"), slips.join("\n")).unwrap();
    let slips = cra(&["correct", "--file", "slips.ndjson", "--json"]);
    assert_eq!(slips.status.code(), Some(1), "{}", slips.stderr);
    let shown: Vec<Value> = slips.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let shown: Vec<_> = shown
        .iter()
        .map(|shown| {
            (shown["line"].as_u64().unwrap(), shown["refusal"]["code"].as_str().unwrap_or("unreadable"))
        })
        .collect();
    let expected = [
        (1, "INVALID_ARGUMENT"),
        (2, "NOT_FOUND"),
        (3, "unreadable"),
        (4, "INVALID_ARGUMENT"),
        (5, "ABORTED"),
    ];
    assert_eq!(shown, expected);

    let withdrawals: Vec<String> =
        ids.iter().map(|id| serde_json::json!({"craId": id}).to_string()).collect();
    fs::write(dir.path().join("withdrawals.ndjson"), withdrawals.join("\n")).unwrap();
    for shown in ["40 withdrawn\n", "40 already there"] {
        let withdrawn = cra(&["withdraw", "--file", "withdrawals.ndjson", "--reason", "saisis deux fois"]);
        assert!(withdrawn.status.success() && withdrawn.stdout.contains(shown), "{}", withdrawn.stdout);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_was_edited_corrects_the_rows_that_changed_and_a_table_withdraws() {
    let services = Standalone::start().await;
    let (first, second) = (recorded(&services).await, recorded(&services).await);
    let dir = TempDir::new().unwrap();
    let cra = |arguments: &[&str]| cra_in(dir.path(), &services, arguments, "false");
    let exported = cra(&["export", "cras", "--output", "cras.csv", "--min-position", "2"]);
    assert!(exported.status.success(), "{}", exported.stderr);
    let file = dir.path().join("cras.csv");
    let edited: Vec<String> =
        fs::read_to_string(&file)
            .unwrap()
            .lines()
            .map(|line| {
                if line.contains(&first) { line.replace("2024-03-04", "01/03/2024") } else { line.to_owned() }
            })
            .collect();
    fs::write(&file, edited.join("\r\n")).unwrap();
    for shown in ["1 corrected\n1 already there\n", "0 corrected\n2 already there\n"] {
        let corrected = cra(&["correct", "--file", "cras.csv", "--reason", "dates fausses"]);
        assert!(
            corrected.status.success() && corrected.stdout.starts_with(shown),
            "{}{}",
            corrected.stdout,
            corrected.stderr
        );
    }
    let history = json(&cra(&["history", &first, "--json"]));
    assert_eq!(history["events"][1]["corrected"]["cra"]["date"], "2024-03-01", "{history}");
    fs::write(&file, format!("Identifiant;Motif\r\n{first};saisi deux fois\r\n{second};\r\n")).unwrap();
    let withdrawn = cra(&["withdraw", "--file", "cras.csv", "--reason", "essai"]);
    assert!(
        withdrawn.status.success() && withdrawn.stdout.starts_with("2 withdrawn\n"),
        "{}",
        withdrawn.stdout
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cra_of_an_older_form_can_be_corrected_where_todays_rules_are_not_touched() {
    let services = Standalone::start().await;
    let dir = TempDir::new().unwrap();
    let cra = |arguments: &[&str], editor: &str| cra_in(dir.path(), &services, arguments, editor);
    let older = concat!(env!("CARGO_MANIFEST_DIR"), "/reality/an-old-cra-to-correct.json");
    let imported = json(&cra(&["import", older, "--form-version", "3", "--json"], "false"));
    let id = imported["receipt"]["craId"].as_str().unwrap();
    let corrected = cra(&["correct", id, "--set", "date=08/06/2023", "--reason", "date fausse"], "false");
    assert!(corrected.status.success(), "{}{}", corrected.stdout, corrected.stderr);
    assert!(corrected.stdout.contains("9 juin 2023 → 8 juin 2023"), "{}", corrected.stdout);
    let edited = cra(&["correct", id, "--reason", "date fausse"], "sed -i 's/^date = .*/date = 2023-06-07/'");
    assert!(edited.status.success(), "{}{}", edited.stdout, edited.stderr);
    let closed = ["correct", id, "--set", "themes=autre,courriel,smartphone", "--reason", "un oubli"];
    let closed = cra(&closed, "false");
    assert_eq!(closed.status.code(), Some(1), "{}", closed.stdout);
    assert!(closed.stdout.contains("cra.themes[2] THEME_CLOSED"), "{}", closed.stdout);
}
