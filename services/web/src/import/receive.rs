//! Reads the form with the file: first its texts, then the file, within a bound on bytes and time.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use multer::{Constraints, Field, Multipart, SizeLimit};
use tokio::time::timeout;

use super::upload::{ADVISOR, FILE, STRUCTURE, Upload, shown_name};
use crate::app::App;
use crate::fault::Fault;
use crate::forms::TOKEN_FIELD;

/// Time limit for a file of the largest size over a slow line: 28 KiB a second.
const UPLOAD_TIMEOUT: Duration = Duration::from_mins(5);
/// Upper bound on the bytes of each text of the form.
const TEXT_BYTES_MAX: u64 = 1_024;
/// Bytes of a refused body that are read and dropped, so that the browser finishes sending and shows the answer.
const DROPPED_BYTES_MAX: u64 = 64 * 1_024 * 1_024;

/// Reads the form. Keeps its texts even if the file is refused.
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

    /// Accepts the file if the form's token is valid; otherwise reads it to its end and drops it.
    async fn file(&mut self, app: &App, headers: &HeaderMap, mut field: Field<'_>) -> Result<(), Fault> {
        self.name = shown_name(field.file_name().unwrap_or_default());
        let admitted = || {
            app.forms().check(headers, &self.token)?;
            app.upload_permit()
        };
        match admitted() {
            // A second file in a form replaces the first.
            Ok(permit) => {
                self.bytes.clear();
                self.permit = Some(permit);
            }
            Err(fault) => self.refuse(fault),
        }
        let limit = usize::try_from(app.upload_bytes()).unwrap_or(usize::MAX);
        while let Some(chunk) = field.chunk().await.map_err(|error| fault(&error))? {
            if self.refused.is_some() {
                continue;
            }
            if self.bytes.len().saturating_add(chunk.len()) > limit {
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
