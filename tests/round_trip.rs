//! The exports can be submitted again with `cra submit`: on the same log nothing is recorded twice, on an empty one the
//! figures are the same, even after a spreadsheet saved the file again. A file without CRAs is reported in one line.

use std::fs;
use std::path::{Path, PathBuf};

use cra_contracts::v1 as pb;
use pb::redirection::Organisation;
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Ended, Standalone, new_id, readers, record, submission, submitted, workshop};

/// CRAs with content that a table could lose.
fn hard_ones() -> Vec<pb::Cra> {
    let redirected = |organisation, people| pb::Redirection { organisation: Some(organisation), people };
    let place = |code: &str, postal_code: &str| {
        Some(pb::Place {
            channel: pb::Channel::OtherPlace.into(),
            commune_code: code.into(),
            postal_code: postal_code.into(),
            venue_id: String::new(),
        })
    };
    vec![
        pb::Cra { annotation: "- mots de passe".into(), ..workshop(3) },
        pb::Cra {
            annotation: "=1+1; \"dit\"".into(),
            place: place("01004", "01500"),
            date: "2024-02-29".into(),
            ..workshop(2)
        },
        pb::Cra {
            annotation: "œuvre d'été – 5 €".into(), place: place("2A004", "20000"), ..workshop(12)
        },
        pb::Cra {
            themes: vec![pb::Theme::CaregiverSupport.into(), pb::Theme::OfficeSoftware.into()],
            sub_themes: vec![pb::SubTheme::CaregiverRelative.into(), pb::SubTheme::OfficeSupplies.into()],
            duration: Some(pb::Duration { band: pb::DurationBand::OneHourOrMore.into(), minutes: None }),
            returning_participants: 4,
            follow_up: Some(pb::FollowUp {
                individual: 1,
                workshop: 2,
                redirections: vec![
                    redirected(Organisation::Known(pb::Organisation::Caf.into()), 2),
                    redirected(Organisation::Other("+ de lien | Quartier : Nord".into()), 1),
                    redirected(Organisation::Known(pb::Organisation::PoleEmploi.into()), 1),
                ],
            }),
            ..workshop(9)
        },
    ]
}

/// With an additional CRA whose text looks as if an export had marked it: a workbook saved as CSV by a spreadsheet is
/// ambiguous.
async fn filled_with_a_marked_text() -> (Standalone, u64) {
    let (services, _) = filled().await;
    let marked = pb::Cra { annotation: "'=1+1".into(), ..workshop(4) };
    let receipt = record(&mut services.ingestion().await, marked).await;
    (services, receipt.position)
}

async fn filled() -> (Standalone, u64) {
    let services = Standalone::start().await;
    let mut ingestion = services.ingestion().await;
    let mut position = 0;
    for cra in hard_ones().into_iter().chain([workshop(5), workshop(5)]) {
        position = record(&mut ingestion, cra).await.position;
    }
    (services, position)
}

/// Every figure except those on when a CRA was entered and what was left to the form.
fn figures(services: &Standalone, dir: &Path, position: u64) -> Value {
    let position = position.to_string();
    let stats = services.cra_in(dir, &["stats", "--json", "--min-position", &position]).succeeded();
    let mut stats: Value = serde_json::from_str(&stats.stdout).unwrap();
    let figures = stats["statistics"].as_object_mut().unwrap();
    for moves in ["entryDelay", "workshopsWithDefaultedParticipants"] {
        figures.remove(moves);
    }
    stats["statistics"].take()
}

fn exported(services: &Standalone, dir: &Path, format: &str, position: u64) -> PathBuf {
    let file = dir.join(format!("cras.{format}"));
    let position = position.to_string();
    let arguments = [
        "export",
        "cras",
        "--format",
        format,
        "--output",
        file.to_str().unwrap(),
        "--min-position",
        &position,
    ];
    services.cra_in(dir, &arguments).succeeded();
    file
}

