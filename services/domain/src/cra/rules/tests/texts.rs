//! The free precision of the theme, and free names of organisations.

use super::*;

fn annotated(text: &str) -> v1::Cra {
    given(|form| form.annotation = text.into())
}

#[test]
fn an_annotation_is_empty_or_has_3_to_35_characters_once_trimmed() {
    for (right, stored) in [("", ""), ("   ", ""), ("été", "été"), (" \tcaf ameli\n", "caf ameli")] {
        assert_eq!(*cra_of(&annotated(right)).annotation, *stored);
    }
    assert_eq!(*cra_of(&annotated(&format!("  {} ", "é".repeat(35)))).annotation, *"é".repeat(35));
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

#[test]
fn a_free_text_that_looks_like_data_of_a_person_is_refused() {
    for wrong in ["jean@orange.fr", "rappeler le 06 12 34 56 78", "nir 1851275123456"] {
        refused(&annotated(wrong), &[("cra.annotation", "TEXT_INVALID")]);
        let redirection = v1::Redirection {
            organisation: Some(v1::redirection::Organisation::Other(wrong.into())),
            people: 1,
        };
        let follow_up = v1::FollowUp { redirections: vec![redirection], ..v1::FollowUp::default() };
        let form = given(|form| form.follow_up = Some(follow_up));
        refused(&form, &[("cra.follow_up.redirections[0].other", "TEXT_INVALID")]);
    }
    for right in ["3 personnes le 12/05", "salle 12", "ameli.fr", "09:30-10:30, 2024"] {
        assert_eq!(*cra_of(&annotated(right)).annotation, *right);
    }
}
