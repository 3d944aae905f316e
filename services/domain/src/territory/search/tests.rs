//! Guarantees of the search, on the real data.

use std::cmp::Reverse;
use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::territory::communes;

fn names(text: &str, limit: usize) -> Vec<&'static str> {
    communes().search(text, limit).into_iter().map(|found| communes().get(found.commune).name()).collect()
}

fn codes(text: &str, limit: usize) -> Vec<&'static str> {
    communes().search(text, limit).into_iter().map(|found| communes().get(found.commune).code()).collect()
}

/// The code of the first result, and the other name that matched.
fn first(text: &str) -> Option<(&'static str, Option<&'static str>)> {
    let found = *communes().search(text, 1).first()?;
    Some((communes().get(found.commune).code(), found.matched_name))
}

#[test]
fn the_exact_name_comes_first_then_the_most_populous() {
    assert_eq!(names("paris", 3), ["Paris", "Paris 15e Arrondissement", "Paris 20e Arrondissement"]);
    assert_eq!(codes("saint-denis", 3), ["97411", "93066", "11339"]);
    assert_eq!(names("eu", 1), ["Eu"]);
    assert_eq!(names("mar", 1), ["Marseille"]);
}

#[test]
fn accents_case_hyphens_apostrophes_ligatures_and_spaces_do_not_matter() {
    for text in
        ["saint-étienne", "SAINT ETIENNE", "st etienne", "St-Étienne", "  st.  étienne ", "saintetienne"]
    {
        assert_eq!(codes(text, 1), ["42218"], "{text}");
    }
    for text in ["l’hay les", "L HAY LES ROSES", "lhay les roses", "l'haÿ-les-roses", "hay les roses"] {
        assert_eq!(codes(text, 1), ["94038"], "{text}");
    }
    assert_eq!(codes("ste foy les lyon", 1), ["69202"]);
    assert_eq!(names("oeuilly", 5), names("Œuilly", 5));
    assert!(!names("Œuilly", 5).is_empty());
    assert_eq!(names("val d yerre", 1), ["Vald'Yerre"]);
}

#[test]
fn the_word_st_is_saint_and_then_the_start_of_another_name() {
    assert_eq!(names("st", 2), ["Le Saint", "Saint-Étienne"]);
    assert_eq!(names("str", 1), ["Strasbourg"]);
    assert!(names("ste", 10).iter().all(|name| name.starts_with("Sainte")));
}

#[test]
fn an_article_may_be_omitted_or_added_and_a_true_start_comes_first() {
    assert_eq!(names("le havre", 1), ["Le Havre"]);
    assert!(names("havre", 2).contains(&"Le Havre"));
    assert!(names("abergement", 10).contains(&"L'Abergement-Clémenciat"));
    assert_eq!(names("mans", 1), ["Le Mans"]);
    assert_eq!(names("le devoluy", 1), ["Dévoluy"]);
}

#[test]
fn an_inner_word_and_words_in_order_are_found_after_the_rest() {
    assert!(names("hermitage", 50).iter().any(|name| name.contains("l'Hermitage")));
    assert_eq!(names("aix provence", 1), ["Aix-en-Provence"]);
    assert_eq!(names("chalons champagne", 1), ["Châlons-en-Champagne"]);
    let inside = names("flanq", 5);
    assert_eq!(inside.first(), Some(&"Monflanquin"), "{inside:?}");
}

#[test]
fn an_arrondissement_is_found_by_its_number() {
    for text in ["paris 1", "Paris 01", "paris 1er", "PARIS 1ER ARR", "75001 paris", "Paris (75001)"] {
        assert_eq!(codes(text, 1), ["75101"], "{text}");
    }
    for text in
        ["lyon 3", "lyon 3e", "lyon 3eme", "Lyon 3e arrondissement", "69003 LYON", "lyon cedex 3 69003"]
    {
        assert_eq!(codes(text, 1), ["69383"], "{text}");
    }
    assert_eq!(codes("marseille 16", 1), ["13216"]);
}

