//! Measures the cost of exports: peak resident memory, time and size of each format over read models of many CRAs. Each
//! format runs in a separate process. Linux only, because the peak is read from `/proc`.
//!
//!     cargo run --release -p cra-projection --example export_memory -- 1000000

#![allow(clippy::print_stdout)]

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{env, fs};

use anyhow::{Context as _, bail};
use cra_contracts::v1;
use cra_domain::event::{record, timestamp_message};
use cra_eventlog::{LogEntry, LogIdentity, Position, StreamId};
use cra_projection::generations::{DataFolder, Generations};
use cra_projection::queries::{self, QueryError, Snapshot};
use cra_runtime::in_flight::InFlight;
use jiff::Timestamp;
use uuid::Uuid;

const BATCH: u64 = 5_000;
const FORMATS: [v1::ExportFormat; 4] =
    [v1::ExportFormat::Csv, v1::ExportFormat::Xlsx, v1::ExportFormat::Ndjson, v1::ExportFormat::Parquet];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [cras] => measure(cras),
        ["fill", folder, cras] => fill(Path::new(folder), cras.parse()?),
        ["export", folder, format] => export(folder.into(), format.parse()?).await,
        _ => bail!("expected the number of CRAs, such as 1000000"),
    }
}

fn measure(cras: &str) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    run(&["fill", &folder.path().display().to_string(), cras])?;
    for format in FORMATS {
        run(&["export", &folder.path().display().to_string(), &(format as i32).to_string()])?;
    }
    Ok(())
}

fn run(arguments: &[&str]) -> anyhow::Result<()> {
    let status = Command::new(env::current_exe()?).args(arguments).status()?;
    if status.success() { Ok(()) } else { bail!("{arguments:?}: {status}") }
}

fn open(folder: &Path) -> anyhow::Result<Generations> {
    Ok(Generations::open(DataFolder::open(folder)?, &LogIdentity("measured".into()), Timestamp::UNIX_EPOCH)?)
}

fn fill(folder: &Path, cras: u64) -> anyhow::Result<()> {
    let generations = open(folder)?;
    let generation = generations.serving();
    let began = Instant::now();
    let mut position = 1;
    while position <= cras {
        let next = (position + BATCH).min(cras + 1);
        let entries: Vec<LogEntry> = (position..next).map(entry).collect();
        generation.apply(&entries, Timestamp::UNIX_EPOCH)?;
        position = next;
    }
    generation.flush()?;
    println!("{cras} CRAs applied in {:.1?}, peak {} MB", began.elapsed(), peak_mb()?);
    Ok(())
}

fn entry(position: u64) -> LogEntry {
    let cra_id = Uuid::from_u128(u128::from(position) << 64 | 0x8000_0000_0000_0000);
    let appended_at = Timestamp::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + position);
    let event = v1::CraEvent {
        event_id: cra_id.to_string(),
        cra_id: cra_id.to_string(),
        revision: 1,
        recorded_at: Some(timestamp_message(appended_at)),
        origin: None,
        fact: Some(v1::cra_event::Fact::Submitted(v1::CraSubmitted {
            cra: Some(cra(u32::try_from(position).unwrap_or(u32::MAX))),
            defaulted_fields: vec![],
        })),
        moved: false,
        forgotten: None,
    };
    let payload = record::encode(&event);
    LogEntry {
        position: Position(position),
        stream: Some(StreamId(cra_id)),
        event_id: Some(cra_id),
        payload,
        appended_at,
        trace: None,
    }
}

/// A workshop with every field derived from its number.
fn cra(n: u32) -> v1::Cra {
    let participants = 2 + n % 19;
    let theme = |offset: u32| i32::try_from(5 + (n + offset) % 9).unwrap_or(5);
    v1::Cra {
        advisor_id: format!("conseiller-{}", n % 4_000),
        structure_id: format!("structure-{}", n % 2_000),
        date: format!("202{}-{:02}-{:02}", n % 4, 1 + n % 12, 1 + n % 28),
        place: Some(v1::Place {
            channel: v1::Channel::Venue.into(),
            commune_code: "35238".into(),
            postal_code: "35000".into(),
            venue_id: format!("lieu-{}", n % 6_000),
        }),
        activity: v1::Activity::Workshop.into(),
        participants: Some(participants),
        returning_participants: n % 3,
        ages: Some(v1::AgeCounts { over_60: participants - 1, under_12: 1, ..v1::AgeCounts::default() }),
        statuses: Some(v1::StatusCounts { retired: participants, ..v1::StatusCounts::default() }),
        themes: vec![theme(0), theme(1), theme(2)],
        sub_themes: vec![v1::SubTheme::OfficeSupplies.into()],
        annotation: format!("séance numéro {n}"),
        duration: Some(v1::Duration { band: v1::DurationBand::OneHourOrMore.into(), minutes: Some(90) }),
        follow_up: Some(v1::FollowUp {
            individual: 1,
            workshop: 0,
            redirections: vec![v1::Redirection {
                organisation: Some(v1::redirection::Organisation::Other(format!("Association {}", n % 500))),
                people: 1,
            }],
        }),
    }
}

async fn export(folder: PathBuf, format: i32) -> anyhow::Result<()> {
    let generations = open(&folder)?;
    let generation = generations.serving();
    let opened = peak_mb()?;
    let snapshot = Snapshot::now(generation).context("the read models do not serve")?;
    // Every query does this: its use of the store's cache is not a cost of the export.
    queries::statistics(Arc::default(), snapshot.clone()).await?;
    let before = peak_mb()?;
    let request =
        v1::ExportRequest { content: v1::ExportContent::Cras.into(), format, ..v1::ExportRequest::default() };
    let permit = InFlight::new("exports", NonZeroU32::MIN, Duration::ZERO).try_acquire_unshared()?;
    let began = Instant::now();
    let kind = queries::check_export(&request).map_err(QueryError::Invalid)?;
    let wanted = queries::ExportSpec::new(kind, Arc::default());
    let mut export = queries::export(wanted, snapshot, folder, permit).await?;
    let mut bytes = 0;
    while let Some(chunk) = export.next_chunk().await? {
        bytes += chunk.len();
    }
    let took = began.elapsed();
    println!(
        "{}: {} MB in {took:.1?}; peak {} MB, {opened} MB when opened, {before} MB after a scan",
        export.media_type(),
        bytes >> 20,
        peak_mb()?
    );
    Ok(())
}

fn peak_mb() -> anyhow::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").trim().parse()?;
    Ok(kilobytes >> 10)
}
