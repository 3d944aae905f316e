//! The page of `cra stats` for an answer.

use super::*;
use crate::render::text::assert_fits;

const LOOK: Style = Style { columns: 100, colour: false };

fn count(label: &str, count: u64, share_per_mille: u32) -> v1::Count {
    v1::Count { name: String::new(), label: label.to_owned(), count, share_per_mille }
}

fn answer() -> v1::GetStatisticsResponse {
    let spent = v1::TimeSpent {
        name: "total".to_owned(),
        label: "Total".to_owned(),
        estimated_minutes: 7_530,
        minimum_minutes: 60,
        maximum_minutes: 480,
        share_per_mille: 1_000,
    };
    let statistics = v1::Statistics {
        cras: 2_000,
        acts: 3_641,
        people: 2_381,
        returning_people: 1_260,
        workshops: 300,
        workshop_participants: 1_929,
        individual_supports: 1_160,
        one_off_requests: 540,
        workshops_with_defaulted_participants: 9,
        channels: vec![count("Lieu d'activité", 1_360, 680), count("À domicile", 0, 0)],
        redirections: (0..20).map(|index| count(&format!("Organisme {index:02}"), 20 - index, 50)).collect(),
        follow_up: Some(v1::FollowUpStatistics {
            individual: 1,
            workshop: 2,
            redirected: 3,
            total: 6,
            rate_per_mille: 223,
        }),
        time_spent: vec![spent],
        entry_delay: Some(v1::EntryDelay { median_days: 1, p90_days: 12, same_day: 1_000 }),
        ..v1::Statistics::default()
    };
    let snapshot = v1::Snapshot {
        position: 2_000,
        recorded_at: Some(prost_types::Timestamp { seconds: 1_709_294_400, nanos: 0 }),
        generation: "g1".to_owned(),
        definitions: "1".to_owned(),
        ..v1::Snapshot::default()
    };
    v1::GetStatisticsResponse { statistics: Some(statistics), snapshot: Some(snapshot) }
}

/// Replaces special spaces by plain ones, for readable expectations.
fn plain(text: &str) -> String {
    text.replace(['\u{a0}', '\u{202f}'], " ")
}

fn march() -> v1::Selection {
    v1::Selection { from: "2024-03-01".to_owned(), to: "2024-03-31".to_owned(), ..v1::Selection::default() }
}

#[test]
fn the_page_shows_every_figure_of_the_answer() {
    let text = plain(&page(&march(), &answer(), LOOK));
    for expected in [
        "Comptes-rendus d'activité du 1er mars 2024 au 31 mars 2024\n",
        "  CRA enregistrés                               2 000\n",
        "  Accompagnements                               3 641\n",
        "  Ateliers collectifs                             300  1 929 participants\n    dont 5 participants par défaut                  9\n",
        "  Lieu d'activité                               1 360   68,0 %  ███",
        "  À domicile                                        0    0,0 %\n",
        "  Total                                      125 h 30  100,0 %  1 h à 8 h\n",
        "  Total                                             6  soit 22,3 % des accompagnements\n",
        "médiane 1 jour, 9 CRA sur 10 en 12 jours au plus\n  1 000 CRA saisis le jour même\n",
        "position 2 000 du journal, enregistrée le 1er mars 2024 à 13:00:00 (heure de Paris)\ngénération g1, définitions 1\n",
    ] {
        assert!(text.contains(expected), "{expected:?} in:\n{text}");
    }
}

#[test]
fn fifteen_redirections_are_shown_and_the_rest_is_summed_up() {
    let text = plain(&page(&march(), &answer(), LOOK));
    assert!(text.contains("Organisme 14") && !text.contains("Organisme 15"), "{text}");
    assert!(text.contains("et 5 autres lignes, 15 personnes"), "{text}");
}

#[test]
fn the_page_fits_every_terminal() {
    for columns in [60, 80, 120] {
        let text = page(&march(), &answer(), Style { columns, colour: false });
        assert_fits(&text, columns);
    }
}

#[test]
fn the_text_is_identical_with_and_without_colours() {
    let coloured = page(&march(), &answer(), Style { colour: true, ..LOOK });
    let mut stripped = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        stripped += before;
        rest = after.split_once('m').unwrap().1;
    }
    assert_eq!(stripped + rest, page(&march(), &answer(), LOOK));
}

#[test]
fn an_answer_without_any_cra_is_a_page_of_zeros() {
    let text = page(&v1::Selection::default(), &v1::GetStatisticsResponse::default(), LOOK);
    assert!(text.contains("toutes les dates"), "{text}");
    assert!(text.contains("CRA enregistrés"), "{text}");
}
