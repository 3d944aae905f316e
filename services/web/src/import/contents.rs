//! What a file holds: each CRA with its place, and every cell that cannot be read. The readers are those of `cra-sheets`, which
//! the command line uses too.

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
use cra_sheets::{Item, Place, Unsent, source};

use super::upload::Fill;

/// CRAs of a file.
pub(super) const ROWS_MAX: usize = 5_000;

/// A CRA of a file.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) place: Place,
    pub(super) request: v1::SubmitCraRequest,
    /// Cells that cannot be read: the rest is only checked.
    pub(super) faults: Vec<CellFault>,
}

/// A fault of a file, where a person finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// Sheet, row, column: the order in which faults are read.
    key: (u32, u64, usize),
    /// `Feuille « CRA », ligne 12`, or `Ligne 12`.
    pub(super) line: String,
    /// `C12`; empty where it is of the whole line.
    pub(super) cell: String,
    /// The column's heading, or the field's name; empty where it is of the whole line.
    pub(super) field: String,
    /// What the cell holds; empty where that is not known.
    pub(super) found: String,
    pub(super) message: String,
}

/// The tables of a file: the columns of each sheet, and its name where it has one.
#[derive(Clone, Debug, Default)]
pub(super) struct Sheets {
    columns: Vec<Columns>,
    names: Vec<String>,
}

/// What a file holds.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) lines: Vec<Line>,
    pub(super) problems: Vec<Problem>,
    pub(super) sheets: Sheets,
    /// Columns that are not read.
    pub(super) unread: Vec<String>,
}

impl Sheets {
    fn of(table: &Table) -> Self {
        Self {
            columns: table.columns().into_iter().cloned().collect(),
            names: table.sheets().into_iter().map(str::to_owned).collect(),
        }
    }

    /// The sheet of a place, from 0.
    fn index(place: Place) -> u32 {
        match place {
            Place::Row { sheet: Some(sheet), .. } => sheet.saturating_sub(1),
            _ => 0,
        }
    }

    /// The columns that a place lies under; `None` where the file is no table.
    pub(super) fn columns(&self, place: Place) -> Option<&Columns> {
        self.columns.get(Self::index(place) as usize)
    }

    /// `Feuille « CRA », ligne 12`.
    pub(super) fn line(&self, place: Place) -> String {
        let number = french::thousands(place.number());
        match place {
            Place::Line(_) | Place::Row { sheet: None, .. } => format!("Ligne {number}"),
            Place::Element(_) => format!("Élément {number}"),
            Place::Row { sheet: Some(_), .. } => {
                let name = self.names.get(Self::index(place) as usize).map_or("", String::as_str);
                format!("Feuille «\u{a0}{name}\u{a0}», ligne {number}")
            }
        }
    }

    /// A fault of a whole line.
    pub(super) fn of_line(&self, place: Place, message: impl Into<String>) -> Problem {
        let (cell, field, found) = Default::default();
        let key = (Self::index(place), place.number(), 0);
        Problem { key, line: self.line(place), cell, field, found, message: message.into() }
    }

    fn of_cell(&self, place: Place, fault: CellFault) -> Problem {
        let CellFault { place: column, heading, found, fault } = fault;
        let letters = self.columns(place).map(|columns| columns.letters(column)).unwrap_or_default();
        Problem {
            key: (Self::index(place), place.number(), column),
            cell: format!("{letters}{}", place.number()),
            field: heading,
            found,
            ..self.of_line(place, fault)
        }
    }

    /// A fault at a path of the contract: of the first column that the path is about, with the headings of all.
    pub(super) fn of_path(&self, place: Place, path: &str, message: impl Into<String>) -> Problem {
        let columns = self.columns(place);
        let places = columns.map(|columns| columns.places_of_violation(path)).unwrap_or_default();
        let (Some(columns), Some(first)) = (columns, places.first()) else {
            let whole = path.split('[').next().unwrap_or_default();
            return Problem { field: field_label(whole).to_owned(), ..self.of_line(place, message) };
        };
        let headings = if places.len() == 1 { columns.heading(*first) } else { field_label(path) };
        let headings = if headings.is_empty() { columns.heading(*first) } else { headings };
        let cell = format!("{}{}", columns.letters(*first), place.number());
        Problem {
            key: (Self::index(place), place.number(), *first),
            cell,
            field: headings.to_owned(),
            ..self.of_line(place, message)
        }
    }
}

/// In the order of the file.
pub(super) fn sort(problems: &mut [Problem]) {
    problems.sort_by_key(|problem| problem.key);
}

