//! The table of CRAs: a row per CRA, a column per field. Codes are the contract's, labels today's; lists are joined by
//! ` | `, counts have separate columns.

use cra_contracts::v1;
use cra_domain::cra::DecodeError;
use cra_domain::event::{Forgotten, timestamp};
use cra_domain::territory::{self, Commune, Department, Epci, Region};
use cra_domain::vocabulary::{
    Activity, AgeBand, Channel, DurationBand, Organisation, Status, SubTheme, Term, Theme, Word,
};
use jiff::civil::Date;
use jiff::{Timestamp, Unit};
use std::io::{self, Write};
use std::path::Path;

use super::about::About;
use super::cell::{Column, Kind, non_empty};
use super::definitions_sheet;
use super::xlsx::Table;
use cra_analytics::figures::UNNAMED_ORGANISATION_LABEL;

/// Separator of list elements.
const SEPARATOR: &str = " | ";

/// The row of a CRA.
pub struct CraRow {
    cra_id: String,
    revision: u64,
    cra: v1::Cra,
    place: v1::Place,
    ages: v1::AgeCounts,
    statuses: v1::StatusCounts,
    follow_up: v1::FollowUp,
    day: Date,
    recorded_at: Timestamp,
    corrected_at: Option<Timestamp>,
    form_version: u32,
    /// What the CRA's content no longer holds.
    forgotten: Forgotten,
    commune: &'static Commune,
}

impl CraRow {
    /// The row of a record. An error means that this service did not write the record.
    pub fn new(record: v1::CraRecord) -> Result<Self, DecodeError> {
        let mut cra = record.cra.ok_or_else(|| DecodeError::new("cra", "nothing"))?;
        let place = cra.place.take().unwrap_or_default();
        let commune = territory::communes()
            .resolve(&place.commune_code)
            .ok_or_else(|| DecodeError::new("place.commune_code", &place.commune_code))?;
        let moment = |field, message: &Option<_>| {
            let instant = timestamp(field, message.as_ref())?;
            // The precision that every format supports.
            instant.round(Unit::Microsecond).map_err(|error| DecodeError::new(field, error))
        };
        let corrected_at = &record.corrected_at;
        Ok(Self {
            day: cra.date.parse().map_err(|_| DecodeError::new("date", &cra.date))?,
            ages: cra.ages.take().unwrap_or_default(),
            statuses: cra.statuses.take().unwrap_or_default(),
            follow_up: cra.follow_up.take().unwrap_or_default(),
            recorded_at: moment("recorded_at", &record.recorded_at)?,
            corrected_at: corrected_at.is_some().then(|| moment("corrected_at", corrected_at)).transpose()?,
            cra_id: record.cra_id,
            revision: record.revision,
            form_version: record.legacy_form_version,
            forgotten: Forgotten::from_message(record.forgotten.as_ref())?,
            commune: territory::communes().get(commune),
            cra,
            place,
        })
    }

    fn participants(&self) -> u32 {
        self.cra.participants.unwrap_or_default()
    }

    /// People of an age band.
    pub(super) fn age(&self, age: AgeBand) -> u32 {
        match age {
            AgeBand::Under12 => self.ages.under_12,
            AgeBand::From12To18 => self.ages.from_12_to_18,
            AgeBand::From18To35 => self.ages.from_18_to_35,
            AgeBand::From35To60 => self.ages.from_35_to_60,
            AgeBand::Over60 => self.ages.over_60,
        }
    }

    /// People of a status.
    pub(super) fn status(&self, status: Status) -> u32 {
        match status {
            Status::Student => self.statuses.student,
            Status::Unemployed => self.statuses.unemployed,
            Status::Employed => self.statuses.employed,
            Status::Retired => self.statuses.retired,
            Status::UnspecifiedOrMixed => self.statuses.unspecified_or_mixed,
        }
    }

