//! Keys of the read models: one enum of prefixes, big-endian numbers, so that keys sort by their meaning.

use cra_eventlog::Position;

use cra_analytics::dictionary::{Code, Kind};

/// Kind of a key. The numbers are stored; changing one changes the definitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Prefix {
    /// One per generation: its state.
    Checkpoint = 1,
    /// One per text of the dictionary.
    Word = 4,
    /// One per event that could not be applied.
    Parked = 6,
    /// One per generation: its description.
    Description = 7,
    /// One per [`super::chunks::CHUNK_POSITIONS`] events: what they did.
    Chunk = 8,
}

const WORD_KEY_BYTES: usize = 1 + 1 + 4;
const NUMBER_KEY_BYTES: usize = 1 + 8;

pub(super) const CHECKPOINT: [u8; 1] = [Prefix::Checkpoint as u8];
pub(super) const DESCRIPTION: [u8; 1] = [Prefix::Description as u8];
pub(super) const WORDS_FIRST: [u8; WORD_KEY_BYTES] = [Prefix::Word as u8, 0, 0, 0, 0, 0];
pub(super) const WORDS_LAST: [u8; WORD_KEY_BYTES] = [Prefix::Word as u8, 0xff, 0xff, 0xff, 0xff, 0xff];

pub(super) fn word(kind: Kind, code: Code) -> [u8; WORD_KEY_BYTES] {
    let mut bytes = [Prefix::Word as u8; WORD_KEY_BYTES];
    bytes[1] = kind as u8;
    bytes[2..].copy_from_slice(&code.to_be_bytes());
    bytes
}

pub(super) fn read_word(bytes: &[u8]) -> Option<(Kind, Code)> {
    let [_, kind, code @ ..] = <[u8; WORD_KEY_BYTES]>::try_from(bytes).ok()?;
    Some((Kind::from_number(kind)?, Code::from_be_bytes(code)))
}

/// The key of a chunk by its number, from 0.
pub(super) fn chunk(number: u64) -> [u8; NUMBER_KEY_BYTES] {
    of(Prefix::Chunk, number)
}

pub(super) fn parked(position: Position) -> [u8; NUMBER_KEY_BYTES] {
    of(Prefix::Parked, position.0)
}

pub(super) fn read_parked(bytes: &[u8]) -> Option<Position> {
    read(Prefix::Parked, bytes).map(Position)
}

fn read(expected: Prefix, bytes: &[u8]) -> Option<u64> {
    let [prefix, number @ ..] = <[u8; NUMBER_KEY_BYTES]>::try_from(bytes).ok()?;
    (prefix == expected as u8).then_some(u64::from_be_bytes(number))
}

fn of(prefix: Prefix, number: u64) -> [u8; NUMBER_KEY_BYTES] {
    let mut bytes = [prefix as u8; NUMBER_KEY_BYTES];
    bytes[1..].copy_from_slice(&number.to_be_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn runs_sort_by_their_number(numbers: [u64; 2]) {
            proptest::prop_assert_eq!(numbers[0].cmp(&numbers[1]), chunk(numbers[0]).cmp(&chunk(numbers[1])));
            proptest::prop_assert_eq!(read_parked(&chunk(numbers[0])), None);
            let position = Position(numbers[0]);
            proptest::prop_assert_eq!(read_parked(&parked(position)), Some(position));
        }

        #[test]
        fn words_come_back(kind in 0_u8..5, code: u32) {
            let kind = Kind::from_number(kind).unwrap();
            proptest::prop_assert_eq!(read_word(&word(kind, code)), Some((kind, code)));
        }
    }
}
