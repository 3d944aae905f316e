//! Search as one types: communes whose name or postal code starts with the text, best first.
//!
//! Names are grouped by the first two characters of their folded form, most peopled first, so a search
//! reads one group per kind of match and stops when it has enough: its work is bounded by the largest group, and
//! nothing is sorted but the few hundred communes of a short postal prefix. No misspelling is forgiven,
//! and the names of merged communes are not searched.

use std::cmp::Reverse;

use super::buckets::Buckets;
use super::fold::{fold, fold_as_typed};
use super::names::arrondissement;
use super::table::{CommuneId, Communes, POSTAL_CODES, find};

/// The most communes that a search gives, whatever its limit.
pub const SEARCH_RESULTS_MAX: usize = 50;

/// A search has at least this many characters, before and after folding.
const TEXT_MIN: usize = 2;

const ARTICLES: [&str; 4] = ["l", "la", "le", "les"];

/// A place in a folded name where a search may start.
#[derive(Clone, Copy, Debug)]
struct Start {
    commune: CommuneId,
    /// In bytes from the start of the folded name.
    offset: u16,
}

/// The folded names and the groups of their starts.
#[derive(Debug)]
pub(super) struct NameIndex {
    folded: String,
    /// Where each commune's name ends in `folded`, by id.
    ends: Vec<usize>,
    /// By id: 0 for the most peopled commune.
    ranks: Vec<u16>,
    whole_names: Buckets<Start>,
    after_articles: Buckets<Start>,
    inner_words: Buckets<Start>,
}

impl Communes {
    /// At most `limit` communes and arrondissements (and at most [`SEARCH_RESULTS_MAX`]) whose name or
    /// postal code starts with `text`, best first.
    ///
    /// The exact name comes first, then the exact name but for its article (l', la, le, les), then names
    /// that start with the text, then those that do after an article, then those with a word that does;
    /// within each, by population downwards, then name, then code. A text of digits is the start of a
    /// postal code. The official code of a commune of today finds it. Accents, case, hyphens, apostrophes, œ/oe, st/saint and ste/sainte do not matter. A text
    /// of fewer than 2 characters finds nothing.
    #[must_use]
    pub fn search(&self, text: &str, limit: usize) -> Vec<CommuneId> {
        let text = text.trim();
        let mut results = Results { found: Vec::new(), limit: limit.min(SEARCH_RESULTS_MAX) };
        if text.chars().take(TEXT_MIN).count() < TEXT_MIN {
            return results.found;
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            self.search_postal_codes(text, &mut results);
        } else {
            self.search_names(text, &mut results);
        }
        // Not a former code: 75001 was Alfortville's, and whoever types it means the postal code.
        let code = text.to_ascii_uppercase();
        results.extend(find(&self.rows, &code, |commune| commune.code).map(|commune| commune.id));
        results.found
    }

    /// The folded name of a commune.
    pub(super) fn folded_name(&self, id: CommuneId) -> &str {
        self.name_index().name(id)
    }

    fn name_index(&self) -> &NameIndex {
        self.names.get_or_init(|| NameIndex::new(self))
    }

    fn search_postal_codes(&self, digits: &str, results: &mut Results) {
        let Some((from, to)) = postal_range(digits) else {
            return;
        };
        let ranks = &self.name_index().ranks;
        let mut found = self.by_postal_code.range(from, to).to_vec();
        found.sort_unstable_by_key(|id| ranks[id.position()]);
        // A commune comes once for each of its postal codes.
        found.dedup();
        results.extend(found);
    }

    fn search_names(&self, text: &str, results: &mut Results) {
        let index = self.name_index();
        let whole = fold(text);
        let typed = fold_as_typed(text);
        // "st" is Saint first, and then the start of Strasbourg.
        let needles: &[&str] = if whole == typed { &[&whole] } else { &[&whole, &typed] };

        if let Some(place) = arrondissement(&whole) {
            let same = |id: &CommuneId| arrondissement(index.name(*id)) == Some(place);
            results.extend(self.arrondissements.iter().copied().filter(same));
        }
        // Le Mans must not come after all the names that start with "mans".
        for starts in [&index.whole_names, &index.after_articles] {
            for needle in needles {
                results.extend(index.matches(starts, needle, |name| name == *needle));
            }
        }
        for starts in [&index.whole_names, &index.after_articles, &index.inner_words] {
            for needle in needles {
                results.extend(index.matches(starts, needle, |name| name.starts_with(needle)));
            }
        }
    }
}

impl NameIndex {
    fn new(communes: &Communes) -> Self {
        let mut folded = String::new();
        let mut ends = Vec::with_capacity(communes.rows.len());
        for commune in &communes.rows {
            folded.push_str(&fold(commune.name));
            ends.push(folded.len());
        }
        let mut index = Self {
            folded,
            ends,
            ranks: vec![0; communes.rows.len()],
            whole_names: Buckets::new(0, &[]),
            after_articles: Buckets::new(0, &[]),
            inner_words: Buckets::new(0, &[]),
        };
        let ranked = index.ranked(communes);
        for (rank, id) in (0..=u16::MAX).zip(&ranked) {
            index.ranks[id.position()] = rank;
        }
        index.group(&ranked);
        index
    }

