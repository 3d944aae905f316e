//! Shares per mille that add up, by the largest remainder method (source: the definition of shares of the domain page).

/// Shares per mille of counts, in order. They add up to 1000, unless all counts are 0. The rest of rounding down goes
/// to the largest remainders, ties to the larger count, then to the earlier line.
#[must_use]
pub fn per_mille(counts: &[u64]) -> Vec<u32> {
    let total: u128 = counts.iter().map(|count| u128::from(*count)).sum();
    if total == 0 {
        return vec![0; counts.len()];
    }
    let scaled = |count: u64| u128::from(count) * 1000;
    let mut shares: Vec<u32> =
        counts.iter().map(|count| u32::try_from(scaled(*count) / total).unwrap_or(1000)).collect();
    let left = 1000_u32.saturating_sub(shares.iter().sum());
    let mut order: Vec<usize> = (0..counts.len()).collect();
    order.sort_by_key(|line| {
        let count = counts[*line];
        (std::cmp::Reverse(scaled(count) % total), std::cmp::Reverse(count), *line)
    });
    for line in order.into_iter().take(usize::try_from(left).unwrap_or_default()) {
        shares[line] += 1;
    }
    shares
}

/// A part per mille of a whole, rounded half up; 0 for an empty whole.
#[must_use]
pub fn rate_per_mille(part: u64, whole: u64) -> u32 {
    if whole == 0 {
        return 0;
    }
    let (part, whole) = (u128::from(part), u128::from(whole));
    u32::try_from((2000 * part + whole) / (2 * whole)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_go_to_the_larger_count_then_to_the_earlier_line() {
        assert_eq!(per_mille(&[3, 3, 3]), [334, 333, 333]);
        assert_eq!(per_mille(&[1, 2, 0]), [333, 667, 0]);
        assert_eq!(per_mille(&[0, 0]), [0, 0]);
        assert_eq!(per_mille(&[]), [0; 0]);
        // Remainders 4/8, 0, 4/8: the larger count wins.
        assert_eq!(per_mille(&[1, 4, 3]), [125, 500, 375]);
    }

    #[test]
    fn a_rate_is_rounded_half_up() {
        assert_eq!(rate_per_mille(11, 22), 500);
        assert_eq!(rate_per_mille(1, 2000), 1);
        assert_eq!(rate_per_mille(1, 2001), 0);
        assert_eq!(rate_per_mille(1, 0), 0);
        assert_eq!(rate_per_mille(u64::MAX, u64::MAX), 1000);
    }

    proptest::proptest! {
        #[test]
        fn shares_add_up_and_are_less_than_one_off(counts in proptest::collection::vec(0_u64..1_000_000_000, 1..40)) {
            let shares = per_mille(&counts);
            let total: u64 = counts.iter().sum();
            let floors = counts.iter().map(|count| (1000 * count).checked_div(total).unwrap_or(0));
            proptest::prop_assert_eq!(shares.iter().sum::<u32>(), if total > 0 { 1000 } else { 0 });
            for (floor, share) in floors.zip(&shares) {
                let floor = u32::try_from(floor).unwrap();
                proptest::prop_assert!(*share == floor || *share == floor + 1);
            }
        }
    }
}
