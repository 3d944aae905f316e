//! Keys of the read models: one enum of prefixes, big-endian numbers, so that bytes sort as what they mean.

use cra_eventlog::Position;
use uuid::Uuid;

use crate::views::dictionary::{Code, Kind};
use crate::views::fact::FactKey;

/// What a key leads to. The numbers are stored; a change of one is a change of the definitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Prefix {
    /// One per generation: where it stands.
    Applied = 1,
    /// One per CRA: its last event.
    Current = 2,
    /// One per revision of a CRA.
    Fact = 3,
    /// One per text of the dictionary.
    Word = 4,
    /// One per event: what it did.
    Change = 5,
    /// One per event that could not be applied.
    Parked = 6,
    /// One per generation: what it is.
    Description = 7,
}

const FACT_KEY_BYTES: usize = 1 + 4 + 8;
const CURRENT_KEY_BYTES: usize = 1 + 16;
const WORD_KEY_BYTES: usize = 1 + 1 + 4;
const POSITION_KEY_BYTES: usize = 1 + 8;

pub(super) const APPLIED: [u8; 1] = [Prefix::Applied as u8];
pub(super) const DESCRIPTION: [u8; 1] = [Prefix::Description as u8];
pub(super) const WORDS_FIRST: [u8; WORD_KEY_BYTES] = [Prefix::Word as u8, 0, 0, 0, 0, 0];
pub(super) const WORDS_LAST: [u8; WORD_KEY_BYTES] = [Prefix::Word as u8, 0xff, 0xff, 0xff, 0xff, 0xff];

/// Flips the sign, so that days before 1970 sort first.
const SIGN: u32 = 1 << 31;

pub(super) fn fact(key: FactKey) -> [u8; FACT_KEY_BYTES] {
    let mut bytes = [Prefix::Fact as u8; FACT_KEY_BYTES];
    bytes[1..5].copy_from_slice(&(key.day.cast_unsigned() ^ SIGN).to_be_bytes());
    bytes[5..].copy_from_slice(&key.from.to_be_bytes());
    bytes
}

pub(super) fn read_fact(bytes: &[u8]) -> Option<FactKey> {
    let [prefix, rest @ ..] = <[u8; FACT_KEY_BYTES]>::try_from(bytes).ok()?;
    let (day, from) = rest.split_at(4);
    (prefix == Prefix::Fact as u8).then_some(FactKey {
        day: (u32::from_be_bytes(day.try_into().ok()?) ^ SIGN).cast_signed(),
        from: u64::from_be_bytes(from.try_into().ok()?),
    })
}

pub(super) fn current(cra_id: Uuid) -> [u8; CURRENT_KEY_BYTES] {
    let mut bytes = [Prefix::Current as u8; CURRENT_KEY_BYTES];
    bytes[1..].copy_from_slice(cra_id.as_bytes());
    bytes
}

pub(super) fn read_current(bytes: &[u8]) -> Option<Uuid> {
    let [prefix, cra_id @ ..] = <[u8; CURRENT_KEY_BYTES]>::try_from(bytes).ok()?;
    (prefix == Prefix::Current as u8).then_some(Uuid::from_bytes(cra_id))
}

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

pub(super) fn change(position: Position) -> [u8; POSITION_KEY_BYTES] {
    at(Prefix::Change, position)
}

pub(super) fn read_change(bytes: &[u8]) -> Option<Position> {
    read_at(Prefix::Change, bytes)
}

pub(super) fn parked(position: Position) -> [u8; POSITION_KEY_BYTES] {
    at(Prefix::Parked, position)
}

pub(super) fn read_parked(bytes: &[u8]) -> Option<Position> {
    read_at(Prefix::Parked, bytes)
}

fn read_at(expected: Prefix, bytes: &[u8]) -> Option<Position> {
    let [prefix, position @ ..] = <[u8; POSITION_KEY_BYTES]>::try_from(bytes).ok()?;
    (prefix == expected as u8).then_some(Position(u64::from_be_bytes(position)))
}

fn at(prefix: Prefix, position: Position) -> [u8; POSITION_KEY_BYTES] {
    let mut bytes = [prefix as u8; POSITION_KEY_BYTES];
    bytes[1..].copy_from_slice(&position.0.to_be_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn fact_keys_sort_by_day_then_position(days: [i32; 2], from: [u64; 2]) {
            let keys = [0, 1].map(|i| FactKey { day: days[i], from: from[i] });
            let bytes = keys.map(fact);
            proptest::prop_assert_eq!(keys[0].cmp(&keys[1]), bytes[0].cmp(&bytes[1]));
            proptest::prop_assert_eq!(read_fact(&bytes[0]), Some(keys[0]));
        }

        #[test]
        fn words_come_back(kind in 0_u8..4, code: u32) {
            let kind = Kind::from_number(kind).unwrap();
            proptest::prop_assert_eq!(read_word(&word(kind, code)), Some((kind, code)));
        }
    }
}