    /// The ids by population downwards, then name, then code.
    fn ranked(&self, communes: &Communes) -> Vec<CommuneId> {
        let population = |id: CommuneId| communes.get(id).population.unwrap_or(0);
        let mut keys: Vec<(Reverse<u32>, CommuneId)> =
            communes.rows.iter().map(|commune| (Reverse(population(commune.id)), commune.id)).collect();
        keys.sort_unstable_by(|left, right| {
            let by_name = || self.name(left.1).cmp(self.name(right.1));
            left.0.cmp(&right.0).then_with(by_name).then(left.1.cmp(&right.1))
        });
        keys.into_iter().map(|(_, id)| id).collect()
    }

    fn group(&mut self, ranked: &[CommuneId]) {
        let mut whole_names = Vec::with_capacity(ranked.len());
        let mut after_articles = Vec::new();
        let mut inner_words = Vec::new();
        for &commune in ranked {
            let name = self.name(commune);
            whole_names.extend(start(name, commune, 0));
            let mut before = 0;
            for (space, _) in name.match_indices(' ') {
                let follows_article = before == 0 && ARTICLES.contains(&&name[..space]);
                let list = if follows_article { &mut after_articles } else { &mut inner_words };
                list.extend(start(name, commune, space + 1));
                before = space + 1;
            }
        }
        self.whole_names = Buckets::new(GROUPS, &whole_names);
        self.after_articles = Buckets::new(GROUPS, &after_articles);
        self.inner_words = Buckets::new(GROUPS, &inner_words);
    }

    fn name(&self, id: CommuneId) -> &str {
        let start = id.position().checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.folded[start..self.ends[id.position()]]
    }

    /// The communes of the needle's group whose name, from the start on, fits.
    fn matches<'a>(
        &'a self,
        starts: &'a Buckets<Start>,
        needle: &str,
        fits: impl Fn(&str) -> bool + 'a,
    ) -> impl Iterator<Item = CommuneId> + 'a {
        let group = if needle.len() < TEXT_MIN { None } else { group_of(needle) };
        let candidates = group.map_or(&[] as &[Start], |group| starts.get(group));
        let fitting = move |start: &&Start| fits(&self.name(start.commune)[usize::from(start.offset)..]);
        candidates.iter().filter(fitting).map(|start| start.commune)
    }
}

/// What was found, best first, each commune once.
struct Results {
    found: Vec<CommuneId>,
    limit: usize,
}

impl Results {
    /// Takes what is new, and stops reading when there is enough.
    fn extend(&mut self, ids: impl IntoIterator<Item = CommuneId>) {
        if self.found.len() >= self.limit {
            return;
        }
        for id in ids {
            if !self.found.contains(&id) {
                self.found.push(id);
                if self.found.len() >= self.limit {
                    return;
                }
            }
        }
    }
}

/// Letters, digits, and the end of the text or a space.
const CLASSES: usize = 26 + 10 + 1;
const GROUPS: usize = CLASSES * CLASSES;

/// The group of a folded text: its first two characters. None when a character is in no folded name.
fn group_of(folded: &str) -> Option<usize> {
    let class = |byte: Option<u8>| match byte {
        None | Some(b' ') => Some(0),
        Some(letter @ b'a'..=b'z') => Some(usize::from(letter - b'a') + 1),
        Some(digit @ b'0'..=b'9') => Some(usize::from(digit - b'0') + 27),
        Some(_) => None,
    };
    let mut bytes = folded.bytes();
    Some(class(bytes.next())? * CLASSES + class(bytes.next())?)
}

fn start(name: &str, commune: CommuneId, offset: usize) -> Option<(usize, Start)> {
    let group = group_of(&name[offset..])?;
    let offset = u16::try_from(offset).ok()?;
    Some((group, Start { commune, offset }))
}

