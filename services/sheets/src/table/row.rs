//! Reads one row of a table as a CRA. Each cell sets its field; columns with the same meaning must agree. A missing
//! commune code is found by the commune's name, and a row without an id gets one.

use std::collections::HashMap;
use std::fmt;

use cra_contracts::v1;
use cra_domain::{spelling, territory};
use prost::Message as _;
use uuid::Uuid;

use super::cell::Cell;
use super::columns::{Column, Columns};
use super::fault::CellFault;
use crate::content::Recordable;
use crate::fields::{Field, without_empty_parts};

/// Namespace of the ids of rows without an id. Never changes: a file that is sent again must get the same ids.
const ROW_IDS: Uuid = Uuid::from_u128(0x6b1f_1c52_93a7_5c0e_8d24_0f7b_e6a1_d309);
/// Number of communes examined for a name that several communes have.
const NAMESAKES_MAX: usize = 50;

/// Content of a row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// Empty if the row has no id.
    pub cra_id: String,
    /// The CRA's fields.
    pub cra: v1::Cra,
    /// Revision of the CRA that the row corrects.
    pub revision: Option<u64>,
    /// Form version; 0 for today's form.
    pub form_version: u32,
    /// Reason for the change.
    pub reason: String,
}

/// Why a row cannot be read.
#[derive(Clone, Debug, PartialEq)]
pub enum RowFault {
    /// Some of its cells cannot be read.
    Cells {
        /// Every such cell.
        faults: Vec<CellFault>,
        /// The row without these cells.
        readable: Box<Row>,
    },
    /// The row as a whole cannot be read.
    Whole(WholeFault),
}

/// Why a row cannot be read as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WholeFault {
    /// It exceeds the bound of a row, and the rows after it are not read. Contains the reader's message.
    TooLong(String),
    /// It is not UTF-8.
    NotText,
    /// It has more cells than a row can have.
    TooManyCells,
}

impl WholeFault {
    /// Message in French for those who fill in the form.
    #[must_use]
    pub fn french(&self) -> &'static str {
        match self {
            Self::TooLong(_) => {
                "Cette ligne est trop longue, et la suite du fichier n'a pas été lue : un guillemet n'est-il pas fermé ?"
            }
            Self::NotText => {
                "Cette ligne contient des caractères illisibles : enregistrez le fichier en UTF-8."
            }
            Self::TooManyCells => "Cette ligne a trop de cellules.",
        }
    }
}

impl fmt::Display for WholeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(error) => {
                write!(f, "{error}; the rest of the file was not read. Is a quote not closed?")
            }
            Self::NotText => f.write_str("not UTF-8 text"),
            Self::TooManyCells => f.write_str("too many cells"),
        }
    }
}

impl fmt::Display for RowFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(fault) => fault.fmt(f),
            Self::Cells { faults, .. } => {
                for (number, CellFault { heading, fault, .. }) in faults.iter().enumerate() {
                    write!(f, "{}« {heading} » : {fault}", if number == 0 { "" } else { " ; " })?;
                }
                Ok(())
            }
        }
    }
}

/// Reads a row. An error lists every cell that cannot be read, with its heading.
pub(super) fn read(columns: &Columns, cells: &[Cell<'_>]) -> Result<Row, RowFault> {
    let mut reading = Reading::default();
    let mut commune_name = None;
    let mut redirected = None;
    for (index, column) in columns.known() {
        let cell = cells.get(*index).unwrap_or(&Cell::Empty);
        if cell.is_empty() {
            continue;
        }
        let at = At { column: *index, heading: columns.heading(*index) };
        let text = match cell.text(*column) {
            Ok(text) => text,
            Err(fault) => {
                reading.fault(at, cell.shown(), &fault);
                continue;
            }
        };
        match column {
            Column::CraId => reading.row.cra_id = text.into_owned(),
            Column::Field(field) => reading.field(*field, at, &text),
            Column::CommuneName => commune_name = Some((at, text.into_owned())),
            Column::Redirected => redirected = Some((at, text.into_owned())),
            Column::Unspecified if text != "0" => {
                reading.unspecified.push((at, text.into_owned()));
            }
            Column::Revision => reading.row.revision = text.parse().ok(),
            Column::FormVersion => reading.row.form_version = text.parse().unwrap_or_default(),
            Column::Reason => reading.row.reason = text.into_owned(),
            Column::Derived | Column::Unspecified => {}
        }
    }
    // An older form may contain what today's cannot; such a row is only looked up by its id.
    if reading.row.form_version == 0 {
        if let Some((at, name)) = commune_name {
            reading.commune(at, &name);
        }
        if let Some((at, people)) = redirected {
            reading.redirected(at, &people);
        }
    } else if !reading.row.cra_id.is_empty() {
        return Ok(reading.row);
    }
    reading.ended()
}

/// A column of the row.
#[derive(Clone, Copy)]
struct At<'a> {
    column: usize,
    heading: &'a str,
}

