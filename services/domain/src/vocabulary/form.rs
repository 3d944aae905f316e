//! Channels, activities, ages, statuses and durations.

use cra_contracts::v1;

use super::{PastLabel, words};

words! {
    /// Canal: how the advisor and the public met.
    Channel, "CHANNEL_" {
        /// At the advisor's venue.
        Venue = 1: Term::new("CHANNEL_VENUE", "rattachement", "Lieu d'activité").help(
            "L'activité se passe dans l'un de vos lieux d'activité, que vous pouvez préciser.",
        ).formerly(&[PastLabel {
            label: "Lieu de rattachement",
            until: "2022-11-23",
        }]),
        /// At another place.
        OtherPlace = 2: Term::new("CHANNEL_OTHER_PLACE", "autre lieu", "Autre lieu").help(
            "L'activité se passe ailleurs, par exemple dans une mairie, une association ou une école.",
        ).slugs(&["autre"]),
        /// By telephone or online.
        Remote = 3: Term::new("CHANNEL_REMOTE", "distance", "À distance").help(
            "L'activité se passe par téléphone, par messagerie ou en visioconférence.",
        ),
        /// At the person's home.
        Home = 4: Term::new("CHANNEL_HOME", "domicile", "À domicile").help(
            "L'activité se passe au domicile de la personne accompagnée.",
        ),
    }
}

words! {
    /// Type d'activité.
    Activity, "ACTIVITY_" {
        /// Several people at once.
        Workshop = 1: Term::new("ACTIVITY_WORKSHOP", "collectif", "Atelier collectif").help(
            "Un atelier réunit au moins deux personnes. Pour un couple ou une famille, c'est vous qui choisissez : \
             un atelier, une seule personne, ou plusieurs comptes-rendus. Les personnes déjà accompagnées sont \
             celles que vous aviez rencontrées auparavant, jamais celles que vous voyez pour la première fois.",
        ),
        /// One person, over several meetings.
        Individual = 2: Term::new("ACTIVITY_INDIVIDUAL", "individuel", "Accompagnement individuel").help(
            "Un face-à-face qui se poursuit dans le temps, de rendez-vous en rendez-vous. Une personne est déjà \
             accompagnée si vous l'aviez rencontrée auparavant.",
        ),
        /// One person, one meeting.
        OneOff = 3: Term::new("ACTIVITY_ONE_OFF", "ponctuel", "Demande ponctuelle").help(
            "Une demande réglée en une seule rencontre, même si la personne revient un autre jour pour autre chose.",
        ),
    }
}

words! {
    /// Tranche d'âge.
    AgeBand, "AGE_BAND_" {
        /// Younger than 12.
        Under12 = 1: Term::new("AGE_BAND_UNDER_12", "moins12ans", "Moins de 12 ans").help(
            "Participants de moins de 12 ans. Toutes les tranches d'âge ensemble font le nombre de \
             participants.",
        ).slugs(&["-12"]),
        /// 12 to 18.
        From12To18 = 2: Term::new("AGE_BAND_FROM_12_TO_18", "de12a18ans", "12-18 ans").help(
            "Participants de 12 à 18 ans. Toutes les tranches d'âge ensemble font le nombre de \
             participants.",
        ).slugs(&["12-18"]),
        /// 18 to 35.
        From18To35 = 3: Term::new("AGE_BAND_FROM_18_TO_35", "de18a35ans", "18-35 ans").help(
            "Participants de 18 à 35 ans. Toutes les tranches d'âge ensemble font le nombre de \
             participants.",
        ).slugs(&["18-35"]),
        /// 35 to 60.
        From35To60 = 4: Term::new("AGE_BAND_FROM_35_TO_60", "de35a60ans", "35-60 ans").help(
            "Participants de 35 à 60 ans. Toutes les tranches d'âge ensemble font le nombre de \
             participants.",
        ).slugs(&["35-60"]),
        /// Older than 60.
        Over60 = 5: Term::new("AGE_BAND_OVER_60", "plus60ans", "Plus de 60 ans").help(
            "Participants de plus de 60 ans. Toutes les tranches d'âge ensemble font le nombre de \
             participants.",
        ).slugs(&["+60"]),
    }
}

impl AgeBand {
    /// Name of the field of `AgeCounts` that counts this band.
    #[must_use]
    pub fn field(self) -> &'static str {
        match self {
            Self::Under12 => "under_12",
            Self::From12To18 => "from_12_to_18",
            Self::From18To35 => "from_18_to_35",
            Self::From35To60 => "from_35_to_60",
            Self::Over60 => "over_60",
        }
    }

    /// The field of a message's counts that counts this age band.
    pub fn count_of(self, counts: &mut v1::AgeCounts) -> &mut u32 {
        match self {
            Self::Under12 => &mut counts.under_12,
            Self::From12To18 => &mut counts.from_12_to_18,
            Self::From18To35 => &mut counts.from_18_to_35,
            Self::From35To60 => &mut counts.from_35_to_60,
            Self::Over60 => &mut counts.over_60,
        }
    }
}

