//! The table of CRAs: a row per CRA, a column per field. Codes are the contract's, labels today's; lists are joined by
//! ` | `, counts have separate columns.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::Path;

use compact_str::{CompactString, format_compact};
use cra_domain::cra::{DecodeError, Duration, Recipient, Redirection};
use cra_domain::event::Forgettable;
use cra_domain::territory::{self, Commune, Department, Epci, Region};
use cra_domain::vocabulary::{Activity, AgeBand, Channel, DurationBand, Status, SubTheme, Term, Theme, Word};
use jiff::civil::Date;
use jiff::{Timestamp, Unit};

use super::about::About;
use super::cell::{Cell, Column, Kind, non_empty};
use super::definitions_sheet;
use super::xlsx::Table;
use cra_analytics::dictionary::{self, Dictionary};
use cra_analytics::fact::{Fact, date_of, instant};
use cra_analytics::figures::UNNAMED_ORGANISATION_LABEL;
use cra_analytics::record;

/// Separator of list elements.
const SEPARATOR: &str = " | ";

/// The row of a CRA.
pub struct CraRow {
    fact: Fact,
    cra_id: String,
    day: Date,
    advisor: CompactString,
    structure: CompactString,
    venue: Option<CompactString>,
    commune: &'static Commune,
    /// Empty without one.
    postal_code: CompactString,
    redirections: Vec<Redirection>,
    recorded_at: Timestamp,
    corrected_at: Option<Timestamp>,
}

impl CraRow {
    /// The row of a fact. An error means that fact and dictionary belong to different generations.
    pub fn new(fact: Fact, dictionary: &Dictionary) -> Result<Self, DecodeError> {
        let text = |field, kind, code| {
            let text = dictionary.text(kind, code).ok_or_else(|| DecodeError::new(field, code))?;
            Ok::<_, DecodeError>(CompactString::from(text))
        };
        let communes = territory::communes();
        let commune =
            communes.at(fact.commune).ok_or_else(|| DecodeError::new("place.commune_code", fact.commune))?;
        Ok(Self {
            cra_id: fact.cra_id.to_string(),
            day: date_of(fact.day).ok_or_else(|| DecodeError::new("date", fact.day))?,
            advisor: text("advisor_id", dictionary::Kind::Advisor, fact.advisor)?,
            structure: text("structure_id", dictionary::Kind::Structure, fact.structure)?,
            venue: fact
                .venue
                .map(|code| text("place.venue_id", dictionary::Kind::Venue, code))
                .transpose()?,
            commune: communes.get(commune),
            postal_code: match fact.postal_code {
                0 => CompactString::default(),
                number => format_compact!("{number:05}"),
            },
            redirections: record::redirections(&fact, dictionary)?,
            recorded_at: microseconds("recorded_at", fact.recorded_at)?,
            corrected_at: fact.corrected_at.map(|at| microseconds("corrected_at", at)).transpose()?,
            fact,
        })
    }

    /// The INSEE code as declared.
    fn declared_commune(&self) -> &str {
        self.fact.declared_commune.as_deref().unwrap_or(self.commune.code())
    }

    pub(super) fn age(&self, age: AgeBand) -> u32 {
        self.fact.age_counts().of(age)
    }

    pub(super) fn status(&self, status: Status) -> u32 {
        self.fact.status_counts().of(status)
    }

    /// People of an older form without a value of a list.
    pub(super) fn unspecified<W: Word>(&self, people: impl Fn(&Self, W) -> u32) -> u32 {
        let specified = W::ALL.iter().map(|value| people(self, *value)).fold(0, u32::saturating_add);
        self.fact.participants.saturating_sub(specified)
    }

    /// The themes of the CRA, in the contract's order.
    pub(super) fn themes(&self) -> impl Iterator<Item = Theme> {
        self.fact.theme_list()
    }

    /// The sub-themes of one theme of the CRA, in the contract's order.
    pub(super) fn sub_themes_of(&self, theme: Theme) -> impl Iterator<Item = SubTheme> {
        self.fact.sub_theme_list().filter(move |sub_theme| sub_theme.theme() == theme)
    }

    /// The organisations that people are sent to.
    pub(super) fn redirected_to(&self) -> &[Redirection] {
        &self.redirections
    }

    fn redirections(&self) -> Option<String> {
        let named = self.redirections.iter().map(|Redirection { recipient, people }| {
            let name = match recipient {
                Recipient::Known(known) => known.term().label,
                Recipient::Other(name) => name,
                Recipient::Unnamed => UNNAMED_ORGANISATION_LABEL,
            };
            format!("{name}: {people}")
        });
        joined(named)
    }

    /// Codes of what was forgotten; nothing where nothing was.
    fn forgotten(&self) -> Option<String> {
        joined(self.fact.forgotten.iter().map(|(kind, _)| Forgettable::code(*kind)))
    }

