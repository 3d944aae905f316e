//! One compte-rendu d'activité (CRA), complete and in today's vocabulary, whatever form it was written with.
//!
//! A [`Cra`] describes what happened. The rules of a new CRA are in `rules`; the conversion of older forms is in
//! [`crate::legacy`].
//!
//! ```
//! use cra_domain::cra::Submission;
//!
//! let now = "2026-11-27T10:00:00Z".parse().unwrap();
//! let submission = Submission::parse(Some(&cra_fixtures::workshop(5)), now).expect("a valid CRA");
//! assert_eq!(submission.cra().participants, 5);
//!
//! // Every fault of a form is found at once, each with its field.
//! let mut form = cra_fixtures::workshop(5);
//! form.date = "2026-12-31".into();
//! form.advisor_id.clear();
//! let faults = Submission::parse(Some(&form), now).unwrap_err();
//! let fields: Vec<_> = faults.iter().map(|fault| (fault.field.as_str(), fault.fault.reason())).collect();
//! assert_eq!(fields, [("cra.advisor_id", "REQUIRED"), ("cra.date", "DATE_IN_FUTURE")]);
//! ```

mod described;
mod fault;
mod parts;
mod personal;
mod rules;
mod wire;

pub use described::{Described, FIELD_LABELS, UNNAMED_RECIPIENT, commune_described, described, field_label};
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

/// What a conseiller numérique did with the public, in one place, on one day.
///
/// The texts are owned, or, in a `Cra<&str>`, borrowed from the stored event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cra<T = Box<str>> {
    /// The advisor.
    pub advisor_id: Id<T>,
    /// The advisor's employer on that day.
    pub structure_id: Id<T>,
    /// Calendar day of the activity, in the time zone of its commune.
    pub date: Date,
    /// The place of the activity.
    pub place: Place<T>,
    /// Kind of activity.
    pub activity: Activity,
    /// Number of people present, at least 1.
    pub participants: u32,
    /// Number of people present who had been met before; at most `participants`.
    pub returning_participants: u32,
    /// People per age band; the sum is at most `participants`, and equal to it except in older forms.
    pub ages: AgeCounts,
    /// People per status; the sum is at most `participants`, and equal to it except in older forms.
    pub statuses: StatusCounts,
    /// In the order of the submitted form, without repetition; may be empty in older forms.
    pub themes: Vec<Theme>,
    /// In the order of the submitted form, without repetition.
    pub sub_themes: Vec<SubTheme>,
    /// Free text about the themes, trimmed; empty if there is none.
    pub annotation: T,
    /// Duration of the activity.
    pub duration: Duration,
    /// Number of people who will be seen again individually.
    pub follow_up_individual: u32,
    /// Number of people who will come to a workshop.
    pub follow_up_workshop: u32,
    /// People sent to other organisations.
    pub redirections: Vec<Redirection<T>>,
}

impl<T: AsRef<str>> Cra<T> {
    /// Converts to owned texts.
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