#[test]
fn digits_are_the_start_of_a_postal_code_or_an_official_code() {
    assert_eq!(codes("75001", 10), ["75056", "75101"]);
    assert_eq!(codes("75 001", 10), ["75056", "75101"]);
    assert_eq!(codes("7500", 1), ["75056"]);
    assert_eq!(codes("97429", 5), ["97405"]);
    assert_eq!(codes("75056", 5), ["75056"]);
    assert_eq!(codes("2a004", 5), ["2A004"]);
    assert_eq!(codes("1004", 1), ["01004"], "a zero lost by a spreadsheet");
    assert!(!codes("75001", 10).contains(&"94002"), "a former code that is a postal code is not searched");
    assert_eq!(codes("750011", 5), [] as [&str; 0]);
    assert_eq!(codes("7", 1), ["75056"]);
}

#[test]
fn the_code_of_a_merged_commune_finds_the_commune_of_today() {
    assert_eq!(first("01340"), Some(("01024", None)), "a postal code first");
    assert!(communes().search("01340", 50).iter().any(|it| it.matched_name == Some("Saint-Bois")));
    assert_eq!(first("50173"), Some(("50129", Some("Équeurdreville-Hainneville"))));
    assert_eq!(first("01003"), Some(("01165", None)), "a former code");
}

#[test]
fn a_department_is_its_communes_most_populous_first() {
    assert_eq!(names("2a", 2), ["Ajaccio", "Porto-Vecchio"]);
    assert_eq!(names("2B", 1), ["Bastia"]);
    assert_eq!(names("974", 2), ["Saint-Denis", "Saint-Paul"]);
    assert_eq!(names("35", 1), ["Rennes"]);
}

#[test]
fn a_code_next_to_a_name_narrows_it_in_any_order() {
    for text in ["35000 RENNES", "Rennes (35000)", "rennes 35", "35 rennes", "RENNES, 35 000", "rennes 35238"]
    {
        assert_eq!(codes(text, 1), ["35238"], "{text}");
    }
    assert_eq!(codes("974 saint denis", 5), ["97411"]);
    assert_eq!(codes("saint denis 93", 1), ["93066"]);
    assert_eq!(codes("2a ajaccio", 1), ["2A004"]);
    assert_eq!(codes("saint denis reunion", 1), ["97411"]);
    assert_eq!(codes("saint-denis, la Réunion", 1), ["97411"]);
    assert_eq!(codes("99999 rennes", 1), ["35238"], "a code that means nothing is left out");
}

#[test]
fn cedex_is_ignored_and_its_code_alone_finds_nothing() {
    for text in ["RENNES CEDEX 7", "rennes cedex", "35708 RENNES CEDEX 7", "35042 Rennes"] {
        assert_eq!(codes(text, 1), ["35238"], "{text}");
    }
    assert_eq!(codes("35708", 5), [] as [&str; 0]);
}

#[test]
fn a_name_from_before_a_merger_or_of_a_part_finds_the_commune_of_today_and_is_named() {
    for (text, code, name) in [
        ("cordieux", "01262", "Cordieux"),
        ("arbignieu", "01015", "Arbignieu"),
        ("equeurdreville hainneville", "50129", "Équeurdreville-Hainneville"),
        ("bellegarde-sur-valserine", "01033", "Bellegarde-sur-Valserine"),
        ("01200 bellegarde sur valserine", "01033", "Bellegarde-sur-Valserine"),
        ("capavenir vosges", "88465", "Capavenir Vosges"),
        ("oissel", "76484", "Oissel"),
    ] {
        assert_eq!(first(text), Some((code, Some(name))), "{text}");
    }
    assert_eq!(first("rennes"), Some(("35238", None)));
}

