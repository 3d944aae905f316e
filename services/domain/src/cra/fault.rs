//! All faults of a submission, in one table: reason, English description and French message.

mod counts;
mod days;
mod document;
mod english;
mod french;
mod ids;
mod places;
mod question;
mod texts;

use std::fmt::{self, Write as _};

pub use document::DocumentFault;
use icu_properties::CodePointSetData;
use icu_properties::props::BidiControl;
pub use question::Question;

use super::PersonalData;
use crate::spelling::is_invisible;
use crate::territory::{CommuneId, Unknown};
use crate::vocabulary::{Term, Word};

/// A fault of one field, with the values that its messages need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The submission's id is not a UUID; the value found.
    CraIdInvalid(String),
    /// A mandatory field is missing; the French name of the field.
    Required(&'static str),
    /// A number that has no word in the form.
    UnknownNumber {
        /// The number found.
        number: i32,
        /// The words of the form, with their numbers.
        choices: Vec<(i32, &'static Term)>,
    },
    /// A malformed identifier; the value found.
    IdInvalid(String),
    /// Not a calendar day; the value found.
    DateInvalid(String),
    /// A day before the programme began.
    DateTooEarly(jiff::civil::Date),
    /// A day after today, in the time zone of the activity.
    DateInFuture {
        /// The day of the activity.
        date: jiff::civil::Date,
        /// Today in that time zone.
        today: jiff::civil::Date,
    },
    /// No commune has this name, or has or had this code.
    CommuneUnknown,
    /// No commune has or had the declared code.
    CommuneCodeUnknown {
        /// The declared code.
        found: String,
        /// What was probably meant.
        meant: Unknown,
    },
    /// The postal code does not belong to the commune.
    PostalCodeMismatch {
        /// The declared postal code.
        found: String,
        /// The commune, which gives the accepted postal codes; it may have none.
        commune: CommuneId,
    },
    /// The postal code is missing and the commune has several.
    PostalCodeRequired {
        /// The commune, which gives the accepted postal codes.
        commune: CommuneId,
    },
    /// A venue with a channel other than a venue.
    VenueNotAllowed,
    /// The number of participants is outside the activity's range.
    ParticipantsOutOfRange {
        /// The number found.
        found: String,
        /// Minimum number.
        min: u32,
        /// Maximum number.
        max: u32,
    },
    /// More returning people than participants.
    ReturningExceedsParticipants {
        /// People met before.
        returning: u32,
        /// Number of participants.
        participants: u32,
    },
    /// The ages do not add up to the number of participants.
    AgesSumMismatch {
        /// Sum over all age bands.
        sum: u64,
        /// Number of participants.
        participants: u32,
    },
    /// The statuses do not add up to the number of participants.
    StatusesSumMismatch {
        /// Sum over all statuses.
        sum: u64,
        /// Number of participants.
        participants: u32,
    },
    /// A theme that only older forms offered.
    ThemeClosed {
        /// Its French label.
        label: &'static str,
    },
    /// A sub-theme whose theme is not chosen.
    SubThemeWithoutTheme {
        /// Its French label.
        sub_theme: &'static str,
        /// French label of its theme.
        theme: &'static str,
    },
    /// A value that occurs twice in a list; the value.
    Duplicate(String),
    /// The annotation is too short or too long.
    AnnotationLength(TextLength),
    /// The name of an organisation is too short or too long.
    TextLength(TextLength),
    /// A free text with an invisible character, a bidirectional control or an unassigned code point.
    TextCharacter {
        /// The first such character.
        character: char,
        /// Number of code points before it.
        letters_before: usize,
    },
    /// A text that is empty, too long or has control characters.
    TextInvalid {
        /// Minimum number of characters.
        min: usize,
        /// Maximum number of characters.
        max: usize,
    },
    /// A text that seems to contain personal data.
    PersonalData(PersonalData),
    /// Minutes with a duration band that takes none.
    MinutesNotAllowed(u32),
    /// Minutes outside the range or the step.
    MinutesInvalid(u32),
    /// More people planned for follow-up than participants.
    FollowUpExceedsParticipants {
        /// People planned.
        sum: u64,
        /// Number of participants.
        participants: u32,
    },
    /// A redirection of zero people.
    PeopleRequired,
    /// The reason is too short or too long.
    ReasonLength(TextLength),
    /// A list with more values than its limit.
    TooManyValues {
        /// Number of values found.
        found: usize,
        /// The limit.
        max: usize,
    },
    /// A fault of a document of an older form.
    Document(DocumentFault),
    /// A fault of a query for figures or records.
    Question(Question),
}

impl Fault {
    /// The fault of a number without a word, with the words that are offered instead.
    pub(crate) fn unknown_word<W: Word>(number: i32, is_offered: impl Fn(&Term) -> bool) -> Self {
        let words = W::ALL.iter().map(|word| (word.number(), word.term()));
        Self::UnknownNumber { number, choices: words.filter(|(_, term)| is_offered(term)).collect() }
    }

    /// Stable reason code, for programs (source: the table of rules of the domain page).
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::CraIdInvalid(_) => "CRA_ID_INVALID",
            Self::Required(_) => "REQUIRED",
            Self::UnknownNumber { .. } => "UNKNOWN_VALUE",
            Self::IdInvalid(_) => "ID_INVALID",
            Self::DateInvalid(_) => "DATE_INVALID",
            Self::DateTooEarly(_) => "DATE_TOO_EARLY",
            Self::DateInFuture { .. } => "DATE_IN_FUTURE",
            Self::CommuneUnknown | Self::CommuneCodeUnknown { .. } => "COMMUNE_UNKNOWN",
            Self::PostalCodeMismatch { .. } => "POSTAL_CODE_MISMATCH",
            Self::PostalCodeRequired { .. } => "POSTAL_CODE_REQUIRED",
            Self::VenueNotAllowed => "VENUE_NOT_ALLOWED",
            Self::ParticipantsOutOfRange { .. } => "PARTICIPANTS_OUT_OF_RANGE",
            Self::ReturningExceedsParticipants { .. } => "RETURNING_EXCEEDS_PARTICIPANTS",
            Self::AgesSumMismatch { .. } => "AGES_SUM_MISMATCH",
            Self::StatusesSumMismatch { .. } => "STATUSES_SUM_MISMATCH",
            Self::ThemeClosed { .. } => "THEME_CLOSED",
            Self::SubThemeWithoutTheme { .. } => "SUB_THEME_WITHOUT_THEME",
            Self::Duplicate(_) => "DUPLICATE",
            Self::AnnotationLength(_) => "ANNOTATION_LENGTH",
            Self::TextInvalid { .. }
            | Self::TextLength(_)
            | Self::TextCharacter { .. }
            | Self::PersonalData(_) => "TEXT_INVALID",
            Self::MinutesNotAllowed(_) => "MINUTES_NOT_ALLOWED",
            Self::MinutesInvalid(_) => "MINUTES_INVALID",
            Self::FollowUpExceedsParticipants { .. } => "FOLLOW_UP_EXCEEDS_PARTICIPANTS",
            Self::PeopleRequired => "PEOPLE_REQUIRED",
            Self::ReasonLength(_) => "REASON_LENGTH",
            Self::TooManyValues { .. } => "TOO_MANY_VALUES",
            Self::Document(fault) => fault.reason(),
            Self::Question(question) => question.reason(),
        }
    }
}

