//! Organisations that people are sent to.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::{PastLabel, Word, words};
use crate::spelling;

words! {
    /// Destination of a redirection. The old data contains the label itself.
    Organisation, "ORGANISATION_" {
        /// Agence nationale des titres sécurisés.
        Ants = 1: Term::new("ORGANISATION_ANTS", "ANTS", "ANTS").help(
            "Agence nationale des titres sécurisés.",
        ),
        /// Social worker.
        AssistanteSociale = 2: Term::new("ORGANISATION_ASSISTANTE_SOCIALE", "Assistante sociale", "Assistante sociale"),
        /// Caisse d'allocations familiales.
        Caf = 3: Term::new("ORGANISATION_CAF", "CAF", "CAF").help(
            "Caisse d'allocations familiales.",
        ),
        /// Caisse d'assurance retraite et de la santé au travail.
        Carsat = 4: Term::new("ORGANISATION_CARSAT", "CARSAT", "CARSAT").help(
            "Caisse d'assurance retraite et de la santé au travail.",
        ),
        /// Centre communal d'action sociale.
        Ccas = 5: Term::new("ORGANISATION_CCAS", "CCAS", "CCAS").help(
            "Centre communal d'action sociale.",
        ),
        /// Named as in the old data.
        Cefs = 6: Term::new("ORGANISATION_CEFS", "CEFS", "CEFS"),
        /// Named as in the old data.
        Cip = 7: Term::new("ORGANISATION_CIP", "CIP", "CIP"),
        /// Caisse primaire d'assurance maladie.
        Cpam = 8: Term::new("ORGANISATION_CPAM", "CPAM", "CPAM").help(
            "Caisse primaire d'assurance maladie.",
        ),
        /// Direction générale des finances publiques.
        Dgfip = 9: Term::new("ORGANISATION_DGFIP", "DGFIP", "DGFIP").help(
            "Direction générale des finances publiques.",
        ),
        /// France Services.
        FranceServices = 10: Term::new("ORGANISATION_FRANCE_SERVICES", "France Services", "France Services"),
        /// Town hall.
        Mairie = 11: Term::new("ORGANISATION_MAIRIE", "Mairie", "Mairie"),
        /// Library.
        Mediatheque = 12: Term::new("ORGANISATION_MEDIATHEQUE", "Médiathèque", "Médiathèque"),
        /// Youth employment centre.
        MissionLocale = 13: Term::new("ORGANISATION_MISSION_LOCALE", "Mission locale", "Mission locale"),
        /// National employment agency, Pôle emploi until 2023.
        PoleEmploi = 14: Term::new("ORGANISATION_POLE_EMPLOI", "Pôle emploi", "France Travail").help(
            "L'opérateur public de l'emploi, nommé Pôle emploi jusqu'à la fin de 2023.",
        )
            .slugs(&["France Travail"])
            .formerly(&[PastLabel { label: "Pôle emploi", until: "2023-12-31" }]),
        /// Prefecture.
        Prefecture = 15: Term::new("ORGANISATION_PREFECTURE", "Préfecture", "Préfecture"),
        /// Sub-prefecture.
        SousPrefecture = 16: Term::new("ORGANISATION_SOUS_PREFECTURE", "Sous-préfecture", "Sous-préfecture"),
        /// Police.
        ServiceDePolice = 17: Term::new("ORGANISATION_SERVICE_DE_POLICE", "Service de police", "Service de police"),
        /// Gendarmerie.
        Gendarmerie = 18: Term::new("ORGANISATION_GENDARMERIE", "Gendarmerie", "Gendarmerie"),
        /// Computer shop.
        RevendeurInformatique = 19: Term::new(
            "ORGANISATION_REVENDEUR_INFORMATIQUE",
            "Revendeur informatique",
            "Revendeur informatique",
        ),
        /// Shared workshop.
        TiersLieuFablab = 20: Term::new(
            "ORGANISATION_TIERS_LIEU_FABLAB",
            "Tiers-lieu / Fablab",
            "Tiers-lieu / Fablab",
        ),
    }
}

impl Organisation {
    /// The organisation that a free name means, in any spelling: by its label, today's or a past one, or by its slug.
    #[must_use]
    pub fn recognise(name: &str) -> Option<Self> {
        Self::of_key(&spelling::key(name))
    }

    /// The organisation with this spelling-insensitive key.
    pub(crate) fn of_key(key: &str) -> Option<Self> {
        // Built once: every spelling in every answer is looked up here.
        static BY_KEY: LazyLock<HashMap<String, Organisation>> = LazyLock::new(|| {
            let names = |organisation: Organisation| {
                let term = organisation.term();
                let past = term.past_labels.iter().map(|past| past.label);
                [term.label, term.slug].into_iter().chain(past).chain(term.former_slugs.iter().copied())
            };
            let each = Organisation::ALL.iter().copied();
            each.flat_map(|it| names(it).map(move |name| (spelling::key(name), it))).collect()
        });
        BY_KEY.get(key).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn france_travail_is_known_by_both_names_in_any_spelling() {
        for name in [
            "France Travail",
            "FRANCE-TRAVAIL",
            "Pôle emploi",
            "Pôle-emploi",
            "pole  emploi",
            "PÔLE\u{200b}EMPLOI",
        ] {
            assert_eq!(Organisation::recognise(name), Some(Organisation::PoleEmploi), "{name}");
        }
        assert_eq!(Organisation::PoleEmploi.term().label, "France Travail");
        assert_eq!(Organisation::recognise("France Services"), Some(Organisation::FranceServices));
        assert_eq!(Organisation::recognise("tiers lieu/fablab"), Some(Organisation::TiersLieuFablab));
        assert_eq!(Organisation::recognise("tiers lieu fablab"), None, "the slash is part of the name");
        assert_eq!(Organisation::recognise("Sous préfecture"), Some(Organisation::SousPrefecture));
    }

    #[test]
    fn no_two_organisations_share_a_name() {
        for organisation in Organisation::ALL {
            assert_eq!(Organisation::recognise(organisation.term().label), Some(*organisation));
            assert_eq!(Organisation::recognise(organisation.term().slug), Some(*organisation));
        }
    }
}
