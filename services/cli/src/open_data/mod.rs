//! The public figures as open data: the same table as CSV and Parquet, its Table Schema, a dictionary of its fields,
//! and the licence. The files do not depend on when or where they are written.

mod fields;
mod parquet;

use std::collections::BTreeMap;

use anyhow::Context as _;
use cra_contracts::v1;
use cra_domain::territory;
use jiff::civil::Date;
use serde_json::json;

use fields::{Field, Kind};

/// Name of the table, used in the file names.
const TABLE: &str = "cra-departements-mois";
/// Byte order mark, which spreadsheets need to recognise UTF-8.
const BOM: &str = "\u{feff}";

/// The figures of a department and a month.
#[derive(Debug)]
pub(crate) struct Cell {
    month: String,
    department: String,
    department_name: String,
    region: String,
    region_name: String,
    statistics: v1::Statistics,
    /// Counts of the breakdowns, by the contract's name.
    lines: BTreeMap<String, u64>,
}

impl Cell {
    /// From a row of a breakdown by department for one month.
    pub(crate) fn of(month: Date, row: v1::BreakdownRow) -> Self {
        let communes = territory::communes();
        let region =
            communes.department(&row.code).and_then(|department| communes.region(department.region()));
        let statistics = row.statistics.unwrap_or_default();
        let s = &statistics;
        let lists =
            [&s.channels, &s.activities, &s.themes, &s.sub_themes, &s.durations, &s.ages, &s.statuses];
        let lines = lists.into_iter().flatten().map(|line| (line.name.clone(), line.count)).collect();
        Self {
            month: month.strftime("%Y-%m").to_string(),
            department: row.code,
            department_name: row.label,
            region: region.map_or(String::new(), |region| region.code().to_owned()),
            region_name: region.map_or(String::new(), |region| region.name().to_owned()),
            statistics,
            lines,
        }
    }
}

/// The cells of one publication.
#[derive(Debug)]
pub(crate) struct OpenData {
    publication: v1::Publication,
    cells: Vec<Cell>,
}

impl Extend<Cell> for OpenData {
    fn extend<T: IntoIterator<Item = Cell>>(&mut self, cells: T) {
        self.cells.extend(cells);
    }
}

impl OpenData {
    /// A publication without cells.
    pub(crate) fn of(publication: v1::Publication) -> Self {
        Self { publication, cells: Vec::new() }
    }

    /// The name of the publication.
    pub(crate) fn publication(&self) -> &str {
        &self.publication.name
    }

    /// Names and contents of the files.
    pub(crate) fn files(&self) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
        let fields = fields::all();
        let base = self.cells.first().map_or(0, |cell| cell.statistics.rounded_to);
        Ok(vec![
            (format!("{TABLE}.csv"), self.csv(&fields)?),
            (format!("{TABLE}.parquet"), parquet::write(&self.publication, &fields, &self.cells)?),
            (format!("{TABLE}.schema.json"), pretty(&schema(&fields, base))),
            ("datapackage.json".to_owned(), pretty(&self.package())),
            ("dictionnaire.csv".to_owned(), dictionary(&fields, base)?),
            ("LICENCE.md".to_owned(), self.licence().into_bytes()),
        ])
    }

    fn csv(&self, fields: &[Field]) -> anyhow::Result<Vec<u8>> {
        let rows = self.cells.iter().map(|cell| fields.iter().map(|field| field.text(cell)).collect());
        table(fields.iter().map(|field| field.name.clone()).collect(), rows)
    }

    /// Frictionless Data Package, which describes the CSV format.
    fn package(&self) -> serde_json::Value {
        json!({
            "profile": "tabular-data-package",
            "name": TABLE,
            "title": "Comptes-rendus d'activité des conseillers numériques, par département et par mois",
            "version": self.publication.name,
            "licenses": [{
                "name": "etalab-2.0",
                "title": "Licence Ouverte 2.0",
                "path": "https://www.etalab.gouv.fr/licence-ouverte-open-licence/",
            }],
            "resources": [{
                "profile": "tabular-data-resource",
                "name": TABLE,
                "path": format!("{TABLE}.csv"),
                "format": "csv",
                "mediatype": "text/csv",
                "encoding": "utf-8",
                "dialect": { "delimiter": ";", "lineTerminator": "\r\n", "quoteChar": "\"", "header": true },
                "schema": format!("{TABLE}.schema.json"),
            }],
        })
    }

    fn licence(&self) -> String {
        let v1::Publication { name, from, to, .. } = &self.publication;
        format!(
            "# Licence\n\n\
             Ces données sont publiées sous la [Licence Ouverte 2.0](https://www.etalab.gouv.fr/licence-ouverte-open-licence/) \
             d'Etalab : leur réutilisation est libre, à condition d'en mentionner la source et la date.\n\n\
             Mention : « Agence nationale de la cohésion des territoires (ANCT), comptes-rendus d'activité des conseillers \
             numériques, publication {name} ».\n\n\
             Période : du {from} au {to}, par mois entiers.\n",
        )
    }
}

