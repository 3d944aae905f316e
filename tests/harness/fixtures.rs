//! Requests that satisfy the rules.

use cra_contracts::v1 as pb;

/// An unused CRA id.
pub(crate) fn new_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// A workshop of a number of people, 2 to 100.
pub(crate) fn workshop(participants: u32) -> pb::Cra {
    pb::Cra {
        ages: Some(pb::AgeCounts { from_18_to_35: participants, ..pb::AgeCounts::default() }),
        statuses: Some(pb::StatusCounts { unemployed: participants, ..pb::StatusCounts::default() }),
        duration: Some(pb::Duration { band: pb::DurationBand::OneHourOrMore.into(), minutes: Some(60) }),
        ..cra_fixtures::workshop(participants)
    }
}

/// A CRA whose content depends on its number, so that counting one twice or not at all changes the number of acts.
pub(crate) fn cra_of(number: u32) -> pb::Cra {
    pb::Cra { advisor_id: format!("conseiller-{}", number % 7), ..workshop(2 + number % 97) }
}

/// The submission of a CRA under an id.
pub(crate) fn submission(cra_id: &str, cra: pb::Cra) -> pb::SubmitCraRequest {
    pb::SubmitCraRequest { cra_id: cra_id.to_owned(), cra: Some(cra), validate_only: false }
}

/// The correction of a CRA at a revision.
pub(crate) fn correction(cra_id: &str, expected_revision: u64, cra: pb::Cra) -> pb::CorrectCraRequest {
    let (cra_id, reason) = (cra_id.to_owned(), "une erreur de saisie".to_owned());
    pb::CorrectCraRequest { cra_id, expected_revision, cra: Some(cra), reason }
}

/// The withdrawal of a CRA at a revision.
pub(crate) fn withdrawal(cra_id: &str, expected_revision: u64) -> pb::WithdrawCraRequest {
    let (cra_id, reason) = (cra_id.to_owned(), "saisi deux fois".to_owned());
    pb::WithdrawCraRequest { cra_id, expected_revision, reason }
}
