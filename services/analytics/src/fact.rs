//! The compact fact: what the statistics need of one revision of a CRA, and all that is needed to show it. Texts are
//! codes of the dictionary, lists are bit sets.

use cra_domain::cra::{AgeCounts, Cra, Duration, Recipient, StatusCounts};
use cra_domain::event::{Forgettable, Forgotten};
use cra_domain::territory;
use cra_domain::vocabulary::{Activity, Channel, Organisation, SubTheme, Theme, Word as _};
use jiff::{Span, Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::dictionary::{Code, Dictionary, Kind};

/// Sort key of shown facts: by day of activity, then by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FactKey {
    /// Day of activity, in days since 1970-01-01.
    pub day: i32,
    /// Position of its event.
    pub from: u64,
}

impl FactKey {
    /// Greater than every fact.
    pub const LAST: Self = Self { day: i32::MAX, from: u64::MAX };
}

/// One revision of a CRA: it counts from the position of its event until another event ends it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// The CRA.
    pub cra_id: Uuid,
    /// Rank of its event among the CRA's.
    pub revision: u64,
    /// Position of the previous fact of the CRA.
    pub former: Option<u64>,
    /// Day of activity, in days since 1970-01-01.
    pub day: i32,
    /// When the CRA's first event was recorded, in nanoseconds since 1970.
    pub recorded_at: i64,
    /// When this correction was recorded, in nanoseconds since 1970.
    pub corrected_at: Option<i64>,
    /// When the older system recorded it, in nanoseconds since 1970; for older forms.
    pub created_at: Option<i64>,
    /// Version of its form; 0 for today's.
    pub form_version: u8,
    /// The client of the CRA's first event.
    pub client: Code,
    /// Days from the activity to its record, in the time zone of the activity.
    pub delay_days: u32,
    /// Whether the number of participants was left to the form's default.
    pub defaulted_participants: bool,
    /// Advisor.
    pub advisor: Code,
    /// Structure.
    pub structure: Code,
    /// Channel.
    pub channel: Channel,
    /// Commune of today, by its index in the table of communes.
    pub commune: u16,
    /// INSEE code as declared, if it differs.
    pub declared_commune: Option<Box<str>>,
    /// Postal code as a number; 0 without one.
    pub postal_code: u32,
    /// Venue.
    pub venue: Option<Code>,
    /// Activity.
    pub activity: Activity,
    /// People present.
    pub participants: u32,
    /// Among them, people met before.
    pub returning: u32,
    /// People per age band.
    pub ages: [u32; 5],
    /// People per status.
    pub statuses: [u32; 5],
    /// Bit n: the n-th theme in the contract's order.
    pub themes: u32,
    /// Bit n: the n-th sub-theme in the contract's order.
    pub sub_themes: u16,
    /// Annotation.
    pub annotation: Box<str>,
    /// Duration.
    pub duration: Duration,
    /// People who will be seen again.
    pub follow_up_individual: u32,
    /// People who will come to a workshop.
    pub follow_up_workshop: u32,
    /// People per recipient.
    pub redirections: Vec<(RecipientCode, u32)>,
    /// What its event no longer holds, and since when, in nanoseconds since 1970.
    pub forgotten: Vec<(Forgettable, i64)>,
}

/// Destination of a redirection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RecipientCode {
    /// An organisation of the form.
    Known(Organisation),
    /// A free name, in one spelling.
    Other(Code),
    /// Not named.
    Unnamed,
}

/// The client of a CRA's first event.
#[derive(Clone, Copy, Debug)]
pub enum Client<'a> {
    /// By its id; empty if unknown.
    Named(&'a str),
    /// By its code.
    Coded(Code),
}

/// Properties of an event other than its content.
#[derive(Clone, Copy, Debug)]
pub struct Provenance<'a> {
    /// The CRA.
    pub cra_id: Uuid,
    /// Rank of the event.
    pub revision: u64,
    /// When the CRA's first event was recorded.
    pub recorded_at: Timestamp,
    /// When this content was recorded, if it is a correction.
    pub corrected_at: Option<Timestamp>,
    /// When the older system recorded the CRA.
    pub created_at: Option<Timestamp>,
    /// 0 for today's form.
    pub form_version: u8,
    /// The client of the CRA's first event.
    pub client: Client<'a>,
    /// Whether the number of participants was left to the form's default.
    pub defaulted_participants: bool,
    /// What the event no longer holds.
    pub forgotten: Option<&'a Forgotten>,
}