    /// Time at which content of the CRA was last forgotten.
    fn forgotten_at(&self) -> Option<Timestamp> {
        let latest = self.fact.forgotten.iter().map(|(_, at)| *at).max()?;
        microseconds("forgotten", latest).ok()
    }

    fn redirected(&self) -> u64 {
        self.redirections.iter().map(|redirection| u64::from(redirection.people)).sum()
    }
}

/// The nearest instant of the precision that every format supports.
fn microseconds(field: &'static str, nanoseconds: i64) -> Result<Timestamp, DecodeError> {
    let exact = instant(nanoseconds);
    exact.round(Unit::Microsecond).map_err(|error| DecodeError::new(field, error))
}

/// The columns, in the order of the file.
#[must_use]
pub fn columns() -> Vec<Column<CraRow>> {
    let mut columns = identity();
    columns.extend(place());
    columns.extend(people());
    columns.extend(topics());
    columns.extend(follow_up());
    columns.extend(life());
    columns
}

/// The columns that a long table repeats on each row of a CRA.
pub(super) fn repeated_columns() -> Vec<Column<CraRow>> {
    let mut columns = identity();
    columns.extend(place());
    columns.extend(activity());
    columns.extend(duration());
    columns.extend(life());
    columns
}

fn identity() -> Vec<Column<CraRow>> {
    vec![
        Column::required("cra_id", Kind::Text, |row: &CraRow| row.cra_id.as_str().into()).wide(38),
        Column::required("date", Kind::Day, |row: &CraRow| row.day.into()),
        Column::required("conseiller_id", Kind::Text, |row: &CraRow| row.advisor.as_str().into()),
        Column::required("structure_id", Kind::Text, |row: &CraRow| row.structure.as_str().into()),
    ]
}

fn place() -> Vec<Column<CraRow>> {
    let [code, label] = word::<Channel>(["canal_code", "canal"], |row| Some(row.fact.channel));
    let communes = territory::communes();
    vec![
        code,
        label,
        Column::optional("lieu_id", Kind::Text, |row: &CraRow| row.venue.as_deref().into()),
        Column::required("commune_code", Kind::Text, |row: &CraRow| row.declared_commune().into()),
        Column::required("commune_actuelle_code", Kind::Text, |row: &CraRow| row.commune.code().into()),
        Column::required("commune_actuelle", Kind::Text, |row: &CraRow| row.commune.name().into()),
        Column::optional("code_postal", Kind::Text, |row: &CraRow| non_empty(&row.postal_code).into()),
        Column::required("departement_code", Kind::Text, |row: &CraRow| row.commune.department().into()),
        Column::optional("departement", Kind::Text, |row: &CraRow| {
            let id = row.commune.department_id();
            communes.departments().get(usize::from(id.index())).map(Department::name).into()
        }),
        Column::required("region_code", Kind::Text, |row: &CraRow| row.commune.region().into()),
        Column::optional("region", Kind::Text, |row: &CraRow| {
            let id = row.commune.region_id();
            communes.regions().get(usize::from(id.index())).map(Region::name).into()
        }),
        Column::optional("epci_code", Kind::Text, |row: &CraRow| row.commune.epci().into()),
        Column::optional("epci", Kind::Text, |row: &CraRow| {
            let id = row.commune.epci_id();
            id.and_then(|id| communes.epcis().get(usize::from(id.index()))).map(Epci::name).into()
        }),
    ]
}

fn activity() -> Vec<Column<CraRow>> {
    let [code, label] = word::<Activity>(["activite_code", "activite"], |row| Some(row.fact.activity));
    vec![
        code,
        label,
        Column::required("participants", Kind::Integer, |row: &CraRow| row.fact.participants.into()),
        Column::required("participants_recurrents", Kind::Integer, |row: &CraRow| row.fact.returning.into()),
    ]
}

fn people() -> Vec<Column<CraRow>> {
    let mut columns = activity();
    columns.extend(counts("age", CraRow::age));
    columns.extend(counts("statut", CraRow::status));
    columns
}

fn topics() -> Vec<Column<CraRow>> {
    let mut columns = vec![
        Column::optional("themes_codes", Kind::Text, |row: &CraRow| {
            terms(row.fact.theme_list(), |term| term.name).into()
        }),
        Column::optional("themes", Kind::Text, |row: &CraRow| {
            terms(row.fact.theme_list(), |term| term.label).into()
        }),
        Column::optional("sous_themes_codes", Kind::Text, |row: &CraRow| {
            terms(row.fact.sub_theme_list(), |term| term.name).into()
        }),
        Column::optional("sous_themes", Kind::Text, |row: &CraRow| {
            terms(row.fact.sub_theme_list(), |term| term.label).into()
        }),
        Column::optional("annotation", Kind::Text, |row: &CraRow| non_empty(&row.fact.annotation).into()),
    ];
    columns.extend(duration());
    columns
}

