//! An export needs the memory of a few chunks, whatever its number of CRAs, and the number of concurrent exports is
//! limited by the settings. A start reads the segment of so many CRAs, if its file is whole. On Linux only, where the peak memory of a process can be read.
#![cfg(target_os = "linux")]

use std::fs;

use cra_contracts::v1 as pb;
use cra_domain::event::{record, timestamp_message};
use cra_eventlog::nats::{NatsLog, NatsSettings};
use cra_eventlog::{Append as _, Expectation, NewEvent, StreamId};
use jiff::Timestamp;
use pb::cra_event::Fact;
use pb::export_response::Part;
use tokio_stream::StreamExt as _;
use tonic::Code;
use uuid::Uuid;

use crate::harness::{Pair, Service, Statistics, assert_refused, cra_of, eventually, files_below};

/// Enough that every thread, buffer and temporary file of an export is in use.
const FEW: u32 = 40_000;
/// With [`FEW`], more than a segment of the read models has positions.
const MANY: u32 = 230_000;
const FEW_DAY: &str = "2024-01-02";
const MANY_DAY: &str = "2024-01-03";
/// Growth from the small to the large export, in MB. The large one's rows take 25 MB as stored, 115 MB as NDJSON.
const GROWTH_MAX_MB: u64 = 40;
/// Concurrent appends, which share durable writes.
const APPENDS: usize = 2_000;
/// Default of the projection's settings.
const EXPORTS_IN_FLIGHT: usize = 8;

const FILES: [(pb::ExportContent, pb::ExportFormat); 6] = [
    (pb::ExportContent::Cras, pb::ExportFormat::Csv),
    (pb::ExportContent::Cras, pb::ExportFormat::Xlsx),
    (pb::ExportContent::Cras, pb::ExportFormat::Ndjson),
    (pb::ExportContent::Cras, pb::ExportFormat::Parquet),
    (pb::ExportContent::CraThemes, pb::ExportFormat::Csv),
    (pb::ExportContent::CraAges, pb::ExportFormat::Parquet),
];

fn event(number: u32) -> NewEvent {
    let day = if number < FEW { FEW_DAY } else { MANY_DAY };
    let (cra_id, event_id) = (Uuid::new_v4(), Uuid::new_v4());
    let cra = pb::Cra { date: day.into(), annotation: format!("séance {number}"), ..cra_of(number) };
    let event = pb::CraEvent {
        event_id: event_id.to_string(),
        cra_id: cra_id.to_string(),
        revision: 1,
        recorded_at: Some(timestamp_message(Timestamp::now())),
        origin: None,
        fact: Some(Fact::Submitted(pb::CraSubmitted { cra: Some(cra), defaulted_fields: vec![] })),
        moved: false,
        forgotten: None,
    };
    NewEvent { stream: StreamId(cra_id), event_id, payload: record::encode(&event), trace: None }
}

/// Appends directly to the log: the export is measured, not the submission.
async fn filled() -> Pair {
    let mut pair = Pair::start().await;
    let settings = NatsSettings { url: pair.nats.url(), ..NatsSettings::default() };
    let log = std::sync::Arc::new(NatsLog::connect(settings).await.unwrap());
    let mut number = 0;
    while number < FEW + MANY {
        let next = (number + u32::try_from(APPENDS).unwrap()).min(FEW + MANY);
        let appends = (number..next).map(|number| {
            let log = std::sync::Arc::clone(&log);
            tokio::spawn(async move { log.append(event(number), Expectation::NoEvent).await })
        });
        for append in appends.collect::<Vec<_>>() {
            let _ = append.await.unwrap().unwrap();
        }
        number = next;
    }
    everything_counts(&pair).await;
    // A restart, because the peak of applying events would hide that of an export. A scan first fills the store's
    // cache, which is not a cost of an export.
    pair.projection.terminate();
    assert!(pair.projection.ended().await.success());
    pair.projection.start_and_serve().await;
    everything_counts(&pair).await;
    pair
}

