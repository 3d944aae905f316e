//! Names of files: what is in them, of which days, at which position of the log. The same question gives the same name.

use cra_contracts::v1;
use cra_contracts::v1::Dimension;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Every figure of the selection.
    Statistics,
    /// The CRAs themselves.
    Cras,
    /// A row of figures per value of a dimension.
    Breakdown(Dimension),
}

impl Content {
    /// For a reader.
    #[must_use]
    pub fn title(self) -> String {
        match self {
            Self::Statistics => "Statistiques des comptes-rendus d'activité".to_owned(),
            Self::Cras => "Comptes-rendus d'activité".to_owned(),
            Self::Breakdown(dimension) => {
                format!("Statistiques des comptes-rendus d'activité par {}", noun(dimension))
            }
        }
    }

    fn slug(self) -> String {
        match self {
            Self::Statistics => "statistiques".to_owned(),
            Self::Cras => "comptes-rendus".to_owned(),
            Self::Breakdown(dimension) => {
                let plain = noun(dimension).replace(['é', 'è'], "e").replace('â', "a");
                format!("repartition-par-{}", plain.to_lowercase().replace([' ', '\''], "-"))
            }
        }
    }
}

/// What a row of a breakdown is.
fn noun(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Unspecified => "ligne",
        Dimension::Region => "région",
        Dimension::Department => "département",
        Dimension::Epci => "EPCI",
        Dimension::Commune => "commune",
        Dimension::PostalCode => "code postal",
        Dimension::Structure => "structure",
        Dimension::Advisor => "conseiller",
        Dimension::Channel => "canal",
        Dimension::Activity => "type d'activité",
        Dimension::Theme => "thématique",
        Dimension::SubTheme => "sous-thématique",
        Dimension::Duration => "durée",
        Dimension::Age => "tranche d'âge",
        Dimension::Status => "statut",
        Dimension::Month => "mois",
        Dimension::Weekday => "jour de la semaine",
        Dimension::Venue => "lieu d'activité",
    }
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One table for spreadsheets and scripts.
    Csv,
    /// A workbook with typed cells.
    Xlsx,
    /// The contract's JSON, one object per line.
    Ndjson,
    /// Typed columns.
    Parquet,
}

impl Format {
    /// The registered media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Ndjson => "application/x-ndjson",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }

    fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
            Self::Ndjson => "ndjson",
            Self::Parquet => "parquet",
        }
    }
}

/// The name of a file. The selection's days were read before: they are digits and hyphens.
#[must_use]
pub fn file_name(content: Content, format: Format, selection: &v1::Selection, position: u64) -> String {
    let period = match (selection.from.as_str(), selection.to.as_str()) {
        ("", "") => "toutes-dates".to_owned(),
        (from, "") => format!("depuis-{from}"),
        ("", to) => format!("jusqu-a-{to}"),
        (from, to) => format!("{from}-au-{to}"),
    };
    format!("cra-{}_{period}_position-{position}.{}", content.slug(), format.extension())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_content_period_and_position_in_plain_letters() {
        let days = |from: &str, to: &str| v1::Selection {
            from: from.into(),
            to: to.into(),
            ..v1::Selection::default()
        };
        let month = days("2024-03-01", "2024-03-31");
        assert_eq!(
            file_name(Content::Statistics, Format::Xlsx, &month, 12),
            "cra-statistiques_2024-03-01-au-2024-03-31_position-12.xlsx"
        );
        assert_eq!(
            file_name(Content::Cras, Format::Ndjson, &days("2024-03-01", ""), 0),
            "cra-comptes-rendus_depuis-2024-03-01_position-0.ndjson"
        );
        for number in 0..18 {
            let content = Content::Breakdown(Dimension::try_from(number).unwrap());
            let name = file_name(content, Format::Csv, &days("", "2024-03-31"), 7);
            assert!(name.is_ascii() && !name.contains(['/', ' ', '\'']), "{name}");
            assert!(name.ends_with("_jusqu-a-2024-03-31_position-7.csv"), "{name}");
        }
    }
}