    /// People of an older form without a value of a list.
    pub(super) fn unspecified<W: Word>(&self, people: impl Fn(&Self, W) -> u32) -> u32 {
        let specified = W::ALL.iter().map(|value| people(self, *value)).fold(0, u32::saturating_add);
        self.participants().saturating_sub(specified)
    }

    /// Its themes, as the contract's numbers.
    pub(super) fn theme_numbers(&self) -> &[i32] {
        &self.cra.themes
    }

    /// Its sub-themes of one theme, as the contract's numbers.
    pub(super) fn sub_themes_of(&self, theme: Theme) -> Vec<i32> {
        let is_of = |number: &&i32| SubTheme::from_number(**number).is_some_and(|it| it.theme() == theme);
        self.cra.sub_themes.iter().filter(is_of).copied().collect()
    }

    /// Where people are sent to.
    pub(super) fn redirected_to(&self) -> &[v1::Redirection] {
        &self.follow_up.redirections
    }

    fn redirections(&self) -> String {
        let named = self.follow_up.redirections.iter().map(|redirection| {
            let name = match &redirection.organisation {
                Some(v1::redirection::Organisation::Known(number)) => {
                    Organisation::from_number(*number).map_or("", |known| known.term().label)
                }
                Some(v1::redirection::Organisation::Other(name)) => name,
                None => UNNAMED_ORGANISATION_LABEL,
            };
            format!("{name}: {}", redirection.people)
        });
        named.collect::<Vec<_>>().join(SEPARATOR)
    }

    /// Codes of what was forgotten; nothing where nothing was.
    fn forgotten(&self) -> Option<String> {
        let codes: Vec<_> = self.forgotten.iter().map(|(kind, _)| kind.code()).collect();
        (!codes.is_empty()).then(|| codes.join(SEPARATOR))
    }

    /// When something of it was last forgotten.
    fn forgotten_at(&self) -> Option<Timestamp> {
        let latest = self.forgotten.iter().map(|(_, at)| at).max()?;
        // As precise as every format can say.
        latest.round(Unit::Microsecond).ok()
    }

    fn redirected(&self) -> u64 {
        self.follow_up.redirections.iter().map(|redirection| u64::from(redirection.people)).sum()
    }
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
        Column::required("conseiller_id", Kind::Text, |row: &CraRow| row.cra.advisor_id.as_str().into()),
        Column::required("structure_id", Kind::Text, |row: &CraRow| row.cra.structure_id.as_str().into()),
    ]
}

fn place() -> Vec<Column<CraRow>> {
    let communes = territory::communes();
    let [code, label] = word::<Channel>(["canal_code", "canal"], |row| row.place.channel);
    vec![
        code,
        label,
        Column::optional("lieu_id", Kind::Text, |row: &CraRow| non_empty(&row.place.venue_id).into()),
        Column::required("commune_code", Kind::Text, |row: &CraRow| row.place.commune_code.as_str().into()),
        Column::required("commune_actuelle_code", Kind::Text, |row: &CraRow| row.commune.code().into()),
        Column::required("commune_actuelle", Kind::Text, |row: &CraRow| row.commune.name().into()),
        Column::optional("code_postal", Kind::Text, |row: &CraRow| non_empty(&row.place.postal_code).into()),
        Column::required("departement_code", Kind::Text, |row: &CraRow| row.commune.department().into()),
        Column::optional("departement", Kind::Text, |row: &CraRow| {
            communes.department(row.commune.department()).map(Department::name).into()
        }),
        Column::required("region_code", Kind::Text, |row: &CraRow| row.commune.region().into()),
        Column::optional("region", Kind::Text, |row: &CraRow| {
            communes.region(row.commune.region()).map(Region::name).into()
        }),
        Column::optional("epci_code", Kind::Text, |row: &CraRow| row.commune.epci().into()),
        Column::optional("epci", Kind::Text, |row: &CraRow| {
            row.commune.epci().and_then(|code| communes.epci(code)).map(Epci::name).into()
        }),
    ]
}

