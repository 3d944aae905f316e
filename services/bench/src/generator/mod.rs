//! The data of a measurement: CRAs as four years of advisors write them, and the events that recorded them. Pure: a seed
//! and a number of CRAs decide everything, and each CRA can be made alone, in any order and on any core.
//!
//! What one CRA says is drawn as for the sample month (`crate::sample`), with the shares of real data; here are who
//! writes, when, how late, and what is corrected or withdrawn later. Real data had 4,660 advisors with a median of 355
//! CRAs, which makes some three million; at ten million each has written three times as many, with the same
//! proportions between them.

mod population;
mod quantiles;
mod steps;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use cra_contracts::v1;
use cra_domain::cra::Submission;
use cra_domain::event::record::{self, Header};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use population::Population;
use quantiles::ENTRY_DELAYS;
pub(crate) use steps::{Change, Step};

use cra_sample::activity;
use cra_sample::draw::Draw;

/// To raise when other data comes from the same seed: a log that is kept is used again only with the same.
pub(crate) const VERSION: u32 = 1;

/// 2021-01-04, at an hour when that day has begun in every French territory.
const FIRST_RECORD: Timestamp = Timestamp::constant(1_609_758_000, 0);
/// Days of records: four years.
pub(crate) const DAYS: u64 = 1_461;
/// Records are made in the eight hours from that hour on.
const NANOSECONDS_A_DAY: u64 = 8 * 3_600 * 1_000_000_000;

const CORRECTED_PER_MILLE: u64 = 10;
const WITHDRAWN_PER_MILLE: u64 = 3;
const CORRECTIONS: [&str; 4] =
    ["Erreur de saisie", "Nombre de participants corrigé", "Mauvaise commune", "Thématique oubliée"];
const WITHDRAWALS: [&str; 2] = ["Saisi deux fois", "Saisi par erreur"];

/// What is drawn for a CRA, each on its own.
mod purpose {
    pub(super) const AUTHOR: u64 = 1;
    pub(super) const FATE: u64 = 2;
    pub(super) const ID: u64 = 3;
    /// And on, by the revision.
    pub(super) const CONTENT: u64 = 16;
    /// And on, by the revision.
    pub(super) const EVENT: u64 = 32;
}

/// One event as the log keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) cra_id: Uuid,
    pub(crate) event_id: Uuid,
    pub(crate) recorded_at: Timestamp,
    pub(crate) payload: Bytes,
}

/// A CRA of the data that the rules refuse: a fault of the generator.
#[derive(Debug, thiserror::Error)]
#[error("CRA {number} of seed {seed} breaks the rules: {violations}")]
pub(crate) struct Invalid {
    seed: u64,
    number: u64,
    violations: String,
}

/// Makes the data of one seed and size.
pub(crate) struct Generator {
    seed: u64,
    cras: u64,
    population: Population,
}

impl Generator {
    /// The data of so many CRAs, at least one.
    pub(crate) fn new(seed: u64, cras: u64) -> Self {
        Self { seed, cras: cras.max(1), population: Population::draw(seed, cras) }
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    /// CRAs that are submitted, those withdrawn later among them.
    pub(crate) fn cras(&self) -> u64 {
        self.cras
    }

    /// Every event of the log, in its order.
    pub(crate) fn steps(&self) -> steps::Steps<'_> {
        steps::Steps::of(self)
    }

    /// What becomes of a CRA after its submission.
    pub(crate) fn outcome(&self, number: u64) -> Option<Change> {
        let mut draw = Draw::of(self.seed, purpose::FATE, number);
        match draw.below(1_000) {
            part if part < CORRECTED_PER_MILLE => Some(Change::Corrected),
            part if part < CORRECTED_PER_MILLE + WITHDRAWN_PER_MILLE => Some(Change::Withdrawn),
            _ => None,
        }
    }

    /// After how many further CRAs it is changed: within some five weeks.
    fn changed_after(&self, number: u64) -> u64 {
        let mut draw = Draw::of(self.seed, purpose::FATE, number);
        draw.below(1_000);
        1 + draw.below(self.cras / 40)
    }

