//! French names of the figures and dimensions, and what each figure means. Source: the definitions of the statistics.
//! Files, screens and pages use these texts.

use cra_contracts::v1;

/// The meaning of one figure, or of all lines of one section.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// Section of the file, as in the CSV.
    pub section: &'static str,
    /// Code of the figure; empty for all lines of the section.
    pub code: &'static str,
    /// French label.
    pub label: &'static str,
    /// What the figure counts.
    pub meaning: &'static str,
}

impl Definition {
    /// French name of the section.
    #[must_use]
    pub fn rubric(&self) -> &'static str {
        let title = RUBRICS.iter().find(|(section, _)| *section == self.section);
        title.map_or("Conventions", |(_, title)| title)
    }

    /// Section and code, as the CSV writes them.
    #[must_use]
    pub fn path(&self) -> String {
        let parts = [self.section, self.code];
        let present: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        present.join(" / ")
    }
}

/// French names of the sections; each names a sheet of the workbook.
pub const RUBRICS: [(&str, &str); 14] = [
    ("headline", "Chiffres clés"),
    ("follow_up", "Suites envisagées"),
    ("channels", "Canaux"),
    ("activities", "Activités"),
    ("themes", "Thématiques"),
    ("sub_themes", "Sous-thématiques"),
    ("durations", "Durées"),
    ("ages", "Âges"),
    ("statuses", "Statuts"),
    ("redirections", "Redirections"),
    ("time_spent", "Temps passé"),
    ("time_spent_minimum", "Temps minimum"),
    ("time_spent_maximum", "Temps maximum"),
    ("entry_delay", "Délai de saisie"),
];

const fn of(
    section: &'static str,
    code: &'static str,
    label: &'static str,
    meaning: &'static str,
) -> Definition {
    Definition { section, code, label, meaning }
}

