//! The CRAs in force as rows: what questions are drawn from, and what a plain pass in memory reads.
//!
//! A row fills 64 bytes, a line of the processor's cache, as facts do in the projection, so that a pass over the rows bounds
//! what a query can reach (`crate::limits::scan`).

use std::num::NonZeroUsize;
use std::thread;

use cra_contracts::v1::{self, DurationBand};
use cra_domain::territory;

use crate::generator::{Change, Generator};

/// Of a workshop whose participants are left to the form, and of anything else.
const DEFAULT_WORKSHOP_PARTICIPANTS: u32 = 5;
const DEFAULT_PARTICIPANTS: u32 = 1;

/// One CRA in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(align(64))]
pub(crate) struct CraRow {
    /// Number of the advisor, as in the id.
    pub(crate) advisor: u16,
    /// Number of the structure, as in the id.
    pub(crate) structure: u16,
    /// Index in the table of communes.
    pub(crate) commune: u16,
    /// Bit n: the theme of number n.
    pub(crate) themes: u32,
    /// Bit n: the sub-theme of number n.
    pub(crate) sub_themes: u16,
    pub(crate) postal_code: u32,
    /// Number of the venue among its advisor's; 0 without one.
    pub(crate) venue: u8,
    pub(crate) channel: u8,
    pub(crate) activity: u8,
    /// Bucket of the statistics, by its number.
    pub(crate) duration: u8,
    pub(crate) participants: u8,
    pub(crate) ages: [u8; 5],
    pub(crate) statuses: [u8; 5],
}

const _: () = assert!(size_of::<CraRow>() == 64);

impl CraRow {
    /// The row of a form.
    pub(crate) fn of(form: &v1::Cra) -> Self {
        let place = form.place.clone().unwrap_or_default();
        let is_workshop = form.activity == i32::from(v1::Activity::Workshop);
        let default = if is_workshop { DEFAULT_WORKSHOP_PARTICIPANTS } else { DEFAULT_PARTICIPANTS };
        let (ages, statuses) = (form.ages.unwrap_or_default(), form.statuses.unwrap_or_default());
        let duration = bucket(form.duration.unwrap_or_default());
        let ages = [ages.under_12, ages.from_12_to_18, ages.from_18_to_35, ages.from_35_to_60, ages.over_60];
        let statuses = [
            statuses.student,
            statuses.unemployed,
            statuses.employed,
            statuses.retired,
            statuses.unspecified_or_mixed,
        ];
        Self {
            advisor: small(last_number(&form.advisor_id)),
            structure: small(last_number(&form.structure_id)),
            commune: territory::communes()
                .resolve(&place.commune_code)
                .map_or(0, territory::CommuneId::index),
            themes: form.themes.iter().fold(0, |bits, theme| bits | 1 << theme),
            sub_themes: form.sub_themes.iter().fold(0, |bits, sub_theme| bits | 1 << sub_theme),
            postal_code: place.postal_code.parse().unwrap_or_default(),
            venue: small(last_number(&place.venue_id)),
            channel: small(place.channel.unsigned_abs()),
            activity: small(form.activity.unsigned_abs()),
            duration: small(i32::from(duration).unsigned_abs()),
            participants: small(form.participants.unwrap_or(default)),
            ages: ages.map(small),
            statuses: statuses.map(small),
        }
    }
}

/// The data in force at the end of its log, made on all cores.
pub(crate) fn rows_in_force(generator: &Generator) -> Vec<CraRow> {
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let share = generator.cras().div_ceil(threads as u64).max(1);
    let rows_of = |from: u64| {
        let numbers = from..(from + share).min(generator.cras());
        let rows = numbers.filter_map(|number| match generator.outcome(number) {
            Some(Change::Withdrawn) => None,
            Some(Change::Corrected) => Some(CraRow::of(&generator.form(number, 2))),
            None => Some(CraRow::of(&generator.form(number, 1))),
        });
        rows.collect::<Vec<_>>()
    };
    thread::scope(|scope| {
        let shares = (0..generator.cras()).step_by(usize::try_from(share).unwrap_or(usize::MAX));
        let shares: Vec<_> = shares.map(|from| scope.spawn(move || rows_of(from))).collect();
        // A panic of a share is one of this function.
        shares
            .into_iter()
            .flat_map(|share| share.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

/// The number at the end of an id; 0 where there is none.
fn last_number(id: &str) -> u32 {
    id.rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// What the generator makes fits; anything else would show as a difference.
fn small<T: TryFrom<u32> + Default>(number: u32) -> T {
    T::try_from(number).unwrap_or_default()
}

/// Bucket of the statistics.
fn bucket(duration: v1::Duration) -> v1::DurationBucket {
    use v1::DurationBucket as Bucket;
    match (duration.band(), duration.minutes) {
        (DurationBand::Unspecified, _) => Bucket::Unspecified,
        (DurationBand::UpTo30Minutes, _) => Bucket::UpTo30Minutes,
        (DurationBand::From30MinutesTo1Hour, _) => Bucket::From30MinutesTo1Hour,
        (DurationBand::OneHourOrMore, None) => Bucket::From1HourUnrefined,
        (DurationBand::OneHourOrMore, Some(minutes)) if minutes < 120 => Bucket::From1To2Hours,
        (DurationBand::OneHourOrMore, Some(_)) => Bucket::From2Hours,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_in_force_leave_out_what_was_withdrawn_and_hold_what_was_corrected() {
        let generator = Generator::new(5, 3_000);
        let rows = rows_in_force(&generator);
        let changed = |to| (0..3_000).filter(|number| generator.outcome(*number) == Some(to)).count();
        assert!(changed(Change::Withdrawn) > 0);
        assert_eq!(rows.len(), 3_000 - changed(Change::Withdrawn));
        let corrected = (0..3_000).find(|number| generator.outcome(*number) == Some(Change::Corrected));
        assert!(rows.contains(&CraRow::of(&generator.form(corrected.unwrap(), 2))));
    }
}
