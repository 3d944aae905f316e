//! The description of a file: content, selection, snapshot, and optionally the meaning of its figures. In French, for
//! readers who open the file much later.

use cra_contracts::{json, v1};
use cra_domain::event::timestamp;
use cra_domain::french;
use cra_domain::selection::{Restriction, period, restrictions};
use jiff::Timestamp;

use super::content::Content;

/// Description of a file.
#[derive(Clone, Debug)]
pub struct About {
    /// What the file contains.
    pub content: Content,
    /// Selection of the CRAs or figures.
    pub selection: v1::Selection,
    /// Snapshot that they are of.
    pub snapshot: v1::Snapshot,
}

/// One line of the description.
pub(super) struct Entry {
    /// Machine-readable form: a code, an ISO 8601 interval or instant; for the position only the word.
    pub(super) code: String,
    /// French name.
    pub(super) label: &'static str,
    /// French text.
    pub(super) text: String,
    /// The position, if it is that line.
    pub(super) number: Option<u64>,
}

impl Entry {
    fn new(code: impl Into<String>, label: &'static str, text: impl Into<String>) -> Self {
        Self { code: code.into(), label, text: text.into(), number: None }
    }
}

impl About {
    /// The file's title.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{}, {}", self.content.title(), period(&self.selection))
    }

    /// The log's time; `None` for an empty log.
    #[must_use]
    pub fn recorded_at(&self) -> Option<Timestamp> {
        timestamp("recorded_at", self.snapshot.recorded_at.as_ref()).ok()
    }

    /// The snapshot, in one sentence.
    pub(super) fn state(&self) -> String {
        match self.recorded_at() {
            Some(recorded_at) => format!(
                "Arrêté à la position {} du journal, enregistrée le {}",
                self.snapshot.position,
                french::moment(recorded_at)
            ),
            None => "Arrêté au journal vide".to_owned(),
        }
    }

    /// The selection in words: a line per field, each with a few values.
    pub(super) fn restrictions(&self, values_max: usize) -> Vec<String> {
        let line =
            |restriction: &Restriction| format!("{} : {}", restriction.label(), restriction.text(values_max));
        restrictions(&self.selection).iter().map(line).collect()
    }

    /// The whole description: content, days, a line per value of the selection, snapshot.
    pub(super) fn entries(&self) -> Vec<Entry> {
        let mut entries = vec![
            Entry::new(self.content.slug(), "Contenu", self.content.title()),
            Entry::new(interval(&self.selection), "Période", period(&self.selection)),
        ];
        for restriction in restrictions(&self.selection) {
            for value in restriction.values {
                let text = if value.label.is_empty() { value.code.clone() } else { value.label };
                entries.push(Entry::new(value.code, restriction.one, text));
            }
        }
        entries.extend(self.snapshot());
        entries
    }

    pub(super) fn snapshot(&self) -> [Entry; 4] {
        let v1::Snapshot { position, generation, definitions, .. } = &self.snapshot;
        let recorded_at = self.recorded_at();
        let code = recorded_at.map(|at| at.to_string()).unwrap_or_default();
        let text = recorded_at.map_or_else(|| "journal vide".to_owned(), french::moment);
        [
            Entry { number: Some(*position), ..Entry::new("position", "Position du journal", "") },
            Entry::new(code, "Dernier enregistrement compté", text),
            Entry::new(generation.as_str(), "Génération", generation.as_str()),
            Entry::new(definitions.as_str(), "Version des définitions", definitions.as_str()),
        ]
    }

    /// The description as key-value pairs, for the metadata of a file.
    #[must_use]
    pub fn metadata(&self) -> Vec<(&'static str, String)> {
        let v1::Snapshot { position, generation, definitions, .. } = &self.snapshot;
        let words: Vec<_> = std::iter::once(format!("Période : {}", period(&self.selection)))
            .chain(self.restrictions(usize::MAX))
            .collect();
        vec![
            ("cra.contenu", self.content.title()),
            ("cra.selection", words.join(" ; ")),
            ("cra.selection.json", json::to_value(&self.selection).to_string()),
            ("cra.position", position.to_string()),
            ("cra.enregistre_le", self.recorded_at().map(|at| at.to_string()).unwrap_or_default()),
            ("cra.generation", generation.clone()),
            ("cra.definitions", definitions.clone()),
        ]
    }
}

/// The days as an ISO 8601 interval, with `..` for an open end.
pub(super) fn interval(selection: &v1::Selection) -> String {
    let bound = |day: &str| if day.is_empty() { "..".to_owned() } else { day.to_owned() };
    format!("{}/{}", bound(&selection.from), bound(&selection.to))
}
