//! Themes and sub-themes.

use super::{PastLabel, words};

/// Last day of the labels of the first form.
const FIRST_FORM: &str = "2022-03-10";

const fn until_first_form(label: &'static str) -> PastLabel {
    PastLabel { label, until: FIRST_FORM }
}

words! {
    /// Thématique d'accompagnement.
    Theme, "THEME_" {
        /// Getting to grips with a device.
        Equipment = 1: Term::new("THEME_EQUIPMENT", "equipement informatique", "Prendre en main du matériel").help(
            "Allumer, régler et utiliser un ordinateur, une tablette ou un téléphone : clavier, souris, \
             écran tactile, branchements.",
        )
            .formerly(&[
                until_first_form("Prendre en main un équipement informatique"),
                PastLabel { label: "Prendre en main un équipement", until: "2022-05-09" },
            ]),
        /// Browsing the Internet.
        Internet = 2: Term::new("THEME_INTERNET", "internet", "Naviguer sur Internet").help(
            "Utiliser un navigateur, faire une recherche, se repérer sur un site.",
        ),
        /// E-mail.
        Email = 3: Term::new("THEME_EMAIL", "courriel", "Courriels").help(
            "Créer une adresse, écrire, recevoir et classer ses courriels, joindre un fichier.",
        )
            .formerly(&[until_first_form("Envoyer, recevoir, gérer ses courriels")]),
        /// Smartphone applications; first form only.
        Smartphone = 4: Term::new("THEME_SMARTPHONE", "smartphone", "Applications smartphone").help(
            "Thématique du premier formulaire, fermée depuis : elle ne se choisit plus.",
        ).closed(),
        /// Managing digital content.
        DigitalContent = 5: Term::new(
            "THEME_DIGITAL_CONTENT",
            "contenus numeriques",
            "Gestion de contenus numériques",
        ).help(
            "Créer, classer, retrouver, envoyer ou partager des photos, des vidéos et des documents.",
        )
        .formerly(&[until_first_form("Créer et gérer ses contenus numériques")]),
        /// Digital culture.
        DigitalCulture = 6: Term::new("THEME_DIGITAL_CULTURE", "vocabulaire", "Culture numérique").help(
            "Comprendre le vocabulaire, les usages et les enjeux du numérique.",
        ).formerly(&[
            until_first_form("Connaître l'environnement et le vocabulaire numérique"),
            PastLabel { label: "Connaître le vocabulaire numérique", until: "2022-05-09" },
        ]),
        /// Word processing and spreadsheets.
        OfficeSoftware = 7: Term::new("THEME_OFFICE_SOFTWARE", "traitement texte", "Bureautique").help(
            "Traitement de texte, tableur, présentation. Pour une impression ou une numérisation, \
             choisissez aussi la précision « Fourniture ».",
        )
            .formerly(&[until_first_form("Apprendre les bases du traitement de texte")]),
        /// Keeping in touch.
        SocialExchange = 8: Term::new("THEME_SOCIAL_EXCHANGE", "echanger", "Échanger avec ses proches").help(
            "Messageries, appels vidéo et réseaux sociaux pour garder le lien avec ses proches.",
        ),
        /// Work and training.
        Employment = 9: Term::new("THEME_EMPLOYMENT", "trouver emploi", "Emploi et formation").help(
            "Chercher un emploi ou une formation en ligne : CV, candidature, inscription, espace \
             personnel.",
        ).formerly(&[
            PastLabel { label: "Trouver un emploi ou une formation", until: "2023-02-10" },
        ]),
        /// Helping those who help others.
        CaregiverSupport = 10: Term::new("THEME_CAREGIVER_SUPPORT", "accompagner enfant", "Accompagner un aidant").help(
            "Aider une personne qui en accompagne une autre avec le numérique : parent ou proche, \
             travailleur social, enseignant.",
        )
            .formerly(&[until_first_form("Accompagner son enfant")]),
        /// Small businesses.
        SmallBusiness = 11: Term::new("THEME_SMALL_BUSINESS", "tpe/pme", "Numérique et TPE/PME").help(
            "Accompagner une très petite, petite ou moyenne entreprise dans ses usages du numérique.",
        ).formerly(&[
            until_first_form("Comprendre ce que le numérique peut apporter à sa TPE/PME"),
        ]),
        /// Online procedures.
        OnlineProcedures = 12: Term::new("THEME_ONLINE_PROCEDURES", "demarche en ligne", "Démarche en ligne").help(
            "Faire une démarche administrative en ligne, ou apprendre à la faire : compte, formulaire, \
             pièces à joindre, suivi.",
        )
            .formerly(&[until_first_form("Réaliser une démarche en ligne")]),
        /// Securing a device.
        Security = 13: Term::new("THEME_SECURITY", "securite", "Sécuriser un équipement").help(
            "Protéger un équipement et ses données : mots de passe, mises à jour, sauvegardes, antivirus.",
        ),
        /// Fraud and harassment.
        FraudAndHarassment = 14: Term::new(
            "THEME_FRAUD_AND_HARASSMENT",
            "fraude et harcelement",
            "Fraude et harcèlement",
        ).help(
            "Reconnaître une arnaque, un hameçonnage ou un harcèlement en ligne, s'en protéger et réagir.",
        ),
        /// Health.
        Health = 15: Term::new("THEME_HEALTH", "sante", "Santé").help(
            "Le numérique pour la santé. S'il s'agit de Mon espace santé, choisissez aussi cette \
             précision.",
        ),
        /// Budget.
        Budget = 16: Term::new("THEME_BUDGET", "budget", "Budget").help(
            "Suivre ses comptes et ses dépenses, comparer et payer en ligne.",
        ),
        /// School.
        Schooling = 17: Term::new("THEME_SCHOOLING", "scolaire", "Scolaire").help(
            "Suivre la scolarité avec le numérique : espace numérique de travail, devoirs, inscriptions.",
        ),
        /// Assessing digital skills.
        DigitalDiagnosis = 18: Term::new("THEME_DIGITAL_DIAGNOSIS", "diagnostic", "Diagnostic numérique").help(
            "Faire le point sur les compétences numériques de la personne et sur ses besoins.",
        ),
        /// Anything else; first form only.
        Other = 19: Term::new("THEME_OTHER", "autre", "Autre").help(
            "Thématique du premier formulaire, fermée depuis : elle ne se choisit plus.",
        ).closed(),
    }
}

