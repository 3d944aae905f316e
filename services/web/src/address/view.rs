//! How the page shows a selection: the comparison, the length of periods, and the dimensions of the tables.

use cra_contracts::v1::{Dimension, Granularity, Measure};

/// The period to compare the figures with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compare {
    /// The period before, of as many months, weeks or days.
    Before,
    /// The same period a year earlier.
    YearEarlier,
}

/// The value of each comparison in addresses, and its label.
pub(crate) const COMPARED: [(Compare, &str, &str); 2] = [
    (Compare::Before, "avant", "la période précédente"),
    (Compare::YearEarlier, "an", "la même période un an plus tôt"),
];

/// The lengths of the chart's periods, with their value in addresses and their label.
pub(crate) const STEPS: [(Granularity, &str, &str); 5] = [
    (Granularity::Day, "jour", "par jour"),
    (Granularity::Week, "semaine", "par semaine"),
    (Granularity::Month, "mois", "par mois"),
    (Granularity::Quarter, "trimestre", "par trimestre"),
    (Granularity::Year, "annee", "par année"),
];

/// Dimensions of the table of territories and people.
pub(crate) const BREAKDOWNS: [(Dimension, &str); 8] = [
    (Dimension::Region, "region"),
    (Dimension::Department, "departement"),
    (Dimension::Epci, "epci"),
    (Dimension::Commune, "commune"),
    (Dimension::PostalCode, "code-postal"),
    (Dimension::Structure, "structure"),
    (Dimension::Advisor, "conseiller"),
    (Dimension::Venue, "lieu"),
];

/// Dimensions that can be crossed: those with short lists.
pub(crate) const CROSSED: [(Dimension, &str); 11] = [
    (Dimension::Theme, "theme"),
    (Dimension::SubTheme, "sous-theme"),
    (Dimension::Activity, "activite"),
    (Dimension::Channel, "canal"),
    (Dimension::Duration, "duree"),
    (Dimension::Age, "age"),
    (Dimension::Status, "statut"),
    (Dimension::Weekday, "jour"),
    (Dimension::Month, "mois"),
    (Dimension::Region, "region"),
    (Dimension::Department, "departement"),
];

/// What a cross table counts, with its value in addresses and its label.
pub(crate) const MEASURES: [(Measure, &str, &str); 4] = [
    (Measure::Cras, "cra", "CRA"),
    (Measure::Acts, "accompagnements", "Accompagnements"),
    (Measure::People, "personnes", "Personnes accompagnées"),
    (Measure::EstimatedMinutes, "minutes", "Minutes estimées"),
];

/// Numbers of rows of the table of territories and people.
pub(crate) const DEFAULT_ROWS: u32 = 10;
const ROWS_MAX: u32 = 1_000;

/// How the page shows a selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) compare: Option<Compare>,
    /// `None` selects a length that fits the period.
    pub(crate) step: Option<Granularity>,
    pub(crate) by: Dimension,
    pub(crate) rows: u32,
    pub(crate) cross_rows: Dimension,
    pub(crate) cross_columns: Dimension,
    pub(crate) measure: Measure,
}

impl Default for View {
    fn default() -> Self {
        Self {
            compare: None,
            step: None,
            by: Dimension::Department,
            rows: DEFAULT_ROWS,
            cross_rows: Dimension::Theme,
            cross_columns: Dimension::Age,
            measure: Measure::Cras,
        }
    }
}

/// The value of a dimension in addresses.
pub(crate) fn word(list: &[(Dimension, &'static str)], dimension: Dimension) -> &'static str {
    list.iter().find(|(it, _)| *it == dimension).map_or("", |(_, word)| word)
}

fn dimension(list: &[(Dimension, &'static str)], word: &str) -> Option<Dimension> {
    list.iter().find(|(_, it)| *it == word).map(|(dimension, _)| *dimension)
}

fn third<T: Copy>(list: &[(T, &'static str, &'static str)], word: &str) -> Option<T> {
    list.iter().find(|(_, it, _)| *it == word).map(|(value, ..)| *value)
}

fn word_of<T: PartialEq>(list: &[(T, &'static str, &'static str)], value: &T) -> String {
    list.iter().find(|(it, ..)| it == value).map(|(_, word, _)| (*word).to_owned()).unwrap_or_default()
}

impl View {
    /// Reads one parameter. An unknown parameter or value changes nothing.
    pub(super) fn read(&mut self, name: &str, value: &str) {
        match name {
            "comparer" => self.compare = third(&COMPARED, value),
            "pas" => self.step = third(&STEPS, value),
            "par" => self.by = dimension(&BREAKDOWNS, value).unwrap_or(self.by),
            "n" => self.rows = value.parse().unwrap_or(DEFAULT_ROWS).clamp(1, ROWS_MAX),
            "lignes" => self.cross_rows = dimension(&CROSSED, value).unwrap_or(self.cross_rows),
            "colonnes" => self.cross_columns = dimension(&CROSSED, value).unwrap_or(self.cross_columns),
            "mesure" => self.measure = third(&MEASURES, value).unwrap_or(self.measure),
            _ => {}
        }
    }

    pub(super) fn parameters(&self) -> Vec<(&'static str, String)> {
        let default = Self::default();
        let mut parameters = Vec::new();
        if let Some(compare) = &self.compare {
            parameters.push(("comparer", word_of(&COMPARED, compare)));
        }
        if let Some(step) = &self.step {
            parameters.push(("pas", word_of(&STEPS, step)));
        }
        if self.by != default.by {
            parameters.push(("par", word(&BREAKDOWNS, self.by).to_owned()));
        }
        if self.rows != default.rows {
            parameters.push(("n", self.rows.to_string()));
        }
        if self.cross_rows != default.cross_rows {
            parameters.push(("lignes", word(&CROSSED, self.cross_rows).to_owned()));
        }
        if self.cross_columns != default.cross_columns {
            parameters.push(("colonnes", word(&CROSSED, self.cross_columns).to_owned()));
        }
        if self.measure != default.measure {
            parameters.push(("mesure", word_of(&MEASURES, &self.measure)));
        }
        parameters
    }
}
