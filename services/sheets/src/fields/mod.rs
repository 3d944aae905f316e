//! The fields of a CRA one by one: each by its path in the contract, read from and written as a text that people type
//! in a cell or on a command line.
//!
//! A word of a list is accepted by its name in the contract, by the end of that name, by the form's slug, or by its
//! label of today or of an earlier form. Checks only the form of a value; the services apply the rules of a CRA.

mod parse;
mod patch;
mod redirections;
mod words;

use std::borrow::Cow;

use cra_contracts::v1;
use cra_domain::vocabulary::{Activity, AgeBand, Channel, DurationBand, Status, SubTheme, Theme, Word as _};

pub use patch::{assign, patch};

/// Separator of the values of a list.
const SEPARATOR: &str = " | ";

/// One leaf of a CRA, or one list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// `advisor_id`.
    AdvisorId,
    /// `structure_id`.
    StructureId,
    /// `date`.
    Date,
    /// `place.channel`.
    Channel,
    /// `place.commune_code`.
    CommuneCode,
    /// `place.postal_code`.
    PostalCode,
    /// `place.venue_id`.
    VenueId,
    /// `activity`.
    Activity,
    /// `participants`.
    Participants,
    /// `returning_participants`.
    ReturningParticipants,
    /// One count of `ages`.
    Age(AgeBand),
    /// One count of `statuses`.
    Status(Status),
    /// `themes`.
    Themes,
    /// `sub_themes`.
    SubThemes,
    /// `annotation`.
    Annotation,
    /// `duration.band`.
    DurationBand,
    /// `duration.minutes`.
    Minutes,
    /// `follow_up.individual`.
    FollowUpIndividual,
    /// `follow_up.workshop`.
    FollowUpWorkshop,
    /// `follow_up.redirections`.
    Redirections,
}

/// Fields that come before the counts of people.
const FIRST: [Field; 10] = [
    Field::AdvisorId,
    Field::StructureId,
    Field::Date,
    Field::Channel,
    Field::CommuneCode,
    Field::PostalCode,
    Field::VenueId,
    Field::Activity,
    Field::Participants,
    Field::ReturningParticipants,
];
/// Fields that come after the counts of people.
const LAST: [Field; 8] = [
    Field::Themes,
    Field::SubThemes,
    Field::Annotation,
    Field::DurationBand,
    Field::Minutes,
    Field::FollowUpIndividual,
    Field::FollowUpWorkshop,
    Field::Redirections,
];

impl Field {
    /// Every field, in the order of the form.
    pub fn all() -> impl Iterator<Item = Self> {
        let ages = AgeBand::ALL.iter().copied().map(Self::Age);
        let statuses = Status::ALL.iter().copied().map(Self::Status);
        FIRST.into_iter().chain(ages).chain(statuses).chain(LAST)
    }

