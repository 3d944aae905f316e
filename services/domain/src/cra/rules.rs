//! The rules of a CRA: converts the contract's message into a [`Submission`], or reports all of its faults at once.
//! Source: the table of rules of the domain page; one module per part of the form.
//!
//! A rule that needs a missing or unknown value reports nothing, because that value has its own fault. In a correction,
//! a rule is checked only if a field that it reads differs from the CRA's current content; lists are compared element
//! by element. Content that an older form allowed may stay, but a correction cannot add anything that a new CRA could
//! not contain.

mod day;
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
use crate::territory::CommuneId;
use crate::vocabulary::{Activity, Channel, Word};
pub use day::parse_day;
pub(super) use people::{age_counts, status_counts};
use texts::FreeText;
pub use texts::{check_reason, is_same_reason};

/// First day that a CRA may describe.
pub const FIRST_DAY: Date = date(2020, 1, 1);
/// Default number of participants of a workshop.
pub const DEFAULT_WORKSHOP_PARTICIPANTS: u32 = 5;
const WORKSHOP_PARTICIPANTS_MIN: u32 = 2;
const WORKSHOP_PARTICIPANTS_MAX: u32 = 100;
pub(super) const MINUTES_MIN: u32 = 60;
pub(super) const MINUTES_MAX: u32 = 480;
pub(super) const MINUTES_STEP: u32 = 15;
/// Maximum number of faults reported at once; no form filled in by a person has more.
const VIOLATIONS_MAX: usize = 100;

/// A field that received a value other than the one sent: it was left out, or its code led to another commune.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefaultedField {
    /// Path from the request's root.
    pub field: &'static str,
    /// The value it received, as text.
    pub value: String,
}

/// A CRA that satisfies every rule of today's form; in a correction, every rule that the change touches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    cra: Cra,
    defaulted: Vec<DefaultedField>,
}

impl Submission {
    /// Path of the day.
    pub const DATE: &'static str = "cra.date";
    /// Path of the number of participants.
    pub const PARTICIPANTS: &'static str = "cra.participants";
    /// Path of the commune code.
    pub const COMMUNE: &'static str = "cra.place.commune_code";
    /// Path of the postal code.
    pub const POSTAL_CODE: &'static str = "cra.place.postal_code";

    /// Reads a new CRA: applies the defaults, then every rule. `now` gives today's date at the place of the activity.
    pub fn parse(form: Option<&v1::Cra>, now: Timestamp) -> Result<Self, Vec<Violation>> {
        Self::read(form, None, now)
    }

    /// Reads the next content of a CRA whose content is `current`. A field that is left out means the same as in a new
    /// CRA. A rule is checked only if a field that it reads differs from `current`.
    pub fn parse_correction(form: &v1::Cra, current: &Cra, now: Timestamp) -> Result<Self, Vec<Violation>> {
        Self::read(Some(form), Some(current), now)
    }

    fn read(form: Option<&v1::Cra>, current: Option<&Cra>, now: Timestamp) -> Result<Self, Vec<Violation>> {
        let mut check = Check { now, current, violations: Vec::new(), defaulted: Vec::new() };
        let cra = match form {
            Some(form) => check.cra(form),
            None => check.refuse("cra", Fault::Required("le compte-rendu")),
        };
        match cra {
            Some(cra) if check.violations.is_empty() => Ok(Self { cra, defaulted: check.defaulted }),
            _ => Err(check.violations),
        }
    }

    /// The complete CRA.
    #[must_use]
    pub fn cra(&self) -> &Cra {
        &self.cra
    }

    /// The fields that received a default or derived value.
    #[must_use]
    pub fn defaulted(&self) -> &[DefaultedField] {
        &self.defaulted
    }
}

/// Checks the id that the client chose for a CRA.
pub fn check_cra_id(cra_id: &str) -> Result<Uuid, Violation> {
    Uuid::try_parse(cra_id)
        .map_err(|_| Violation { field: "cra_id".into(), fault: Fault::CraIdInvalid(cra_id.to_owned()) })
}

/// Limits and defaults of the form, by name.
pub type Limits = Vec<(&'static str, String)>;

/// The limits and defaults that the rules apply, for user interfaces.
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
        ("annotation.characters.min", FreeText::ANNOTATION.letters_min.to_string()),
        ("annotation.characters.max", FreeText::ANNOTATION.letters_max.to_string()),
        ("annotation.code_points.max", FreeText::ANNOTATION.code_points_max.to_string()),
        ("duration.minutes.min", MINUTES_MIN.to_string()),
        ("duration.minutes.max", MINUTES_MAX.to_string()),
        ("duration.minutes.step", MINUTES_STEP.to_string()),
        ("redirections.people.min", "1".into()),
        ("redirections.other.characters.max", FreeText::ORGANISATION.letters_max.to_string()),
        ("redirections.other.code_points.max", FreeText::ORGANISATION.code_points_max.to_string()),
        ("reason.characters.min", FreeText::REASON.letters_min.to_string()),
        ("reason.characters.max", FreeText::REASON.letters_max.to_string()),
        ("reason.code_points.max", FreeText::REASON.code_points_max.to_string()),
    ]
}