    /// The id that its author chose.
    pub(crate) fn cra_id(&self, number: u64) -> Uuid {
        let bytes = Draw::of(self.seed, purpose::ID, number).bytes();
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    /// What the form of a CRA says when it is submitted (`revision` 1) or corrected (2).
    pub(crate) fn form(&self, number: u64, revision: u64) -> v1::Cra {
        self.form_of_day(number, revision, self.recorded_day(number))
    }

    /// As [`Generator::form`] of a new CRA that is recorded on a day in UTC, whatever the hour.
    pub(crate) fn form_recorded_on(&self, number: u64, recorded_on: Date) -> v1::Cra {
        // In the west of it the day may not have begun yet.
        self.form_of_day(number, 1, recorded_on.saturating_sub(SignedDuration::from_hours(24)))
    }

    fn form_of_day(&self, number: u64, revision: u64, recorded_on: Date) -> v1::Cra {
        let mut draw = Draw::of(self.seed, purpose::AUTHOR, number);
        let advisor = &self.population.advisors()[self.population.pick(&mut draw)];
        let delay_days = quantiles::at(&ENTRY_DELAYS, draw.below(quantiles::WHOLE));
        let delay = SignedDuration::from_hours(24 * delay_days.cast_signed());
        let mut content = Draw::of(self.seed, purpose::CONTENT + revision, number);
        activity::draw(advisor, recorded_on.saturating_sub(delay), &mut content)
    }

    /// When a CRA is submitted: later than those before it, the last on the last day.
    fn recorded_at(&self, number: u64) -> Timestamp {
        let place = u128::from(number) * u128::from(DAYS);
        let (day, rest) = (place / u128::from(self.cras), place % u128::from(self.cras));
        let within = rest * u128::from(NANOSECONDS_A_DAY) / u128::from(self.cras);
        let hours = i64::try_from(day).unwrap_or_default() * 24;
        let nanoseconds = i64::try_from(within).unwrap_or_default();
        FIRST_RECORD + SignedDuration::from_hours(hours) + SignedDuration::from_nanos(nanoseconds)
    }

    fn recorded_day(&self, number: u64) -> Date {
        TimeZone::UTC.to_datetime(self.recorded_at(number)).date()
    }

    /// The event of a step, as ingestion records it.
    pub(crate) fn event(&self, step: Step) -> Result<Stored, Invalid> {
        let Step { number, change, recorded_with } = step;
        let revision = if change.is_some() { 2 } else { 1 };
        let mut draw = Draw::of(self.seed, purpose::EVENT + revision, number);
        let recorded_at = self.recorded_at(recorded_with);
        let header = Header {
            event_id: event_id(recorded_at, &mut draw),
            cra_id: self.cra_id(number),
            revision,
            recorded_at,
            origin: v1::Origin::default(),
        };
        let submission = || {
            Submission::parse(Some(&self.form(number, revision)), recorded_at).map_err(|violations| Invalid {
                seed: self.seed,
                number,
                violations: violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
            })
        };
        let event = match change {
            None => record::submitted(&header, &submission()?),
            Some(Change::Corrected) => {
                record::corrected(&header, &submission()?, reason(&CORRECTIONS, &mut draw))
            }
            Some(Change::Withdrawn) => record::withdrawn(&header, reason(&WITHDRAWALS, &mut draw)),
        };
        let payload = record::encode(&event);
        Ok(Stored { cra_id: header.cra_id, event_id: header.event_id, recorded_at, payload })
    }
}

fn reason(reasons: &[&'static str], draw: &mut Draw) -> &'static str {
    let reason: &&str = draw.one_of(reasons);
    reason
}

/// Version 7: the time first, then chance.
fn event_id(recorded_at: Timestamp, draw: &mut Draw) -> Uuid {
    let milliseconds = u64::try_from(recorded_at.as_millisecond()).unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(milliseconds, &draw.bytes()).into_uuid()
}
