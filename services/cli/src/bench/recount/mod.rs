//! A recount by other means: the CRAs in force as plain rows, selected and added up in the plainest way, to judge the
//! answers of the projection before they are timed. Knows nothing of how the projection counts.
//!
//! A row fills 64 bytes, a line of the processor's cache, as facts do there: a pass over the rows is also what a query
//! is measured against (`crate::bench::limits`).

mod figures;
mod selected;
#[cfg(test)]
mod tests;

use std::num::NonZeroUsize;
use std::thread;

use cra_contracts::v1::{self, DurationBand};
use cra_domain::territory;
use jiff::civil::Date;

use super::generator::{Change, Generator};

pub(crate) use figures::Figures;
pub(crate) use selected::Selected;

/// Of a workshop whose participants are left to the form, and of anything else.
const DEFAULT_WORKSHOP_PARTICIPANTS: u32 = 5;
const DEFAULT_PARTICIPANTS: u32 = 1;

/// One CRA in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(align(64))]
pub(crate) struct Row {
    /// Day of activity, in days since 1970-01-01.
    pub(crate) day: i32,
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
    /// By the convention of the official statistics.
    pub(crate) estimated_minutes: u16,
    pub(crate) participants: u8,
    pub(crate) returning: u8,
    pub(crate) defaulted_participants: bool,
    pub(crate) ages: [u8; 5],
    pub(crate) statuses: [u8; 5],
    pub(crate) follow_up_individual: u8,
    pub(crate) follow_up_workshop: u8,
    pub(crate) redirected: u8,
}

const _: () = assert!(size_of::<Row>() == 64);

impl Row {
    /// The row of a form.
    pub(crate) fn of(form: &v1::Cra) -> Self {
        let place = form.place.clone().unwrap_or_default();
        let follow_up = form.follow_up.clone().unwrap_or_default();
        let is_workshop = form.activity == i32::from(v1::Activity::Workshop);
        let default = if is_workshop { DEFAULT_WORKSHOP_PARTICIPANTS } else { DEFAULT_PARTICIPANTS };
        let (ages, statuses) = (form.ages.unwrap_or_default(), form.statuses.unwrap_or_default());
        let (duration, estimated_minutes) = duration(form.duration.unwrap_or_default());
        let ages = [ages.under_12, ages.from_12_to_18, ages.from_18_to_35, ages.from_35_to_60, ages.over_60];
        let statuses = [
            statuses.student,
            statuses.unemployed,
            statuses.employed,
            statuses.retired,
            statuses.unspecified_or_mixed,
        ];
        Self {
            day: day_number(&form.date),
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
            estimated_minutes: small(estimated_minutes),
            participants: small(form.participants.unwrap_or(default)),
            returning: small(form.returning_participants),
            defaulted_participants: form.participants.is_none(),
            ages: ages.map(small),
            statuses: statuses.map(small),
            follow_up_individual: small(follow_up.individual),
            follow_up_workshop: small(follow_up.workshop),
            redirected: small(follow_up.redirections.iter().map(|redirection| redirection.people).sum()),
        }
    }
}

/// The data in force at the end of its log, made on all cores.
pub(crate) fn rows_in_force(generator: &Generator) -> Vec<Row> {
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let share = generator.cras().div_ceil(threads as u64).max(1);
    let rows_of = |from: u64| {
        let numbers = from..(from + share).min(generator.cras());
        let rows = numbers.filter_map(|number| match generator.fate(number) {
            Some(Change::Withdrawn) => None,
            Some(Change::Corrected) => Some(Row::of(&generator.form(number, 2))),
            None => Some(Row::of(&generator.form(number, 1))),
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

/// Days since 1970-01-01 of a day as the contract writes it.
pub(crate) fn day_number(day: &str) -> i32 {
    let day: Option<Date> = day.parse().ok();
    day.map_or(i32::MIN, |day| (day - Date::constant(1970, 1, 1)).get_days())
}

/// The number at the end of an id; 0 where there is none.
pub(crate) fn last_number(id: &str) -> u32 {
    id.rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// What the generator makes fits; anything else would show as a difference.
fn small<T: TryFrom<u32> + Default>(number: u32) -> T {
    T::try_from(number).unwrap_or_default()
}

/// Bucket of the statistics, and minutes by the convention of the official ones.
fn duration(duration: v1::Duration) -> (v1::DurationBucket, u32) {
    use v1::DurationBucket as Bucket;
    match (duration.band(), duration.minutes) {
        (DurationBand::Unspecified, _) => (Bucket::Unspecified, 0),
        (DurationBand::UpTo30Minutes, _) => (Bucket::UpTo30Minutes, 30),
        (DurationBand::From30MinutesTo1Hour, _) => (Bucket::From30MinutesTo1Hour, 60),
        (DurationBand::OneHourOrMore, None) => (Bucket::From1HourUnrefined, 60),
        (DurationBand::OneHourOrMore, Some(minutes)) if minutes < 120 => (Bucket::From1To2Hours, minutes),
        (DurationBand::OneHourOrMore, Some(minutes)) => (Bucket::From2Hours, minutes),
    }
}