/// One pass over the form: the faults and the defaulted fields so far.
struct Check<'a> {
    now: Timestamp,
    /// The current content of the CRA; `None` for a new CRA.
    current: Option<&'a Cra>,
    violations: Vec<Violation>,
    defaulted: Vec<DefaultedField>,
}

impl Check<'_> {
    fn report(&mut self, field: impl Into<String>, fault: Fault) {
        if self.violations.len() < VIOLATIONS_MAX {
            self.violations.push(Violation { field: field.into(), fault });
        }
    }

    fn refuse<T>(&mut self, field: impl Into<String>, fault: Fault) -> Option<T> {
        self.report(field, fault);
        None
    }

    /// Whether the current content has the same value, so that rules that read only this value need not be checked.
    fn unchanged(&self, is_the_same: impl FnOnce(&Cra) -> bool) -> bool {
        self.current.is_some_and(is_the_same)
    }

    fn cra(&mut self, form: &v1::Cra) -> Option<Cra> {
        let current = self.current;
        let advisor_id = current.map(|cra| &cra.advisor_id);
        let advisor_id = self.id("cra.advisor_id", &form.advisor_id, advisor_id, "le conseiller");
        let structure_id = current.map(|cra| &cra.structure_id);
        let structure_id = self.id("cra.structure_id", &form.structure_id, structure_id, "la structure");
        let place = self.place(&form.place.clone().unwrap_or_default());
        let date = self.date(&form.date, place.commune);
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
            place: place.complete()?,
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

    fn place(&mut self, form: &v1::Place) -> PlaceFound {
        let current = self.current.map(|cra| &cra.place);
        let channel = self.word::<Channel>("cra.place.channel", form.channel, "le canal");
        let same = current.filter(|place| {
            *place.commune_code == *form.commune_code && *place.postal_code == *form.postal_code
        });
        let (declared, postal_code) = if let Some(place) = same {
            (Some((place.commune_code.clone(), place.commune)), Some(place.postal_code.clone()))
        } else {
            let declared = self.commune(form);
            let commune = declared.as_ref().map(|(_, commune)| *commune);
            let postal_code = commune.and_then(|commune| self.postal_code(commune, &form.postal_code));
            (declared, postal_code.map(Into::into))
        };
        let (commune_code, commune) = declared.unzip();
        let same = current.filter(|place| {
            let venue_id = place.venue_id.as_ref().map_or("", Id::as_str);
            Some(place.channel) == channel && *venue_id == *form.venue_id
        });
        let venue_id = match same {
            Some(place) => place.venue_id.clone(),
            None => self.venue(channel, &form.venue_id),
        };
        PlaceFound { channel, commune_code, commune, postal_code, venue_id }
    }

    fn id(&mut self, field: &str, text: &str, current: Option<&Id>, what: &'static str) -> Option<Id> {
        if let Some(current) = current.filter(|current| current.as_str() == text) {
            return Some(current.clone());
        }
        if text.is_empty() {
            return self.refuse(field, Fault::Required(what));
        }
        Id::parse(text).or_else(|| self.refuse(field, Fault::IdInvalid(text.to_owned())))
    }

    /// A value of the current content is always accepted, so that a correction needs no special case.
    fn word<W: Word>(&mut self, field: &str, number: i32, what: &'static str) -> Option<W> {
        if number == 0 {
            return self.refuse(field, Fault::Required(what));
        }
        W::from_number(number).or_else(|| self.refuse(field, unknown::<W>(number)))
    }
}

/// The parts of a place that could be read; a missing part has its own fault.
struct PlaceFound {
    channel: Option<Channel>,
    commune_code: Option<Box<str>>,
    commune: Option<CommuneId>,
    postal_code: Option<Box<str>>,
    venue_id: Option<Id>,
}

impl PlaceFound {
    fn complete(self) -> Option<Place> {
        Some(Place {
            channel: self.channel?,
            commune_code: self.commune_code?,
            commune: self.commune?,
            postal_code: self.postal_code?,
            venue_id: self.venue_id,
        })
    }
}

/// The fault for a number without a word, with the words that a new CRA may use.
fn unknown<W: Word>(number: i32) -> Fault {
    Fault::unknown_word::<W>(number, |term| term.open)
}

/// How often a list contains a value.
fn times<T: PartialEq>(list: &[T], value: &T) -> usize {
    list.iter().filter(|other| *other == value).count()
}

#[cfg(test)]
mod tests;
