//! Files of CRAs, by day of activity, then by position. Parts are encoded on all cores, unless there is only one.

use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use cra_analytics::dictionary::Dictionary;
use cra_analytics::fact::Fact;
use cra_analytics::record::record;
use cra_exports::{
    Column, CraRow, CrasWorkbook, Csv, Format, GROUP_ROWS_MAX, List, LongRow, LongWorkbook, Parquet,
    cra_columns, long_columns,
};

use super::chunks::Chunks;
use super::rows::{Batch, Keys};
use super::sorter::Sorter;
use super::{Source, parts};
use crate::queries::QueryError;

/// Maximum number of CRAs per part; of Parquet as many as in a row group.
const PART_CRAS: usize = 1_024;
/// Bytes of stored CRAs in memory that wait for an earlier day.
const WAITING_BYTES_MAX: usize = 4 << 20;

/// A file of CRAs.
#[derive(Clone, Copy)]
pub(super) struct CrasFile<'a> {
    pub(super) source: Source<'a>,
    /// For temporary files.
    pub(super) folder: &'a Path,
}

impl CrasFile<'_> {
    /// Writes a row per CRA.
    pub(super) fn write(self, format: Format, output: &mut Chunks) -> Result<(), QueryError> {
        let row = |cra: CraRow, take: &mut dyn FnMut(&CraRow) -> io::Result<()>| take(&cra);
        match format {
            Format::Csv => self.csv(cra_columns(), row, output),
            Format::Parquet => self.parquet(cra_columns(), row, output),
            Format::Ndjson => self.ndjson(output),
            Format::Xlsx => {
                let mut workbook = CrasWorkbook::begin(self.folder)?;
                self.each_row_in_order(|cra| workbook.row(&cra))?;
                Ok(workbook.finish(self.source.about, output)?)
            }
        }
    }

    /// Writes a row per element of a list of each CRA.
    pub(super) fn write_long_table(
        self,
        list: List,
        format: Format,
        output: &mut Chunks,
    ) -> Result<(), QueryError> {
        let rows =
            |cra: CraRow, take: &mut dyn FnMut(&LongRow) -> io::Result<()>| LongRow::each(cra, list, take);
        match format {
            Format::Csv => self.csv(long_columns(list), rows, output),
            Format::Parquet => self.parquet(long_columns(list), rows, output),
            Format::Xlsx => {
                let mut workbook = LongWorkbook::begin(list, self.folder)?;
                self.each_row_in_order(|cra| LongRow::each(cra, list, |row| workbook.row(row)))?;
                Ok(workbook.finish(self.source.about, output)?)
            }
            Format::Ndjson => unreachable!("a long table is not offered so, see `ExportSpec`"),
        }
    }

    fn csv<R>(
        self,
        columns: Vec<Column<R>>,
        rows: impl Fn(CraRow, &mut dyn FnMut(&R) -> io::Result<()>) -> io::Result<()> + Sync,
        output: &mut Chunks,
    ) -> Result<(), QueryError> {
        let columns: Arc<[_]> = columns.into();
        Csv::begin(&mut *output, Arc::clone(&columns))?.finish()?;
        let encode = |cras: &Batch| {
            let mut bytes = Vec::new();
            let mut part = Csv::part(&mut bytes, Arc::clone(&columns));
            self.each_cra(cras, |cra| rows(cra, &mut |row| part.row(row)))?;
            part.finish()?;
            Ok(bytes)
        };
        self.each_part(PART_CRAS, encode, |bytes| Ok(output.write_all(&bytes)?))
    }

    fn ndjson(self, output: &mut Chunks) -> Result<(), QueryError> {
        let encode = |cras: &Batch| {
            let mut bytes = Vec::new();
            let dictionary = self.source.scan.snapshot.generation.dictionary();
            let record = |fact: Fact, dictionary: &Dictionary| record(&fact, dictionary);
            cras.try_each(dictionary, record, |record| Ok(cra_exports::ndjson(&mut bytes, &record)?))?;
            Ok(bytes)
        };
        self.each_part(PART_CRAS, encode, |bytes| Ok(output.write_all(&bytes)?))
    }

    fn parquet<R>(
        self,
        columns: Vec<Column<R>>,
        rows: impl Fn(CraRow, &mut dyn FnMut(&R) -> io::Result<()>) -> io::Result<()> + Sync,
        output: &mut Chunks,
    ) -> Result<(), QueryError> {
        let mut table = Parquet::begin(output, columns, self.source.about)?;
        let encoder = table.encoder();
        let encode = |cras: &Batch| {
            let mut groups = encoder.part();
            self.each_cra(cras, |cra| rows(cra, &mut |row| groups.row(row)))?;
            Ok(groups.finish()?)
        };
        self.each_part(GROUP_ROWS_MAX, encode, |groups| {
            Ok(groups.into_iter().try_for_each(|group| table.append(group))?)
        })?;
        Ok(table.finish()?)
    }

    /// Makes rows on all cores; the function gets them in order. For formats that are written row by row.
    fn each_row_in_order(self, mut take: impl FnMut(CraRow) -> io::Result<()>) -> Result<(), QueryError> {
        let rows = |cras: &Batch| {
            let mut rows = Vec::with_capacity(cras.len());
            self.each_cra(cras, |cra| {
                rows.push(cra);
                Ok(())
            })?;
            Ok(rows)
        };
        self.each_part(PART_CRAS, rows, |rows| Ok(rows.into_iter().try_for_each(&mut take)?))
    }

    fn each_cra(
        self,
        cras: &Batch,
        mut take: impl FnMut(CraRow) -> io::Result<()>,
    ) -> Result<(), QueryError> {
        let dictionary = self.source.scan.snapshot.generation.dictionary();
        cras.try_each(dictionary, CraRow::new, |cra| Ok(take(cra)?))
    }

    /// Encodes the CRAs in parts, and appends them in the order of the file.
    fn each_part<P: Send>(
        self,
        cras_max: usize,
        encode: impl Fn(&Batch) -> Result<P, QueryError> + Sync,
        mut append: impl FnMut(P) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let Source { scan, selection, rows, .. } = self.source;
        let keys = Keys::of(scan, selection)?;
        let encode = |batch: Batch| Ok((batch.len(), encode(&batch)?));
        let mut append = |(cras, part): (usize, P)| {
            append(part)?;
            rows.fetch_add(cras, Ordering::Relaxed);
            Ok(())
        };
        let sorter = Sorter::new(self.folder, WAITING_BYTES_MAX);
        if keys.len() <= cras_max {
            return keys.each_batch(scan, cras_max, sorter, |batch| append(encode(batch)?));
        }
        parts::in_order(|take| keys.each_batch(scan, cras_max, sorter, take), encode, append)
    }
}
