//! Search for communes while typing: checks the limits, then answers from the domain's table.

use cra_contracts::v1;
use cra_domain::cra::Fault;
use cra_domain::territory::{self, FoundCommune, SEARCH_CHARACTERS_MAX, SEARCH_RESULTS_MAX};
use cra_runtime::rejection::Violation;

use crate::refused::Refused;

const TEXT_CHARACTERS_MIN: usize = 1;
const LIMIT_DEFAULT: usize = 10;

/// The communes for a request, best first.
pub(super) fn communes(request: &v1::SearchCommunesRequest) -> Result<v1::SearchCommunesResponse, Refused> {
    let text = request.text.trim();
    let limit = match usize::try_from(request.limit).unwrap_or(usize::MAX) {
        0 => LIMIT_DEFAULT,
        given => given,
    };
    let mut violations = Vec::new();
    if !(TEXT_CHARACTERS_MIN..=SEARCH_CHARACTERS_MAX).contains(&text.chars().count()) {
        violations.push(text_invalid());
    }
    if limit > SEARCH_RESULTS_MAX {
        violations.push(limit_out_of_range());
    }
    if !violations.is_empty() {
        return Err(Refused::Invalid(violations));
    }
    let found = territory::communes().search(text, limit).into_iter().map(message);
    Ok(v1::SearchCommunesResponse { communes: found.collect() })
}

fn message(found: FoundCommune) -> v1::Commune {
    let commune = territory::communes().get(found.commune);
    v1::Commune {
        code: commune.code().to_owned(),
        name: commune.name().to_owned(),
        postal_codes: commune.postal_codes().iter().map(|code| (*code).to_owned()).collect(),
        department_code: commune.department().to_owned(),
        region_code: commune.region().to_owned(),
        epci_code: commune.epci().unwrap_or_default().to_owned(),
        matched_name: found.matched_name.unwrap_or_default().to_owned(),
    }
}

fn text_invalid() -> Violation {
    let fault = Fault::TextInvalid { min: TEXT_CHARACTERS_MIN, max: SEARCH_CHARACTERS_MAX };
    Violation {
        field: "text".to_owned(),
        reason: fault.reason().into(),
        description: fault.description(),
        localized_message: fault.message_fr(),
    }
}

fn limit_out_of_range() -> Violation {
    Violation {
        field: "limit".to_owned(),
        reason: "LIMIT_OUT_OF_RANGE".into(),
        description: format!("expected at most {SEARCH_RESULTS_MAX}, or 0 for {LIMIT_DEFAULT}"),
        localized_message: format!("Demandez au plus {SEARCH_RESULTS_MAX} communes."),
    }
}
