//! Files of CRAs as callers receive them: over gRPC, written to the disk, until the last byte.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use cra_contracts::v1::{self, ExportContent, ExportFormat, export_response};
use jiff::ToSpan as _;
use jiff::civil::Date;

use super::asked::Statistics;
use crate::generator;
use crate::limits::sheet::sheet_limit;
use crate::report::{Measured, Row, Scenario, Target};

/// A workbook has no more rows on a sheet, and the other files of it shall be comparable.
const PART_ROWS: u64 = 1_000_000;
/// From which on a part of the CRAs is taken: the data has as many of each day.
const PART_FROM: Date = Date::constant(2021, 6, 1);

/// A file that was written.
pub(crate) struct Exported {
    pub(crate) format: ExportFormat,
    pub(crate) selection: v1::Selection,
    pub(crate) rows: u64,
    pub(crate) file: PathBuf,
    pub(crate) taken: Duration,
}

impl Exported {
    /// As the report names it.
    pub(crate) fn name(&self) -> &'static str {
        match self.format {
            ExportFormat::Parquet => "Parquet",
            ExportFormat::Csv => "CSV",
            ExportFormat::Xlsx => "XLSX",
            _ => "other files",
        }
    }

    pub(crate) fn measured(&self) -> Measured {
        Measured::rate(self.rows, "rows", self.taken)
    }

    /// Compared with the same rows by something else: within twice its time.
    pub(crate) fn row(&self, compared: &str, taken: Duration) -> Row {
        let what = format!("CRAs to {}, {} rows", self.name(), crate::report::thousands(self.rows));
        Row::new(Scenario::Exports, what, self.measured())
            .limited(compared, Measured::rate(self.rows, "rows", taken))
            .aiming(Target::RatioAtLeast(0.5))
    }
}

/// Writes the CRAs of a selection as a file into a folder.
pub(crate) async fn export(
    statistics: &mut Statistics,
    selection: &v1::Selection,
    format: ExportFormat,
    dir: &Path,
) -> anyhow::Result<Exported> {
    let ending = format.as_str_name().trim_start_matches("EXPORT_FORMAT_").to_lowercase();
    let file = dir.join(format!("cras.{ending}"));
    let question = v1::GetStatisticsRequest { selection: Some(selection.clone()), consistency: None };
    let counted = statistics.get_statistics(question).await?.into_inner().statistics;
    let rows = counted.context("an answer without statistics")?.cras;
    let request = v1::ExportRequest {
        selection: Some(selection.clone()),
        content: ExportContent::Cras.into(),
        format: format.into(),
        ..v1::ExportRequest::default()
    };
    let begun = Instant::now();
    let mut parts = statistics.export(request).await?.into_inner();
    let mut output = std::fs::File::create(&file)?;
    while let Some(part) = parts.message().await.context("the export failed")? {
        if let Some(export_response::Part::Chunk(chunk)) = part.part {
            output.write_all(&chunk)?;
        }
    }
    ensure!(rows > 0, "there is no CRA to export");
    Ok(Exported { format, selection: selection.clone(), rows, file, taken: begun.elapsed() })
}

/// A selection of about [`PART_ROWS`] of so many CRAs, or all of them if there are no more.
pub(crate) fn part_of(cras: u64) -> v1::Selection {
    if cras <= PART_ROWS {
        return v1::Selection::default();
    }
    let days = i64::try_from(generator::DAYS * PART_ROWS / cras).unwrap_or_default();
    let to = PART_FROM.saturating_add(days.days());
    v1::Selection { from: PART_FROM.to_string(), to: to.to_string(), ..v1::Selection::default() }
}

/// Compares a workbook with what its library takes alone, for the cells of a CSV file of the same CRAs.
pub(crate) async fn workbook(exported: &Exported, csv: &Exported) -> anyhow::Result<Row> {
    let (file, rows) = (csv.file.clone(), u32::try_from(exported.rows)?);
    let alone = tokio::task::spawn_blocking(move || sheet_limit(&file, rows)).await??;
    Ok(exported.row("rust_xlsxwriter alone, the same cells", alone))
}
