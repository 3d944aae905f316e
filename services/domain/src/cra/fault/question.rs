//! Faults of a query for figures or records.

use jiff::Timestamp;
use jiff::civil::Date;

use super::{places, quoted};
use crate::french;
use crate::territory::TerritoryKind;

/// A fault of one field of a query, with the values that its messages need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// A selection that ends before it begins.
    PeriodInverted {
        /// First day of the selection.
        from: Date,
        /// Its last day.
        to: Date,
    },
    /// More periods than one answer may hold.
    TooManyPeriods {
        /// The limit.
        max: usize,
    },
    /// A time in the future.
    TimeInFuture {
        /// The time found.
        found: Timestamp,
    },
    /// A time outside the calendar, or with an invalid fraction of a second.
    TimeInvalid {
        /// Seconds since 1970.
        seconds: i64,
        /// Nanoseconds in addition.
        nanos: i32,
    },
    /// A number that an enumeration of the contract does not have.
    ValueUnknown {
        /// The number found.
        number: i32,
        /// The names of the enumeration, with their numbers.
        names: Vec<(i32, &'static str)>,
    },
    /// Two mutually exclusive fields are set; the name of the other field.
    OneOfTwo(&'static str),
    /// No territory of this kind has this code.
    TerritoryUnknown {
        /// The kind of code.
        kind: TerritoryKind,
        /// The code found.
        found: String,
    },
    /// An unknown sort order.
    OrderUnknown {
        /// The order found.
        found: String,
        /// The orders that exist.
        choices: String,
    },
    /// More rows requested than one page may hold.
    PageSizeTooLarge {
        /// The number found.
        found: u32,
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
        /// The number found.
        found: usize,
        /// The limit.
        max: usize,
    },
    /// A format that this content is not exported in.
    FormatNotOffered {
        /// The format found.
        found: &'static str,
        /// The formats that are offered.
        offered: String,
    },
    /// A dimension for an export that is not a breakdown.
    DimensionNotAllowed,
    /// A granularity for an export that is not a series.
    GranularityNotAllowed,
    /// An update interval below the minimum.
    IntervalTooShort {
        /// The interval found, in milliseconds.
        found_ms: u32,
        /// The minimum, in milliseconds.
        min_ms: u32,
    },
}

impl Question {
    /// The fault of a number that the enumeration `E` of the contract does not have. Its numbers have no gaps.
    pub fn value_unknown<E: TryFrom<i32>>(number: i32, name: fn(&E) -> &'static str) -> Self {
        let values = (1..).map_while(|number| E::try_from(number).ok().map(|value| (number, name(&value))));
        Self::ValueUnknown { number, names: values.collect() }
    }

    /// Stable reason code, for programs.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::PeriodInverted { .. } => "PERIOD_INVERTED",
            Self::TooManyPeriods { .. } => "TOO_MANY_PERIODS",
            Self::TimeInFuture { .. } => "TIME_IN_FUTURE",
            Self::TimeInvalid { .. } => "DATE_INVALID",
            Self::ValueUnknown { .. } => "UNKNOWN_VALUE",
            Self::OneOfTwo(_) => "ONE_OF_TWO",
            Self::TerritoryUnknown { .. } => "TERRITORY_UNKNOWN",
            Self::OrderUnknown { .. } => "ORDER_UNKNOWN",
            Self::PageSizeTooLarge { .. } => "PAGE_SIZE_TOO_LARGE",
            Self::PageTokenInvalid => "PAGE_TOKEN_INVALID",
            Self::PageTokenExpired => "PAGE_TOKEN_EXPIRED",
            Self::DimensionsNotCrossed => "DIMENSIONS_NOT_CROSSED",
            Self::MeasureNotDivided => "MEASURE_NOT_DIVIDED",
            Self::TooManyCells { .. } => "TOO_MANY_CELLS",
            Self::FormatNotOffered { .. } => "FORMAT_NOT_OFFERED",
            Self::DimensionNotAllowed => "DIMENSION_NOT_ALLOWED",
            Self::GranularityNotAllowed => "GRANULARITY_NOT_ALLOWED",
            Self::IntervalTooShort { .. } => "INTERVAL_TOO_SHORT",
        }
    }

    /// English description, for client developers: what is expected and what to do.
    pub(super) fn description(&self) -> String {
        match self {
            Self::PeriodInverted { from, to } => {
                format!("found {to}, expected a day from {from} on, the first day selected")
            }
            Self::TooManyPeriods { max } => {
                format!("expected at most {max} periods; take a coarser granularity or fewer days")
            }
            Self::TimeInFuture { found } => format!("found {found}, expected a time up to now"),
            Self::TimeInvalid { seconds, nanos } => format!(
                "found {seconds} seconds and {nanos} nanoseconds, expected a time before the year 10000 with 0 to \
                 999999999 nanoseconds"
            ),
            Self::ValueUnknown { number, names } => {
                let names: Vec<_> = names.iter().map(|(number, name)| format!("{name} ({number})")).collect();
                format!("{number} is no value of this field; expected one of {}", names.join(", "))
            }
            Self::OneOfTwo(other) => format!("expected either this or {other}, not both"),
            Self::TerritoryUnknown { kind, found } => places::territory_unknown_en(*kind, found),
            Self::OrderUnknown { found, choices } => format!(
                "found {:?}, expected one of {choices}, with \"-\" in front for the largest first",
                quoted(found)
            ),
            Self::PageSizeTooLarge { found, max } => {
                format!("found {found}, expected at most {max} rows; follow the page tokens")
            }
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
            Self::TooManyCells { found, max } => {
                format!("found {found} cells, expected at most {max}; narrow the selection or take a coarser dimension")
            }
            Self::FormatNotOffered { found, offered } => {
                format!("found {found}; this content is exported as one of: {offered}")
            }
            Self::DimensionNotAllowed => {
                "only a breakdown has a dimension: leave it out, or ask for EXPORT_CONTENT_BREAKDOWN".into()
            }
            Self::GranularityNotAllowed => {
                "only a series has a granularity: leave it out, or ask for EXPORT_CONTENT_SERIES".into()
            }
            Self::IntervalTooShort { found_ms, min_ms } => {
                format!("found {found_ms}, expected at least {min_ms} milliseconds, or 0 for the default")
            }
        }
    }

    /// French message, for those who read the figures.
    pub(super) fn message_fr(&self) -> String {
        match self {
            Self::PeriodInverted { from, to } => format!(
                "La période finit le {}, avant son premier jour, le {} : corrigez l'une des deux dates.",
                to.strftime("%d/%m/%Y"),
                from.strftime("%d/%m/%Y")
            ),
            Self::TooManyPeriods { max } => {
                format!("Au plus {max} périodes : choisissez un pas plus large ou moins de jours.")
            }
            Self::TimeInFuture { found } => {
                format!("Le {} est dans le futur : indiquez un moment passé.", french::moment(*found))
            }
            Self::TimeInvalid { .. } => {
                "Ce moment n'est pas du calendrier : indiquez un jour et une heure.".into()
            }
            Self::ValueUnknown { number, names } => {
                format!("La valeur {number} n'existe pas : choisissez-en une de 1 à {}.", names.len())
            }
            Self::OneOfTwo(other) => format!("Indiquez ceci ou {other}, pas les deux."),
            Self::TerritoryUnknown { kind, found } => places::territory_unknown_fr(*kind, found),
            Self::OrderUnknown { found, .. } => {
                format!("Le tri « {} » n'existe pas : choisissez-en un autre.", quoted(found))
            }
            Self::PageSizeTooLarge { found, max } => {
                format!("{found} lignes demandées : une page en compte au plus {max}.")
            }
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
            Self::TooManyCells { found, max } => {
                format!(
                    "{found} cases pour au plus {max} : réduisez la sélection ou choisissez un axe plus large."
                )
            }
            Self::FormatNotOffered { found, offered } => {
                format!("Ce contenu ne s'exporte pas en {found}, mais en {offered}.")
            }
            Self::DimensionNotAllowed => {
                "Une dimension ne se choisit que pour une répartition : retirez-la.".into()
            }
            Self::GranularityNotAllowed => {
                "Un pas de temps ne se choisit que pour une série : retirez-le.".into()
            }
            Self::IntervalTooShort { found_ms, min_ms } => {
                format!("{found_ms} millisecondes sont trop peu : indiquez-en au moins {min_ms}.")
            }
        }
    }
}
