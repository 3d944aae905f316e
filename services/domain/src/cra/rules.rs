//! The rules of a new CRA: the contract's message becomes a [`Submission`], or every one of its faults is told
//! at once. Source: the table of rules of the domain page; one function per part of the form.
//!
//! A rule that needs a missing or unknown value says nothing beside that value's own fault.

use std::collections::HashSet;

use cra_contracts::v1;
use jiff::{
    Timestamp,
    civil::{Date, date},
};
use uuid::Uuid;

use super::parts::day_at;
use super::personal::personal_data;
use super::{AgeCounts, Cra, Duration, Fault, Id, Place, Recipient, Redirection, StatusCounts, Violation};
use crate::spelling;
use crate::territory::{self, CommuneId};
use crate::vocabulary::{Activity, Channel, DurationBand, Organisation, SubTheme, Theme, Word};

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

/// Checks why a CRA is corrected or withdrawn; gives the reason trimmed.
pub fn check_reason(reason: &str) -> Result<String, Violation> {
    let trimmed = reason.trim();
    if (REASON_CHARACTERS_MIN..=REASON_CHARACTERS_MAX).contains(&trimmed.chars().count()) {
        Ok(trimmed.to_owned())
    } else {
        Err(Violation { field: "reason".into(), fault: Fault::ReasonLength })
    }
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

    fn commune(&mut self, code: &str) -> Option<CommuneId> {
        const FIELD: &str = "cra.place.commune_code";
        if code.is_empty() {
            return self.refuse(FIELD, Fault::Required("la commune"));
        }
        territory::communes().resolve(code).or_else(|| self.refuse(FIELD, Fault::CommuneUnknown))
    }

    fn postal_code(&mut self, commune: CommuneId, given: &str) -> Option<&'static str> {
        const FIELD: &str = "cra.place.postal_code";
        let commune = territory::communes().get(commune);
        let (accepted, name) = (commune.postal_codes(), commune.name());
        if given.is_empty() {
            return match accepted {
                [] => Some(""),
                [only] => Some(only),
                several => self
                    .refuse(FIELD, Fault::PostalCodeRequired { commune: name, accepted: several.to_vec() }),
            };
        }
        let found = accepted.iter().copied().find(|code| *code == given);
        found.or_else(|| {
            self.refuse(FIELD, Fault::PostalCodeMismatch { commune: name, accepted: accepted.to_vec() })
        })
    }

    /// None also where it is wrong: its fault is told.
    fn venue(&mut self, channel: Option<Channel>, given: &str) -> Option<Id> {
        const FIELD: &str = "cra.place.venue_id";
        if given.is_empty() {
            return None;
        }
        if channel.is_some_and(|channel| channel != Channel::Venue) {
            return self.refuse(FIELD, Fault::VenueNotAllowed);
        }
        Id::parse(given).or_else(|| self.refuse(FIELD, Fault::IdInvalid))
    }

    fn date(&mut self, given: &str, commune: Option<CommuneId>) -> Option<Date> {
        let today = commune.map(|commune| day_at(commune, self.now));
        if given.is_empty() {
            let today = today?;
            self.defaulted.push(DefaultedField { field: Submission::DATE, value: today.to_string() });
            return Some(today);
        }
        let Some(date) = parse_day(given) else {
            return self.refuse(Submission::DATE, Fault::DateInvalid);
        };
        if date < FIRST_DAY {
            return self.refuse(Submission::DATE, Fault::DateTooEarly);
        }
        match today {
            Some(today) if date > today => self.refuse(Submission::DATE, Fault::DateInFuture { today }),
            _ => Some(date),
        }
    }

    fn participants(&mut self, given: Option<u32>, activity: Option<Activity>) -> Option<u32> {
        let bounds = activity.map(|activity| match activity {
            Activity::Workshop => (WORKSHOP_PARTICIPANTS_MIN, WORKSHOP_PARTICIPANTS_MAX),
            Activity::Individual | Activity::OneOff => (1, 1),
        });
        if let Some(people) = given {
            if let Some((min, max)) = bounds.filter(|(min, max)| !(*min..=*max).contains(&people)) {
                self.tell(Submission::PARTICIPANTS, Fault::ParticipantsOutOfRange { min, max });
            }
            return given;
        }
        let default = if activity? == Activity::Workshop { DEFAULT_WORKSHOP_PARTICIPANTS } else { 1 };
        self.defaulted.push(DefaultedField { field: Submission::PARTICIPANTS, value: default.to_string() });
        Some(default)
    }

    /// The rules that compare people with the participants.
    fn people(&mut self, form: &v1::Cra, participants: u32, ages: &AgeCounts, statuses: &StatusCounts) {
        let expected = u64::from(participants);
        if form.returning_participants > participants {
            self.tell("cra.returning_participants", Fault::ReturningExceedsParticipants { participants });
        }
        if ages.sum() != expected {
            self.tell("cra.ages", Fault::AgesSumMismatch { sum: ages.sum(), participants });
        }
        if statuses.sum() != expected {
            self.tell("cra.statuses", Fault::StatusesSumMismatch { sum: statuses.sum(), participants });
        }
        let planned = form.follow_up.as_ref().map_or(0, |follow_up| {
            let redirected: u64 = follow_up.redirections.iter().map(|r| u64::from(r.people)).sum();
            u64::from(follow_up.individual) + u64::from(follow_up.workshop) + redirected
        });
        if planned > expected {
            self.tell("cra.follow_up", Fault::FollowUpExceedsParticipants { sum: planned, participants });
        }
    }

    fn themes(&mut self, numbers: &[i32]) -> Option<Vec<Theme>> {
        if numbers.is_empty() {
            return self.refuse("cra.themes", Fault::Required("au moins une thématique"));
        }
        let mut themes = Vec::with_capacity(numbers.len().min(Theme::ALL.len()));
        let mut all_known = true;
        for (i, number) in numbers.iter().enumerate() {
            let fault = match Theme::from_number(*number) {
                None => {
                    all_known = false;
                    Fault::UnknownValue(*number)
                }
                Some(theme) if !theme.term().open => Fault::ThemeClosed { label: theme.term().label },
                Some(theme) if themes.contains(&theme) => Fault::Duplicate,
                Some(theme) => {
                    themes.push(theme);
                    continue;
                }
            };
            self.tell(format!("cra.themes[{i}]"), fault);
        }
        all_known.then_some(themes)
    }

    /// `themes` is `None` when a theme is missing or unknown: it may be the one that a sub-theme needs.
    fn sub_themes(&mut self, numbers: &[i32], themes: Option<&[Theme]>) -> Vec<SubTheme> {
        let mut sub_themes = Vec::new();
        for (i, number) in numbers.iter().enumerate() {
            let fault = match SubTheme::from_number(*number) {
                None => Fault::UnknownValue(*number),
                Some(sub) if themes.is_some_and(|themes| !themes.contains(&sub.theme())) => {
                    Fault::SubThemeWithoutTheme { theme: sub.theme().term().label }
                }
                Some(sub) if sub_themes.contains(&sub) => Fault::Duplicate,
                Some(sub) => {
                    sub_themes.push(sub);
                    continue;
                }
            };
            self.tell(format!("cra.sub_themes[{i}]"), fault);
        }
        sub_themes
    }

    fn annotation(&mut self, given: &str) -> Option<Box<str>> {
        const FIELD: &str = "cra.annotation";
        let text = given.trim();
        let characters = text.chars().count();
        if characters != 0 && !(ANNOTATION_CHARACTERS_MIN..=ANNOTATION_CHARACTERS_MAX).contains(&characters) {
            self.tell(FIELD, Fault::AnnotationLength);
        }
        if text.chars().any(char::is_control) {
            let (min, max) = (ANNOTATION_CHARACTERS_MIN, ANNOTATION_CHARACTERS_MAX);
            return self.refuse(FIELD, Fault::TextInvalid { min, max });
        }
        if let Some(found) = personal_data(text) {
            return self.refuse(FIELD, Fault::PersonalData(found));
        }
        Some(text.into())
    }

    fn duration(&mut self, given: Option<&v1::Duration>) -> Option<Duration> {
        const MINUTES: &str = "cra.duration.minutes";
        let Some(given) = given else {
            return self.refuse("cra.duration", Fault::Required("la durée"));
        };
        let band = self.word::<DurationBand>("cra.duration.band", given.band, "la durée");
        let Some(minutes) = given.minutes else {
            return band.map(|band| match band {
                DurationBand::UpTo30Minutes => Duration::UpTo30Minutes,
                DurationBand::From30MinutesTo1Hour => Duration::From30MinutesTo1Hour,
                DurationBand::OneHourOrMore => Duration::OneHourOrMore,
            });
        };
        if band? != DurationBand::OneHourOrMore {
            return self.refuse(MINUTES, Fault::MinutesNotAllowed);
        }
        if !(MINUTES_MIN..=MINUTES_MAX).contains(&minutes) || !minutes.is_multiple_of(MINUTES_STEP) {
            return self.refuse(MINUTES, Fault::MinutesInvalid);
        }
        Some(Duration::Exact { minutes })
    }

    fn redirections(&mut self, given: &[v1::Redirection]) -> Vec<Redirection> {
        let mut seen = HashSet::new();
        let mut redirections = Vec::with_capacity(given.len());
        for (i, redirection) in given.iter().enumerate() {
            let path = format!("cra.follow_up.redirections[{i}]");
            let recipient = self.recipient(&path, redirection.organisation.as_ref());
            if redirection.people == 0 {
                self.tell(format!("{path}.people"), Fault::PeopleRequired);
            }
            let Some(recipient) = recipient else { continue };
            if seen.insert(same_organisation(&recipient)) {
                redirections.push(Redirection { recipient, people: redirection.people });
            } else {
                self.tell(path, Fault::Duplicate);
            }
        }
        redirections
    }

    fn recipient(&mut self, path: &str, given: Option<&v1::redirection::Organisation>) -> Option<Recipient> {
        match given {
            None => self.refuse(path, Fault::Required("la structure vers laquelle vous orientez")),
            Some(v1::redirection::Organisation::Known(number)) => Organisation::from_number(*number)
                .map(Recipient::Known)
                .or_else(|| self.refuse(format!("{path}.known"), Fault::UnknownValue(*number))),
            Some(v1::redirection::Organisation::Other(name)) => {
                let name = name.trim();
                let well_formed = (1..=ORGANISATION_CHARACTERS_MAX).contains(&name.chars().count())
                    && !name.chars().any(char::is_control);
                if !well_formed {
                    let fault = Fault::TextInvalid { min: 1, max: ORGANISATION_CHARACTERS_MAX };
                    return self.refuse(format!("{path}.other"), fault);
                }
                if let Some(found) = personal_data(name) {
                    return self.refuse(format!("{path}.other"), Fault::PersonalData(found));
                }
                Some(Recipient::Other(name.into()))
            }
        }
    }
}

