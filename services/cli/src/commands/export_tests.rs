//! Files that an export leaves, with a service that completes or fails.

use std::fs;
use std::sync::Arc;

use cra_contracts::v1::ExportFormat;
use cra_contracts::v1::export_response::Part;
use cra_private::Existing;

use super::super::fake::{Ending, Fake, Written, endpoints, ran};
use super::*;

fn header(file_name: &str) -> Part {
    let snapshot = v1::Snapshot { position: 7, ..v1::Snapshot::default() };
    Part::Header(v1::ExportHeader {
        file_name: file_name.to_owned(),
        media_type: "text/csv".to_owned(),
        snapshot: Some(snapshot),
    })
}

fn exporting(file_name: &str) -> Fake {
    let chunks = [&b"\xef\xbb\xbfcode;"[..], b"", b"valeur\r\n"].map(|chunk| Part::Chunk(chunk.into()));
    Fake { exported: std::iter::once(header(file_name)).chain(chunks).collect(), ..Fake::default() }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Exports CRAs to a path, with additional flags.
async fn exported(fake: Fake, output: &Path, flags: &[&str]) -> (String, CommandResult) {
    let arguments = [&["export", "cras", "--output", output.to_str().unwrap()], flags].concat();
    ran(&Arc::new(fake), &arguments).await
}

#[tokio::test]
async fn a_complete_export_has_the_name_that_the_service_suggests() {
    let directory = tempfile::tempdir().unwrap();
    let (text, outcome) = exported(exporting("cra-7.csv"), directory.path(), &[]).await;
    outcome.unwrap();
    let path = directory.path().join("cra-7.csv");
    assert_eq!(fs::read(&path).unwrap(), b"\xef\xbb\xbfcode;valeur\r\n");
    assert_eq!(text, format!("{}  16 bytes, position 7\n", path.display()));
    assert_eq!(names(directory.path()), ["cra-7.csv"]);
}

#[tokio::test]
async fn a_failed_export_leaves_no_file_and_keeps_the_existing_one() {
    let directory = tempfile::tempdir().unwrap();
    let broken = || Fake { export_ending: Ending::Broken, ..exporting("cra-7.csv") };
    let (_, outcome) = exported(broken(), directory.path(), &[]).await;
    let error = format!("{:#}", outcome.unwrap_err());
    assert!(error.contains("no file was written") && error.contains("the service leaves"), "{error}");
    assert!(names(directory.path()).is_empty());

    let path = directory.path().join("mine.csv");
    fs::write(&path, "before").unwrap();
    let (_, outcome) = exported(broken(), &path, &["--force"]).await;
    outcome.unwrap_err();
    assert_eq!(fs::read_to_string(&path).unwrap(), "before");
    assert_eq!(names(directory.path()), ["mine.csv"]);
}

#[tokio::test]
async fn an_interrupted_export_leaves_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let fake = Arc::new(Fake { export_ending: Ending::Silence, ..exporting("cra-7.csv") });
    let url = endpoints(&fake).await.projection_url;
    let connection = Connection::open(Service::Projection, &url).await.unwrap();
    let target = Target::Directory(directory.path().to_owned(), Existing::Keep);
    let mut output = Written::default().output();
    let half_written = async {
        let holds =
            |name: &String| fs::metadata(directory.path().join(name)).is_ok_and(|file| file.len() == 16);
        while !names(directory.path()).iter().any(holds) {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    // Dropped midway, as on Ctrl-C.
    tokio::select! {
        received = receive(&connection, v1::ExportRequest::default(), &target, &mut output) => {
            panic!("the service never ended: {received:?}")
        }
        () = half_written => assert_ne!(names(directory.path()), ["cra-7.csv"]),
    }
    assert!(names(directory.path()).is_empty());
}

#[tokio::test]
async fn an_existing_file_is_replaced_only_with_force() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cra-7.csv");
    fs::write(&path, "before").unwrap();
    for output in [&path, directory.path()] {
        let (_, outcome) = exported(exporting("cra-7.csv"), output, &[]).await;
        let error = outcome.unwrap_err().to_string();
        assert!(error.contains("--force") && error.contains("cra-7.csv"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "before");
    }
    let (_, outcome) = exported(exporting("cra-7.csv"), directory.path(), &["--force"]).await;
    outcome.unwrap();
    assert!(fs::read_to_string(&path).unwrap().ends_with("valeur\r\n"));
    assert_eq!(names(directory.path()), ["cra-7.csv"]);
}

#[tokio::test]
async fn standard_output_receives_only_the_file() {
    for flags in [&[][..], &["--json"]] {
        let (text, outcome) = exported(exporting("cra-7.csv"), Path::new("-"), flags).await;
        outcome.unwrap();
        assert_eq!(text, "\u{feff}code;valeur\r\n");
    }
}

#[tokio::test]
async fn programs_get_the_file_name_and_its_snapshot() {
    let directory = tempfile::tempdir().unwrap();
    let (text, outcome) = exported(exporting("cra-7.csv"), directory.path(), &["--json"]).await;
    outcome.unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["file"], directory.path().join("cra-7.csv").display().to_string());
    assert_eq!((&value["bytes"], &value["header"]["snapshot"]["position"]), (&json!(16), &json!("7")));
}

#[tokio::test]
async fn a_name_that_leads_out_of_the_directory_is_refused() {
    for name in ["../cra.csv", "/etc/cra.csv", "", ".", "..", ".profile", "a\\b", "a\nb", "C:a"] {
        let directory = tempfile::tempdir().unwrap();
        let (_, outcome) = exported(exporting(name), directory.path(), &[]).await;
        assert!(outcome.unwrap_err().to_string().contains("is not a plain file name"), "{name}");
        assert!(names(directory.path()).is_empty());
    }
}

#[tokio::test]
async fn a_stream_without_a_leading_header_or_with_two_is_refused() {
    let chunk = || Part::Chunk(b"a"[..].into());
    for parts in [vec![], vec![chunk()], vec![header("a.csv"), chunk(), header("a.csv")]] {
        let directory = tempfile::tempdir().unwrap();
        let fake = Fake { exported: parts, ..Fake::default() };
        let (_, outcome) = exported(fake, directory.path(), &[]).await;
        assert!(outcome.unwrap_err().to_string().contains("header"));
        assert!(names(directory.path()).is_empty());
    }
}

#[tokio::test]
async fn only_a_breakdown_takes_a_dimension_and_it_requires_one() {
    let directory = tempfile::tempdir().unwrap();
    let to = directory.path().to_str().unwrap();
    let fake = Arc::new(exporting("a.xlsx"));
    let flags = ["export", "breakdown", "--by", "theme", "--format", "excel", "--region", "53", "-o", to];
    ran(&fake, &flags).await.1.unwrap();
    let request = fake.exports.lock().unwrap()[0].clone();
    assert_eq!(
        (request.content(), request.format(), request.dimension()),
        (ExportContent::Breakdown, ExportFormat::Xlsx, v1::Dimension::Theme)
    );
    assert_eq!(request.selection.unwrap().region_codes, ["53"]);

    for wrong in [
        &["export", "breakdown"][..],
        &["export", "cras", "--by", "theme"],
        &["export", "breakdown", "--by", "quarter"],
        &["export", "series", "--by", "theme", "--month", "2024-03"],
    ] {
        let (_, outcome) = ran(&fake, wrong).await;
        assert!(outcome.unwrap_err().to_string().contains("--by"));
    }
}

#[tokio::test]
async fn a_series_takes_periods_and_a_long_table_is_named_by_its_list() {
    let directory = tempfile::tempdir().unwrap();
    let to = directory.path().to_str().unwrap();
    let fake = Arc::new(exporting("a.csv"));
    let asked = async |flags: &[&str]| {
        let flags = [&["export"], flags, &["--force", "-o", to]].concat();
        ran(&fake, &flags).await.1.unwrap();
        fake.exports.lock().unwrap().last().unwrap().clone()
    };
    for (by, granularity) in [
        (&["--by", "quarter"][..], v1::Granularity::Quarter),
        (&["--by", "semaine"], v1::Granularity::Week),
        (&[], v1::Granularity::Month),
    ] {
        let request = asked(&[&["series", "--from", "2024-01-01", "--to", "2024-12-31"], by].concat()).await;
        assert_eq!((request.content(), request.granularity()), (ExportContent::Series, granularity));
    }
    for (word, content) in [
        ("themes", ExportContent::CraThemes),
        ("thématiques", ExportContent::CraThemes),
        ("ages", ExportContent::CraAges),
        ("statuses", ExportContent::CraStatuses),
        ("organisations", ExportContent::CraOrganisations),
        ("organismes", ExportContent::CraOrganisations),
    ] {
        assert_eq!(asked(&[word]).await.content(), content);
    }
    let (_, outcome) = ran(&fake, &["export", "series"]).await;
    assert!(outcome.unwrap_err().to_string().contains("--from"), "both days are asked for first");
}

#[test]
fn a_terminal_receives_no_binary_file_and_a_missing_directory_is_reported() {
    use crate::args::{Arguments, Command};
    use clap::Parser as _;
    let args =
        |flags: &[&str]| match Arguments::parse_from(["cra", "export", "cras"].iter().chain(flags)).command {
            Command::Export(args) => *args,
            other => panic!("{other:?}"),
        };
    let parquet = args(&["--format", "parquet", "--output", "-"]);
    assert!(Target::of(&parquet, true).unwrap_err().to_string().contains("--output FILE"));
    let here = Target::Directory(PathBuf::new(), Existing::Keep);
    assert_eq!(Target::of(&args(&[]), true).unwrap(), here, "its name is printed without the directory");
    assert_eq!(Target::of(&parquet, false).unwrap(), Target::StandardOutput);
    assert_eq!(Target::of(&args(&["--output", "-"]), true).unwrap(), Target::StandardOutput);
    let missing = Target::of(&args(&["--output", "/nowhere/at/all/"]), true).unwrap_err().to_string();
    assert!(missing.contains("no directory /nowhere/at/all/"), "{missing}");
}