fn pretty(value: &serde_json::Value) -> Vec<u8> {
    format!("{value:#}\n").into_bytes()
}

/// Table Schema (source: the Frictionless specifications).
fn schema(fields: &[Field], base: u64) -> serde_json::Value {
    let described = fields.iter().map(|field| {
        let constraints = match field.kind {
            Kind::Text => json!({ "required": true }),
            Kind::Count => json!({ "required": true, "minimum": 0 }),
        };
        json!({
            "name": field.name,
            "title": field.title,
            "description": field.description(base),
            "type": if field.kind == Kind::Text { "string" } else { "integer" },
            "constraints": constraints,
        })
    });
    json!({
        "fields": described.collect::<Vec<_>>(),
        "primaryKey": ["mois", "departement_code"],
        "missingValues": [""],
    })
}

fn dictionary(fields: &[Field], base: u64) -> anyhow::Result<Vec<u8>> {
    let rows = fields.iter().map(|field| {
        let kind = if field.kind == Kind::Text { "texte" } else { "entier" };
        vec![field.name.clone(), field.title.clone(), kind.to_owned(), field.description(base)]
    });
    table(["champ", "libelle", "type", "description"].map(str::to_owned).to_vec(), rows)
}

/// CSV in the services' format: UTF-8 with a byte order mark, semicolons, CRLF.
fn table(header: Vec<String>, rows: impl Iterator<Item = Vec<String>>) -> anyhow::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new()
        .delimiter(b';')
        .terminator(csv::Terminator::CRLF)
        .from_writer(BOM.as_bytes().to_vec());
    writer.write_record(header)?;
    for row in rows {
        writer.write_record(row)?;
    }
    writer.into_inner().context("a table could not be written")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open_data() -> OpenData {
        let publication = v1::Publication {
            name: "20240316T000000Z_d_0".to_owned(),
            from: "2020-01-01".to_owned(),
            to: "2024-02-29".to_owned(),
            ..v1::Publication::default()
        };
        let email = v1::Count { name: "THEME_EMAIL".to_owned(), count: 35, ..v1::Count::default() };
        let statistics =
            v1::Statistics { cras: 40, acts: 45, themes: vec![email], rounded_to: 5, ..Default::default() };
        let row = v1::BreakdownRow {
            code: "2A".to_owned(),
            label: "Corse-du-Sud".to_owned(),
            statistics: Some(statistics),
            ..v1::BreakdownRow::default()
        };
        let mut data = OpenData::of(publication);
        data.extend([Cell::of(jiff::civil::date(2024, 2, 1), row)]);
        data
    }

    fn file(name: &str) -> String {
        let files = open_data().files().unwrap();
        let (_, content) = files.into_iter().find(|(other, _)| other == name).unwrap();
        String::from_utf8(content).unwrap()
    }

    #[test]
    fn a_row_has_department_region_month_and_every_count() {
        let text = file("cra-departements-mois.csv");
        let mut reader =
            csv::ReaderBuilder::new().delimiter(b';').from_reader(text.trim_start_matches(BOM).as_bytes());
        let header = reader.headers().unwrap().clone();
        let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 1);
        let value = |name: &str| rows[0][header.iter().position(|it| it == name).unwrap()].to_owned();
        assert_eq!((value("mois").as_str(), value("departement_code").as_str()), ("2024-02", "2A"));
        assert_eq!((value("region_code").as_str(), value("region_nom").as_str()), ("94", "Corse"));
        assert_eq!((value("cras").as_str(), value("accompagnements").as_str()), ("40", "45"));
        assert_eq!((value("theme_courriel").as_str(), value("theme_smartphone").as_str()), ("35", "0"));
    }

    #[test]
    fn schema_and_dictionary_describe_each_column_of_the_table_in_order() {
        let schema: serde_json::Value =
            serde_json::from_str(&file("cra-departements-mois.schema.json")).unwrap();
        let described: Vec<_> = schema["fields"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["name"].as_str().unwrap().to_owned())
            .collect();
        let table = file("cra-departements-mois.csv");
        let header = table.trim_start_matches(BOM).lines().next().unwrap();
        assert_eq!(described.join(";"), header);
        let dictionary = file("dictionnaire.csv");
        assert_eq!(dictionary.lines().count(), described.len() + 1);
        assert!(dictionary.contains("multiple de 5"), "{dictionary}");
    }

    #[test]
    fn the_licence_names_the_publication_and_the_files_of_a_publication_are_reproducible() {
        assert!(file("LICENCE.md").contains("20240316T000000Z_d_0"));
        assert!(file("datapackage.json").contains("20240316T000000Z_d_0"));
        assert_eq!(open_data().files().unwrap(), open_data().files().unwrap());
    }
}
