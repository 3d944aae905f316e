//! Measures the cost of exports: peak resident memory, time, size and digest of each format over read models of many CRAs.
//! Each format runs in a separate process. Linux only, because the peak is read from `/proc`. With `spread`, the days of
//! activity have nothing to do with the order of the log.
//!
//!     cargo run --profile dist -p cra-projection --example export_memory -- 1000000 [spread]

#![allow(clippy::print_stdout)]

use std::io::Write as _;
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
use cra_sample::activity;
use cra_sample::draw::Draw;
use cra_sample::people::{self, Advisor};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use ring::digest;

const BATCH: u64 = 5_000;
const ADVISORS: usize = 400;
/// The first day of record, and the number of days.
const FIRST_RECORD: Timestamp = Timestamp::constant(1_609_758_000, 0);
const DAYS: u64 = 1_461;
const FORMATS: [v1::ExportFormat; 4] =
    [v1::ExportFormat::Csv, v1::ExportFormat::Xlsx, v1::ExportFormat::Ndjson, v1::ExportFormat::Parquet];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [cras] => measure(cras, "recorded"),
        [cras, "spread"] => measure(cras, "spread"),
        ["fill", folder, cras, days] => fill(Path::new(folder), cras.parse()?, days == "spread"),
        ["export", folder, format] => export(folder.into(), format.parse()?, None).await,
        ["export", folder, format, file] => export(folder.into(), format.parse()?, Some(file)).await,
        _ => bail!("expected the number of CRAs, such as 1000000"),
    }
}

fn measure(cras: &str, days: &str) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    run(&["fill", &folder.path().display().to_string(), cras, days])?;
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

fn fill(folder: &Path, cras: u64, spread: bool) -> anyhow::Result<()> {
    let events = Events::of(cras, spread);
    let generations = open(folder)?;
    let generation = generations.serving();
    let began = Instant::now();
    let mut position = 1;
    while position <= cras {
        let next = (position + BATCH).min(cras + 1);
        let entries: Vec<LogEntry> = (position..next).map(|position| events.entry(position)).collect();
        generation.apply(&entries, Timestamp::UNIX_EPOCH)?;
        position = next;
    }
    generation.flush()?;
    println!("{cras} CRAs applied in {:.1?}, peak {} MB", began.elapsed(), peak_mb()?);
    Ok(())
}

/// Events of CRAs as advisors record them over four years: most within days of the activity, a few much later. If they are
/// `spread`, the day of activity is any of the four years before the first record.
struct Events {
    advisors: Vec<Advisor>,
    cras: u64,
    spread: bool,
}

impl Events {
    fn of(cras: u64, spread: bool) -> Self {
        let (mut draw, communes) = (Draw::of(1, 0, 0), people::inhabited());
        let advisors = (1..=ADVISORS).map(|number| {
            let home = people::by_population(&communes, &mut draw);
            let round = people::round_from(home, &communes, &mut draw);
            people::advisor(number, format!("structure-{}", number / 2), &round, &mut draw)
        });
        Self { advisors: advisors.collect(), cras, spread }
    }

    fn entry(&self, position: u64) -> LogEntry {
        let mut draw = Draw::of(1, 1, position);
        let cra_id = uuid::Builder::from_random_bytes(draw.bytes()).into_uuid();
        let days = |days: u64| SignedDuration::from_hours(24 * i64::try_from(days).unwrap_or_default());
        let recorded_at = FIRST_RECORD + days(position * DAYS / (self.cras + 1));
        let activity_at = match draw.below(100) {
            _ if self.spread => FIRST_RECORD - days(1 + draw.below(DAYS)),
            part if part < 75 => recorded_at - days(1 + draw.below(9)),
            part if part < 98 => recorded_at - days(1 + draw.below(60)),
            _ => recorded_at - days(1 + draw.below(110)),
        };
        let date = TimeZone::UTC.to_datetime(activity_at).date();
        let advisor = draw.one_of(&self.advisors);
        let event = v1::CraEvent {
            event_id: cra_id.to_string(),
            cra_id: cra_id.to_string(),
            revision: 1,
            recorded_at: Some(timestamp_message(recorded_at)),
            origin: None,
            fact: Some(v1::cra_event::Fact::Submitted(v1::CraSubmitted {
                cra: Some(activity::draw(advisor, date, &mut draw)),
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
            appended_at: recorded_at,
            trace: None,
        }
    }
}

async fn export(folder: PathBuf, format: i32, file: Option<&str>) -> anyhow::Result<()> {
    let mut file = file.map(fs::File::create).transpose()?;
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
    let (mut bytes, mut first) = (0, None);
    let mut digest = digest::Context::new(&digest::SHA256);
    while let Some(chunk) = export.next_chunk().await? {
        first.get_or_insert_with(|| began.elapsed());
        bytes += chunk.len();
        digest.update(&chunk);
        if let Some(file) = &mut file {
            file.write_all(&chunk)?;
        }
    }
    let took = began.elapsed();
    let rows = export.rows() as u128 * 1_000 / took.as_millis().max(1);
    println!(
        "{}: {} MB in {took:.1?}, {rows} rows/s, first chunk after {:.1?}; peak {} MB, {opened} MB when opened, \
         {before} MB after a scan; {:016x}",
        export.media_type(),
        bytes >> 20,
        first.unwrap_or_default(),
        peak_mb()?,
        digest.finish().as_ref().iter().take(8).fold(0_u64, |digest, byte| digest << 8 | u64::from(*byte)),
    );
    Ok(())
}

fn peak_mb() -> anyhow::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").trim().parse()?;
    Ok(kilobytes >> 10)
}
