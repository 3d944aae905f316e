//! Many corrections or withdrawals from a file, with the report of `cra submit`.
//!
//! Exit code 0 if every change is recorded, 1 if some were refused, 2 if the command could not finish.

use std::path::Path;

use anyhow::Context as _;

use super::super::{CommandResult, Outcome, progress};
use crate::output::Output;
use crate::render;
use crate::render::submission::Work;
use crate::submission::Tally;
use crate::submission::changes::Change;
use crate::submission::changes::send::{Sender, send_all};
use crate::submission::file::{self, Content, Items};
use crate::submission::source::Parse;
use crate::submission::table::columns::Column;
use crate::submission::table::row::Row;

/// The parameters that all changes of a file share.
pub(crate) struct Many<'a> {
    pub(crate) file: &'a Path,
    /// For changes without a reason.
    pub(crate) reason: &'a str,
    pub(crate) work: Work,
    pub(crate) json: bool,
}

impl Many<'_> {
    /// Sends every change of the file.
    pub(crate) async fn send(
        &self,
        sender: &Sender,
        parse: Parse<Change>,
        of_row: fn(Row) -> Result<Change, String>,
        output: &mut Output,
    ) -> CommandResult {
        let opened = file::open_any(self.file)?;
        self.check(opened.content())?;
        let bar = progress::bar(opened.length());
        let (Items { items, ended }, headings) = file::items_of_any(opened, parse, of_row);
        let (mut tally, style) = (Tally::default(), output.style());
        let sent = send_all(sender, self.reason, items, &mut tally, |reported, tally| {
            progress::advance(&bar, reported.bytes_read, tally);
            let text = if self.json {
                cra_contracts::json::line(&render::submission::json(reported, self.work)) + "\n"
            } else {
                render::submission::refused_under(&headings, reported, style)
            };
            bar.suspend(|| output.write(&text))
        });
        let sent = sent.await;
        bar.finish_and_clear();
        let summary = render::submission::summary(&tally, self.work, style);
        output.aside(self.json, &summary)?;
        sent?;
        if let Ok(read) = ended.await {
            read.with_context(|| format!("{} could not be read to its end", self.file.display()))?;
        }
        anyhow::ensure!(tally.reported() > 0, "{} holds no change", self.file.display());
        Ok(if tally.all_received() { Outcome::Done } else { Outcome::SomeRefused })
    }

    /// A row that corrects a CRA replaces its whole content: a missing column would delete its field.
    fn check(&self, content: &Content) -> anyhow::Result<()> {
        let Content::Table(table) = content else { return Ok(()) };
        for columns in table.columns() {
            let mut missing = if self.work == Work::Correct { columns.missing() } else { Vec::new() };
            if !columns.has(Column::CraId) {
                missing.insert(0, "cra_id");
            }
            anyhow::ensure!(
                missing.is_empty(),
                "{} is a table without the columns {}; `cra export cras` writes one with all of them",
                self.file.display(),
                missing.join(", ")
            );
        }
        Ok(())
    }
}
