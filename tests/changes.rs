//! `cra correct` and `cra withdraw` as processes: each change is recorded once, a refusal is reported with its reason
//! and the exit code, and text typed in an editor is never lost.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Ended, Standalone, new_id, submission, submitted, workshop};

fn cra(services: &Standalone, arguments: &[&str]) -> Ended {
    services.cra_with(TempDir::new().unwrap().path(), arguments, &[("VISUAL", "false")])
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
    let corrected = cra(&services, &correction).succeeded();
    for shown in ["4 mars 2024 → 1er mars 2024", "Courriels → Courriels, Santé", "corrected (revision 2"]
    {
        assert!(corrected.stdout.contains(shown), "{shown}: {}", corrected.stdout);
    }
    let again = cra(&services, &[&correction[..], &["--json"]].concat()).succeeded();
    let again = again.json();
    assert_eq!((&again["outcome"], &again["receipt"]["revision"]), (&"already_there".into(), &"2".into()));
    let history = cra(&services, &["history", &id, "--json"]).json();
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
    let edited = |editor: &str| services.cra_with(dir.path(), &correct, &[("VISUAL", editor)]);

    let corrected =
        edited("sed -i -e 's/^date = .*/date = 01\\/03\\/2024/' -e 's/^annotation =.*/annotation = Tri/'");
    assert!(corrected.status.success(), "{}{}", corrected.stdout, corrected.stderr);
    assert!(corrected.stdout.contains("– → Tri"), "{}", corrected.stdout);

    edited("true").succeeded().shows("corrected before (revision 2");
    edited("truncate -s 0").succeeded().reports("nothing was sent");

    for (editor, shown) in [
        ("sed -i 's/^participants = .*/participants = 50/'", "AGES_SUM_MISMATCH"),
        ("sed -i 's/^date = .*/date = hier/'", "« hier »"),
        ("sed -i 's/^date = .*/dat = hier/'", "`dat` is not a field"),
    ] {
        let refused = edited(editor).exited(1);
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
            cra(&services, &["correct", &id, "--cra", draft, "--reason", "un oubli"])
                .succeeded()
                .shows("corrected");
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
    let overtaken = cra(&services, &late).exited(1);
    for shown in ["Modifié par ailleurs depuis la révision 1", "Corrigé : précision", "– → Tri des messages"]
    {
        assert!(overtaken.stdout.contains(shown), "{shown}: {}", overtaken.stdout);
    }
    let unknown =
        cra(&services, &["correct", &new_id(), "--set", "date=2024-03-01", "--reason", "date fausse"]);
    assert_eq!(unknown.status.code(), Some(2), "{}", unknown.stdout);
    cra(&services, &["correct", &id, "--set", "date=2024-03-01"]).exited(2).reports("--reason");
    cra(&services, &["correct", &id, "--set", "particpants=3", "--reason", "oubli"])
        .reports("did you mean `participants`?");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_cra_sent_again_is_reported_not_to_count() {
    let services = Standalone::start().await;
    let dir = TempDir::new().unwrap();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/reality/a-cra-to-withdraw.json");
    let cra = |arguments: &[&str]| services.cra_with(dir.path(), arguments, &[("VISUAL", "false")]);
    let id = "14e8a188-8172-5077-9ad7-6616ce84d303";
    cra(&["submit", file]).succeeded();
    cra(&["withdraw", id, "--reason", "saisi deux fois"])
        .succeeded()
        .shows("Rennes 35000 (35238), Accompagnement individuel");
    let repeated = cra(&["withdraw", id, "--reason", "saisi deux fois", "--json"]).json();
    assert_eq!(
        (&repeated["outcome"], &repeated["receipt"]["revision"]),
        (&"already_there".into(), &"2".into())
    );
    cra(&["withdraw", id, "--reason", "une autre raison"]).exited(1);
    cra(&["submit", file])
        .succeeded()
        .shows("it does not count")
        .shows("of them withdrawn since: they do not count");
    let as_json = cra(&["submit", file, "--json"]).json();
    assert_eq!(as_json["receipt"]["withdrawn"], true, "{as_json}");
    cra(&["correct", id, "--set", "date=2026-10-01", "--reason", "date fausse"])
        .exited(1)
        .shows("FAILED_PRECONDITION");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_changes_of_a_file_are_made_in_its_order_and_reported_line_by_line() {
    let services = Standalone::start().await;
    let mut ids = Vec::new();
    for _ in 0..40 {
        ids.push(recorded(&services).await);
    }
    let dir = TempDir::new().unwrap();
    let cra = |arguments: &[&str]| services.cra_with(dir.path(), arguments, &[("VISUAL", "false")]);
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
    let corrected = cra(&["correct", "--file", "changes.ndjson"]).succeeded();
    assert!(corrected.stdout.starts_with("80 corrected\n"), "{}", corrected.stdout);
    for id in &ids {
        let history = cra(&["history", id, "--json"]).json();
        let last = &history["events"][2]["corrected"]["cra"];
        assert_eq!((&last["date"], &last["annotation"]), (&"2024-03-01".into(), &"Tri des messages".into()));
    }
    cra(&["correct", "--file", "changes.ndjson"]).succeeded().shows("80 already there");

    let slips = [
        line(&ids[0], serde_json::json!({"date": "2019-01-01"})),
        line(&new_id(), serde_json::json!({"date": "2024-03-01"})),
        "{\"craId\":1}".to_owned(),
        serde_json::json!({"craId": ids[1], "set": {"annotation": "autre"}}).to_string(),
        serde_json::json!({"craId": ids[1], "set": {"annotation": "encore"}, "reason": "oubli", "expectedRevision": 1}).to_string(),
    ];
    fs::write(dir.path().join("slips.ndjson"), slips.join("\n")).unwrap();
    let slips = cra(&["correct", "--file", "slips.ndjson", "--json"]).exited(1);
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
        cra(&["withdraw", "--file", "withdrawals.ndjson", "--reason", "saisis deux fois"])
            .succeeded()
            .shows(shown);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_was_edited_corrects_the_rows_that_changed_and_a_table_withdraws() {
    let services = Standalone::start().await;
    let (first, second) = (recorded(&services).await, recorded(&services).await);
    let dir = TempDir::new().unwrap();
    let cra = |arguments: &[&str]| services.cra_with(dir.path(), arguments, &[("VISUAL", "false")]);
    cra(&["export", "cras", "--output", "cras.csv", "--min-position", "2"]).succeeded();
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
    let history = cra(&["history", &first, "--json"]).json();
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
    let cra =
        |arguments: &[&str], editor: &str| services.cra_with(dir.path(), arguments, &[("VISUAL", editor)]);
    let older = concat!(env!("CARGO_MANIFEST_DIR"), "/reality/an-old-cra-to-correct.json");
    let imported = cra(&["import", older, "--form-version", "3", "--json"], "false").json();
    let id = imported["receipt"]["craId"].as_str().unwrap();
    cra(&["correct", id, "--set", "date=08/06/2023", "--reason", "date fausse"], "false")
        .succeeded()
        .shows("9 juin 2023 → 8 juin 2023");
    cra(&["correct", id, "--reason", "date fausse"], "sed -i 's/^date = .*/date = 2023-06-07/'").succeeded();
    let closed = ["correct", id, "--set", "themes=autre,courriel,smartphone", "--reason", "un oubli"];
    cra(&closed, "false").exited(1).shows("cra.themes[2] THEME_CLOSED");
}
