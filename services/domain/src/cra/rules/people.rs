//! Participants, and the counts that are compared with them.

use cra_contracts::v1;

use super::super::{AgeCounts, Cra, Fault, StatusCounts};
use super::{Check, DEFAULT_WORKSHOP_PARTICIPANTS, DefaultedField, Submission};
use super::{WORKSHOP_PARTICIPANTS_MAX, WORKSHOP_PARTICIPANTS_MIN};
use crate::vocabulary::Activity;

impl Check<'_> {
    pub(super) fn participants(&mut self, declared: Option<u32>, activity: Option<Activity>) -> Option<u32> {
        let bounds = activity.map(|activity| match activity {
            Activity::Workshop => (WORKSHOP_PARTICIPANTS_MIN, WORKSHOP_PARTICIPANTS_MAX),
            Activity::Individual | Activity::OneOff => (1, 1),
        });
        if let Some(people) = declared {
            let is_same = self.unchanged(|cra| cra.participants == people && Some(cra.activity) == activity);
            let out_of = bounds.filter(|(min, max)| !is_same && !(*min..=*max).contains(&people));
            if let Some((min, max)) = out_of {
                self.report(
                    Submission::PARTICIPANTS,
                    Fault::ParticipantsOutOfRange { found: people.to_string(), min, max },
                );
            }
            return declared;
        }
        let default = if activity? == Activity::Workshop { DEFAULT_WORKSHOP_PARTICIPANTS } else { 1 };
        self.defaulted.push(DefaultedField { field: Submission::PARTICIPANTS, value: default.to_string() });
        Some(default)
    }

    /// Applies the rules that compare counts with the participants.
    pub(super) fn people(
        &mut self,
        form: &v1::Cra,
        participants: u32,
        ages: &AgeCounts,
        statuses: &StatusCounts,
    ) {
        let expected = u64::from(participants);
        let returning = form.returning_participants;
        let same = |cra: &Cra| cra.participants == participants;
        let is_same = self.unchanged(|cra| same(cra) && cra.returning_participants == returning);
        if returning > participants && !is_same {
            self.report(
                "cra.returning_participants",
                Fault::ReturningExceedsParticipants { returning, participants },
            );
        }
        if ages.sum() != expected && !self.unchanged(|cra| same(cra) && cra.ages == *ages) {
            self.report("cra.ages", Fault::AgesSumMismatch { sum: ages.sum(), participants });
        }
        if statuses.sum() != expected && !self.unchanged(|cra| same(cra) && cra.statuses == *statuses) {
            self.report("cra.statuses", Fault::StatusesSumMismatch { sum: statuses.sum(), participants });
        }
        let empty = v1::FollowUp::default();
        let follow_up = form.follow_up.as_ref().unwrap_or(&empty);
        let mut redirected: Vec<u32> = follow_up.redirections.iter().map(|r| r.people).collect();
        let planned =
            [follow_up.individual, follow_up.workshop].into_iter().chain(redirected.iter().copied());
        let sum: u64 = planned.map(u64::from).sum();
        redirected.sort_unstable();
        let is_same = self.unchanged(|cra| {
            let mut before: Vec<u32> = cra.redirections.iter().map(|r| r.people).collect();
            before.sort_unstable();
            let seen_again = (cra.follow_up_individual, cra.follow_up_workshop);
            same(cra) && seen_again == (follow_up.individual, follow_up.workshop) && before == redirected
        });
        if sum > expected && !is_same {
            self.report("cra.follow_up", Fault::FollowUpExceedsParticipants { sum, participants });
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
