//! A plain pass in memory: every row looked at on all cores, one field of it added up. No answer that reads every CRA can
//! be faster.

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::thread;
use std::time::Instant;

use crate::latency::Latencies;
use crate::rows::CraRow;

const PASSES: usize = 30;

/// How long a pass takes, several times.
pub(crate) fn scan_limit(rows: &[CraRow]) -> Latencies {
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let share = rows.len().div_ceil(threads).max(1);
    let mut latencies = Latencies::new();
    // The first one brings the rows into memory and is not counted.
    for counted in std::iter::once(false).chain(std::iter::repeat_n(true, PASSES)) {
        let begun = Instant::now();
        let sum: u64 = thread::scope(|scope| {
            let shares = rows.chunks(share).map(|rows| {
                scope.spawn(move || rows.iter().map(|row| u64::from(row.participants)).sum::<u64>())
            });
            let shares: Vec<_> = shares.collect();
            shares.into_iter().map(|share| share.join().unwrap_or_default()).sum()
        });
        black_box(sum);
        if counted {
            latencies.add(begun.elapsed());
        }
    }
    latencies
}
