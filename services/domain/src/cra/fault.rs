//! What can be wrong with a submission: one table from fault to reason, English description and French message.

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
use crate::vocabulary::Term;

/// A fault of one field, with what the messages need to help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The submission's id is no UUID; what was found.
    CraIdInvalid(String),
    /// A mandatory field is missing; the French name of what is missing.
    Required(&'static str),
    /// An enum value that a question cannot have.
    UnknownValue(i32),
    /// A number of which the form has no word.
    UnknownNumber {
        /// What was found.
        number: i32,
        /// The words that can be chosen, with their numbers.
        choices: Vec<(i32, &'static Term)>,
    },
    /// An identifier out of form; what was found.
    IdInvalid(String),
    /// No calendar day; what was found.
    DateInvalid(String),
    /// Before the programme began.
    DateTooEarly(jiff::civil::Date),
    /// After today where the activity took place.
    DateInFuture {
        /// The day of the activity.
        date: jiff::civil::Date,
        /// Today there.
        today: jiff::civil::Date,
    },
    /// No commune has this name, or has, or had, this code.
    CommuneUnknown,
    /// No commune has, or had, the code that was declared.
    CommuneCodeUnknown {
        /// The code as it was declared.
        found: String,
        /// What was probably meant.
        meant: Unknown,
    },
    /// The postal code is not one of the commune's.
    PostalCodeMismatch {
        /// The postal code as it was declared.
        found: String,
        /// The commune, with the postal codes that are accepted; it may have none.
        commune: CommuneId,
    },
    /// The commune has several postal codes.
    PostalCodeRequired {
        /// The commune, with the postal codes that are accepted.
        commune: CommuneId,
    },
    /// A venue with another channel.
    VenueNotAllowed,
    /// More or fewer people than the activity allows.
    ParticipantsOutOfRange {
        /// What was found.
        found: String,
        /// Fewest allowed.
        min: u32,
        /// Most allowed.
        max: u32,
    },
    /// More returning people than participants.
    ReturningExceedsParticipants {
        /// People met before.
        returning: u32,
        /// People present.
        participants: u32,
    },
    /// The ages do not add up to the participants.
    AgesSumMismatch {
        /// People of all bands.
        sum: u64,
        /// People present.
        participants: u32,
    },
    /// The statuses do not add up to the participants.
    StatusesSumMismatch {
        /// People of all statuses.
        sum: u64,
        /// People present.
        participants: u32,
    },
    /// A theme of an older form.
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
    /// Said twice; what.
    Duplicate(String),
    /// Too short or too long an annotation.
    AnnotationLength(TextLength),
    /// Too short or too long a free name.
    TextLength(TextLength),
    /// A free text with a character that shows nothing, turns the direction of writing or has no shared meaning.
    TextCharacter {
        /// The first such character.
        character: char,
        /// Code points before it.
        letters_before: usize,
    },
    /// A text that is empty, too long or has control characters.
    TextInvalid {
        /// Fewest characters.
        min: usize,
        /// Most characters.
        max: usize,
    },
    /// A text that looks as if it held data of a person.
    PersonalData(PersonalData),
    /// Minutes with a band that has none.
    MinutesNotAllowed(u32),
    /// Minutes off the range or the step.
    MinutesInvalid(u32),
    /// More people planned than present.
    FollowUpExceedsParticipants {
        /// People planned.
        sum: u64,
        /// People present.
        participants: u32,
    },
    /// A redirection of nobody.
    PeopleRequired,
    /// Too short or too long a reason.
    ReasonLength(TextLength),
    /// A list with more values than it may have.
    TooManyValues {
        /// Values found.
        found: usize,
        /// Most values.
        max: usize,
    },
    /// What is wrong with a document of an older form.
    Document(DocumentFault),
    /// What is wrong with a question rather than with a form.
    Question(Question),
}

impl Fault {
    /// Stable name, for programs (source: the table of rules of the domain page).
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::CraIdInvalid(_) => "CRA_ID_INVALID",
            Self::Required(_) => "REQUIRED",
            Self::UnknownValue(_) | Self::UnknownNumber { .. } => "UNKNOWN_VALUE",
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

/// Characters of a request that a message quotes.
const QUOTED_CHARACTERS_MAX: usize = 60;

/// A text of a request as a message quotes it: on one line, what shows nothing as its code, cut where it is long.
fn quoted(text: &str) -> String {
    let mut quoted = String::new();
    for c in text.trim().chars().take(QUOTED_CHARACTERS_MAX) {
        if is_invisible(c) {
            // Writing to a text does not fail.
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

/// How long a free text is, and how long it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextLength {
    /// Letters as people count them.
    pub letters: usize,
    /// Code points that they are made of.
    pub code_points: usize,
    /// Fewest letters.
    pub letters_min: usize,
    /// Most letters.
    pub letters_max: usize,
    /// Most code points.
    pub code_points_max: usize,
}

/// A fault at a place of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Path from the request's root, such as `cra.themes[1]`.
    pub field: String,
    /// What is wrong.
    pub fault: Fault,
}

impl Violation {
    /// A fault at a path.
    pub fn new(field: impl Into<String>, fault: impl Into<Fault>) -> Self {
        Self { field: field.into(), fault: fault.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.field, self.fault.description(), self.fault.reason())
    }
}
