//! Faults of a query for figures or records.

/// A fault of one field of a query, with the values that its messages need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// A selection that ends before it begins.
    PeriodInverted {
        /// First day of the selection.
        from: String,
    },
    /// More periods than one answer may hold.
    TooManyPeriods {
        /// The limit.
        max: usize,
    },
    /// A time in the future.
    TimeInFuture,
    /// Two mutually exclusive fields are set; the name of the other field.
    OneOfTwo(&'static str),
    /// No territory of that kind has this code; the code as given.
    TerritoryUnknown(String),
    /// An unknown sort order; the orders that exist.
    OrderUnknown(String),
    /// More rows requested than one page may hold.
    PageSizeTooLarge {
        /// The limit.
        max: u32,
    },
    /// A page token that is damaged, or that was issued for another listing or another caller.
    PageTokenInvalid,
    /// A page token used after its expiry.
    PageTokenExpired,
    /// Two dimensions that cannot be crossed, because a CRA does not relate them.
    DimensionsNotCrossed,
    /// A measure that a CRA does not split by age or status.
    MeasureNotDivided,
    /// A table larger than one answer may hold.
    TooManyCells {
        /// The limit.
        max: usize,
    },
    /// A format that this content is not exported in; the formats that are offered.
    FormatNotOffered(String),
    /// A dimension for an export that is not a breakdown.
    DimensionNotAllowed,
    /// A granularity for an export that is not a series.
    GranularityNotAllowed,
    /// An update interval below the minimum.
    IntervalTooShort {
        /// The minimum, in milliseconds.
        min_ms: u32,
    },
}

impl Question {
    /// Stable reason code, for programs.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::PeriodInverted { .. } => "PERIOD_INVERTED",
            Self::TooManyPeriods { .. } => "TOO_MANY_PERIODS",
            Self::TimeInFuture => "TIME_IN_FUTURE",
            Self::OneOfTwo(_) => "ONE_OF_TWO",
            Self::TerritoryUnknown(_) => "TERRITORY_UNKNOWN",
            Self::OrderUnknown(_) => "ORDER_UNKNOWN",
            Self::PageSizeTooLarge { .. } => "PAGE_SIZE_TOO_LARGE",
            Self::PageTokenInvalid => "PAGE_TOKEN_INVALID",
            Self::PageTokenExpired => "PAGE_TOKEN_EXPIRED",
            Self::DimensionsNotCrossed => "DIMENSIONS_NOT_CROSSED",
            Self::MeasureNotDivided => "MEASURE_NOT_DIVIDED",
            Self::TooManyCells { .. } => "TOO_MANY_CELLS",
            Self::FormatNotOffered(_) => "FORMAT_NOT_OFFERED",
            Self::DimensionNotAllowed => "DIMENSION_NOT_ALLOWED",
            Self::GranularityNotAllowed => "GRANULARITY_NOT_ALLOWED",
            Self::IntervalTooShort { .. } => "INTERVAL_TOO_SHORT",
        }
    }

    /// English description, for client developers: what is expected and what to do.
    pub(super) fn description(&self) -> String {
        match self {
            Self::PeriodInverted { from } => format!("expected a day from {from} on, the first day selected"),
            Self::TooManyPeriods { max } => {
                format!("expected at most {max} periods; take a coarser granularity or fewer days")
            }
            Self::TimeInFuture => "expected a time up to now".into(),
            Self::OneOfTwo(other) => format!("expected either this or {other}, not both"),
            Self::TerritoryUnknown(code) => {
                format!("{code:?} is no code of that kind in the current Code officiel géographique")
            }
            Self::OrderUnknown(choices) => {
                format!("expected one of {choices}, with \"-\" in front for the largest first")
            }
            Self::PageSizeTooLarge { max } => format!("expected at most {max} rows; follow the page tokens"),
            Self::PageTokenInvalid => {
                "this token was not issued for this listing and caller; send the request that gave it unchanged, by the same \
                 client, or begin again without a token"
                    .into()
            }
            Self::PageTokenExpired => {
                "the token has expired; start again without a token".into()
            }
            Self::DimensionsNotCrossed => {
                "a CRA does not say how ages and statuses cross; take another dimension".into()
            }
            Self::MeasureNotDivided => {
                "ages and statuses count people present: expected MEASURE_ACTS or MEASURE_CRAS".into()
            }
            Self::TooManyCells { max } => {
                format!("expected at most {max} cells; narrow the selection or take a coarser dimension")
            }
            Self::FormatNotOffered(offered) => format!("this content is exported as one of: {offered}"),
            Self::DimensionNotAllowed => {
                "only a breakdown has a dimension: leave it out, or ask for EXPORT_CONTENT_BREAKDOWN".into()
            }
            Self::GranularityNotAllowed => {
                "only a series has a granularity: leave it out, or ask for EXPORT_CONTENT_SERIES".into()
            }
            Self::IntervalTooShort { min_ms } => format!("expected at least {min_ms} milliseconds, or 0"),
        }
    }

    /// French message, for those who read the figures.
    pub(super) fn message_fr(&self) -> String {
        match self {
            Self::PeriodInverted { from } => {
                format!("La période doit finir à partir du {from}, son premier jour.")
            }
            Self::TooManyPeriods { max } => {
                format!("Au plus {max} périodes : choisissez un pas plus large ou moins de jours.")
            }
            Self::TimeInFuture => "Ce moment est dans le futur : indiquez un moment passé.".into(),
            Self::OneOfTwo(other) => format!("Indiquez ceci ou {other}, pas les deux."),
            Self::TerritoryUnknown(code) => format!("Le code {code} ne désigne aucun territoire connu."),
            Self::OrderUnknown(_) => "Ce tri n'existe pas : choisissez-en un autre.".into(),
            Self::PageSizeTooLarge { max } => format!("Au plus {max} lignes par page."),
            Self::PageTokenInvalid => {
                "Cette page n'est pas de la liste demandée : reprenez la liste depuis son début.".into()
            }
            Self::PageTokenExpired => {
                "Cette liste est restée ouverte trop longtemps : reprenez-la depuis son début.".into()
            }
            Self::DimensionsNotCrossed => {
                "Un compte-rendu ne croise pas les âges et les statuts : choisissez un autre axe.".into()
            }
            Self::MeasureNotDivided => {
                "Les âges et les statuts comptent des personnes présentes : choisissez les accompagnements."
                    .into()
            }
            Self::TooManyCells { max } => {
                format!("Au plus {max} cases : réduisez la sélection ou choisissez un axe plus large.")
            }
            Self::FormatNotOffered(offered) => format!("Ce contenu s'exporte en {offered}."),
            Self::DimensionNotAllowed => {
                "Une dimension ne se choisit que pour une répartition : retirez-la.".into()
            }
            Self::GranularityNotAllowed => {
                "Un pas de temps ne se choisit que pour une série : retirez-le.".into()
            }
            Self::IntervalTooShort { min_ms } => format!("Au moins {min_ms} millisecondes."),
        }
    }
}
