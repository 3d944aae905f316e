//! Reads a file: each CRA with its location, and every cell that cannot be read. Uses the readers of `cra-sheets`, like
//! the command line.

use std::collections::HashMap;
use std::io;
use std::ops::ControlFlow;

use cra_contracts::v1;
use cra_domain::cra::field_label;
use cra_domain::french;
use cra_sheets::content::{self, OLDER_DOCUMENT, Recordable};
use cra_sheets::file::{self, Bounds, Content, OpenError};
use cra_sheets::table::CellFault;
use cra_sheets::table::columns::Columns;
use cra_sheets::table::row::{Row, RowFault, RowIds};
use cra_sheets::table::{Headings, Table};
use cra_sheets::{Item, Location, Unsent, source};

use super::upload::Fill;

/// Upper bound on the CRAs of a file.
pub(super) const ROWS_MAX: usize = 5_000;

#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) location: Location,
    pub(super) request: v1::SubmitCraRequest,
    /// Cells that cannot be read. If there are any, the rest is only checked.
    pub(super) faults: Vec<CellFault>,
}

/// A fault of a file, with its location as spreadsheets show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// Sheet, row, column: the order in which faults are read.
    key: (u32, u64, usize),
    /// `Feuille « CRA », ligne 12`, or `Ligne 12`.
    pub(super) line: String,
    /// `C12`; empty for a fault of the whole line.
    pub(super) cell: String,
    /// The column's heading, or the field's name; empty for a fault of the whole line.
    pub(super) field: String,
    /// Content of the cell; empty if it is unknown.
    pub(super) found: String,
    pub(super) message: String,
}

/// The tables of a file: the columns and the name of each sheet.
#[derive(Clone, Debug, Default)]
pub(super) struct Sheets {
    columns: Vec<Columns>,
    names: Vec<String>,
}

#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) lines: Vec<Line>,
    pub(super) problems: Vec<Problem>,
    pub(super) sheets: Sheets,
    /// Headings of columns that are not read.
    pub(super) unread: Vec<String>,
}

impl Sheets {
    fn of(table: &Table) -> Self {
        Self {
            columns: table.columns().into_iter().cloned().collect(),
            names: table.sheets().into_iter().map(str::to_owned).collect(),
        }
    }

    /// Index of the sheet, from 0.
    fn index(location: Location) -> u32 {
        match location {
            Location::Row { sheet: Some(sheet), .. } => sheet.saturating_sub(1),
            _ => 0,
        }
    }

    /// The columns of the table; `None` if the file is not a table.
    pub(super) fn columns(&self, location: Location) -> Option<&Columns> {
        self.columns.get(Self::index(location) as usize)
    }

    /// The line as text: `Feuille « CRA », ligne 12`.
    pub(super) fn line(&self, location: Location) -> String {
        let number = french::thousands(location.number());
        match location {
            Location::Line(_) | Location::Row { sheet: None, .. } => format!("Ligne {number}"),
            Location::Element(_) => format!("Élément {number}"),
            Location::Row { sheet: Some(_), .. } => {
                let name = self.names.get(Self::index(location) as usize).map_or("", String::as_str);
                format!("Feuille «\u{a0}{name}\u{a0}», ligne {number}")
            }
        }
    }

    /// A fault of a whole line.
    pub(super) fn of_line(&self, location: Location, message: impl Into<String>) -> Problem {
        let (cell, field, found) = Default::default();
        let key = (Self::index(location), location.number(), 0);
        Problem { key, line: self.line(location), cell, field, found, message: message.into() }
    }

    fn of_cell(&self, location: Location, fault: CellFault) -> Problem {
        let CellFault { column, heading, found, fault } = fault;
        let letters = self.columns(location).map(|columns| columns.letters(column)).unwrap_or_default();
        Problem {
            key: (Self::index(location), location.number(), column),
            cell: format!("{letters}{}", location.number()),
            field: heading,
            found,
            ..self.of_line(location, fault)
        }
    }

    /// A fault at a path of the contract: at the first column that the path concerns, with the headings of all of them.
    pub(super) fn of_path(&self, location: Location, path: &str, message: impl Into<String>) -> Problem {
        let columns = self.columns(location);
        let indices = columns.map(|columns| columns.columns_of_violation(path)).unwrap_or_default();
        let (Some(columns), Some(first)) = (columns, indices.first()) else {
            let whole = path.split('[').next().unwrap_or_default();
            return Problem { field: field_label(whole).to_owned(), ..self.of_line(location, message) };
        };
        let headings = if indices.len() == 1 { columns.heading(*first) } else { field_label(path) };
        let headings = if headings.is_empty() { columns.heading(*first) } else { headings };
        let cell = format!("{}{}", columns.letters(*first), location.number());
        Problem {
            key: (Self::index(location), location.number(), *first),
            cell,
            field: headings.to_owned(),
            ..self.of_line(location, message)
        }
    }
}

/// Sorts in the order of the file.
pub(super) fn sort(problems: &mut [Problem]) {
    problems.sort_by_key(|problem| problem.key);
}

