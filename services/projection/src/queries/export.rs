//! A file of one snapshot, written while it is taken: a thread reads facts, writes the format and waits for the caller.
//! What is in a file and how it looks is in [`crate::exports`].

mod chunks;
mod cras;
mod months;
mod parts;
mod rows;
mod sorter;
mod spec;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use cra_contracts::v1;
use cra_domain::cra::DecodeError;
use cra_domain::selection::Selection;
use cra_runtime::in_flight::Permit;
use cra_runtime::off_workers::{is_large, off_workers};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use self::chunks::Chunks;
use self::cras::CrasFile;
use self::months::Months;
pub use self::spec::{ExportSpec, check_export};
use super::scan::{CancelOnDrop, Scan};
use super::{Breakdown, QueryError, Snapshot};
use crate::store::StoreError;
use cra_analytics::accumulator::Accumulator;
use cra_analytics::dimension::Dimension;
use cra_analytics::figures;
use cra_analytics::order::Order;
use cra_analytics::periods::{Period, Periods};
use cra_exports::{self, About, BreakdownLine, BreakdownWorkbook, Content, Csv, Format, PeriodFigures};

/// A file being written.
pub struct Export {
    file_name: String,
    media_type: &'static str,
    snapshot: v1::Snapshot,
    chunks: mpsc::Receiver<Bytes>,
    writing: JoinHandle<Result<(), QueryError>>,
    rows: Arc<AtomicUsize>,
    _cancel_on_drop: CancelOnDrop,
}

impl Export {
    /// Its name, the same for the same query.
    #[must_use]
    pub fn file_name(&self) -> &str {
        &self.file_name
    }

    /// Its registered media type.
    #[must_use]
    pub fn media_type(&self) -> &str {
        self.media_type
    }

    /// Its snapshot.
    #[must_use]
    pub fn snapshot(&self) -> &v1::Snapshot {
        &self.snapshot
    }

    /// Number of CRAs, or rows of a breakdown, written so far.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows.load(Ordering::Relaxed)
    }

    /// The next chunk; `None` once the file is complete. Do not call it again after that, or after an error.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>, QueryError> {
        if let Some(chunk) = self.chunks.recv().await {
            return Ok(Some(chunk));
        }
        // No more chunks: the file is complete only if its writer has finished it.
        (&mut self.writing).await.map_err(|_| QueryError::Cancelled)??;
        Ok(None)
    }
}

/// Starts a file, or returns every fault of the request. Long workbooks, and CRAs that must be sorted, are buffered in unnamed
/// files in `folder`;
/// the permit is released once the file is written or its caller has gone.
pub async fn export(
    wanted: ExportSpec,
    snapshot: Snapshot,
    folder: PathBuf,
    permit: Permit,
) -> Result<Export, QueryError> {
    let ExportSpec { content, format, selection } = wanted;
    let shown = snapshot.to_message();
    let (named, of) = (shown.clone(), Arc::clone(&selection));
    let naming = off_workers(is_large(selection.message()), move || {
        let file_name = cra_exports::file_name(content, format, of.message(), named.position);
        (file_name, About { content, selection: of.message().clone(), snapshot: named })
    });
    let (file_name, about) = naming.await.map_err(|_| QueryError::Cancelled)?;
    let (scan, cancel_on_drop) = Scan::streamed(snapshot);
    let (mut output, chunks) = chunks::channel();
    let rows = Arc::<AtomicUsize>::default();
    let written_rows = Arc::clone(&rows);
    let writing = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        let source = Source { scan: &scan, selection: &selection, about: &about, rows: &written_rows };
        let written = write(source, format, &folder, &mut output);
        output.end(written)
    });
    let media_type = format.media_type();
    Ok(Export {
        file_name,
        media_type,
        snapshot: shown,
        chunks,
        writing,
        rows,
        _cancel_on_drop: cancel_on_drop,
    })
}

/// The source of a file.
#[derive(Clone, Copy)]
struct Source<'a> {
    scan: &'a Scan,
    selection: &'a Selection,
    about: &'a About,
    rows: &'a AtomicUsize,
}

