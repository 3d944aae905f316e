//! Finds a commune by its postal code and its name, as the oldest CRAs give them.
//!
//! Names are compared by their folded form, first exactly, then allowing for what lists and typing leave out or change.
//! The lookup never guesses: a name that fits two communes of the postal code equally well finds nothing.

use super::fold::fold;
use super::ids::CommuneId;
use super::matching::{Name, Nearness};
use super::table::{Communes, FormerName};

/// The result of one kind of comparison.
enum Found {
    Nothing,
    One(CommuneId),
    Several,
}

impl Found {
    fn in_list(ids: impl IntoIterator<Item = CommuneId>) -> Self {
        ids.into_iter().fold(Self::Nothing, |found, id| match found {
            Self::Nothing => Self::One(id),
            Self::One(before) if before == id => found,
            Self::One(_) | Self::Several => Self::Several,
        })
    }

    /// Tries another comparison if nothing was found. Two matches stay undecided.
    fn or_else(self, other: impl FnOnce() -> Self) -> Self {
        if matches!(self, Self::Nothing) { other() } else { self }
    }
}

impl Communes {
    /// The commune with this postal code (5 digits, no trimming) and this name.
    ///
    /// Accents, case, hyphens, apostrophes, st/saint and ste/sainte are ignored. An arrondissement is found as "PARIS
    /// 01", "Lyon 3e" or "Marseille 1er Arrondissement", or as its city with a postal code of the arrondissement. A
    /// name from before a merger or renaming, with today's postal code or its former one, finds the commune of today,
    /// unless a commune of today has that name. Finally articles, little words, abbreviations and one letter may
    /// differ, if only one commune of the postal code is that near.
    #[must_use]
    pub fn by_postal_code_and_name(&self, postal_code: &str, name: &str) -> Option<CommuneId> {
        let folded = fold(name);
        if folded.is_empty() {
            return None;
        }
        let found = self
            .named_today(postal_code, &folded)
            .or_else(|| self.listed_formerly(postal_code, &folded))
            .or_else(|| self.named_formerly(postal_code, &folded))
            .or_else(|| self.named_nearly(postal_code, &folded));
        match found {
            Found::One(commune) => Some(self.arrondissement_at(commune, postal_code).unwrap_or(commune)),
            Found::Nothing | Found::Several => None,
        }
    }

    /// Finds by today's name and a postal code of today.
    fn named_today(&self, postal_code: &str, folded: &str) -> Found {
        let candidates = self.by_postal_code(postal_code).iter().copied();
        Found::in_list(candidates.filter(|id| is_same_name(self.folded_name(*id), folded)))
    }

    /// Finds by a name and the postal code that it had.
    fn listed_formerly(&self, postal_code: &str, folded: &str) -> Found {
        let named = self.formerly_at(postal_code).filter(|former| fold(former.name) == folded);
        Found::in_list(named.map(|former| former.today))
    }

    /// Finds by a former name and a postal code of today.
    fn named_formerly(&self, postal_code: &str, folded: &str) -> Found {
        let formerly_named = |id: &CommuneId| self.other_names(*id).any(|former| fold(former) == folded);
        Found::in_list(self.by_postal_code(postal_code).iter().copied().filter(formerly_named))
    }

    /// Finds by a name near to one that has, or had, the postal code.
    fn named_nearly(&self, postal_code: &str, folded: &str) -> Found {
        let mut candidates: Vec<(CommuneId, String)> = Vec::new();
        for &id in self.by_postal_code(postal_code) {
            candidates.push((id, self.folded_name(id).to_owned()));
            candidates.extend(self.other_names(id).map(|former| (id, fold(former))));
        }
        candidates.extend(self.formerly_at(postal_code).map(|former| (former.today, fold(former.name))));
        let names: Vec<_> = candidates.iter().map(|(id, folded)| (*id, Name::new(folded))).collect();
        let written = Name::new(folded);
        for nearness in Nearness::ALL {
            let near = names.iter().filter(|(_, name)| name.is_near(&written, nearness)).map(|(id, _)| *id);
            match Found::in_list(near) {
                Found::Nothing => {}
                Found::One(id) if nearness.is_loose() && self.is_named_elsewhere(id, folded) => {
                    return Found::Several;
                }
                found => return found,
            }
        }
        Found::Nothing
    }

    /// Whether another commune of the same department has, or had, exactly this name.
    fn is_named_elsewhere(&self, commune: CommuneId, folded: &str) -> bool {
        let department = self.get(commune).department_id;
        let others =
            self.rows.iter().filter(|other| other.department_id == department && other.id != commune);
        others.into_iter().any(|other| {
            self.folded_name(other.id) == folded
                || self.other_names(other.id).any(|name| fold(name) == folded)
        })
    }

    /// The only arrondissement of a city that has this postal code.
    pub(super) fn arrondissement_at(&self, city: CommuneId, postal_code: &str) -> Option<CommuneId> {
        let mut there = self.arrondissements(city).filter(|id| self.get(*id).has_postal_code(postal_code));
        match (there.next(), there.next()) {
            (Some(only), None) => Some(only),
            _ => None,
        }
    }

    /// The other names that lead to this commune: of merged communes, former ones, of postal lists.
    pub(super) fn other_names(&self, today: CommuneId) -> impl Iterator<Item = &'static str> {
        let start = self.other_names.partition_point(|(id, _)| *id < today);
        self.other_names[start..].iter().take_while(move |(id, _)| *id == today).map(|(_, name)| *name)
    }

    /// The names that had this postal code, or have it in a postal list.
    pub(super) fn formerly_at(&self, postal_code: &str) -> impl Iterator<Item = &FormerName> {
        let start = self.former_at.partition_point(|(code, _)| *code < postal_code);
        let listed = self.former_at[start..].iter().take_while(move |(code, _)| *code == postal_code);
        listed.filter_map(|(_, position)| self.former_names.get(*position))
    }
}

fn is_same_name(left: &str, right: &str) -> bool {
    left == right || arrondissement(left).is_some_and(|it| arrondissement(right) == Some(it))
}

/// City and number in a folded name of an arrondissement: "paris 01", "paris 1er arrondissement".
pub(super) fn arrondissement(folded: &str) -> Option<(&str, u8)> {
    const WORDS: [&str; 4] = [" arrondissement", " arrdt", " ardt", " arr"];
    let name = WORDS.iter().find_map(|word| folded.strip_suffix(word)).unwrap_or(folded);
    let (city, ordinal) = name.rsplit_once(' ')?;
    let number = ordinal.trim_end_matches(|character: char| character.is_ascii_lowercase());
    let suffix = &ordinal[number.len()..];
    let plausible = matches!(number.len(), 1 | 2)
        && matches!(suffix, "" | "e" | "er" | "eme" | "ieme" | "nd")
        && number.bytes().all(|byte| byte.is_ascii_digit());
    if plausible { Some((city, number.parse().ok()?)) } else { None }
}

#[cfg(test)]
mod tests;