    /// Path of the field from the CRA, such as `place.commune_code`.
    #[must_use]
    pub fn path(self) -> Cow<'static, str> {
        let path = match self {
            Self::AdvisorId => "advisor_id",
            Self::StructureId => "structure_id",
            Self::Date => "date",
            Self::Channel => "place.channel",
            Self::CommuneCode => "place.commune_code",
            Self::PostalCode => "place.postal_code",
            Self::VenueId => "place.venue_id",
            Self::Activity => "activity",
            Self::Participants => "participants",
            Self::ReturningParticipants => "returning_participants",
            Self::Age(band) => return format!("ages.{}", band.field()).into(),
            Self::Status(status) => return format!("statuses.{}", status.field()).into(),
            Self::Themes => "themes",
            Self::SubThemes => "sub_themes",
            Self::Annotation => "annotation",
            Self::DurationBand => "duration.band",
            Self::Minutes => "duration.minutes",
            Self::FollowUpIndividual => "follow_up.individual",
            Self::FollowUpWorkshop => "follow_up.workshop",
            Self::Redirections => "follow_up.redirections",
        };
        path.into()
    }

    /// Finds the field of a path in either spelling (`place.commune_code`, `place.communeCode`), also from the
    /// request's root (`cra.place.commune_code`).
    #[must_use]
    pub fn of_path(path: &str) -> Option<Self> {
        let key = path_key(path);
        let key = key.strip_prefix("cra.").unwrap_or(&key);
        Self::all().find(|field| path_key(&field.path()) == key)
    }

    /// Value of the field, in the form that [`Field::set`] accepts. Empty if the field is not set.
    #[must_use]
    pub fn get(self, cra: &v1::Cra) -> String {
        let count = |number: u32| if number == 0 { String::new() } else { number.to_string() };
        let optional = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
        let place = |of: fn(&v1::Place) -> &str| cra.place.as_ref().map_or("", of).to_owned();
        let duration = cra.duration.unwrap_or_default();
        let follow_up = |of: fn(&v1::FollowUp) -> u32| cra.follow_up.as_ref().map_or(0, of);
        match self {
            Self::AdvisorId => cra.advisor_id.clone(),
            Self::StructureId => cra.structure_id.clone(),
            Self::Date => cra.date.clone(),
            Self::Channel => words::name::<Channel>(cra.place.as_ref().map_or(0, |place| place.channel)),
            Self::CommuneCode => place(|place| &place.commune_code),
            Self::PostalCode => place(|place| &place.postal_code),
            Self::VenueId => place(|place| &place.venue_id),
            Self::Activity => words::name::<Activity>(cra.activity),
            Self::Participants => optional(cra.participants),
            Self::ReturningParticipants => count(cra.returning_participants),
            Self::Age(band) => count(*band.count_of(&mut cra.ages.unwrap_or_default())),
            Self::Status(status) => count(*status.count_of(&mut cra.statuses.unwrap_or_default())),
            Self::Themes => words::names::<Theme>(&cra.themes),
            Self::SubThemes => words::names::<SubTheme>(&cra.sub_themes),
            Self::Annotation => cra.annotation.clone(),
            Self::DurationBand => words::name::<DurationBand>(duration.band),
            Self::Minutes => optional(duration.minutes),
            Self::FollowUpIndividual => count(follow_up(|follow_up| follow_up.individual)),
            Self::FollowUpWorkshop => count(follow_up(|follow_up| follow_up.workshop)),
            Self::Redirections => redirections::text(
                cra.follow_up.as_ref().map_or(&[][..], |follow_up| &follow_up.redirections),
            ),
        }
    }

    /// Sets the value; an empty text clears the field. An error says in French what was found and what is expected.
    pub fn set(self, cra: &mut v1::Cra, text: &str) -> Result<(), String> {
        let text = text.trim_matches(parse::is_blank);
        let place = |cra: &mut v1::Cra, write: fn(&mut v1::Place) -> &mut String| {
            text.clone_into(write(cra.place.get_or_insert_default()));
        };
        match self {
            Self::AdvisorId => text.clone_into(&mut cra.advisor_id),
            Self::StructureId => text.clone_into(&mut cra.structure_id),
            Self::Date => cra.date = parse::day(text)?,
            Self::Channel => cra.place.get_or_insert_default().channel = words::number::<Channel>(text)?,
            Self::CommuneCode => place(cra, |place| &mut place.commune_code),
            Self::PostalCode => place(cra, |place| &mut place.postal_code),
            Self::VenueId => place(cra, |place| &mut place.venue_id),
            Self::Activity => cra.activity = words::number::<Activity>(text)?,
            Self::Participants => cra.participants = parse::count(text)?,
            Self::ReturningParticipants => {
                cra.returning_participants = parse::count(text)?.unwrap_or_default();
            }
            Self::Age(band) => {
                *band.count_of(cra.ages.get_or_insert_default()) = parse::count(text)?.unwrap_or_default();
            }
            Self::Status(status) => {
                let count = parse::count(text)?.unwrap_or_default();
                *status.count_of(cra.statuses.get_or_insert_default()) = count;
            }
            Self::Themes => cra.themes = words::numbers::<Theme>(text)?,
            Self::SubThemes => cra.sub_themes = words::numbers::<SubTheme>(text)?,
            Self::Annotation => text.clone_into(&mut cra.annotation),
            Self::DurationBand => set_band(cra, text)?,
            Self::Minutes => cra.duration.get_or_insert_default().minutes = parse::count(text)?,
            Self::FollowUpIndividual | Self::FollowUpWorkshop | Self::Redirections => {
                self.set_follow_up(cra, text)?;
            }
        }
        Ok(())
    }

    /// As in the form, a follow-up without any planned person is no follow-up.
    fn set_follow_up(self, cra: &mut v1::Cra, text: &str) -> Result<(), String> {
        let mut follow_up = cra.follow_up.take().unwrap_or_default();
        let set = match self {
            Self::FollowUpIndividual => {
                parse::count(text).map(|count| follow_up.individual = count.unwrap_or_default())
            }
            Self::FollowUpWorkshop => {
                parse::count(text).map(|count| follow_up.workshop = count.unwrap_or_default())
            }
            _ => redirections::parse(text).map(|redirections| follow_up.redirections = redirections),
        };
        cra.follow_up = Some(follow_up).filter(|follow_up| *follow_up != v1::FollowUp::default());
        set
    }
}

/// Sets a band, or minutes that lead to one. Minutes belong only to a duration of an hour or more: another band clears
/// them.
fn set_band(cra: &mut v1::Cra, text: &str) -> Result<(), String> {
    let duration = cra.duration.get_or_insert_default();
    if let Some(minutes) = parse::minutes(text) {
        let band = match minutes {
            ..=30 => DurationBand::UpTo30Minutes,
            31..=59 => DurationBand::From30MinutesTo1Hour,
            60.. => DurationBand::OneHourOrMore,
        };
        *duration = v1::Duration { band: band.number(), minutes: (minutes >= 60).then_some(minutes) };
        return Ok(());
    }
    duration.band = words::number::<DurationBand>(text)?;
    if duration.band != DurationBand::OneHourOrMore.number() {
        duration.minutes = None;
    }
    Ok(())
}

/// Makes both spellings of a path equal: without separators, in lower case.
fn path_key(path: &str) -> String {
    path.trim().chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect()
}

/// The CRA as the service stores it if no follow-up is planned.
#[must_use]
pub fn without_empty_parts(mut cra: v1::Cra) -> v1::Cra {
    cra.follow_up = cra.follow_up.filter(|follow_up| *follow_up != v1::FollowUp::default());
    cra
}

#[cfg(test)]
mod tests;