#[test]
fn a_name_of_one_letter_is_found() {
    for commune in communes().all().iter().filter(|commune| commune.name().chars().count() == 1) {
        assert_eq!(codes(commune.name(), 1), [commune.code()]);
        assert_eq!(codes(&fold(commune.name()), 1), [commune.code()]);
    }
    assert_eq!(names("y", 1), ["Y"]);
}

#[test]
fn a_text_that_means_nothing_finds_nothing() {
    for text in ["", " ", "--", "日本", "\u{301}\u{301}", "zzzz", "cedex", "cedex 7", "123456", "()"] {
        assert!(names(text, 10).is_empty(), "{text:?}");
    }
}

#[test]
fn a_limit_is_a_bound() {
    assert_eq!(names("saint", 0).len(), 0);
    assert_eq!(names("saint", 7).len(), 7);
    assert_eq!(names("saint", usize::MAX).len(), SEARCH_RESULTS_MAX);
    assert_eq!(codes("97", usize::MAX).len(), SEARCH_RESULTS_MAX);
}

#[test]
fn every_commune_is_found_by_its_code_and_by_its_name_with_each_postal_code() {
    for commune in communes().all() {
        assert!(codes(commune.code(), SEARCH_RESULTS_MAX).contains(&commune.code()), "{}", commune.code());
    }
    // A sample: each search is a scan or two, and tests are not optimised.
    for commune in communes().all().iter().step_by(61) {
        let capitals = fold(commune.name()).to_uppercase();
        for postal_code in commune.postal_codes() {
            let typed = format!("{postal_code} {capitals}");
            assert!(codes(&typed, 3).contains(&commune.code()), "{typed}");
        }
    }
}

#[test]
fn every_name_in_capitals_finds_its_communes_first() {
    let mut of_name: HashMap<String, Vec<&Commune>> = HashMap::new();
    for commune in communes().all() {
        of_name.entry(fold(commune.name())).or_default().push(commune);
    }
    for (name, mut same) in of_name.into_iter().filter(|(name, same)| name.len() % 29 == 0 || same.len() > 8)
    {
        same.sort_by_key(|commune| (Reverse(commune.population().unwrap_or(0)), commune.id()));
        let expected: Vec<_> = same.iter().map(|commune| commune.code()).take(SEARCH_RESULTS_MAX).collect();
        assert_eq!(codes(&name.to_uppercase(), expected.len()), expected, "{name}");
    }
}

/// The rule of [`Communes::search`] for a name, without an index.
fn naive(needle: &str, limit: usize) -> Vec<CommuneId> {
    let own = communes().all().iter().map(|commune| (commune.id(), commune.name(), false));
    let others = communes().other_names.iter().map(|(id, name)| (*id, *name, true));
    let mut found: Vec<_> = own
        .chain(others)
        .filter_map(|(id, name, is_other)| {
            let commune = communes().get(id);
            let matched = Match::of_words(&fold(name), needle)?;
            let population = Reverse(commune.population().unwrap_or(0));
            Some((matched, is_other, population, fold(commune.name()), id))
        })
        .collect();
    found.sort();
    let mut ids = Vec::new();
    for (.., id) in found {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids.truncate(limit);
    ids
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_search_agrees_with_reading_every_name(
        commune in 0..35_014_usize, skipped_words in 0..3_usize, length in 2..9_usize,
    ) {
        let name = fold(communes().all()[commune].name());
        let text: String = name.split(' ').skip(skipped_words).collect::<Vec<_>>().join(" ");
        let text: String = text.chars().take(length).collect();
        let text = text.trim();
        let is_name = text.len() >= 2 && !text.contains(|c: char| c.is_ascii_digit());
        prop_assume!(is_name && !["st", "ste"].iter().any(|abbreviation| text.ends_with(abbreviation)));
        let expected = naive(text, 30);
        let found: Vec<_> = communes().search(text, 30).iter().map(|found| found.commune).collect();
        prop_assert_eq!(&found[..expected.len().min(found.len())], &expected[..]);
    }
}
