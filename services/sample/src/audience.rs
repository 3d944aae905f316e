//! Ages and statuses that go together (pupils are young, retired people are old); both always add up to the number of
//! participants.

use cra_contracts::v1;
use cra_domain::vocabulary::{AgeBand, Status};

use super::draw::{Draw, Weighted};

/// The kind of audience of a CRA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Audience {
    Anyone,
    Seniors,
    JobSeekers,
    Pupils,
}

const ANYONE: [Weighted<(AgeBand, Status)>; 16] = [
    ((AgeBand::Over60, Status::Retired), 370),
    ((AgeBand::Over60, Status::Unemployed), 18),
    ((AgeBand::Over60, Status::Employed), 20),
    ((AgeBand::Over60, Status::UnspecifiedOrMixed), 32),
    ((AgeBand::From35To60, Status::Unemployed), 165),
    ((AgeBand::From35To60, Status::Employed), 130),
    ((AgeBand::From35To60, Status::Retired), 6),
    ((AgeBand::From35To60, Status::UnspecifiedOrMixed), 45),
    ((AgeBand::From18To35, Status::Unemployed), 88),
    ((AgeBand::From18To35, Status::Employed), 45),
    ((AgeBand::From18To35, Status::Student), 22),
    ((AgeBand::From18To35, Status::UnspecifiedOrMixed), 20),
    ((AgeBand::From12To18, Status::Student), 24),
    ((AgeBand::From12To18, Status::UnspecifiedOrMixed), 3),
    ((AgeBand::Under12, Status::Student), 9),
    ((AgeBand::Under12, Status::UnspecifiedOrMixed), 3),
];

const SENIORS: [Weighted<(AgeBand, Status)>; 5] = [
    ((AgeBand::Over60, Status::Retired), 830),
    ((AgeBand::Over60, Status::UnspecifiedOrMixed), 60),
    ((AgeBand::Over60, Status::Employed), 30),
    ((AgeBand::From35To60, Status::Unemployed), 50),
    ((AgeBand::From35To60, Status::Employed), 30),
];

const JOB_SEEKERS: [Weighted<(AgeBand, Status)>; 4] = [
    ((AgeBand::From35To60, Status::Unemployed), 480),
    ((AgeBand::From18To35, Status::Unemployed), 430),
    ((AgeBand::Over60, Status::Unemployed), 50),
    ((AgeBand::From18To35, Status::Employed), 40),
];

const PUPILS: [Weighted<(AgeBand, Status)>; 2] =
    [((AgeBand::From12To18, Status::Student), 620), ((AgeBand::Under12, Status::Student), 380)];

impl Audience {
    /// Audience of a workshop.
    pub(super) fn of_workshop(draw: &mut Draw) -> Self {
        draw.pick(&[(Self::Seniors, 45), (Self::Anyone, 30), (Self::JobSeekers, 14), (Self::Pupils, 11)])
    }

    fn people(self) -> &'static [Weighted<(AgeBand, Status)>] {
        match self {
            Self::Anyone => &ANYONE,
            Self::Seniors => &SENIORS,
            Self::JobSeekers => &JOB_SEEKERS,
            Self::Pupils => &PUPILS,
        }
    }

    /// Ages and statuses of a number of people.
    pub(super) fn draw(self, participants: u32, draw: &mut Draw) -> (v1::AgeCounts, v1::StatusCounts) {
        let (mut ages, mut statuses) = (v1::AgeCounts::default(), v1::StatusCounts::default());
        for _ in 0..participants {
            let (age, status) = draw.pick(self.people());
            *age.count_of(&mut ages) += 1;
            *status.count_of(&mut statuses) += 1;
        }
        (ages, statuses)
    }
}