/// Reads a file of at most `limit` bytes. An error says in French why the whole file cannot be used.
pub(super) fn read(bytes: Vec<u8>, limit: u64, fill: &Fill) -> Result<Contents, String> {
    let opened = file::of_bytes(bytes, Bounds::of_uploads(limit)).map_err(|error| match error {
        OpenError::NotRead(what) => what.french().to_owned(),
        OpenError::Unreadable(error) => broken(&error),
    })?;
    if opened.holds_older_documents() {
        return Err("Ce fichier contient des documents de l'ancien système : confiez-le à votre administrateur, qui les \
                    reprend avec `cra import`."
            .to_owned());
    }
    let mut reading = Reading { contents: Contents::default(), ids: RowIds::default(), fill };
    let read = match opened.into_content() {
        Content::Json(text) => source::read(text, content::recordable, |item| reading.item(item)),
        Content::Table(table) => {
            reading.contents.sheets = Sheets::of(&table);
            reading.columns(fill)?;
            table.read(&Headings::default(), &mut |location, row| reading.row(location, row))
        }
    };
    read.map_err(|error| broken(&error))?;
    let mut contents = reading.contents;
    if contents.lines.len() > ROWS_MAX {
        let limit = french::thousands(ROWS_MAX as u64);
        return Err(format!(
            "Ce fichier contient plus de {limit} comptes-rendus : partagez-le en plusieurs fichiers."
        ));
    }
    if contents.lines.is_empty() && contents.problems.is_empty() {
        return Err(
            "Ce fichier ne contient aucun compte-rendu : remplissez une ligne sous les titres des colonnes."
                .to_owned(),
        );
    }
    contents.report_conflicting_ids();
    Ok(contents)
}

fn broken(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::QuotaExceeded => {
            "Ce fichier contient, une fois décompressé, plus que ce qui peut être lu : partagez-le en plusieurs fichiers."
        }
        _ => "Ce fichier est incomplet ou abîmé : enregistrez-le de nouveau, puis choisissez-le.",
    }
    .to_owned()
}

struct Reading<'a> {
    contents: Contents,
    ids: RowIds,
    fill: &'a Fill,
}

impl Reading<'_> {
    /// Refuses a table without the columns of a CRA, and collects the headings that are not read.
    fn columns(&mut self, fill: &Fill) -> Result<(), String> {
        let is_filled = |name: &str| {
            name == "conseiller_id" && !fill.advisor.is_empty()
                || name == "structure_id" && !fill.structure.is_empty()
        };
        for columns in &self.contents.sheets.columns {
            let missing: Vec<_> = columns.missing().into_iter().filter(|name| !is_filled(name)).collect();
            if !missing.is_empty() {
                return Err(format!(
                    "Des colonnes manquent à ce tableau : {}. Le modèle les a toutes.",
                    missing.join(", ")
                ));
            }
            if let Some(slip) = columns.slip() {
                return Err(format!(
                    "Aucune colonne ne s'appelle «\u{a0}{}\u{a0}» : vouliez-vous écrire «\u{a0}{}\u{a0}» ?",
                    slip.found, slip.suggested
                ));
            }
            self.contents.unread.extend(columns.unread().into_iter().map(str::to_owned));
        }
        Ok(())
    }

    fn row(&mut self, location: Location, row: Result<Row, RowFault>) -> ControlFlow<()> {
        let (row, faults) = match row {
            Ok(row) => (row, Vec::new()),
            Err(RowFault::Cells { faults, readable }) => (*readable, faults),
            Err(RowFault::Whole(fault)) => {
                let problem = self.contents.sheets.of_line(location, fault.french());
                self.contents.problems.push(problem);
                return ControlFlow::Continue(());
            }
        };
        let row = Row { cra: filled(row.cra, self.fill), ..row };
        let recordable = self.ids.recordable(row);
        for fault in &faults {
            let problem = self.contents.sheets.of_cell(location, fault.clone());
            self.contents.problems.push(problem);
        }
        self.take(location, recordable, faults)
    }

    fn item(&mut self, item: Item<Recordable>) -> ControlFlow<()> {
        let message = match item.content {
            Ok(recordable) => return self.take(item.location, recordable, Vec::new()),
            Err(Unsent::Unreadable(problem)) if problem == OLDER_DOCUMENT => {
                "C'est un document de l'ancien système : confiez-le à votre administrateur.".to_owned()
            }
            Err(unsent) => format!("Ce n'est pas un compte-rendu en JSON ({unsent})."),
        };
        let problem = self.contents.sheets.of_line(item.location, message);
        self.contents.problems.push(problem);
        ControlFlow::Continue(())
    }

    fn take(
        &mut self,
        location: Location,
        recordable: Recordable,
        faults: Vec<CellFault>,
    ) -> ControlFlow<()> {
        match recordable {
            Recordable::Submission(mut request) => {
                request.cra = request.cra.map(|cra| filled(cra, self.fill));
                request.validate_only = false;
                self.contents.lines.push(Line { location, request: *request, faults });
            }
            Recordable::OlderForm { .. } => {
                let message = "Ce compte-rendu a été saisi avec un formulaire plus ancien, et il est déjà compté : retirez cette ligne.";
                let problem = self.contents.sheets.of_line(location, message);
                self.contents.problems.push(problem);
            }
        }
        let is_full = self.contents.lines.len() > ROWS_MAX;
        if is_full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// Fills in empty cells before an id is derived from the row: a row with the cells filled in gets the same id.
fn filled(mut cra: v1::Cra, fill: &Fill) -> v1::Cra {
    for (text, known) in [(&mut cra.advisor_id, &fill.advisor), (&mut cra.structure_id, &fill.structure)] {
        if text.is_empty() {
            text.clone_from(known);
        }
    }
    cra
}

impl Contents {
    /// Reports one id with two contents: the service would record the first and refuse the second.
    fn report_conflicting_ids(&mut self) {
        let mut first: HashMap<&str, &Line> = HashMap::new();
        let mut problems = Vec::new();
        for line in self.lines.iter().filter(|line| !line.request.cra_id.is_empty()) {
            let known = first.entry(&line.request.cra_id).or_insert(line);
            if known.request.cra != line.request.cra {
                let other = self.sheets.line(known.location);
                let message =
                    format!("porte le même identifiant qu'un autre compte-rendu de ce fichier ({other}).");
                problems.push(self.sheets.of_path(line.location, "cra_id", message));
            }
        }
        self.problems.append(&mut problems);
    }
}
