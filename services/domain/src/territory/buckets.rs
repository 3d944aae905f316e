//! Values grouped by a small number, in two flat arrays; immutable once built.
//!
//! A bucket keeps the order of insertion: values inserted best first are read best first.

/// Values of `T`, each in one of the buckets `0..n`.
#[derive(Debug)]
pub(super) struct Buckets<T> {
    /// Start of each bucket in `values`; the last element is the end of the last bucket.
    starts: Vec<u32>,
    values: Vec<T>,
}

impl<T: Copy> Buckets<T> {
    /// Groups the pairs (bucket, value). Every bucket must be below `buckets`.
    pub(super) fn new(buckets: usize, pairs: &[(usize, T)]) -> Self {
        let mut starts = vec![0_u32; buckets + 1];
        for (bucket, _) in pairs {
            starts[bucket + 1] += 1;
        }
        for bucket in 0..buckets {
            starts[bucket + 1] += starts[bucket];
        }
        let mut free = starts.clone();
        let mut order = vec![0_usize; pairs.len()];
        for (position, (bucket, _)) in pairs.iter().enumerate() {
            order[free[*bucket] as usize] = position;
            free[*bucket] += 1;
        }
        let values = order.into_iter().map(|position| pairs[position].1).collect();
        Self { starts, values }
    }

    /// The values of the buckets `from..to`; empty if there is no such range.
    pub(super) fn range(&self, from: usize, to: usize) -> &[T] {
        match (self.starts.get(from), self.starts.get(to)) {
            (Some(&start), Some(&end)) if start <= end => &self.values[start as usize..end as usize],
            _ => &[],
        }
    }

    /// The values of one bucket; empty if there is no such bucket.
    pub(super) fn get(&self, bucket: usize) -> &[T] {
        self.range(bucket, bucket.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_keeps_the_order_of_insertion() {
        let buckets = Buckets::new(4, &[(2, 'a'), (0, 'b'), (2, 'c'), (3, 'd')]);
        assert_eq!(buckets.get(0), ['b']);
        assert_eq!(buckets.get(1), [] as [char; 0]);
        assert_eq!(buckets.get(2), ['a', 'c']);
        assert_eq!(buckets.range(1, 4), ['a', 'c', 'd']);
    }

    #[test]
    fn a_bucket_that_does_not_exist_is_empty() {
        let buckets = Buckets::new(2, &[(1, 'a')]);
        assert_eq!(buckets.get(2), [] as [char; 0]);
        assert_eq!(buckets.get(usize::MAX), [] as [char; 0]);
    }
}
