//! A distribution given by some of its quantiles, uniform between them: integers only, so that every machine draws the
//! same.

/// Parts that a whole distribution is divided into.
pub(super) const WHOLE: u64 = 1_000_000;

/// A part of the distribution, of [`WHOLE`], and the value below which that part lies.
pub(super) type Quantile = (u64, u64);

/// CRAs that an advisor wrote. The median, the 95th percentile and the maximum are those of real data; the others lie on
/// the log-normal curve through the first two.
pub(super) const CRAS_OF_ADVISORS: [Quantile; 11] = [
    (0, 10),
    (50_000, 73),
    (100_000, 103),
    (250_000, 185),
    (500_000, 355),
    (750_000, 680),
    (900_000, 1_220),
    (950_000, 1_732),
    (990_000, 3_340),
    (999_000, 6_970),
    (WHOLE, 10_449),
];

/// Days from an activity to its record: a median of 3, at most 110.
pub(super) const ENTRY_DELAYS: [Quantile; 9] = [
    (0, 0),
    (180_000, 1),
    (330_000, 2),
    (450_000, 3),
    (560_000, 4),
    (750_000, 9),
    (900_000, 22),
    (980_000, 60),
    (WHOLE, 111),
];

/// The value at a part of [`WHOLE`].
pub(super) fn at(quantiles: &[Quantile], part: u64) -> u64 {
    let above = quantiles.partition_point(|(upto, _)| *upto <= part).clamp(1, quantiles.len() - 1);
    let ((low_part, low), (high_part, high)) = (quantiles[above - 1], quantiles[above]);
    low + (high - low) * (part.min(high_part) - low_part) / (high_part - low_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_passes_through_its_quantiles_and_is_even_between_them() {
        for (part, value) in CRAS_OF_ADVISORS {
            assert_eq!(at(&CRAS_OF_ADVISORS, part), value);
        }
        assert_eq!(at(&CRAS_OF_ADVISORS, 925_000), u64::midpoint(1_220, 1_732));
        assert_eq!(at(&ENTRY_DELAYS, WHOLE - 1), 110);
    }
}
