//! Read models are a cache: if they are truncated, altered or deleted, or the disk is full, they are quarantined and
//! built again from the log. Readers get right figures or none, ingestion is not affected, and no process exits.

use std::fs;
use std::path::PathBuf;

use rand::RngExt as _;
use tonic_health::pb::health_check_response::ServingStatus;

use crate::harness::{
    Pair, SmallDisk, audit, chance, cra_of, either, eventually, files_below, new_id, record, submission,
    submit_stream, workshop,
};

const CRAS: u32 = 400;
/// Number of locations at which a file is altered.
const FLIPS: usize = 8;

async fn filled() -> Pair {
    let pair = Pair::start().await;
    let submissions: Vec<_> = (0..CRAS).map(|number| submission(&new_id(), cra_of(number))).collect();
    submit_stream(&mut pair.ingestion().await, tokio_stream::iter(submissions)).await;
    shows_what_the_log_holds(&pair).await;
    pair
}

async fn shows_what_the_log_holds(pair: &Pair) {
    let entries = audit::log_of(&pair.nats.url(), 1).await;
    audit::equals_recomputation(&mut pair.statistics().await, &entries).await;
}

/// Stops the projection, damages its files and starts it again: it must show the content of the log.
async fn heals(pair: &mut Pair, damage: impl FnOnce()) {
    pair.projection.terminate();
    assert!(pair.projection.ended().await.success());
    damage();
    pair.projection.start_and_serve().await;
    shows_what_the_log_holds(pair).await;
    record(&mut pair.ingestion().await, workshop(5)).await;
    shows_what_the_log_holds(pair).await;
    pair.projection.serving().await;
    pair.projection.is_unharmed();
    pair.ingestion.is_unharmed();
}

/// The non-empty files of the serving generation.
fn files(pair: &Pair) -> Vec<PathBuf> {
    let generations = pair.read_models().join("generations");
    let serving = fs::read_to_string(generations.join("serving")).unwrap();
    let mut files = files_below(&generations.join(serving.trim()));
    files.retain(|path| fs::metadata(path).unwrap().len() > 0);
    assert!(!files.is_empty());
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn read_models_cut_short_are_computed_again() {
    let mut pair = filled().await;
    let kinds = files(&pair).len();
    for number in 0..kinds.min(either(4, 64)) {
        let cut = files(&pair).into_iter().nth(number);
        heals(&mut pair, || {
            let Some(file) = cut else { return };
            let length = fs::metadata(&file).unwrap().len();
            fs::OpenOptions::new().write(true).open(file).unwrap().set_len(length / 2).unwrap();
        })
        .await;
    }
    assert!(pair.projection.output().contains("quarantined"), "no damage was noticed");
}

#[tokio::test(flavor = "multi_thread")]
async fn read_models_altered_anywhere_never_show_wrong_figures() {
    let mut chance = chance();
    let mut pair = filled().await;
    for _ in 0..either(6, 60) {
        let files = files(&pair);
        let file = files[chance.random_range(0..files.len())].clone();
        heals(&mut pair, || {
            let mut bytes = fs::read(&file).unwrap();
            for _ in 0..FLIPS {
                let index = chance.random_range(0..bytes.len());
                bytes[index] ^= 1 << chance.random_range(0..8);
            }
            fs::write(file, bytes).unwrap();
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn read_models_that_are_deleted_are_computed_again_also_while_they_are_used() {
    let mut pair = filled().await;
    let read_models = pair.read_models();
    heals(&mut pair, || fs::remove_dir_all(&read_models).unwrap()).await;

    fs::remove_dir_all(&read_models).unwrap();
    for _ in 0..20 {
        record(&mut pair.ingestion().await, workshop(5)).await;
        shows_what_the_log_holds(&pair).await;
    }
    pair.projection.is_unharmed();
    heals(&mut pair, || {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_the_projection_reports_it_and_continues_by_itself_once_there_is_room() {
    let Some((mut pair, disk)) = SmallDisk::of_projection().await else { return };
    pair.projection.start_and_serve().await;
    let mut ingestion = pair.ingestion().await;
    record(&mut ingestion, workshop(5)).await;
    shows_what_the_log_holds(&pair).await;

    disk.fill();
    let mut number = 0;
    eventually("the projection is no longer serving", async || {
        for _ in 0..20 {
            number += 1;
            record(&mut ingestion, cra_of(number)).await;
        }
        pair.projection.is_unharmed();
        match pair.projection.health().await? {
            ServingStatus::NotServing => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    assert!(pair.projection.output().contains("the read models failed"));

    fs::remove_file(disk.ballast()).unwrap();
    pair.projection.serving().await;
    shows_what_the_log_holds(&pair).await;
    pair.projection.is_unharmed();
    pair.ingestion.is_unharmed();
    // A full disk damages nothing.
    assert!(!pair.read_models().join("set-aside").exists());
    pair.projection.terminate();
    assert!(pair.projection.ended().await.success());
}
