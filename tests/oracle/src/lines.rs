//! Lines of a breakdown and their shares.

use cra_contracts::v1;
use cra_domain::vocabulary::Word;

pub(super) fn count(name: &str, label: &str, count: u64) -> v1::Count {
    v1::Count { name: name.to_owned(), label: label.to_owned(), count, share_per_mille: 0 }
}

/// Every open value; closed and unspecified ones only if not 0.
pub(super) fn breakdown<W: Word>(
    count_of: &dyn Fn(i32) -> u64,
    unspecified: Option<(&str, u64)>,
) -> Vec<v1::Count> {
    let mut lines = Vec::new();
    for word in W::ALL {
        let people_or_cras = count_of(word.number());
        if word.term().open || people_or_cras > 0 {
            lines.push(count(word.term().name, word.term().label, people_or_cras));
        }
    }
    if let Some((name, unspecified)) = unspecified.filter(|(_, count)| *count > 0) {
        lines.push(count(name, "Non renseigné", unspecified));
    }
    shared(lines)
}

pub(super) fn shared(mut lines: Vec<v1::Count>) -> Vec<v1::Count> {
    let counts: Vec<u64> = lines.iter().map(|line| line.count).collect();
    for (line, share) in lines.iter_mut().zip(shares(&counts)) {
        line.share_per_mille = share;
    }
    lines
}

/// Largest remainder method: each line gets its whole per milles, then one more for the largest remainders, ties to the
/// larger count, then to the earlier line, until the sum is a thousand.
pub(super) fn shares(counts: &[u64]) -> Vec<u32> {
    let total: u64 = counts.iter().sum();
    let mut shares = vec![0; counts.len()];
    if total == 0 {
        return shares;
    }
    let mut remainders = Vec::new();
    for (share, count) in shares.iter_mut().zip(counts) {
        *share = u32::try_from(count * 1000 / total).unwrap();
        remainders.push(Some(count * 1000 % total));
    }
    while shares.iter().sum::<u32>() < 1000 {
        let mut best = 0;
        for line in 1..counts.len() {
            if (remainders[line], counts[line]) > (remainders[best], counts[best]) {
                best = line;
            }
        }
        shares[best] += 1;
        remainders[best] = None;
    }
    shares
}