words! {
    /// Statut.
    Status, "STATUS_" {
        /// At school or studying.
        Student = 1: Term::new("STATUS_STUDENT", "etudiant", "Scolarisé(e)").help(
            "Participants à l'école, au collège, au lycée ou en études.",
        ),
        /// Without employment.
        Unemployed = 2: Term::new("STATUS_UNEMPLOYED", "sansEmploi", "Sans emploi").help(
            "Participants sans emploi.",
        ).slugs(&["sans emploi"]),
        /// Employed.
        Employed = 3: Term::new("STATUS_EMPLOYED", "enEmploi", "En emploi").help(
            "Participants qui ont un emploi.",
        ).slugs(&["en emploi"]),
        /// Retired.
        Retired = 4: Term::new("STATUS_RETIRED", "retraite", "Retraité").help(
            "Participants à la retraite.",
        ),
        /// Not asked, or a mixed group.
        UnspecifiedOrMixed = 5: Term::new(
            "STATUS_UNSPECIFIED_OR_MIXED",
            "heterogene",
            "Non renseigné ou hétérogène",
        ).help(
            "Participants dont le statut n'est pas connu, ou groupe de statuts différents.",
        ),
    }
}

impl Status {
    /// Name of the field of `StatusCounts` that counts this status.
    #[must_use]
    pub fn field(self) -> &'static str {
        match self {
            Self::Student => "student",
            Self::Unemployed => "unemployed",
            Self::Employed => "employed",
            Self::Retired => "retired",
            Self::UnspecifiedOrMixed => "unspecified_or_mixed",
        }
    }

    /// The field of a message's counts that counts this status.
    pub fn count_of(self, counts: &mut v1::StatusCounts) -> &mut u32 {
        match self {
            Self::Student => &mut counts.student,
            Self::Unemployed => &mut counts.unemployed,
            Self::Employed => &mut counts.employed,
            Self::Retired => &mut counts.retired,
            Self::UnspecifiedOrMixed => &mut counts.unspecified_or_mixed,
        }
    }
}

words! {
    /// Durée, as the form asks for it.
    DurationBand, "DURATION_BAND_" {
        /// Half an hour or less.
        UpTo30Minutes = 1: Term::new("DURATION_BAND_UP_TO_30_MINUTES", "0-30", "30 min. ou moins").help(
            "Trente minutes au plus.",
        ),
        /// From half an hour to an hour.
        From30MinutesTo1Hour = 2: Term::new(
            "DURATION_BAND_FROM_30_MINUTES_TO_1_HOUR",
            "30-60",
            "30 min. à 1h",
        ).help(
            "De trente minutes à une heure.",
        ),
        /// An hour or more, which the exact minutes may refine.
        OneHourOrMore = 3: Term::new("DURATION_BAND_ONE_HOUR_OR_MORE", "60", "1h ou plus").help(
            "Une heure ou davantage. Vous pouvez préciser les minutes : de 60 à 480, de 15 en 15.",
        ).formerly(&[
            PastLabel { label: "1 à 2h", until: "" },
            PastLabel { label: "2h ou plus", until: "" },
        ]),
    }
}

words! {
    /// Durée, as the statistics show it: finer than the form's bands.
    DurationBucket, "DURATION_BUCKET_" {
        /// Half an hour or less.
        UpTo30Minutes = 1: Term::new("DURATION_BUCKET_UP_TO_30_MINUTES", "0-30", "30 min. ou moins"),
        /// From half an hour to an hour.
        From30MinutesTo1Hour = 2: Term::new(
            "DURATION_BUCKET_FROM_30_MINUTES_TO_1_HOUR",
            "30-60",
            "30 min. à 1h",
        ),
        /// Exact minutes, fewer than 120.
        From1To2Hours = 3: Term::new("DURATION_BUCKET_FROM_1_TO_2_HOURS", "60-120", "1 à 2h"),
        /// Exact minutes, 120 or more.
        From2Hours = 4: Term::new("DURATION_BUCKET_FROM_2_HOURS", "120", "2h ou plus"),
        /// An hour or more, without minutes.
        From1HourUnrefined = 5: Term::new(
            "DURATION_BUCKET_FROM_1_HOUR_UNREFINED",
            "60",
            "1h ou plus, sans précision",
        ),
    }
}
