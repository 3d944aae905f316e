//! A received form with a file.

use tokio::sync::OwnedSemaphorePermit;

use crate::caller::Caller;
use crate::fault::Fault;
use crate::forms::Fields;
use crate::names::{Kind, Names};

/// The fields of the form.
pub(super) const ADVISOR: &str = "conseiller";
pub(super) const STRUCTURE: &str = "structure";
pub(super) const FILE: &str = "fichier";

/// Upper bound on the characters of a file's name that are shown.
const NAME_CHARACTERS_MAX: usize = 120;

/// Default advisor and structure of rows that name none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fill {
    pub(super) advisor: String,
    pub(super) structure: String,
}

impl Fill {
    /// Reads the defaults from an address or a form.
    pub(super) fn of(fields: &Fields) -> Self {
        Self { advisor: fields.first(ADVISOR).to_owned(), structure: fields.first(STRUCTURE).to_owned() }
    }

    /// Replaces each name by its id. An error names a text that means several.
    pub(super) fn name_ids(&mut self, names: &Names) -> Result<(), String> {
        for (kind, text) in [(Kind::Advisor, &mut self.advisor), (Kind::Structure, &mut self.structure)] {
            *text =
                names.find(kind, text).map_err(|expected| format!("«\u{a0}{text}\u{a0}» : {expected}."))?;
        }
        Ok(())
    }

    /// Fills in empty defaults from the caller's perimeter.
    pub(super) fn complete(&mut self, caller: &Caller) {
        caller.complete(&mut self.advisor, &mut self.structure);
    }
}

/// A received form with a file.
#[derive(Default)]
pub(super) struct Upload {
    /// Name of the file as the browser sent it, for display.
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    pub(super) fill: Fill,
    /// Why the file is refused.
    pub(super) refused: Option<Fault>,
    /// Permit that is held while the file is in memory.
    pub(super) permit: Option<OwnedSemaphorePermit>,
    pub(super) token: String,
}

impl Upload {
    /// Drops the bytes of the file that were read.
    pub(super) fn refuse(&mut self, fault: Fault) {
        self.refused.get_or_insert(fault);
        (self.bytes, self.permit) = (Vec::new(), None);
    }
}

/// The name without the folders that some browsers send, truncated to one line.
pub(super) fn shown_name(sent: &str) -> String {
    let name = sent.rsplit(['/', '\\']).next().unwrap_or_default();
    name.chars().filter(|c| !c.is_control()).take(NAME_CHARACTERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_shown_without_folders_and_bounded() {
        assert_eq!(shown_name("C:\\fakepath\\mars.xlsx"), "mars.xlsx");
        assert_eq!(shown_name("../../etc/passwd"), "passwd");
        assert_eq!(shown_name("a\u{7}b.csv"), "ab.csv");
        assert_eq!(shown_name(&"é".repeat(500)).chars().count(), NAME_CHARACTERS_MAX);
    }

    #[test]
    fn the_perimeter_fills_in_what_is_left_empty() {
        let mut fill = Fill { advisor: "a-2".to_owned(), ..Fill::default() };
        let caller =
            Caller { subject: String::new(), advisor: "a-1".to_owned(), structure: "s-1".to_owned() };
        fill.complete(&caller);
        assert_eq!((&*fill.advisor, &*fill.structure), ("a-2", "s-1"));
    }
}
