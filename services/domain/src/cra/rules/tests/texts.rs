//! The free precision of the theme.

use super::*;

fn annotated(text: &str) -> v1::Cra {
    given(|form| form.annotation = text.into())
}

#[test]
fn an_annotation_is_empty_or_has_3_to_35_characters_once_trimmed() {
    for (right, stored) in [("", ""), ("   ", ""), ("été", "été"), (" \tcaf ameli\n", "caf ameli")] {
        assert_eq!(cra_of(&annotated(right)).annotation, stored);
    }
    assert_eq!(cra_of(&annotated(&format!("  {} ", "é".repeat(35)))).annotation, "é".repeat(35));
    for wrong in ["a", "ab", " ab ", &"é".repeat(36)] {
        refused(&annotated(wrong), &[("cra.annotation", "ANNOTATION_LENGTH")]);
    }
}

#[test]
fn an_annotation_has_no_control_character() {
    for wrong in ["caf\0ameli", "caf\nameli", "caf\tameli", "caf\u{85}ameli"] {
        refused(&annotated(wrong), &[("cra.annotation", "TEXT_INVALID")]);
    }
}
