//! Reads the form with the file: its texts first, then the file, within a bound of bytes and of time.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use multer::{Constraints, Field, Multipart, SizeLimit};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use crate::app::App;
use crate::caller::Caller;
use crate::fault::Fault;
use crate::forms::{Fields, TOKEN_FIELD};
use crate::names::{Kind, Names};

/// The fields of the form.
pub(super) const ADVISOR: &str = "conseiller";
pub(super) const STRUCTURE: &str = "structure";
pub(super) const FILE: &str = "fichier";

/// A file at its largest, over a slow line: 28 KiB a second.
const UPLOAD_TIMEOUT: Duration = Duration::from_mins(5);
/// Bytes of each text of the form.
const TEXT_BYTES_MAX: u64 = 1_024;
/// Bytes of a refused body that are read and dropped, so that the browser has sent it and shows the answer.
const DROPPED_BYTES_MAX: u64 = 64 * 1_024 * 1_024;
/// Characters of a file's name that are shown.
const NAME_CHARACTERS_MAX: usize = 120;

/// What fills in rows that name no advisor or structure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fill {
    pub(super) advisor: String,
    pub(super) structure: String,
}

impl Fill {
    /// As an address or a form has it.
    pub(super) fn of(fields: &Fields) -> Self {
        Self { advisor: fields.first(ADVISOR).to_owned(), structure: fields.first(STRUCTURE).to_owned() }
    }

    /// Puts the id of each name in its place. An error says which text means several.
    pub(super) fn name_ids(&mut self, names: &Names) -> Result<(), String> {
        for (kind, text) in [(Kind::Advisor, &mut self.advisor), (Kind::Structure, &mut self.structure)] {
            *text =
                names.find(kind, text).map_err(|expected| format!("«\u{a0}{text}\u{a0}» : {expected}."))?;
        }
        Ok(())
    }

    /// Takes what is left empty from the caller's perimeter, where it names one.
    pub(super) fn complete(&mut self, caller: &Caller) {
        caller.complete(&mut self.advisor, &mut self.structure);
    }
}

/// A form with a file.
#[derive(Default)]
pub(super) struct Upload {
    /// Of the file, as the browser names it; for people.
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    pub(super) fill: Fill,
    /// Why the file is not taken.
    pub(super) refused: Option<Fault>,
    /// Held while the file is in memory.
    permit: Option<OwnedSemaphorePermit>,
    token: String,
}

/// Reads the form. Its texts are kept where the file is refused.
pub(super) async fn read(app: &App, headers: &HeaderMap, body: Body) -> Upload {
    let mut upload = Upload::default();
    let read = timeout(UPLOAD_TIMEOUT, upload.fields(app, headers, body)).await;
    if let Err(fault) = read.unwrap_or(Err(Fault::TooSlow)) {
        upload.refuse(fault);
    }
    if upload.refused.is_none() && upload.permit.is_none() {
        upload.refused = Some(app.forms().check(headers, &upload.token).err().unwrap_or(Fault::NoFile));
    }
    upload
}

impl Upload {
    async fn fields(&mut self, app: &App, headers: &HeaderMap, body: Body) -> Result<(), Fault> {
        let content_type =
            headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let boundary = multer::parse_boundary(content_type).map_err(|_| Fault::NotAForm)?;
        let sizes = SizeLimit::new().whole_stream(DROPPED_BYTES_MAX);
        let sizes = [TOKEN_FIELD, ADVISOR, STRUCTURE]
            .into_iter()
            .fold(sizes, |sizes, field| sizes.for_field(field, TEXT_BYTES_MAX));
        let constraints =
            Constraints::new().allowed_fields(vec![TOKEN_FIELD, ADVISOR, STRUCTURE, FILE]).size_limit(sizes);
        let mut form = Multipart::with_constraints(body.into_data_stream(), boundary, constraints);
        while let Some(field) = form.next_field().await.map_err(|error| fault(&error))? {
            match field.name() {
                Some(FILE) => self.file(app, headers, field).await?,
                Some(TOKEN_FIELD) => self.token = text(field).await?,
                Some(ADVISOR) => self.fill.advisor = text(field).await?,
                Some(STRUCTURE) => self.fill.structure = text(field).await?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Takes the file where the form is one of these pages; else reads it to its end and drops it.
    async fn file(&mut self, app: &App, headers: &HeaderMap, mut field: Field<'_>) -> Result<(), Fault> {
        self.name = shown_name(field.file_name().unwrap_or_default());
        let admitted = || {
            app.forms().check(headers, &self.token)?;
            app.upload_permit()
        };
        match admitted() {
            // A second file of one form replaces the first.
            Ok(permit) => {
                self.bytes.clear();
                self.permit = Some(permit);
            }
            Err(fault) => self.refuse(fault),
        }
        let most = usize::try_from(app.upload_bytes()).unwrap_or(usize::MAX);
        while let Some(chunk) = field.chunk().await.map_err(|error| fault(&error))? {
            if self.refused.is_some() {
                continue;
            }
            if self.bytes.len().saturating_add(chunk.len()) > most {
                self.refuse(Fault::TooLarge);
            } else {
                self.bytes.extend_from_slice(&chunk);
            }
        }
        if self.refused.is_none() && self.bytes.is_empty() {
            let is_chosen = !self.name.is_empty();
            self.refused = (!is_chosen).then_some(Fault::NoFile);
        }
        Ok(())
    }

    /// Frees what was read of the file.
    fn refuse(&mut self, fault: Fault) {
        self.refused.get_or_insert(fault);
        (self.bytes, self.permit) = (Vec::new(), None);
    }
}

async fn text(field: Field<'_>) -> Result<String, Fault> {
    Ok(field.text().await.map_err(|error| fault(&error))?.trim().to_owned())
}

fn fault(error: &multer::Error) -> Fault {
    match error {
        multer::Error::FieldSizeExceeded { .. } | multer::Error::StreamSizeExceeded { .. } => Fault::TooLarge,
        _ => Fault::NotAForm,
    }
}

/// A name without the folders that some browsers send, and not longer than a line.
fn shown_name(sent: &str) -> String {
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