fn write(source: Source<'_>, format: Format, folder: &Path, output: &mut Chunks) -> Result<(), QueryError> {
    let Source { scan, selection, about, .. } = source;
    match about.content {
        Content::Statistics => write_statistics(source, format, output),
        Content::Series(granularity) => write_series(source, granularity, format, output),
        Content::Cras => CrasFile { source, folder }.write(format, output),
        Content::LongTable(list) => CrasFile { source, folder }.write_long_table(list, format, output),
        Content::Breakdown(dimension) => {
            let breakdown = Breakdown::parse(dimension.into(), Order::DEFAULT, false)?;
            let lines = breakdown.lines(scan, selection)?;
            source.rows.fetch_add(lines.len(), Ordering::Relaxed);
            let dictionary = scan.snapshot.generation.dictionary();
            // Created one at a time: a row is a message of some kilobytes.
            let rows = lines.iter().map(|line| line.to_message(&dictionary.read()));
            write_breakdown(rows, format, about, folder, output)
        }
    }
}

fn write_statistics(source: Source<'_>, format: Format, output: &mut Chunks) -> Result<(), QueryError> {
    let Source { scan, selection, about, .. } = source;
    let months = Months::of(scan.rows(selection, Dimension::MONTH)?);
    let dictionary = scan.snapshot.generation.dictionary();
    let statistics = figures::statistics(&months.total(), &dictionary.read());
    match format {
        Format::Xlsx => {
            let months = months.figures(&about.selection, &dictionary.read());
            cra_exports::statistics_workbook(&statistics, &months, about, output)?;
        }
        Format::Csv => cra_exports::statistics_csv(&statistics, about, output)?,
        Format::Ndjson | Format::Parquet => unreachable!("statistics are not offered so, see `ExportSpec`"),
    }
    Ok(())
}

fn write_series(
    source: Source<'_>,
    granularity: v1::Granularity,
    format: Format,
    output: &mut Chunks,
) -> Result<(), QueryError> {
    let Source { scan, selection, about, .. } = source;
    let periods = Periods::parse(&about.selection, granularity.into())?;
    let slots = periods.all().len();
    let gathered = scan.by_day(selection, slots, |day| periods.index_of(day))?;
    let figures: Vec<PeriodFigures> = {
        let dictionary = scan.snapshot.generation.dictionary().read();
        let of = |(period, gathered): (&Period, Accumulator)| PeriodFigures {
            from: period.from,
            to: period.to,
            statistics: figures::statistics(&gathered.totals(), &dictionary),
        };
        periods.all().iter().zip(gathered).map(of).collect()
    };
    match format {
        Format::Xlsx => cra_exports::series_workbook(&figures, granularity, about, output)?,
        Format::Csv => cra_exports::series_csv(&figures, granularity, output)?,
        Format::Ndjson | Format::Parquet => unreachable!("a series is not offered so, see `ExportSpec`"),
    }
    Ok(())
}

fn write_breakdown(
    rows: impl Iterator<Item = v1::BreakdownRow>,
    format: Format,
    about: &About,
    folder: &Path,
    output: &mut Chunks,
) -> Result<(), QueryError> {
    let mut lines = rows.map(|row| BreakdownLine::try_from(row).map_err(damaged));
    match format {
        Format::Xlsx => {
            let mut workbook = BreakdownWorkbook::begin(folder)?;
            lines.try_for_each(|line| Ok::<_, QueryError>(workbook.row(&line?)?))?;
            workbook.finish(about, output)?;
        }
        Format::Csv => {
            let mut table = Csv::begin(output, cra_exports::breakdown_columns())?;
            lines.try_for_each(|line| Ok::<_, QueryError>(table.row(&line?)?))?;
            table.finish()?;
        }
        Format::Ndjson | Format::Parquet => unreachable!("a breakdown is not offered so, see `ExportSpec`"),
    }
    Ok(())
}

#[allow(clippy::needless_pass_by_value)] // for `map_err`
fn damaged(error: DecodeError) -> QueryError {
    StoreError::Damaged(error.to_string()).into()
}
