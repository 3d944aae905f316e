//! One compte-rendu d'activité, complete and in today's words, whatever the form it was written with.
//!
//! A [`Cra`] says what happened; whether a new form may say it is decided in [`rules`], and how older forms
//! come to it in [`crate::legacy`].

mod fault;
mod parts;
mod personal;
mod rules;
mod wire;

pub use fault::{Fault, Question, Violation};
pub use parts::{AgeCounts, Duration, Id, Place, Recipient, Redirection, StatusCounts};
pub use personal::PersonalData;
pub use rules::{
    DEFAULT_WORKSHOP_PARTICIPANTS, DefaultedField, FIRST_DAY, Limits, Submission, check_cra_id, check_reason,
    limits, parse_day,
};
pub use wire::DecodeError;

use jiff::civil::Date;

use crate::vocabulary::{Activity, SubTheme, Theme};

/// What a conseiller numérique did with the public, at one place, on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cra {
    /// Who did it.
    pub advisor_id: Id,
    /// Who employed the advisor on that day.
    pub structure_id: Id,
    /// Civil day of the activity, where it took place.
    pub date: Date,
    /// Where.
    pub place: Place,
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
    pub annotation: String,
    /// How long.
    pub duration: Duration,
    /// People who will be seen again one to one.
    pub follow_up_individual: u32,
    /// People who will come to a workshop.
    pub follow_up_workshop: u32,
    /// People sent elsewhere.
    pub redirections: Vec<Redirection>,
}