/// The postal codes that start with these digits, as a range of numbers; none for more than 5 digits.
fn postal_range(digits: &str) -> Option<(usize, usize)> {
    let free_digits = 5_usize.checked_sub(digits.len())?;
    let span = 10_usize.pow(u32::try_from(free_digits).ok()?);
    let from = digits.parse::<usize>().ok()? * span;
    Some((from, (from + span).min(POSTAL_CODES)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::territory::communes;

    fn names(text: &str, limit: usize) -> Vec<&'static str> {
        communes().search(text, limit).into_iter().map(|id| communes().get(id).name()).collect()
    }

    fn codes(text: &str, limit: usize) -> Vec<&'static str> {
        communes().search(text, limit).into_iter().map(|id| communes().get(id).code()).collect()
    }

    #[test]
    fn the_exact_name_comes_first_then_the_most_peopled() {
        assert_eq!(names("paris", 3), ["Paris", "Paris 15e Arrondissement", "Paris 20e Arrondissement"]);
        assert_eq!(codes("saint-denis", 3), ["97411", "93066", "11339"]);
        assert_eq!(names("eu", 1), ["Eu"]);
        assert_eq!(names("mar", 1), ["Marseille"]);
    }

    #[test]
    fn accents_case_hyphens_apostrophes_and_ligatures_do_not_matter() {
        for text in ["saint-étienne", "SAINT ETIENNE", "st etienne", "St-Étienne", "  st.  étienne "] {
            assert_eq!(codes(text, 1), ["42218"], "{text}");
        }
        assert_eq!(codes("l’hay les", 1), ["94038"]);
        assert_eq!(codes("ste foy les lyon", 1), ["69202"]);
        assert_eq!(names("oeuilly", 5), names("Œuilly", 5));
        assert!(!names("Œuilly", 5).is_empty());
    }

    #[test]
    fn the_word_st_is_saint_and_then_the_start_of_another_name() {
        assert_eq!(names("st", 2), ["Le Saint", "Saint-Étienne"]);
        assert_eq!(names("str", 1), ["Strasbourg"]);
        assert!(names("ste", SEARCH_RESULTS_MAX).iter().all(|name| name.starts_with("Sainte")));
    }

    #[test]
    fn an_article_may_be_left_out_and_then_a_true_start_comes_before_it() {
        assert_eq!(names("le havre", 1), ["Le Havre"]);
        assert!(names("havre", 2).contains(&"Le Havre"));
        assert!(names("abergement", 10).contains(&"L'Abergement-Clémenciat"));
        assert_eq!(names("mans", 2), ["Le Mans", "Mansle-les-Fontaines"]);
        let havr = names("havr", SEARCH_RESULTS_MAX);
        let le_havre = havr.iter().position(|name| *name == "Le Havre").unwrap();
        assert!(le_havre > 0 && havr[..le_havre].iter().all(|name| name.starts_with("Havr")), "{havr:?}");
    }

    #[test]
    fn a_word_of_the_name_is_found_after_the_rest() {
        assert!(names("hermitage", 20).iter().any(|name| name.contains("l'Hermitage")));
    }

    #[test]
    fn an_arrondissement_is_found_by_its_number() {
        for text in ["paris 1", "Paris 01", "paris 1er", "PARIS 1ER ARR"] {
            assert_eq!(codes(text, 1), ["75101"], "{text}");
        }
        assert_eq!(codes("lyon 3eme", 1), ["69383"]);
        assert_eq!(codes("marseille 16", 1), ["13216"]);
    }

    #[test]
    fn digits_are_the_start_of_a_postal_code_or_an_official_code() {
        assert_eq!(codes("75001", 10), ["75056", "75101"]);
        assert_eq!(codes("7500", 1), ["75056"]);
        assert_eq!(codes("97429", 5), ["97405"]);
        assert_eq!(codes("75056", 5), ["75056"]);
        assert_eq!(codes("2a004", 5), ["2A004"]);
        assert!(!codes("75001", 10).contains(&"94002"), "a former code is not searched");
        assert_eq!(codes("750011", 5), [] as [&str; 0]);
        assert_eq!(codes("99", 1), [] as [&str; 0]);
    }

    #[test]
    fn a_text_too_short_or_foreign_finds_nothing() {
        for text in ["", "p", " p ", "7", "--", "l'", "日本", "\u{301}\u{301}", "zzzz"] {
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
    fn the_work_of_a_search_is_bounded_by_the_largest_group() {
        let index = communes().name_index();
        for starts in [&index.whole_names, &index.after_articles, &index.inner_words] {
            assert!(starts.largest() < 8_000, "{}", starts.largest());
        }
    }

    #[test]
    fn every_commune_is_in_a_group_and_ranked_once() {
        let index = communes().name_index();
        assert_eq!(index.whole_names.range(0, GROUPS).len(), communes().all().len());
        let mut ranks = index.ranks.clone();
        ranks.sort_unstable();
        assert!(ranks.iter().copied().eq((0..).take(ranks.len())));
    }

    /// The rule of [`Communes::search`] for a text that is a name, without any index.
    fn naive(text: &str, limit: usize) -> Vec<CommuneId> {
        let needle = fold(text);
        let tier = |name: &str| {
            let (first, rest) = name.split_once(' ').unwrap_or((name, ""));
            let inner = format!(" {name}").contains(&format!(" {needle}"));
            let tiers = [
                name == needle,
                ARTICLES.contains(&first) && rest == needle,
                name.starts_with(&needle),
                ARTICLES.contains(&first) && rest.starts_with(&needle),
                inner,
            ];
            tiers.iter().position(|holds| *holds)
        };
        let mut found: Vec<_> = communes()
            .all()
            .iter()
            .filter_map(|commune| {
                let name = fold(commune.name());
                let population = Reverse(commune.population().unwrap_or(0));
                Some((tier(&name)?, population, name, commune.id()))
            })
            .collect();
        found.sort();
        found.into_iter().map(|(_, _, _, id)| id).take(limit).collect()
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
            let is_name = text.trim().len() >= 2 && !text.contains(|c: char| c.is_ascii_digit());
            prop_assume!(is_name && !["st", "ste"].iter().any(|abbreviation| text.trim().ends_with(abbreviation)));
            prop_assert_eq!(communes().search(&text, 30), naive(&text, 30));
        }
    }
}
