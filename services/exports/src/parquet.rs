//! Parquet: the columns of the CSV with their types. Texts are UTF-8, counts INT64, days DATE, instants TIMESTAMP in
//! microseconds of UTC; a column is optional if a row may lack its value. Compressed with zstd.
//!
//! Rows are buffered until a row group is full: that, and a few hundred bytes per column and group for the footer, is
//! the memory of an export. The footer has the description of the file, as key-value pairs.

use std::io::{self, Write};
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{Type, TypePtr};

use super::about::About;
use super::cell::{Cell, Column, Kind};
use cra_analytics::fact::day_number;

/// Maximum number of rows per row group.
const GROUP_ROWS_MAX: usize = 4_096;
/// Approximate maximum of text bytes per row group: rows of older documents may be long.
const GROUP_TEXT_BYTES_MAX: usize = 16 << 20;

const PRESENT: i16 = 1;
const ABSENT: i16 = 0;

/// A table being written.
pub struct Parquet<W: Write + Send, R> {
    writer: SerializedFileWriter<W>,
    columns: Vec<Column<R>>,
    group: Vec<Values>,
    rows: usize,
}

impl<W: Write + Send, R> Parquet<W, R> {
    /// Starts the file.
    pub fn begin(output: W, columns: Vec<Column<R>>, about: &About) -> io::Result<Self> {
        let pair = |(key, value): (&str, String)| KeyValue::new(key.to_owned(), value);
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_statistics_enabled(EnabledStatistics::Chunk)
            // It would be kept per page until the end of the file, in memory that grows with the rows.
            .set_offset_index_disabled(true)
            .set_key_value_metadata(Some(about.metadata().into_iter().map(pair).collect()))
            .build();
        let schema = schema(&columns).map_err(failed)?;
        let writer = SerializedFileWriter::new(output, schema, Arc::new(properties)).map_err(failed)?;
        let group = columns.iter().map(|column| Values::of(column.kind())).collect();
        Ok(Self { writer, columns, group, rows: 0 })
    }

    /// Adds a row.
    pub fn row(&mut self, row: &R) -> io::Result<()> {
        for (column, values) in self.columns.iter().zip(&mut self.group) {
            let cell = column.cell(row);
            if cell == Cell::Absent && !column.is_optional() {
                return Err(io::Error::other(format!("{} says nothing", column.name())));
            }
            values.push(cell)?;
        }
        self.rows += 1;
        let text_bytes: usize = self.group.iter().map(Values::text_bytes).sum();
        if self.rows == GROUP_ROWS_MAX || text_bytes >= GROUP_TEXT_BYTES_MAX {
            self.write_group()?;
        }
        Ok(())
    }

    /// Writes the remaining rows and the footer.
    pub fn finish(mut self) -> io::Result<()> {
        if self.rows > 0 {
            self.write_group()?;
        }
        self.writer.close().map_err(failed)?;
        Ok(())
    }

    fn write_group(&mut self) -> io::Result<()> {
        let mut group = self.writer.next_row_group().map_err(failed)?;
        for (column, values) in self.columns.iter().zip(&mut self.group) {
            let writer = group.next_column().map_err(failed)?;
            let writer = writer.ok_or_else(|| io::Error::other("more columns than the schema has"))?;
            values.write(writer, column.is_optional()).map_err(failed)?;
        }
        group.close().map_err(failed)?;
        self.rows = 0;
        Ok(())
    }
}

fn failed(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(inner) => io::Error::other(inner),
        other => io::Error::other(other),
    }
}

fn schema<R>(columns: &[Column<R>]) -> Result<TypePtr, ParquetError> {
    let fields = columns.iter().map(|column| {
        let (physical, logical) = match column.kind() {
            Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Kind::Integer | Kind::Share => (Physical::INT64, None),
            Kind::Day => (Physical::INT32, Some(LogicalType::Date)),
            Kind::Instant => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MICROS))),
        };
        let repetition = if column.is_optional() { Repetition::OPTIONAL } else { Repetition::REQUIRED };
        let field = Type::primitive_type_builder(column.name(), physical)
            .with_logical_type(logical)
            .with_repetition(repetition);
        Ok(Arc::new(field.build()?))
    });
    let fields = fields.collect::<Result<Vec<_>, ParquetError>>()?;
    Ok(Arc::new(Type::group_type_builder("cra").with_fields(fields).build()?))
}

/// The values of one column in the current row group, and which rows have one.
struct Values {
    stored: Stored,
    levels: Vec<i16>,
}

enum Stored {
    /// All texts concatenated, and the end of each.
    Texts(Vec<u8>, Vec<usize>),
    Longs(Vec<i64>),
    Days(Vec<i32>),
}

impl Values {
    fn of(kind: Kind) -> Self {
        let stored = match kind {
            Kind::Text => Stored::Texts(Vec::new(), Vec::new()),
            Kind::Integer | Kind::Share | Kind::Instant => Stored::Longs(Vec::new()),
            Kind::Day => Stored::Days(Vec::new()),
        };
        Self { stored, levels: Vec::new() }
    }

    fn push(&mut self, cell: Cell<'_>) -> io::Result<()> {
        let present = if cell == Cell::Absent { ABSENT } else { PRESENT };
        match (&mut self.stored, cell) {
            (_, Cell::Absent) => {}
            (Stored::Texts(bytes, ends), Cell::Text(text)) => {
                bytes.extend_from_slice(text.as_bytes());
                ends.push(bytes.len());
            }
            (Stored::Longs(longs), Cell::Integer(number)) => {
                longs.push(i64::try_from(number).map_err(io::Error::other)?);
            }
            (Stored::Longs(longs), Cell::Share(per_mille)) => longs.push(per_mille.into()),
            (Stored::Longs(longs), Cell::Instant(instant)) => longs.push(instant.as_microsecond()),
            (Stored::Days(days), Cell::Day(day)) => days.push(day_number(day)),
            (_, cell) => return Err(io::Error::other(format!("{cell:?} in a column of another kind"))),
        }
        self.levels.push(present);
        Ok(())
    }

    fn text_bytes(&self) -> usize {
        match &self.stored {
            Stored::Texts(bytes, _) => bytes.len(),
            Stored::Longs(_) | Stored::Days(_) => 0,
        }
    }

    /// Writes and clears the values.
    fn write(&mut self, mut writer: SerializedColumnWriter<'_>, optional: bool) -> Result<(), ParquetError> {
        let levels = optional.then_some(&self.levels[..]);
        match &mut self.stored {
            Stored::Texts(bytes, ends) => {
                let texts = slices(&std::mem::take(bytes).into(), ends);
                writer.typed::<ByteArrayType>().write_batch(&texts, levels, None)?;
                ends.clear();
            }
            Stored::Longs(longs) => {
                writer.typed::<Int64Type>().write_batch(longs, levels, None)?;
                longs.clear();
            }
            Stored::Days(days) => {
                writer.typed::<Int32Type>().write_batch(days, levels, None)?;
                days.clear();
            }
        }
        self.levels.clear();
        writer.close()
    }
}

fn slices(bytes: &Bytes, ends: &[usize]) -> Vec<ByteArray> {
    let starts = std::iter::once(0).chain(ends.iter().copied());
    starts.zip(ends).map(|(start, end)| bytes.slice(start..*end).into()).collect()
}
