//! What is kept is found again, for the same import only.

use super::*;

const URL: &str = "http://127.0.0.1:50051";

struct Fixture {
    dir: tempfile::TempDir,
}

impl Fixture {
    fn file(text: &str) -> Self {
        let fixture = Self { dir: tempfile::tempdir().unwrap() };
        fixture.write(text);
        fixture
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("documents.ndjson")
    }

    fn write(&self, text: &str) {
        fs::write(self.path(), text).unwrap();
        // Written at the same moment by the resolution of the clock: only the content differs.
        let file = File::options().append(true).open(self.path()).unwrap();
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
    }

    fn subject(&self, form_version: u32, url: &str) -> Subject {
        let metadata = fs::metadata(self.path()).unwrap();
        Subject::of(&self.path(), &metadata, form_version, url).unwrap()
    }

    fn checkpoint(&self) -> Checkpoint {
        Checkpoint::next_to(&self.path())
    }

    /// Kept for form 3.
    fn kept(&self) -> Reached {
        let reached = Reached {
            tally: Tally { accepted: 7, refused: 1, last_position: 9, ..Tally::default() },
            last_cra_id: "c".to_owned(),
            report: Some(ReportReached { path: "/report".into(), bytes: 12 }),
        };
        self.checkpoint().save(&self.subject(3, URL), &reached).unwrap();
        reached
    }
}

#[test]
fn what_is_kept_is_found_until_it_is_removed_and_leaves_nothing_else_behind() {
    let fixture = Fixture::file("{}\n");
    let subject = fixture.subject(3, URL);
    assert_eq!(fixture.checkpoint().find(&subject).unwrap(), Found::Nothing);
    let reached = fixture.kept();
    assert_eq!(fixture.kept(), reached, "again over the last one");
    assert_eq!(fixture.checkpoint().find(&subject).unwrap(), Found::Reached(reached));
    assert_eq!(fs::read_dir(fixture.dir.path()).unwrap().count(), 2, "the file and its checkpoint");
    fixture.checkpoint().remove().unwrap();
    fixture.checkpoint().remove().unwrap();
    assert_eq!(fixture.checkpoint().find(&subject).unwrap(), Found::Nothing);
}

#[test]
fn another_file_form_or_service_begins_at_the_start() {
    let fixture = Fixture::file("{}\n{}\n");
    let _ = fixture.kept();
    let found = |form_version, url| fixture.checkpoint().find(&fixture.subject(form_version, url)).unwrap();
    assert_eq!(found(2, URL), Found::Unfit("it is of another form version"));
    assert_eq!(found(3, "http://other"), Found::Unfit("it is of another ingestion service"));
    for other in ["{}\n[]\n", "{}\n{}\n{}\n"] {
        fixture.write(other);
        assert_eq!(found(3, URL), Found::Unfit("the file has changed since"), "{other}");
    }
    fixture.write("{}\n{}\n");
    assert!(matches!(found(3, URL), Found::Reached(_)));
}

#[test]
fn a_file_that_was_written_to_since_begins_at_the_start() {
    let fixture = Fixture::file("{}\n");
    let _ = fixture.kept();
    File::options()
        .append(true)
        .open(fixture.path())
        .unwrap()
        .set_modified(std::time::SystemTime::now())
        .unwrap();
    let found = fixture.checkpoint().find(&fixture.subject(3, URL)).unwrap();
    assert_eq!(found, Found::Unfit("the file has changed since"));
}

#[test]
fn a_file_of_another_kind_is_never_taken_for_a_checkpoint() {
    let fixture = Fixture::file("{\"_id\":\"a\"}\n");
    let subject = fixture.subject(3, URL);
    assert!(Checkpoint::at(fixture.path()).find(&subject).is_err());
    fs::write(fixture.checkpoint().path(), "").unwrap();
    assert_eq!(fixture.checkpoint().find(&subject).unwrap(), Found::Nothing, "what a power cut leaves");
}
