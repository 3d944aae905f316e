//! Older forms of the CRA, from 2021 on: one upcaster per form, each a pure function from the stored document to
//! a [`Cra`]. What can be repaired is repaired and told in a note; what cannot be read is refused with its path
//! in the document, never guessed. Source: the table of older forms of the domain page.

mod document;
mod duration;
mod organisations;
mod place;
mod v1_form;
mod v2_form;
mod v3_form;

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use crate::cra::{Cra, Fault, Violation};
use document::Document;

/// Namespace of the ids made from legacy ids; never to change, or an import run again would record twice.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f1d_1c9e_52c4_4e0b_9a57_3d0f_b7a8_41c6);
/// Longest legacy id, in characters.
const LEGACY_ID_CHARACTERS_MAX: usize = 128;

/// The form a document was written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FormVersion {
    /// 2021-04-29 to 2022-03-09.
    V1,
    /// 2022-03-10 to 2022-11-22.
    V2,
    /// From 2022-11-23.
    V3,
}

impl FormVersion {
    /// The form of a contract's number.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        match number {
            1 => Some(Self::V1),
            2 => Some(Self::V2),
            3 => Some(Self::V3),
            _ => None,
        }
    }

    /// Its number in the contract.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
            Self::V3 => 3,
        }
    }
}

/// A document in today's words.
#[derive(Clone, Debug, PartialEq)]
pub struct Upcast {
    /// What the document says.
    pub cra: Cra,
    /// When the older system recorded it.
    pub created_at: Timestamp,
    /// What had to be repaired or left out, one line each.
    pub notes: Vec<String>,
}

/// The CRA's id for a legacy id: the same at every import.
#[must_use]
pub fn cra_id(legacy_id: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, legacy_id.as_bytes())
}

/// Checks the id of the system that a document comes from.
pub fn check_legacy_id(legacy_id: &str) -> Result<(), Violation> {
    let characters = legacy_id.chars().count();
    if characters == 0 {
        return Err(refusal("legacy_id", Fault::Required("l'identifiant d'origine")));
    }
    if characters > LEGACY_ID_CHARACTERS_MAX || legacy_id.chars().any(char::is_control) {
        let fault = Fault::TextInvalid { min: 1, max: LEGACY_ID_CHARACTERS_MAX };
        return Err(refusal("legacy_id", fault));
    }
    Ok(())
}

/// Checks the number of the form.
pub fn check_form_version(number: u32) -> Result<FormVersion, Violation> {
    FormVersion::from_number(number).ok_or_else(|| refusal("form_version", Fault::FormVersionUnknown))
}

/// Brings a document to today's words, or tells everything that keeps it from being read.
pub fn upcast(form: FormVersion, document: &[u8]) -> Result<Upcast, Vec<Violation>> {
    let root: Value = serde_json::from_slice(document)
        .map_err(|error| vec![refusal("document", Fault::DocumentInvalid(error.to_string()))])?;
    if !root.is_object() {
        let fault = Fault::DocumentInvalid("expected a JSON object".to_owned());
        return Err(vec![refusal("document", fault)]);
    }
    let mut document = Document::new(&root);
    let read = match form {
        FormVersion::V1 => v1_form::read(&mut document),
        FormVersion::V2 => v2_form::read(&mut document),
        FormVersion::V3 => v3_form::read(&mut document),
    };
    document.finish(read)
}

fn refusal(field: impl Into<String>, fault: Fault) -> Violation {
    Violation { field: field.into(), fault }
}

#[cfg(test)]
mod tests;
