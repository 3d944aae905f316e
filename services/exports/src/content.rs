//! Content and format of a file.

use cra_contracts::v1::{Dimension, Granularity};

/// Content of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Every figure of the selection.
    Statistics,
    /// Every figure per period.
    Series(Granularity),
    /// A row of figures per value of a dimension.
    Breakdown(Dimension),
    /// CRAs, a row each.
    Cras,
    /// CRAs, a row per element of a list of each CRA.
    LongTable(List),
}

/// The list of a CRA whose elements are the rows of a long table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// The themes of the CRA.
    Themes,
    /// The age bands of the CRA with their people.
    Ages,
    /// The statuses of the CRA with their people.
    Statuses,
    /// The organisations that people are sent to.
    Organisations,
}

impl Content {
    /// Title for readers.
    #[must_use]
    pub fn title(self) -> String {
        const STATISTICS: &str = "Statistiques des comptes-rendus d'activité";
        match self {
            Self::Statistics => STATISTICS.to_owned(),
            Self::Series(granularity) => format!("{STATISTICS} par {}", step(granularity)),
            Self::Breakdown(dimension) => format!("{STATISTICS} par {}", noun(dimension)),
            Self::Cras => "Comptes-rendus d'activité".to_owned(),
            Self::LongTable(list) => format!("Comptes-rendus d'activité par {}", list.noun()),
        }
    }

    /// Part of the file name: lower-case ASCII letters and hyphens.
    pub(super) fn slug(self) -> String {
        let slug = |prefix: &str, noun: &str| {
            let plain = noun.replace(['é', 'è'], "e").replace('â', "a");
            format!("{prefix}-par-{}", plain.to_lowercase().replace([' ', '\''], "-"))
        };
        match self {
            Self::Statistics => "statistiques".to_owned(),
            Self::Series(granularity) => slug("serie", step(granularity)),
            Self::Breakdown(dimension) => slug("repartition", noun(dimension)),
            Self::Cras => "comptes-rendus".to_owned(),
            Self::LongTable(list) => slug("comptes-rendus", list.noun()),
        }
    }

    /// The formats in which it is offered.
    #[must_use]
    pub fn formats(self) -> &'static [Format] {
        match self {
            Self::Statistics | Self::Series(_) | Self::Breakdown(_) => &[Format::Csv, Format::Xlsx],
            Self::LongTable(_) => &[Format::Csv, Format::Xlsx, Format::Parquet],
            Self::Cras => &[Format::Csv, Format::Xlsx, Format::Ndjson, Format::Parquet],
        }
    }
}

impl List {
    /// French noun for one element.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Themes => "thématique",
            Self::Ages => "tranche d'âge",
            Self::Statuses => "statut",
            Self::Organisations => "organisme",
        }
    }
}

/// French noun for a row of a series.
fn step(granularity: Granularity) -> &'static str {
    match granularity {
        Granularity::Unspecified => "période",
        Granularity::Day => "jour",
        Granularity::Week => "semaine",
        Granularity::Month => "mois",
        Granularity::Quarter => "trimestre",
        Granularity::Year => "année",
    }
}

/// French noun for a row of a breakdown.
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

/// Format of a file.
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

    /// Name for users.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "CSV",
            Self::Xlsx => "XLSX",
            Self::Ndjson => "NDJSON",
            Self::Parquet => "Parquet",
        }
    }

    /// File name extension.
    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
            Self::Ndjson => "ndjson",
            Self::Parquet => "parquet",
        }
    }
}
