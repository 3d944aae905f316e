//! Closed lists of queries other than the selection: dimensions, measures, periods, contents and formats of the
//! contract, and sort keys. A test checks that no value of the contract is missing.

use std::borrow::Cow;

use cra_contracts::v1;

use super::Choice;

/// Declares the choices of an enum of the contract, in its order, each with its French words.
macro_rules! choices {
    ($($list:ident, $prefix:literal { $($value:ident: $($french:literal)|*,)+ })+) => {
        $(impl Choice for v1::$list {
            const PREFIX: &str = $prefix;

            fn all() -> &'static [Self] {
                &[$(Self::$value),+]
            }

            fn name(self) -> &'static str {
                self.as_str_name()
            }

            fn french(self) -> Cow<'static, [&'static str]> {
                match self {
                    $(Self::$value => Cow::Borrowed(&[$($french),*]),)+
                    Self::Unspecified => Cow::Borrowed(&[]),
                }
            }
        })+
    };
}

choices! {
    Dimension, "DIMENSION_" {
        Region: "région" | "régions",
        Department: "département" | "départements",
        Epci: "intercommunalité" | "intercommunalités",
        Commune: "commune" | "communes",
        PostalCode: "code postal" | "codes postaux",
        Structure: "structure" | "structures",
        Advisor: "conseiller" | "conseillers" | "conseiller numérique",
        Channel: "canal" | "canaux",
        Activity: "type d'activité" | "activité" | "activités",
        Theme: "thématique" | "thématiques" | "thème",
        SubTheme: "sous-thématique" | "sous-thématiques" | "sous-thème",
        Duration: "durée" | "durées",
        Age: "tranche d'âge" | "tranches d'âge" | "âge",
        Status: "statut" | "statuts",
        Month: "mois",
        Weekday: "jour de la semaine" | "jour",
        Venue: "lieu d'activité" | "lieu" | "lieux",
    }
    Measure, "MEASURE_" {
        Cras: "comptes-rendus" | "CRA" | "CRA enregistrés",
        Acts: "accompagnements",
        People: "personnes" | "personnes accompagnées",
        EstimatedMinutes: "temps estimé" | "minutes",
    }
    Granularity, "GRANULARITY_" {
        Day: "jour" | "jours",
        Week: "semaine" | "semaines",
        Month: "mois",
        Quarter: "trimestre" | "trimestres",
        Year: "année" | "années" | "an",
    }
    ExportContent, "EXPORT_CONTENT_" {
        Statistics: "statistiques",
        Cras: "comptes-rendus" | "CRA",
        Breakdown: "répartition",
        Series: "série",
        CraThemes: "thématiques" | "thèmes",
        CraAges: "âges" | "tranches d'âge",
        CraStatuses: "statuts" | "statuses",
        CraOrganisations: "organismes" | "organisations",
    }
    ExportFormat, "EXPORT_FORMAT_" {
        Csv:,
        Xlsx: "Excel",
        Ndjson:,
        Parquet:,
    }
}

/// Sort key of a breakdown: a word of `ListBreakdownRequest.order_by`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SortKey(&'static str, &'static [&'static str]);

impl Choice for SortKey {
    const PREFIX: &str = "";

    fn all() -> &'static [Self] {
        &[
            Self("cras", &["CRA"]),
            Self("acts", &["accompagnements"]),
            Self("people", &["personnes"]),
            Self("returning_people", &["personnes déjà accompagnées"]),
            Self("workshops", &["ateliers"]),
            Self("workshop_participants", &["participants"]),
            Self("individual_supports", &["individuels"]),
            Self("one_off_requests", &["ponctuels"]),
            Self("workshops_with_defaulted_participants", &["ateliers par défaut"]),
            Self("follow_up", &["suites"]),
            Self("redirected", &["redirections"]),
            Self("estimated_minutes", &["temps estimé"]),
            Self("last_date", &["dernier jour"]),
            Self("last_recorded_at", &["dernière saisie"]),
            Self("name", &["nom"]),
            Self("code", &[]),
        ]
    }

    fn name(self) -> &'static str {
        self.0
    }

    fn french(self) -> Cow<'static, [&'static str]> {
        Cow::Borrowed(self.1)
    }
}
