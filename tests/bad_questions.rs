//! A faulty query is refused with its code, field and reason, and is never answered for a wider selection; no input
//! makes the service fail.

mod consistency;
mod pages;
mod requests;
mod selections;
mod tables;

use cra_contracts::v1;
use cra_runtime::rejection::{fact_of, violations_of};
use tonic::{Code, Status};

use crate::harness::events::submitted;
use crate::harness::{InProcess, assert_refused, cra_of};

/// Number of CRAs in the read models, more than fit on the requested pages.
const CRAS: u32 = 7;

/// Read models with a few CRAs, each of another advisor.
fn some_cras() -> InProcess {
    let events: Vec<v1::CraEvent> = (1..=CRAS).map(|n| submitted(n.into(), 5, cra_of(n))).collect();
    InProcess::of(&events)
}

/// Asserts that a request is refused for exactly these fields and reasons.
fn assert_invalid(query: &str, refused: &Status, expected: &[(&str, &str)]) {
    assert_eq!(refused.code(), Code::InvalidArgument, "{query}: {refused}");
    let violations = violations_of(refused);
    let mut found: Vec<_> = violations.iter().map(|v| (v.field.as_str(), &*v.reason)).collect();
    let mut expected = expected.to_vec();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected, "{query}");
    for violation in &violations {
        assert!(!violation.description.is_empty(), "{query}: {violation:?}");
        assert!(!violation.localized_message.is_empty(), "{query}: {violation:?}");
    }
}

/// Asserts that a position beyond the log is refused.
fn assert_past_the_head(query: &str, refused: &Status, field: &str) {
    assert_refused(refused, Code::OutOfRange, "PAST_THE_HEAD");
    assert_eq!(fact_of(refused, "field").as_deref(), Some(field), "{query}");
    assert_eq!(fact_of(refused, "head"), Some(CRAS.to_string()), "{query}");
}
