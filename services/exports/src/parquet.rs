//! Parquet: the columns of the CSV with their types. Texts are UTF-8, counts INT64, days DATE, instants TIMESTAMP in
//! microseconds of UTC; a column is optional if a row may lack its value. Compressed with zstd.
//!
//! A row group is encoded in memory, on any thread, and appended: that, and a few hundred bytes per column and group for the
//! footer, is the memory of an export. The footer has the description of the file, as key-value pairs.

use std::io::{self, Write};
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel};
use parquet::column::writer::{ColumnCloseResult, ColumnWriter, get_column_writer};
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::{SerializedFileWriter, SerializedPageWriter, TrackedWrite};
use parquet::schema::types::{SchemaDescPtr, SchemaDescriptor, Type, TypePtr};

use super::about::About;
use super::cell::{Cell, Column, Kind};
use cra_analytics::fact::day_number;

/// Maximum number of rows per row group: their values are in memory, and each group costs memory in the footer.
pub const GROUP_ROWS_MAX: usize = 4_096;

const PRESENT: i16 = 1;
const ABSENT: i16 = 0;

/// A table being written.
pub struct Parquet<W: Write + Send, R> {
    writer: SerializedFileWriter<W>,
    schema: SchemaDescPtr,
    columns: Arc<[Column<R>]>,
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
        let descriptor = Arc::new(SchemaDescriptor::new(Arc::clone(&schema)));
        let writer = SerializedFileWriter::new(output, schema, Arc::new(properties)).map_err(failed)?;
        Ok(Self { writer, schema: descriptor, columns: columns.into() })
    }

    /// Encodes row groups of this file.
    pub fn encoder(&self) -> GroupEncoder<R> {
        GroupEncoder {
            columns: Arc::clone(&self.columns),
            schema: Arc::clone(&self.schema),
            properties: Arc::clone(self.writer.properties()),
        }
    }

    /// Appends a row group.
    pub fn append(&mut self, group: EncodedGroup) -> io::Result<()> {
        let mut writer = self.writer.next_row_group().map_err(failed)?;
        for column in group.columns {
            writer.append_column(&group.bytes, column).map_err(failed)?;
        }
        writer.close().map_err(failed)?;
        Ok(())
    }

    /// Writes the footer.
    pub fn finish(self) -> io::Result<()> {
        self.writer.close().map_err(failed)?;
        Ok(())
    }
}

/// Encodes row groups of a file.
pub struct GroupEncoder<R> {
    columns: Arc<[Column<R>]>,
    schema: SchemaDescPtr,
    properties: WriterPropertiesPtr,
}

/// An encoded row group, to be appended to its file.
pub struct EncodedGroup {
    /// The chunks of all columns, one after the other; each has its offset.
    bytes: Bytes,
    columns: Vec<ColumnCloseResult>,
}

impl<R> GroupEncoder<R> {
    /// A part without rows.
    #[must_use]
    pub fn part(&self) -> Groups<'_, R> {
        Groups { encoder: self, values: self.values(), rows: 0, encoded: Vec::new() }
    }

    fn values(&self) -> Vec<Values> {
        self.columns.iter().map(Values::of).collect()
    }
}

/// Consecutive rows of a file, in as many row groups as needed.
pub struct Groups<'a, R> {
    encoder: &'a GroupEncoder<R>,
    /// Values of the current row group, by column.
    values: Vec<Values>,
    rows: usize,
    encoded: Vec<EncodedGroup>,
}

impl<R> Groups<'_, R> {
    /// Adds a row.
    pub fn row(&mut self, row: &R) -> io::Result<()> {
        for (column, values) in self.encoder.columns.iter().zip(&mut self.values) {
            let cell = column.cell(row);
            if cell == Cell::Absent && !column.is_optional() {
                return Err(io::Error::other(format!("{} says nothing", column.name())));
            }
            values.push(cell)?;
        }
        self.rows += 1;
        if self.rows == GROUP_ROWS_MAX { self.encode() } else { Ok(()) }
    }

    /// Encodes the last rows.
    pub fn finish(mut self) -> io::Result<Vec<EncodedGroup>> {
        if self.rows > 0 {
            self.encode()?;
        }
        Ok(self.encoded)
    }

    fn encode(&mut self) -> io::Result<()> {
        let GroupEncoder { schema, properties, .. } = self.encoder;
        let mut sink = TrackedWrite::new(Vec::new());
        let mut columns = Vec::with_capacity(self.values.len());
        for (at, values) in std::mem::replace(&mut self.values, self.encoder.values()).into_iter().enumerate()
        {
            let pages = Box::new(SerializedPageWriter::new(&mut sink));
            let writer = get_column_writer(schema.column(at), Arc::clone(properties), pages);
            columns.push(values.write(writer).map_err(failed)?);
        }
        self.encoded.push(EncodedGroup { bytes: sink.into_inner().map_err(failed)?.into(), columns });
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

/// The values of one column in a row group, and which rows have one.
struct Values {
    stored: Stored,
    /// `None` if every row has one.
    levels: Option<Vec<i16>>,
}

enum Stored {
    /// All texts concatenated, and the end of each.
    Texts(Vec<u8>, Vec<usize>),
    Longs(Vec<i64>),
    Days(Vec<i32>),
}

impl Values {
    fn of<R>(column: &Column<R>) -> Self {
        let stored = match column.kind() {
            Kind::Text => Stored::Texts(Vec::new(), Vec::new()),
            Kind::Integer | Kind::Share | Kind::Instant => Stored::Longs(Vec::new()),
            Kind::Day => Stored::Days(Vec::new()),
        };
        Self { stored, levels: column.is_optional().then(Vec::new) }
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
        if let Some(levels) = &mut self.levels {
            levels.push(present);
        }
        Ok(())
    }

    /// Encodes the values.
    fn write(self, mut writer: ColumnWriter<'_>) -> Result<ColumnCloseResult, ParquetError> {
        let levels = self.levels.as_deref();
        match (self.stored, &mut writer) {
            (Stored::Texts(bytes, ends), ColumnWriter::ByteArrayColumnWriter(writer)) => {
                writer.write_batch(&slices(&bytes.into(), &ends), levels, None)?;
            }
            (Stored::Longs(longs), ColumnWriter::Int64ColumnWriter(writer)) => {
                writer.write_batch(&longs, levels, None)?;
            }
            (Stored::Days(days), ColumnWriter::Int32ColumnWriter(writer)) => {
                writer.write_batch(&days, levels, None)?;
            }
            _ => return Err(ParquetError::General("a column of another kind".to_owned())),
        }
        writer.close()
    }
}

fn slices(bytes: &Bytes, ends: &[usize]) -> Vec<ByteArray> {
    let starts = std::iter::once(0).chain(ends.iter().copied());
    starts.zip(ends).map(|(start, end)| bytes.slice(start..*end).into()).collect()
}
