//! One compte-rendu d'activité, complete and in today's words, whatever the form it was written with.
//!
//! A [`Cra`] says what happened; whether a new form may say it is decided in `rules`, and how older forms
//! come to it in [`crate::legacy`].

mod fault;
mod parts;
mod personal;
mod rules;
mod wire;

pub use fault::{DocumentFault, Fault, Question, TextLength, Violation};
pub use parts::{AgeCounts, Duration, Id, Place, Recipient, Redirection, StatusCounts};
pub use personal::PersonalData;
pub use rules::{
    DEFAULT_WORKSHOP_PARTICIPANTS, DefaultedField, FIRST_DAY, Limits, Submission, check_cra_id, check_reason,
    is_same_reason, limits, parse_day,
};
pub use wire::DecodeError;

use jiff::civil::Date;

use crate::vocabulary::{Activity, SubTheme, Theme};

/// What a conseiller numérique did with the public, at one place, on one day.
///
/// Its texts are its own, or, as `Cra<&str>`, borrowed from the stored event it is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cra<T = Box<str>> {
    /// Who did it.
    pub advisor_id: Id<T>,
    /// Who employed the advisor on that day.
    pub structure_id: Id<T>,
    /// Civil day of the activity, where it took place.
    pub date: Date,
    /// Where.
    pub place: Place<T>,
    /// What kind.
    pub activity: Activity,
    /// People present, at least 1.
    pub participants: u32,
    /// Among them, people met before; at most `participants`.
    pub returning_participants: u32,
    /// People per age band; the sum is at most `participants`, less only in older forms.
    pub ages: AgeCounts,
    /// People per status; the sum is at most `participants`, less only in older forms.
    pub statuses: StatusCounts,
    /// In the order of the form that was sent, without repetition; may be empty in older forms.
    pub themes: Vec<Theme>,
    /// In the order of the form that was sent, without repetition.
    pub sub_themes: Vec<SubTheme>,
    /// Free precision, trimmed; empty when there is none.
    pub annotation: T,
    /// How long.
    pub duration: Duration,
    /// People who will be seen again one to one.
    pub follow_up_individual: u32,
    /// People who will come to a workshop.
    pub follow_up_workshop: u32,
    /// People sent elsewhere.
    pub redirections: Vec<Redirection<T>>,
}

impl<T: AsRef<str>> Cra<T> {
    /// The same with texts of its own.
    #[must_use]
    pub fn into_owned(self) -> Cra {
        Cra {
            advisor_id: self.advisor_id.into_owned(),
            structure_id: self.structure_id.into_owned(),
            date: self.date,
            place: self.place.into_owned(),
            activity: self.activity,
            participants: self.participants,
            returning_participants: self.returning_participants,
            ages: self.ages,
            statuses: self.statuses,
            themes: self.themes,
            sub_themes: self.sub_themes,
            annotation: self.annotation.as_ref().into(),
            duration: self.duration,
            follow_up_individual: self.follow_up_individual,
            follow_up_workshop: self.follow_up_workshop,
            redirections: self.redirections.into_iter().map(Redirection::into_owned).collect(),
        }
    }
}
