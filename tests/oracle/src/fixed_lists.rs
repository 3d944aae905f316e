//! The rows of fixed lists, which exist even without CRAs.

use std::collections::BTreeSet;

use cra_contracts::v1::{self, Dimension};
use cra_domain::territory::{self, Commune};
use cra_domain::vocabulary::{Activity, AgeBand, Channel, DurationBucket, Status, SubTheme, Theme, Word};
use jiff::civil::Date;

use super::dimension::Row;

/// The rows of a fixed list that the selection allows; empty if the dimension is not a fixed list.
pub(super) fn fixed_list(dimension: Dimension, selection: &v1::Selection) -> BTreeSet<Row> {
    let all = territory::communes();
    match dimension {
        Dimension::Region => {
            of_communes(selection, |c| vec![(c.region(), all.region(c.region()).unwrap().name())])
        }
        Dimension::Department => {
            let name = |c: &Commune| all.department(c.department()).unwrap().name();
            of_communes(selection, |c| vec![(c.department(), name(c))])
        }
        Dimension::Epci => {
            let row = |code| (code, all.epci(code).unwrap().name());
            of_communes(selection, |c| c.epci().map(row).into_iter().collect())
        }
        Dimension::Commune => of_communes(selection, |c| vec![(c.code(), c.name())]),
        Dimension::PostalCode => of_communes(selection, |c| {
            let allowed = |code: &&&str| {
                selection.postal_codes.is_empty() || selection.postal_codes.iter().any(|s| s == **code)
            };
            c.postal_codes().iter().filter(allowed).map(|code| (*code, *code)).collect()
        }),
        Dimension::Channel => open::<Channel>(&selection.channels),
        Dimension::Activity => open::<Activity>(&selection.activities),
        Dimension::Duration => open::<DurationBucket>(&selection.durations),
        Dimension::Month => months(selection),
        _ => short_list(dimension),
    }
}

/// The rows of a list of words, whatever the selection; empty if the dimension is not such a list.
pub(super) fn short_list(dimension: Dimension) -> BTreeSet<Row> {
    match dimension {
        Dimension::Channel => open::<Channel>(&[]),
        Dimension::Activity => open::<Activity>(&[]),
        Dimension::Theme => open::<Theme>(&[]),
        Dimension::SubTheme => open::<SubTheme>(&[]),
        Dimension::Duration => open::<DurationBucket>(&[]),
        Dimension::Age => open::<AgeBand>(&[]),
        Dimension::Status => open::<Status>(&[]),
        Dimension::Weekday => (1..=7).map(Row::of_weekday).collect(),
        _ => BTreeSet::new(),
    }
}

/// The open values of a list, or those that a field of the selection names.
fn open<W: Word>(named: &[i32]) -> BTreeSet<Row> {
    let allowed = |word: &&W| word.term().open && (named.is_empty() || named.contains(&word.number()));
    W::ALL.iter().filter(allowed).map(|word| Row::of_word(*word)).collect()
}

/// A value of each commune that every territorial field of the selection allows.
fn of_communes<'a>(
    selection: &v1::Selection,
    rows: impl Fn(&'a Commune) -> Vec<(&'a str, &'a str)>,
) -> BTreeSet<Row> {
    let allowed = territory::communes().all().iter().filter(|commune| allows(selection, commune));
    allowed.flat_map(rows).map(|(code, label)| Row::of_code(code, label)).collect()
}

fn allows(selection: &v1::Selection, commune: &Commune) -> bool {
    let names = |codes: &[String], code: &str| codes.is_empty() || codes.iter().any(|c| c == code);
    let in_commune = |code: &String| {
        let selected = territory::communes().resolve(code).unwrap();
        commune.id() == selected || commune.parent() == Some(selected)
    };
    let has = |code: &String| commune.postal_codes().contains(&code.as_str());
    names(&selection.region_codes, commune.region())
        && names(&selection.department_codes, commune.department())
        && names(&selection.epci_codes, commune.epci().unwrap_or_default())
        && (selection.commune_codes.is_empty() || selection.commune_codes.iter().any(in_commune))
        && (selection.postal_codes.is_empty() || selection.postal_codes.iter().any(has))
}

/// The months from the first to the last day, if both are given.
fn months(selection: &v1::Selection) -> BTreeSet<Row> {
    let (Ok(mut day), Ok(last)) = (selection.from.parse::<Date>(), selection.to.parse::<Date>()) else {
        return BTreeSet::new();
    };
    let mut months = BTreeSet::new();
    while day <= last {
        months.insert(Row::of_month(day));
        day = day.tomorrow().unwrap();
    }
    months
}