fn activity() -> Vec<Column<CraRow>> {
    let [code, label] = word::<Activity>(["activite_code", "activite"], |row| row.cra.activity);
    vec![
        code,
        label,
        Column::required("participants", Kind::Integer, |row: &CraRow| row.participants().into()),
        Column::required("participants_recurrents", Kind::Integer, |row: &CraRow| {
            row.cra.returning_participants.into()
        }),
    ]
}

fn people() -> Vec<Column<CraRow>> {
    let mut columns = activity();
    columns.extend(counts("age", CraRow::age));
    columns.extend(counts("statut", CraRow::status));
    columns
}

fn topics() -> Vec<Column<CraRow>> {
    let themes = |row: &CraRow, what: fn(&Term) -> &str| joined::<Theme>(&row.cra.themes, what);
    let sub_themes = |row: &CraRow, what: fn(&Term) -> &str| joined::<SubTheme>(&row.cra.sub_themes, what);
    let mut columns = vec![
        Column::optional("themes_codes", Kind::Text, move |row: &CraRow| {
            themes(row, |term| term.name).into()
        }),
        Column::optional("themes", Kind::Text, move |row: &CraRow| themes(row, |term| term.label).into()),
        Column::optional("sous_themes_codes", Kind::Text, move |row: &CraRow| {
            sub_themes(row, |term| term.name).into()
        }),
        Column::optional("sous_themes", Kind::Text, move |row: &CraRow| {
            sub_themes(row, |term| term.label).into()
        }),
        Column::optional("annotation", Kind::Text, |row: &CraRow| non_empty(&row.cra.annotation).into()),
    ];
    columns.extend(duration());
    columns
}

fn duration() -> Vec<Column<CraRow>> {
    let [band_code, band] =
        word::<DurationBand>(["duree_code", "duree"], |row| row.cra.duration.unwrap_or_default().band);
    vec![
        band_code,
        band,
        Column::optional("duree_minutes", Kind::Integer, |row: &CraRow| {
            row.cra.duration.and_then(|duration| duration.minutes).into()
        }),
    ]
}

fn follow_up() -> Vec<Column<CraRow>> {
    vec![
        Column::required("suite_individuel", Kind::Integer, |row: &CraRow| row.follow_up.individual.into()),
        Column::required("suite_atelier", Kind::Integer, |row: &CraRow| row.follow_up.workshop.into()),
        Column::required("suite_redirection", Kind::Integer, |row: &CraRow| row.redirected().into()),
        Column::optional("redirections", Kind::Text, |row: &CraRow| {
            Some(row.redirections()).filter(|text| !text.is_empty()).into()
        }),
    ]
}

fn life() -> Vec<Column<CraRow>> {
    vec![
        Column::required("enregistre_le", Kind::Instant, |row: &CraRow| row.recorded_at.into()),
        Column::optional("corrige_le", Kind::Instant, |row: &CraRow| row.corrected_at.into()),
        Column::required("revision", Kind::Integer, |row: &CraRow| row.revision.into()),
        Column::required("version_formulaire", Kind::Integer, |row: &CraRow| row.form_version.into()),
        Column::optional("oublie", Kind::Text, |row: &CraRow| row.forgotten().into()),
        Column::optional("oublie_le", Kind::Instant, |row: &CraRow| row.forgotten_at().into()),
    ]
}

/// Code and label of a value of a list; absent if an older form left it open.
fn word<W: Word>(names: [&'static str; 2], number: fn(&CraRow) -> i32) -> [Column<CraRow>; 2] {
    let term = move |row: &CraRow| W::from_number(number(row)).map(Word::term);
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

/// The values of a list, separated by ` | `; empty for an empty list.
pub(super) fn joined<W: Word>(numbers: &[i32], what: fn(&Term) -> &str) -> Option<String> {
    let words = numbers.iter().filter_map(|number| W::from_number(*number));
    let texts: Vec<&str> = words.map(|word| what(word.term())).collect();
    (!texts.is_empty()).then(|| texts.join(SEPARATOR))
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