/// Every figure of the statistics.
pub const DEFINITIONS: &[Definition] = &[
    of(
        "headline",
        "cras",
        "CRA enregistrés",
        "Nombre de comptes-rendus en vigueur qui répondent à la sélection. Un compte-rendu corrigé compte une fois, \
         avec son dernier contenu ; un compte-rendu retiré ne compte pas.",
    ),
    of(
        "headline",
        "acts",
        "Accompagnements",
        "Somme des participants, personnes déjà accompagnées comprises.",
    ),
    of("headline", "people", "Personnes accompagnées", "Accompagnements moins personnes déjà accompagnées."),
    of(
        "headline",
        "returning_people",
        "Personnes déjà accompagnées",
        "Somme des participants récurrents : les personnes rencontrées auparavant.",
    ),
    of("headline", "workshops", "Ateliers collectifs", "Nombre de comptes-rendus d'atelier collectif."),
    of(
        "headline",
        "workshop_participants",
        "Participants aux ateliers",
        "Somme des participants aux ateliers.",
    ),
    of(
        "headline",
        "individual_supports",
        "Accompagnements individuels",
        "Nombre de comptes-rendus d'accompagnement individuel.",
    ),
    of(
        "headline",
        "one_off_requests",
        "Demandes ponctuelles",
        "Nombre de comptes-rendus de demande ponctuelle.",
    ),
    of(
        "headline",
        "workshops_with_defaulted_participants",
        "Ateliers dont les 5 participants sont la valeur par défaut",
        "Ateliers dont le nombre de participants n'a pas été saisi : le formulaire en a compté 5.",
    ),
    of(
        "follow_up",
        "individual",
        "Accompagnement individuel",
        "Personnes qui seront revues individuellement.",
    ),
    of("follow_up", "workshop", "Atelier", "Personnes qui viendront à un atelier."),
    of("follow_up", "redirected", "Redirection", "Personnes orientées vers une autre structure."),
    of("follow_up", "total", "Total", "Somme des trois suites."),
    of(
        "follow_up",
        "rate",
        "Part des accompagnements avec une suite",
        "Total des suites rapporté aux accompagnements, arrondi au millième le plus proche ; 0 sans accompagnement.",
    ),
    of("channels", "", "Canaux", "Comptes-rendus par canal ; parts des comptes-rendus."),
    of("activities", "", "Activités", "Comptes-rendus par type d'activité ; parts des comptes-rendus."),
    of(
        "themes",
        "",
        "Thématiques",
        "Comptes-rendus par thématique : un compte-rendu compte dans chacune des siennes ; parts des mentions.",
    ),
    of("sub_themes", "", "Sous-thématiques", "Comptes-rendus par sous-thématique ; parts des mentions."),
    of(
        "durations",
        "",
        "Durées",
        "Comptes-rendus par durée ; parts des comptes-rendus. Une durée précisée en minutes compte de 1 à 2h \
         au-dessous de 120 minutes, sinon 2h ou plus.",
    ),
    of(
        "ages",
        "",
        "Âges",
        "Participants par tranche d'âge ; parts des accompagnements. Ceux que d'anciens formulaires n'ont pas \
         répartis sont « Non renseigné ».",
    ),
    of(
        "statuses",
        "",
        "Statuts",
        "Participants par statut ; parts des accompagnements. Ceux que d'anciens formulaires n'ont pas répartis sont \
         « Non renseigné ».",
    ),
    of(
        "redirections",
        "",
        "Redirections",
        "Personnes orientées par structure, la plus fréquente d'abord. À égalité, dans \
         l'ordre alphabétique. Les noms libres sont réunis sans tenir compte de la casse, des accents, des espaces, des \
         traits d'union ni des apostrophes.",
    ),
    of(
        "time_spent",
        "",
        "Temps passé",
        "Minutes estimées par type d'activité, selon la convention des statistiques officielles : 30 pour « 30 min. ou \
         moins », 60 pour « 30 min. à 1h » et pour « 1h ou plus » sans précision, sinon les minutes saisies.",
    ),
    of(
        "time_spent_minimum",
        "",
        "Temps minimum",
        "Borne basse des durées déclarées, en minutes : 0, 30, 60, ou les minutes saisies.",
    ),
    of(
        "time_spent_maximum",
        "",
        "Temps maximum",
        "Borne haute des durées déclarées, en minutes : 30, 60, 480 pour une durée sans précision, ou les minutes \
         saisies.",
    ),
    of(
        "entry_delay",
        "median_days",
        "Délai médian en jours",
        "Jours entre l'activité et sa saisie : la moitié des comptes-rendus au plus (rang le plus proche).",
    ),
    of(
        "entry_delay",
        "p90_days",
        "Délai de 9 CRA sur 10 en jours",
        "Jours entre l'activité et sa saisie : 9 comptes-rendus sur 10 au plus (rang le plus proche).",
    ),
    of("entry_delay", "same_day", "CRA saisis le jour même", "Comptes-rendus saisis le jour de l'activité."),
    of(
        "",
        "part",
        "Parts",
        "Au millième, par la méthode des plus forts restes : les parts d'une liste font 100,0 % exactement.",
    ),
];

/// The definition of a figure; with an empty code, of all lines of a section.
#[must_use]
pub fn definition(section: &str, code: &str) -> Option<&'static Definition> {
    DEFINITIONS.iter().find(|it| it.section == section && it.code == code)
}

/// French name of a section; empty for an unknown section.
#[must_use]
pub fn rubric(section: &str) -> &'static str {
    RUBRICS.iter().find(|(known, _)| *known == section).map_or("", |(_, title)| title)
}

/// French name of a dimension, as a heading.
#[must_use]
pub fn heading(dimension: v1::Dimension) -> &'static str {
    use v1::Dimension;
    match dimension {
        Dimension::Region => "Région",
        Dimension::Department => "Département",
        Dimension::Epci => "EPCI",
        Dimension::Commune => "Commune",
        Dimension::PostalCode => "Code postal",
        Dimension::Structure => "Structure",
        Dimension::Advisor => "Conseiller",
        Dimension::Channel => "Canal",
        Dimension::Activity => "Type d'activité",
        Dimension::Theme => "Thématique",
        Dimension::SubTheme => "Sous-thématique",
        Dimension::Duration => "Durée",
        Dimension::Age => "Tranche d'âge",
        Dimension::Status => "Statut",
        Dimension::Month => "Mois",
        Dimension::Weekday => "Jour de la semaine",
        Dimension::Venue => "Lieu d'activité",
        Dimension::Unspecified => "Dimension",
    }
}