async fn everything_counts(pair: &Pair) {
    let mut statistics = pair.statistics().await;
    eventually("everything counts", async || {
        let request = pb::GetStatisticsRequest::default();
        let answer = statistics.get_statistics(request).await.map_err(|status| status.to_string())?;
        let cras = answer.into_inner().statistics.unwrap().cras;
        if cras == u64::from(FEW + MANY) { Ok(()) } else { Err(format!("{cras} CRAs")) }
    })
    .await;
}

fn request_of(day: &str, (content, format): (pb::ExportContent, pb::ExportFormat)) -> pb::ExportRequest {
    let selection = pb::Selection { from: day.into(), ..pb::Selection::default() };
    let selection =
        pb::Selection { to: if day == FEW_DAY { day.into() } else { String::new() }, ..selection };
    pb::ExportRequest {
        selection: Some(selection),
        content: content.into(),
        format: format.into(),
        ..pb::ExportRequest::default()
    }
}

/// Reads a file without keeping it, and returns its length.
async fn bytes_of(statistics: &mut Statistics, request: pb::ExportRequest) -> usize {
    let mut parts = statistics.export(request).await.unwrap().into_inner();
    let mut bytes = 0;
    while let Some(answer) = parts.next().await {
        if let Some(Part::Chunk(chunk)) = answer.unwrap().part {
            bytes += chunk.len();
        }
    }
    bytes
}

fn peak_mb(service: &Service) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", service.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1_024
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_does_not_grow_with_the_rows_of_a_file_and_exports_at_once_are_bounded() {
    let mut pair = filled().await;
    let mut statistics = pair.statistics().await;
    let mut few = Vec::new();
    for file in FILES {
        few.push(bytes_of(&mut statistics, request_of(FEW_DAY, file)).await);
    }
    let before = peak_mb(&pair.projection);
    for (file, few) in FILES.into_iter().zip(few) {
        let many = bytes_of(&mut statistics, request_of(MANY_DAY, file)).await;
        assert!(many > few * 3, "{file:?}: {few} bytes, then {many}");
        let growth = peak_mb(&pair.projection) - before;

        assert!(growth <= GROWTH_MAX_MB, "{file:?}: {before} MB, then {growth} more");
    }
    the_permits_are_bounded(&pair).await;
    segments_are_read_if_they_are_whole(&mut pair).await;
}

/// Restarts the projection with the segment as it was stored, then with an altered one: both give the figures of the facts,
/// and the altered one is written again.
async fn segments_are_read_if_they_are_whole(pair: &mut Pair) {
    let figures = async |pair: &Pair| {
        let request = pb::GetStatisticsRequest::default();
        pair.statistics().await.get_statistics(request).await.unwrap().into_inner().statistics
    };
    let segments = files_below(&pair.read_models());
    let segments: Vec<_> = segments.into_iter().filter(|path| path.ends_with("segments/0")).collect();
    let [segment] = &segments[..] else { panic!("{segments:?}") };
    let (expected, stored) = (figures(pair).await, fs::read(segment).unwrap());
    let mut altered = stored.clone();
    altered[stored.len() / 2] ^= 1;
    for file in [&stored, &altered] {
        pair.projection.terminate();
        assert!(pair.projection.ended().await.success());
        fs::write(segment, file).unwrap();
        pair.projection.start_and_serve().await;
        everything_counts(pair).await;
        assert_eq!(figures(pair).await, expected);
        let now = fs::read(segment).unwrap();
        // An altered one is made again, with other hashes.
        assert!(now != altered && (now == stored) == (*file == stored));
    }
}

/// Exports that are not read hold their permits, a further one is refused with a retry delay, and a cancelled one
/// releases its permit.
async fn the_permits_are_bounded(pair: &Pair) {
    let request = || request_of(MANY_DAY, (pb::ExportContent::Cras, pb::ExportFormat::Ndjson));
    let mut exports = Vec::new();
    for _ in 0..EXPORTS_IN_FLIGHT {
        exports.push(pair.statistics().await.export(request()).await.unwrap());
    }
    let refused = pair.statistics().await.export(request()).await.unwrap_err();
    assert_refused(&refused, Code::ResourceExhausted, "BUSY");
    drop(exports);
    eventually("the permits are released", async || {
        let answer = pair.statistics().await.export(request()).await;
        answer.map(drop).map_err(|status| status.to_string())
    })
    .await;
}
