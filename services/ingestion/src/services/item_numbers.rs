//! The item numbers that one stream has used, in bounded memory: contiguous numbers are one range, so a client that
//! counts needs one range however long its stream.
//!
//! Above the limit the lowest range is forgotten, and a repeated number in it would be accepted. That only confuses the
//! client that repeats it.

use std::collections::BTreeMap;

use cra_domain::cra::{Fault, Violation};

use crate::refused::Refused;

/// Maximum number of ranges per stream.
const RANGES_MAX: usize = 1_024;

/// Whether an item number is unique in its stream.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ItemNumber {
    /// First use of this number.
    Fresh,
    /// The stream has used it before.
    Repeated(u64),
}

impl ItemNumber {
    /// Refuses a repeated number.
    pub(super) fn or_refuse(self) -> Result<(), Refused> {
        match self {
            Self::Fresh => Ok(()),
            Self::Repeated(number) => {
                let violation =
                    Violation { field: "item".into(), fault: Fault::Duplicate(number.to_string()) };
                Err(Refused::invalid(&[violation]))
            }
        }
    }
}

/// Used numbers: first and last number of each range, both included.
#[derive(Debug, Default)]
pub(super) struct ItemNumbers(BTreeMap<u64, u64>);

impl ItemNumbers {
    /// Marks a number as used.
    pub(super) fn take(&mut self, number: u64) -> ItemNumber {
        let before = self.0.range(..=number).next_back().map(|(first, last)| (*first, *last));
        let first = match before {
            Some((_, last)) if last >= number => return ItemNumber::Repeated(number),
            Some((first, last)) if last + 1 == number => first,
            _ => number,
        };
        let after = number.checked_add(1).and_then(|next| self.0.remove(&next));
        self.0.insert(first, after.unwrap_or(number));
        if self.0.len() > RANGES_MAX {
            self.0.pop_first();
        }
        ItemNumber::Fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_fresh_once_in_any_order() {
        let mut numbers = ItemNumbers::default();
        for number in [5, 3, 4, 0, u64::MAX, u64::MAX - 1, 1, 2] {
            assert_eq!(numbers.take(number), ItemNumber::Fresh, "{number}");
        }
        for number in [0, 1, 2, 3, 4, 5, u64::MAX - 1, u64::MAX] {
            assert_eq!(numbers.take(number), ItemNumber::Repeated(number), "{number}");
        }
        assert_eq!(numbers.take(6), ItemNumber::Fresh);
        assert_eq!(numbers.0.len(), 2);
    }

    #[test]
    fn a_client_that_counts_needs_one_range_and_no_stream_more_than_the_limit() {
        let mut counted = ItemNumbers::default();
        let mut scattered = ItemNumbers::default();
        for number in 0..100_000 {
            assert_eq!(counted.take(number), ItemNumber::Fresh);
            assert_eq!(scattered.take(number * 2), ItemNumber::Fresh);
        }
        assert_eq!(counted.0.len(), 1);
        assert_eq!(scattered.0.len(), RANGES_MAX);
        assert_eq!(scattered.take(199_998), ItemNumber::Repeated(199_998));
    }
}
