//! Search for communes while a person types: names of today and from before mergers, postal and official codes, and
//! combinations, best first.
//!
//! One scan of the folded names finds the candidates, which are ordered by kind of match and population. Misspellings
//! are not corrected.

use super::declared::with_lost_zero;
use super::fold::{fold, fold_as_typed};
use super::ids::CommuneId;
use super::index::NameIndex;
use super::matching;
use super::names::arrondissement;
use super::query::{Query, is_coded, is_near, is_of};
use super::table::{CodeKind, Commune, Communes};

/// Maximum number of communes that a search returns, whatever its limit.
pub const SEARCH_RESULTS_MAX: usize = 50;
/// Maximum length of a text that is searched, in characters: longer than any name.
pub const SEARCH_CHARACTERS_MAX: usize = 100;

/// Minimum length of a text that is searched inside words.
const INSIDE_LENGTH_MIN: usize = 3;

/// A commune that a search found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundCommune {
    /// The commune or arrondissement of today.
    pub commune: CommuneId,
    /// The name that matched, if it is not the commune's own: from before a merger or a renaming, of a part of the
    /// commune, or of postal lists.
    pub matched_name: Option<&'static str>,
}

/// Kinds of match, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Match {
    Whole,
    WholeAfterArticle,
    Start,
    StartAfterArticle,
    InnerWord,
    /// Each typed word starts a word of the name, in the same order.
    WordsInOrder,
    Compact,
    Inside,
}

impl Match {
    const COUNT: usize = 8;

    fn of_words(name: &str, needle: &str) -> Option<Self> {
        let (first, rest) = name.split_once(' ').unwrap_or((name, ""));
        let after_article = if matching::ARTICLES.contains(&first) { Some(rest) } else { None };
        if name == needle {
            return Some(Self::Whole);
        }
        if after_article == Some(needle) {
            return Some(Self::WholeAfterArticle);
        }
        if name.starts_with(needle) {
            return Some(Self::Start);
        }
        if after_article.is_some_and(|rest| rest.starts_with(needle)) {
            return Some(Self::StartAfterArticle);
        }
        let starts_word = |(at, _): (usize, &str)| name[..at].ends_with(' ');
        if name.match_indices(needle).any(starts_word) {
            return Some(Self::InnerWord);
        }
        let mut words = name.split(' ');
        let in_order = needle.split(' ').all(|typed| words.any(|word| word.starts_with(typed)));
        in_order.then_some(Self::WordsInOrder)
    }
}

impl Communes {
    /// At most `limit` communes and arrondissements (and at most [`SEARCH_RESULTS_MAX`]) for `text`, best first.
    ///
    /// A name matches whole, from its start, with or without its article (l', la, le, les), from an inner word, by
    /// words in order, without spaces, then inside a word. Within each kind, today's names come before names from
    /// before a merger or of a part, then by population (largest first), name and code. A code of 2 to 5 characters
    /// next to a name narrows the search: department, postal code, official code, or a prefix of one. Digits alone are
    /// the start of a postal or official code, or a department. Accents, case, hyphens, apostrophes, œ/oe, st/saint and
    /// CEDEX with its number are ignored.
    #[must_use]
    pub fn search(&self, text: &str, limit: usize) -> Vec<FoundCommune> {
        let query = Query::parse(text);
        let mut results = Results { found: Vec::new(), limit: limit.min(SEARCH_RESULTS_MAX) };
        if let Some(named) = arrondissement(&query.text) {
            let same = |id: &CommuneId| arrondissement(self.folded_name(*id)) == Some(named);
            results.extend(self.arrondissements.iter().copied().filter(same).map(own));
        }
        match (query.name.as_str(), query.codes.as_slice()) {
            ("", codes) => self.search_codes(codes, &mut results),
            (name, []) => self.search_names(name, |_| true, &mut results),
            (name, codes) => self.search_both(name, codes, &mut results),
        }
        results.found
    }

    pub(super) fn folded_name(&self, id: CommuneId) -> &str {
        self.name_index().folded(id.position())
    }

    pub(super) fn name_index(&self) -> &NameIndex {
        self.names.get_or_init(|| {
            let own = self.rows.iter().map(|it| (it.id, it.name, it.population.unwrap_or(0)));
            NameIndex::new(&own.collect::<Vec<_>>(), self.other_names.iter().copied())
        })
    }

