//! The counters of one period of a territory, a structure or an advisor in few bytes: most of them are 0, and most others are
//! small. There are hundreds of thousands of periods, and a query adds some dozens of them.

use std::sync::Arc;

use cra_domain::vocabulary::{Organisation, Word as _};

use super::accumulator::Accumulator;
use super::bits::{WORD_BITS, places};
use super::fact::RecipientCode;

/// The facts of one period. Clones share the bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct PackedSums(
    /// Numbers of variable length, after how many there are: for each 64 counters of a list one bit per counter that is not 0,
    /// and these counters; the number of long delays, and of each its days and its CRAs; of each recipient its number, people
    /// and mentions. None for no facts.
    Arc<[u8]>,
);

impl PackedSums {
    pub(crate) fn of(mut sums: Accumulator) -> Self {
        let mut numbers = Vec::new();
        for counters in words_of(&mut sums) {
            numbers.push(counters.iter().rev().fold(0, |set, counter| set << 1 | u64::from(*counter != 0)));
            numbers.extend(counters.iter().filter(|counter| **counter != 0));
        }
        numbers.push(sums.long_delays().len() as u64);
        numbers.extend(sums.long_delays().flat_map(|(days, cras)| [days.into(), cras]));
        let recipients = sums.redirections_mut().all();
        numbers.extend(recipients.flat_map(|(to, totals)| [number_of(to), totals.people, totals.mentions]));
        Self(postcard::to_allocvec(&numbers).unwrap_or_default().into())
    }

    /// Adds the counters to others.
    pub(crate) fn add_to(&self, sums: &mut Accumulator) {
        let mut numbers = Numbers(&self.0);
        numbers.next();
        for counters in words_of(sums) {
            for place in places(numbers.next()) {
                counters[place] += numbers.next();
            }
        }
        for _ in 0..numbers.next() {
            let days = u32::try_from(numbers.next()).unwrap_or(u32::MAX);
            sums.add_delay(days, numbers.next());
        }
        while !numbers.0.is_empty() {
            let to = recipient_of(numbers.next());
            let people = numbers.next();
            sums.redirections_mut().add(to, people, numbers.next());
        }
    }

    /// Replaces the counters by changed ones.
    pub(crate) fn update(&mut self, change: impl FnOnce(&mut Accumulator)) {
        let mut sums = Accumulator::default();
        self.add_to(&mut sums);
        change(&mut sums);
        *self = Self::of(sums);
    }
}

/// The counters by lists, and of each list 64 at a time.
fn words_of(sums: &mut Accumulator) -> impl Iterator<Item = &mut [u64]> {
    sums.counters_mut().into_iter().flat_map(|list| list.chunks_mut(WORD_BITS))
}

/// Numbers that are left to be read.
struct Numbers<'a>(&'a [u8]);

impl Numbers<'_> {
    /// The next number; 0 after the last one.
    #[inline]
    fn next(&mut self) -> u64 {
        // Most numbers have one byte or two; the highest bit of each byte but the last is set.
        let (number, rest) = match self.0 {
            [byte, rest @ ..] if *byte < 0x80 => (u64::from(*byte), rest),
            [low, high, rest @ ..] if *high < 0x80 => (u64::from(low & 0x7f) | u64::from(*high) << 7, rest),
            bytes => postcard::take_from_bytes(bytes).unwrap_or_default(),
        };
        self.0 = rest;
        number
    }
}

fn number_of(recipient: RecipientCode) -> u64 {
    let known = Organisation::ALL.len() as u64;
    match recipient {
        RecipientCode::Known(organisation) => organisation.index() as u64,
        RecipientCode::Unnamed => known,
        RecipientCode::Other(code) => known + 1 + u64::from(code),
    }
}

fn recipient_of(number: u64) -> RecipientCode {
    let known = Organisation::ALL.len();
    match usize::try_from(number).ok().and_then(|number| Organisation::ALL.get(number)) {
        Some(organisation) => RecipientCode::Known(*organisation),
        None => match number.checked_sub(known as u64 + 1) {
            Some(code) => RecipientCode::Other(u32::try_from(code).unwrap_or(u32::MAX)),
            None => RecipientCode::Unnamed,
        },
    }
}
