//! One process writes in a folder, and a second one is refused with the holder's name. What the system refuses (rights,
//! descriptors, room) damages nothing: the read models remain, and serve again once the cause is removed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use crate::harness::{
    Kind, Pair, Service, SmallDisk, Standalone, cra_of, eventually, new_id, record, run_cra, statistics_at,
    submission, submitted, workshop,
};

/// Maximum duration of the drain of `cra standalone`, with a margin for a busy machine.
const DRAINED: Duration = Duration::from_secs(25);

/// A pair with one CRA and a stopped projection.
async fn incomplete_log() -> Pair {
    let mut pair = Pair::start().await;
    counted(&pair).await;
    leaves(&mut pair).await;
    pair
}

async fn counted(pair: &Pair) {
    let position = record(&mut pair.ingestion().await, workshop(5)).await;
    assert!(statistics_at(&mut pair.statistics().await, position.position).await.cras > 0);
}

async fn leaves(pair: &mut Pair) {
    pair.projection.terminate();
    assert!(pair.projection.ended().await.success());
}

fn serving(pair: &Pair) -> String {
    fs::read_to_string(pair.read_models().join("generations/serving")).unwrap()
}

/// Asserts that the previous read models serve again, and nothing was quarantined.
async fn resumes_with(pair: &mut Pair, generation: &str) {
    assert_eq!(serving(pair), generation);
    assert!(!pair.read_models().join("set-aside").exists());
    pair.projection.start_and_serve().await;
    counted(pair).await;
    assert_eq!(serving(pair), generation);
    leaves(pair).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_projection_on_a_folder_leaves_and_names_the_process_that_has_it() {
    let mut pair = Pair::start().await;
    counted(&pair).await;
    let generation = serving(&pair);
    let data = pair.read_models().display().to_string();
    let dir = pair.dir().join("second");
    let url = pair.nats.url();
    let settings = [("DATA", data.as_str()), ("LOG__URL", url.as_str())];
    let mut second = Service::new(Kind::Projection, &dir, &settings);
    let output = second.fails_to_start().await;
    let holder = format!("cra-projection (pid {}", pair.projection.pid());
    assert!(output.contains(&holder) && output.contains("choose another folder"), "{output}");
    pair.projection.is_unharmed();
    counted(&pair).await;
    leaves(&mut pair).await;
    resumes_with(&mut pair, &generation).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lack_of_descriptors_is_reported_with_the_number_needed_and_damages_nothing() {
    let mut pair = incomplete_log().await;
    let generation = serving(&pair);
    for limit in ["90", "200", "500"] {
        pair.projection.after(&format!("ulimit -n {limit}"));
        let output = pair.projection.fails_to_start().await;
        assert!(output.contains(&format!("open {limit} files and connections, it needs 514")), "{output}");
    }
    // A soft limit is raised.
    pair.projection.after("ulimit -Sn 90");
    resumes_with(&mut pair, &generation).await;
    // Enough for its own files, not for all callers.
    pair.projection.after("ulimit -n 600");
    resumes_with(&mut pair, &generation).await;
    let output = pair.projection.output();
    assert!(output.contains("raise the hard limit, or lower the setting"), "{output}");
}

/// Makes root subject to the rights of files, like any other user.
const WITHOUT_PRIVILEGE: &str = "if [ $(id -u) = 0 ]; then \
     set -- setpriv --bounding-set=-dac_override,-dac_read_search \"$0\" \"$@\"; exec \"$@\"; fi";

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_without_rights_is_reported_and_damages_nothing() {
    let mut pair = incomplete_log().await;
    let generation = serving(&pair);
    pair.projection.after(WITHOUT_PRIVILEGE);
    let data = pair.read_models();
    let folder = data.join("generations").join(generation.trim());
    let slab = fs::read_dir(folder.join("slabs")).unwrap().next().unwrap().unwrap().path();
    let paths = [
        (data.clone(), 0o000),
        (data.join("lock"), 0o000),
        (data.join("generations"), 0o000),
        (data.join("generations/serving"), 0o000),
        (folder.clone(), 0o000),
        (folder.join("slabs"), 0o000),
        (folder.join("metadata"), 0o000),
        (slab, 0o400),
    ];
    for (path, mode) in paths {
        let rights = fs::metadata(&path).unwrap().permissions();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let output = pair.projection.fails_to_start().await;
        fs::set_permissions(&path, rights).unwrap();
        assert!(output.contains("ermission denied"), "{}: {output}", path.display());
        assert!(output.contains("the read models"), "{}: {output}", path.display());
        assert_eq!(serving(&pair), generation, "{}", path.display());
    }
    resumes_with(&mut pair, &generation).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_full_at_start_damages_nothing() {
    let Some((mut pair, disk)) = SmallDisk::of_projection().await else { return };
    pair.projection.start_and_serve().await;
    counted(&pair).await;
    let generation = serving(&pair);
    // Killed, so that the next start must write to the disk.
    pair.projection.kill();
    disk.fill();
    pair.projection.launch();
    // Whether it keeps serving or exits is not judged here.
    tokio::time::sleep(Duration::from_secs(2)).await;
    pair.projection.kill();
    fs::remove_file(disk.ballast()).unwrap();
    resumes_with(&mut pair, &generation).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_a_standalone_pair_is_of_one_process_and_others_learn_which() {
    let standalone = Standalone::start().await;
    record(&mut standalone.ingestion().await, workshop(5)).await;
    let dir = standalone.dir();
    for arguments in [
        vec![
            "standalone",
            "--no-web",
            "--data",
            "data",
            "--ingestion",
            "127.0.0.1:0",
            "--projection",
            "127.0.0.1:0",
        ],
        vec!["log", "export", "--data", "data", "backup"],
    ] {
        let ended = run_cra(dir, &arguments, &[]).failed();
        let holder = format!("(pid {}", standalone.pid());
        assert!(ended.stderr.contains(&holder), "{arguments:?}: {}", ended.stderr);
    }
    record(&mut standalone.ingestion().await, workshop(6)).await;
}

#[test]
fn an_export_to_a_folder_in_use_names_the_process_that_uses_it() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    fs::create_dir_all(data.join("log")).unwrap();
    let backup = dir.path().join("backup");
    let _held = cra_private::LockedDir::open(&backup, "export.lock").unwrap();
    let arguments = ["log", "export", "--data", "data", "backup"];
    run_cra(dir.path(), &arguments, &[]).reports(&format!("(pid {}", std::process::id()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standalone_pair_on_a_full_disk_refuses_and_leaves_when_it_is_asked_to() {
    let dir = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::at(&dir.path().join("data")) else { return };
    let mut standalone = Standalone::start_in(dir, Kind::CommandLine.command()).await;
    let mut ingestion = standalone.ingestion().await;
    let first = submission(&new_id(), workshop(5));
    submitted(&mut ingestion, first.clone()).await.unwrap();
    disk.fill();
    let mut number = 0;
    eventually("an append is refused", async || {
        number += 1;
        let answer = submitted(&mut ingestion, submission(&new_id(), cra_of(number))).await;
        answer.err().map(drop).ok_or_else(|| "all is recorded".to_owned())
    })
    .await;
    // Recorded events remain readable: a read does not wait for the failed append.
    submitted(&mut ingestion, first.clone()).await.unwrap_err();
    drop(ingestion);
    let ended = standalone.terminated(DRAINED);
    assert!(ended.is_some(), "it did not exit");

    fs::remove_file(disk.ballast()).unwrap();
    let standalone = standalone.again(Kind::CommandLine.command()).await;
    submitted(&mut standalone.ingestion().await, first).await.unwrap();
    drop(standalone);
    drop(disk);
}

#[test]
fn a_standalone_pair_that_starts_on_a_full_disk_reports_it_and_exits() {
    let dir = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::at(&dir.path().join("data")) else { return };
    disk.fill();
    let addresses = ["--no-web", "--ingestion", "127.0.0.1:0", "--projection", "127.0.0.1:0"];
    let arguments = [&["standalone", "--data", "data"][..], &addresses].concat();
    let ended = run_cra(dir.path(), &arguments, &[]).failed();
    assert!(ended.stderr.contains("disk has room") || ended.stderr.contains("No space"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("damaged"), "{}", ended.stderr);
}
