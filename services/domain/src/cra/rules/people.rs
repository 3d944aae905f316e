//! How many people: participants, and the counts that are compared with them.

use cra_contracts::v1;

use super::super::{AgeCounts, Fault, StatusCounts};
use super::{Check, DEFAULT_WORKSHOP_PARTICIPANTS, DefaultedField, Submission};
use super::{WORKSHOP_PARTICIPANTS_MAX, WORKSHOP_PARTICIPANTS_MIN};
use crate::vocabulary::Activity;

impl Check {
    pub(super) fn participants(&mut self, given: Option<u32>, activity: Option<Activity>) -> Option<u32> {
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
    pub(super) fn people(
        &mut self,
        form: &v1::Cra,
        participants: u32,
        ages: &AgeCounts,
        statuses: &StatusCounts,
    ) {
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
}

pub(in crate::cra) fn age_counts(counts: Option<&v1::AgeCounts>) -> AgeCounts {
    counts.map_or_else(AgeCounts::default, |c| {
        AgeCounts([c.under_12, c.from_12_to_18, c.from_18_to_35, c.from_35_to_60, c.over_60])
    })
}

pub(in crate::cra) fn status_counts(counts: Option<&v1::StatusCounts>) -> StatusCounts {
    counts.map_or_else(StatusCounts::default, |c| {
        StatusCounts([c.student, c.unemployed, c.employed, c.retired, c.unspecified_or_mixed])
    })
}
