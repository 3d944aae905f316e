//! The rules of a new CRA: the contract's message becomes a [`Submission`], or every one of its faults is told
//! at once. Source: the table of rules of the domain page; one function per part of the form.
//!
//! A rule that needs a missing or unknown value says nothing beside that value's own fault.

mod follow_up;
mod people;
mod place;
mod texts;
mod themes;

use cra_contracts::v1;
use jiff::{
    Timestamp,
    civil::{Date, date},
};
use uuid::Uuid;

use super::{Cra, Fault, Id, Place, Violation};
use crate::vocabulary::{Activity, Channel, Word};
pub(super) use people::{age_counts, status_counts};
pub use place::parse_day;
pub use texts::check_reason;

/// First day that a CRA may tell of.
pub const FIRST_DAY: Date = date(2020, 1, 1);
/// People that the form writes for a workshop.
pub const DEFAULT_WORKSHOP_PARTICIPANTS: u32 = 5;
const WORKSHOP_PARTICIPANTS_MIN: u32 = 2;
const WORKSHOP_PARTICIPANTS_MAX: u32 = 100;
const ANNOTATION_CHARACTERS_MIN: usize = 3;
const ANNOTATION_CHARACTERS_MAX: usize = 35;
const ORGANISATION_CHARACTERS_MAX: usize = 100;
const REASON_CHARACTERS_MIN: usize = 3;
const REASON_CHARACTERS_MAX: usize = 500;
const MINUTES_MIN: u32 = 60;
const MINUTES_MAX: u32 = 480;
const MINUTES_STEP: u32 = 15;
/// Faults told at once; a form that has more is none that a person filled.
const VIOLATIONS_MAX: usize = 100;

/// A field that the request left out, and the value that it got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefaultedField {
    /// Path from the request's root.
    pub field: &'static str,
    /// The value, as text.
    pub value: String,
}

/// A CRA that keeps every rule of today's form: made by [`Submission::parse`] and in no other way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    cra: Cra,
    defaulted: Vec<DefaultedField>,
}

impl Submission {
    /// Path of the day of activity.
    pub const DATE: &'static str = "cra.date";
    /// Path of the number of people.
    pub const PARTICIPANTS: &'static str = "cra.participants";

    /// Applies the defaults, then every rule. `now` decides what today is where the activity took place.
    pub fn parse(form: Option<&v1::Cra>, now: Timestamp) -> Result<Self, Vec<Violation>> {
        let mut check = Check { now, violations: Vec::new(), defaulted: Vec::new() };
        let cra = match form {
            Some(form) => check.cra(form),
            None => check.refuse("cra", Fault::Required("le compte-rendu")),
        };
        match cra {
            Some(cra) if check.violations.is_empty() => Ok(Self { cra, defaulted: check.defaulted }),
            _ => Err(check.violations),
        }
    }

    /// The CRA, complete.
    #[must_use]
    pub fn cra(&self) -> &Cra {
        &self.cra
    }

    /// What the request left to the form.
    #[must_use]
    pub fn defaulted(&self) -> &[DefaultedField] {
        &self.defaulted
    }
}

/// Checks the id that the client chose for a CRA.
pub fn check_cra_id(cra_id: &str) -> Result<Uuid, Violation> {
    Uuid::try_parse(cra_id).map_err(|_| Violation { field: "cra_id".into(), fault: Fault::CraIdInvalid })
}

