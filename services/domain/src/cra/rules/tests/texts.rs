//! The annotation, and free names of organisations.

use super::*;

fn annotated(text: &str) -> v1::Cra {
    form_with(|form| form.annotation = text.into())
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
    for wrong in ["caf\0ameli", "caf\nameli", "caf\tameli", "caf\u{85}ameli", "\u{7}"] {
        refused(&annotated(wrong), &[("cra.annotation", "TEXT_INVALID")]);
    }
}

#[test]
fn a_text_is_stored_in_its_composed_form_and_counted_in_letters() {
    let decomposed = "e\u{301}".repeat(20);
    assert_eq!(*cra_of(&annotated(&decomposed)).annotation, *"é".repeat(20));
    // 35 letters of two code points each, which no composed form shortens.
    let flags = "🇫🇷".repeat(35);
    assert_eq!(*cra_of(&annotated(&flags)).annotation, *flags);
    let family = "👨\u{200d}👩\u{200d}👧\u{200d}👦";
    assert_eq!(*cra_of(&annotated(&family.repeat(3))).annotation, *family.repeat(3));
    refused(&annotated(&family.repeat(2)), &[("cra.annotation", "ANNOTATION_LENGTH")]);
    let too_many_code_points = family.repeat(21);
    refused(&annotated(&too_many_code_points), &[("cra.annotation", "ANNOTATION_LENGTH")]);
    refused(&annotated(&format!("abc{}", "\u{301}".repeat(139))), &[("cra.annotation", "ANNOTATION_LENGTH")]);
}

/// Texts with invisible characters, bidirectional controls or unassigned code points.
const MISLEADING: [&str; 22] = [
    "\u{200b}\u{200b}\u{200b}",
    "a\u{202e}bc",
    "mots\u{200b}de passe",
    "mots\u{200c}de passe",
    "mots\u{200d}de passe",
    "\u{feff}mots de passe",
    "mots\u{ad}de passe",
    "mots\u{2060}de passe",
    "\u{2066}mots\u{2069} de passe",
    "mots\u{200f} de passe",
    "mots\u{61c} de passe",
    "mots \u{e0041}\u{e0042} de passe",
    "mots\u{fe0f} de passe",
    "1\u{fe0f} mot",
    "mots\u{e0101} de passe",
    "mots\u{3164} de passe",
    "mots \u{2800} de passe",
    "mots\u{2028}de passe",
    "mots \u{e000} de passe",
    "mots \u{378} de passe",
    "👍\u{200d} mots",
    "\u{200d}👍 mots",
];

#[test]
fn invisible_bidirectional_and_unassigned_characters_are_refused_as_the_only_fault() {
    for wrong in MISLEADING {
        refused(&annotated(wrong), &[("cra.annotation", "TEXT_INVALID")]);
        let violation = super::super::check_reason(wrong).unwrap_err();
        assert_eq!(violation.fault.reason(), "TEXT_INVALID", "{wrong:?}");
        let other = v1::redirection::Organisation::Other(wrong.into());
        let redirections = vec![v1::Redirection { organisation: Some(other), people: 1 }];
        let form =
            form_with(|form| form.follow_up = Some(v1::FollowUp { redirections, ..Default::default() }));
        refused(&form, &[("cra.follow_up.redirections[0].other", "TEXT_INVALID")]);
        refused(&annotated(&wrong.repeat(40)), &[("cra.annotation", "TEXT_INVALID")]);
    }
    for right in [
        "ateliers 👍🏽 ❤\u{fe0f}",
        "☎\u{fe0e} et 1\u{fe0f}\u{20e3}",
        "👩🏽\u{200d}💻 en ligne",
        "🏳\u{fe0f}\u{200d}🌈 asso",
        "L’été — « cœur »…",
        "10\u{a0}% de plus",
        "n° 2 à 3 €",
        "Ελληνικά, العربية, 日本語",
    ] {
        assert_eq!(*cra_of(&annotated(right)).annotation, *right);
    }
}

#[test]
fn a_reason_has_the_rules_of_an_annotation() {
    let reason = |text: &str| super::super::check_reason(text).map_err(|violation| violation.fault.reason());
    assert_eq!(reason(" e\u{301}te\u{301} ").unwrap(), "été");
    assert_eq!(reason(&"👍🏽".repeat(500)).unwrap().chars().count(), 1_000);
    assert_eq!(reason("rappeler le 06 12 34 56 78"), Err("TEXT_INVALID"));
    assert_eq!(reason("saisi\ndeux fois"), Err("TEXT_INVALID"));
    assert_eq!(reason(&"é".repeat(501)), Err("REASON_LENGTH"));
    assert_eq!(reason(&"👨\u{200d}👩\u{200d}👧\u{200d}👦".repeat(400)), Err("REASON_LENGTH"));
}

#[test]
fn a_free_text_that_looks_like_personal_data_is_refused() {
    for wrong in ["jean@orange.fr", "rappeler le 06 12 34 56 78", "nir 1851275123456"] {
        refused(&annotated(wrong), &[("cra.annotation", "TEXT_INVALID")]);
        let redirection = v1::Redirection {
            organisation: Some(v1::redirection::Organisation::Other(wrong.into())),
            people: 1,
        };
        let follow_up = v1::FollowUp { redirections: vec![redirection], ..v1::FollowUp::default() };
        let form = form_with(|form| form.follow_up = Some(follow_up));
        refused(&form, &[("cra.follow_up.redirections[0].other", "TEXT_INVALID")]);
    }
    for right in ["3 personnes le 12/05", "salle 12", "ameli.fr", "09:30-10:30, 2024"] {
        assert_eq!(*cra_of(&annotated(right)).annotation, *right);
    }
}
