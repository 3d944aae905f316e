//! What a file is about: the selection, the state of the log it shows, and on demand what its figures mean. In French,
//! for whoever opens the file a year later.

use std::io;

use cra_contracts::v1;
use cra_domain::event::timestamp;
use cra_domain::french;
use jiff::Timestamp;
use rust_xlsxwriter::Workbook;

use super::cell::{Column, Kind};
use super::definitions::Definition;
use super::file_name::Content;
use super::{selection, xlsx};

const SHEET: &str = "Définitions";

/// What a file is about.
#[derive(Clone, Debug)]
pub struct About {
    /// What it holds.
    pub content: Content,
    /// Of which CRAs.
    pub selection: v1::Selection,
    /// As the log stood.
    pub snapshot: v1::Snapshot,
}

struct Line {
    heading: &'static str,
    code: &'static str,
    label: String,
    text: String,
}

impl Line {
    fn new(heading: &'static str, label: impl Into<String>, text: impl Into<String>) -> Self {
        Self { heading, code: "", label: label.into(), text: text.into() }
    }
}

impl About {
    /// The file's title.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{}, {}", self.content.title(), selection::period(&self.selection))
    }

    /// The time of the log; `None` of the empty log.
    #[must_use]
    pub fn recorded_at(&self) -> Option<Timestamp> {
        timestamp("recorded_at", self.snapshot.recorded_at.as_ref()).ok()
    }

    /// Adds the sheet that says all this.
    pub(super) fn add_to(&self, workbook: &mut Workbook, definitions: &[Definition]) -> io::Result<()> {
        let mut lines: Vec<Line> = definitions
            .iter()
            .map(|definition| Line {
                heading: definition.section,
                code: definition.code,
                label: definition.label.to_owned(),
                text: definition.meaning.to_owned(),
            })
            .collect();
        lines.push(Line::new("selection", "Contenu", self.content.title()));
        for (label, text) in selection::in_french(&self.selection) {
            lines.push(Line::new("selection", label, text));
        }
        lines.extend(self.state());
        let columns = [
            Column::required("section", Kind::Text, |line: &Line| line.heading.into()),
            Column::required("code", Kind::Text, |line: &Line| line.code.into()),
            Column::required("libelle", Kind::Text, |line: &Line| line.label.as_str().into()),
            Column::required("texte", Kind::Text, |line: &Line| line.text.as_str().into()),
        ];
        xlsx::add_short_table(workbook, SHEET, &columns, &lines)?;
        Ok(())
    }

    fn state(&self) -> [Line; 4] {
        let recorded_at = self.recorded_at().map_or_else(|| "journal vide".to_owned(), french::moment);
        [
            Line::new("etat", "Position du journal", self.snapshot.position.to_string()),
            Line::new("etat", "Dernier enregistrement compté", recorded_at),
            Line::new("etat", "Génération", self.snapshot.generation.as_str()),
            Line::new("etat", "Version des définitions", self.snapshot.definitions.as_str()),
        ]
    }
}
