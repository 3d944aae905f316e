//! Organisations that people are sent to.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::{Word, words};
use crate::spelling;

words! {
    /// Structure of a redirection. The old data wrote the label itself.
    Organisation {
        /// Agence nationale des titres sécurisés.
        Ants = 1: Term::new("ORGANISATION_ANTS", "ANTS", "ANTS"),
        /// Social worker.
        AssistanteSociale = 2: Term::new("ORGANISATION_ASSISTANTE_SOCIALE", "Assistante sociale", "Assistante sociale"),
        /// Caisse d'allocations familiales.
        Caf = 3: Term::new("ORGANISATION_CAF", "CAF", "CAF"),
        /// Caisse d'assurance retraite et de la santé au travail.
        Carsat = 4: Term::new("ORGANISATION_CARSAT", "CARSAT", "CARSAT"),
        /// Centre communal d'action sociale.
        Ccas = 5: Term::new("ORGANISATION_CCAS", "CCAS", "CCAS"),
        /// As the old data names it.
        Cefs = 6: Term::new("ORGANISATION_CEFS", "CEFS", "CEFS"),
        /// As the old data names it.
        Cip = 7: Term::new("ORGANISATION_CIP", "CIP", "CIP"),
        /// Caisse primaire d'assurance maladie.
        Cpam = 8: Term::new("ORGANISATION_CPAM", "CPAM", "CPAM"),
        /// Direction générale des finances publiques.
        Dgfip = 9: Term::new("ORGANISATION_DGFIP", "DGFIP", "DGFIP"),
        /// France Services.
        FranceServices = 10: Term::new("ORGANISATION_FRANCE_SERVICES", "France Services", "France Services"),
        /// Town hall.
        Mairie = 11: Term::new("ORGANISATION_MAIRIE", "Mairie", "Mairie"),
        /// Library.
        Mediatheque = 12: Term::new("ORGANISATION_MEDIATHEQUE", "Médiathèque", "Médiathèque"),
        /// Youth employment centre.
        MissionLocale = 13: Term::new("ORGANISATION_MISSION_LOCALE", "Mission locale", "Mission locale"),
        /// National employment agency.
        PoleEmploi = 14: Term::new("ORGANISATION_POLE_EMPLOI", "Pôle emploi", "Pôle emploi"),
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
    /// The organisation that a free name means, whatever its case, accents and spaces.
    #[must_use]
    pub fn recognise(name: &str) -> Option<Self> {
        // Asked for every spelling of every answer: the labels' own keys are made once.
        static BY_KEY: LazyLock<HashMap<String, Organisation>> = LazyLock::new(|| {
            let keys = Organisation::ALL.iter().map(|organisation| spelling::key(organisation.term().label));
            keys.zip(Organisation::ALL.iter().copied()).collect()
        });
        BY_KEY.get(&spelling::key(name)).copied()
    }
}