/// Bounds and defaults of the form, by name.
pub type Limits = Vec<(&'static str, String)>;

/// The bounds and defaults that the rules apply, for those who show the form.
#[must_use]
pub fn limits() -> Limits {
    vec![
        ("date.min", FIRST_DAY.to_string()),
        ("id.characters.max", Id::LENGTH_MAX.to_string()),
        ("participants.workshop.default", DEFAULT_WORKSHOP_PARTICIPANTS.to_string()),
        ("participants.workshop.min", WORKSHOP_PARTICIPANTS_MIN.to_string()),
        ("participants.workshop.max", WORKSHOP_PARTICIPANTS_MAX.to_string()),
        ("participants.individual.default", "1".into()),
        ("participants.individual.max", "1".into()),
        ("participants.one_off.default", "1".into()),
        ("participants.one_off.max", "1".into()),
        ("themes.min", "1".into()),
        ("annotation.characters.min", ANNOTATION_CHARACTERS_MIN.to_string()),
        ("annotation.characters.max", ANNOTATION_CHARACTERS_MAX.to_string()),
        ("duration.minutes.min", MINUTES_MIN.to_string()),
        ("duration.minutes.max", MINUTES_MAX.to_string()),
        ("duration.minutes.step", MINUTES_STEP.to_string()),
        ("redirections.people.min", "1".into()),
        ("redirections.other.characters.max", ORGANISATION_CHARACTERS_MAX.to_string()),
        ("reason.characters.min", REASON_CHARACTERS_MIN.to_string()),
        ("reason.characters.max", REASON_CHARACTERS_MAX.to_string()),
    ]
}

/// One reading of the form: what was found wrong and what was filled in so far.
struct Check {
    now: Timestamp,
    violations: Vec<Violation>,
    defaulted: Vec<DefaultedField>,
}

impl Check {
    fn tell(&mut self, field: impl Into<String>, fault: Fault) {
        if self.violations.len() < VIOLATIONS_MAX {
            self.violations.push(Violation { field: field.into(), fault });
        }
    }

    fn refuse<T>(&mut self, field: impl Into<String>, fault: Fault) -> Option<T> {
        self.tell(field, fault);
        None
    }

    fn cra(&mut self, form: &v1::Cra) -> Option<Cra> {
        let advisor_id = self.id("cra.advisor_id", &form.advisor_id, "le conseiller");
        let structure_id = self.id("cra.structure_id", &form.structure_id, "la structure");
        let empty_place = v1::Place::default();
        let place_form = form.place.as_ref().unwrap_or(&empty_place);
        let channel = self.word::<Channel>("cra.place.channel", place_form.channel, "le canal");
        let commune = self.commune(place_form.commune_code.trim());
        let postal_code = commune.and_then(|commune| self.postal_code(commune, &place_form.postal_code));
        let venue_id = self.venue(channel, &place_form.venue_id);
        let date = self.date(&form.date, commune);
        let activity = self.word::<Activity>("cra.activity", form.activity, "le type d'activité");
        let participants = self.participants(form.participants, activity);
        let ages = age_counts(form.ages.as_ref());
        let statuses = status_counts(form.statuses.as_ref());
        if let Some(participants) = participants {
            self.people(form, participants, &ages, &statuses);
        }
        let themes = self.themes(&form.themes);
        let sub_themes = self.sub_themes(&form.sub_themes, themes.as_deref());
        let annotation = self.annotation(&form.annotation);
        let duration = self.duration(form.duration.as_ref());
        let empty_follow_up = v1::FollowUp::default();
        let follow_up = form.follow_up.as_ref().unwrap_or(&empty_follow_up);
        let redirections = self.redirections(&follow_up.redirections);

        Some(Cra {
            advisor_id: advisor_id?,
            structure_id: structure_id?,
            date: date?,
            place: Place {
                channel: channel?,
                commune_code: place_form.commune_code.trim().into(),
                commune: commune?,
                postal_code: postal_code?.into(),
                venue_id,
            },
            activity: activity?,
            participants: participants?,
            returning_participants: form.returning_participants,
            ages,
            statuses,
            themes: themes?,
            sub_themes,
            annotation: annotation?,
            duration: duration?,
            follow_up_individual: follow_up.individual,
            follow_up_workshop: follow_up.workshop,
            redirections,
        })
    }

    fn id(&mut self, field: &str, text: &str, what: &'static str) -> Option<Id> {
        if text.is_empty() {
            return self.refuse(field, Fault::Required(what));
        }
        Id::parse(text).or_else(|| self.refuse(field, Fault::IdInvalid))
    }

    fn word<W: Word>(&mut self, field: &str, number: i32, what: &'static str) -> Option<W> {
        if number == 0 {
            return self.refuse(field, Fault::Required(what));
        }
        W::from_number(number).or_else(|| self.refuse(field, Fault::UnknownValue(number)))
    }
}

#[cfg(test)]
mod tests;