    fn search_codes(&self, codes: &[String], results: &mut Results) {
        let [code, others @ ..] = codes else { return };
        let code = code.as_str();
        let ranked = || {
            let all = self.name_index().ranked().iter().map(|id| self.get(*id));
            all.filter(|commune| others.iter().all(|other| is_of(commune, other) || is_coded(commune, other)))
        };
        if code.len() == 5 {
            let mut there = self.by_postal_code(code).to_vec();
            there.sort_unstable_by_key(|id| self.name_index().rank_of(*id));
            results.extend(there.into_iter().map(own));
            results.extend(self.coded(code));
            return;
        }
        results.extend(ranked().filter(|commune| is_of(commune, code)).map(own_of));
        if results.found.is_empty()
            && let Some(whole) = with_lost_zero(code)
        {
            self.search_codes(&[whole], results);
        }
        results.extend(ranked().filter(|commune| is_coded(commune, code)).map(own_of));
    }

    /// The commune of an official code: of today, delegated, associated or former. A former code that is a postal code
    /// is not searched: 75001 was Alfortville's, but a person who types it means the postal code.
    fn coded(&self, code: &str) -> Option<FoundCommune> {
        let commune = self.resolve(code)?;
        match self.code_kind(code)? {
            CodeKind::Current => Some(own(commune)),
            CodeKind::Former if self.is_postal_code(code) => None,
            CodeKind::Merged | CodeKind::Former => {
                Some(FoundCommune { commune, matched_name: self.merged_name(code) })
            }
        }
    }

    fn search_both(&self, name: &str, codes: &[String], results: &mut Results) {
        let listed = codes.iter().find_map(|code| self.by_postal_code_and_name(code, name));
        results.extend(listed.map(|commune| self.found_as(commune, name)));
        let fits = |commune: &Commune, code: &str| is_of(commune, code) || commune.code == code;
        self.search_names(name, |commune| codes.iter().all(|code| fits(commune, code)), results);
        if results.found.is_empty() {
            self.search_names(name, |commune| codes.iter().all(|code| is_near(commune, code)), results);
        }
        if results.found.is_empty() {
            self.search_names(name, |_| true, results);
        }
    }

    /// A commune found by a name; keeps the name if it is not the commune's own.
    fn found_as(&self, commune: CommuneId, name: &str) -> FoundCommune {
        let folded = fold(name);
        let is_other = !self.folded_name(commune).contains(&folded);
        let other = self.other_names(commune).find(|other| is_other && fold(other) == folded);
        FoundCommune { commune, matched_name: other }
    }

    fn search_names(&self, name: &str, keeps: impl Fn(&Commune) -> bool, results: &mut Results) {
        let whole = fold(name);
        let typed = fold_as_typed(name);
        // "st" means Saint first, then the start of Strasbourg.
        let needles: &[&str] = if whole == typed { &[&whole] } else { &[&whole, &typed] };
        let mut best = Best::new(self);
        best.add_words(needles, &keeps);
        if best.count < results.limit {
            best.add_compact(needles, &keeps);
            best.add_inside(needles, &keeps);
        }
        if best.count == 0 {
            // "le devoluy" means Dévoluy.
            let core = matching::core(&whole).join(" ");
            best.add_words(&[&core], &keeps);
        }
        if best.count == 0 {
            self.search_with_territory(&whole, &keeps, &mut best);
        }
        results.extend(best.in_order());
    }

    /// Searches a name before or after the name of its department or region: "saint denis reunion".
    fn search_with_territory(&self, text: &str, keeps: &dyn Fn(&Commune) -> bool, best: &mut Best<'_>) {
        let is_named = |official: &str, typed: &str| matching::core(&fold(official)) == matching::core(typed);
        for (at, _) in text.match_indices(' ') {
            for (name, territory) in [(&text[..at], &text[at + 1..]), (&text[at + 1..], &text[..at])] {
                let departments: Vec<_> = self
                    .departments
                    .iter()
                    .filter(|it| {
                        is_named(it.name, territory)
                            || self.region(it.region).is_some_and(|region| is_named(region.name, territory))
                    })
                    .map(|it| it.id)
                    .collect();
                if !departments.is_empty() {
                    let within = |it: &Commune| keeps(it) && departments.contains(&it.department_id);
                    best.add_words(&[name], &within);
                }
            }
        }
    }
}

