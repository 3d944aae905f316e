//! Who writes: advisors, some far busier than others, and the structures that employ them, where people live.

use super::quantiles::{self, CRAS_OF_ADVISORS};
use cra_sample::draw::Draw;
use cra_sample::people::{self, Advisor};

/// Of the real data: so many advisors and structures wrote ten million CRAs. Fewer CRAs have fewer authors, so that each
/// wrote as many whatever the size.
const CRAS: u64 = 10_000_000;
const ADVISORS: u64 = 4_660;
const STRUCTURES: u64 = 3_400;
/// Below that, breakdowns and dictionaries would be toys.
const ADVISORS_MIN: u64 = 40;
const STRUCTURES_MIN: u64 = 25;

/// What is drawn for the population as a whole.
const PURPOSE: u64 = 0;

/// Every advisor, and how many of the CRAs each writes.
pub(super) struct Population {
    advisors: Vec<Advisor>,
    /// Sums of the advisors' weights up to each.
    sums: Vec<u64>,
}

impl Population {
    pub(super) fn draw(seed: u64, cras: u64) -> Self {
        let mut draw = Draw::of(seed, PURPOSE, 0);
        let communes = people::inhabited();
        let rounds: Vec<_> = (0..scaled(STRUCTURES, STRUCTURES_MIN, cras))
            .map(|_| people::round_from(people::by_population(&communes, &mut draw), &communes, &mut draw))
            .collect();
        let count = scaled(ADVISORS, ADVISORS_MIN, cras);
        let (mut advisors, mut sums, mut sum) = (Vec::with_capacity(count), Vec::with_capacity(count), 0);
        for index in 0..count {
            // One advisor in each structure first, then a second in the first ones.
            let structure = index % rounds.len();
            let structure_id = format!("structure-{:04}", structure + 1);
            advisors.push(people::advisor(index + 1, structure_id, &rounds[structure], &mut draw));
            // Spread over the distribution; the last one is the busiest.
            let part = (2 * index as u64 + 1) * quantiles::WHOLE / (2 * count as u64);
            let part = if index + 1 == count { quantiles::WHOLE } else { part };
            sum += quantiles::at(&CRAS_OF_ADVISORS, part);
            sums.push(sum);
        }
        Self { advisors, sums }
    }

    /// The author of one more CRA.
    pub(super) fn pick(&self, draw: &mut Draw) -> usize {
        let point = draw.below(self.sums.last().copied().unwrap_or_default());
        self.sums.partition_point(|sum| *sum <= point)
    }

    pub(super) fn advisors(&self) -> &[Advisor] {
        &self.advisors
    }
}

fn scaled(of_the_whole: u64, least: u64, cras: u64) -> usize {
    let scaled = u128::from(of_the_whole) * u128::from(cras) / u128::from(CRAS);
    usize::try_from(scaled).unwrap_or(usize::MAX).max(usize::try_from(least).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_cras_have_fewer_authors_with_the_same_proportions() {
        let population = Population::draw(1, 1_000_000);
        assert_eq!(population.advisors().len(), 466);
        let structures: std::collections::BTreeSet<_> =
            population.advisors().iter().map(|advisor| &advisor.structure_id).collect();
        assert_eq!(structures.len(), 340);
        let weights: Vec<_> = std::iter::once(population.sums[0])
            .chain(population.sums.windows(2).map(|two| two[1] - two[0]))
            .collect();
        let at = |per_mille: usize| weights[weights.len() * per_mille / 1_000];
        assert!(at(500).abs_diff(355) < 10 && at(950).abs_diff(1_732) < 60, "{} {}", at(500), at(950));
        assert_eq!(weights.last(), Some(&10_449));
    }

    #[test]
    fn an_author_is_drawn_as_often_as_it_writes() {
        let population = Population::draw(1, 100_000);
        let mut draw = Draw::of(1, 99, 0);
        let busiest = population.advisors().len() - 1;
        let drawn = (0..20_000).filter(|_| population.pick(&mut draw) == busiest).count() as u64;
        let expected = 20_000 * 10_449 / population.sums[busiest];
        assert!(drawn.abs_diff(expected) < expected / 10, "{drawn}, expected about {expected}");
    }
}
