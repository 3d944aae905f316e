//! The rows of facts, and their names.

use cra_domain::cra::Submission;
use jiff::Timestamp;

use super::*;
use crate::dictionary::Dictionary;
use crate::fact::{Client, Fact, Provenance};
use crate::packed_fact::PackedFact;

fn fact(cra: &v1::Cra, dictionary: &mut Dictionary) -> Fact {
    let now: Timestamp = "2024-03-06T10:00:00Z".parse().unwrap();
    let submission = Submission::parse(Some(cra), now).unwrap();
    let provenance = Provenance {
        cra_id: cra_fixtures::cra_id(1),
        revision: 1,
        recorded_at: now,
        corrected_at: None,
        created_at: None,
        form_version: 0,
        client: Client::Named("platform-1"),
        defaulted_participants: false,
        forgotten: None,
    };
    Fact::new(provenance, submission.cra(), None, dictionary)
}

/// Codes and labels of the rows of a CRA, with the number of its people in each.
fn rows(dimension: v1::Dimension, cra: &v1::Cra) -> Vec<(String, String, u64)> {
    let mut dictionary = Dictionary::default();
    let fact = fact(cra, &mut dictionary);
    rows_of(dimension, &fact, &dictionary)
}

fn rows_of(dimension: v1::Dimension, fact: &Fact, dictionary: &Dictionary) -> Vec<(String, String, u64)> {
    let dimension = Dimension::parse("dimension", dimension.into()).unwrap();
    let mut rows = Vec::new();
    let (fixed, overflow) = PackedFact::of(fact);
    dimension.each_row(&FactRef::of(&fixed, &overflow), |row, people| {
        let name = dimension.name(row, dictionary).unwrap();
        rows.push((name.code.to_string(), name.label.to_string(), people));
    });
    rows
}

fn row(code: &str, label: &str, people: u64) -> (String, String, u64) {
    (code.to_owned(), label.to_owned(), people)
}

fn listed(dimension: v1::Dimension, selection: &v1::Selection) -> Vec<String> {
    let dictionary = Dictionary::default();
    let filter = Filter::parse(selection, &dictionary).unwrap();
    let dimension = Dimension::parse("dimension", dimension.into()).unwrap();
    let rows = dimension.fixed_rows(&filter);
    rows.into_iter().map(|row| dimension.name(row, &dictionary).unwrap().code.to_string()).collect()
}

#[test]
fn a_cra_has_one_row_per_territory_identifier_and_day() {
    use v1::Dimension as D;
    let cra = cra_fixtures::cra(); // 2024-03-04, a Monday, in the first arrondissement of Paris
    assert_eq!(rows(D::Region, &cra), [row("11", "Île-de-France", 1)]);
    assert_eq!(rows(D::Department, &cra), [row("75", "Paris", 1)]);
    assert_eq!(rows(D::Commune, &cra), [row("75101", "Paris 1er Arrondissement", 1)]);
    assert_eq!(rows(D::PostalCode, &cra), [row("75001", "75001", 1)]);
    assert_eq!(rows(D::Structure, &cra), [row("structure-1", "structure-1", 1)]);
    assert_eq!(rows(D::Advisor, &cra), [row("conseiller-1", "conseiller-1", 1)]);
    assert_eq!(rows(D::Month, &cra), [row("2024-03", "mars 2024", 1)]);
    assert_eq!(rows(D::Weekday, &cra), [row("1", "lundi", 1)]);
    assert_eq!(rows(D::Activity, &cra), [row("ACTIVITY_INDIVIDUAL", "Accompagnement individuel", 1)]);
    assert_eq!(rows(D::Duration, &cra), [row("DURATION_BUCKET_UP_TO_30_MINUTES", "30 min. ou moins", 1)]);
}

