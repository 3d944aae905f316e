//! What a file is of: the content, the selection, the state of the log it shows, and on demand what its figures mean. In
//! French, for those who open the file a year later.

use cra_contracts::{json, v1};
use cra_domain::event::timestamp;
use cra_domain::french;
use cra_domain::selection::{Restriction, period, restrictions};
use jiff::Timestamp;

use super::content::Content;

/// What a file is of.
#[derive(Clone, Debug)]
pub struct About {
    /// What it holds.
    pub content: Content,
    /// Of which CRAs.
    pub selection: v1::Selection,
    /// As the log stood.
    pub snapshot: v1::Snapshot,
}

/// One thing that a file says of itself.
pub(super) struct Said {
    /// In the form of programs: a code, an ISO 8601 interval or instant; of the position the word alone.
    pub(super) code: String,
    /// What it is, in French.
    pub(super) label: &'static str,
    /// In French words.
    pub(super) text: String,
    /// Of the position.
    pub(super) number: Option<u64>,
}

impl Said {
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

    /// The time of the log; `None` of the empty log.
    #[must_use]
    pub fn recorded_at(&self) -> Option<Timestamp> {
        timestamp("recorded_at", self.snapshot.recorded_at.as_ref()).ok()
    }

    /// The state of the log, in one sentence.
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

    /// Which CRAs, in words: a line per field, each with a few values.
    pub(super) fn restrictions(&self, values_max: usize) -> Vec<String> {
        let said =
            |restriction: &Restriction| format!("{} : {}", restriction.label(), restriction.text(values_max));
        restrictions(&self.selection).iter().map(said).collect()
    }

    /// All of it: content, days, a line per value of the selection, the state of the log.
    pub(super) fn said(&self) -> Vec<Said> {
        let mut said = vec![
            Said::new(self.content.slug(), "Contenu", self.content.title()),
            Said::new(interval(&self.selection), "Période", period(&self.selection)),
        ];
        for restriction in restrictions(&self.selection) {
            for value in restriction.values {
                let text = if value.label.is_empty() { value.code.clone() } else { value.label };
                said.push(Said::new(value.code, restriction.one, text));
            }
        }
        said.extend(self.snapshot());
        said
    }

    pub(super) fn snapshot(&self) -> [Said; 4] {
        let v1::Snapshot { position, generation, definitions, .. } = &self.snapshot;
        let recorded_at = self.recorded_at();
        let code = recorded_at.map(|at| at.to_string()).unwrap_or_default();
        let text = recorded_at.map_or_else(|| "journal vide".to_owned(), french::moment);
        [
            Said { number: Some(*position), ..Said::new("position", "Position du journal", "") },
            Said::new(code, "Dernier enregistrement compté", text),
            Said::new(generation.as_str(), "Génération", generation.as_str()),
            Said::new(definitions.as_str(), "Version des définitions", definitions.as_str()),
        ]
    }

    /// The same as pairs of keys and values, for the metadata of a file.
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

/// The days as ISO 8601 writes an interval, `..` where it is open.
pub(super) fn interval(selection: &v1::Selection) -> String {
    let bound = |day: &str| if day.is_empty() { "..".to_owned() } else { day.to_owned() };
    format!("{}/{}", bound(&selection.from), bound(&selection.to))
}
