//! Free texts: the annotation, the reason of a correction or a withdrawal.

use super::super::personal::personal_data;
use super::super::{Fault, Violation};
use super::{ANNOTATION_CHARACTERS_MAX, ANNOTATION_CHARACTERS_MIN, Check};
use super::{REASON_CHARACTERS_MAX, REASON_CHARACTERS_MIN};

impl Check {
    pub(super) fn annotation(&mut self, given: &str) -> Option<Box<str>> {
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