fn own(commune: CommuneId) -> FoundCommune {
    FoundCommune { commune, matched_name: None }
}

fn own_of(commune: &Commune) -> FoundCommune {
    own(commune.id)
}

/// The best match of each commune.
struct Best<'a> {
    communes: &'a Communes,
    index: &'a NameIndex,
    /// By rank: the order of the match, and the position of the name.
    of_rank: Vec<Option<(u8, u32)>>,
    count: usize,
}

impl<'a> Best<'a> {
    /// Number of match orders: each kind of match, for today's and other names, by two needles.
    const ORDERS: usize = Match::COUNT * 4;

    fn new(communes: &'a Communes) -> Self {
        let index = communes.name_index();
        Self { communes, index, of_rank: vec![None; communes.rows.len()], count: 0 }
    }

    fn add(&mut self, position: usize, matched: Match, needle: usize, keeps: &dyn Fn(&Commune) -> bool) {
        let entry = self.index.entry(position);
        let is_other = usize::from(entry.other_name.is_some());
        let order = (matched as usize * 4 + is_other * 2 + needle.min(1)).min(Self::ORDERS - 1);
        let (Ok(order), Ok(position)) = (u8::try_from(order), u32::try_from(position)) else { return };
        let best = &mut self.of_rank[self.index.rank_of(entry.commune)];
        if best.is_some_and(|before| before <= (order, position)) || !keeps(self.communes.get(entry.commune))
        {
            return;
        }
        self.count += usize::from(best.is_none());
        *best = Some((order, position));
    }

    fn add_words(&mut self, needles: &[&str], keeps: &dyn Fn(&Commune) -> bool) {
        let index = self.index;
        for (number, needle) in needles.iter().enumerate().filter(|(_, needle)| !needle.is_empty()) {
            let first = needle.split(' ').next().unwrap_or(needle);
            for position in index.holding(&format!(" {first}")) {
                if let Some(matched) = Match::of_words(index.folded(position), needle) {
                    self.add(position, matched, number, keeps);
                }
            }
        }
    }

    fn add_compact(&mut self, needles: &[&str], keeps: &dyn Fn(&Commune) -> bool) {
        let index = self.index;
        for (number, needle) in needles.iter().enumerate() {
            let compact = needle.replace(' ', "");
            if compact.len() >= INSIDE_LENGTH_MIN {
                for position in index.holding_compact(&format!("\n{compact}")) {
                    self.add(position, Match::Compact, number, keeps);
                }
            }
        }
    }

    fn add_inside(&mut self, needles: &[&str], keeps: &dyn Fn(&Commune) -> bool) {
        let index = self.index;
        for (number, needle) in needles.iter().enumerate() {
            if needle.len() >= INSIDE_LENGTH_MIN {
                for position in index.holding(needle) {
                    self.add(position, Match::Inside, number, keeps);
                }
            }
        }
    }

    /// Ordered by match, then by rank.
    fn in_order(&self) -> impl Iterator<Item = FoundCommune> + '_ {
        let mut by_order: Vec<Vec<FoundCommune>> = vec![Vec::new(); Self::ORDERS];
        for (order, position) in self.of_rank.iter().flatten() {
            let entry = self.index.entry(*position as usize);
            let found = FoundCommune { commune: entry.commune, matched_name: entry.other_name };
            let listed = &mut by_order[usize::from(*order)];
            if listed.len() < SEARCH_RESULTS_MAX {
                listed.push(found);
            }
        }
        by_order.into_iter().flatten()
    }
}

/// The results, best first, each commune once.
struct Results {
    found: Vec<FoundCommune>,
    limit: usize,
}

impl Results {
    /// Adds new communes, and stops when there are enough.
    fn extend(&mut self, results: impl IntoIterator<Item = FoundCommune>) {
        if self.found.len() >= self.limit {
            return;
        }
        for result in results {
            if self.found.iter().all(|found| found.commune != result.commune) {
                self.found.push(result);
                if self.found.len() >= self.limit {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
