//! `cra publish` writes the base cells as files that other libraries read; the same publication gives the same bytes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use cra_contracts::v1 as pb;

use super::publishing::{Publishing, ask, record};
use crate::harness::{Ended, Standalone, chance, readers, run_cra};

fn publish(publishing: &Publishing, token: &str, dir: &Path) -> Ended {
    let url = format!("http://{}", publishing.projection);
    let environment = [("CRA_PROJECTION_URL", &*url), ("CRA_TOKEN", token)];
    run_cra(dir, &["publish", "out"], &environment)
}

fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(dir.join("out")).unwrap().map(Result::unwrap);
    entries.map(|it| (it.file_name().into_string().unwrap(), fs::read(it.path()).unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_open_data_say_what_the_service_answers_and_the_same_publication_gives_the_same_bytes() {
    let mut publishing = Publishing::start("2026-02-27T12:00:00Z").await;
    record(&mut publishing.ingestion, &mut chance(), "2026-01", 30).await;
    let publication = publishing.publish("2026-03-20T00:00:00Z", "2026-03-16T00:00:00Z").await;
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for dir in [&one, &other, &other] {
        publish(&publishing, &publishing.token(), dir.path()).succeeded();
    }
    let written = files(one.path());
    assert_eq!(written, files(other.path()), "repeatable, and replaces existing files");
    let names: Vec<&str> = written.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "LICENCE.md",
            "cra-departements-mois.csv",
            "cra-departements-mois.parquet",
            "cra-departements-mois.schema.json",
            "datapackage.json",
            "dictionnaire.csv"
        ]
    );
    for name in ["LICENCE.md", "datapackage.json"] {
        assert!(String::from_utf8_lossy(&written[name]).contains(&publication.name), "{name}");
    }
    let read = readers::run("read_open_data.py", &[one.path().join("out")]);
    let token = publishing.token();
    let (country, _) = ask(&mut publishing.statistics, &token, pb::Selection::default()).await.unwrap();
    assert_eq!(read["rows"], read["departments"].as_u64().unwrap() * 74, "a row per department and month");
    assert_eq!((&read["cras"], &read["acts"]), (&country.cras.into(), &country.acts.into()));
    assert_eq!(read["publication"], publication.name);

    publish(&publishing, &publishing.exact_token(), one.path()).failed().reports("statistics:public");
    publishing.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn standalone_draws_a_secret_once_and_keeps_it_for_its_owner() {
    let standalone = Standalone::start().await;
    let path = standalone.dir().join("data/publication-secret");
    assert!(fs::read(&path).unwrap().len() >= 64);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
