//! Fixed random rounding of a cell, from a secret of the deployment.

use std::collections::BTreeMap;

use ring::hmac;
use uuid::Uuid;

use super::base::Base;
use super::counts::{
    ACTIVITIES, ACTS, AGES, CHANNELS, CRAS, Counts, DEFAULTED_WORKSHOPS, DURATIONS, FIGURES, FOLLOW_UP,
    FOLLOW_UP_PARTS, PEOPLE, RETURNING, STATUSES, WORKSHOP_PARTICIPANTS, WORKSHOPS,
};
use super::possible::{Forms, pinned};

/// Number of rounds in which draws must also satisfy a reader who knows that all CRAs are of today's form.
const ROUNDS_OF_TODAY: u32 = 500;
/// Maximum number of rounds; a cell that then still has a pinned count is not shown.
const ROUNDS_MAX: u32 = 1_000;

/// Domain separation of the keys of members, cells and draws, and of later versions.
const MEMBER: &[u8] = b"cra public figures 1: member";
const CELL: &[u8] = b"cra public figures 1: cell";

/// Figures that a relation connects; if one of them is pinned, the draws of the others may be the cause.
const RELATIONS: [&[std::ops::Range<usize>]; 9] = [
    &[CRAS..CRAS + 1, CHANNELS],
    &[CRAS..CRAS + 1, ACTIVITIES],
    &[CRAS..CRAS + 1, DURATIONS],
    &[CRAS..ACTS + 1, ACTIVITIES, WORKSHOP_PARTICIPANTS..WORKSHOP_PARTICIPANTS + 1],
    &[ACTS..ACTS + 1, PEOPLE..RETURNING + 1],
    &[ACTS..ACTS + 1, AGES],
    &[ACTS..ACTS + 1, STATUSES],
    &[ACTS..ACTS + 1, FOLLOW_UP..FOLLOW_UP + 1, FOLLOW_UP_PARTS],
    &[WORKSHOPS..WORKSHOPS + 1, DEFAULTED_WORKSHOPS..DEFAULTED_WORKSHOPS + 1],
];

/// The cell to round.
#[derive(Clone, Copy, Debug)]
pub struct CellName<'a> {
    /// Code of the department.
    pub department: &'a str,
    /// Months since the year 0.
    pub month: i32,
    /// Sum of [`Rounding::member`] over the CRAs of the cell, modulo 2^128.
    pub set: u128,
}

/// The shown figures of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Multiples of the base.
    pub counts: Counts,
    /// Whether no draw left every count enough possible values: the cell is then shown as empty.
    pub withheld: bool,
}

/// Rounds the counts of cells.
pub struct Rounding {
    secret: hmac::Key,
    base: Base,
}

impl Rounding {
    /// Rounds to multiples of a base, with a secret.
    #[must_use]
    pub fn new(secret: &[u8], base: Base) -> Self {
        Self { secret: hmac::Key::new(hmac::HMAC_SHA256, secret), base }
    }

    /// The base of the shown counts.
    #[must_use]
    pub fn base(&self) -> Base {
        self.base
    }

    /// The summand of a CRA in the sum that represents the set of CRAs of a cell. Only the id: a correction that does
    /// not change a count must not change its rounding.
    #[must_use]
    pub fn member(&self, cra_id: Uuid) -> u128 {
        let mut context = hmac::Context::with_key(&self.secret);
        context.update(MEMBER);
        context.update(cra_id.as_bytes());
        let mut first = [0; 16];
        first.copy_from_slice(&context.sign().as_ref()[..16]);
        u128::from_be_bytes(first)
    }

    /// Rounds the counts of a cell.
    #[must_use]
    pub fn show(&self, cell: CellName<'_>, exact: &Counts) -> Shown {
        let draws = self.draws(cell);
        // Number of redraws of each count.
        let mut redrawn: BTreeMap<u64, u32> = BTreeMap::new();
        for round in 0..ROUNDS_MAX {
            let round_one = |count| draws.round(count, redrawn.get(&count).copied().unwrap_or(0));
            let shown = Counts(exact.0.map(round_one));
            let pinned = self.pinned(&shown, round < ROUNDS_OF_TODAY);
            if pinned.is_empty() {
                return Shown { counts: shown, withheld: false };
            }
            let again = if round % 2 == 0 { pinned } else { related(&pinned) };
            let mut counts: Vec<u64> = again.into_iter().map(|figure| exact.0[figure]).collect();
            counts.sort_unstable();
            counts.dedup();
            for count in counts {
                *redrawn.entry(count).or_default() += 1;
            }
        }
        Shown { counts: Counts::default(), withheld: true }
    }

    /// The figures with too few possible counts. Depends only on the shown numbers: that a draw was replaced reveals
    /// nothing else.
    fn pinned(&self, shown: &Counts, of_today: bool) -> Vec<usize> {
        let base = self.base.get();
        let any = pinned(shown, base, Forms::Any);
        // No cell shows such numbers: all are drawn again.
        let mut figures = any.unwrap_or_else(|| (0..FIGURES).collect());
        if of_today {
            figures.extend(pinned(shown, base, Forms::Today).unwrap_or_default());
            figures.sort_unstable();
            figures.dedup();
        }
        figures
    }

    /// The first draw of a count.
    #[cfg(test)]
    pub(super) fn drawn_once(&self, cell: CellName<'_>, count: u64) -> u64 {
        self.draws(cell).round(count, 0)
    }

    fn draws(&self, cell: CellName<'_>) -> Draws {
        let mut context = hmac::Context::with_key(&self.secret);
        context.update(CELL);
        context.update(&(cell.department.len() as u64).to_be_bytes());
        context.update(cell.department.as_bytes());
        context.update(&cell.month.to_be_bytes());
        context.update(&cell.set.to_be_bytes());
        Draws { key: hmac::Key::new(hmac::HMAC_SHA256, context.sign().as_ref()), base: self.base.get() }
    }
}

/// Figures, and those that a relation connects to them.
fn related(figures: &[usize]) -> Vec<usize> {
    let mut related = figures.to_vec();
    for relation in RELATIONS {
        if figures.iter().any(|figure| relation.iter().any(|part| part.contains(figure))) {
            related.extend(relation.iter().cloned().flatten());
        }
    }
    related
}

/// The draws of one cell.
struct Draws {
    key: hmac::Key,
    base: u64,
}

impl Draws {
    /// Rounds a count up or down to a multiple of the base.
    fn round(&self, count: u64, draw: u32) -> u64 {
        let remainder = count % self.base;
        let down = count - remainder;
        if remainder > 0 && self.below_base(count, draw) < remainder { down + self.base } else { down }
    }

    /// A number below the base, uniform to within 2^-57.
    fn below_base(&self, count: u64, draw: u32) -> u64 {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&count.to_be_bytes());
        context.update(&draw.to_be_bytes());
        let mut first = [0; 8];
        first.copy_from_slice(&context.sign().as_ref()[..8]);
        let scaled = u128::from(u64::from_be_bytes(first)) * u128::from(self.base);
        u64::try_from(scaled >> 64).unwrap_or(0)
    }
}
