//! The figures of a base cell as numbers in a fixed order, and as statistics of the contract.

use std::ops::{AddAssign, Range};

use cra_contracts::v1;
use cra_domain::vocabulary::{Activity, Channel, SubTheme, Theme, Word as _};

use super::base::Base;
use crate::figures;
use crate::shares::rate_per_mille;
use crate::totals::{Totals, WITH_UNSPECIFIED};

/// Figures that public answers omit: their lines are too fine to be rounded, or are not counts.
pub const HIDDEN_FIELDS: [&str; 3] = ["redirections", "time_spent", "entry_delay"];

pub(super) const CRAS: usize = 0;
pub(super) const ACTS: usize = 1;
pub(super) const PEOPLE: usize = 2;
pub(super) const RETURNING: usize = 3;
pub(super) const WORKSHOP_PARTICIPANTS: usize = 4;
pub(super) const DEFAULTED_WORKSHOPS: usize = 5;
pub(super) const FOLLOW_UP_PARTS: Range<usize> = 6..9;
pub(super) const FOLLOW_UP: usize = 9;
/// In the order of [`Activity::ALL`].
pub(super) const ACTIVITIES: Range<usize> = 10..10 + Activity::ALL.len();
pub(super) const WORKSHOPS: usize = ACTIVITIES.start;
pub(super) const INDIVIDUAL: usize = ACTIVITIES.start + 1;
pub(super) const ONE_OFF: usize = ACTIVITIES.start + 2;
pub(super) const CHANNELS: Range<usize> = ACTIVITIES.end..ACTIVITIES.end + Channel::ALL.len();
pub(super) const THEMES: Range<usize> = CHANNELS.end..CHANNELS.end + Theme::ALL.len();
pub(super) const SUB_THEMES: Range<usize> = THEMES.end..THEMES.end + SubTheme::ALL.len();
/// The first line of this one and the next two is for what an older form left open.
pub(super) const DURATIONS: Range<usize> = SUB_THEMES.end..SUB_THEMES.end + WITH_UNSPECIFIED;
pub(super) const AGES: Range<usize> = DURATIONS.end..DURATIONS.end + WITH_UNSPECIFIED;
pub(super) const STATUSES: Range<usize> = AGES.end..AGES.end + WITH_UNSPECIFIED;
/// Number of figures of a cell.
pub(super) const FIGURES: usize = STATUSES.end;

const _: () = assert!(
    Activity::Workshop as usize == 1 && Activity::Individual as usize == 2 && Activity::OneOff as usize == 3
);

/// The counts of a cell, or of a sum of cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts(pub(super) [u64; FIGURES]);

impl Default for Counts {
    fn default() -> Self {
        Self([0; FIGURES])
    }
}

impl AddAssign<&Self> for Counts {
    fn add_assign(&mut self, other: &Self) {
        for (own, other) in self.0.iter_mut().zip(&other.0) {
            *own += other;
        }
    }
}