/// What makes two recipients the same organisation: statistics count them on one line.
fn same_organisation(recipient: &Recipient) -> String {
    match recipient.recognised() {
        Recipient::Known(organisation) => spelling::key(organisation.term().label),
        Recipient::Other(name) => spelling::key(&name),
        Recipient::Unnamed => String::new(),
    }
}

/// A day written as `YYYY-MM-DD`, in this form only.
#[must_use]
pub fn parse_day(text: &str) -> Option<Date> {
    let shaped = text.len() == 10
        && text.bytes().enumerate().all(
            |(i, b)| {
                if i == 4 || i == 7 { b == b'-' } else { b.is_ascii_digit() }
            },
        );
    if shaped { text.parse().ok() } else { None }
}

pub(super) fn age_counts(counts: Option<&v1::AgeCounts>) -> AgeCounts {
    counts.map_or_else(AgeCounts::default, |c| {
        AgeCounts([c.under_12, c.from_12_to_18, c.from_18_to_35, c.from_35_to_60, c.over_60])
    })
}

pub(super) fn status_counts(counts: Option<&v1::StatusCounts>) -> StatusCounts {
    counts.map_or_else(StatusCounts::default, |c| {
        StatusCounts([c.student, c.unemployed, c.employed, c.retired, c.unspecified_or_mixed])
    })
}

#[cfg(test)]
mod tests;