#[test]
fn a_missing_value_is_a_row_so_that_rows_add_up() {
    use v1::Dimension as D;
    let polynesia = v1::Cra {
        place: Some(cra_fixtures::place(v1::Channel::Home, "98735", "98714")),
        ..cra_fixtures::cra()
    };
    assert_eq!(rows(D::Epci, &polynesia), [row("", "Hors EPCI", 1)]);
    assert_eq!(rows(D::Venue, &polynesia), [row("", "Sans lieu précisé", 1)]);
    let crozet =
        v1::Cra { place: Some(cra_fixtures::place(v1::Channel::Home, "98412", "")), ..cra_fixtures::cra() };
    assert_eq!(rows(D::PostalCode, &crozet), [row("", "Sans code postal", 1)]);
}

#[test]
fn a_cra_belongs_to_each_of_its_themes_and_to_each_band_with_people() {
    use v1::Dimension as D;
    let mut workshop = cra_fixtures::workshop(5);
    workshop.themes = vec![v1::Theme::Email.into(), v1::Theme::Health.into()];
    workshop.ages = Some(v1::AgeCounts { under_12: 2, over_60: 3, ..Default::default() });
    assert_eq!(rows(D::Theme, &workshop).len(), 2);
    assert_eq!(
        rows(D::Age, &workshop),
        [row("AGE_BAND_UNDER_12", "Moins de 12 ans", 2), row("AGE_BAND_OVER_60", "Plus de 60 ans", 3)]
    );
    assert!(rows(D::SubTheme, &workshop).is_empty());
}

#[test]
fn people_that_an_older_form_left_open_are_the_last_row() {
    let mut dictionary = Dictionary::default();
    let mut fact = fact(&cra_fixtures::workshop(5), &mut dictionary);
    fact.ages = [1, 0, 0, 0, 0];
    let rows = rows_of(v1::Dimension::Age, &fact, &dictionary);
    let expected =
        [row("AGE_BAND_UNDER_12", "Moins de 12 ans", 1), row("AGE_BAND_UNSPECIFIED", "Non renseigné", 4)];
    assert_eq!(rows, expected);
}

#[test]
fn a_fixed_list_has_the_rows_that_the_selection_allows() {
    use v1::Dimension as D;
    let all = v1::Selection::default();
    assert_eq!(listed(D::Theme, &all).len(), 17, "closed themes are shown only when they count something");
    assert_eq!(listed(D::Weekday, &all), ["1", "2", "3", "4", "5", "6", "7"]);
    assert!(listed(D::Advisor, &all).is_empty() && listed(D::Month, &all).is_empty());
    let of_auvergne = v1::Selection { region_codes: vec!["84".into()], ..Default::default() };
    assert_eq!(listed(D::Region, &of_auvergne), ["84"]);
    assert_eq!(listed(D::Department, &of_auvergne).len(), 12);
    let of_paris_1 = v1::Selection { postal_codes: vec!["75001".into()], ..Default::default() };
    assert_eq!(listed(D::PostalCode, &of_paris_1), ["75001"]);
    let winter = v1::Selection { from: "2023-12-31".into(), to: "2024-02-01".into(), ..Default::default() };
    assert_eq!(listed(D::Month, &winter), ["2023-12", "2024-01", "2024-02"]);
    let remote = v1::Selection { channels: vec![v1::Channel::Remote.into()], ..Default::default() };
    assert_eq!(listed(D::Channel, &remote), ["CHANNEL_REMOTE"]);
}

#[test]
fn an_unknown_dimension_is_refused() {
    let reason = |number| Dimension::parse("rows", number).unwrap_err().fault.reason();
    assert_eq!((reason(0), reason(18), reason(-1)), ("REQUIRED", "UNKNOWN_VALUE", "UNKNOWN_VALUE"));
}

proptest::proptest! {
    #[test]
    fn months_sort_and_have_names(days in proptest::array::uniform2(-4_000_000_i32..2_900_000)) {
        let [first, second] = days.map(|day| date_of(day).unwrap());
        proptest::prop_assert_eq!(
            month_row(first).cmp(&month_row(second)),
            (first.year(), first.month()).cmp(&(second.year(), second.month()))
        );
        let month = Dimension::parse("", v1::Dimension::Month.into()).unwrap();
        let name = month.name(month_row(first), &Dictionary::default()).unwrap();
        if first.year() > 0 {
            proptest::prop_assert!(first.to_string().starts_with(&*name.code), "{} of {}", name.code, first);
        }
    }
}
