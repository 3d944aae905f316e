//! The rows that a CRA belongs to, dimension by dimension: their codes, labels and natural order.

use cra_contracts::v1::{self, Dimension};
use cra_domain::territory;
use cra_domain::vocabulary::{Activity, AgeBand, Channel, DurationBucket, Status, SubTheme, Theme, Word};
use jiff::civil::Date;

use super::selection::{ages, bucket, commune, statuses, unspecified};

/// The weekdays, from Monday.
pub(super) const WEEKDAYS: [&str; 7] =
    ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"];
const MONTHS: [&str; 12] = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
];

/// A row; rows are ordered by rank, then by code.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row {
    rank: i32,
    pub(super) code: String,
    pub(super) label: String,
}

impl Row {
    /// A row that is ordered by its code.
    pub(super) fn of_code(code: &str, label: &str) -> Self {
        Self { rank: 0, code: code.to_owned(), label: label.to_owned() }
    }

    /// A row that is ordered by its value in the contract.
    pub(super) fn of_word<W: Word>(word: W) -> Self {
        let (code, label) = (word.term().name.to_owned(), word.term().label.to_owned());
        Self { rank: word.number(), code, label }
    }

    /// A value that older forms left open.
    fn unspecified(code: &str) -> Self {
        Self { rank: i32::MAX, code: code.to_owned(), label: "Non renseigné".to_owned() }
    }

    fn of_number<W: Word>(number: i32, unspecified: &str) -> Self {
        W::from_number(number).map_or_else(|| Self::unspecified(unspecified), Self::of_word)
    }

    fn or_none(code: &str, label_of_none: &str) -> Self {
        Self::of_code(code, if code.is_empty() { label_of_none } else { code })
    }

    /// The row of a month.
    pub(super) fn of_month(day: Date) -> Self {
        let name = MONTHS[usize::try_from(day.month() - 1).unwrap()];
        Self::of_code(&day.to_string()[..7], &format!("{name} {}", day.year()))
    }

    /// The row of a weekday, from 1 for Monday.
    pub(super) fn of_weekday(number: i8) -> Self {
        Self::of_code(&number.to_string(), WEEKDAYS[usize::try_from(number - 1).unwrap()])
    }
}

/// The rows that a CRA belongs to, each with its number of people: all of the CRA's, except for ages and statuses.
pub(super) fn rows_of(dimension: Dimension, cra: &v1::Cra) -> Vec<(Row, u64)> {
    let everybody = u64::from(cra.participants.unwrap());
    let words = |rows: Vec<Row>| rows.into_iter().map(|row| (row, everybody)).collect();
    match dimension {
        Dimension::Age => people::<AgeBand>(ages(cra), cra, "AGE_BAND_UNSPECIFIED"),
        Dimension::Status => people::<Status>(statuses(cra), cra, "STATUS_UNSPECIFIED"),
        Dimension::Theme => words(cra.themes.iter().map(|n| word::<Theme>(*n)).collect()),
        Dimension::SubTheme => words(cra.sub_themes.iter().map(|n| word::<SubTheme>(*n)).collect()),
        _ => words(vec![row_of(dimension, cra)]),
    }
}

fn word<W: Word>(number: i32) -> Row {
    Row::of_word(W::from_number(number).unwrap())
}

fn people<W: Word>(counts: [u32; 5], cra: &v1::Cra, unspecified_code: &str) -> Vec<(Row, u64)> {
    let mut rows = Vec::new();
    for (word, people) in W::ALL.iter().zip(counts) {
        rows.push((Row::of_word(*word), u64::from(people)));
    }
    rows.push((Row::unspecified(unspecified_code), unspecified(counts, cra)));
    rows.retain(|(_, people)| *people > 0);
    rows
}

/// The row of a CRA, for a dimension that divides CRAs.
fn row_of(dimension: Dimension, cra: &v1::Cra) -> Row {
    let (communes, commune) = (territory::communes(), commune(cra));
    let place = cra.place.as_ref().unwrap();
    let day: Date = cra.date.parse().unwrap();
    match dimension {
        Dimension::Region => {
            Row::of_code(commune.region(), communes.region(commune.region()).unwrap().name())
        }
        Dimension::Department => {
            Row::of_code(commune.department(), communes.department(commune.department()).unwrap().name())
        }
        Dimension::Epci => match commune.epci() {
            Some(code) => Row::of_code(code, communes.epci(code).unwrap().name()),
            None => Row::of_code("", "Hors EPCI"),
        },
        Dimension::Commune => Row::of_code(commune.code(), commune.name()),
        Dimension::PostalCode => Row::or_none(&place.postal_code, "Sans code postal"),
        Dimension::Venue => Row::or_none(&place.venue_id, "Sans lieu précisé"),
        Dimension::Structure => Row::of_code(&cra.structure_id, &cra.structure_id),
        Dimension::Advisor => Row::of_code(&cra.advisor_id, &cra.advisor_id),
        Dimension::Channel => word::<Channel>(place.channel),
        Dimension::Activity => word::<Activity>(cra.activity),
        Dimension::Duration => Row::of_number::<DurationBucket>(bucket(cra), "DURATION_BUCKET_UNSPECIFIED"),
        Dimension::Month => Row::of_month(day),
        Dimension::Weekday => Row::of_weekday(day.weekday().to_monday_one_offset()),
        Dimension::Unspecified
        | Dimension::Theme
        | Dimension::SubTheme
        | Dimension::Age
        | Dimension::Status => {
            unreachable!("{dimension:?} gives a CRA several rows, or none")
        }
    }
}