#[derive(Default)]
struct Reading<'a> {
    row: Row,
    /// The value of each field that was set, and the heading of the column that set it.
    seen: HashMap<Field, (&'a str, String)>,
    unspecified: Vec<(At<'a>, String)>,
    faults: Vec<CellFault>,
}

impl<'a> Reading<'a> {
    fn fault(&mut self, At { column, heading }: At<'a>, found: &str, fault: &str) {
        let (heading, found, fault) = (heading.to_owned(), found.to_owned(), fault.to_owned());
        self.faults.push(CellFault { column, heading, found, fault });
    }

    /// Sets a field. If another column of the row has set it, the two must agree.
    fn field(&mut self, field: Field, at: At<'a>, text: &str) {
        let Some((other, value)) = self.seen.get(&field) else {
            match field.set(&mut self.row.cra, text) {
                Ok(()) => {
                    let value = field.get(&self.row.cra);
                    self.seen.insert(field, (at.heading, value));
                }
                Err(fault) => self.fault(at, text, &fault),
            }
            return;
        };
        let mut again = v1::Cra::default();
        match field.set(&mut again, text) {
            Ok(()) if field.get(&again) == *value => {}
            Ok(()) => {
                let fault = format!("ne correspond pas à « {other} » ; corrigez les deux, ou videz l'une");
                self.fault(at, text, &fault);
            }
            Err(fault) => self.fault(at, text, &fault),
        }
    }

    /// Finds the commune by its name if the code is missing, and otherwise checks that the two agree.
    fn commune(&mut self, at: At<'a>, name: &str) {
        let communes = territory::communes();
        let place = self.row.cra.place.get_or_insert_default();
        let key = |name: &str| spelling::key(&name.replace(['-', '\'', '’'], " "));
        let by_postal_code = || communes.by_postal_code_and_name(&place.postal_code, name);
        let found = || communes.search(name, NAMESAKES_MAX).into_iter().map(|found| found.commune);
        if place.commune_code.is_empty() {
            let namesakes: Vec<_> = found().filter(|id| key(communes.get(*id).name()) == key(name)).collect();
            match (by_postal_code(), &namesakes[..]) {
                (Some(id), _) => communes.get(id).code().clone_into(&mut place.commune_code),
                (None, [id]) => communes.get(*id).code().clone_into(&mut place.commune_code),
                (None, []) => self.fault(at, name, &format!("« {name} » n'est le nom d'aucune commune")),
                (None, _) => {
                    let fault =
                        format!("plusieurs communes s'appellent « {name} » ; donnez aussi le code postal");
                    self.fault(at, name, &fault);
                }
            }
            return;
        }
        // The service judges a code that is not one of today: it may be a postal code, or a former code.
        let current =
            communes.resolve(&place.commune_code).filter(|_| communes.is_current(&place.commune_code));
        let Some(id) = current else { return };
        let commune = communes.get(id);
        let agree = key(commune.name()) == key(name)
            || by_postal_code() == Some(id)
            || found().any(|found| found == id);
        if !agree {
            let fault = format!(
                "le code {} est celui de « {} », non de « {name} » ; corrigez l'un des deux",
                place.commune_code,
                commune.name()
            );
            self.fault(at, name, &fault);
        }
    }

    /// Checks that the sum of the redirections is the number in the column of people sent to other organisations.
    fn redirected(&mut self, at: At<'a>, people: &str) {
        let redirections = self.row.cra.follow_up.iter().flat_map(|follow_up| &follow_up.redirections);
        let sum: u64 = redirections.map(|redirection| u64::from(redirection.people)).sum();
        if people.parse() != Ok(sum) {
            let fault =
                format!("annonce {people}, et les redirections en comptent {sum} ; précisez vers qui");
            self.fault(at, people, &fault);
        }
    }

    fn ended(mut self) -> Result<Row, RowFault> {
        for (at, found) in std::mem::take(&mut self.unspecified) {
            self.fault(at, &found, "le formulaire d'aujourd'hui demande une réponse pour chaque personne");
        }
        self.row.cra = without_empty_parts(self.row.cra);
        if self.faults.is_empty() {
            Ok(self.row)
        } else {
            Err(RowFault::Cells { faults: self.faults, readable: Box::new(self.row) })
        }
    }
}

/// Gives an id to each row that has none.
#[derive(Debug, Default)]
pub struct RowIds(HashMap<u128, u32>);

impl RowIds {
    /// The request to record of a row. Its id is that of the row, or is derived from the row's content and its number
    /// among equal rows.
    pub fn recordable(&mut self, row: Row) -> Recordable {
        let Row { cra_id, cra, form_version, .. } = row;
        if form_version > 0 {
            return Recordable::OlderForm { cra_id, form_version };
        }
        let cra_id = if cra_id.is_empty() { self.next(&cra).to_string() } else { cra_id };
        Recordable::Submission(Box::new(v1::SubmitCraRequest {
            cra_id,
            cra: Some(cra),
            validate_only: false,
        }))
    }

    fn next(&mut self, cra: &v1::Cra) -> Uuid {
        let content = Uuid::new_v5(&ROW_IDS, &cra.encode_to_vec());
        let number = self.0.entry(content.as_u128()).or_default();
        *number += 1;
        Uuid::new_v5(&content, &number.to_be_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(headings: &[&str], cells: &[&str]) -> Result<Row, String> {
        let columns = Columns::of(headings.iter().copied()).unwrap();
        let cells: Vec<Cell<'_>> = cells.iter().map(|text| Cell::Text((*text).into())).collect();
        read(&columns, &cells).map_err(|fault| fault.to_string())
    }

    #[test]
    fn a_lost_zero_is_found_and_a_name_leads_to_its_code_or_must_agree_with_it() {
        let headings = ["cra_id", "Code commune", "Commune", "Code postal", "Date"];
        let place = |cells: &[&str]| row(&headings, cells).map(|row| row.cra.place.unwrap().commune_code);
        assert_eq!(place(&["", "1004", "Ambérieu-en-Bugey", "1500", ""]), Ok("01004".into()));
        assert_eq!(place(&["", "", "amberieu en bugey", "", ""]), Ok("01004".into()));
        assert_eq!(place(&["", "", "Saint-Denis", "97400", ""]), Ok("97411".into()));
        let namesakes = place(&["", "", "Saint-Denis", "", ""]).unwrap_err();
        assert!(namesakes.contains("« Commune » : plusieurs communes"), "{namesakes}");
        let other = place(&["", "1004", "Rennes", "", ""]).unwrap_err();
        assert!(other.contains("celui de « Ambérieu-en-Bugey », non de « Rennes »"), "{other}");
    }

    #[test]
    fn columns_that_say_the_same_thing_must_agree() {
        let headings = ["cra_id", "themes_codes", "themes", "suite_redirection", "redirections"];
        let read = |cells: &[&str]| row(&headings, cells);
        assert!(read(&["", "THEME_EMAIL", "Courriels", "2", "CAF: 2"]).is_ok());
        assert_eq!(read(&["", "", "Courriels", "", ""]).unwrap().cra.themes, [v1::Theme::Email as i32]);
        let themes = read(&["", "THEME_EMAIL", "Santé", "", ""]).unwrap_err();
        assert!(themes.contains("« themes » : ne correspond pas à « themes_codes »"), "{themes}");
        let people = read(&["", "THEME_EMAIL", "", "3", "CAF: 2"]).unwrap_err();
        assert!(people.contains("annonce 3"), "{people}");
    }

    #[test]
    fn every_cell_that_cannot_be_read_is_reported_by_its_heading() {
        let faults =
            row(&["cra_id", "Date", "Nombre de participants"], &["", "31/02/2024", "12,5"]).unwrap_err();
        assert!(
            faults.contains("« Date » : « 31/02/2024 »") && faults.contains("« Nombre de participants »"),
            "{faults}"
        );
    }

    #[test]
    fn equal_rows_are_as_many_cras_and_the_same_file_has_the_same_ids() {
        let ids = || {
            let mut ids = RowIds::default();
            let mut id = |date: &str| match ids.recordable(row(&["cra_id", "date"], &["", date]).unwrap()) {
                Recordable::Submission(request) => request.cra_id,
                other @ Recordable::OlderForm { .. } => panic!("{other:?}"),
            };
            [id("01/03/2024"), id("2024-03-01"), id("02/03/2024"), id("01/03/2024")]
        };
        let first = ids();
        assert_eq!(first, ids());
        assert_eq!(first.iter().collect::<std::collections::HashSet<_>>().len(), 4);
        let row = row(&["cra_id", "date"], &["a", "01/03/2024"]).unwrap();
        assert!(
            matches!(RowIds::default().recordable(row), Recordable::Submission(request) if request.cra_id == "a")
        );
    }
}
