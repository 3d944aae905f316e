//! Themes, sub-themes, and occasionally an annotation.

use cra_domain::vocabulary::{SubTheme, Theme};

use super::audience::Audience;
use super::draw::{Draw, Weighted};

/// Weights of the next theme of a CRA. They differ from the shares of CRAs with a theme, because a CRA may have
/// several.
const THEMES: [Weighted<Theme>; 17] = [
    (Theme::Equipment, 320),
    (Theme::OnlineProcedures, 217),
    (Theme::Internet, 124),
    (Theme::Email, 90),
    (Theme::DigitalCulture, 42),
    (Theme::Employment, 38),
    (Theme::OfficeSoftware, 36),
    (Theme::DigitalContent, 34),
    (Theme::SocialExchange, 27),
    (Theme::Security, 25),
    (Theme::Health, 20),
    (Theme::DigitalDiagnosis, 18),
    (Theme::FraudAndHarassment, 11),
    (Theme::CaregiverSupport, 10),
    (Theme::Schooling, 7),
    (Theme::Budget, 6),
    (Theme::SmallBusiness, 4),
];

/// Annotations without personal data, 3 to 35 characters.
const ANNOTATIONS: [&str; 10] = [
    "Sauvegarde de photos",
    "Déclaration de revenus",
    "Imprimante en réseau",
    "Mise à jour du système",
    "Première connexion",
    "Double authentification",
    "Messagerie saturée",
    "Prise de rendez-vous en ligne",
    "Atelier intergénérationnel",
    "Transfert vers un nouveau téléphone",
];

/// One to six themes; the first one suits the audience.
pub(super) fn themes(audience: Audience, draw: &mut Draw) -> Vec<Theme> {
    let count = draw.pick(&[(1, 60), (2, 23), (3, 11), (4, 4), (5, 1), (6, 1)]);
    let mut themes = Vec::with_capacity(count);
    match audience {
        Audience::Pupils if draw.chance(600) => themes.push(Theme::Schooling),
        Audience::JobSeekers if draw.chance(600) => themes.push(Theme::Employment),
        _ => {}
    }
    while themes.len() < count {
        let weights = THEMES.iter().map(|(theme, weight)| {
            let chosen = themes.contains(theme);
            u64::from(if chosen { 0 } else { *weight })
        });
        themes.push(THEMES[draw.pick_index(weights)].0);
    }
    themes
}

/// Sub-themes for most of the themes that have any.
pub(super) fn sub_themes(themes: &[Theme], draw: &mut Draw) -> Vec<SubTheme> {
    let mut sub_themes = Vec::new();
    for theme in themes {
        let choices: &[Weighted<SubTheme>] = match theme {
            Theme::Equipment => &[
                (SubTheme::EquipmentComputer, 48),
                (SubTheme::EquipmentPhone, 39),
                (SubTheme::EquipmentTablet, 13),
            ],
            Theme::CaregiverSupport => &[
                (SubTheme::CaregiverRelative, 60),
                (SubTheme::CaregiverSocial, 28),
                (SubTheme::CaregiverTeacher, 12),
            ],
            Theme::OfficeSoftware => &[(SubTheme::OfficeSupplies, 1)],
            Theme::Health => &[(SubTheme::HealthEspaceSante, 1)],
            _ => continue,
        };
        if draw.chance(620) {
            sub_themes.push(draw.pick(choices));
        }
    }
    sub_themes
}

/// Usually empty.
pub(super) fn annotation(draw: &mut Draw) -> String {
    if draw.chance(40) { (*draw.one_of(&ANNOTATIONS)).to_owned() } else { String::new() }
}
