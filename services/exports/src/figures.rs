//! A column for every figure of [`v1::Statistics`], for tables with a row per territory, structure, month, … The
//! columns do not depend on the data: closed values and "Non renseigné" have columns, which are mostly 0.

use cra_contracts::v1;
use cra_domain::vocabulary::{Activity, AgeBand, Channel, DurationBucket, Status, SubTheme, Theme, Word};

use super::cell::{Column, Kind};

/// Returns the figures of a row.
type Get<R> = fn(&R) -> &v1::Statistics;
/// One breakdown of the statistics.
type List = fn(&v1::Statistics) -> &[v1::Count];

type Figure = fn(&v1::Statistics) -> u64;

/// The headline figures: name of the column, code in the contract, label, value.
pub(super) const HEADLINE: [(&str, &str, &str, Figure); 9] = [
    ("cras", "cras", "CRA enregistrés", |s| s.cras),
    ("accompagnements", "acts", "Accompagnements", |s| s.acts),
    ("personnes", "people", "Personnes accompagnées", |s| s.people),
    ("personnes_recurrentes", "returning_people", "Personnes déjà accompagnées", |s| s.returning_people),
    ("ateliers", "workshops", "Ateliers collectifs", |s| s.workshops),
    ("ateliers_participants", "workshop_participants", "Participants aux ateliers", |s| {
        s.workshop_participants
    }),
    ("accompagnements_individuels", "individual_supports", "Accompagnements individuels", |s| {
        s.individual_supports
    }),
    ("demandes_ponctuelles", "one_off_requests", "Demandes ponctuelles", |s| s.one_off_requests),
    (
        "ateliers_participants_par_defaut",
        "workshops_with_defaulted_participants",
        "Ateliers dont les 5 participants sont la valeur par défaut",
        |s| s.workshops_with_defaulted_participants,
    ),
];

/// The figures outside of breakdowns: headline, follow-up, time.
pub(super) fn headline<R: 'static>(get: Get<R>) -> Vec<Column<R>> {
    let headline = HEADLINE.iter().map(|(name, _, label, value)| integer(name, label, get, *value));
    let mut columns: Vec<Column<R>> = headline.collect();
    columns.extend([
        integer("suite_individuel", "Suites : individuel", get, |s| {
            s.follow_up.unwrap_or_default().individual
        }),
        integer("suite_atelier", "Suites : atelier", get, |s| s.follow_up.unwrap_or_default().workshop),
        integer("suite_redirection", "Suites : redirection", get, |s| {
            s.follow_up.unwrap_or_default().redirected
        }),
        integer("suite_total", "Suites : total", get, |s| s.follow_up.unwrap_or_default().total),
        Column::required("suite_taux", Kind::Share, move |row| {
            super::Cell::Share(get(row).follow_up.unwrap_or_default().rate_per_mille)
        })
        .headed("Suites : part"),
        integer("minutes_estimees", "Minutes estimées", get, |s| {
            total_time(s).map_or(0, |time| time.estimated_minutes)
        }),
        integer("minutes_minimum", "Minutes minimum", get, |s| {
            total_time(s).map_or(0, |time| time.minimum_minutes)
        }),
        integer("minutes_maximum", "Minutes maximum", get, |s| {
            total_time(s).map_or(0, |time| time.maximum_minutes)
        }),
        integer("delai_median_jours", "Délai médian (jours)", get, |s| {
            s.entry_delay.unwrap_or_default().median_days.into()
        }),
        integer("delai_p90_jours", "Délai de 9 CRA sur 10 (jours)", get, |s| {
            s.entry_delay.unwrap_or_default().p90_days.into()
        }),
        integer("saisis_le_jour_meme", "Saisis le jour même", get, |s| {
            s.entry_delay.unwrap_or_default().same_day
        }),
    ]);
    columns
}

/// The breakdowns: a column per value, and its share if the composition of rows is compared.
pub(super) fn breakdowns<R: 'static>(get: Get<R>) -> Vec<Column<R>> {
    let mut columns = Vec::new();
    columns.extend(list::<R, Channel>("canal", get, |s| &s.channels, true, None));
    columns.extend(list::<R, Activity>("activite", get, |s| &s.activities, true, None));
    columns.extend(list::<R, Theme>("theme", get, |s| &s.themes, false, None));
    columns.extend(list::<R, SubTheme>("sous_theme", get, |s| &s.sub_themes, false, None));
    let unspecified = Some("DURATION_BUCKET_UNSPECIFIED");
    columns.extend(list::<R, DurationBucket>("duree", get, |s| &s.durations, false, unspecified));
    columns.extend(list::<R, AgeBand>("age", get, |s| &s.ages, true, Some("AGE_BAND_UNSPECIFIED")));
    columns.extend(list::<R, Status>("statut", get, |s| &s.statuses, true, Some("STATUS_UNSPECIFIED")));
    columns
}

fn integer<R: 'static>(name: &'static str, heading: &'static str, get: Get<R>, value: Figure) -> Column<R> {
    Column::required(name, Kind::Integer, move |row| value(get(row)).into()).headed(heading)
}

fn list<R: 'static, W: Word>(
    name: &str,
    get: Get<R>,
    lines: List,
    with_shares: bool,
    unspecified: Option<&'static str>,
) -> Vec<Column<R>> {
    let values = W::ALL.iter().map(|word| (word.term().column(name), word.term().name));
    let unspecified = unspecified.map(|code| (format!("{name}_non_renseigne"), code));
    let mut columns = Vec::new();
    for (name, code) in values.chain(unspecified) {
        // A closed value with count 0 has no line.
        let line = move |row: &R| {
            lines(get(row)).iter().find(|line| line.name == code).map(|l| (l.count, l.share_per_mille))
        };
        let part = format!("{name}_part");
        columns.push(Column::required(name, Kind::Integer, move |row| {
            line(row).map_or(0, |(count, _)| count).into()
        }));
        if with_shares {
            columns.push(Column::required(part, Kind::Share, move |row| {
                super::Cell::Share(line(row).map_or(0, |(_, share)| share))
            }));
        }
    }
    columns
}

fn total_time(statistics: &v1::Statistics) -> Option<&v1::TimeSpent> {
    statistics.time_spent.iter().find(|time| time.name == "total")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn column_names_are_distinct() {
        let columns: Vec<Column<v1::Statistics>> =
            headline(|s| s).into_iter().chain(breakdowns(|s| s)).collect();
        let names: HashSet<&str> = columns.iter().map(Column::name).collect();
        assert_eq!(names.len(), columns.len());
        let cras = super::super::cra_columns();
        let names: HashSet<&str> = cras.iter().map(Column::name).collect();
        assert_eq!(names.len(), cras.len());
    }
}