/// A figure that rows may be sorted by, with its name in a request.
type Ordered = (&'static str, fn(&Counts) -> u64);

/// The sort orders of public rows, in addition to `name` and `code`.
pub const ORDERS: [Ordered; 11] = [
    ("cras", |counts| counts.0[CRAS]),
    ("acts", |counts| counts.0[ACTS]),
    ("people", |counts| counts.0[PEOPLE]),
    ("returning_people", |counts| counts.0[RETURNING]),
    ("workshops", |counts| counts.0[WORKSHOPS]),
    ("workshop_participants", |counts| counts.0[WORKSHOP_PARTICIPANTS]),
    ("individual_supports", |counts| counts.0[INDIVIDUAL]),
    ("one_off_requests", |counts| counts.0[ONE_OFF]),
    ("workshops_with_defaulted_participants", |counts| counts.0[DEFAULTED_WORKSHOPS]),
    ("follow_up", |counts| counts.0[FOLLOW_UP]),
    ("redirected", |counts| counts.0[FOLLOW_UP_PARTS.end - 1]),
];

impl Counts {
    /// The exact counts of a cell.
    #[must_use]
    pub fn of(totals: &Totals) -> Self {
        let mut counts = [0; FIGURES];
        counts[CRAS] = totals.cras;
        counts[ACTS] = totals.acts;
        counts[PEOPLE] = totals.acts.saturating_sub(totals.returning);
        counts[RETURNING] = totals.returning;
        counts[WORKSHOP_PARTICIPANTS] = totals.activities[Activity::Workshop.index()].participants;
        counts[DEFAULTED_WORKSHOPS] = totals.defaulted_workshops;
        let follow_up = [totals.follow_up_individual, totals.follow_up_workshop, totals.redirected()];
        counts[FOLLOW_UP_PARTS].copy_from_slice(&follow_up);
        counts[FOLLOW_UP] = totals.followed_up();
        counts[ACTIVITIES].copy_from_slice(&totals.activities.map(|activity| activity.cras));
        counts[CHANNELS].copy_from_slice(&totals.channels);
        counts[THEMES].copy_from_slice(&totals.themes);
        counts[SUB_THEMES].copy_from_slice(&totals.sub_themes);
        counts[DURATIONS].copy_from_slice(&totals.durations);
        counts[AGES].copy_from_slice(&totals.ages);
        counts[STATUSES].copy_from_slice(&totals.statuses);
        Self(counts)
    }

    /// Whether all of them are 0.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|count| *count == 0)
    }

    /// The counts, in a fixed order.
    pub fn all(&self) -> impl Iterator<Item = u64> {
        self.0.into_iter()
    }

    /// Statistics with these counts; shares and the rate are computed from them.
    #[must_use]
    pub fn to_statistics(&self, base: Base) -> v1::Statistics {
        let Self(counts) = self;
        let of = |lines: Range<usize>| &counts[lines];
        let [individual, workshop, redirected] = [0, 1, 2].map(|part| counts[FOLLOW_UP_PARTS.start + part]);
        v1::Statistics {
            cras: counts[CRAS],
            acts: counts[ACTS],
            people: counts[PEOPLE],
            returning_people: counts[RETURNING],
            workshops: counts[WORKSHOPS],
            workshop_participants: counts[WORKSHOP_PARTICIPANTS],
            individual_supports: counts[INDIVIDUAL],
            one_off_requests: counts[ONE_OFF],
            workshops_with_defaulted_participants: counts[DEFAULTED_WORKSHOPS],
            follow_up: Some(v1::FollowUpStatistics {
                individual,
                workshop,
                redirected,
                total: counts[FOLLOW_UP],
                rate_per_mille: rate_per_mille(counts[FOLLOW_UP], counts[ACTS]),
            }),
            channels: figures::breakdown::<Channel>(of(CHANNELS), None),
            activities: figures::breakdown::<Activity>(of(ACTIVITIES), None),
            themes: figures::breakdown::<Theme>(of(THEMES), None),
            sub_themes: figures::breakdown::<SubTheme>(of(SUB_THEMES), None),
            durations: figures::durations(of(DURATIONS)),
            ages: figures::ages(of(AGES)),
            statuses: figures::statuses(of(STATUSES)),
            rounded_to: base.get(),
            hidden_fields: HIDDEN_FIELDS.map(str::to_owned).to_vec(),
            ..v1::Statistics::default()
        }
    }
}

/// Lines that only CRAs of older forms have.
pub(super) fn lines_of_older_forms() -> impl Iterator<Item = usize> {
    let open = [DURATIONS.start, AGES.start, STATUSES.start];
    let closed = THEMES.zip(Theme::ALL).filter(|(_, theme)| !theme.term().open).map(|(line, _)| line);
    open.into_iter().chain(closed)
}

/// The theme's line of each sub-theme.
pub(super) fn theme_lines() -> impl Iterator<Item = (usize, usize)> {
    SUB_THEMES.zip(SubTheme::ALL).map(|(line, sub_theme)| (line, THEMES.start + sub_theme.theme().index()))
}
