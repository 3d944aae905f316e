//! Long tables of CRAs, for pivot tables: a row per CRA and theme, age band, status or organisation, with the CRA's
//! columns, so that rows can be grouped by any of them. The people, or the CRAs, of a value add up to its line of the
//! statistics; the participants, which repeat on each row, do not.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::Path;

use cra_domain::cra::{Recipient, Redirection};
use cra_domain::selection::UNSPECIFIED_LABEL;
use cra_domain::spelling;
use cra_domain::vocabulary::{SubTheme, Term, Theme, Word};

use super::about::About;
use super::cell::{Column, Kind};
use super::content::List;
use super::cras::{self, CraRow, terms};
use super::definitions_sheet;
use super::xlsx::{self, Table};
use cra_analytics::figures::{UNNAMED_ORGANISATION, UNNAMED_ORGANISATION_LABEL};

/// One element of a CRA's list.
#[derive(Default)]
struct Item {
    code: Cow<'static, str>,
    label: Cow<'static, str>,
    /// Number of people, for age bands, statuses and organisations.
    people: u32,
    /// Sub-themes of the theme.
    sub_themes: Vec<SubTheme>,
}

/// A CRA and one element of its list.
pub struct LongRow {
    cra: CraRow,
    item: Item,
}

impl LongRow {
    /// Calls a function for each row of a CRA, in the order of the contract's values; for organisations in that of the
    /// CRA.
    pub fn each(cra: CraRow, list: List, mut take: impl FnMut(&Self) -> io::Result<()>) -> io::Result<()> {
        let items = match list {
            List::Themes => themes(&cra),
            List::Ages => people(&cra, CraRow::age, "AGE_BAND_UNSPECIFIED"),
            List::Statuses => people(&cra, CraRow::status, "STATUS_UNSPECIFIED"),
            List::Organisations => organisations(&cra),
        };
        let mut row = Self { cra, item: Item::default() };
        for item in items {
            row.item = item;
            take(&row)?;
        }
        Ok(())
    }
}

fn item(term: &'static Term) -> Item {
    Item { code: term.name.into(), label: term.label.into(), ..Item::default() }
}

fn themes(cra: &CraRow) -> Vec<Item> {
    let of = |theme: Theme| Item { sub_themes: cra.sub_themes_of(theme).collect(), ..item(theme.term()) };
    cra.themes().map(of).collect()
}

/// The values with at least one person, and the people that an older form left open.
fn people<W: Word>(cra: &CraRow, people: fn(&CraRow, W) -> u32, unspecified: &'static str) -> Vec<Item> {
    let values = W::ALL.iter().map(|value| Item { people: people(cra, *value), ..item(value.term()) });
    let open = Item {
        code: unspecified.into(),
        label: UNSPECIFIED_LABEL.into(),
        people: cra.unspecified(people),
        ..Item::default()
    };
    values.chain([open]).filter(|item| item.people > 0).collect()
}

/// The code of a free name is its spelling-insensitive key, as in the statistics; its label is its spelling.
fn organisations(cra: &CraRow) -> Vec<Item> {
    let of = |redirection: &Redirection| {
        let named = match redirection.recipient.recognised() {
            Recipient::Known(organisation) => item(organisation.term()),
            Recipient::Other(name) => Item {
                code: spelling::key(&name).into(),
                label: String::from(name).into(),
                ..Item::default()
            },
            Recipient::Unnamed => Item {
                code: UNNAMED_ORGANISATION.into(),
                label: UNNAMED_ORGANISATION_LABEL.into(),
                ..Item::default()
            },
        };
        Item { people: redirection.people, ..named }
    };
    cra.redirected_to().iter().map(of).collect()
}

/// The columns, in the order of the file: the value, its people, then the CRA's.
#[must_use]
pub fn columns(list: List) -> Vec<Column<LongRow>> {
    let [code, label] = match list {
        List::Themes => ["theme_code", "theme"],
        List::Ages => ["age_code", "age"],
        List::Statuses => ["statut_code", "statut"],
        List::Organisations => ["organisme_code", "organisme"],
    };
    let mut columns = vec![
        Column::required(code, Kind::Text, |row: &LongRow| (&*row.item.code).into()),
        Column::required(label, Kind::Text, |row: &LongRow| (&*row.item.label).into()).wide(34),
    ];
    if list == List::Themes {
        columns.extend([
            Column::optional("sous_themes_codes", Kind::Text, |row: &LongRow| {
                terms(row.item.sub_themes.iter().copied(), |term| term.name).into()
            }),
            Column::optional("sous_themes", Kind::Text, |row: &LongRow| {
                terms(row.item.sub_themes.iter().copied(), |term| term.label).into()
            }),
        ]);
    } else {
        columns.push(Column::required("personnes", Kind::Integer, |row: &LongRow| row.item.people.into()));
    }
    let repeated = cras::repeated_columns().into_iter();
    columns.extend(repeated.map(|column| column.within(|row: &LongRow| &row.cra)));
    columns
}

/// The workbook of a long table: as many sheets as needed, then the description of the file.
pub struct LongWorkbook(Table<LongRow>);

impl LongWorkbook {
    /// Starts the workbook. Rows are buffered in an unnamed file in `folder`.
    pub fn begin(list: List, folder: &Path) -> io::Result<Self> {
        let columns = columns(list);
        let printed = columns.len();
        Ok(Self(Table::begin("CRA", columns, printed, folder)?))
    }

    /// Adds a row.
    pub fn row(&mut self, row: &LongRow) -> io::Result<()> {
        self.0.row(row)
    }

    /// Writes the file.
    pub fn finish(self, about: &About, output: impl Write + Send) -> io::Result<()> {
        let mut workbook = self.0.finish()?;
        definitions_sheet::add(about, &mut workbook, &[])?;
        xlsx::save(workbook, about, output)
    }
}
