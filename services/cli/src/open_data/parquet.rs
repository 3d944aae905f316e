//! The table as Parquet: texts and 64-bit counts, all of them required, in one row group.

use std::sync::Arc;

use cra_contracts::v1;
use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{Type, TypePtr};

use super::fields::{Field, Kind};
use super::{Cell, TABLE};

/// The file's bytes.
pub(super) fn write(
    publication: &v1::Publication,
    fields: &[Field],
    cells: &[Cell],
) -> Result<Vec<u8>, ParquetError> {
    let pair = |key: &str, value: &str| KeyValue::new(key.to_owned(), value.to_owned());
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_key_value_metadata(Some(vec![
            pair("publication", &publication.name),
            pair("licence", "Licence Ouverte 2.0 (etalab-2.0)"),
        ]))
        .build();
    let mut bytes = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut bytes, schema(fields)?, Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    for field in fields {
        let Some(mut column) = group.next_column()? else {
            return Err(ParquetError::General("more columns than the schema has".to_owned()));
        };
        match field.kind {
            Kind::Text => {
                let texts: Vec<ByteArray> =
                    cells.iter().map(|cell| field.text(cell).into_bytes().into()).collect();
                column.typed::<ByteArrayType>().write_batch(&texts, None, None)?;
            }
            Kind::Count => {
                let counts: Result<Vec<i64>, _> =
                    cells.iter().map(|cell| field.count(cell).try_into()).collect();
                let counts = counts.map_err(|error| ParquetError::External(Box::new(error)))?;
                column.typed::<Int64Type>().write_batch(&counts, None, None)?;
            }
        }
        column.close()?;
    }
    group.close()?;
    writer.close()?;
    Ok(bytes)
}

fn schema(fields: &[Field]) -> Result<TypePtr, ParquetError> {
    let columns = fields.iter().map(|field| {
        let (physical, logical) = match field.kind {
            Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Kind::Count => (Physical::INT64, None),
        };
        let column = Type::primitive_type_builder(&field.name, physical)
            .with_logical_type(logical)
            .with_repetition(Repetition::REQUIRED);
        Ok(Arc::new(column.build()?))
    });
    let columns = columns.collect::<Result<Vec<_>, ParquetError>>()?;
    Ok(Arc::new(Type::group_type_builder(TABLE).with_fields(columns).build()?))
}