/// The last position that a submission reports.
fn reported_position(ended: &Ended) -> u64 {
    let shown = ended.stdout.split("--min-position ").nth(1).unwrap_or_else(|| panic!("{}", ended.stdout));
    shown.trim().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_format_is_already_there_on_its_log_and_gives_the_same_figures_on_an_empty_one() {
    let dir = TempDir::new().unwrap();
    let (services, position) = filled_with_a_marked_text().await;
    let expected = figures(&services, dir.path(), position);
    for format in ["csv", "xlsx", "ndjson"] {
        let file = exported(&services, dir.path(), format, position);
        let again = services.cra_in(dir.path(), &["submit", file.to_str().unwrap()]).succeeded();
        assert!(again.stdout.starts_with("0 accepted\n7 already there\n"), "{format}: {}", again.stdout);

        let empty = Standalone::start().await;
        let moved = empty.cra_in(dir.path(), &["submit", file.to_str().unwrap()]).succeeded();
        assert!(moved.stdout.starts_with("7 accepted\n"), "{format}: {}", moved.stdout);
        let found = figures(&empty, dir.path(), reported_position(&moved));
        assert_eq!(found, expected, "{format}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_a_spreadsheet_saved_again_is_the_same_cras() {
    let dir = TempDir::new().unwrap();
    let (services, position) = filled().await;
    for format in ["csv", "xlsx"] {
        let file = exported(&services, dir.path(), format, position);
        let folder = dir.path().join(format);
        fs::create_dir(&folder).unwrap();
        let written = readers::run("rewrite_table.py", &[file, folder.clone()]);
        for name in written.as_array().unwrap().iter().map(|name| name.as_str().unwrap()) {
            let again = services.cra_in(dir.path(), &["submit", folder.join(name).to_str().unwrap()]);
            let shown = format!("{format} as {name}: {}{}", again.stdout, again.stderr);
            assert!(again.stdout.starts_with("0 accepted\n6 already there\n"), "{shown}");
            assert_eq!(again.stderr.contains("windows-1252"), name == "french.csv", "{shown}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cra_of_an_older_form_is_only_looked_up_and_a_corrected_one_answers_its_revision() {
    let dir = TempDir::new().unwrap();
    let services = Standalone::start().await;
    let older = concat!(env!("CARGO_MANIFEST_DIR"), "/reality/an-old-cra-to-correct.json");
    services.cra_in(dir.path(), &["import", older, "--form-version", "3"]).succeeded();
    let id = new_id();
    submitted(&mut services.ingestion().await, submission(&id, workshop(5))).await.unwrap();
    let correction = ["correct", &*id, "--set", "annotation=Tri des messages", "--reason", "un oubli"];
    services.cra_in(dir.path(), &correction).succeeded();
    for format in ["csv", "xlsx", "ndjson"] {
        let file = exported(&services, dir.path(), format, 3);
        let file = file.to_str().unwrap();
        let again = services.cra_in(dir.path(), &["submit", file, "--json"]).succeeded();
        let receipts: Vec<Value> =
            again.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(
            receipts.iter().all(|receipt| receipt["outcome"] == "already_there"),
            "{format}: {receipts:?}"
        );
        let corrected = receipts.iter().find(|receipt| receipt["craId"] == *id).unwrap();
        assert_eq!(corrected["receipt"]["revision"], "2", "{format}");

        let empty = Standalone::start().await;
        empty
            .cra_in(dir.path(), &["submit", file])
            .exited(1)
            .shows("1 accepted\n1 refused\n")
            .shows("cra log export");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_a_spreadsheet_filled_in_is_recorded_once_however_often_it_is_sent() {
    let dir = TempDir::new().unwrap();
    let services = Standalone::start().await;
    let (template, filled) = (dir.path().join("template.xlsx"), dir.path().join("filled.xlsx"));
    services.cra_in(dir.path(), &["template", template.to_str().unwrap()]).succeeded();
    let offered = readers::run("fill_template.py", &[template, filled.clone()]);
    assert_eq!(offered["lists"]["Canal"], "Mots!$A$2:$A$5", "{offered}");
    for shown in ["3 accepted\n", "0 accepted\n3 already there\n"] {
        let sent = services.cra_in(dir.path(), &["submit", filled.to_str().unwrap()]).succeeded();
        assert!(sent.stdout.starts_with(shown), "{}", sent.stdout);
    }
    let found = figures(&services, dir.path(), 3);
    assert_eq!(
        (&found["cras"], &found["acts"], &found["oneOffRequests"]),
        (&"3".into(), &"4".into(), &"2".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slip_in_a_table_is_reported_by_its_row_and_its_heading() {
    let dir = TempDir::new().unwrap();
    let services = Standalone::start().await;
    let heading = "Date;Conseiller;Structure;Canal;Ville;Code postal;Type d'activité;Nombre de participants;\
                   Plus de 60 ans;Retraité;Thématiques;Durée;Commentaire";
    let rows = [
        "29/02/2024;c-1;s-1;À domicile;Rennes;35000;individuel;1;1;1;Courriels;0-30;\"sur\ndeux lignes\"",
        "",
        "31/02/2024;c-1;s-1;À domicile;Rennes;35000;individuel;1;1;1;Courriells;0-30;",
        "29/02/2024;c-1;s-1;À domicile;Rennes;35000;individuel;3;1;1;Courriels;0-30;",
        ";;;;;;;;;;;;",
        "29/02/2024;c-1;s-1;À domicile;Rennes;35000;individuel;1;1;1;Courriels;0-30;Tri",
    ];
    let file = dir.path().join("slips.csv");
    for line_end in ["\r\n", "\n"] {
        fs::write(&file, format!("{heading}{line_end}{}", rows.join(line_end))).unwrap();
        let sent = services.cra_in(dir.path(), &["submit", file.to_str().unwrap()]).exited(1);
        for shown in [
            "row 2: ",
            "row 4: unreadable: « Date » : « 31/02/2024 »",
            "« Thématiques » : « Courriells »",
            "vouliez-vous dire « Courriels »",
            "row 5: ",
            "cra.participants (« Nombre de participants ») PARTICIPANTS_OUT_OF_RANGE",
            "1 already there",
        ] {
            let shown = if shown == "1 already there" && line_end == "\r\n" { "1 accepted" } else { shown };
            assert!(sent.stdout.contains(shown), "{shown}: {}", sent.stdout);
        }
    }
    let slip = heading.replace("Structure", "Strcuture").replace("Nombre de participants", "Participnats");
    fs::write(&file, format!("{}\n{}\n", slip.replace("Strcuture", "Structure"), rows[5])).unwrap();
    services.cra_in(dir.path(), &["submit", file.to_str().unwrap()]).exited(2).reports("« participants »");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_without_cras_is_refused_in_one_line() {
    let dir = TempDir::new().unwrap();
    let (services, position) = filled().await;
    let position = position.to_string();
    let export = |name: &str, arguments: &[&str]| {
        let file = dir.path().join(name);
        let output = ["--output", file.to_str().unwrap(), "--min-position", &position];
        services.cra_in(dir.path(), &[&["export"], arguments, &output].concat()).succeeded();
    };
    export("cras.parquet", &["cras", "--format", "parquet"]);
    export("statistics.csv", &["statistics"]);
    export("statistics.xlsx", &["statistics", "--format", "xlsx"]);
    export("breakdown.csv", &["breakdown", "--by", "department"]);
    let bson = [&[0x31, 0, 0, 0, 0x07][..], b"_id\x000123456789ab\x02conseiller\0\x02\0\0\0a\0\0"].concat();
    let older = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/reality/an-old-cra-to-correct.json")).unwrap();
    for (name, bytes) in [
        ("empty", &b""[..]),
        ("blank", b"\xef\xbb\xbf\r\n\r\n"),
        ("none.json", b"[]"),
        ("dump.bson", &bson),
        ("page.html", b"<!DOCTYPE html>\n<html></html>"),
        ("paper.pdf", b"%PDF-1.7\n"),
        ("older.json", &older),
        ("older.csv", b"_id,conseiller.$id,cra.canal,cra.codePostal\n1,2,distance,35000\n"),
        ("headings.csv", b"cra_id;date;conseiller_id;structure_id;canal;commune;activite;themes;duree\r\n"),
        ("few.csv", b"date;conseiller_id;themes\r\n01/03/2024;c-1;Courriels\r\n"),
        ("old.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and nothing more"),
        ("archive.zip", b"PK\x03\x04 and nothing more"),
    ] {
        fs::write(dir.path().join(name), bytes).unwrap();
    }
    for (name, what) in [
        (".", "a directory"),
        ("empty", "empty"),
        ("blank", "empty"),
        ("none.json", "holds no CRA"),
        ("cras.parquet", "Parquet"),
        ("statistics.csv", "an export of statistics"),
        ("statistics.xlsx", "without a sheet of CRAs"),
        ("breakdown.csv", "an export of a breakdown"),
        ("dump.bson", "BSON"),
        ("page.html", "HTML"),
        ("paper.pdf", "PDF"),
        ("older.json", "cra import"),
        ("older.csv", "mongoexport"),
        ("headings.csv", "holds no CRA"),
        ("few.csv", "without the columns structure_id, canal, commune_code ou commune, activite, duree"),
        ("old.xls", "cannot be read as a workbook"),
        ("archive.zip", "a ZIP archive without a workbook"),
    ] {
        let refused = services.cra_in(dir.path(), &["submit", name]).exited(2).reports(what);
        let shown: Vec<_> = refused.stderr.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(shown.len(), 1, "{name}: {}", refused.stderr);
    }
    for name in ["cras.parquet", "statistics.csv", "empty"] {
        services.cra_in(dir.path(), &["import", name, "--form-version", "3"]).exited(2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_read_in_the_encodings_that_shells_and_spreadsheets_write() {
    let dir = TempDir::new().unwrap();
    let services = Standalone::start().await;
    let json = |id: &str| {
        let cra = pb::Cra { annotation: "Été à l'école".into(), ..workshop(3) };
        format!("{}\n", cra_contracts::json::to_value(&submission(id, cra)))
    };
    let utf_16 =
        |order: fn(u16) -> [u8; 2], text: &str| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    let latin_1 = |text: &str| text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect::<Vec<u8>>();
    for (name, bytes) in [
        ("marked", utf_16(u16::to_le_bytes, &format!("\u{feff}{}", json(&new_id())))),
        ("unmarked", utf_16(u16::to_be_bytes, &json(&new_id()))),
        ("latin-1", latin_1(&json(&new_id()))),
    ] {
        fs::write(dir.path().join(name), bytes).unwrap();
        let sent = services.cra_in(dir.path(), &["submit", name]).succeeded();
        assert!(sent.stdout.starts_with("1 accepted\n"), "{name}: {}", sent.stdout);
        assert!(sent.stderr.contains("was read as such"), "{name}: {}", sent.stderr);
    }
    let export = ["export", "cras", "--format", "ndjson", "--output", "-", "--min-position", "3"];
    let lines = services.cra_in(dir.path(), &export).succeeded();
    assert_eq!(lines.stdout.matches("Été à l'école").count(), 3, "{}", lines.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_type_is_taken_or_refused_line_by_line() {
    let dir = TempDir::new().unwrap();
    let services = Standalone::start().await;
    let reality = |name: &str| format!("{}/reality/{name}", env!("CARGO_MANIFEST_DIR"));
    let suburbs = services.cra_in(dir.path(), &["submit", &reality("suburbs-of-noumea.ndjson")]).succeeded();
    assert!(suburbs.stdout.starts_with("3 accepted\n"), "{}", suburbs.stdout);
    let code =
        services.cra_in(dir.path(), &["submit", &reality("postal-code-as-commune-code.json")]).exited(1);
    let probable = "cra.place.commune_code COMMUNE_UNKNOWN 75010 est un code postal, celui de Paris 10e Arrondissement \
                    (75110)";
    assert!(code.stdout.contains(probable), "{}", code.stdout);
    let texts = services.cra_in(dir.path(), &["submit", &reality("invisible-texts.ndjson")]).exited(1);
    assert_eq!(texts.stdout.matches("cra.annotation TEXT_INVALID").count(), 2, "{}", texts.stdout);
    assert!(texts.stdout.contains("1 accepted\n2 refused\n"), "{}", texts.stdout);
    let spellings = services
        .cra_in(dir.path(), &["submit", &reality("spellings-of-organisations.ndjson")])
        .shows("7 accepted\n1 refused\n");
    let found = figures(&services, dir.path(), reported_position(&spellings));
    let redirections = found["redirections"].as_array().unwrap();
    let counts: Vec<_> = redirections.iter().map(|line| line["count"].as_str().unwrap()).collect();
    assert_eq!(counts, ["2", "2", "2", "1"], "{redirections:?}");
    assert_eq!(redirections[3]["name"], "ORGANISATION_POLE_EMPLOI");
}
