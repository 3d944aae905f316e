//! The numbers that one stream has used, in bounded memory: contiguous numbers are kept as one range, so a client
//! that counts costs one range however long its stream.
//!
//! Past the bound the lowest range is forgotten, and a number of it would be taken again: its answers could then
//! be confused by the client that repeats it, and by nobody else.

use std::collections::BTreeMap;

use cra_domain::cra::{Fault, Violation};

use crate::refused::Refused;

/// Ranges kept per stream.
const RANGES_MAX: usize = 1_024;

/// Whether a number names one item only.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ItemNumber {
    /// The first of this number.
    Fresh,
    /// The stream has used it.
    Repeated(u64),
}

impl ItemNumber {
    /// A repeated number is a fault of its item.
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

/// Numbers used so far: from the first to the last of each range, both included.
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
    fn a_number_is_fresh_once_in_whatever_order_they_come() {
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
    fn a_client_that_counts_costs_one_range_and_no_stream_costs_more_than_the_bound() {
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
