//! Free texts: the annotation, the name of an organisation that the form does not list, the reason of a correction or a
//! withdrawal. Each is trimmed and converted to Unicode's composed form (NFC) before it is checked and stored.

use icu_properties::props::{Emoji, ExtendedPictographic, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};
use unicode_normalization::UnicodeNormalization as _;
use unicode_segmentation::UnicodeSegmentation as _;

use super::super::personal::personal_data;
use super::super::{Fault, TextLength, Violation};
use super::Check;
use crate::spelling::is_invisible;

/// Limits of a free text. Letters are counted as people count them: extended grapheme clusters.
pub(super) struct FreeText {
    pub(super) letters_min: usize,
    pub(super) letters_max: usize,
    /// A separate limit, because one letter can consist of many code points.
    pub(super) code_points_max: usize,
    is_optional: bool,
    length_fault: fn(TextLength) -> Fault,
}

/// Maximum number of bytes that one composed code point had before composition: four code points of four bytes.
const DECOMPOSED_BYTES_MAX: usize = 16;

const ZERO_WIDTH_JOINER: char = '\u{200d}';
/// Variation selectors: as text, as emoji.
const PRESENTATIONS: [char; 2] = ['\u{fe0e}', '\u{fe0f}'];
const KEYCAP: char = '\u{20e3}';

impl FreeText {
    /// The annotation.
    pub(super) const ANNOTATION: Self = Self {
        letters_min: 3,
        letters_max: 35,
        code_points_max: 140,
        is_optional: true,
        length_fault: Fault::AnnotationLength,
    };
    /// The name of an organisation.
    pub(super) const ORGANISATION: Self = Self {
        letters_min: 1,
        letters_max: 100,
        code_points_max: 400,
        is_optional: false,
        length_fault: Fault::TextLength,
    };
    /// The reason of a correction or a withdrawal.
    pub(super) const REASON: Self = Self {
        letters_min: 3,
        letters_max: 500,
        code_points_max: 2_000,
        is_optional: false,
        length_fault: Fault::ReasonLength,
    };

    /// The text as it is stored. A forbidden character is reported alone: the length of a text with invisible
    /// characters means nothing.
    pub(super) fn check(&self, declared: &str) -> Result<String, Fault> {
        let Self { letters_min, letters_max, code_points_max, .. } = *self;
        let fault = |letters, code_points| {
            (self.length_fault)(TextLength {
                letters,
                code_points,
                letters_min,
                letters_max,
                code_points_max,
            })
        };
        if declared.trim().len() > code_points_max * DECOMPOSED_BYTES_MAX {
            // Far too long in any form: skip composition and the search for personal data.
            if let Some((letters_before, character)) = first_misplaced(declared.trim()) {
                return Err(Fault::TextCharacter { character, letters_before });
            }
            let code_points = declared.trim().chars().count();
            return Err(fault(code_points, code_points));
        }
        let text = normal(declared);
        if let Some((letters_before, character)) = first_misplaced(&text) {
            return Err(Fault::TextCharacter { character, letters_before });
        }
        // A longer text is refused anyway and need not be searched.
        let is_searched = text.len() <= code_points_max * char::MAX.len_utf8();
        if let Some(found) = is_searched.then(|| personal_data(&text)).flatten() {
            return Err(Fault::PersonalData(found));
        }
        let (letters, code_points) = (text.graphemes(true).count(), text.chars().count());
        let is_long_enough = letters >= self.letters_min || (self.is_optional && letters == 0);
        if is_long_enough && letters <= self.letters_max && code_points <= self.code_points_max {
            return Ok(text);
        }
        Err(fault(letters, code_points))
    }
}

/// A free text as it is stored.
fn normal(declared: &str) -> String {
    declared.trim().nfc().collect()
}

/// The first forbidden character and the number of code points before it: invisible characters, bidirectional controls,
/// and code points without an agreed meaning.
fn first_misplaced(text: &str) -> Option<(usize, char)> {
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return None;
    }
    let characters: Vec<char> = text.chars().collect();
    let misplaced = |at: &usize| {
        let character = characters[*at];
        (is_invisible(character) && !is_within_emoji(&characters, *at)) || has_no_meaning(character)
    };
    (0..characters.len()).find(misplaced).map(|at| (at, characters[at]))
}

/// Whether a joiner or a presentation selector is part of an emoji.
fn is_within_emoji(characters: &[char], at: usize) -> bool {
    let before = &characters[..at];
    let next = characters.get(at + 1);
    match characters[at] {
        ZERO_WIDTH_JOINER => {
            // A presentation selector or a skin tone may come between.
            let base = before.iter().rev().find(|c| !PRESENTATIONS.contains(c) && !is_skin_tone(**c));
            base.is_some_and(|c| is_pictograph(*c)) && next.is_some_and(|c| is_pictograph(*c))
        }
        presentation if PRESENTATIONS.contains(&presentation) => before.last().is_some_and(|base| {
            if base.is_ascii() {
                // A digit, a number sign or an asterisk is an emoji only within its keycap.
                next == Some(&KEYCAP) && is_emoji(*base)
            } else {
                is_emoji(*base)
            }
        }),
        _ => false,
    }
}

fn is_emoji(c: char) -> bool {
    CodePointSetData::new::<Emoji>().contains(c)
}

fn is_pictograph(c: char) -> bool {
    CodePointSetData::new::<ExtendedPictographic>().contains(c)
}

fn is_skin_tone(c: char) -> bool {
    ('\u{1f3fb}'..='\u{1f3ff}').contains(&c)
}

/// Private use and unassigned code points. Pictographs may be newer than these tables and are allowed.
fn has_no_meaning(c: char) -> bool {
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    matches!(category, GeneralCategory::PrivateUse | GeneralCategory::Unassigned | GeneralCategory::Surrogate)
        && !is_pictograph(c)
}

impl Check<'_> {
    pub(super) fn annotation(&mut self, declared: &str) -> Option<Box<str>> {
        let current = self.current.map(|cra| &cra.annotation);
        if let Some(current) = current.filter(|text| ***text == *declared || *normal(declared) == ***text) {
            return Some(current.clone());
        }
        match FreeText::ANNOTATION.check(declared) {
            Ok(text) => Some(text.into()),
            Err(fault) => self.refuse("cra.annotation", fault),
        }
    }
}

/// Checks the reason of a correction or a withdrawal; returns it as it is stored.
pub fn check_reason(reason: &str) -> Result<String, Violation> {
    FreeText::REASON.check(reason).map_err(|fault| Violation { field: "reason".into(), fault })
}

/// Whether a recorded reason, perhaps older than a rule of today, equals this one.
#[must_use]
pub fn is_same_reason(recorded: &str, declared: &str) -> bool {
    recorded == declared.trim() || recorded == normal(declared)
}