fn duration() -> Vec<Column<CraRow>> {
    let [band_code, band] = word::<DurationBand>(["duree_code", "duree"], |row| row.fact.duration.band());
    vec![
        band_code,
        band,
        Column::optional("duree_minutes", Kind::Integer, |row: &CraRow| match row.fact.duration {
            Duration::Exact { minutes } => minutes.into(),
            _ => Cell::Absent,
        }),
    ]
}

fn follow_up() -> Vec<Column<CraRow>> {
    vec![
        Column::required("suite_individuel", Kind::Integer, |row: &CraRow| {
            row.fact.follow_up_individual.into()
        }),
        Column::required("suite_atelier", Kind::Integer, |row: &CraRow| row.fact.follow_up_workshop.into()),
        Column::required("suite_redirection", Kind::Integer, |row: &CraRow| row.redirected().into()),
        Column::optional("redirections", Kind::Text, |row: &CraRow| row.redirections().into()),
    ]
}

fn life() -> Vec<Column<CraRow>> {
    vec![
        Column::required("enregistre_le", Kind::Instant, |row: &CraRow| row.recorded_at.into()),
        Column::optional("corrige_le", Kind::Instant, |row: &CraRow| row.corrected_at.into()),
        Column::required("revision", Kind::Integer, |row: &CraRow| row.fact.revision.into()),
        Column::required("version_formulaire", Kind::Integer, |row: &CraRow| {
            u32::from(row.fact.form_version).into()
        }),
        Column::optional("oublie", Kind::Text, |row: &CraRow| row.forgotten().into()),
        Column::optional("oublie_le", Kind::Instant, |row: &CraRow| row.forgotten_at().into()),
    ]
}

/// Code and label of a value of a list; absent if an older form left it open.
fn word<W: Word>(names: [&'static str; 2], word: fn(&CraRow) -> Option<W>) -> [Column<CraRow>; 2] {
    let term = move |row: &CraRow| word(row).map(Word::term);
    let [code, label] = names;
    [
        Column::optional(code, Kind::Text, move |row| term(row).map(|term| term.name).into()),
        Column::optional(label, Kind::Text, move |row| term(row).map(|term| term.label).into()),
    ]
}

/// A column per value of a list, and one for the people that an older form left open.
fn counts<W: Word + Send + Sync>(
    list: &str,
    people: fn(&CraRow, W) -> u32,
) -> impl Iterator<Item = Column<CraRow>> {
    let values = W::ALL.iter().map(move |value| {
        Column::required(value.term().column(list), Kind::Integer, move |row: &CraRow| {
            people(row, *value).into()
        })
    });
    let unspecified =
        Column::required(format!("{list}_non_renseigne"), Kind::Integer, move |row: &CraRow| {
            row.unspecified::<W>(people).into()
        });
    values.collect::<Vec<_>>().into_iter().chain([unspecified])
}

/// The values of a list, separated by ` | `; `None` for an empty list.
pub(super) fn terms<W: Word>(
    words: impl Iterator<Item = W>,
    what: fn(&'static Term) -> &'static str,
) -> Option<Cow<'static, str>> {
    let mut texts = words.map(|word| what(word.term()));
    let first = texts.next()?;
    // Most lists have one value.
    let Some(second) = texts.next() else {
        return Some(first.into());
    };
    joined([first, second].into_iter().chain(texts)).map(Cow::Owned)
}

fn joined<T: AsRef<str>>(texts: impl Iterator<Item = T>) -> Option<String> {
    texts.fold(None, |joined, text| {
        let mut joined = joined.map(|joined: String| joined + SEPARATOR).unwrap_or_default();
        joined.push_str(text.as_ref());
        Some(joined)
    })
}

/// The workbook of CRAs: as many sheets as needed, then the description of the file.
pub struct CrasWorkbook(Table<CraRow>);

impl CrasWorkbook {
    /// Starts the workbook. Rows are buffered in an unnamed file in `folder`.
    pub fn begin(folder: &Path) -> io::Result<Self> {
        let columns = columns();
        let printed = columns.len();
        Ok(Self(Table::begin("CRA", columns, printed, folder)?))
    }

    /// Adds a row.
    pub fn row(&mut self, row: &CraRow) -> io::Result<()> {
        self.0.row(row)
    }

    /// Writes the file.
    pub fn finish(self, about: &About, output: impl Write + Send) -> io::Result<()> {
        let mut workbook = self.0.finish()?;
        definitions_sheet::add(about, &mut workbook, &[])?;
        super::xlsx::save(workbook, about, output)
    }
}