/// Maximum number of characters that a message quotes from a request.
const QUOTED_CHARACTERS_MAX: usize = 60;

/// A text of a request as a message quotes it: on one line, invisible characters as their code, truncated if long.
fn quoted(text: &str) -> String {
    let mut quoted = String::new();
    for c in text.trim().chars().take(QUOTED_CHARACTERS_MAX) {
        if is_invisible(c) {
            // Writing to a `String` cannot fail.
            let _ = write!(quoted, "U+{:04X}", u32::from(c));
        } else {
            quoted.push(c);
        }
    }
    if text.trim().chars().count() > QUOTED_CHARACTERS_MAX {
        quoted.push('…');
    }
    quoted
}

fn turns_direction(character: char) -> bool {
    CodePointSetData::new::<BidiControl>().contains(character)
}

impl From<DocumentFault> for Fault {
    fn from(fault: DocumentFault) -> Self {
        Self::Document(fault)
    }
}

impl From<Question> for Fault {
    fn from(question: Question) -> Self {
        Self::Question(question)
    }
}

/// The length of a free text, and its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextLength {
    /// Number of letters as people count them (grapheme clusters).
    pub letters: usize,
    /// Number of code points.
    pub code_points: usize,
    /// Minimum number of letters.
    pub letters_min: usize,
    /// Maximum number of letters.
    pub letters_max: usize,
    /// Maximum number of code points.
    pub code_points_max: usize,
}

/// A fault and the field that has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Path from the request's root, such as `cra.themes[1]`.
    pub field: String,
    /// The fault.
    pub fault: Fault,
}

impl Violation {
    /// Pairs a fault with the path of its field.
    pub fn new(field: impl Into<String>, fault: impl Into<Fault>) -> Self {
        Self { field: field.into(), fault: fault.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.field, self.fault.description(), self.fault.reason())
    }
}