impl Fact {
    /// The fact of a CRA's content, in force.
    pub fn new<T: AsRef<str>>(
        provenance: Provenance<'_>,
        cra: &Cra<T>,
        former: Option<u64>,
        dictionary: &mut Dictionary,
    ) -> Self {
        let declared_at = provenance.created_at.unwrap_or(provenance.recorded_at);
        let day = day_number(cra.date);
        let delay = day_number(cra.place.day_of(declared_at)) - day;
        let declared = cra.place.commune_code.as_ref();
        Self {
            cra_id: provenance.cra_id,
            revision: provenance.revision,
            former,
            day,
            recorded_at: nanoseconds(provenance.recorded_at),
            corrected_at: provenance.corrected_at.map(nanoseconds),
            created_at: provenance.created_at.map(nanoseconds),
            form_version: provenance.form_version,
            client: match provenance.client {
                Client::Named(client_id) => dictionary.code_of(Kind::Client, client_id),
                Client::Coded(code) => code,
            },
            delay_days: u32::try_from(delay).unwrap_or(0),
            defaulted_participants: provenance.defaulted_participants,
            advisor: dictionary.code_of(Kind::Advisor, cra.advisor_id.as_str()),
            structure: dictionary.code_of(Kind::Structure, cra.structure_id.as_str()),
            channel: cra.place.channel,
            commune: cra.place.commune.index(),
            declared_commune: (!territory::communes().is_current(declared)).then(|| declared.into()),
            postal_code: cra.place.postal_code.as_ref().parse().unwrap_or(0),
            venue: cra.place.venue_id.as_ref().map(|id| dictionary.code_of(Kind::Venue, id.as_str())),
            activity: cra.activity,
            participants: cra.participants,
            returning: cra.returning_participants,
            ages: cra.ages.0,
            statuses: cra.statuses.0,
            themes: cra.themes.iter().fold(0, |set, theme| set | 1 << theme.index()),
            sub_themes: cra.sub_themes.iter().fold(0, |set, sub_theme| set | 1 << sub_theme.index()),
            annotation: cra.annotation.as_ref().into(),
            duration: cra.duration,
            follow_up_individual: cra.follow_up_individual,
            follow_up_workshop: cra.follow_up_workshop,
            redirections: cra
                .redirections
                .iter()
                .map(|r| (recipient_code(&r.recipient, dictionary), r.people))
                .collect(),
            forgotten: provenance
                .forgotten
                .map(|it| it.iter().map(|(kind, at)| (kind, nanoseconds(at))).collect())
                .unwrap_or_default(),
        }
    }

    /// The same fact in the codes of another dictionary; `None` if that one lacks a text.
    #[must_use]
    pub fn recoded(mut self, code: impl Fn(Kind, Code) -> Option<Code>) -> Option<Self> {
        self.advisor = code(Kind::Advisor, self.advisor)?;
        self.structure = code(Kind::Structure, self.structure)?;
        self.client = code(Kind::Client, self.client)?;
        self.venue = match self.venue {
            Some(venue) => Some(code(Kind::Venue, venue)?),
            None => None,
        };
        for (recipient, _) in &mut self.redirections {
            if let RecipientCode::Other(name) = recipient {
                *name = code(Kind::Organisation, *name)?;
            }
        }
        Some(self)
    }

    /// Its ages.
    #[must_use]
    pub fn age_counts(&self) -> AgeCounts {
        AgeCounts(self.ages)
    }

    /// Its statuses.
    #[must_use]
    pub fn status_counts(&self) -> StatusCounts {
        StatusCounts(self.statuses)
    }

    /// Its themes, in the contract's order.
    pub fn theme_list(&self) -> impl Iterator<Item = Theme> {
        Theme::ALL.iter().copied().filter(|theme| self.themes & (1 << theme.index()) != 0)
    }

    /// Its sub-themes, in the contract's order.
    pub fn sub_theme_list(&self) -> impl Iterator<Item = SubTheme> {
        SubTheme::ALL.iter().copied().filter(|sub_theme| self.sub_themes & (1 << sub_theme.index()) != 0)
    }
}

fn recipient_code<T: AsRef<str>>(recipient: &Recipient<T>, dictionary: &mut Dictionary) -> RecipientCode {
    match recipient {
        Recipient::Known(organisation) => RecipientCode::Known(*organisation),
        Recipient::Other(name) => RecipientCode::Other(dictionary.code_of(Kind::Organisation, name.as_ref())),
        Recipient::Unnamed => RecipientCode::Unnamed,
    }
}

/// Days since 1970-01-01.
#[must_use]
pub fn day_number(date: Date) -> i32 {
    // Dates of the calendar span some ten million days.
    let epoch = jiff::civil::date(1970, 1, 1);
    i32::try_from(date.duration_since(epoch).as_hours() / 24).unwrap_or_default()
}

/// The day of [`day_number`]; `None` beyond the calendar.
#[must_use]
pub fn date_of(day_number: i32) -> Option<Date> {
    let since_the_epoch = Span::new().try_days(day_number).ok()?;
    jiff::civil::date(1970, 1, 1).checked_add(since_the_epoch).ok()
}

/// Nanoseconds since 1970, for instants of the years 1678 to 2262.
#[must_use]
pub fn nanoseconds(instant: Timestamp) -> i64 {
    i64::try_from(instant.as_nanosecond()).unwrap_or(if instant.as_second() < 0 {
        i64::MIN
    } else {
        i64::MAX
    })
}

/// The instant of [`nanoseconds`].
#[must_use]
pub fn instant(nanoseconds: i64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(nanoseconds)).unwrap_or_default()
}
