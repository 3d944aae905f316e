//! All names that lead to a commune, folded, in one text that is scanned.
//!
//! A scan of the whole text takes a fraction of a millisecond, so nothing else is precomputed but the ranking of
//! communes by population.

use std::cmp::Reverse;

use memchr::memmem;

use super::fold::fold;
use super::ids::CommuneId;

/// One name of a commune.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) commune: CommuneId,
    /// The name as written; `None` if it is the commune's own.
    pub(super) other_name: Option<&'static str>,
}

/// The folded names: the communes' own names by id, then the others.
#[derive(Debug)]
pub(super) struct NameIndex {
    entries: Vec<Entry>,
    /// Each name after a line feed and a space, so that every word follows a space.
    words: Lines,
    /// Each name after a line feed, without its spaces.
    compact: Lines,
    /// By id: 0 for the most populous commune.
    ranks: Vec<u16>,
    /// The ids, most populous first, then by name, then by code.
    ranked: Vec<CommuneId>,
}

#[derive(Debug, Default)]
struct Lines {
    text: String,
    /// Position of each line feed, including the final one.
    starts: Vec<usize>,
}

impl Lines {
    fn push(&mut self, before: &str, line: &str) {
        self.starts.push(self.text.len());
        self.text.push('\n');
        self.text.push_str(before);
        self.text.push_str(line);
    }

    fn end(&mut self) {
        self.starts.push(self.text.len());
        self.text.push('\n');
    }

    /// The positions of the lines that contain the needle, each once, in order.
    fn holding<'a>(&'a self, needle: &'a str) -> impl Iterator<Item = usize> + 'a {
        let mut next = 0;
        memmem::find_iter(self.text.as_bytes(), needle.as_bytes()).filter_map(move |found| {
            if self.starts.get(next).is_some_and(|start| found < *start) {
                return None; // a line that is reported already
            }
            let ahead = self.starts[next..].partition_point(|start| *start <= found);
            next += ahead;
            next.checked_sub(1)
        })
    }
}

impl NameIndex {
    /// Indexes the communes' own names, by id and with the population, then their other names.
    pub(super) fn new(
        own: &[(CommuneId, &'static str, u32)],
        others: impl Iterator<Item = (CommuneId, &'static str)>,
    ) -> Self {
        let mut index = Self {
            entries: Vec::new(),
            words: Lines::default(),
            compact: Lines::default(),
            ranks: vec![0; own.len()],
            ranked: Vec::new(),
        };
        let own_names = own.iter().map(|(commune, name, _)| (*commune, *name, true));
        for (commune, name, is_own) in own_names.chain(others.map(|(commune, name)| (commune, name, false))) {
            let folded = fold(name);
            index.entries.push(Entry { commune, other_name: (!is_own).then_some(name) });
            index.words.push(" ", &folded);
            index.compact.push("", &folded.replace(' ', ""));
        }
        index.words.end();
        index.compact.end();
        index.rank(own);
        index
    }

    fn rank(&mut self, own: &[(CommuneId, &'static str, u32)]) {
        let mut ranked: Vec<_> = own.iter().map(|(id, _, population)| (*id, *population)).collect();
        ranked.sort_by_cached_key(|(id, population)| (Reverse(*population), self.folded(id.position()), *id));
        for (rank, (id, _)) in (0..=u16::MAX).zip(&ranked) {
            self.ranks[id.position()] = rank;
        }
        self.ranked = ranked.into_iter().map(|(id, _)| id).collect();
    }

    pub(super) fn entry(&self, position: usize) -> Entry {
        self.entries[position]
    }

    /// The folded name of an entry; a commune's own name is at the position of its id.
    pub(super) fn folded(&self, position: usize) -> &str {
        &self.words.text[self.words.starts[position] + 2..self.words.starts[position + 1]]
    }

    /// The entries whose folded name contains this text; a leading space anchors it at the start of a word.
    pub(super) fn holding<'a>(&'a self, text: &'a str) -> impl Iterator<Item = usize> + 'a {
        self.words.holding(text)
    }

    /// The entries whose name without spaces contains this text; a leading line feed anchors it at the start of the
    /// name.
    pub(super) fn holding_compact<'a>(&'a self, text: &'a str) -> impl Iterator<Item = usize> + 'a {
        self.compact.holding(text)
    }

    /// The communes, most populous first.
    pub(super) fn ranked(&self) -> &[CommuneId] {
        &self.ranked
    }

    pub(super) fn rank_of(&self, id: CommuneId) -> usize {
        usize::from(self.ranks[id.position()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::territory::communes;

    #[test]
    fn a_scan_finds_each_line_once_and_in_order() {
        let mut lines = Lines::default();
        for line in ["a b", "b a a", "c", "a"] {
            lines.push(" ", line);
        }
        lines.end();
        let holding = |needle| lines.holding(needle).collect::<Vec<_>>();
        assert_eq!(holding(" a"), [0, 1, 3]);
        assert_eq!(holding("\n a"), [0, 3]);
        assert_eq!(holding("c"), [2]);
        assert_eq!(holding("d"), [] as [usize; 0]);
    }

    #[test]
    fn every_commune_is_ranked_once_and_has_its_own_name_first() {
        let index = communes().name_index();
        let mut ranks = index.ranks.clone();
        ranks.sort_unstable();
        assert!(ranks.iter().copied().eq((0..).take(communes().all().len())));
        for (position, commune) in communes().all().iter().enumerate() {
            assert_eq!(index.folded(position), fold(commune.name()));
            assert_eq!(index.ranked()[index.rank_of(commune.id())], commune.id());
        }
    }
}