/// Reads a file of at most so many bytes. An error says in French why it cannot be used at all.
pub(super) fn read(bytes: Vec<u8>, most: u64, fill: &Fill) -> Result<Contents, String> {
    let opened = file::of_bytes(bytes, Bounds::of_uploads(most)).map_err(|error| match error {
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
            table.read(&Headings::default(), &mut |place, row| reading.row(place, row))
        }
    };
    read.map_err(|error| broken(&error))?;
    let mut contents = reading.contents;
    if contents.lines.len() > ROWS_MAX {
        let most = french::thousands(ROWS_MAX as u64);
        return Err(format!(
            "Ce fichier contient plus de {most} comptes-rendus : partagez-le en plusieurs fichiers."
        ));
    }
    if contents.lines.is_empty() && contents.problems.is_empty() {
        return Err(
            "Ce fichier ne contient aucun compte-rendu : remplissez une ligne sous les titres des colonnes."
                .to_owned(),
        );
    }
    contents.find_other_contents_of_one_id();
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
    /// Refuses a table without the columns of a CRA, and notes those that are not read.
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
                    slip.found, slip.meant
                ));
            }
            self.contents.unread.extend(columns.unread().into_iter().map(str::to_owned));
        }
        Ok(())
    }

    fn row(&mut self, place: Place, row: Result<Row, RowFault>) -> ControlFlow<()> {
        let (row, faults) = match row {
            Ok(row) => (row, Vec::new()),
            Err(RowFault::Cells { faults, readable }) => (*readable, faults),
            Err(RowFault::Whole(fault)) => {
                let problem = self.contents.sheets.of_line(place, fault.french());
                self.contents.problems.push(problem);
                return ControlFlow::Continue(());
            }
        };
        let row = Row { cra: filled(row.cra, self.fill), ..row };
        let recordable = self.ids.recordable(row);
        for fault in &faults {
            let problem = self.contents.sheets.of_cell(place, fault.clone());
            self.contents.problems.push(problem);
        }
        self.take(place, recordable, faults)
    }

    fn item(&mut self, item: Item<Recordable>) -> ControlFlow<()> {
        let message = match item.content {
            Ok(recordable) => return self.take(item.place, recordable, Vec::new()),
            Err(Unsent::Unreadable(problem)) if problem == OLDER_DOCUMENT => {
                "C'est un document de l'ancien système : confiez-le à votre administrateur.".to_owned()
            }
            Err(unsent) => format!("Ce n'est pas un compte-rendu en JSON ({unsent})."),
        };
        let problem = self.contents.sheets.of_line(item.place, message);
        self.contents.problems.push(problem);
        ControlFlow::Continue(())
    }

    fn take(&mut self, place: Place, recordable: Recordable, faults: Vec<CellFault>) -> ControlFlow<()> {
        match recordable {
            Recordable::Submission(mut request) => {
                request.cra = request.cra.map(|cra| filled(cra, self.fill));
                request.validate_only = false;
                self.contents.lines.push(Line { place, request: *request, faults });
            }
            Recordable::OlderForm { .. } => {
                let message = "Ce compte-rendu a été saisi avec un formulaire plus ancien, et il est déjà compté : retirez cette ligne.";
                let problem = self.contents.sheets.of_line(place, message);
                self.contents.problems.push(problem);
            }
        }
        let is_full = self.contents.lines.len() > ROWS_MAX;
        if is_full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// Before an id follows from the row: with these cells filled in, the row has the same id.
fn filled(mut cra: v1::Cra, fill: &Fill) -> v1::Cra {
    for (text, known) in [(&mut cra.advisor_id, &fill.advisor), (&mut cra.structure_id, &fill.structure)] {
        if text.is_empty() {
            text.clone_from(known);
        }
    }
    cra
}

impl Contents {
    /// One id with two contents: the service would record the first and refuse the second.
    fn find_other_contents_of_one_id(&mut self) {
        let mut first: HashMap<&str, &Line> = HashMap::new();
        let mut problems = Vec::new();
        for line in self.lines.iter().filter(|line| !line.request.cra_id.is_empty()) {
            let known = first.entry(&line.request.cra_id).or_insert(line);
            if known.request.cra != line.request.cra {
                let other = self.sheets.line(known.place);
                let message =
                    format!("porte le même identifiant qu'un autre compte-rendu de ce fichier ({other}).");
                problems.push(self.sheets.of_path(line.place, "cra_id", message));
            }
        }
        self.problems.append(&mut problems);
    }
}
