//! Some thousand facts next to each other in memory, in the order of their positions. They do not change any more, save
//! that some of them end.

use parking_lot::RwLock;

use crate::views::countable::{Beside, Countable, Numbers, Redirected, Seen};
use crate::views::filter::Filter;

/// Facts of a block: small enough that one that is still growing is copied quickly, large enough that what a block costs
/// does not count.
pub(super) const BLOCK_FACTS_MAX: usize = 4_096;

const WORD_BITS: usize = u64::BITS as usize;

/// Facts in the order of their positions.
#[derive(Debug, Default)]
pub(super) struct Block {
    first: u64,
    /// Positions, counted from the first.
    after_first: Vec<u32>,
    fixed: Vec<Countable>,
    /// Redirections, those of a fact next to each other, in the order of the facts.
    redirections: Vec<Redirected>,
    /// Index of the fact that each redirection is of.
    redirected: Vec<u16>,
    /// Numbers that do not fit into the fixed part, by index of the fact.
    numbers: Vec<(u16, Box<Numbers>)>,
    /// Facts that ended, each with the position where it did.
    ended: RwLock<Vec<(u16, u64)>>,
    first_day: i32,
    last_day: i32,
}

impl Clone for Block {
    fn clone(&self) -> Self {
        Self {
            first: self.first,
            after_first: self.after_first.clone(),
            fixed: self.fixed.clone(),
            redirections: self.redirections.clone(),
            redirected: self.redirected.clone(),
            numbers: self.numbers.clone(),
            ended: RwLock::new(self.ended.read().clone()),
            first_day: self.first_day,
            last_day: self.last_day,
        }
    }
}

impl Block {
    /// Whether a fact from a position can still be added.
    pub(super) fn has_room(&self, from: u64) -> bool {
        self.fixed.is_empty()
            || (self.fixed.len() < BLOCK_FACTS_MAX && u32::try_from(from - self.first).is_ok())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.fixed.is_empty()
    }

    /// Position of its first fact.
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// Position of its last fact.
    pub(super) fn last(&self) -> Option<u64> {
        self.after_first.last().map(|after_first| self.first + u64::from(*after_first))
    }

    /// Adds a fact that is from a later position than the others; see [`Block::has_room`].
    pub(super) fn push(&mut self, from: u64, fixed: Countable, beside: Option<Box<Beside>>) {
        if self.fixed.is_empty() {
            (self.first, self.first_day, self.last_day) = (from, fixed.day, fixed.day);
        }
        let index = self.index(self.fixed.len());
        self.first_day = self.first_day.min(fixed.day);
        self.last_day = self.last_day.max(fixed.day);
        self.after_first.push(u32::try_from(from - self.first).unwrap_or(u32::MAX));
        self.fixed.push(fixed);
        if let Some(beside) = beside {
            self.redirected.extend(beside.redirections.iter().map(|_| index));
            self.redirections.extend_from_slice(&beside.redirections);
            self.numbers.extend(beside.numbers.map(|numbers| (index, numbers)));
        }
    }

    /// Says where a fact ended.
    pub(super) fn end(&self, from: u64, until: u64) {
        let after_first = u32::try_from(from.saturating_sub(self.first)).unwrap_or(u32::MAX);
        if let Ok(index) = self.after_first.binary_search(&after_first) {
            self.ended.write().push((self.index(index), until));
        }
    }

    #[allow(clippy::unused_self)] // an index is of a block
    fn index(&self, index: usize) -> u16 {
        u16::try_from(index).unwrap_or(u16::MAX)
    }

    /// Gives every fact that a filter counts when the log ends at a position.
    pub(super) fn each<'a>(&'a self, position: u64, filter: &Filter, mut take: impl FnMut(u64, Seen<'a>)) {
        let days = filter.days();
        if position < self.first || self.last_day < *days.start() || *days.end() < self.first_day {
            return;
        }
        let known = self.known_at(position);
        let ended = self.ended_at(position);
        let mut numbers = self.numbers.iter().peekable();
        let mut redirected = 0;
        for (index, fixed) in self.fixed[..known].iter().enumerate() {
            let numbers = numbers.next_if(|(of, _)| usize::from(*of) == index).map(|(_, numbers)| &**numbers);
            let first = redirected;
            while self.redirected.get(redirected).is_some_and(|of| usize::from(*of) == index) {
                redirected += 1;
            }
            if ended.as_ref().is_some_and(|ended| ended[index / WORD_BITS] & (1 << (index % WORD_BITS)) != 0)
            {
                continue;
            }
            let seen = Seen::new(fixed, &self.redirections[first..redirected], numbers);
            if filter.matches(&seen) {
                take(self.first + u64::from(self.after_first[index]), seen);
            }
        }
    }

    /// Number of the facts that are not from a later position.
    fn known_at(&self, position: u64) -> usize {
        match u32::try_from(position - self.first) {
            Ok(after_first) => self.after_first.partition_point(|from| *from <= after_first),
            Err(_) => self.fixed.len(),
        }
    }

    /// One bit per fact that ended up to a position; `None` when none did.
    fn ended_at(&self, position: u64) -> Option<Vec<u64>> {
        let ended = self.ended.read();
        let mut words: Option<Vec<u64>> = None;
        for (index, _) in ended.iter().filter(|(_, until)| *until <= position) {
            let words = words.get_or_insert_with(|| vec![0; self.fixed.len().div_ceil(WORD_BITS)]);
            words[usize::from(*index) / WORD_BITS] |= 1 << (usize::from(*index) % WORD_BITS);
        }
        words
    }
}
