//! Themes and sub-themes.

use super::*;

const EMAIL: i32 = v1::Theme::Email as i32;
const HEALTH: i32 = v1::Theme::Health as i32;
const ESPACE_SANTE: i32 = v1::SubTheme::HealthEspaceSante as i32;

fn about(themes: &[i32], sub_themes: &[i32]) -> v1::Cra {
    form_with(|form| (form.themes, form.sub_themes) = (themes.to_vec(), sub_themes.to_vec()))
}

#[test]
fn there_is_at_least_one_theme() {
    refused(&about(&[], &[]), &[("cra.themes", "REQUIRED")]);
}

#[test]
fn a_theme_is_known_open_and_not_repeated() {
    let open: Vec<i32> = (1..=19).filter(|n| ![4, 19].contains(n)).collect();
    assert_eq!(cra_of(&about(&open, &[])).themes.len(), 17);
    for closed in [v1::Theme::Smartphone as i32, v1::Theme::Other as i32] {
        refused(&about(&[EMAIL, closed], &[]), &[("cra.themes[1]", "THEME_CLOSED")]);
    }
    for unknown in [-1, 0, 20] {
        refused(&about(&[unknown, EMAIL], &[]), &[("cra.themes[0]", "UNKNOWN_VALUE")]);
    }
    refused(&about(&[EMAIL, HEALTH, EMAIL], &[]), &[("cra.themes[2]", "DUPLICATE")]);
}

#[test]
fn themes_keep_the_order_of_the_form() {
    let form = about(&[HEALTH, EMAIL], &[]);
    assert_eq!(cra_of(&form).to_message().themes, [HEALTH, EMAIL]);
}

#[test]
fn a_sub_theme_is_known_goes_with_its_theme_and_is_not_repeated() {
    accepted(&about(&[HEALTH], &[ESPACE_SANTE]));
    for unknown in [-1, 0, 9] {
        refused(&about(&[HEALTH], &[ESPACE_SANTE, unknown]), &[("cra.sub_themes[1]", "UNKNOWN_VALUE")]);
    }
    let violations =
        refused(&about(&[EMAIL], &[ESPACE_SANTE]), &[("cra.sub_themes[0]", "SUB_THEME_WITHOUT_THEME")]);
    assert!(violations[0].fault.message_fr().contains("Santé"), "{violations:?}");
    refused(&about(&[HEALTH], &[ESPACE_SANTE, ESPACE_SANTE]), &[("cra.sub_themes[1]", "DUPLICATE")]);
}

#[test]
fn every_sub_theme_goes_with_one_theme() {
    let themes = [
        v1::Theme::Equipment,
        v1::Theme::Equipment,
        v1::Theme::Equipment,
        v1::Theme::CaregiverSupport,
        v1::Theme::CaregiverSupport,
        v1::Theme::CaregiverSupport,
        v1::Theme::OfficeSoftware,
        v1::Theme::Health,
    ];
    for (sub_theme, theme) in (1..).zip(themes) {
        accepted(&about(&[theme as i32], &[sub_theme]));
        refused(&about(&[EMAIL], &[sub_theme]), &[("cra.sub_themes[0]", "SUB_THEME_WITHOUT_THEME")]);
    }
}

#[test]
fn a_sub_theme_is_not_judged_if_a_theme_is_missing_or_unknown() {
    refused(&about(&[], &[ESPACE_SANTE]), &[("cra.themes", "REQUIRED")]);
    refused(&about(&[EMAIL, 99], &[ESPACE_SANTE]), &[("cra.themes[1]", "UNKNOWN_VALUE")]);
    // Other faults are still reported.
    let expected = [
        ("cra.themes", "REQUIRED"),
        ("cra.sub_themes[1]", "DUPLICATE"),
        ("cra.sub_themes[2]", "UNKNOWN_VALUE"),
    ];
    refused(&about(&[], &[ESPACE_SANTE, ESPACE_SANTE, 99]), &expected);
}