impl Theme {
    /// The themes in the order of the official form, the closed ones last.
    pub const FORM_ORDER: [Self; 19] = [
        Self::DigitalDiagnosis,
        Self::Equipment,
        Self::Budget,
        Self::DigitalCulture,
        Self::Internet,
        Self::Employment,
        Self::Email,
        Self::SocialExchange,
        Self::SmallBusiness,
        Self::Security,
        Self::DigitalContent,
        Self::CaregiverSupport,
        Self::FraudAndHarassment,
        Self::OfficeSoftware,
        Self::Schooling,
        Self::Health,
        Self::OnlineProcedures,
        Self::Smartphone,
        Self::Other,
    ];
}

words! {
    /// Sous-thématique.
    SubTheme, "SUB_THEME_" {
        /// Computer.
        EquipmentComputer = 1: Term::new("SUB_THEME_EQUIPMENT_COMPUTER", "ordinateur", "Ordinateur").help(
            "Un ordinateur fixe ou portable.",
        ),
        /// Tablet.
        EquipmentTablet = 2: Term::new("SUB_THEME_EQUIPMENT_TABLET", "tablette", "Tablette"),
        /// Telephone.
        EquipmentPhone = 3: Term::new("SUB_THEME_EQUIPMENT_PHONE", "telephone", "Téléphone").help(
            "Un téléphone mobile, le plus souvent un smartphone.",
        ),
        /// A parent or someone close.
        CaregiverRelative = 4: Term::new("SUB_THEME_CAREGIVER_RELATIVE", "parent", "Parent, proche").help(
            "Un parent ou un proche qui aide une autre personne avec le numérique.",
        ),
        /// A social worker.
        CaregiverSocial = 5: Term::new("SUB_THEME_CAREGIVER_SOCIAL", "social", "Travailleur social").help(
            "Un travailleur social qui accompagne son public.",
        ),
        /// A teacher.
        CaregiverTeacher = 6: Term::new("SUB_THEME_CAREGIVER_TEACHER", "enseignant", "Enseignant").help(
            "Un enseignant qui accompagne ses élèves.",
        ),
        /// Printing, scanning.
        OfficeSupplies = 7: Term::new(
            "SUB_THEME_OFFICE_SUPPLIES",
            "fourniture",
            "Fourniture (impression, scanner)",
        ).help(
            "Impression ou numérisation de documents.",
        ),
        /// The public health record.
        HealthEspaceSante = 8: Term::new("SUB_THEME_HEALTH_ESPACE_SANTE", "espace-sante", "Mon espace santé").help(
            "Le service public Mon espace santé : accès, documents, messagerie.",
        ),
    }
}

impl SubTheme {
    /// The theme it refines.
    #[must_use]
    pub fn theme(self) -> Theme {
        match self {
            Self::EquipmentComputer | Self::EquipmentTablet | Self::EquipmentPhone => Theme::Equipment,
            Self::CaregiverRelative | Self::CaregiverSocial | Self::CaregiverTeacher => {
                Theme::CaregiverSupport
            }
            Self::OfficeSupplies => Theme::OfficeSoftware,
            Self::HealthEspaceSante => Theme::Health,
        }
    }
}
